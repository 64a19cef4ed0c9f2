/* SPDX-License-Identifier: Apache-2.0 */
#include "check_look.h"

#include <stdio.h>
#include <string.h>

/* What became of a phase, with its mark and its colour. */
static const struct fate {
    const char *mark;
    enum tool_style style;
} well = {"  ", TOOL_STYLE_GREEN}, failed = {"x ", TOOL_STYLE_RED},
  tried_again = {"> ", TOOL_STYLE_YELLOW};

/* A redirect, or an address that a proxy could not reach, is followed by another try. */
static const struct fate *fate_of(const struct check_run *run, const struct check_phase *phase)
{
    if (phase->result == LEAT_OK)
        return &well;
    const struct check_phase *culprit = check_failed_phase(run);
    return culprit && check_try_of(run, phase) == check_try_of(run, culprit) ? &failed
                                                                             : &tried_again;
}

static void print_bar(const struct check_look *look, const struct check_phase *phase,
                      uint64_t from_us, uint64_t total_us, enum tool_style style)
{
    size_t width = look->bar_columns;
    size_t from = (size_t)((phase->start_us - from_us) * width / total_us);
    size_t to = (size_t)((phase->end_us - from_us) * width / total_us);
    if (from >= width)
        from = width - 1;
    if (to <= from)
        to = from + 1;
    if (to > width)
        to = width;
    putchar('|');
    check_print_spaces(from);
    fputs(check_style(style), stdout);
    for (size_t i = from; i < to; i++)
        fputs(look->bar, stdout);
    fputs(check_style(TOOL_STYLE_PLAIN), stdout);
    check_print_spaces(width - to);
    putchar('|');
}

/* With whom, where that is news, and what came of it. */
static void print_info(const struct check_look *look, const struct check_run *run,
                       const struct check_phase *phase)
{
    char text[LEAT_ERROR_HOP_SIZE + sizeof(phase->text) + 64], failure[64];
    size_t taken =
        CHECK_MARK_COLUMNS + look->name_columns + CHECK_TIME_COLUMNS + look->bar_columns + 3;
    const char *what = phase->text;
    bool is_new = phase == run->phases || strcmp(phase->hop, phase[-1].hop) != 0;
    if (strcmp(phase->name, "echo") == 0)
        what = run->echo == CHECK_ECHO_RETURNED ? check_look_word(look, CHECK_WORD_ECHO_RETURNED)
               : run->echo == CHECK_ECHO_PONG_ONLY
                   ? check_look_word(look, CHECK_WORD_ECHO_PONG_ONLY)
                   : "";
    snprintf(failure, sizeof(failure), "%s %d", check_look_word(look, CHECK_WORD_FAILED),
             phase->result);
    if (fate_of(run, phase) == &failed && strcmp(phase->name, "proxy-auth") != 0)
        what = failure;
    const char *hop = is_new && strcmp(phase->hop, what) != 0 ? phase->hop : "";
    snprintf(text, sizeof(text), "%s%s%s", hop, *hop && *what ? "  " : "", what);
    if (*text)
        putchar(' ');
    if (look->is_terminal)
        check_print_clipped(text, look->columns > taken ? look->columns - taken : 1);
    else
        check_print_text(text);
}

static void print_phase(const struct check_look *look, const struct check_run *run,
                        const struct check_phase *phase, uint64_t total_us)
{
    const struct fate *fate = fate_of(run, phase);
    printf("%s%s", check_style(fate == &well ? TOOL_STYLE_PLAIN : fate->style), fate->mark);
    check_print_padded(check_phase_word(phase->name, look->language), look->name_columns);
    printf("%s %9.3f ms ", check_style(TOOL_STYLE_PLAIN),
           check_ms(phase->end_us - phase->start_us));
    print_bar(look, phase, run->phases[0].start_us, total_us, fate->style);
    print_info(look, run, phase);
    putchar('\n');
}

static void print_unreached(const struct check_look *look, const char *name)
{
    printf("%s- ", check_style(TOOL_STYLE_DIM));
    check_print_padded(check_phase_word(name, look->language), look->name_columns);
    printf("  %s%s\n", check_look_word(look, CHECK_WORD_NOT_REACHED),
           check_style(TOOL_STYLE_PLAIN));
}

/* What would have come behind the phase that failed. */
static void print_rest(const struct check_look *look, const struct check_run *run)
{
    static const char *const order[] = {"tcp", "proxy", "tls", "websocket", "echo"};
    const struct check_phase *culprit = check_failed_phase(run);
    if (!culprit || strcmp(culprit->name, "close") == 0)
        return;
    size_t proxies = 0, next = 0;
    for (const struct check_phase *phase = check_try_of(run, culprit); phase <= culprit; phase++)
        proxies += check_phase_is_proxy(phase->name);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (strcmp(culprit->name, order[i]) == 0 || (i == 1 && check_phase_is_proxy(culprit->name)))
            next = i + 1;
    /* TLS to a proxy stands before that proxy. */
    if (proxies < look->plan->proxy_count && next > 1)
        next = 1;
    for (; next < sizeof(order) / sizeof(order[0]); next++) {
        bool is_due = true;
        if (strcmp(order[next], "proxy") == 0)
            is_due = proxies < look->plan->proxy_count;
        else if (strcmp(order[next], "tls") == 0)
            is_due = strncasecmp(look->plan->url, "wss:", 4) == 0;
        else if (strcmp(order[next], "echo") == 0)
            is_due = !look->plan->no_echo;
        if (is_due)
            print_unreached(look, order[next]);
    }
}

void check_print_waterfall(const struct check_look *look, const struct check_run *run)
{
    uint64_t total_us = 1;
    for (size_t i = 0; i < run->phase_count; i++)
        if (run->phases[i].end_us - run->phases[0].start_us > total_us)
            total_us = run->phases[i].end_us - run->phases[0].start_us;
    for (size_t i = 0; i < run->phase_count; i++)
        print_phase(look, run, &run->phases[i], total_us);
    print_rest(look, run);
}

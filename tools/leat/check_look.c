/* SPDX-License-Identifier: Apache-2.0 */
#include "check_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BAR_COLUMNS = 30,
    BAR_COLUMNS_MIN = 10,
    INFO_COLUMNS = 36, /* that the bar leaves on a terminal, if it can */
};

const char *check_look_word(const struct check_look *look, enum check_word which)
{
    return check_word(which, look->language);
}

const char *check_style(enum tool_style which)
{
    return tool_style(stdout, which);
}

static bool locale_is_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static void name_widen(struct check_look *look, const char *name)
{
    size_t columns = tool_text_columns(name);
    if (columns > look->name_columns)
        look->name_columns = columns;
}

static void run_widen(struct check_look *look, const struct check_run *run)
{
    for (size_t i = 0; run && i < run->phase_count; i++)
        name_widen(look, check_phase_word(run->phases[i].name, look->language));
}

struct check_look check_look_make(const struct check_plan *plan, const struct check_way *way,
                                  const struct check_way *other)
{
    struct check_look look = {
        .plan = plan,
        .language = plan->language,
        .is_terminal = tool_is_terminal(stdout),
        .bar = "#",
        .bar_columns = BAR_COLUMNS,
    };
    run_widen(&look, way->first);
    run_widen(&look, other ? other->first : NULL);
    if (way->count > 1 || other)
        name_widen(&look, check_look_word(&look, CHECK_WORD_TOTAL));
    if (way->failed_count > 0 || (other && other->failed_count > 0))
        name_widen(&look, check_look_word(&look, CHECK_WORD_WEBSOCKET));
    if (!look.is_terminal)
        return look;
    if (locale_is_utf8())
        look.bar = "\xe2\x96\x88"; /* a full block */
    look.columns = tool_terminal_columns(stdout);
    size_t taken = CHECK_MARK_COLUMNS + look.name_columns + CHECK_TIME_COLUMNS + 3 + INFO_COLUMNS;
    look.bar_columns =
        look.columns > taken + BAR_COLUMNS_MIN ? look.columns - taken : BAR_COLUMNS_MIN;
    if (look.bar_columns > 2 * BAR_COLUMNS)
        look.bar_columns = 2 * BAR_COLUMNS;
    return look;
}

void check_print_spaces(size_t count)
{
    printf("%*s", (int)count, "");
}

void check_print_padded(const char *text, size_t columns)
{
    size_t own = tool_text_columns(text);
    fputs(text, stdout);
    check_print_spaces(own < columns ? columns - own : 0);
}

void check_print_right(const char *text, size_t columns)
{
    size_t own = tool_text_columns(text);
    check_print_spaces(own < columns ? columns - own : 0);
    fputs(text, stdout);
}

void check_print_text(const char *text)
{
    tool_print_safe(stdout, text, strlen(text));
}

/* What must not run over the end of a terminal's line. */
void check_print_clipped(const char *text, size_t columns)
{
    size_t len = strlen(text);
    if (tool_text_columns(text) > columns) {
        size_t used = 0, at = 0;
        while (at < len) {
            char one[5] = "";
            unsigned character;
            size_t size = tool_utf8_decode(text + at, len - at, &character);
            size = size ? size : 1;
            memcpy(one, text + at, size);
            used += tool_text_columns(one);
            if (used + 3 > columns)
                break;
            at += size;
        }
        tool_print_safe(stdout, text, at);
        fputs("...", stdout);
        return;
    }
    tool_print_safe(stdout, text, len);
}

double check_ms(uint64_t us)
{
    return (double)us / 1000.0;
}

void check_print_heading(const struct check_look *look, enum check_word heading, const char *hop)
{
    printf("\n%s%s%s", check_style(TOOL_STYLE_BOLD), check_look_word(look, heading),
           check_style(TOOL_STYLE_PLAIN));
    if (hop && *hop) {
        fputs("  ", stdout);
        check_print_text(hop);
    }
    putchar('\n');
}

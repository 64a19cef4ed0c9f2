/* SPDX-License-Identifier: Apache-2.0 */
/* What a person reads: the waterfall, what was agreed on, and what to do. */
#include "check.h"
#include "check_words.h"
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MARK_COLUMNS = 2,
    TIME_COLUMNS = 14, /* " 12345.678 ms " */
    BAR_COLUMNS = 30,
    BAR_COLUMNS_MIN = 10,
    INFO_COLUMNS = 36, /* that the bar leaves on a terminal, if it can */
    NUMBER_COLUMNS = 12,
};

/* How it looks; made once. */
struct look {
    const struct check_plan *plan;
    enum leat_language language;
    bool is_terminal;
    size_t columns; /* of the terminal */
    size_t name_columns;
    size_t bar_columns;
    const char *bar;
};

static const char *word(const struct look *look, enum check_word which)
{
    return check_word(which, look->language);
}

static const char *style(enum tool_style which)
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

static void name_widen(struct look *look, const char *name)
{
    size_t columns = tool_text_columns(name);
    if (columns > look->name_columns)
        look->name_columns = columns;
}

static void run_widen(struct look *look, const struct check_run *run)
{
    for (size_t i = 0; run && i < run->phase_count; i++)
        name_widen(look, check_phase_word(run->phases[i].name, look->language));
}

static struct look look_make(const struct check_plan *plan, const struct check_way *way,
                             const struct check_way *other)
{
    struct look look = {
        .plan = plan,
        .language = plan->language,
        .is_terminal = tool_is_terminal(stdout),
        .bar = "#",
        .bar_columns = BAR_COLUMNS,
    };
    run_widen(&look, way->first);
    run_widen(&look, other ? other->first : NULL);
    if (way->count > 1 || other)
        name_widen(&look, word(&look, CHECK_WORD_TOTAL));
    if (way->failed_count > 0 || (other && other->failed_count > 0))
        name_widen(&look, word(&look, CHECK_WORD_WEBSOCKET));
    if (!look.is_terminal)
        return look;
    if (locale_is_utf8())
        look.bar = "\xe2\x96\x88"; /* a full block */
    look.columns = tool_terminal_columns(stdout);
    size_t taken = MARK_COLUMNS + look.name_columns + TIME_COLUMNS + 3 + INFO_COLUMNS;
    look.bar_columns =
        look.columns > taken + BAR_COLUMNS_MIN ? look.columns - taken : BAR_COLUMNS_MIN;
    if (look.bar_columns > 2 * BAR_COLUMNS)
        look.bar_columns = 2 * BAR_COLUMNS;
    return look;
}

/* ---- pieces ----------------------------------------------------------------------------- */

static void print_spaces(size_t count)
{
    printf("%*s", (int)count, "");
}

static void print_padded(const char *text, size_t columns)
{
    size_t own = tool_text_columns(text);
    fputs(text, stdout);
    print_spaces(own < columns ? columns - own : 0);
}

static void print_right(const char *text, size_t columns)
{
    size_t own = tool_text_columns(text);
    print_spaces(own < columns ? columns - own : 0);
    fputs(text, stdout);
}

static void print_text(const char *text)
{
    tool_print_safe(stdout, text, strlen(text));
}

/* What must not run over the end of a terminal's line. */
static void print_clipped(const char *text, size_t columns)
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

static double ms(uint64_t us)
{
    return (double)us / 1000.0;
}

static void print_date(int64_t seconds)
{
    char text[32] = "?";
    time_t time = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&time, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    fputs(text, stdout);
}

static void print_heading(const struct look *look, enum check_word heading, const char *hop)
{
    printf("\n%s%s%s", style(TOOL_STYLE_BOLD), word(look, heading), style(TOOL_STYLE_PLAIN));
    if (hop && *hop) {
        fputs("  ", stdout);
        print_text(hop);
    }
    putchar('\n');
}

/* ---- the waterfall ---------------------------------------------------------------------- */

static void print_bar(const struct look *look, const struct check_phase *phase, uint64_t from_us,
                      uint64_t total_us)
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
    print_spaces(from);
    fputs(style(phase->result == LEAT_OK ? TOOL_STYLE_GREEN : TOOL_STYLE_RED), stdout);
    for (size_t i = from; i < to; i++)
        fputs(look->bar, stdout);
    fputs(style(TOOL_STYLE_PLAIN), stdout);
    print_spaces(width - to);
    putchar('|');
}

/* With whom, where that is news, and what came of it. */
static void print_info(const struct look *look, const struct check_run *run,
                       const struct check_phase *phase)
{
    char text[LEAT_ERROR_HOP_SIZE + sizeof(phase->text) + 64], failure[64];
    size_t taken = MARK_COLUMNS + look->name_columns + TIME_COLUMNS + look->bar_columns + 3;
    const char *what = phase->text;
    bool is_new = phase == run->phases || strcmp(phase->hop, phase[-1].hop) != 0;
    if (strcmp(phase->name, "echo") == 0)
        what = run->echo == CHECK_ECHO_RETURNED    ? word(look, CHECK_WORD_ECHO_RETURNED)
               : run->echo == CHECK_ECHO_PONG_ONLY ? word(look, CHECK_WORD_ECHO_PONG_ONLY)
                                                   : "";
    snprintf(failure, sizeof(failure), "%s %d", word(look, CHECK_WORD_FAILED), phase->result);
    if (phase->result != LEAT_OK)
        what = failure;
    const char *hop = is_new && strcmp(phase->hop, what) != 0 ? phase->hop : "";
    snprintf(text, sizeof(text), "%s%s%s", hop, *hop && *what ? "  " : "", what);
    if (*text)
        putchar(' ');
    if (look->is_terminal)
        print_clipped(text, look->columns > taken ? look->columns - taken : 1);
    else
        print_text(text);
}

static void print_phase(const struct look *look, const struct check_run *run,
                        const struct check_phase *phase, uint64_t total_us)
{
    bool failed = phase->result != LEAT_OK;
    printf("%s%s", style(failed ? TOOL_STYLE_RED : TOOL_STYLE_PLAIN), failed ? "x " : "  ");
    print_padded(check_phase_word(phase->name, look->language), look->name_columns);
    printf("%s %9.3f ms ", style(TOOL_STYLE_PLAIN), ms(phase->end_us - phase->start_us));
    print_bar(look, phase, run->phases[0].start_us, total_us);
    print_info(look, run, phase);
    putchar('\n');
}

static void print_unreached(const struct look *look, const char *name)
{
    printf("%s- ", style(TOOL_STYLE_DIM));
    print_padded(check_phase_word(name, look->language), look->name_columns);
    printf("  %s%s\n", word(look, CHECK_WORD_NOT_REACHED), style(TOOL_STYLE_PLAIN));
}

static bool is_proxy(const struct check_phase *phase)
{
    return strcmp(phase->name, "socks5") == 0 || strcmp(phase->name, "http-proxy") == 0;
}

/* What would have come behind the phase that failed. */
static void print_rest(const struct look *look, const struct check_run *run)
{
    static const char *const order[] = {"tcp", "proxy", "tls", "websocket", "echo"};
    const struct check_phase *failed = check_failed_phase(run);
    if (!failed || strcmp(failed->name, "close") == 0)
        return;
    size_t proxies = 0, next = 0;
    for (const struct check_phase *phase = run->phases; phase <= failed; phase++)
        proxies += is_proxy(phase);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (strcmp(failed->name, order[i]) == 0 || (i == 1 && is_proxy(failed)))
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

static void print_waterfall(const struct look *look, const struct check_run *run)
{
    uint64_t total_us = 1;
    for (size_t i = 0; i < run->phase_count; i++)
        if (run->phases[i].end_us - run->phases[0].start_us > total_us)
            total_us = run->phases[i].end_us - run->phases[0].start_us;
    for (size_t i = 0; i < run->phase_count; i++)
        print_phase(look, run, &run->phases[i], total_us);
    print_rest(look, run);
}

/* ---- what was found --------------------------------------------------------------------- */

static void print_addresses(const struct look *look, const struct check_run *run)
{
    size_t columns = 0;
    for (size_t i = 0; i < run->address_count; i++)
        if (strlen(run->addresses[i].address) > columns)
            columns = strlen(run->addresses[i].address);
    for (size_t i = 0; i < run->address_count; i++) {
        const struct check_address *address = &run->addresses[i];
        if (i == 0 || strcmp(address->hop, run->addresses[i - 1].hop) != 0)
            print_heading(look, CHECK_WORD_ADDRESSES, address->hop);
        printf("  ");
        print_padded(address->address, columns);
        printf(" %9.3f ms  ", ms(address->end_us - address->start_us));
        if (address->result == LEAT_OK)
            printf("%s%s%s\n", style(TOOL_STYLE_GREEN), word(look, CHECK_WORD_ADDRESS_USED),
                   style(TOOL_STYLE_PLAIN));
        else if (address->result == LEAT_E_SOCKET_BASE + ECANCELED)
            printf("%s\n", word(look, CHECK_WORD_ADDRESS_SLOWER));
        else
            printf("%s%s%s\n", style(TOOL_STYLE_RED), address->text, style(TOOL_STYLE_PLAIN));
    }
}

static void print_tls(const struct look *look, const struct check_run *run)
{
    for (size_t i = 0; i < run->tls_count; i++) {
        const struct check_tls *tls = &run->tls[i];
        print_heading(look, CHECK_WORD_TLS, tls->hop);
        printf("  %s  %s", tls->protocol, tls->cipher);
        if (tls->group[0])
            printf("  %s", tls->group);
        if (tls->signature_algorithm[0])
            printf("  %s", tls->signature_algorithm);
        if (tls->alpn[0])
            fputs("  ALPN ", stdout);
        print_text(tls->alpn);
        printf("  %s%s%s\n", style(tls->resumed ? TOOL_STYLE_GREEN : TOOL_STYLE_PLAIN),
               word(look, tls->resumed ? CHECK_WORD_RESUMED : CHECK_WORD_FULL_HANDSHAKE),
               style(TOOL_STYLE_PLAIN));
    }
}

static void print_days(const struct look *look, int64_t left)
{
    /* -1 is the day in which it expired. */
    int64_t days = left >= 0 ? left : -left - 1;
    if (left >= 0 && days == 1)
        fputs(word(look, CHECK_WORD_DAY_LEFT), stdout);
    else if (left >= 0)
        printf(word(look, CHECK_WORD_DAYS_LEFT), (long long)days);
    else if (days <= 1)
        fputs(word(look, days == 0 ? CHECK_WORD_EXPIRED_JUST_NOW : CHECK_WORD_EXPIRED_DAY_AGO),
              stdout);
    else
        printf(word(look, CHECK_WORD_EXPIRED_DAYS_AGO), (long long)days);
}

static void print_validity(const struct look *look, const struct check_certificate *certificate)
{
    int64_t days = check_days_left(certificate);
    bool is_soon = days >= 0 && days < CHECK_EXPIRES_SOON_DAYS;
    fputs(style(days < 0  ? TOOL_STYLE_RED
                : is_soon ? TOOL_STYLE_YELLOW
                          : TOOL_STYLE_PLAIN),
          stdout);
    print_date(certificate->not_before);
    fputs(" - ", stdout);
    print_date(certificate->not_after);
    fputs(", ", stdout);
    print_days(look, days);
    if (is_soon)
        printf(", %s", word(look, CHECK_WORD_EXPIRES_SOON));
    fputs(style(TOOL_STYLE_PLAIN), stdout);
}

static void print_certificate(const struct look *look, const struct check_certificate *certificate)
{
    printf("  %zu  ", certificate->depth);
    print_text(certificate->subject);
    printf("\n     ");
    print_validity(look, certificate);
    printf("\n     %s %u", certificate->key_type, certificate->key_bits);
    if (!certificate->verified)
        printf(", %s", word(look, CHECK_WORD_NOT_VERIFIED));
    printf("\n     %s ", word(look, CHECK_WORD_ISSUER));
    print_text(certificate->issuer);
    printf(", %s\n", certificate->signature);
    if (certificate->depth == 0 && certificate->names[0]) {
        printf("     %s ", word(look, CHECK_WORD_NAMES));
        print_text(certificate->names);
        putchar('\n');
    }
    if (certificate->problem[0]) {
        printf("   %sx ", style(TOOL_STYLE_RED));
        print_text(certificate->problem);
        printf("%s\n", style(TOOL_STYLE_PLAIN));
    }
}

/* They were told from the top down; people begin with the server's own. */
static void print_certificates(const struct look *look, const struct check_run *run)
{
    size_t end = 0;
    for (size_t start = 0; start < run->certificate_count; start = end) {
        for (end = start + 1; end < run->certificate_count &&
                              run->certificates[end].depth < run->certificates[end - 1].depth;
             end++)
            ;
        print_heading(look, CHECK_WORD_CERTIFICATES, run->certificates[start].hop);
        for (size_t i = end; i-- > start;)
            print_certificate(look, &run->certificates[i]);
    }
}

static void print_websocket(const struct look *look, const struct check_run *run)
{
    if (!run->subprotocol[0] && !run->compressed)
        return;
    print_heading(look, CHECK_WORD_WEBSOCKET, NULL);
    if (run->subprotocol[0])
        printf("  %s %s\n", word(look, CHECK_WORD_SUBPROTOCOL), run->subprotocol);
    if (run->compressed)
        printf("  permessage-deflate, %s\n", word(look, CHECK_WORD_COMPRESSED));
}

static void print_library(const struct look *look)
{
    print_heading(look, CHECK_WORD_LIBRARY, NULL);
    printf("  leat %s, %s\n", leat_version(), leat_tls_backend());
}

/* ---- what is wrong ---------------------------------------------------------------------- */

static void print_label(const struct look *look, const char *label)
{
    size_t columns = look->language == LEAT_LANGUAGE_ZH ? 4 : 7;
    printf("  %s", style(TOOL_STYLE_DIM));
    print_padded(label, columns);
    printf("%s  ", style(TOOL_STYLE_PLAIN));
}

/* A list, one below the other. */
static void print_lines(const struct look *look, enum check_word label, const char *lines)
{
    for (const char *shown = word(look, label); *lines; shown = "") {
        size_t len = strcspn(lines, "\n");
        print_label(look, shown);
        printf("- %.*s\n", (int)len, lines);
        lines += len + (lines[len] == '\n');
    }
}

static void print_diagnosis(const struct look *look, const struct check_run *run)
{
    const struct leat_error *error = &run->error;
    const struct check_phase *phase = check_failed_phase(run);
    const char *at =
        phase ? check_phase_word(phase->name, look->language) : leat_layer_name(error->layer);
    printf("\n%s%s %s", style(TOOL_STYLE_RED), word(look, CHECK_WORD_FAILED_AT), at);
    if (error->hop[0]) {
        fputs(" (", stdout);
        print_text(error->hop);
        fputs(")", stdout);
    }
    printf(": %d %s%s\n", error->code, leat_strerror(error->code), style(TOOL_STYLE_PLAIN));
    print_label(look, word(look, CHECK_WORD_MEANING));
    printf("%s\n", leat_code_description(error->code, look->language));
    if (error->text[0]) {
        print_label(look, word(look, CHECK_WORD_DETAIL));
        print_text(error->text);
        putchar('\n');
    }
    if (error->sys_errno) {
        print_label(look, word(look, CHECK_WORD_SYS_ERRNO));
        printf("%d %s\n", error->sys_errno, leat_errno_name(error->sys_errno));
    }
    if (error->native_code) {
        print_label(look, word(look, CHECK_WORD_NATIVE));
        printf("%d\n", error->native_code);
    }
    print_lines(look, CHECK_WORD_CAUSE, leat_code_causes(error->code, look->language));
    print_lines(look, CHECK_WORD_REMEDY, leat_code_remedies(error->code, look->language));
}

/* ---- many connections ------------------------------------------------------------------- */

static void print_numbers_head(const struct look *look, const enum check_word *heads, size_t count)
{
    printf("%s", style(TOOL_STYLE_DIM));
    print_spaces(MARK_COLUMNS + look->name_columns);
    for (size_t i = 0; i < count; i++)
        print_right(word(look, heads[i]), NUMBER_COLUMNS);
    printf("%s\n", style(TOOL_STYLE_PLAIN));
}

static void print_statistics_row(const struct look *look, const char *name,
                                 const struct check_statistics *statistics)
{
    const uint64_t values[] = {statistics->median_us, statistics->p99_us, statistics->min_us,
                               statistics->max_us};
    if (statistics->count == 0)
        return;
    print_spaces(MARK_COLUMNS);
    print_padded(name, look->name_columns);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        printf("%*.3f", NUMBER_COLUMNS, ms(values[i]));
    printf("%*zu\n", NUMBER_COLUMNS, statistics->count);
}

static void print_statistics(const struct look *look, const struct check_way *way)
{
    static const enum check_word heads[] = {CHECK_WORD_MEDIAN, CHECK_WORD_P99, CHECK_WORD_MIN,
                                            CHECK_WORD_MAX, CHECK_WORD_COUNT};
    struct check_statistics statistics;
    putchar('\n');
    printf(word(look, CHECK_WORD_REPEATED), way->count, way->resumed_count, way->failed_count);
    printf(" (ms)\n");
    print_numbers_head(look, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < way->series_count; i++)
        if (check_way_statistics(way, i, &statistics))
            print_statistics_row(look, check_phase_word(way->series[i].name, look->language),
                                 &statistics);
    if (check_way_connect_statistics(way, &statistics))
        print_statistics_row(look, word(look, CHECK_WORD_TOTAL), &statistics);
}

void check_print_way(const struct check_plan *plan, const struct check_way *way)
{
    const struct look look = look_make(plan, way, NULL);
    const struct check_run *run = way->first;
    print_waterfall(&look, run);
    print_addresses(&look, run);
    print_tls(&look, run);
    print_certificates(&look, run);
    print_websocket(&look, run);
    print_library(&look);
    if (way->count > 1)
        print_statistics(&look, way);
    if (way->failed && way->failed != run) {
        putchar('\n');
        print_waterfall(&look, way->failed);
    }
    if (way->failed)
        print_diagnosis(&look, way->failed);
}

/* ---- two ways --------------------------------------------------------------------------- */

static void print_cell(const struct check_statistics *statistics)
{
    if (statistics->count == 0)
        print_right("-", NUMBER_COLUMNS);
    else
        printf("%*.3f", NUMBER_COLUMNS, ms(statistics->median_us));
}

static void print_comparison_row(const struct look *look, const char *name,
                                 const struct check_statistics *direct,
                                 const struct check_statistics *proxied)
{
    print_spaces(MARK_COLUMNS);
    print_padded(name, look->name_columns);
    print_cell(direct);
    print_cell(proxied);
    if (direct->count > 0 && proxied->count > 0)
        printf("%+*.3f\n", NUMBER_COLUMNS, ms(proxied->median_us) - ms(direct->median_us));
    else
        putchar('\n');
}

static void print_way_failure(const struct look *look, enum check_word name,
                              const struct check_way *way)
{
    if (!way->failed)
        return;
    print_heading(look, name, NULL);
    print_waterfall(look, way->failed);
    print_diagnosis(look, way->failed);
}

void check_print_comparison(const struct check_plan *plan, const struct check_way *direct,
                            const struct check_way *proxied)
{
    static const enum check_word heads[] = {CHECK_WORD_DIRECT, CHECK_WORD_PROXIED,
                                            CHECK_WORD_DIFFERENCE};
    const struct look look = look_make(plan, direct, proxied);
    const struct check_plan direct_plan = {plan->url, 0, plan->no_echo, plan->language};
    struct look direct_look = look;
    struct check_pair pairs[2 * CHECK_PHASES_MAX];
    struct check_statistics left, right;
    size_t count = check_pair_series(direct, proxied, pairs);
    direct_look.plan = &direct_plan;
    print_numbers_head(&look, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < count; i++) {
        bool is_direct = pairs[i].direct != CHECK_PHASES_MAX;
        const char *name = is_direct ? direct->series[pairs[i].direct].name
                                     : proxied->series[pairs[i].proxied].name;
        left = right = (struct check_statistics){0};
        if ((is_direct && !check_way_statistics(direct, pairs[i].direct, &left)) ||
            (pairs[i].proxied != CHECK_PHASES_MAX &&
             !check_way_statistics(proxied, pairs[i].proxied, &right)))
            return;
        print_comparison_row(&look, check_phase_word(name, look.language), &left, &right);
    }
    if (check_way_connect_statistics(direct, &left) &&
        check_way_connect_statistics(proxied, &right))
        print_comparison_row(&look, word(&look, CHECK_WORD_TOTAL), &left, &right);
    print_way_failure(&direct_look, CHECK_WORD_DIRECT, direct);
    print_way_failure(&look, CHECK_WORD_PROXIED, proxied);
}

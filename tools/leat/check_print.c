/* SPDX-License-Identifier: Apache-2.0 */
/* What a person reads, put together. */
#include "check_look.h"
#include "check_watch.h"
#include "check_suites.h"
#include "report.h"
#include "wrap.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_COLUMNS = 12 };

/* ---- what is wrong ---------------------------------------------------------------------- */

static size_t label_columns(const struct check_look *look)
{
    return look->language == LEAT_LANGUAGE_ZH ? 4 : 7;
}

static void print_label(const struct check_look *look, const char *label)
{
    size_t columns = label_columns(look);
    printf("  %s", check_style(TOOL_STYLE_DIM));
    check_print_padded(label, columns);
    printf("%s  ", check_style(TOOL_STYLE_PLAIN));
}

/* A list, one below the other. */
static void print_lines(const struct check_look *look, enum check_word label, const char *lines)
{
    for (const char *shown = check_look_word(look, label); *lines; shown = "") {
        size_t len = strcspn(lines, "\n");
        print_label(look, shown);
        fputs("- ", stdout);
        tool_print_wrapped(stdout, lines, len, label_columns(look) + 6);
        putchar('\n');
        lines += len + (lines[len] == '\n');
    }
}

static void print_field(const struct check_look *look, enum check_word label, const char *text)
{
    print_label(look, check_look_word(look, label));
    tool_print_wrapped(stdout, text, strlen(text), label_columns(look) + 4);
    putchar('\n');
}

static void print_diagnosis(const struct check_look *look, const struct check_run *run)
{
    char suites[256];
    const struct leat_error *error = &run->error;
    const struct tool_story story = check_story(look->plan, run);
    const struct check_phase *phase = check_failed_phase(run);
    const char *at =
        phase ? check_phase_word(phase->name, look->language) : leat_layer_name(error->layer);
    char head[2 * LEAT_ERROR_HOP_SIZE];
    tool_format(head, sizeof(head), "%s %s%s%s%s: %d %s",
                check_look_word(look, CHECK_WORD_FAILED_AT), at, error->hop[0] ? " (" : "",
                error->hop, error->hop[0] ? ")" : "", error->code,
                tool_story_heading(&story, look->language));
    printf("\n%s", check_style(TOOL_STYLE_RED));
    tool_print_wrapped_at(stdout, head, strlen(head), 0, 2);
    printf("%s\n", check_style(TOOL_STYLE_PLAIN));
    print_field(look, CHECK_WORD_MEANING, tool_story_description(&story, look->language));
    if (error->text[0])
        print_field(look, CHECK_WORD_DETAIL, error->text);
    check_suites_format(&run->suites, look->language, suites, sizeof(suites));
    /* CBC is of a handshake that went well: told there. */
    if (run->suites.finding >= CHECK_SUITES_DHE_ONLY) {
        print_label(look, "");
        printf("%s\n", suites);
    }
    if (error->sys_errno) {
        print_label(look, check_look_word(look, CHECK_WORD_SYS_ERRNO));
        printf("%d %s\n", error->sys_errno, leat_errno_name(error->sys_errno));
    }
    if (error->native_code) {
        print_label(look, check_look_word(look, CHECK_WORD_NATIVE));
        printf("%d\n", error->native_code);
    }
    if (story.answer)
        tool_answer_print(stdout, story.answer, look->language);
    print_lines(look, CHECK_WORD_CAUSE, tool_story_causes(&story, look->language));
    print_lines(look, CHECK_WORD_REMEDY, tool_story_remedies(&story, look->language));
}

/* ---- many connections ------------------------------------------------------------------- */

static void print_numbers_head(const struct check_look *look, const enum check_word *heads,
                               size_t count)
{
    printf("%s", check_style(TOOL_STYLE_DIM));
    check_print_spaces(CHECK_MARK_COLUMNS + look->name_columns);
    for (size_t i = 0; i < count; i++)
        check_print_right(check_look_word(look, heads[i]), NUMBER_COLUMNS);
    printf("%s\n", check_style(TOOL_STYLE_PLAIN));
}

static void print_statistics_row(const struct check_look *look, const char *name,
                                 const struct check_statistics *statistics)
{
    const uint64_t values[] = {statistics->median_us, statistics->p99_us, statistics->min_us,
                               statistics->max_us};
    if (statistics->count == 0)
        return;
    check_print_spaces(CHECK_MARK_COLUMNS);
    check_print_padded(name, look->name_columns);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        printf("%*.3f", NUMBER_COLUMNS, check_ms(values[i]));
    printf("%*zu\n", NUMBER_COLUMNS, statistics->count);
}

static void print_statistics(const struct check_look *look, const struct check_way *way)
{
    static const enum check_word heads[] = {CHECK_WORD_MEDIAN, CHECK_WORD_P99, CHECK_WORD_MIN,
                                            CHECK_WORD_MAX, CHECK_WORD_COUNT};
    struct check_statistics statistics;
    putchar('\n');
    printf(check_look_word(look, CHECK_WORD_REPEATED), way->count, way->resumed_count,
           way->failed_count);
    printf(" (ms)\n");
    print_numbers_head(look, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < way->series_count; i++)
        if (check_way_statistics(way, i, &statistics))
            print_statistics_row(look, check_phase_word(way->series[i].name, look->language),
                                 &statistics);
    if (check_way_connect_statistics(way, &statistics))
        print_statistics_row(look, check_look_word(look, CHECK_WORD_TOTAL), &statistics);
}

/* --expires-in: why the exit status is no success. */
static void print_expiring(const struct check_look *look, const struct check_run *run)
{
    const struct check_certificate *certificate = check_expiring(run, look->plan->expires_in_s);
    if (!certificate)
        return;
    printf("\n%s", check_style(TOOL_STYLE_RED));
    printf(look->language == LEAT_LANGUAGE_ZH ? "证书即将过期，剩余 %lld 天："
                                              : "A certificate expires in %lld days: ",
           (long long)check_days_left(certificate));
    check_print_text(certificate->subject);
    printf("%s\n", check_style(TOOL_STYLE_PLAIN));
}

void check_print_way(const struct check_plan *plan, const struct check_way *way)
{
    const struct check_look look = check_look_make(plan, way, NULL);
    const struct check_run *run = way->first;
    check_print_waterfall(&look, run);
    check_print_findings(&look, run);
    if (way->count > 1)
        print_statistics(&look, way);
    if (way->failed && way->failed != run) {
        putchar('\n');
        check_print_waterfall(&look, way->failed);
    }
    if (way->failed)
        print_diagnosis(&look, way->failed);
    else
        print_expiring(&look, run);
}

/* ---- two ways --------------------------------------------------------------------------- */

static void print_cell(const struct check_statistics *statistics)
{
    if (statistics->count == 0)
        check_print_right("-", NUMBER_COLUMNS);
    else
        printf("%*.3f", NUMBER_COLUMNS, check_ms(statistics->median_us));
}

static void print_comparison_row(const struct check_look *look, const char *name,
                                 const struct check_statistics *direct,
                                 const struct check_statistics *proxied)
{
    check_print_spaces(CHECK_MARK_COLUMNS);
    check_print_padded(name, look->name_columns);
    print_cell(direct);
    print_cell(proxied);
    if (direct->count > 0 && proxied->count > 0)
        printf("%+*.3f\n", NUMBER_COLUMNS,
               check_ms(proxied->median_us) - check_ms(direct->median_us));
    else
        putchar('\n');
}

static void print_way_failure(const struct check_look *look, enum check_word name,
                              const struct check_way *way)
{
    if (!way->failed)
        return;
    check_print_heading(look, name, NULL);
    check_print_waterfall(look, way->failed);
    print_diagnosis(look, way->failed);
}

void check_print_comparison(const struct check_plan *plan, const struct check_way *direct,
                            const struct check_way *proxied)
{
    static const enum check_word heads[] = {CHECK_WORD_DIRECT, CHECK_WORD_PROXIED,
                                            CHECK_WORD_DIFFERENCE};
    const struct check_look look = check_look_make(plan, direct, proxied);
    struct check_plan direct_plan = *plan;
    struct check_look direct_look = look;
    struct check_pair pairs[2 * CHECK_PHASES_MAX];
    struct check_statistics left, right;
    size_t count = check_pair_series(direct, proxied, pairs);
    direct_plan.proxy_count = 0;
    direct_plan.connection = NULL;
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
        print_comparison_row(&look, check_look_word(&look, CHECK_WORD_TOTAL), &left, &right);
    print_way_failure(&direct_look, CHECK_WORD_DIRECT, direct);
    print_way_failure(&look, CHECK_WORD_PROXIED, proxied);
}

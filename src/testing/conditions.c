/* SPDX-License-Identifier: Apache-2.0 */
/* The text language of conditions; its grammar is in leat/testing_conditions.h. */
#include "testing/conditions.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <string.h>

#define ALL_PPM 1000000u

static const char *const names[] = {
    [LEAT_TESTING_CONDITION_LATENCY] = "latency",
    [LEAT_TESTING_CONDITION_BANDWIDTH] = "bandwidth",
    [LEAT_TESTING_CONDITION_SLICE] = "slice",
    [LEAT_TESTING_CONDITION_LIMIT] = "limit",
    [LEAT_TESTING_CONDITION_SLOW_CLOSE] = "slow-close",
    [LEAT_TESTING_CONDITION_TIMEOUT] = "timeout",
    [LEAT_TESTING_CONDITION_RESET] = "reset",
    [LEAT_TESTING_CONDITION_LOSS] = "loss",
    [LEAT_TESTING_CONDITION_DUPLICATE] = "duplicate",
};

const char *leat_testing_condition_kind_name(enum leat_testing_condition_kind kind)
{
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

static bool kind_find(const char *name, size_t len, enum leat_testing_condition_kind *ret_kind)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *ret_kind = (enum leat_testing_condition_kind)i;
            return true;
        }
    }
    return false;
}

const char *leati_testing_condition_problem(const struct leat_testing_condition *condition)
{
    if (!leat_testing_condition_kind_name(condition->kind))
        return "there is no such condition";
    if ((unsigned)condition->direction > LEAT_TESTING_BOTH ||
        (unsigned)condition->distribution > LEAT_TESTING_NORMAL)
        return "there is no such direction or distribution";
    if (condition->delay_ms > LEAT_TESTING_TIME_MS_MAX ||
        condition->jitter_ms > LEAT_TESTING_TIME_MS_MAX ||
        condition->gap_us / 1000 > LEAT_TESTING_TIME_MS_MAX)
        return "a time of more than an hour";
    if (condition->chance_ppm > ALL_PPM || condition->spared_ppm > ALL_PPM)
        return "more than 100%";
    bool is_sized = condition->kind == LEAT_TESTING_CONDITION_BANDWIDTH ||
                    condition->kind == LEAT_TESTING_CONDITION_SLICE;
    if (is_sized && condition->bytes == 0)
        return "at least 1 byte is needed";
    if (condition->kind == LEAT_TESTING_CONDITION_SLICE &&
        condition->variation_bytes >= condition->bytes)
        return "the variation is not less than the size";
    return NULL;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

struct parser {
    const char *text;
    size_t at;
    struct leat_testing_problem *problem;
};

static bool parser_refuse(struct parser *parser, const char *reason)
{
    parser->problem->position = parser->at;
    leati_readable_format(parser->problem->text, sizeof(parser->problem->text), "%s", reason);
    return false;
}

static char parser_peek(struct parser *parser)
{
    parser->at += strspn(parser->text + parser->at, " \t\r\n");
    return parser->text[parser->at];
}

static bool parser_take(struct parser *parser, char wanted)
{
    bool is_there = parser_peek(parser) == wanted;
    parser->at += is_there;
    return is_there;
}

static size_t word_len(struct parser *parser)
{
    (void)parser_peek(parser);
    return strspn(parser->text + parser->at, "abcdefghijklmnopqrstuvwxyz-");
}

static bool word_is(struct parser *parser, const char *word)
{
    size_t len = word_len(parser);
    return strlen(word) == len && memcmp(parser->text + parser->at, word, len) == 0;
}

static bool word_take(struct parser *parser, const char *word)
{
    bool is_there = word_is(parser, word);
    parser->at += is_there ? strlen(word) : 0;
    return is_there;
}

static bool number_is_next(struct parser *parser)
{
    char next = parser_peek(parser);
    return next >= '0' && next <= '9';
}

static bool number_parse(struct parser *parser, uint64_t max, uint64_t *ret_number)
{
    (void)parser_peek(parser);
    const char *digits = parser->text + parser->at;
    size_t len = strspn(digits, "0123456789");
    if (!leati_text_parse_u64(digits, len, max, ret_number))
        return parser_refuse(parser, max == LEAT_TESTING_TIME_MS_MAX
                                         ? "a number of at most 3600000 (an hour) was expected"
                                         : "a number up to 4294967295 was expected");
    parser->at += len;
    return true;
}

static bool u32_parse(struct parser *parser, uint64_t max, uint32_t *ret_number)
{
    uint64_t number = 0;
    bool is_good = number_parse(parser, max, &number);
    *ret_number = (uint32_t)number;
    return is_good;
}

/* "2.5%" is 25000 of a million. */
static bool percent_parse(struct parser *parser, uint32_t *ret_ppm)
{
    static const char expected[] = "a percentage from 0% to 100% was expected";
    uint64_t whole = 0, ppm;
    (void)parser_peek(parser);
    const char *digits = parser->text + parser->at;
    size_t len = strspn(digits, "0123456789");
    if (!leati_text_parse_u64(digits, len, 100, &whole))
        return parser_refuse(parser, expected);
    ppm = whole * 10000;
    const char *end = digits + len;
    if (*end == '.') {
        uint64_t weight = 1000;
        for (++end; *end >= '0' && *end <= '9'; ++end, weight /= 10)
            ppm += weight * (uint64_t)(*end - '0');
    }
    if (*end != '%' || ppm > ALL_PPM)
        return parser_refuse(parser, expected);
    parser->at = (size_t)(end + 1 - parser->text);
    *ret_ppm = (uint32_t)ppm;
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool latency_parse(struct parser *parser, struct leat_testing_condition *condition)
{
    if (!u32_parse(parser, LEAT_TESTING_TIME_MS_MAX, &condition->delay_ms))
        return false;
    if (!number_is_next(parser))
        return true;
    if (!u32_parse(parser, LEAT_TESTING_TIME_MS_MAX, &condition->jitter_ms))
        return false;
    if (word_take(parser, "normal"))
        condition->distribution = LEAT_TESTING_NORMAL;
    else
        (void)word_take(parser, "uniform");
    return true;
}

static bool sizes_parse(struct parser *parser, struct leat_testing_condition *condition)
{
    bool is_slice = condition->kind == LEAT_TESTING_CONDITION_SLICE;
    uint64_t *second = is_slice ? &condition->variation_bytes : &condition->burst_bytes;
    return number_parse(parser, UINT32_MAX, &condition->bytes) &&
           (!number_is_next(parser) || number_parse(parser, UINT32_MAX, second)) &&
           (!is_slice || !number_is_next(parser) ||
            u32_parse(parser, UINT32_MAX, &condition->gap_us));
}

static bool values_parse(struct parser *parser, struct leat_testing_condition *condition)
{
    switch (condition->kind) {
    case LEAT_TESTING_CONDITION_LATENCY:
        return latency_parse(parser, condition);
    case LEAT_TESTING_CONDITION_BANDWIDTH:
    case LEAT_TESTING_CONDITION_SLICE:
        return sizes_parse(parser, condition);
    case LEAT_TESTING_CONDITION_LIMIT:
        return number_parse(parser, UINT32_MAX, &condition->bytes);
    case LEAT_TESTING_CONDITION_SLOW_CLOSE:
    case LEAT_TESTING_CONDITION_TIMEOUT:
    case LEAT_TESTING_CONDITION_RESET:
        return u32_parse(parser, LEAT_TESTING_TIME_MS_MAX, &condition->delay_ms);
    case LEAT_TESTING_CONDITION_LOSS:
    case LEAT_TESTING_CONDITION_DUPLICATE:
        return percent_parse(parser, &condition->chance_ppm);
    }
    return false;
}

static bool direction_parse(struct parser *parser, struct leat_testing_condition *condition)
{
    static const char *const directions[] = {"down", "up", "both"};
    for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); ++i) {
        if (word_take(parser, directions[i])) {
            condition->direction = (enum leat_testing_direction)i;
            return parser_take(parser, ':') || parser_refuse(parser, "a : was expected");
        }
    }
    return true;
}

static bool condition_parse(struct parser *parser, struct leat_testing_condition *ret_condition)
{
    struct leat_testing_condition condition = {.kind = LEAT_TESTING_CONDITION_LATENCY};
    if (!direction_parse(parser, &condition))
        return false;
    size_t len = word_len(parser);
    if (!kind_find(parser->text + parser->at, len, &condition.kind))
        return parser_refuse(parser, "latency, bandwidth, slice, limit, slow-close, timeout, "
                                     "reset, loss or duplicate was expected");
    size_t position = parser->at;
    parser->at += len;
    if (!parser_take(parser, '='))
        return parser_refuse(parser, "a = was expected");
    if (!values_parse(parser, &condition))
        return false;
    if (parser_take(parser, '@')) {
        uint32_t share_ppm = 0;
        if (!percent_parse(parser, &share_ppm))
            return false;
        condition.spared_ppm = ALL_PPM - share_ppm;
    }
    const char *problem = leati_testing_condition_problem(&condition);
    if (problem) {
        parser->at = position;
        return parser_refuse(parser, problem);
    }
    *ret_condition = condition;
    return true;
}

static bool conditions_parse(struct parser *parser, struct leat_testing_condition *conditions,
                             size_t *ret_count)
{
    while (parser_peek(parser) != '\0') {
        if (*ret_count == LEAT_TESTING_CONDITIONS_MAX)
            return parser_refuse(parser, "there are more than 32 conditions");
        if (!condition_parse(parser, &conditions[*ret_count]))
            return false;
        ++*ret_count;
        if (!parser_take(parser, ';') && parser_peek(parser) != '\0')
            return parser_refuse(parser, "a semicolon, @ or the end was expected");
    }
    return true;
}

int leat_testing_conditions_parse(const char *text, struct leat_testing_condition **ret_conditions,
                                  size_t *ret_count, struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    struct parser parser = {.text = text ? text : "", .problem = &problem};
    if (!ret_conditions || !ret_count)
        return LEAT_E_PARAMETER;
    size_t count = 0;
    struct leat_testing_condition *conditions =
        leati_calloc(LEAT_TESTING_CONDITIONS_MAX, sizeof(*conditions));
    int code = !conditions                                     ? LEAT_E_SYSTEM_INTERNAL
               : conditions_parse(&parser, conditions, &count) ? LEAT_OK
                                                               : LEAT_E_PARAMETER;
    if (code != LEAT_OK || count == 0) {
        leati_free(conditions);
        conditions = NULL;
    }
    if (code == LEAT_OK) {
        *ret_conditions = conditions;
        *ret_count = count;
    } else if (ret_problem) {
        *ret_problem = problem;
    }
    return code;
}

void leat_testing_conditions_free(struct leat_testing_condition *conditions)
{
    leati_free(conditions);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The text language of faults; its grammar is in leat/testing.h. */
#include "testing/server.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define EXPECTED_STEP                                                                              \
    "a step (accept, tls, greeting, method, auth, auth-reply, request, head, connect, reply, "     \
    "relay, datagram, upgrade, message, ping, send, close, proxy, query), then or connection"
#define EXPECTED_ACTION                                                                            \
    "bytes, delay, hold, skip, refuse, split, split-at, truncate, rate, drop-after, "              \
    "drop-after-received, shutdown, stall, close or reset"

/* More of a word is not shown. */
#define WORD_SHOWN_BYTES 32

struct parser {
    const char *text;
    size_t at;
    struct leat_testing_fault moment; /* the step and the connections of the present clause */
    bool has_step;                    /* `then` has something to follow */
    struct leat_testing_fault *faults;
    size_t count;
    uint8_t *bytes; /* of all faults, one behind the other */
    size_t bytes_len;
    size_t bytes_cap;
    int code;
    struct leat_testing_problem *problem;
};

/* ---- failures -------------------------------------------------------------------------------- */

static bool parser_refuse(struct parser *parser, size_t position, const char *reason)
{
    parser->code = LEAT_E_PARAMETER;
    parser->problem->position = position;
    leati_readable_format(parser->problem->text, sizeof(parser->problem->text), "%s", reason);
    return false;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || c == '-';
}

static size_t word_len(const char *text)
{
    size_t len = 0;
    while (is_word(text[len]))
        ++len;
    return len;
}

/* Says what should stand where the parser is; a word that does is shown as a whole. */
static bool parser_expect(struct parser *parser, const char *expected)
{
    char found = parser->text[parser->at];
    char reason[sizeof(parser->problem->text)];
    char shown[WORD_SHOWN_BYTES + sizeof("'...'")] = "the end";
    const char *word = parser->text + parser->at;
    size_t len = word_len(word);
    if (len > 1) {
        bool is_long = len > WORD_SHOWN_BYTES;
        snprintf(shown, sizeof(shown), "'%.*s%s'", (int)(is_long ? WORD_SHOWN_BYTES : len), word,
                 is_long ? "..." : "");
    } else if (found >= ' ' && found <= '~') {
        snprintf(shown, sizeof(shown), "'%c'", found);
    } else if (found != '\0') {
        snprintf(shown, sizeof(shown), "byte %02x", (uint8_t)found);
    }
    snprintf(reason, sizeof(reason), "found %s, expected %s", shown, expected);
    return parser_refuse(parser, parser->at, reason);
}

static bool parser_no_memory(struct parser *parser)
{
    parser->code = LEAT_E_SYSTEM_INTERNAL;
    return false;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* The next character behind blanks, which is not taken; NUL at the end. */
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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool number_parse(struct parser *parser, uint64_t min, uint64_t *ret_number)
{
    static const char expected[] = "a number up to 4294967295";
    size_t len = 0;
    (void)parser_peek(parser);
    const char *digits = parser->text + parser->at;
    while (is_digit(digits[len]))
        ++len;
    if (len == 0)
        return parser_expect(parser, expected);
    if (!leati_text_parse_u64(digits, len, UINT32_MAX, ret_number) || *ret_number < min)
        return parser_refuse(parser, parser->at,
                             min > 0 ? "a number from 1 to 4294967295 was expected"
                                     : "a number up to 4294967295 was expected");
    parser->at += len;
    return true;
}

/* Whether bytes stand here, and not a word. */
static bool bytes_are_next(struct parser *parser)
{
    char first = parser_peek(parser);
    const char *text = parser->text + parser->at;
    return first == '"' ||
           (leati_text_hex_value(first) >= 0 && leati_text_hex_value(text[1]) >= 0 &&
            !is_word(text[2]) && leati_text_hex_value(text[2]) < 0);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool bytes_reserve(struct parser *parser, size_t len)
{
    if (len > LEAT_TESTING_FAULT_BYTES_MAX - parser->bytes_len)
        return parser_refuse(parser, parser->at, "the bytes of all faults are more than 1 MiB");
    return leati_reserve(&parser->bytes, &parser->bytes_cap, parser->bytes_len, len) ||
           parser_no_memory(parser);
}

static bool byte_append(struct parser *parser, uint8_t byte)
{
    if (!bytes_reserve(parser, 1))
        return false;
    parser->bytes[parser->bytes_len++] = byte;
    return true;
}

static bool hex_parse(struct parser *parser)
{
    const char *text = parser->text + parser->at;
    int high = leati_text_hex_value(text[0]);
    int low = high >= 0 ? leati_text_hex_value(text[1]) : -1;
    if (low < 0)
        return parser_expect(parser, "two hexadecimal digits");
    parser->at += 2;
    return byte_append(parser, (uint8_t)(high << 4 | low));
}

/* Behind the backslash. */
static bool escape_parse(struct parser *parser)
{
    static const char names[] = "rnt0\\\"", values[] = "\r\n\t\0\\\"";
    char name = parser->text[parser->at];
    const char *found = name != '\0' ? strchr(names, name) : NULL;
    if (name == 'x') {
        ++parser->at;
        return hex_parse(parser);
    }
    if (!found)
        return parser_expect(parser, "r, n, t, 0, x, \\ or \" behind the \\");
    ++parser->at;
    return byte_append(parser, (uint8_t)values[found - names]);
}

static bool string_parse(struct parser *parser)
{
    for (++parser->at; parser->text[parser->at] != '"';) {
        char c = parser->text[parser->at];
        if (c == '\0' || c == '\r' || c == '\n')
            return parser_expect(parser, "the \" that ends the string");
        ++parser->at;
        if (c == '\\' ? !escape_parse(parser) : !byte_append(parser, (uint8_t)c))
            return false;
    }
    ++parser->at;
    return true;
}

static bool item_parse(struct parser *parser)
{
    size_t start = parser->bytes_len;
    uint64_t times = 1;
    bool is_good = parser->text[parser->at] == '"' ? string_parse(parser) : hex_parse(parser);
    if (!is_good || !parser_take(parser, '*'))
        return is_good;
    if (!number_parse(parser, 1, &times))
        return false;
    size_t len = parser->bytes_len - start;
    if (len > 0 && times - 1 > LEAT_TESTING_FAULT_BYTES_MAX / len) {
        times = LEAT_TESTING_FAULT_BYTES_MAX + 2; /* too much, and no overflow */
    }
    if (!bytes_reserve(parser, (size_t)(times - 1) * len))
        return false;
    for (uint64_t i = 1; i < times && len > 0; ++i) {
        memcpy(parser->bytes + parser->bytes_len, parser->bytes + start, len);
        parser->bytes_len += len;
    }
    return true;
}

/* ---- actions --------------------------------------------------------------------------------- */

static bool fault_append(struct parser *parser, struct leat_testing_fault *fault, size_t position)
{
    if (parser->count == LEAT_TESTING_FAULTS_MAX)
        return parser_refuse(parser, position, "there are more than 256 faults");
    if ((parser->count & (parser->count - 1)) == 0) { /* 0, 1, 2, 4 ...: it is full */
        size_t cap = parser->count ? 2 * parser->count : 1;
        if (!leati_resize(&parser->faults, cap, sizeof(*fault)))
            return parser_no_memory(parser);
    }
    fault->step = parser->moment.step;
    fault->then = parser->moment.then;
    fault->occurrence = parser->moment.occurrence;
    fault->first_connection = parser->moment.first_connection;
    fault->last_connection = parser->moment.last_connection;
    parser->faults[parser->count] = *fault;
    const char *reason = leati_testing_fault_problem(parser->faults, parser->count);
    ++parser->count;
    return !reason || parser_refuse(parser, position, reason);
}

/* Items up to the next action. */
static bool bytes_parse(struct parser *parser)
{
    size_t position = parser->at, start = parser->bytes_len;
    for (;;) {
        if (!item_parse(parser))
            return false;
        size_t behind = parser->at;
        if (!parser_take(parser, ','))
            break;
        if (!bytes_are_next(parser)) {
            parser->at = behind; /* the comma belongs to the actions */
            break;
        }
    }
    /* `data` is set once the bytes do not move any more. */
    struct leat_testing_fault fault = {
        .action = LEAT_TESTING_ACTION_BYTES, .data = "", .len = parser->bytes_len - start};
    return fault_append(parser, &fault, position);
}

static bool word_is(const char *text, size_t len, const char *word)
{
    return word && strlen(word) == len && memcmp(word, text, len) == 0;
}

static bool word_parse(struct parser *parser)
{
    size_t position = parser->at;
    const char *text = parser->text + parser->at;
    size_t len = word_len(text), i = 0;
    const struct leati_testing_action *actions = leati_testing_actions;
    while (i < LEATI_TESTING_ACTIONS && !word_is(text, len, actions[i].word))
        ++i;
    if (i == LEATI_TESTING_ACTIONS)
        return parser_expect(parser, EXPECTED_ACTION);
    parser->at += len;
    uint64_t numbers[2] = {0, 0};
    for (int n = 0; n < actions[i].may_have; ++n) {
        if (n >= actions[i].needs && !is_digit(parser_peek(parser)))
            break;
        if (!number_parse(parser, 0, &numbers[n]))
            return false;
    }
    struct leat_testing_fault fault = {.action = (enum leat_testing_action)i,
                                       .number = numbers[0],
                                       .gap_ms = (uint32_t)numbers[1]};
    return fault_append(parser, &fault, position);
}

static bool actions_parse(struct parser *parser)
{
    do {
        if (!(bytes_are_next(parser) ? bytes_parse(parser) : word_parse(parser)))
            return false;
    } while (parser_take(parser, ','));
    return true;
}

/* ---- clauses --------------------------------------------------------------------------------- */

static bool connection_parse(struct parser *parser)
{
    uint64_t first = 0, last = 0;
    if (!parser_take(parser, '*')) {
        if (!number_parse(parser, 1, &first))
            return false;
        last = first;
        if (parser_take(parser, '-')) {
            last = 0;
            if (is_digit(parser_peek(parser)) && !number_parse(parser, first, &last))
                return false;
        }
    }
    parser->moment = (struct leat_testing_fault){.first_connection = (uint32_t)first,
                                                 .last_connection = (uint32_t)last};
    parser->has_step = false;
    return true;
}

static bool occurrence_parse(struct parser *parser)
{
    uint64_t occurrence = 0;
    if (parser_take(parser, '#') && !number_parse(parser, 1, &occurrence))
        return false;
    parser->moment.occurrence = (uint32_t)occurrence;
    return true;
}

static bool clause_parse(struct parser *parser)
{
    (void)parser_peek(parser);
    const char *word = parser->text + parser->at;
    size_t len = word_len(word);
    bool is_connection = word_is(word, len, "connection");
    bool is_then = word_is(word, len, "then");
    if (is_then && !parser->has_step)
        return parser_refuse(parser, parser->at, "then has no step before it");
    if (!is_connection && !is_then) {
        if (!leati_testing_step_find(word, len, &parser->moment.step))
            return parser_expect(parser, EXPECTED_STEP);
        if (parser->moment.step == LEAT_TESTING_STEP_END)
            return parser_refuse(parser, parser->at, "nothing can be done at the step end");
    }
    parser->at += len;
    parser->moment.then = is_then;
    if (!is_connection && !is_then && !occurrence_parse(parser))
        return false;
    if (!parser_take(parser, '='))
        return parser_expect(parser, "=");
    if (is_connection)
        return connection_parse(parser);
    parser->has_step = true;
    return actions_parse(parser);
}

static bool faults_parse(struct parser *parser)
{
    while (parser_peek(parser) != '\0') {
        if (!clause_parse(parser))
            return false;
        if (!parser_take(parser, ';') && parser_peek(parser) != '\0')
            return parser_expect(parser, "a comma, a semicolon or the end");
    }
    return true;
}

/* ---- the door -------------------------------------------------------------------------------- */

/* One block: the faults, then their bytes. */
static struct leat_testing_fault *block_new(const struct parser *parser)
{
    size_t faults_size = parser->count * sizeof(parser->faults[0]);
    struct leat_testing_fault *block = leati_malloc(faults_size + parser->bytes_len + 1);
    if (!block)
        return NULL;
    uint8_t *bytes = (uint8_t *)block + faults_size;
    memcpy(block, parser->faults, faults_size);
    if (parser->bytes_len > 0)
        memcpy(bytes, parser->bytes, parser->bytes_len);
    for (size_t i = 0; i < parser->count; ++i) {
        if (block[i].action == LEAT_TESTING_ACTION_BYTES) {
            block[i].data = bytes;
            bytes += block[i].len;
        }
    }
    return block;
}

int leat_testing_faults_parse(const char *text, struct leat_testing_fault **ret_faults,
                              size_t *ret_count, struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    struct parser parser = {.text = text ? text : "", .problem = &problem};
    struct leat_testing_fault *block = NULL;
    if (!ret_faults || !ret_count)
        return LEAT_E_PARAMETER;
    if (faults_parse(&parser) && parser.count > 0) {
        block = block_new(&parser);
        parser.code = block ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
    }
    if (parser.code == LEAT_OK) {
        *ret_faults = block;
        *ret_count = parser.count;
    } else if (ret_problem) {
        *ret_problem = problem;
    }
    leati_free(parser.faults);
    leati_free(parser.bytes);
    return parser.code;
}

void leat_testing_faults_free(struct leat_testing_fault *faults)
{
    leati_free(faults);
}

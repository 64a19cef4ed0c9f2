/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/json.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"
#include "util/utf8.h"

#include <stdio.h>
#include <string.h>

struct parser {
    const char *text;
    size_t at, len;
    int depth;
    int code;
    struct leat_testing_problem *problem;
};

void leati_json_free(struct leati_json *value)
{
    while (value) {
        struct leati_json *next = value->next;
        leati_json_free(value->first); /* at most LEATI_JSON_DEPTH_MAX deep */
        leati_free(value->name);
        leati_free_secret(value->text); /* a password may be among them */
        leati_free(value);
        value = next;
    }
}

const char *leati_json_text_of(const struct leati_json *object, const char *name,
                               const char *otherwise)
{
    const struct leati_json *member = leati_json_member(object, name);
    return member && member->type == LEATI_JSON_STRING ? member->text : otherwise;
}

const struct leati_json *leati_json_member(const struct leati_json *object, const char *name)
{
    const struct leati_json *member = object->first;
    while (member && strcmp(member->name, name) != 0)
        member = member->next;
    return member;
}

bool leati_json_whole(const struct leati_json *value, uint64_t max, uint64_t *ret_number)
{
    if (value->type != LEATI_JSON_NUMBER || value->number < 0 || value->number > (double)max ||
        value->number > 9007199254740992.0)
        return false;
    *ret_number = (uint64_t)value->number;
    return (double)*ret_number >= value->number; /* nothing behind the point */
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool parser_refuse(struct parser *parser, const char *reason)
{
    parser->code = LEAT_E_PARAMETER;
    parser->problem->position = parser->at;
    leati_readable_format(parser->problem->text, sizeof(parser->problem->text),
                          "JSON, byte %zu: %s", parser->at + 1, reason);
    return false;
}

/* The next byte behind blanks; 0 at the end, or for a NUL, which is none of JSON's either. */
static char parser_peek(struct parser *parser)
{
    while (parser->at < parser->len && parser->text[parser->at] != '\0' &&
           strchr(" \t\r\n", parser->text[parser->at]))
        ++parser->at;
    return parser->at < parser->len ? parser->text[parser->at] : '\0';
}

static bool parser_take(struct parser *parser, char wanted)
{
    bool is_there = parser_peek(parser) == wanted;
    parser->at += is_there;
    return is_there;
}

static bool digit_is_next(const struct parser *parser)
{
    return parser->at < parser->len && parser->text[parser->at] >= '0' &&
           parser->text[parser->at] <= '9';
}

static bool char_is_next(const struct parser *parser, char c)
{
    return parser->at < parser->len && parser->text[parser->at] == c;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static double digits_parse(struct parser *parser, int *ret_count)
{
    double value = 0;
    for (*ret_count = 0; digit_is_next(parser); ++*ret_count)
        value = value * 10 + (parser->text[parser->at++] - '0');
    return value;
}

static double power_of_ten(int exponent)
{
    double power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static bool exponent_parse(struct parser *parser, double *value)
{
    int count = 0;
    if (!char_is_next(parser, 'e') && !char_is_next(parser, 'E'))
        return true;
    ++parser->at;
    bool is_negative = char_is_next(parser, '-');
    parser->at += is_negative || char_is_next(parser, '+');
    double exponent = digits_parse(parser, &count);
    if (count == 0 || exponent > 300)
        return parser_refuse(parser, "an exponent up to 300 was expected");
    double power = power_of_ten((int)exponent);
    *value = is_negative ? *value / power : *value * power;
    return true;
}

static bool number_parse(struct parser *parser, struct leati_json *value)
{
    int count = 0;
    bool is_negative = char_is_next(parser, '-');
    parser->at += is_negative;
    size_t start = parser->at;
    double number = digits_parse(parser, &count);
    if (count == 0 || (count > 1 && parser->text[start] == '0'))
        return parser_refuse(parser, "a number was expected, without zeros before it");
    if (char_is_next(parser, '.')) {
        ++parser->at;
        double fraction = digits_parse(parser, &count);
        if (count == 0)
            return parser_refuse(parser, "a digit was expected behind the point");
        number += count <= 300 ? fraction / power_of_ten(count) : 0; /* further ones are nothing */
    }
    if (!exponent_parse(parser, &number))
        return false;
    value->type = LEATI_JSON_NUMBER;
    value->number = is_negative ? -number : number;
    return value->number - value->number == 0 || parser_refuse(parser, "a number that is too big");
}

/* ---- strings --------------------------------------------------------------------------------- */

/* Four hexadecimal digits. */
static bool unit_parse(struct parser *parser, uint32_t *ret_unit)
{
    *ret_unit = 0;
    for (int i = 0; i < 4; ++i) {
        int digit = parser->at < parser->len ? leati_text_hex_value(parser->text[parser->at]) : -1;
        if (digit < 0)
            return parser_refuse(parser, "four hexadecimal digits were expected");
        *ret_unit = *ret_unit << 4 | (uint32_t)digit;
        ++parser->at;
    }
    return true;
}

static size_t utf8_write(uint32_t character, char *dst)
{
    if (character < 0x80) {
        dst[0] = (char)character;
        return 1;
    }
    size_t more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    dst[0] = (char)(first[more] | character >> (6 * more));
    for (size_t i = 1; i <= more; ++i)
        dst[i] = (char)(0x80 | (character >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* Behind "\u": one character, of two units perhaps (RFC 8259 section 7). */
static bool character_parse(struct parser *parser, char *dst, size_t *len)
{
    uint32_t unit = 0, low = 0;
    if (!unit_parse(parser, &unit))
        return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        bool is_pair = char_is_next(parser, '\\') && parser->at + 1 < parser->len &&
                       parser->text[parser->at + 1] == 'u';
        parser->at += is_pair ? 2 : 0;
        if (!is_pair || !unit_parse(parser, &low) || low < 0xdc00 || low > 0xdfff)
            return parser_refuse(parser, "half a surrogate pair");
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return parser_refuse(parser, "half a surrogate pair");
    }
    if (unit == 0)
        return parser_refuse(parser, "a NUL cannot be in a string here");
    *len += utf8_write(unit, dst + *len);
    return true;
}

static bool escape_parse(struct parser *parser, char *dst, size_t *len)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char name = parser->at < parser->len ? parser->text[parser->at] : '\0';
    const char *found = name != '\0' ? strchr(names, name) : NULL;
    if (name == 'u') {
        ++parser->at;
        return character_parse(parser, dst, len);
    }
    if (!found)
        return parser_refuse(parser, "an escape that does not exist");
    ++parser->at;
    dst[(*len)++] = values[found - names];
    return true;
}

/* The length of a string's raw text, up to its closing quote. */
static size_t string_extent(const struct parser *parser)
{
    size_t at = parser->at;
    while (at < parser->len && parser->text[at] != '"')
        at += parser->text[at] == '\\' ? 2 : 1;
    return at - parser->at;
}

static bool string_parse(struct parser *parser, char **ret_text)
{
    size_t len = 0;
    if (!parser_take(parser, '"'))
        return parser_refuse(parser, "a \" was expected");
    char *text =
        leati_malloc(string_extent(parser) + 1); /* escapes are longer than what they say */
    if (!text) {
        parser->code = LEAT_E_SYSTEM_INTERNAL;
        return false;
    }
    bool is_good = true;
    while (is_good && !char_is_next(parser, '"')) {
        uint8_t c = parser->at < parser->len ? (uint8_t)parser->text[parser->at] : 0;
        if (c < ' ') {
            is_good = parser_refuse(parser, "a string that does not end on its line");
            break;
        }
        ++parser->at;
        if (c == '\\')
            is_good = escape_parse(parser, text, &len);
        else
            text[len++] = (char)c;
    }
    if (is_good && !leati_utf8_valid((const uint8_t *)text, len))
        is_good = parser_refuse(parser, "a string that is not UTF-8");
    if (!is_good) {
        leati_free(text);
        return false;
    }
    ++parser->at;
    text[len] = '\0';
    *ret_text = text;
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool value_parse(struct parser *parser, struct leati_json *value);

static bool member_name_parse(struct parser *parser, struct leati_json *object,
                              struct leati_json *member)
{
    size_t at = parser->at;
    if (!string_parse(parser, &member->name))
        return false;
    for (const struct leati_json *other = object->first; other != member; other = other->next) {
        if (strcmp(other->name, member->name) == 0) {
            parser->at = at;
            return parser_refuse(parser, "a name that is there already");
        }
    }
    return parser_take(parser, ':') || parser_refuse(parser, "a : was expected");
}

/* The members or elements of what has begun. */
static bool list_parse(struct parser *parser, struct leati_json *list, char end)
{
    struct leati_json **link = &list->first;
    size_t count = 0;
    if (parser_take(parser, end))
        return true;
    do {
        if (++count > LEATI_JSON_MEMBERS_MAX)
            return parser_refuse(parser, "more than 4096 members");
        *link = leati_calloc(1, sizeof(**link));
        if (!*link) {
            parser->code = LEAT_E_SYSTEM_INTERNAL;
            return false;
        }
        (void)parser_peek(parser);
        if ((list->type == LEATI_JSON_OBJECT && !member_name_parse(parser, list, *link)) ||
            !value_parse(parser, *link))
            return false;
        link = &(*link)->next;
    } while (parser_take(parser, ','));
    return parser_take(parser, end) ||
           parser_refuse(parser,
                         end == '}' ? "a comma or } was expected" : "a comma or ] was expected");
}

static bool word_parse(struct parser *parser, struct leati_json *value)
{
    static const char *const words[] = {"null", "false", "true"};
    for (size_t i = 0; i < 3; ++i) {
        size_t len = strlen(words[i]);
        if (parser->len - parser->at >= len &&
            memcmp(parser->text + parser->at, words[i], len) == 0) {
            parser->at += len;
            value->type = (enum leati_json_type)i;
            return true;
        }
    }
    return parser_refuse(parser, "a value was expected");
}

static bool value_parse(struct parser *parser, struct leati_json *value)
{
    char first = parser_peek(parser);
    bool is_good;
    if (first == '"') {
        value->type = LEATI_JSON_STRING;
        return string_parse(parser, &value->text);
    }
    if (first == '-' || (first >= '0' && first <= '9'))
        return number_parse(parser, value);
    if (first != '{' && first != '[')
        return word_parse(parser, value);
    if (++parser->depth > LEATI_JSON_DEPTH_MAX)
        return parser_refuse(parser, "more than 16 levels");
    ++parser->at;
    value->type = first == '{' ? LEATI_JSON_OBJECT : LEATI_JSON_ARRAY;
    is_good = list_parse(parser, value, first == '{' ? '}' : ']');
    --parser->depth;
    return is_good;
}

int leati_json_parse(const char *text, size_t len, struct leati_json **ret_value,
                     struct leat_testing_problem *ret_problem)
{
    struct parser parser = {.text = text, .len = len, .problem = ret_problem};
    if (len > LEATI_JSON_BYTES_MAX) {
        (void)parser_refuse(&parser, "more than 1 MiB");
        return LEAT_E_PARAMETER;
    }
    struct leati_json *value = leati_calloc(1, sizeof(*value));
    if (!value)
        return LEAT_E_SYSTEM_INTERNAL;
    bool is_good = value_parse(&parser, value);
    if (is_good) {
        (void)parser_peek(&parser);
        is_good = parser.at == len || parser_refuse(&parser, "something behind the value");
    }
    if (is_good)
        *ret_value = value;
    else
        leati_json_free(value);
    return is_good ? LEAT_OK : parser.code;
}

/* ---- writing --------------------------------------------------------------------------------- */

void leati_json_append(struct leati_json_text *text, const char *data, size_t len)
{
    if (!leati_reserve(&text->data, &text->cap, text->len, len + 1)) {
        text->failed = true;
        return;
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static void quoted_append(struct leati_json_text *text, const char *value)
{
    leati_json_append(text, "\"", 1);
    for (; *value != '\0'; ++value) {
        static const char controls[] = "\b\f\n\r\t", names[] = "bfnrt";
        char escape[8];
        uint8_t c = (uint8_t)*value;
        const char *control = strchr(controls, c);
        if (control)
            leati_json_append(
                text, escape,
                (size_t)snprintf(escape, sizeof(escape), "\\%c", names[control - controls]));
        else if (c == '"' || c == '\\')
            leati_json_append(text, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", c));
        else if (c < ' ')
            leati_json_append(text, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        else
            leati_json_append(text, value, 1);
    }
    leati_json_append(text, "\"", 1);
}

static void value_begin(struct leati_json_text *text, const char *name)
{
    if (text->needs_comma)
        leati_json_append(text, ",", 1);
    text->needs_comma = true;
    if (name) {
        quoted_append(text, name);
        leati_json_append(text, ":", 1);
    }
}

void leati_json_open(struct leati_json_text *text, const char *name, char bracket)
{
    value_begin(text, name);
    leati_json_append(text, &bracket, 1);
    text->needs_comma = false;
}

void leati_json_close(struct leati_json_text *text, char bracket)
{
    leati_json_append(text, &bracket, 1);
    text->needs_comma = true;
}

void leati_json_string(struct leati_json_text *text, const char *name, const char *value)
{
    value_begin(text, name);
    quoted_append(text, value);
}

void leati_json_number(struct leati_json_text *text, const char *name, uint64_t value)
{
    char digits[24];
    value_begin(text, name);
    leati_json_append(text, digits,
                      (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value));
}

/* Six digits behind the point, without zeros at the end, whatever the locale. */
void leati_json_real(struct leati_json_text *text, const char *name, double value)
{
    char digits[40];
    uint64_t millionths = (uint64_t)(value * 1000000 + 0.5);
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu.%06llu",
                                  (unsigned long long)(millionths / 1000000),
                                  (unsigned long long)(millionths % 1000000));
    while (digits[len - 1] == '0')
        --len;
    len -= digits[len - 1] == '.';
    value_begin(text, name);
    leati_json_append(text, digits, len);
}

void leati_json_bool(struct leati_json_text *text, const char *name, bool value)
{
    value_begin(text, name);
    leati_json_append(text, value ? "true" : "false", value ? 4 : 5);
}

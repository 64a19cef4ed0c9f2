/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/dns_table.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <string.h>

enum { HEADER_BYTES = 12, NAME_BYTES_MAX = 255, LABEL_BYTES_MAX = 63 };
enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_PTR = 12,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_ALL = 0
};
enum { RCODE_OK = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };
enum { FLAG_RESPONSE = 0x80, FLAG_TRUNCATED = 0x02, FLAG_AUTHORITY = 0x04, FLAG_RECURSION = 0x80 };

enum outcome { DATA, NXDOMAIN, SERVFAIL, REFUSED, EMPTY, SILENCE, TRUNCATE, JUNK };
static const char *const outcomes[] = {"",      "nxdomain", "servfail", "refused",
                                       "empty", "silence",  "truncate", "junk"};

static const struct {
    const char *name;
    uint16_t type;
} types[] = {{"*", TYPE_ALL},       {"A", TYPE_A},     {"AAAA", TYPE_AAAA}, {"NS", TYPE_NS},
             {"CNAME", TYPE_CNAME}, {"PTR", TYPE_PTR}, {"TXT", TYPE_TXT}};

struct record {
    char name[NAME_BYTES_MAX + 1]; /* without a final dot; "*" = any */
    uint16_t type;
    enum outcome outcome;
    uint32_t ttl_s, delay_ms;
    uint8_t data[LEATI_DNS_DATA_BYTES];
    size_t len;
};

struct leati_dns_table {
    size_t count;
    struct record records[];
};

/* ---- the text -------------------------------------------------------------------------------- */

struct parser {
    const char *text;
    size_t at;
    struct leat_testing_problem *problem;
};

static bool parser_refuse(struct parser *parser, const char *reason)
{
    parser->problem->position = parser->at;
    leati_readable_format(parser->problem->text, sizeof(parser->problem->text),
                          "records, character %zu: %s", parser->at + 1, reason);
    return false;
}

/* The next word of this record, which is not taken; its length is 0 at the end. */
static size_t word_peek(struct parser *parser)
{
    parser->at += strspn(parser->text + parser->at, " \t");
    return strcspn(parser->text + parser->at, " \t;\r\n");
}

static bool word_is(const struct parser *parser, size_t len, const char *word)
{
    return leati_text_equal_nocase(parser->text + parser->at, len, word, strlen(word));
}

/* A name as labels (RFC 1035 section 3.1). false: it is none. */
static bool name_write(const char *name, size_t name_len, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t len = 0;
    if (name_len > 0 && name[name_len - 1] == '.')
        --name_len;
    for (size_t at = 0; at < name_len;) {
        const char *dot = memchr(name + at, '.', name_len - at);
        size_t label = dot ? (size_t)(dot - name) - at : name_len - at;
        if (label == 0 || label > LABEL_BYTES_MAX || len + label + 2 > cap ||
            len + label + 2 > NAME_BYTES_MAX)
            return false;
        dst[len++] = (uint8_t)label;
        memcpy(dst + len, name + at, label);
        len += label;
        at += label + 1;
    }
    dst[len++] = 0;
    *ret_len = len;
    return true;
}

static bool text_parse(struct parser *parser, struct record *record)
{
    const char *text = parser->text + parser->at + 1;
    const char *end = strchr(text, '"');
    if (parser->text[parser->at] != '"' || !end)
        return parser_refuse(parser, "a text in double quotes was expected");
    size_t len = (size_t)(end - text);
    if (len > 255)
        return parser_refuse(parser, "a text of more than 255 bytes");
    record->data[0] = (uint8_t)len;
    memcpy(record->data + 1, text, len);
    record->len = len + 1;
    parser->at += len + 2;
    return true;
}

static bool data_parse(struct parser *parser, struct record *record, size_t len)
{
    char word[64] = "";
    const char *text = parser->text + parser->at;
    if (record->type == TYPE_TXT)
        return text_parse(parser, record);
    if (record->type == TYPE_A || record->type == TYPE_AAAA) {
        memcpy(word, text, len < sizeof(word) - 1 ? len : sizeof(word) - 1);
        record->len = record->type == TYPE_A ? 4 : 16;
        if (inet_pton(record->type == TYPE_A ? AF_INET : AF_INET6, word, record->data) != 1)
            return parser_refuse(parser, "an address of this type was expected");
    } else if (record->type == TYPE_ALL ||
               !name_write(text, len, record->data, sizeof(record->data), &record->len)) {
        return parser_refuse(parser, record->type == TYPE_ALL
                                         ? "nxdomain, servfail, refused, empty, silence, truncate "
                                           "or junk was expected"
                                         : "a name was expected");
    }
    parser->at += len;
    return true;
}

static bool value_parse(struct parser *parser, struct record *record)
{
    size_t len = word_peek(parser);
    for (size_t i = 1; i < sizeof(outcomes) / sizeof(outcomes[0]); ++i) {
        if (word_is(parser, len, outcomes[i])) {
            record->outcome = (enum outcome)i;
            parser->at += len;
            return true;
        }
    }
    return len > 0 ? data_parse(parser, record, len) : parser_refuse(parser, "a value is missing");
}

static bool amount_parse(struct parser *parser, uint64_t max, uint32_t *ret_number)
{
    uint64_t number = 0;
    size_t len = word_peek(parser);
    if (!leati_text_parse_u64(parser->text + parser->at, len, max, &number))
        return parser_refuse(parser, "a number was expected, and a delay of at most an hour");
    parser->at += len;
    *ret_number = (uint32_t)number;
    return true;
}

static bool name_parse(struct parser *parser, struct record *record)
{
    uint8_t wire[NAME_BYTES_MAX];
    size_t len = word_peek(parser), wire_len;
    const char *name = parser->text + parser->at;
    if (len > NAME_BYTES_MAX || !name_write(name, len, wire, sizeof(wire), &wire_len))
        return parser_refuse(parser, "a name was expected");
    memcpy(record->name, name, len);
    len -= len > 1 && record->name[len - 1] == '.';
    record->name[len] = '\0';
    parser->at += strcspn(name, " \t;\r\n");
    return true;
}

static bool type_parse(struct parser *parser, struct record *record)
{
    size_t len = word_peek(parser);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        if (word_is(parser, len, types[i].name)) {
            record->type = types[i].type;
            parser->at += len;
            return true;
        }
    }
    return parser_refuse(parser, "A, AAAA, CNAME, TXT, PTR, NS or * was expected");
}

static bool record_parse(struct parser *parser, struct record *record)
{
    *record = (struct record){.ttl_s = 60};
    if (!name_parse(parser, record) || !type_parse(parser, record) || !value_parse(parser, record))
        return false;
    for (size_t len; (len = word_peek(parser)) > 0;) {
        bool is_ttl = word_is(parser, len, "ttl");
        if (!is_ttl && !word_is(parser, len, "delay"))
            return parser_refuse(parser, "ttl, delay or the end of the record was expected");
        parser->at += len;
        if (!amount_parse(parser, is_ttl ? INT32_MAX : LEAT_TESTING_TIME_MS_MAX,
                          is_ttl ? &record->ttl_s : &record->delay_ms))
            return false;
    }
    return true;
}

static int records_parse(struct parser *parser, struct leati_dns_table **table)
{
    for (;;) {
        parser->at += strspn(parser->text + parser->at, " \t;\r\n");
        if (parser->text[parser->at] == '\0')
            return LEAT_OK;
        size_t count = (*table)->count;
        if (count == LEATI_DNS_RECORDS_MAX) {
            (void)parser_refuse(parser, "there are more than 256 records");
            return LEAT_E_PARAMETER;
        }
        struct leati_dns_table *grown =
            leati_realloc(*table, sizeof(*grown) + (count + 1) * sizeof(struct record));
        if (!grown)
            return LEAT_E_SYSTEM_INTERNAL;
        *table = grown;
        if (!record_parse(parser, &grown->records[count]))
            return LEAT_E_PARAMETER;
        ++grown->count;
    }
}

int leati_dns_table_new(const char *text, struct leati_dns_table **ret_table,
                        struct leat_testing_problem *ret_problem)
{
    struct parser parser = {.text = text ? text : "", .problem = ret_problem};
    struct leati_dns_table *table = leati_calloc(1, sizeof(*table));
    int code = table ? records_parse(&parser, &table) : LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK)
        *ret_table = table;
    else
        leati_free(table);
    return code;
}

void leati_dns_table_free(struct leati_dns_table *table)
{
    leati_free(table);
}

/* ---- a query --------------------------------------------------------------------------------- */

struct question {
    char name[NAME_BYTES_MAX + 1];
    uint16_t type;
    size_t end; /* of the question in the message */
};

static bool question_read(const uint8_t *query, size_t len, struct question *ret_question)
{
    size_t at = HEADER_BYTES, name_len = 0;
    bool is_query = len >= HEADER_BYTES && (query[2] & 0xf8) == 0 && query[4] == 0 && query[5] == 1;
    while (is_query && at < len && query[at] != 0) {
        size_t label = query[at];
        if (label > LABEL_BYTES_MAX || at + 1 + label >= len ||
            name_len + label + 1 > NAME_BYTES_MAX - 1 || memchr(query + at + 1, 0, label))
            return false;
        if (name_len > 0)
            ret_question->name[name_len++] = '.';
        memcpy(ret_question->name + name_len, query + at + 1, label);
        name_len += label;
        at += 1 + label;
    }
    if (!is_query || at + 5 > len)
        return false;
    ret_question->name[name_len] = '\0';
    ret_question->type = (uint16_t)(query[at + 1] << 8 | query[at + 2]);
    ret_question->end = at + 5;
    return query[at + 3] == 0 && query[at + 4] == 1; /* IN */
}

/* The first record for a name: one of its own, or else of "*". NULL = none; `*ret_exists`: the name has
 * others. */
static const struct record *record_find(const struct leati_dns_table *table,
                                        const struct question *question, bool over_udp,
                                        bool *ret_exists)
{
    const struct record *found = NULL;
    *ret_exists = false;
    for (int pass = 0; pass < 2 && !found && !*ret_exists; ++pass) {
        for (size_t i = 0; i < table->count && !found; ++i) {
            const struct record *record = &table->records[i];
            const char *name = pass == 0 ? question->name : "*";
            if (!leati_text_equal_nocase(record->name, strlen(record->name), name, strlen(name)))
                continue;
            bool is_over = record->outcome == TRUNCATE && !over_udp; /* as if it were not there */
            *ret_exists = *ret_exists || !is_over;
            bool is_type = record->type == question->type || record->type == TYPE_ALL ||
                           record->type == TYPE_CNAME;
            found = is_type && !is_over ? record : NULL;
        }
    }
    return found;
}

static void u16_write(uint8_t *dst, unsigned value)
{
    dst[0] = (uint8_t)(value >> 8);
    dst[1] = (uint8_t)value;
}

/* A record of the answer; its name is that of the question. @return its length, 0 = no room. */
static size_t record_write(const struct record *record, uint8_t *dst, size_t cap)
{
    if (cap < 12 + record->len)
        return 0;
    u16_write(dst, 0xc000 | HEADER_BYTES); /* RFC 1035 section 4.1.4 */
    u16_write(dst + 2, record->type);
    u16_write(dst + 4, 1);
    u16_write(dst + 6, record->ttl_s >> 16);
    u16_write(dst + 8, record->ttl_s & 0xffff);
    u16_write(dst + 10, (unsigned)record->len);
    memcpy(dst + 12, record->data, record->len);
    return 12 + record->len;
}

/* All records of this name and type. */
static size_t data_write(const struct leati_dns_table *table, const struct record *first,
                         uint8_t *answer, size_t at, size_t cap)
{
    unsigned count = 0;
    for (const struct record *r = first; r < table->records + table->count; ++r) {
        if (r->outcome != DATA || r->type != first->type ||
            !leati_text_is_nocase(r->name, first->name))
            continue;
        size_t len = record_write(r, answer + at, cap - at);
        if (len == 0) {
            answer[2] |= FLAG_TRUNCATED;
            break;
        }
        at += len;
        ++count;
    }
    u16_write(answer + 6, count);
    return at;
}

static void question_describe(const struct question *question, char *buf, size_t cap)
{
    for (size_t i = 1; i < sizeof(types) / sizeof(types[0]); ++i) {
        if (types[i].type == question->type) {
            leati_readable_format(buf, cap, "%s %s", question->name, types[i].name);
            return;
        }
    }
    leati_readable_format(buf, cap, "%s TYPE%u", question->name, question->type);
}

void leati_dns_answer(const struct leati_dns_table *table, const uint8_t *query, size_t len,
                      bool over_udp, uint8_t *ret_answer, struct leati_dns_verdict *ret_verdict)
{
    static const uint8_t rcodes[] = {[NXDOMAIN] = RCODE_NXDOMAIN,
                                     [SERVFAIL] = RCODE_SERVFAIL,
                                     [REFUSED] = RCODE_REFUSED,
                                     [JUNK] = 0};
    struct question question = {.type = 0};
    bool exists = false;
    *ret_verdict = (struct leati_dns_verdict){.len = 0};
    if (!question_read(query, len, &question))
        return;
    question_describe(&question, ret_verdict->question, sizeof(ret_verdict->question));
    const struct record *record = record_find(table, &question, over_udp, &exists);
    enum outcome outcome = record ? record->outcome : exists ? EMPTY : NXDOMAIN;
    ret_verdict->delay_ms = record ? record->delay_ms : 0;
    ret_verdict->is_silent = outcome == SILENCE;
    if (outcome == SILENCE)
        return;
    memcpy(ret_answer, query, question.end);
    ret_answer[2] = (uint8_t)(FLAG_RESPONSE | FLAG_AUTHORITY | (query[2] & 0x01));
    ret_answer[3] = (uint8_t)(FLAG_RECURSION | rcodes[outcome < EMPTY ? outcome : JUNK]);
    memset(ret_answer + 6, 0, 6);
    ret_verdict->len = question.end;
    if (outcome == TRUNCATE) {
        ret_answer[2] |= FLAG_TRUNCATED;
    } else if (outcome == JUNK) {
        memset(ret_answer + 2, 0xff, question.end - 2); /* only the ID is right */
    } else if (outcome == DATA) {
        ret_verdict->len = data_write(table, record, ret_answer, question.end,
                                      over_udp ? LEATI_DNS_UDP_BYTES : LEATI_DNS_BYTES_MAX);
    }
}

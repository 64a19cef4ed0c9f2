/* SPDX-License-Identifier: Apache-2.0 */
#include "http/forwarded.h"

#include "util/text.h"

#include <string.h>

/** Fields that are looked at, the last ones: more proxies do not stand in a row. */
#define MAX_FIELDS 32u

struct element {
    const char *text;
    size_t len;
};

/* What is left to be read, from its end. */
struct trail {
    struct element fields[MAX_FIELDS];
    size_t count;
    bool has_quotes; /* Forwarded; X-Forwarded-For has no way to say that a comma is none */
};

static void trail_init(struct trail *trail, const struct leati_http_head *head, bool is_standard)
{
    const char *name = is_standard ? "Forwarded" : "X-Forwarded-For", *value;
    size_t field = 0, total = 0;
    struct element ring[MAX_FIELDS];
    while ((value = leati_http_head_next(head, name, &field)))
        ring[total++ % MAX_FIELDS] = (struct element){value, strlen(value)};
    trail->count = total < MAX_FIELDS ? total : MAX_FIELDS;
    trail->has_quotes = is_standard;
    for (size_t i = 0; i < trail->count; i++)
        trail->fields[i] = ring[(total - trail->count + i) % MAX_FIELDS];
}

static bool is_escaped(const char *text, size_t at)
{
    size_t backslashes = 0;
    while (backslashes < at && text[at - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* Where the last element begins. Read from the end, because a quote that somebody has opened must not
 * hide the comma between that and what a proxy wrote behind it. */
static size_t last_begin(const char *text, size_t len, bool has_quotes)
{
    bool quoted = false;
    for (size_t i = len; i > 0; i--) {
        char c = text[i - 1];
        if (c == '"' && has_quotes)
            quoted = quoted && is_escaped(text, i - 1) ? quoted : !quoted;
        else if (c == ',' && !quoted)
            return i;
    }
    return 0;
}

static struct element trim(struct element element)
{
    while (element.len > 0 && leati_text_is_white_space(*element.text)) {
        element.text++;
        element.len--;
    }
    while (element.len > 0 && leati_text_is_white_space(element.text[element.len - 1]))
        element.len--;
    return element;
}

/* The last element that is not empty. */
static bool trail_take(struct trail *trail, struct element *ret_element)
{
    while (trail->count > 0) {
        struct element *field = &trail->fields[trail->count - 1];
        size_t begin = last_begin(field->text, field->len, trail->has_quotes);
        *ret_element = trim((struct element){field->text + begin, field->len - begin});
        field->len = begin > 0 ? begin - 1 : 0;
        trail->count -= begin == 0;
        if (ret_element->len > 0)
            return true;
    }
    return false;
}

/* Digits, or a name that hides it (RFC 7239 section 6.2), which is as none. */
static bool port_parse(const char *text, size_t len, uint16_t *ret_port)
{
    uint64_t port = 0;
    bool is_hidden = len > 1 && text[0] == '_';
    if (!is_hidden && !leati_text_parse_u64(text, len, UINT16_MAX, &port))
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", and nothing behind it */
static bool node_parse(const char *text, size_t len, struct leati_address *ret_address)
{
    char host[64];
    uint16_t port = 0;
    const char *begin = text, *end = text + len, *rest = end;
    if (len > 0 && *text == '[') {
        begin++;
        end = memchr(text, ']', len);
        if (!end)
            return false;
        rest = end + 1;
    } else {
        const char *colon = memchr(text, ':', len);
        bool is_v4_with_port = colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1));
        if (is_v4_with_port)
            rest = end = colon;
    }
    size_t host_len = (size_t)(end - begin), rest_len = (size_t)(text + len - rest);
    if (host_len == 0 || host_len >= sizeof(host))
        return false;
    if (rest_len > 0 && (*rest != ':' || !port_parse(rest + 1, rest_len - 1, &port)))
        return false;
    memcpy(host, begin, host_len);
    host[host_len] = '\0';
    return leati_address_parse(host, port, ret_address);
}

/* The value of "for" among the pairs of one element of Forwarded, without its quotes. */
static struct element for_of(struct element element)
{
    const char *pos = element.text, *end = element.text + element.len;
    while (pos < end) {
        const char *pair_end = pos;
        bool quoted = false;
        for (; pair_end < end && (quoted || *pair_end != ';'); pair_end++)
            if (*pair_end == '"' &&
                !(quoted && is_escaped(element.text, (size_t)(pair_end - element.text))))
                quoted = !quoted;
        struct element pair = trim((struct element){pos, (size_t)(pair_end - pos)});
        if (pair.len > 4 && leati_text_equal_nocase(pair.text, 4, "for=", 4)) {
            struct element value = {pair.text + 4, pair.len - 4};
            if (value.len >= 2 && value.text[0] == '"' && value.text[value.len - 1] == '"')
                value = (struct element){value.text + 1, value.len - 2};
            return value;
        }
        pos = pair_end + 1;
    }
    return (struct element){"", 0};
}

bool leati_http_forwarded_client(const struct leati_http_head *head,
                                 enum leati_http_forwarded header,
                                 const struct leati_address *remote,
                                 const struct leati_http_truster *truster,
                                 struct leati_address *ret_address)
{
    struct trail trail;
    struct leati_address client = *remote;
    struct element element;
    bool is_another = false;
    trail_init(&trail, head, header == LEATI_HTTP_FORWARDED);
    while (truster->trusts(&client, truster->user) && trail_take(&trail, &element)) {
        struct leati_address before;
        if (header == LEATI_HTTP_FORWARDED)
            element = for_of(element);
        if (!node_parse(element.text, element.len, &before))
            break;
        client = before;
        is_another = true;
    }
    *ret_address = client;
    return is_another;
}

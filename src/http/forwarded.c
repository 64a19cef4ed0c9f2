/* SPDX-License-Identifier: Apache-2.0 */
#include "http/forwarded.h"

#include "util/text.h"

#include <string.h>

/** Elements that are looked at, from the end: more proxies do not stand in a row. */
#define MAX_ELEMENTS 32u

struct element {
    const char *text;
    size_t len;
};

/* The last ones of all fields of that name, in their order; returns how many. */
static size_t elements_take(const struct leati_http_head *head, const char *name,
                            struct element elements[MAX_ELEMENTS])
{
    struct element ring[MAX_ELEMENTS];
    size_t field = 0, total = 0;
    const char *list;
    while ((list = leati_http_head_next(head, name, &field))) {
        struct element item;
        while (leati_http_list_next(&list, &item.text, &item.len))
            ring[total++ % MAX_ELEMENTS] = item;
    }
    size_t count = total < MAX_ELEMENTS ? total : MAX_ELEMENTS;
    for (size_t i = 0; i < count; i++)
        elements[i] = ring[(total - count + i) % MAX_ELEMENTS];
    return count;
}

static uint16_t port_parse(const char *text, size_t len)
{
    uint64_t port = 0;
    return leati_text_parse_u64(text, len, UINT16_MAX, &port) ? (uint16_t)port : 0;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static bool node_parse(const char *text, size_t len, struct leati_address *ret_address)
{
    char host[64];
    const char *begin = text, *end = text + len, *port = NULL;
    if (len > 0 && *text == '[') {
        begin++;
        end = memchr(text, ']', len);
        if (!end)
            return false;
        if (end + 1 < text + len && end[1] == ':')
            port = end + 2;
    } else {
        const char *colon = memchr(text, ':', len);
        bool is_v4_with_port = colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1));
        if (is_v4_with_port) {
            port = colon + 1;
            end = colon;
        }
    }
    size_t host_len = (size_t)(end - begin);
    if (host_len == 0 || host_len >= sizeof(host))
        return false;
    memcpy(host, begin, host_len);
    host[host_len] = '\0';
    return leati_address_parse(host, port ? port_parse(port, (size_t)(text + len - port)) : 0,
                               ret_address);
}

/* The value of "for" among the pairs of one element of Forwarded, without its quotes. */
static struct element for_of(struct element element)
{
    const char *pos = element.text, *end = element.text + element.len;
    while (pos < end) {
        const char *pair_end = pos;
        bool quoted = false;
        for (; pair_end < end && (quoted || *pair_end != ';'); pair_end++)
            quoted ^= *pair_end == '"';
        while (pos < pair_end && (*pos == ' ' || *pos == '\t'))
            pos++;
        if (pair_end - pos > 4 && leati_text_equal_nocase(pos, 4, "for=", 4)) {
            struct element value = {pos + 4, (size_t)(pair_end - pos) - 4};
            while (value.len > 0 && strchr(" \t", value.text[value.len - 1]))
                value.len--;
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
    struct element elements[MAX_ELEMENTS];
    struct leati_address client = *remote;
    bool is_standard = header == LEATI_HTTP_FORWARDED;
    size_t count = elements_take(head, is_standard ? "Forwarded" : "X-Forwarded-For", elements);
    bool is_another = false;
    while (count > 0 && truster->trusts(&client, truster->user)) {
        struct element node = is_standard ? for_of(elements[count - 1]) : elements[count - 1];
        struct leati_address before;
        count--;
        if (!node_parse(node.text, node.len, &before))
            break;
        client = before;
        is_another = true;
    }
    *ret_address = client;
    return is_another;
}

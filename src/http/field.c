/* SPDX-License-Identifier: Apache-2.0 */
#include "http/field.h"

#include "util/text.h"

#include <stdint.h>
#include <string.h>

/* ---- names -------------------------------------------------------------------------- */

bool leati_http_fields_have(const struct leati_http_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (leati_text_equal_nocase(fields[i].name, strlen(fields[i].name), name, strlen(name)))
            return true;
    return false;
}

bool leati_http_field_frames(const char *name)
{
    static const char *const framing[] = {
        "Connection", "Content-Length",   "Expect",  "HTTP2-Settings",    "Keep-Alive",
        "TE",         "Proxy-Connection", "Trailer", "Transfer-Encoding", "Upgrade",
    };

    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
        if (leati_text_equal_nocase(name, strlen(name), framing[i], strlen(framing[i])))
            return true;
    return false;
}

/* ---- lists -------------------------------------------------------------------------- */

/* Behind the element that begins at `s`: the comma that ends it, or the end of the value. */
static const char *item_end(const char *s)
{
    bool quoted = false;
    for (; *s; s++) {
        if (*s == '"')
            quoted = !quoted;
        else if (*s == '\\' && quoted && s[1])
            s++;
        else if (*s == ',' && !quoted)
            break;
    }
    return s;
}

bool leati_http_list_next(const char **cursor, const char **ret_item, size_t *ret_len)
{
    const char *s = *cursor;
    while (*s == ',' || leati_text_is_white_space(*s))
        s++;
    const char *end = item_end(s);
    *cursor = end;
    if (end == s)
        return false;
    while (leati_text_is_white_space(end[-1]))
        end--;
    *ret_item = s;
    *ret_len = (size_t)(end - s);
    return true;
}

/* ---- Host --------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind an address in brackets; NULL if it is none. */
static const char *literal_end(const char *s)
{
    const char *first = ++s;
    while (is_alphanumeric(*s) || (*s && strchr(":.%-_~", *s)))
        s++;
    return s > first && *s == ']' ? s + 1 : NULL;
}

/* Behind a name or an IPv4 address: reg-name of RFC 3986 section 3.2.2. */
static const char *name_end(const char *s)
{
    const char *first = s;
    for (;;) {
        if (is_alphanumeric(*s) || (*s && strchr("-._~!$&'()*+,;=", *s)))
            s++;
        else if (*s == '%' && is_hex(s[1]) && is_hex(s[2]))
            s += 3;
        else
            return s > first ? s : NULL;
    }
}

bool leati_http_host_valid(const char *host)
{
    uint64_t port;
    const char *end = *host == '[' ? literal_end(host) : name_end(host);

    if (!end || (*end && *end != ':'))
        return false;
    size_t len = *end ? strlen(end + 1) : 0;
    return len == 0 || leati_text_parse_u64(end + 1, len, UINT16_MAX, &port);
}

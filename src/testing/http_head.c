/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a request's head, and whether it is one: RFC 9112. */
#include "testing/peer.h"
#include "util/text.h"

#include <string.h>

/* ---- fields ---------------------------------------------------------------------------------- */

/* Goes through the fields of a name. `*cursor` is the head at first. @return where the value begins, without
 * the blanks around it; NULL = there are no more. */
static const char *field_next(const char **cursor, const char *name, size_t *ret_len)
{
    size_t name_len = strlen(name);
    for (const char *line = strstr(*cursor, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (leati_text_begins_nocase(line, name) && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            value += strspn(value, " \t");
            size_t len = strcspn(value, "\r\n");
            *cursor = value + len;
            while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
                --len;
            *ret_len = len;
            return value;
        }
    }
    return NULL;
}

bool leati_peer_http_field(struct leati_peer *p, const char *name, char *ret_value, size_t cap)
{
    size_t len = 0;
    const char *cursor = p->request.http_head;
    const char *value = field_next(&cursor, name, &len);
    bool fits = value && len < cap;
    if (fits) {
        memcpy(ret_value, value, len);
        ret_value[len] = '\0';
    }
    return fits;
}

size_t leati_peer_http_count(const struct leati_peer *p, const char *name)
{
    size_t count = 0, len = 0;
    for (const char *cursor = p->request.http_head; field_next(&cursor, name, &len);)
        ++count;
    return count;
}

/* Whether a list with commas has an item. */
static bool list_has(const char *list, size_t len, const char *item)
{
    for (size_t at = 0; at < len;) {
        at += strspn(list + at, ", \t");
        size_t item_len = strcspn(list + at, ", \t\r\n");
        if (at < len && leati_text_equal_nocase(list + at, item_len, item, strlen(item)))
            return true;
        at += item_len + (item_len == 0);
    }
    return false;
}

bool leati_peer_http_has(const struct leati_peer *p, const char *name, const char *item)
{
    size_t len = 0;
    const char *value, *cursor = p->request.http_head;
    while ((value = field_next(&cursor, name, &len)))
        if (list_has(value, len, item))
            return true;
    return false;
}

/* ---- whether it is one ----------------------------------------------------------------------- */

/* METHOD SP TARGET SP HTTP/1.x: section 3. */
static const char *request_line_fault(const char *line, size_t len)
{
    const char *target = memchr(line, ' ', len);
    if (!target || !leati_text_is_token(line, (size_t)(target - line)))
        return "a request line without a method";
    ++target;
    const char *version = memchr(target, ' ', len - (size_t)(target - line));
    if (!version || version == target)
        return "a request line without a target or version";
    for (const char *byte = target; byte < version; ++byte)
        if (*byte <= ' ' || *byte > '~')
            return "a request target with a byte that it must not have";
    ++version;
    size_t version_len = len - (size_t)(version - line);
    bool is_known = version_len == 8 && memcmp(version, "HTTP/1.", 7) == 0 && version[7] >= '0' &&
                    version[7] <= '9';
    return is_known ? NULL : "a version that is not HTTP/1.x";
}

/* NAME ":" VALUE: section 5. */
static const char *field_line_fault(const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (len > 0 && (line[0] == ' ' || line[0] == '\t'))
        return "a folded line";
    if (!colon)
        return "a line without a colon";
    if (!leati_text_is_token(line, (size_t)(colon - line)))
        return colon > line && (colon[-1] == ' ' || colon[-1] == '\t')
                   ? "a blank between a name and its colon"
                   : "a name that is no token";
    for (const char *byte = colon; byte < line + len; ++byte)
        if (((unsigned char)*byte < ' ' && *byte != '\t') || *byte == 0x7f)
            return "a control character in a value";
    return NULL;
}

/* Name or literal, perhaps with a port: RFC 9110 section 7.2. */
static bool host_is_valid(const char *host, size_t len)
{
    const char *colon = memrchr(host, ':', len);
    if (colon && memchr(colon, ']', len - (size_t)(colon - host)))
        colon = NULL; /* it is one of an IPv6 address */
    for (const char *byte = colon ? colon + 1 : host + len; byte < host + len; ++byte)
        if (*byte < '0' || *byte > '9')
            return false;
    size_t host_len = colon ? (size_t)(colon - host) : len;
    for (size_t i = 0; i < host_len; ++i)
        if (host[i] <= ' ' || host[i] > '~' || strchr("/?#@\\", host[i]))
            return false;
    return host_len > 0;
}

/* One Host, which only HTTP/1.0 may leave out: RFC 9112 section 3.2. */
static const char *host_fault(const struct leati_peer *p)
{
    size_t len = 0;
    const char *cursor = p->request.http_head;
    const char *host = field_next(&cursor, "Host", &len);
    if (!host)
        return leati_peer_http_is_1_0(p) ? NULL : "no Host";
    if (leati_peer_http_count(p, "Host") > 1)
        return "more than one Host";
    return host_is_valid(host, len) ? NULL : "a Host that is none";
}

bool leati_peer_http_is_1_0(const struct leati_peer *p)
{
    const char *end = strstr(p->request.http_head, "\r\n");
    return end && end - p->request.http_head >= 9 && memcmp(end - 9, " HTTP/1.0", 9) == 0;
}

const char *leati_peer_http_fault(const struct leati_peer *p)
{
    const char *line = p->request.http_head, *end;
    bool is_first = true;
    for (; (end = strstr(line, "\r\n")) && end > line; line = end + 2, is_first = false) {
        const char *fault = is_first ? request_line_fault(line, (size_t)(end - line))
                                     : field_line_fault(line, (size_t)(end - line));
        if (fault)
            return fault;
    }
    return is_first ? "an empty line in front" : host_fault(p);
}

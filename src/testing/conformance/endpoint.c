/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/endpoint.h"

#include "util/readable.h"
#include "util/text.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static bool refuse(char *ret_reason, size_t cap, const char *reason, const char *what)
{
    leati_readable_format(ret_reason, cap, reason, leati_excerpt(what, 120).text);
    return false;
}

static bool scheme_is_known(const char *schemes, const char *scheme)
{
    size_t len = strlen(scheme);
    for (const char *at = schemes; *at; at += *at == ' ') {
        size_t word_len = strcspn(at, " ");
        if (leati_text_equal_nocase(at, word_len, scheme, len))
            return true;
        at += word_len;
    }
    return false;
}

static uint16_t scheme_port(const char *scheme)
{
    return strncmp(scheme, "socks", 5) == 0                             ? 1080
           : strcmp(scheme, "wss") == 0 || strcmp(scheme, "https") == 0 ? 443
                                                                        : 80;
}

static bool user_read(struct leati_endpoint *endpoint, const char *text, size_t len)
{
    size_t user_len = 0, decoded = 0;
    while (user_len < len && text[user_len] != ':')
        ++user_len;
    if (user_len >= sizeof(endpoint->user) || len - user_len >= sizeof(endpoint->password))
        return false;
    endpoint->has_user = true;
    if (!leati_text_percent_decode(text, user_len, endpoint->user, &decoded))
        return false;
    return user_len == len || leati_text_percent_decode(text + user_len + 1, len - user_len - 1,
                                                        endpoint->password, &decoded);
}

/* "host", "host:1", "[::1]:1" */
static bool host_read(struct leati_endpoint *endpoint, const char *text, size_t len)
{
    uint64_t port = scheme_port(endpoint->scheme);
    bool is_literal = len > 0 && text[0] == '[';
    const char *end = is_literal ? memchr(text, ']', len) : memchr(text, ':', len);
    size_t host_len = end ? (size_t)(end - text) : len;
    size_t rest = host_len + (is_literal && end ? 1 : 0);
    if (rest < len &&
        (text[rest] != ':' || !leati_text_parse_u64(text + rest + 1, len - rest - 1, 65535, &port)))
        return false;
    if (is_literal) {
        ++text;
        --host_len;
    }
    if ((is_literal && !end) || host_len == 0 || host_len >= sizeof(endpoint->host) || port == 0)
        return false;
    memcpy(endpoint->host, text, host_len);
    endpoint->port = (uint16_t)port;
    bool is_usual = port == scheme_port(endpoint->scheme);
    char number[8] = "";
    if (!is_usual)
        snprintf(number, sizeof(number), ":%u", endpoint->port);
    snprintf(endpoint->authority, sizeof(endpoint->authority), is_literal ? "[%s]%s" : "%s%s",
             endpoint->host, number);
    return true;
}

bool leati_endpoint_parse(const char *url, const char *schemes, struct leati_endpoint *ret_endpoint,
                          char *ret_reason, size_t cap)
{
    struct leati_endpoint endpoint = {.path = "/"};
    const char *colon = strstr(url, "://");
    size_t scheme_len = colon ? (size_t)(colon - url) : 0;
    if (scheme_len == 0 || scheme_len >= sizeof(endpoint.scheme))
        return refuse(ret_reason, cap, "'%s' is no URL such as ws://HOST:PORT/", url);
    for (size_t i = 0; i < scheme_len; ++i)
        endpoint.scheme[i] = (char)(url[i] | ('A' <= url[i] && url[i] <= 'Z' ? 0x20 : 0));
    if (!scheme_is_known(schemes, endpoint.scheme))
        return refuse(ret_reason, cap, "the scheme of '%s' is not one that is judged here", url);
    const char *authority = colon + 3;
    size_t len = strcspn(authority, "/?#");
    const char *path = authority + len;
    const char *at = memrchr(authority, '@', len);
    if (at && !user_read(&endpoint, authority, (size_t)(at - authority)))
        return refuse(ret_reason, cap, "user and password of the URL cannot be read", url);
    size_t skipped = at ? (size_t)(at - authority) + 1 : 0;
    if (!host_read(&endpoint, authority + skipped, len - skipped))
        return refuse(ret_reason, cap, "host and port of '%s' cannot be read", authority + skipped);
    size_t path_len = strcspn(path, "#");
    if (path_len + 2 > sizeof(endpoint.path))
        return refuse(ret_reason, cap, "the path of the URL is too long", url);
    for (size_t i = 0; i < path_len; ++i)
        if ((unsigned char)path[i] <= ' ' || path[i] == 0x7f)
            return refuse(ret_reason, cap, "the path '%s' has a character that must be escaped",
                          path);
    if (path_len > 0)
        snprintf(endpoint.path, sizeof(endpoint.path), "%s%.*s", path[0] == '/' ? "" : "/",
                 (int)path_len, path);
    *ret_endpoint = endpoint;
    return true;
}

int leati_endpoint_resolve(struct leati_endpoint *endpoint)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", endpoint->port);
    int result = getaddrinfo(endpoint->host, port, &hints, &found);
    if (result != 0)
        return result;
    /* A server that listens on 127.0.0.1 only is found under localhost as well. */
    const struct addrinfo *best = found;
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            best = at;
            break;
        }
    }
    memcpy(&endpoint->address, best->ai_addr, best->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

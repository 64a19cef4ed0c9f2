/* SPDX-License-Identifier: Apache-2.0 */
/* URI references (RFC 3986 section 5), for redirects. */
#include "url/url.h"

#include "url/uri_memory.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <string.h>

/* "scheme://host:port", as uriparser takes it and as a server has seen it: without a zone. */
static char *base_text(const struct leati_url *base)
{
    int len = (int)strcspn(base->host, "%");
    return leati_asprintf(base->host_is_ipv6 ? "%s://[%.*s]:%u%s" : "%s://%.*s:%u%s", base->scheme,
                          len, base->host, base->port, base->target);
}

/* A server knows us by what Host said, where neither a zone nor the final dot of a name stands. If
 * it sends us back to that host, be it by a relative reference, we mean the one that we have
 * reached. Takes `text`. */
static char *text_of_same_host(const struct leati_url *base, char *text)
{
    struct leati_failure unused;
    struct leati_url url;
    size_t len = strcspn(base->host, "%");
    char *same = text;

    if (!base->host_is_absolute && base->host[len] == '\0')
        return text;
    leati_failure_init(&unused);
    int code = leati_url_parse_websocket(text, &unused, &url);
    leati_failure_done(&unused);
    if (code == LEAT_E_SYSTEM_INTERNAL) {
        leati_free(text);
        return NULL;
    }
    if (code != LEAT_OK)
        return text;
    if (strlen(url.host) == len && memcmp(url.host, base->host, len) == 0)
        same = leati_asprintf(base->host_is_ipv6 ? "%s://[%.*s%%25%s]:%u%s" : "%s://%.*s.%s:%u%s",
                              url.scheme, (int)len, base->host,
                              base->host_is_ipv6 ? base->host + len + 1 : "", url.port, url.target);
    if (same != text)
        leati_free(text);
    leati_url_done(&url);
    return same;
}

static char *uri_text(const UriUriA *uri)
{
    int len = 0;
    if (uriToStringCharsRequiredA(uri, &len) != URI_SUCCESS)
        return NULL;
    char *text = leati_malloc((size_t)len + 1);
    if (text && uriToStringA(text, uri, len + 1, NULL) != URI_SUCCESS) {
        leati_free(text);
        return NULL;
    }
    return text;
}

/* What a server says in terms of HTTP means WebSocket here; a fragment is for a browser. */
static char *websocket_text(const char *text)
{
    int len = (int)strcspn(text, "#");
    if (leati_text_begins_nocase(text, "http://"))
        return leati_asprintf("ws://%.*s", len - 7, text + 7);
    if (leati_text_begins_nocase(text, "https://"))
        return leati_asprintf("wss://%.*s", len - 8, text + 8);
    return leati_bytes_dup(text, (size_t)len);
}

static int resolve_fail(struct leati_failure *failure, const char *reference)
{
    const struct leati_fault fault = {.code = LEAT_E_WS_URL, .layer = LEAT_LAYER_WEBSOCKET};
    return leati_failure_set(failure, &fault, "the redirect leads to no valid URL: %s",
                             leati_excerpt(reference, 200).text);
}

static int resolve(const char *base, const char *reference, char **ret_text)
{
    UriUriA base_uri, relative_uri, absolute_uri;
    char *text = NULL;
    memset(&absolute_uri, 0, sizeof(absolute_uri));
    int code =
        uriParseSingleUriExMmA(&base_uri, base, base + strlen(base), NULL, &leati_uri_memory);
    if (code != URI_SUCCESS)
        return code == URI_ERROR_MALLOC ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_WS_URL;
    code = uriParseSingleUriExMmA(&relative_uri, reference, reference + strlen(reference), NULL,
                                  &leati_uri_memory);
    if (code == URI_SUCCESS) {
        code = uriAddBaseUriExMmA(&absolute_uri, &relative_uri, &base_uri, URI_RESOLVE_STRICTLY,
                                  &leati_uri_memory);
        text = code == URI_SUCCESS ? uri_text(&absolute_uri) : NULL;
        uriFreeUriMembersMmA(&absolute_uri, &leati_uri_memory);
        uriFreeUriMembersMmA(&relative_uri, &leati_uri_memory);
    }
    uriFreeUriMembersMmA(&base_uri, &leati_uri_memory);
    if (!text)
        return code == URI_SUCCESS || code == URI_ERROR_MALLOC ? LEAT_E_SYSTEM_INTERNAL
                                                               : LEAT_E_WS_URL;
    *ret_text = websocket_text(text);
    leati_free(text);
    return *ret_text ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

int leati_url_resolve_redirect(const struct leati_url *base, const char *reference,
                               struct leati_failure *failure, char **ret_text)
{
    char *text = base_text(base);
    int code = text ? resolve(text, reference, ret_text) : LEAT_E_SYSTEM_INTERNAL;
    leati_free(text);
    if (code == LEAT_OK) {
        *ret_text = text_of_same_host(base, *ret_text);
        code = *ret_text ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
    }
    if (code == LEAT_E_WS_URL)
        return resolve_fail(failure, reference);
    if (code != LEAT_OK)
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
    return code;
}

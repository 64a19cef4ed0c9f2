/* SPDX-License-Identifier: Apache-2.0 */
/* URI references (RFC 3986 section 5), for redirects. */
#include "url/url.h"

#include "core/address.h"
#include "url/uri_memory.h"
#include "util/alloc.h"

#include <string.h>
#include <strings.h>

/* The base as a text; its user info is nobody's business. */
static char *base_text(const struct leati_url *base)
{
    size_t cap = strlen(base->host) + sizeof("[]:65535");
    char *authority = leati_malloc(cap);
    if (!authority)
        return NULL;
    leati_host_port_format(base->host, base->port, authority, cap);
    char *text = leati_asprintf("%s://%s%s", base->scheme, authority, base->target);
    leati_free(authority);
    return text;
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
    if (strncasecmp(text, "http://", 7) == 0)
        return leati_asprintf("ws://%.*s", len - 7, text + 7);
    if (strncasecmp(text, "https://", 8) == 0)
        return leati_asprintf("wss://%.*s", len - 8, text + 8);
    return leati_bytes_dup(text, (size_t)len);
}

static int resolve_fail(struct leati_failure *failure, const char *reference)
{
    const struct leati_fault fault = {.code = LEAT_E_WS_URL, .layer = LEAT_LAYER_WEBSOCKET};
    return leati_failure_set(failure, &fault, "the redirect leads to no valid URL: %.200s",
                             reference);
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
    if (code == LEAT_E_WS_URL)
        return resolve_fail(failure, reference);
    if (code != LEAT_OK)
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
    return code;
}

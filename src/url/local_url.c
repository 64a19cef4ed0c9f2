/* SPDX-License-Identifier: Apache-2.0 */
#include "url/local_url.h"

#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

#define SCHEME      "ws+unix:"
#define PROXY_INFIX "+unix:"

bool leati_url_is_local(const char *text)
{
    return leati_text_begins_nocase(text, SCHEME);
}

static int url_fail(struct leati_failure *failure, int code, const char *text)
{
    const struct leati_fault fault = {.code = code, .layer = LEAT_LAYER_WEBSOCKET};
    return leati_failure_set(failure, &fault, "%s", text);
}

/* LEAT_E_PARAMETER: it holds an encoded NUL. */
static int path_decode(const char *text, size_t len, char **ret_path)
{
    char *path = leati_malloc(len + 1);
    if (!path)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!leati_text_percent_decode(text, len, path, &len)) {
        leati_free(path);
        return LEAT_E_PARAMETER;
    }
    *ret_path = path;
    return LEAT_OK;
}

/* The target is checked as that of any other URL. */
static int target_parse(const char *target, struct leati_failure *failure,
                        struct leati_url *ret_url)
{
    char *url = leati_asprintf("ws://localhost%s%s", *target == '/' ? "" : "/", target);
    if (!url)
        return url_fail(failure, LEAT_E_SYSTEM_INTERNAL, "no memory for the URL");
    int code = leati_url_parse_websocket(url, failure, ret_url);
    leati_free(url);
    return code;
}

int leati_url_parse_local(const char *text, struct leati_failure *failure, char **ret_path,
                          struct leati_url *ret_url)
{
    char *path = NULL; /* for gcc 12, with optimisation */
    if (strlen(text) > LEATI_URL_MAX_BYTES)
        return url_fail(failure, LEAT_E_WS_URL, "the URL is longer than 8192 bytes");
    text += strlen(SCHEME);
    if (strncmp(text, "///", 3) == 0)
        text += 2;
    size_t len = strcspn(text, ":");
    if (len == 0 || strncmp(text, "//", 2) == 0)
        return url_fail(failure, LEAT_E_WS_URL,
                        "write it as ws+unix:/path/to/socket:/path/of/the/request");
    int code = path_decode(text, len, &path);
    if (code == LEAT_E_PARAMETER)
        return url_fail(failure, LEAT_E_WS_URL,
                        "the path of the local socket holds an encoded NUL");
    if (code != LEAT_OK)
        return url_fail(failure, code, "no memory for the URL");
    code = target_parse(text[len] == ':' ? text + len + 1 : "/", failure, ret_url);
    if (code == LEAT_OK)
        *ret_path = path;
    else
        leati_free(path);
    return code;
}

/* ---- proxies ---------------------------------------------------------------------------- */

static const char *proxy_infix(const char *text)
{
    const char *infix = text + strcspn(text, "+:/?#@");
    return leati_text_begins_nocase(infix, PROXY_INFIX) ? infix : NULL;
}

bool leati_url_is_local_proxy(const char *text)
{
    return proxy_infix(text);
}

static int proxy_fail(struct leati_failure *failure, int code, const char *text)
{
    return leati_failure_set(failure, &(struct leati_fault){.code = code}, "%s", text);
}

/* What its scheme means is read as that of any other proxy. */
static int proxy_scheme_parse(const char *text, struct leati_failure *failure,
                              struct leati_url *ret_url)
{
    char *url = leati_asprintf("%.*s://localhost", (int)(proxy_infix(text) - text), text);
    if (!url)
        return proxy_fail(failure, LEAT_E_SYSTEM_INTERNAL, "no memory for the proxy URL");
    int code = leati_url_parse_proxy(url, failure, ret_url);
    leati_free(url);
    return code;
}

int leati_url_parse_local_proxy(const char *text, struct leati_failure *failure,
                                struct leati_url *ret_url)
{
    char *path = NULL;
    if (strlen(text) > LEATI_URL_MAX_BYTES)
        return proxy_fail(failure, LEAT_E_PARAMETER, "the proxy URL is longer than 8192 bytes");
    const char *start = proxy_infix(text) + strlen(PROXY_INFIX);
    if (strncmp(start, "///", 3) == 0)
        start += 2;
    if (!*start || !strchr("/.@", *start) || strncmp(start, "//", 2) == 0 ||
        strcmp(start, "@") == 0)
        return proxy_fail(failure, LEAT_E_PARAMETER,
                          "write a proxy behind a local socket as socks5h+unix:/path/to/socket; a "
                          "user is set apart from it");
    int code = path_decode(start, strlen(start), &path);
    if (code != LEAT_OK)
        return proxy_fail(failure, code,
                          code == LEAT_E_PARAMETER
                              ? "the path of the proxy's local socket holds an encoded NUL"
                              : "no memory for the proxy URL");
    code = proxy_scheme_parse(text, failure, ret_url);
    if (code == LEAT_OK)
        ret_url->unix_path = path;
    else
        leati_free(path);
    return code;
}

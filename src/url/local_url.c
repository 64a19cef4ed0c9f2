/* SPDX-License-Identifier: Apache-2.0 */
#include "url/local_url.h"

#include "util/alloc.h"
#include "util/text.h"

#include <string.h>
#include <strings.h>

#define SCHEME "ws+unix:"

bool leati_url_is_local(const char *text)
{
    return strncasecmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static int url_fail(struct leati_failure *failure, const char *text)
{
    const struct leati_fault fault = {.code = LEAT_E_WS_URL, .layer = LEAT_LAYER_WEBSOCKET};
    return leati_failure_set(failure, &fault, "%s", text);
}

static int path_decode(const char *text, size_t len, struct leati_failure *failure, char **ret_path)
{
    char *path = leati_malloc(len + 1);
    if (!path)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!leati_text_percent_decode(text, len, path, &len)) {
        leati_free(path);
        return url_fail(failure, "the path of the local socket holds an encoded NUL");
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
        return LEAT_E_SYSTEM_INTERNAL;
    int code = leati_url_parse_websocket(url, failure, ret_url);
    leati_free(url);
    return code;
}

int leati_url_parse_local(const char *text, struct leati_failure *failure, char **ret_path,
                          struct leati_url *ret_url)
{
    char *path = NULL; /* for gcc 12, with optimisation */
    if (strlen(text) > LEATI_URL_MAX_BYTES)
        return url_fail(failure, "the URL is longer than 8192 bytes");
    text += strlen(SCHEME);
    if (strncmp(text, "///", 3) == 0)
        text += 2;
    size_t len = strcspn(text, ":");
    if (len == 0 || strncmp(text, "//", 2) == 0)
        return url_fail(failure, "write it as ws+unix:/path/to/socket:/path/of/the/request");
    int code = path_decode(text, len, failure, &path);
    if (code != LEAT_OK)
        return code;
    code = target_parse(text[len] == ':' ? text + len + 1 : "/", failure, ret_url);
    if (code == LEAT_OK)
        *ret_path = path;
    else
        leati_free(path);
    return code;
}

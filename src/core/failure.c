/* SPDX-License-Identifier: Apache-2.0 */
#include "core/failure.h"

#include "util/alloc.h"
#include "util/errno_text.h"
#include "util/readable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *leat_layer_name(enum leat_layer layer)
{
    switch (layer) {
    case LEAT_LAYER_NONE:
        break;
    case LEAT_LAYER_DNS:
        return "dns";
    case LEAT_LAYER_TCP:
        return "tcp";
    case LEAT_LAYER_SOCKS5:
        return "socks5";
    case LEAT_LAYER_HTTP_PROXY:
        return "http-proxy";
    case LEAT_LAYER_TLS:
        return "tls";
    case LEAT_LAYER_WEBSOCKET:
        return "websocket";
    case LEAT_LAYER_UDP:
        return "udp";
    }
    return "none";
}

bool leat_is_queue_full(int code)
{
    return code == LEAT_E_TLS_WRITE || code == LEAT_E_SOCKET_BASE + EAGAIN;
}

struct leati_fault leati_errno_fault(enum leat_layer layer, int sys_errno, const char *hop)
{
    return (struct leati_fault){
        .code = LEAT_E_SOCKET_BASE + sys_errno, .layer = layer, .sys_errno = sys_errno, .hop = hop};
}

struct leati_reason leati_errno_reason(int sys_errno)
{
    struct leati_reason reason;
    const char *name = leati_errno_name(sys_errno);
    const char *description = leati_errno_text(sys_errno);

    if (!name || !description)
        snprintf(reason.text, sizeof(reason.text), "errno %d", sys_errno);
    else
        snprintf(reason.text, sizeof(reason.text), "%s (%s)", name, description);
    return reason;
}

void leati_failure_init(struct leati_failure *failure)
{
    *failure = (struct leati_failure){.code = LEAT_OK};
}

void leati_failure_done(struct leati_failure *failure)
{
    leati_free(failure->hop);
    leati_free(failure->text);
    leati_failure_init(failure);
}

int leati_failure_setv(struct leati_failure *failure, const struct leati_fault *fault,
                       const char *format, va_list args)
{
    if (failure->code != LEAT_OK)
        return fault->code;

    char text[LEAT_ERROR_TEXT_SIZE];
    leati_readable_vformat(text, sizeof(text), format, args);
    *failure = (struct leati_failure){
        .code = fault->code,
        .layer = fault->layer,
        .sys_errno = fault->sys_errno,
        .native_code = fault->native_code,
        .hop = fault->hop ? leati_strdup(fault->hop) : NULL,
        .text = leati_strdup(text),
    };
    return fault->code;
}

int leati_failure_set(struct leati_failure *failure, const struct leati_fault *fault,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = leati_failure_setv(failure, fault, format, args);
    va_end(args);
    return code;
}

/* What is replaced goes last: the new text may quote it. */
int leati_failure_replacev(struct leati_failure *failure, const struct leati_fault *fault,
                           const char *format, va_list args)
{
    struct leati_failure before = *failure;
    leati_failure_init(failure);
    int code = leati_failure_setv(failure, fault, format, args);
    leati_failure_done(&before);
    return code;
}

int leati_failure_replace(struct leati_failure *failure, const struct leati_fault *fault,
                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = leati_failure_replacev(failure, fault, format, args);
    va_end(args);
    return code;
}

struct leati_fault leati_failure_fault(const struct leati_failure *failure)
{
    return (struct leati_fault){
        .code = failure->code,
        .layer = failure->layer,
        .sys_errno = failure->sys_errno,
        .native_code = failure->native_code,
        .hop = failure->hop,
    };
}

int leati_failure_relabel(struct leati_failure *failure, int code, enum leat_layer layer,
                          const char *what)
{
    if (failure->code == LEAT_OK)
        return leati_failure_set(failure, &(struct leati_fault){.code = code, .layer = layer}, "%s",
                                 what);

    failure->code = code;
    failure->layer = layer;
    char *text = failure->text ? leati_asprintf("%s: %s", what, failure->text) : leati_strdup(what);
    if (text) {
        leati_free(failure->text);
        failure->text = text;
    }
    return code;
}

void leati_failure_append(struct leati_failure *failure, const char *text)
{
    char *longer = leati_concat(failure->text ? failure->text : "", text);

    if (longer) {
        leati_free(failure->text);
        failure->text = longer;
    }
}

void leati_failure_surround(struct leati_failure *failure, const char *before, const char *behind)
{
    if (!failure->text)
        return;
    char *text = leati_concat(before, failure->text, behind);
    if (!text)
        return;
    leati_free(failure->text);
    failure->text = text;
}

void leati_failure_get(const struct leati_failure *failure, struct leat_error *ret_error)
{
    *ret_error = (struct leat_error){
        .code = failure->code,
        .layer = failure->layer,
        .sys_errno = failure->sys_errno,
        .native_code = failure->native_code,
        .violation = failure->violation,
    };
    if (failure->hop)
        leati_readable_format(ret_error->hop, sizeof(ret_error->hop), "%s", failure->hop);
    if (failure->text)
        leati_readable_format(ret_error->text, sizeof(ret_error->text), "%s", failure->text);
}

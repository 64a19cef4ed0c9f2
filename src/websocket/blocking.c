/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/blocking.h>
#include <leat/catalogue.h>

#include "config/settings.h"
#include "websocket/websocket.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/readable.h"
#include "util/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message that arrived before it was asked for. */
struct kept_message {
    struct kept_message *next;
    enum leat_message_type type;
    size_t len;
    uint8_t data[];
};

struct leat_blocking_websocket {
    leat_loop *loop;
    leat_websocket *ws;
    bool secure;
    bool opened;
    bool closed;
    bool waits_for_end; /* messages are dropped */
    size_t kept_limit_bytes;
    size_t kept_bytes; /* with what the list itself takes: empty messages must not be free */
    struct kept_message *first, **last;
    struct kept_message *lent; /* what the last recv gave out */
    int local_fault;           /* our own, e.g. no memory for a message */
    struct leat_close_event end;
    char reason[128];
    char hop[LEAT_ERROR_HOP_SIZE];
};

/* ---- callbacks ------------------------------------------------------------------------ */

static void on_opened(leat_websocket *ws, void *user)
{
    struct leat_blocking_websocket *b = user;
    b->opened = true;
    snprintf(b->hop, sizeof(b->hop), "%s", leat_websocket_get_peer(ws));
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct leat_blocking_websocket *b = user;
    if (b->waits_for_end)
        return;
    struct kept_message *message = leati_malloc(sizeof(*message) + len);
    if (!message) {
        b->local_fault = LEAT_E_SYSTEM_INTERNAL;
        return;
    }
    message->next = NULL;
    message->type = type;
    message->len = len;
    if (len > 0)
        memcpy(message->data, data, len);
    *b->last = message;
    b->last = &message->next;
    b->kept_bytes += sizeof(*message) + len;
    if (b->kept_bytes >= b->kept_limit_bytes)
        leat_websocket_pause(ws);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct leat_blocking_websocket *b = user;
    (void)ws;
    b->closed = true;
    b->end = *event;
    memcpy(b->reason, event->reason, event->reason_len);
    b->end.reason = b->reason;
}

static const struct leat_websocket_callbacks blocking_callbacks = {
    .size = sizeof(blocking_callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

/* ---- waiting -------------------------------------------------------------------------- */

static uint64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : leati_clock_ms() + (uint64_t)timeout_ms;
}

static int remaining_ms(uint64_t deadline_ms)
{
    if (deadline_ms == UINT64_MAX)
        return -1;
    uint64_t now_ms = leati_clock_ms();
    return now_ms >= deadline_ms ? 0 : (int)(deadline_ms - now_ms);
}

/* Dispatches until `done` or the deadline. LEATI_AGAIN = the deadline came first. */
static int blocking_wait(struct leat_blocking_websocket *b,
                         bool (*done)(const struct leat_blocking_websocket *), uint64_t deadline_ms)
{
    for (int late = 0; !done(b);) {
        int timeout_ms = remaining_ms(deadline_ms);
        int code = leat_loop_dispatch(b->loop, timeout_ms);
        if (code != LEAT_OK)
            return code;
        /* What lies in the kernel has come in time, though it takes more than one round to read. */
        if (timeout_ms == 0 && !done(b) &&
            (!b->ws->stream.reads_on || ++late > LEATI_WS_LATE_PUMPS_MAX))
            return LEATI_AGAIN;
    }
    return LEAT_OK;
}

static bool is_open_or_closed(const struct leat_blocking_websocket *b)
{
    return b->opened || b->closed;
}

static bool is_closed(const struct leat_blocking_websocket *b)
{
    return b->closed;
}

static bool is_sent_or_closed(const struct leat_blocking_websocket *b)
{
    return b->closed || leat_websocket_get_buffered_bytes(b->ws) == 0;
}

static bool has_message_or_end(const struct leat_blocking_websocket *b)
{
    return b->first || b->closed || b->local_fault != LEAT_OK;
}

/* ---- what a call says that failed ------------------------------------------------------ */

static int LEAT_PRINTF(5, 6)
    blocking_fail(const struct leat_blocking_websocket *b, int code, int sys_errno,
                  struct leat_error *ret_error, const char *format, ...)
{
    va_list args;
    if (!ret_error)
        return code;
    *ret_error =
        (struct leat_error){.code = code, .layer = LEAT_LAYER_WEBSOCKET, .sys_errno = sys_errno};
    snprintf(ret_error->hop, sizeof(ret_error->hop), "%s", b ? b->hop : "");
    va_start(args, format);
    leati_readable_vformat(ret_error->text, sizeof(ret_error->text), format, args);
    va_end(args);
    return code;
}

/* After the end: the failure, or that it was closed in order, and by whom. */
static int end_fail(const struct leat_blocking_websocket *b, struct leat_error *ret_error)
{
    const struct leat_close_event *end = &b->end;
    const int code = LEAT_E_SOCKET_BASE + EBADF;
    bool has_reason = end->reason_len > 0;
    char close_code[48] = "without a code";
    if (end->error.code != LEAT_OK && ret_error)
        *ret_error = end->error;
    if (end->error.code != LEAT_OK)
        return end->error.code;
    if (end->close_code != 1005) /* which stands for none, RFC 6455 section 7.4.1 */
        snprintf(close_code, sizeof(close_code), "with close code %u", (unsigned)end->close_code);
    blocking_fail(b, code, EBADF, ret_error, "%s %s%s%s%s",
                  end->closed_by == LEAT_CLOSED_BY_LOCAL
                      ? "this program has closed the connection; the server answered"
                      : "the server has closed the connection",
                  close_code, has_reason ? ": \"" : "", end->reason, has_reason ? "\"" : "");
    if (ret_error)
        ret_error->native_code = end->close_code;
    return code;
}

/* What a function of leat_websocket has returned. */
static int refused_fail(const struct leat_blocking_websocket *b, int code, const char *arguments,
                        struct leat_error *ret_error)
{
    int sys_errno = leat_code_errno(code);
    if (code == LEAT_E_PARAMETER)
        return blocking_fail(b, code, 0, ret_error, "%s", arguments);
    if (code == LEAT_E_SYSTEM_INTERNAL)
        return blocking_fail(b, code, 0, ret_error, "out of memory");
    if (leat_is_queue_full(code))
        return blocking_fail(b, code, sys_errno, ret_error, "the send queue is full");
    return blocking_fail(b, code, sys_errno, ret_error, "the connection cannot be used now");
}

/* What waiting has returned; `late_code` is the one for a deadline over TLS. */
static int wait_fail(const struct leat_blocking_websocket *b, int code, int late_code,
                     const char *missing, int timeout_ms, struct leat_error *ret_error)
{
    if (code != LEATI_AGAIN)
        return blocking_fail(b, code, leat_code_errno(code), ret_error, "the loop cannot wait");
    return blocking_fail(b, b->secure ? late_code : LEAT_E_SOCKET_BASE + ETIMEDOUT, ETIMEDOUT,
                         ret_error, "%s within %d ms; the connection stands", missing, timeout_ms);
}

/* ---- the calls ------------------------------------------------------------------------ */

static int blocking_start(struct leat_blocking_websocket *b, const char *url,
                          const leat_config *config, struct leat_error *ret_error)
{
    int code = leat_loop_new(&b->loop);
    if (code == LEAT_OK)
        code = leat_websocket_new(b->loop, &blocking_callbacks, b, &b->ws);
    if (code == LEAT_OK) {
        code = leat_websocket_connect(b->ws, url, config);
        leat_websocket_get_error(b->ws, ret_error);
    }
    if (code == LEAT_OK)
        code = blocking_wait(b, is_open_or_closed, UINT64_MAX);
    /* A connection that has ended still gives out the messages it has received. */
    if (code == LEAT_OK && !b->opened)
        code = end_fail(b, ret_error);
    return code;
}

static int blocking_take_limit(struct leat_blocking_websocket *b, const leat_config *config,
                               struct leat_error *ret_error)
{
    const struct leati_settings *settings;
    struct leati_failure failure;
    leati_failure_init(&failure);
    int code = leati_settings_of(config, &failure, &settings);
    if (code != LEAT_OK)
        leati_failure_get(&failure, ret_error);
    leati_failure_done(&failure);
    if (code != LEAT_OK)
        return code;
    b->kept_limit_bytes = settings->max_message_bytes;
    leati_settings_unref(settings);
    return LEAT_OK;
}

int leat_blocking_websocket_connect(const char *url, const leat_config *config,
                                    leat_blocking_websocket **ret_ws, struct leat_error *ret_error)
{
    struct leat_error error = {.code = LEAT_OK};
    int code = url && ret_ws ? LEAT_OK : LEAT_E_PARAMETER;
    struct leat_blocking_websocket *b = NULL;
    if (code == LEAT_OK) {
        b = leati_calloc(1, sizeof(*b));
        code = b ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
    }
    if (code == LEAT_OK) {
        b->last = &b->first;
        b->secure = leati_text_begins_nocase(url, "wss:");
        code = blocking_take_limit(b, config, &error);
    }
    if (code == LEAT_OK)
        code = blocking_start(b, url, config, &error);
    if (code != LEAT_OK) {
        error.code = code;
        if (ret_error)
            *ret_error = error;
        leat_blocking_websocket_free(b);
        return code;
    }
    *ret_ws = b;
    return LEAT_OK;
}

int leat_blocking_websocket_send(leat_blocking_websocket *ws, enum leat_message_type type,
                                 const void *data, size_t len, int timeout_ms,
                                 struct leat_error *ret_error)
{
    if (!ws)
        return blocking_fail(NULL, LEAT_E_PARAMETER, 0, ret_error, "there is no connection");
    if (ws->closed)
        return end_fail(ws, ret_error);
    int code = leat_websocket_send(ws->ws, type, data, len);
    if (code != LEAT_OK)
        return refused_fail(ws, code, "no such type of message, no data, or text that is not UTF-8",
                            ret_error);
    code = blocking_wait(ws, is_sent_or_closed, deadline_of(timeout_ms));
    if (code != LEAT_OK)
        return wait_fail(ws, code, LEAT_E_TLS_WRITE, "the server has not taken the message",
                         timeout_ms, ret_error);
    return ws->closed ? end_fail(ws, ret_error) : LEAT_OK;
}

static void lend_first(struct leat_blocking_websocket *b, struct leat_message *ret_message)
{
    struct kept_message *message = b->first;
    b->first = message->next;
    if (!b->first)
        b->last = &b->first;
    b->kept_bytes -= sizeof(*message) + message->len;
    b->lent = message;
    if (b->kept_bytes < b->kept_limit_bytes)
        leat_websocket_resume(b->ws);
    *ret_message = (struct leat_message){message->type, message->data, message->len};
}

int leat_blocking_websocket_recv(leat_blocking_websocket *ws, struct leat_message *ret_message,
                                 int timeout_ms, struct leat_error *ret_error)
{
    if (!ws || !ret_message)
        return blocking_fail(ws, LEAT_E_PARAMETER, 0, ret_error,
                             "there is no connection, or no place for the message");
    leati_free(ws->lent);
    ws->lent = NULL;
    int code = blocking_wait(ws, has_message_or_end, deadline_of(timeout_ms));
    if (code != LEAT_OK)
        return wait_fail(ws, code, LEAT_E_TLS_READ, "no message came", timeout_ms, ret_error);
    if (ws->first) {
        lend_first(ws, ret_message);
        return LEAT_OK;
    }
    if (ws->local_fault != LEAT_OK)
        return blocking_fail(ws, ws->local_fault, 0, ret_error,
                             "out of memory for a message that came");
    return end_fail(ws, ret_error);
}

int leat_blocking_websocket_close(leat_blocking_websocket *ws, uint16_t code, const char *reason,
                                  struct leat_error *ret_error)
{
    if (!ws)
        return blocking_fail(NULL, LEAT_E_PARAMETER, 0, ret_error, "there is no connection");
    if (ws->closed)
        return end_fail(ws, ret_error);
    int result = leat_websocket_close(ws->ws, code, reason);
    if (result != LEAT_OK)
        return refused_fail(ws, result, "a close code or a reason that must not be sent",
                            ret_error);
    ws->waits_for_end = true;
    leat_websocket_resume(ws->ws);
    result = blocking_wait(ws, is_closed, UINT64_MAX);
    if (result != LEAT_OK)
        return wait_fail(ws, result, LEAT_E_TLS_READ, "the end did not come", -1, ret_error);
    return ws->end.error.code == LEAT_OK ? LEAT_OK : end_fail(ws, ret_error);
}

const struct leat_close_event *leat_blocking_websocket_get_close_event(
    const leat_blocking_websocket *ws)
{
    return ws && ws->closed ? &ws->end : NULL;
}

const leat_websocket *leat_blocking_websocket_get_websocket(const leat_blocking_websocket *ws)
{
    return ws ? ws->ws : NULL;
}

void leat_blocking_websocket_free(leat_blocking_websocket *ws)
{
    if (!ws)
        return;
    leat_websocket_free(ws->ws);
    leat_loop_free(ws->loop);
    while (ws->first) {
        struct kept_message *next = ws->first->next;
        leati_free(ws->first);
        ws->first = next;
    }
    leati_free(ws->lent);
    leati_free(ws);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/blocking.h>

#include "config/settings.h"
#include "websocket/websocket.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

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
};

/* ---- callbacks ------------------------------------------------------------------------ */

static void on_opened(leat_websocket *ws, void *user)
{
    struct leat_blocking_websocket *b = user;
    (void)ws;
    b->opened = true;
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
    return b->closed || leat_websocket_buffered_bytes(b->ws) == 0;
}

static bool has_message_or_end(const struct leat_blocking_websocket *b)
{
    return b->first || b->closed || b->local_fault != LEAT_OK;
}

/* What a call says after the end: the failure, or that it was closed in order. */
static int end_code(const struct leat_blocking_websocket *b)
{
    return b->end.error.code != LEAT_OK ? b->end.error.code : LEAT_E_SOCKET_BASE + EBADF;
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
    /* One that was open and has ended already gives out its messages first. */
    if (code == LEAT_OK && !b->opened) {
        *ret_error = b->end.error;
        code = end_code(b);
    }
    return code;
}

static int blocking_take_limit(struct leat_blocking_websocket *b, const leat_config *config)
{
    const struct leati_settings *settings;
    int code = leati_settings_of(config, &settings);
    if (code != LEAT_OK)
        return code;
    b->kept_limit_bytes = settings->max_message_bytes;
    leati_settings_unref(settings);
    return LEAT_OK;
}

int leat_blocking_connect(const char *url, const leat_config *config,
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
        b->secure = strncasecmp(url, "wss:", 4) == 0;
        code = blocking_take_limit(b, config);
    }
    if (code == LEAT_OK)
        code = blocking_start(b, url, config, &error);
    if (code != LEAT_OK) {
        error.code = code;
        if (ret_error)
            *ret_error = error;
        leat_blocking_free(b);
        return code;
    }
    *ret_ws = b;
    return LEAT_OK;
}

int leat_blocking_send(leat_blocking_websocket *ws, enum leat_message_type type, const void *data,
                       size_t len, int timeout_ms)
{
    if (!ws)
        return LEAT_E_PARAMETER;
    if (ws->closed)
        return end_code(ws);
    int code = leat_websocket_send(ws->ws, type, data, len);
    if (code != LEAT_OK)
        return code;
    code = blocking_wait(ws, is_sent_or_closed, deadline_of(timeout_ms));
    if (code == LEATI_AGAIN)
        return ws->secure ? (int)LEAT_E_TLS_WRITE : LEAT_E_SOCKET_BASE + ETIMEDOUT;
    if (code != LEAT_OK)
        return code;
    return ws->closed ? end_code(ws) : LEAT_OK;
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

int leat_blocking_recv(leat_blocking_websocket *ws, struct leat_message *ret_message,
                       int timeout_ms)
{
    if (!ws || !ret_message)
        return LEAT_E_PARAMETER;
    leati_free(ws->lent);
    ws->lent = NULL;
    int code = blocking_wait(ws, has_message_or_end, deadline_of(timeout_ms));
    if (code == LEATI_AGAIN)
        return ws->secure ? (int)LEAT_E_TLS_READ : LEAT_E_SOCKET_BASE + ETIMEDOUT;
    if (code != LEAT_OK)
        return code;
    if (ws->first) {
        lend_first(ws, ret_message);
        return LEAT_OK;
    }
    return ws->local_fault != LEAT_OK ? ws->local_fault : end_code(ws);
}

int leat_blocking_close(leat_blocking_websocket *ws, uint16_t code, const char *reason)
{
    if (!ws)
        return LEAT_E_PARAMETER;
    if (ws->closed)
        return end_code(ws);
    int result = leat_websocket_close(ws->ws, code, reason);
    if (result != LEAT_OK)
        return result;
    ws->waits_for_end = true;
    leat_websocket_resume(ws->ws);
    result = blocking_wait(ws, is_closed, UINT64_MAX);
    return result == LEAT_OK ? ws->end.error.code : result;
}

const struct leat_close_event *leat_blocking_close_event(const leat_blocking_websocket *ws)
{
    return ws && ws->closed ? &ws->end : NULL;
}

const leat_websocket *leat_blocking_websocket_of(const leat_blocking_websocket *ws)
{
    return ws ? ws->ws : NULL;
}

void leat_blocking_free(leat_blocking_websocket *ws)
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

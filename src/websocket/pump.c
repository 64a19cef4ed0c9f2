/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/websocket.h"

#include "tcp/tcp.h"
#include "websocket/session_pool.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

/** How long the server may take to end TCP after the close handshake (RFC 6455 section 7.1.1). */
#define SERVER_EOF_WAIT_MS 1000u
/** How much one connection may read before the others of the loop have their turn. */
#define READ_BYTES_PER_PUMP (16u * LEATI_SCRATCH_BYTES)
#define IOVECS_PER_SEND     64

/* ---- ending --------------------------------------------------------------------------- */

static const char *ws_origin_hop(const struct leat_websocket *ws)
{
    return leati_route_origin_text(ws->chain->route);
}

/* Of closing; while it is open the keep-alive has the deadline. */
static void ws_set_deadline(struct leat_websocket *ws, uint32_t timeout_ms)
{
    ws->chain->owner_deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0;
}

static int ws_record(struct leat_websocket *ws, int code, int sys_errno, int native_code,
                     const char *text)
{
    const struct leati_fault fault = {
        .code = code,
        .layer = LEAT_LAYER_WEBSOCKET,
        .sys_errno = sys_errno,
        .native_code = native_code,
        .hop = ws_origin_hop(ws),
    };
    return leati_failure_set(&ws->chain->failure, &fault, "%s", text);
}

/* The connection is of no use any more. */
void leati_websocket_break(struct leat_websocket *ws, int code, int sys_errno, const char *text)
{
    ws_record(ws, code, sys_errno, code == LEAT_E_WS_CONNECT ? 1006 : 0, text);
    leati_chain_abort(ws->chain);
}

static void ws_note_close(struct leat_websocket *ws, uint16_t close_code, const uint8_t *reason,
                          size_t len)
{
    ws->close_code = close_code;
    ws->close_reason = len ? leati_bytes_dup(reason, len) : NULL;
    ws->close_reason_len = ws->close_reason ? len : 0;
}

/* The phase "close" begins, unless it has. */
static void ws_start_close_phase(struct leat_websocket *ws)
{
    if (ws->close_start_us != 0)
        return;
    leati_tcp_layer_set_prompt_acks(ws->chain->tcp, true);
    ws->close_start_us = leati_clock_us();
    leati_trace_phase_start(&ws->chain->tracer, LEAT_LAYER_WEBSOCKET, "close", ws_origin_hop(ws),
                            ws->close_start_us);
}

void leati_websocket_start_closing(struct leat_websocket *ws)
{
    ws->state = LEATI_WEBSOCKET_CLOSING;
    ws->closed_by = LEAT_CLOSED_BY_LOCAL;
    ws_set_deadline(ws, ws->close_timeout_ms);
    ws_start_close_phase(ws);
    if (!ws->pumping)
        leati_chain_wake(ws->chain);
}

/* Nothing is delivered any more; what is queued still leaves. */
static void ws_finish(struct leat_websocket *ws)
{
    uint32_t wait_ms = ws->close_timeout_ms && ws->close_timeout_ms < SERVER_EOF_WAIT_MS
                           ? ws->close_timeout_ms
                           : SERVER_EOF_WAIT_MS;
    ws->state = LEATI_WEBSOCKET_FINISHING;
    ws_start_close_phase(ws);
    ws_set_deadline(ws, wait_ms);
}

static void ws_queue_close(struct leat_websocket *ws, uint16_t close_code, const char *reason,
                           size_t len)
{
    int code = leati_ws_session_write_close(ws->session, close_code, reason, len, &ws->out);
    if (code != LEAT_OK)
        leati_websocket_break(ws, code, 0, "out of memory");
}

static void ws_on_close_frame(struct leat_websocket *ws, const struct leati_ws_event *event)
{
    ws_note_close(ws, event->close_code, event->data, event->len);
    ws->orderly = true;
    if (ws->state == LEATI_WEBSOCKET_OPEN) {
        ws->closed_by = LEAT_CLOSED_BY_REMOTE;
        /* 1005 is what a frame without a code reads as; it is answered by one without a code. */
        ws_queue_close(ws, event->close_code == 1005 ? 0 : event->close_code, NULL, 0);
    }
    ws_finish(ws);
}

static void ws_on_violation(struct leat_websocket *ws, const struct leati_ws_event *event)
{
    ws_record(ws, LEAT_E_WS_CONNECT, 0, event->close_code, event->text);
    ws_note_close(ws, event->close_code, NULL, 0);
    if (ws->state == LEATI_WEBSOCKET_OPEN) {
        ws->closed_by = LEAT_CLOSED_BY_LOCAL;
        ws_queue_close(ws, event->close_code, NULL, 0);
    }
    ws_finish(ws);
}

/* ---- reading -------------------------------------------------------------------------- */

static bool ws_delivers(const struct leat_websocket *ws)
{
    return !ws->chain->released && !ws->paused &&
           (ws->state == LEATI_WEBSOCKET_OPEN || ws->state == LEATI_WEBSOCKET_CLOSING) &&
           ws->chain->state == LEATI_CHAIN_OPEN;
}

static void ws_on_event(struct leat_websocket *ws, const struct leati_ws_event *event)
{
    switch (event->kind) {
    case LEATI_WS_MESSAGE:
        if (ws->callbacks.message)
            ws->callbacks.message(ws, event->type, event->data, event->len, ws->user);
        break;
    case LEATI_WS_PING:
        if (ws->state == LEATI_WEBSOCKET_OPEN)
            leati_websocket_answer_ping(ws, event->data, event->len);
        break;
    case LEATI_WS_PONG:
        if (ws->callbacks.pong)
            ws->callbacks.pong(ws, event->data, event->len, ws->user);
        break;
    case LEATI_WS_CLOSE:
        ws_on_close_frame(ws, event);
        break;
    case LEATI_WS_VIOLATION:
        ws_on_violation(ws, event);
        break;
    case LEATI_WS_PIECE:
        ws->callbacks.message_part(ws, event->type, event->data, event->len, event->is_first,
                                   event->is_last, ws->user);
        break;
    }
}

/* Feeds the session until the bytes are used up or may not be delivered any more. */
static void ws_feed(struct leat_websocket *ws, const uint8_t **data, size_t *len)
{
    while (ws_delivers(ws)) {
        struct leati_ws_event event;
        int code = leati_ws_session_read(ws->session, data, len, &event);
        ws->has_more_events = code == LEAT_OK;
        if (code == LEATI_AGAIN)
            return;
        if (code != LEAT_OK) {
            leati_websocket_break(ws, code, 0, "out of memory");
            return;
        }
        ws_on_event(ws, &event);
    }
}

static void ws_hold(struct leat_websocket *ws, const uint8_t *data, size_t len)
{
    ws->held.data = leati_malloc(len);
    if (!ws->held.data) {
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    memcpy(ws->held.data, data, len);
    ws->held.len = len;
    ws->held.used = 0;
}

/* What was held, or nothing: the session may have more to say than there are bytes. */
static void ws_feed_held(struct leat_websocket *ws)
{
    const uint8_t *data = ws->held.data;
    size_t len = ws->held.len - ws->held.used;
    if (data)
        data += ws->held.used;
    ws_feed(ws, &data, &len);
    ws->held.used = ws->held.len - len;
    if (len > 0 && ws->paused)
        return;
    leati_free(ws->held.data);
    ws->held = (struct leati_held_bytes){0};
}

static void ws_on_eof(struct leat_websocket *ws)
{
    if (ws->state == LEATI_WEBSOCKET_FINISHING)
        ws->peer_ended = true;
    else if (ws->state == LEATI_WEBSOCKET_CLOSING)
        leati_websocket_break(ws, LEAT_E_WS_CONNECT, 0,
                              "the peer ended the connection without a Close frame");
    else
        leati_websocket_break(ws, LEAT_E_WS_CONNECT, 0,
                              "the connection was lost without a Close frame");
}

/* One read, whose length is added to `*total`; LEAT_OK when there may be more. */
static int ws_read_once(struct leat_websocket *ws, size_t *total)
{
    struct leati_layer *top = ws->chain->top;
    size_t cap = LEATI_SCRATCH_BYTES;
    uint8_t *buf = ws_delivers(ws) ? leati_ws_session_room(ws->session, &cap) : NULL;
    size_t len = 0;
    if (!buf)
        buf = leati_loop_scratch(ws->loop);
    int code = top->ops->recv(top, buf, cap, &len);
    if (code == LEATI_AGAIN)
        return LEATI_AGAIN;
    if (code == LEATI_EOF) {
        ws_on_eof(ws);
        return LEATI_AGAIN;
    }
    if (code != LEAT_OK) {
        leati_chain_abort(ws->chain);
        return code;
    }
    const uint8_t *data = buf;
    *total += len;
    ws->heard = true;
    ws_feed(ws, &data, &len);
    if (len > 0 && !ws->chain->released && ws->paused && ws->state != LEATI_WEBSOCKET_FINISHING)
        ws_hold(ws, data, len);
    return LEAT_OK;
}

/* Behind the peer's Close frame there is only its goodbye, which is not heeded before what we owe
 * has left: our answer, and what was queued before it. */
static bool ws_reads(const struct leat_websocket *ws)
{
    if (ws->chain->state != LEATI_CHAIN_OPEN || ws->chain->released || ws->peer_ended)
        return false;
    if (ws->state == LEATI_WEBSOCKET_FINISHING)
        return !ws->orderly || ws->out.len == 0;
    return !ws->paused;
}

static void ws_pump_read(struct leat_websocket *ws)
{
    ws->reads_on = false;
    if ((ws->held.data || ws->has_more_events) && !ws->paused)
        ws_feed_held(ws);
    for (size_t total = 0; ws_reads(ws);) {
        if (total >= READ_BYTES_PER_PUMP) {
            ws->reads_on = true;
            leati_chain_wake(ws->chain);
            return;
        }
        if (ws_read_once(ws, &total) != LEAT_OK)
            return;
    }
}

/* ---- writing -------------------------------------------------------------------------- */

void leati_websocket_flush(struct leat_websocket *ws)
{
    ws->send_blocked = false;
    while (ws->out.len > 0 && ws->chain->state == LEATI_CHAIN_OPEN) {
        struct leati_layer *top = ws->chain->top;
        struct iovec iov[IOVECS_PER_SEND];
        int n = leati_byte_queue_peek(&ws->out, iov, IOVECS_PER_SEND);
        size_t len = 0;
        int code = top->ops->send(top, iov, n, &len);
        ws->send_blocked = code == LEATI_AGAIN;
        if (code == LEATI_AGAIN)
            return;
        if (code != LEAT_OK) {
            leati_chain_abort(ws->chain);
            return;
        }
        leati_byte_queue_consume(&ws->out, len);
        ws->sent_bytes += len;
        leati_offset_ring_pass(&ws->message_ends, ws->sent_bytes);
    }
}

/* For what was refused; to be told of less would let the program try in vain, again and again. */
static bool ws_has_room(const struct leat_websocket *ws)
{
    bool fits = ws->refused_bytes <= ws->queue_limit_bytes &&
                ws->out.len <= ws->queue_limit_bytes - ws->refused_bytes;
    return (fits || ws->out.len == 0) && ws->out.len <= ws->queue_limit_bytes / 2 &&
           ws->message_ends.count <= ws->queue_limit_messages / 2;
}

static void ws_pump_write(struct leat_websocket *ws)
{
    leati_websocket_flush(ws);
    while (leati_websocket_release_pong(ws))
        leati_websocket_flush(ws);
    while (ws->send_refused && ws->state == LEATI_WEBSOCKET_OPEN && !ws->chain->released &&
           ws->chain->state == LEATI_CHAIN_OPEN && ws_has_room(ws)) {
        ws->send_refused = false;
        leati_mailbox_deliver(ws->mailbox);
        if (ws->callbacks.writable)
            ws->callbacks.writable(ws, ws->user);
        if (!ws->chain->released)
            leati_websocket_flush(ws);
    }
}

/* ---- what the chain calls ------------------------------------------------------------- */

static void ws_close_expired(struct leat_websocket *ws)
{
    struct leati_chain *chain = ws->chain;
    chain->owner_deadline_ms = 0;
    if (ws->state == LEATI_WEBSOCKET_CLOSING)
        leati_websocket_break(ws, LEAT_E_WS_CONNECT, ETIMEDOUT,
                              "the peer did not answer the Close frame in time");
    else if (ws->out.len > 0)
        leati_chain_abort(chain);
    else
        leati_chain_close(chain, ws->close_timeout_ms);
}

/* A Ping after silence, the end after more silence; moves the deadline to the next look. */
static void ws_keep_alive(struct leat_websocket *ws, uint64_t now_ms)
{
    struct leati_chain *chain = ws->chain;
    if (ws->heard || ws->paused) {
        ws->heard = ws->ping_unanswered = false;
        ws->silent_since_ms = now_ms;
    }
    if (!ws->ping_unanswered &&
        leati_chain_is_over(chain, ws->silent_since_ms + ws->ping_interval_ms)) {
        leati_ws_session_trim(ws->session);
        ws->ping_unanswered = true;
        ws->silent_since_ms = now_ms;
        int code = leati_ws_session_write(ws->session, LEATI_WS_OP_PING, NULL, 0, &ws->out);
        if (code != LEAT_OK) {
            leati_websocket_break(ws, code, 0, "out of memory");
            return;
        }
        leati_websocket_flush(ws);
    }
    uint32_t wait_ms = ws->ping_unanswered ? ws->pong_timeout_ms : ws->ping_interval_ms;
    if (wait_ms == 0)
        chain->owner_deadline_ms = 0;
    else if (!leati_chain_is_over(chain, ws->silent_since_ms + wait_ms))
        chain->owner_deadline_ms = ws->silent_since_ms + wait_ms;
    else
        leati_websocket_break(ws, LEAT_E_WS_CONNECT, ETIMEDOUT,
                              "the connection is dead: nothing came after a Ping");
}

/* A peer that takes nothing for too long is cut off; moves the deadline to the next look. */
static void ws_judge_sending(struct leat_websocket *ws, uint64_t now_ms)
{
    struct leati_chain *chain = ws->chain;
    if (ws->out.len == 0) {
        ws->stalled_since_ms = 0;
        return;
    }
    if (ws->stalled_since_ms == 0 || ws->stalled_at_bytes != ws->sent_bytes) {
        ws->stalled_since_ms = now_ms;
        ws->stalled_at_bytes = ws->sent_bytes;
    }
    uint64_t end_ms = ws->stalled_since_ms + ws->send_timeout_ms;
    if (leati_chain_is_over(chain, end_ms))
        leati_websocket_break(ws,
                              ws->secure ? (int)LEAT_E_TLS_WRITE : LEAT_E_SOCKET_BASE + ETIMEDOUT,
                              ETIMEDOUT, "the peer does not take what is sent");
    else if (chain->owner_deadline_ms == 0 || end_ms < chain->owner_deadline_ms)
        chain->owner_deadline_ms = end_ms;
}

static void ws_check_deadline(struct leat_websocket *ws, uint64_t now_ms)
{
    if (ws->state == LEATI_WEBSOCKET_OPEN) {
        ws->chain->owner_deadline_ms = 0;
        if (ws->ping_interval_ms != 0)
            ws_keep_alive(ws, now_ms);
        if (ws->send_timeout_ms != 0 && ws->chain->state == LEATI_CHAIN_OPEN)
            ws_judge_sending(ws, now_ms);
        return;
    }
    if (!leati_chain_is_over(ws->chain, ws->chain->owner_deadline_ms))
        return;
    /* The peer's Close frame may lie behind what it has said before, and came in time. */
    if (ws->state != LEATI_WEBSOCKET_CLOSING || !ws->reads_on ||
        ++ws->late_pumps > LEATI_WS_LATE_PUMPS_MAX)
        ws_close_expired(ws);
}

static void ws_drain(void *user)
{
    leati_websocket_flush(user);
}

static struct leati_ws_session *ws_make_session(struct leat_websocket *ws)
{
    const struct leati_route *route = ws->chain->route;
    const struct leati_settings *settings = route->settings;
    bool pieces = ws->callbacks.message_part;
    bool limited = settings->max_message_is_set || !pieces;
    const struct leati_ws_session_options options = {
        .is_server = ws->is_server,
        .pieces = pieces,
        .max_message_bytes = limited ? settings->max_message_bytes : 0,
        .pool = leati_session_pool_of(ws->loop),
        .drain = {ws_drain, ws},
        .deflate = route->agreement->deflate,
        .deflate_threshold_bytes = settings->compression.threshold_bytes,
        .deflate_level = settings->compression.level,
        .deflate_mem_level = settings->compression.mem_level,
        .tracer = &ws->chain->tracer,
        .hop = ws_origin_hop(ws),
    };
    return leati_ws_session_new(&options);
}

static void ws_opened(struct leati_chain *chain, void *user)
{
    struct leat_websocket *ws = user;
    const struct leati_ws_agreement *agreement = chain->route->agreement;
    ws->http_status = agreement->status;
    ws->compressed = agreement->deflate;
    bool copied =
        leati_strdup_optional(&ws->protocol, *agreement->protocol ? agreement->protocol : NULL) &&
        leati_strdup_optional(&ws->target, agreement->target);
    ws->session = copied ? ws_make_session(ws) : NULL;
    if (!ws->session) {
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    ws->state = LEATI_WEBSOCKET_OPEN;
    ws->heard = true;
    ws->pumping = true;
    if (ws->callbacks.opened)
        ws->callbacks.opened(ws, ws->user);
    if (!chain->released)
        leati_mailbox_deliver(ws->mailbox);
}

static void ws_asked(struct leati_chain *chain, void *user)
{
    struct leat_websocket *ws = user;
    ws->asked(ws, chain->route->upgrade, ws->user);
}

/* Whether our goodbye is due. A server ends TCP first (RFC 6455 section 7.1.1); after a violation
 * so does a client. TLS ends each direction by itself (RFC 8446 section 6.1): a client that says so
 * at once keeps no server waiting that wants to hear it first. */
static bool ws_is_done(const struct leat_websocket *ws)
{
    bool goes_first = ws->is_server || !ws->orderly || ws->secure;
    return ws->chain->state == LEATI_CHAIN_OPEN && ws->state == LEATI_WEBSOCKET_FINISHING &&
           ws->out.len == 0 && (goes_first || ws->peer_ended);
}

static unsigned ws_pump(struct leati_chain *chain, uint64_t now_ms, void *user)
{
    struct leat_websocket *ws = user;
    ws->pumping = true;
    ws_pump_read(ws);
    if (!chain->released)
        ws_pump_write(ws);
    if (chain->released)
        return 0;
    ws->pumping = false;
    if (chain->state == LEATI_CHAIN_OPEN)
        ws_check_deadline(ws, now_ms);
    if (ws_is_done(ws))
        leati_chain_close(chain, ws->close_timeout_ms);
    return (ws_reads(ws) ? LEATI_WANT_READ : 0u) | (ws->out.len > 0 ? LEATI_WANT_WRITE : 0u);
}

/* Moves what the program may still ask for out of the chain, which is done. */
static void ws_take_result(struct leat_websocket *ws, struct leati_chain *chain)
{
    if (chain->route->agreement)
        ws->http_status = chain->route->agreement->status;
    if (ws->state == LEATI_WEBSOCKET_CONNECTING)
        ws->response = leati_route_take_response(chain->route, chain->top);
    leati_failure_done(&ws->failure);
    if (!ws->orderly) {
        ws->failure = chain->failure;
        leati_failure_init(&chain->failure);
    }
    bool was_open = ws->state >= LEATI_WEBSOCKET_OPEN;
    if (was_open && ws->close_code == 0)
        ws->close_code = 1006;
    if (ws->close_start_us != 0)
        leati_trace_phase_end(&chain->tracer, LEAT_LAYER_WEBSOCKET, "close",
                              leati_route_origin_text(chain->route), ws->close_start_us,
                              ws->failure.code, ws->failure.text);
}

/* Goes on over a new chain where a redirect leads, in what is left of the time. */
static bool ws_follow_redirect(struct leat_websocket *ws, struct leati_chain *chain)
{
    struct leati_failure failure;
    struct leati_route *route;
    const struct leati_ws_agreement *agreement = chain->route->agreement;
    if (!agreement || !agreement->location)
        return false;
    leati_failure_init(&failure);
    int code = leati_route_follow_redirect(chain->route, agreement->location, &failure, &route);
    if (code == LEATI_AGAIN)
        return false;
    struct leati_chain *next = code == LEAT_OK ? leati_malloc(sizeof(*next)) : NULL;
    if (!next) {
        if (code == LEAT_OK)
            leati_route_free(route);
        leati_failure_set(&failure, &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL},
                          "out of memory");
        /* Why it is not followed says more than that there is a redirect. */
        leati_failure_done(&chain->failure);
        chain->failure = failure;
        return false;
    }
    leati_failure_done(&failure);
    ws->secure = route->secure;
    ws->chain = next;
    leati_chain_init(next, ws->loop, chain->owner, ws, &chain->tracer, route);
    leati_chain_connect_until(next, chain->limit_ms);
    return true;
}

static void ws_ended(struct leati_chain *chain, void *user)
{
    struct leat_websocket *ws = user;
    char reason[LEATI_WS_CLOSE_REASON_MAX + 1] = "";
    if (ws->state == LEATI_WEBSOCKET_CONNECTING && chain->failure.code == LEAT_E_WS_CONNECT &&
        ws_follow_redirect(ws, chain)) {
        chain->user = NULL;
        leati_chain_release(chain);
        return;
    }
    if (ws->state == LEATI_WEBSOCKET_CONNECTING)
        leati_route_tell_redirects(chain->route, &chain->failure);
    ws_take_result(ws, chain);
    struct leat_close_event event = {
        .closed_by = ws->closed_by,
        .close_code = ws->close_code,
        .reason = reason,
        .reason_len = ws->close_reason_len,
    };
    leati_failure_get(&ws->failure, &event.error);
    if (ws->close_reason)
        memcpy(reason, ws->close_reason, ws->close_reason_len);
    leati_websocket_clear_connection(ws);
    leati_mailbox_clear(ws->mailbox);
    ws->state = LEATI_WEBSOCKET_CLOSED;
    ws->chain = NULL;
    chain->user = NULL; /* ws_left() frees the chain alone */
    leati_chain_release(chain);
    if (ws->callbacks.closed)
        ws->callbacks.closed(ws, &event, ws->user);
}

static void ws_left(struct leati_chain *chain, void *user)
{
    struct leat_websocket *ws = user;
    leati_free(chain);
    if (ws)
        leati_websocket_destroy(ws);
}

const struct leati_chain_owner leati_websocket_chain_owner = {
    .asked = ws_asked,
    .opened = ws_opened,
    .pump = ws_pump,
    .ended = ws_ended,
    .left = ws_left,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* What the bytes of a stream mean to a WebSocket: frames and messages, keep-alive, the close
 * handshake. */
#include "websocket/websocket.h"

#include "tcp/tcp.h"
#include "websocket/prepared.h"
#include "websocket/receive_rate.h"
#include "websocket/session_pool.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

/** How long the server may take to end TCP after the close handshake (RFC 6455 section 7.1.1). */
#define SERVER_EOF_WAIT_MS 1000u

/* ---- ending --------------------------------------------------------------------------- */

static const char *ws_origin_hop(const struct leat_websocket *ws)
{
    return leati_stream_origin(&ws->stream);
}

/* Ends the connection without a goodbye. */
void leati_websocket_break(struct leat_websocket *ws, int code, int sys_errno, const char *text)
{
    struct leati_stream *stream = &ws->stream;
    int native_code = code == LEAT_E_WS_CONNECT ? 1006 : 0;
    if (!leati_stream_wake(stream)) {
        leati_stream_doom(stream,
                          &(struct leati_fault){.code = code,
                                                .layer = LEAT_LAYER_WEBSOCKET,
                                                .sys_errno = sys_errno,
                                                .native_code = native_code},
                          text);
        return;
    }
    leati_stream_record(stream, code, sys_errno, native_code, text);
    leati_chain_abort(stream->chain);
}

static void ws_note_close(struct leat_websocket *ws, uint16_t close_code, const uint8_t *reason,
                          size_t len)
{
    ws->close_code = close_code;
    ws->close_reason = len ? leati_bytes_dup(reason, len) : NULL;
    ws->close_reason_len = ws->close_reason ? (uint8_t)len : 0; /* of a control frame */
}

/* The phase "close" begins, unless it has. */
static void ws_start_close_phase(struct leat_websocket *ws)
{
    struct leati_chain *chain = ws->stream.chain;
    if (ws->has_close_phase)
        return;
    leati_tcp_layer_set_prompt_acks(chain->tcp, true);
    ws->has_close_phase = true;
    ws->close_start_us = leati_clock_us();
    leati_trace_phase_start(&chain->tracer, LEAT_LAYER_WEBSOCKET, "close", ws_origin_hop(ws),
                            ws->close_start_us);
}

void leati_websocket_start_closing(struct leat_websocket *ws)
{
    struct leati_stream *stream = &ws->stream;
    ws->closing = true;
    ws->closed_by = LEAT_CLOSED_BY_LOCAL;
    stream->waits = true;
    stream->send_refused = false;
    ws_start_close_phase(ws);
    if (!stream->pumping)
        leati_chain_wake(stream->chain);
}

/* For the peer's Close frame behind our own, which began the phase; 0 = none. */
static uint64_t ws_close_deadline(const struct leat_websocket *ws)
{
    uint32_t timeout_ms = ws->stream.limits->close_timeout_ms;
    return ws->closing && timeout_ms != 0 ? ws->close_start_us / 1000 + timeout_ms : 0;
}

/* For all that comes behind a Close frame, to the end of TCP. */
static uint64_t ws_goodbye_deadline(struct leati_stream *stream, void *user)
{
    const struct leat_websocket *ws = user;
    uint32_t timeout_ms = stream->limits->close_timeout_ms;
    return timeout_ms != 0 ? ws->close_start_us / 1000 + timeout_ms : 0;
}

/* Of the close phase; 0 = it has no limit. */
static uint32_t ws_close_time_left(const struct leat_websocket *ws)
{
    uint64_t now_ms = leati_clock_ms(), deadline_ms = ws_close_deadline(ws);
    if (deadline_ms == 0)
        return ws->stream.limits->close_timeout_ms;
    return deadline_ms > now_ms ? (uint32_t)(deadline_ms - now_ms) : 1;
}

/* Delivers nothing any more; sends what is queued, then our goodbye. The server ends TCP first (RFC
 * 6455 section 7.1.1), after a violation the client does. Over TLS a client says close_notify at
 * once, because it ends one direction only (RFC 8446 section 6.1) and some servers wait for it. */
static void ws_finish(struct leat_websocket *ws)
{
    uint32_t timeout_ms = ws_close_time_left(ws);
    bool goes_first = ws->is_server || !ws->orderly || ws->secure;
    bool is_short = timeout_ms != 0 && timeout_ms < SERVER_EOF_WAIT_MS;
    struct leati_chain *chain = ws->stream.chain;
    /* After a violation nobody may be there who reads what is queued. */
    if (!ws->orderly && !is_short)
        timeout_ms = SERVER_EOF_WAIT_MS;
    ws_start_close_phase(ws);
    /* Only FIN may follow then, which no relay holds back for an acknowledgement. */
    if (ws->orderly && chain->top == chain->tcp)
        leati_tcp_layer_await_fin(chain->tcp);
    ws->stream.awaits_eof = !goes_first;
    ws->stream.eof_wait_ms = is_short ? timeout_ms : SERVER_EOF_WAIT_MS;
    ws->stream.heard_all = ws->orderly;
    leati_stream_finish(&ws->stream, timeout_ms);
}

static void ws_queue_close(struct leat_websocket *ws, uint16_t close_code)
{
    int code = leati_ws_session_write_close(ws->session, close_code, NULL, 0, &ws->stream.out);
    if (code != LEAT_OK)
        leati_websocket_break(ws, code, 0, "out of memory");
}

static void ws_on_close_frame(struct leat_websocket *ws, const struct leati_ws_event *event)
{
    ws_note_close(ws, event->close_code, event->data, event->len);
    ws->orderly = true;
    if (!ws->closing) {
        ws->closed_by = LEAT_CLOSED_BY_REMOTE;
        /* 1005 is what a frame without a code reads as; it is answered by one without a code. */
        ws_queue_close(ws, event->close_code == 1005 ? 0 : event->close_code);
    }
    ws_finish(ws);
}

static void ws_on_violation(struct leat_websocket *ws, const struct leati_ws_event *event)
{
    struct leati_failure *failure = &ws->stream.chain->failure;
    bool is_first = failure->code == LEAT_OK;
    leati_stream_record(&ws->stream, LEAT_E_WS_CONNECT, 0, event->close_code, event->text);
    if (is_first)
        failure->violation = event->close_code;
    ws_note_close(ws, event->close_code, NULL, 0);
    if (!ws->closing) {
        ws->closed_by = LEAT_CLOSED_BY_LOCAL;
        ws_queue_close(ws, event->close_code);
    }
    ws_finish(ws);
}

/* ---- reading -------------------------------------------------------------------------- */

static void ws_on_event(struct leat_websocket *ws, const struct leati_ws_event *event)
{
    if (ws->rate && (event->kind != LEATI_WS_PIECE || event->is_last))
        ws->rate->messages++;
    switch (event->kind) {
    case LEATI_WS_MESSAGE:
        if (ws->terms->callbacks->message_part) /* set since the connection was opened */
            ws->terms->callbacks->message_part(ws, event->type, event->data, event->len, true, true,
                                               ws->user);
        else if (ws->terms->callbacks->message)
            ws->terms->callbacks->message(ws, event->type, event->data, event->len, ws->user);
        break;
    case LEATI_WS_PING:
        if (!ws->closing)
            leati_websocket_answer_ping(ws, event->data, event->len);
        break;
    case LEATI_WS_PONG:
        if (ws->terms->callbacks->pong)
            ws->terms->callbacks->pong(ws, event->data, event->len, ws->user);
        break;
    case LEATI_WS_CLOSE:
        ws_on_close_frame(ws, event);
        break;
    case LEATI_WS_VIOLATION:
        ws_on_violation(ws, event);
        break;
    case LEATI_WS_PIECE:
        if (ws->terms->callbacks->message_part)
            ws->terms->callbacks->message_part(ws, event->type, event->data, event->len,
                                               event->is_first, event->is_last, ws->user);
        break;
    }
}

static uint8_t *ws_room(struct leati_stream *stream, size_t *ret_size, void *user)
{
    struct leat_websocket *ws = user;
    (void)stream;
    return leati_ws_session_room(ws->session, ret_size);
}

/* Feeds the session until the bytes are used up or may not be delivered any more. */
static size_t ws_received(struct leati_stream *stream, const uint8_t *data, size_t len, void *user)
{
    struct leat_websocket *ws = user;
    size_t left = len, work = 0;
    ws->heard = true;
    while (!stream->paused && leati_stream_is_open(stream) && !leati_stream_turn_is_over(stream)) {
        struct leati_ws_event event;
        int code = leati_ws_session_read(ws->session, &data, &left, &event);
        size_t inflated = leati_ws_session_take_inflated(ws->session);
        leati_stream_note_work(stream, inflated);
        work += inflated;
        stream->has_more = code == LEAT_OK;
        if (code == LEATI_AGAIN)
            break;
        if (code == LEAT_OK)
            ws_on_event(ws, &event);
        else
            leati_websocket_break(ws, code, 0, "out of memory");
    }
    /* A callback may have freed the server, and the rate's counter with it. */
    if (ws->rate && leati_stream_is_open(stream) &&
        leati_receive_rate_take(ws->rate, leati_clock_ms(), len - left + work) != 0) {
        *ws->rate->throttled += !stream->throttled;
        stream->throttled = true;
    }
    return len - left;
}

/* Who has sent too much is read again when the time for it is over; returns when to look. */
static uint64_t ws_judge_rate(struct leat_websocket *ws)
{
    struct leati_stream *stream = &ws->stream;
    if (!stream->throttled)
        return 0;
    if (!leati_chain_is_over(stream->chain, ws->rate->until_ms))
        return ws->rate->until_ms;
    stream->throttled = false;
    leati_chain_wake(stream->chain);
    return 0;
}

static void ws_peer_ended(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    (void)stream;
    leati_websocket_break(ws, LEAT_E_WS_CONNECT, 0,
                          ws->closing ? "the peer ended the connection without a Close frame"
                                      : "the connection was lost without a Close frame");
}

/* ---- writing -------------------------------------------------------------------------- */

static void ws_flushed(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    while (leati_websocket_release_pong(ws))
        leati_stream_flush(stream);
    while (ws->subscriptions && leati_topics_release(ws))
        leati_stream_flush(stream);
}

static void ws_writable(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    (void)stream;
    leati_mailbox_deliver(&ws->mailbox);
    if (ws->terms->callbacks->writable)
        ws->terms->callbacks->writable(ws, ws->user);
}

static void ws_drain_flush(void *user)
{
    leati_stream_flush(user);
}

static size_t ws_drain_give(void *user, const struct iovec *iov, int n)
{
    return leati_stream_give(user, iov, n);
}

static const struct leati_ws_drain_ops ws_drain = {ws_drain_flush, ws_drain_give};

/* ---- deadlines ------------------------------------------------------------------------ */

/* A Ping after silence, the end after more silence; returns when to look again. */
static uint64_t ws_keep_alive(struct leat_websocket *ws, uint64_t now_ms)
{
    struct leati_stream *stream = &ws->stream;
    if (ws->heard || stream->paused || stream->throttled) {
        ws->heard = ws->ping_unanswered = false;
        ws->silent_since_ms = now_ms;
    }
    if (!ws->ping_unanswered &&
        leati_chain_is_over(stream->chain, ws->silent_since_ms + ws->terms->ping_interval_ms)) {
        leati_ws_session_trim(ws->session);
        ws->ping_unanswered = true;
        ws->silent_since_ms = now_ms;
        int code = leati_ws_session_write(ws->session, LEATI_WS_OP_PING, NULL, 0, &stream->out);
        if (code != LEAT_OK) {
            leati_websocket_break(ws, code, 0, "out of memory");
            return 0;
        }
        leati_stream_flush(stream);
    }
    uint32_t wait_ms =
        ws->ping_unanswered ? ws->terms->pong_timeout_ms : ws->terms->ping_interval_ms;
    if (wait_ms == 0)
        return 0;
    if (leati_chain_is_over(stream->chain, ws->silent_since_ms + wait_ms))
        leati_websocket_break(ws, LEAT_E_WS_CONNECT, ETIMEDOUT,
                              "the connection is dead: nothing came after a Ping");
    return ws->silent_since_ms + wait_ms;
}

static uint64_t ws_judge(struct leati_stream *stream, uint64_t now_ms, void *user)
{
    struct leat_websocket *ws = user;
    if (!ws->closing) {
        uint64_t rate_ms = ws_judge_rate(ws);
        uint64_t ping_ms = ws->terms->ping_interval_ms != 0 ? ws_keep_alive(ws, now_ms) : 0;
        return rate_ms != 0 && (ping_ms == 0 || rate_ms < ping_ms) ? rate_ms : ping_ms;
    }
    stream->throttled = false; /* what is still to be read is the goodbye */
    /* The peer's Close frame may lie behind what it has said before, and came in time. */
    if (leati_chain_is_over(stream->chain, ws_close_deadline(ws)) &&
        (!stream->reads_on || ++ws->late_pumps > LEATI_WS_LATE_PUMPS_MAX))
        leati_websocket_break(ws, LEAT_E_WS_CONNECT, ETIMEDOUT,
                              "the peer did not answer the Close frame in time");
    return ws_close_deadline(ws);
}

/* Behind the peer's Close frame, or a violation, all has been said. */
static void ws_stuck(struct leati_stream *stream, void *user)
{
    const struct leat_websocket *ws = user;
    if (stream->state == LEATI_STREAM_OPEN)
        leati_stream_record(stream,
                            ws->secure ? (int)LEAT_E_TLS_WRITE : LEAT_E_SOCKET_BASE + ETIMEDOUT,
                            ETIMEDOUT, 0, "the peer does not take what is sent");
}

/* ---- beginning and end ---------------------------------------------------------------- */

/* 0 = any: parts need not be kept. */
static size_t ws_message_limit(const struct leat_websocket *ws)
{
    return ws->terms->max_message_is_set || !ws->gives_pieces ? ws->terms->max_message_bytes : 0;
}

static struct leati_ws_session *ws_make_session(struct leat_websocket *ws)
{
    const struct leati_route *route = ws->stream.chain->route;
    const struct leati_settings *settings = route->settings;
    ws->gives_pieces = ws->terms->callbacks->message_part;
    const struct leati_ws_session_options options = {
        .is_server = ws->is_server,
        .pieces = ws->gives_pieces,
        .max_message_bytes = ws_message_limit(ws),
        .pool = leati_session_pool_of(ws->stream.loop),
        .random = leati_loop_random_pool(ws->stream.loop),
        .drain = {&ws_drain, &ws->stream},
        .deflate = route->agreement->deflate,
        .deflate_threshold_bytes = settings->compression.threshold_bytes,
        .deflate_level = settings->compression.level,
        .deflate_mem_level = settings->compression.mem_level,
        .tracer = &ws->stream.chain->tracer,
        .hop = ws_origin_hop(ws),
    };
    return leati_ws_session_new(&options);
}

/* What is compressed may refer to what was before: that session stays. */
static bool ws_rests(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    (void)stream;
    if (ws->closing || (ws->pongs && ws->pongs->waiting) || !leati_ws_session_may_rest(ws->session))
        return false;
    leati_websocket_drop_pongs(ws);
    if (ws->compressed)
        return true;
    leati_ws_session_free(ws->session);
    ws->session = NULL;
    return true;
}

static bool ws_wakes(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    const struct leati_ws_session_options options = {
        .is_server = ws->is_server,
        .pieces = ws->gives_pieces,
        .max_message_bytes = ws_message_limit(ws),
        .pool = leati_session_pool_of(stream->loop),
        .random = leati_loop_random_pool(stream->loop),
        .drain = {&ws_drain, stream},
    };
    if (!ws->session)
        ws->session = leati_ws_session_new(&options);
    return ws->session;
}

/* Most have nothing to remember. NULL without memory. */
static const char *ws_texts(const char *target, const char *protocol)
{
    size_t size = strlen(target) + 1, protocol_size = strlen(protocol) + 1;
    const char *known = leati_websocket_known_texts(target, protocol);
    char *texts = known ? NULL : leati_malloc(size + protocol_size);
    if (!texts)
        return known;
    memcpy(texts, target, size);
    memcpy(texts + size, protocol, protocol_size);
    return texts;
}

static void ws_opened(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    const struct leati_ws_agreement *agreement = stream->chain->route->agreement;
    ws->http_status = agreement->status;
    ws->compressed = agreement->deflate;
    if (ws->compressed)
        ws->deflate = *agreement->deflate;
    ws->texts = ws_texts(agreement->target ? agreement->target : "", agreement->protocol);
    ws->session = ws->texts ? ws_make_session(ws) : NULL;
    if (!ws->session) {
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    ws->heard = true;
    stream->may_rest = !ws->secure;
    if (ws->terms->callbacks->opened)
        ws->terms->callbacks->opened(ws, ws->user);
    if (leati_stream_is_open(stream))
        leati_mailbox_deliver(&ws->mailbox);
}

static void ws_asked(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    leati_server_on_asked(ws, stream->chain->route->upgrade, ws->user);
}

/* Where a redirect leads, NULL if nothing is followed; the chain's failure says why. */
static struct leati_route *ws_redirected(const struct leat_websocket *ws, struct leati_chain *chain)
{
    const struct leati_ws_agreement *agreement = chain->route->agreement;
    struct leati_failure failure;
    struct leati_route *route;
    if (chain->failure.code != LEAT_E_WS_CONNECT || !agreement || !agreement->location)
        return NULL;
    if (ws->closed_by == LEAT_CLOSED_BY_LOCAL)
        return NULL; /* closed while the body of the answer was on its way */
    leati_failure_init(&failure);
    int code = leati_route_follow_redirect(chain->route, agreement->location, &failure, &route);
    if (code == LEAT_OK)
        return route;
    if (code != LEATI_AGAIN) {
        /* Why it is not followed says more than that there is a redirect. */
        leati_failure_done(&chain->failure);
        chain->failure = failure;
    }
    return NULL;
}

/* Moves what the program may still ask for out of the chain, which is done. */
static void ws_take_result(struct leat_websocket *ws, struct leati_chain *chain)
{
    const struct leati_ws_agreement *agreement = chain->route ? chain->route->agreement : NULL;
    if (agreement)
        ws->http_status = agreement->status;
    if (ws->orderly)
        leati_failure_done(&chain->failure);
    if (!ws->session)
        leati_websocket_take_response(ws, leati_route_take_response(chain->route, chain->top));
    else if (ws->close_code == 0)
        ws->close_code = 1006;
    if (ws->has_close_phase)
        leati_trace_phase_end(&chain->tracer, LEAT_LAYER_WEBSOCKET, "close", ws_origin_hop(ws),
                              ws->close_start_us, chain->failure.code, chain->failure.text);
}

static struct leati_route *ws_over(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    struct leati_chain *chain = stream->chain;
    if (!ws->session) {
        struct leati_route *next = ws_redirected(ws, chain);
        if (next) {
            ws->secure = next->secure;
            return next;
        }
        leati_route_tell_redirects(chain->route, &chain->failure);
    }
    ws_take_result(ws, chain);
    return NULL;
}

static void ws_ended(struct leati_stream *stream, void *user)
{
    struct leat_websocket *ws = user;
    char reason[LEATI_WS_CLOSE_REASON_MAX + 1] = "";
    struct leat_close_event event = {
        .closed_by = ws->closed_by,
        .close_code = ws->close_code,
        .reason = reason,
        .reason_len = ws->close_reason_len,
    };
    leati_failure_get(&stream->failure, &event.error);
    if (stream->is_doomed)
        event.close_code = 1006;
    if (ws->close_reason)
        memcpy(reason, ws->close_reason, ws->close_reason_len);
    leati_websocket_clear_connection(ws);
    leati_mailbox_clear(&ws->mailbox);
    if (ws->terms->callbacks->closed)
        ws->terms->callbacks->closed(ws, &event, ws->user);
}

static void ws_left(struct leati_stream *stream, void *user)
{
    (void)stream;
    leati_websocket_destroy(user);
}

const struct leati_stream_owner leati_websocket_stream_owner = {
    .layer = LEAT_LAYER_WEBSOCKET,
    .asked = ws_asked,
    .opened = ws_opened,
    .room = ws_room,
    .received = ws_received,
    .peer_ended = ws_peer_ended,
    .flushed = ws_flushed,
    .writable = ws_writable,
    .judge = ws_judge,
    .close_deadline = ws_goodbye_deadline,
    .stuck = ws_stuck,
    .over = ws_over,
    .ended = ws_ended,
    .rests = ws_rests,
    .wakes = ws_wakes,
    .left = ws_left,
};

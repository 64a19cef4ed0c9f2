/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/stream.h"

#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>

/** How many reads one stream may do before the others of the loop have their turn. */
#define READS_PER_PUMP  16
#define IOVECS_PER_SEND 16

static const struct leati_chain_owner stream_chain_owner;

/* ---- life -------------------------------------------------------------------------- */

void leati_stream_init(struct leati_stream *stream, leat_loop *loop,
                       const struct leati_stream_owner *owner, void *user)
{
    *stream = (struct leati_stream){.loop = loop, .owner = owner, .user = user};
    leati_byte_queue_init(&stream->out, leati_loop_chunk_pool(loop));
    leati_failure_init(&stream->failure);
}

static void stream_clear(struct leati_stream *stream)
{
    leati_byte_queue_clear(&stream->out);
    stream->stall_ms = 0;
    stream->paused = stream->eof = stream->pumping = stream->send_refused = false;
}

static void stream_done(struct leati_stream *stream)
{
    stream_clear(stream);
    leati_failure_done(&stream->failure);
}

bool leati_stream_release(struct leati_stream *stream)
{
    struct leati_chain *chain = stream->chain;
    if (stream->released)
        return false;
    stream->released = true;
    if (chain && !leati_chain_release(chain))
        return false; /* inside of the pump */
    leati_free(chain);
    stream->chain = NULL;
    if (stream->ending)
        return false;
    stream_done(stream);
    return true;
}

int leati_stream_refuse(struct leati_stream *stream, int code, int sys_errno, const char *text)
{
    const struct leati_fault fault = {
        .code = code, .layer = LEAT_LAYER_TCP, .sys_errno = sys_errno};
    leati_failure_done(&stream->failure);
    return leati_failure_set(&stream->failure, &fault, "%s", text);
}

int leati_stream_start(struct leati_stream *stream, struct leati_route *route,
                       const struct leati_tracer *tracer, const struct leati_stream_limits *limits)
{
    struct leati_chain *chain = leati_malloc(sizeof(*chain));
    if (!chain) {
        leati_route_free(route);
        return leati_stream_refuse(stream, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    }
    leati_failure_done(&stream->failure);
    stream->limits = *limits;
    stream->chain = chain;
    stream->state = LEATI_STREAM_CONNECTING;
    stream->peer_ended = false;
    leati_chain_init(chain, stream->loop, &stream_chain_owner, stream, tracer, route);
    leati_chain_connect(chain, limits->connect_timeout_ms);
    return LEAT_OK;
}

void leati_stream_push(struct leati_stream *stream, struct leati_layer *layer)
{
    stream->state = LEATI_STREAM_CONNECTING;
    stream->stall_ms = 0;
    leati_chain_push(stream->chain, layer, stream->limits.connect_timeout_ms);
}

/* ---- what the owner asks for ------------------------------------------------------- */

bool leati_stream_is_running(const struct leati_stream *stream)
{
    return stream->chain;
}

int leati_stream_not_open(const struct leati_stream *stream)
{
    bool not_yet = stream->state == LEATI_STREAM_IDLE || stream->state == LEATI_STREAM_CONNECTING;
    return LEAT_E_SOCKET_BASE + (not_yet ? ENOTCONN : EBADF);
}

int leati_stream_send(struct leati_stream *stream, const void *data, size_t len)
{
    if (stream->state != LEATI_STREAM_OPEN)
        return leati_stream_not_open(stream);
    size_t limit = stream->limits.queue_bytes;
    if (stream->out.len > 0 && (len > limit || stream->out.len > limit - len)) {
        stream->send_refused = true;
        return LEAT_E_SOCKET_BASE + EAGAIN;
    }
    if (!leati_byte_queue_append(&stream->out, data, len))
        return LEAT_E_SYSTEM_INTERNAL;
    if (!stream->pumping)
        leati_chain_wake(stream->chain);
    return LEAT_OK;
}

static uint32_t stream_close_timeout(const struct leati_stream *stream)
{
    const struct leat_socket_linger *linger = &stream->limits.linger;
    return linger->on ? linger->linger_ms : stream->limits.close_timeout_ms;
}

static bool stream_discards(const struct leati_stream *stream)
{
    return stream->limits.linger.on && stream->limits.linger.linger_ms == 0;
}

static void stream_start_closing(struct leati_stream *stream)
{
    uint32_t timeout_ms = stream_close_timeout(stream);
    stream->state = LEATI_STREAM_CLOSING;
    stream->chain->owner_deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0;
    if (!stream->pumping)
        leati_chain_wake(stream->chain);
}

int leati_stream_close(struct leati_stream *stream)
{
    switch (stream->state) {
    case LEATI_STREAM_IDLE:
    case LEATI_STREAM_CLOSED:
        return leati_stream_not_open(stream);
    case LEATI_STREAM_CONNECTING:
        leati_stream_abort(stream);
        break;
    case LEATI_STREAM_OPEN:
        if (stream_discards(stream))
            leati_stream_abort(stream);
        else
            stream_start_closing(stream);
        break;
    case LEATI_STREAM_CLOSING:
        break;
    }
    return LEAT_OK;
}

void leati_stream_abort(struct leati_stream *stream)
{
    if (!stream->chain)
        return;
    stream->state = LEATI_STREAM_CLOSING;
    leati_chain_abort(stream->chain);
}

void leati_stream_break(struct leati_stream *stream, int sys_errno, const char *text)
{
    const struct leati_fault fault = {
        .code = LEAT_E_SOCKET_BASE + sys_errno,
        .layer = LEAT_LAYER_TCP,
        .sys_errno = sys_errno,
        .hop = leati_route_origin_text(stream->chain->route),
    };
    leati_failure_set(&stream->chain->failure, &fault, "%s", text);
    leati_chain_abort(stream->chain);
}

void leati_stream_pause(struct leati_stream *stream)
{
    stream->paused = true;
}

void leati_stream_resume(struct leati_stream *stream)
{
    stream->paused = false;
    if (stream->chain)
        leati_chain_wake(stream->chain);
}

bool leati_stream_has_proxy(const struct leati_stream *stream)
{
    return stream->chain && stream->chain->route->hop_count > 1;
}

int leati_stream_fd(const struct leati_stream *stream)
{
    const struct leati_chain *chain = stream->chain;
    return chain && chain->tcp ? leati_tcp_layer_fd(chain->tcp) : -1;
}

/* ---- moving bytes ------------------------------------------------------------------ */

/* By the deadline. Over TLS a peer that has said its goodbye and then takes nothing has one of its
 * own codes. */
static void stream_expire(struct leati_stream *stream, const char *text)
{
    const struct leati_layer *top = stream->chain->top;
    bool said_goodbye = stream->peer_ended && top && top->ops->layer == LEAT_LAYER_TLS;
    const struct leati_fault fault = {
        .code = said_goodbye ? (int)LEAT_E_TLS_CLOSED : LEAT_E_SOCKET_BASE + ETIMEDOUT,
        .layer = said_goodbye ? LEAT_LAYER_TLS : LEAT_LAYER_TCP,
        .sys_errno = ETIMEDOUT,
        .hop = leati_route_origin_text(stream->chain->route),
    };
    if (said_goodbye)
        text = "the peer has said close_notify and did not take what was queued in time";
    leati_failure_set(&stream->chain->failure, &fault, "%s", text);
    leati_chain_abort(stream->chain);
}

static bool stream_reads(const struct leati_stream *stream)
{
    return !stream->chain->released && stream->chain->state == LEATI_CHAIN_OPEN && !stream->eof &&
           (!stream->paused || stream->state == LEATI_STREAM_CLOSING);
}

/* One read; LEAT_OK when there may be more. */
static int stream_read_once(struct leati_stream *stream)
{
    struct leati_layer *top = stream->chain->top;
    uint8_t *buf = leati_loop_scratch(stream->loop);
    size_t len = 0;
    int code = top->ops->recv(top, buf, LEATI_SCRATCH_BYTES, &len);
    if (code == LEATI_AGAIN)
        return LEATI_AGAIN;
    if (code == LEATI_EOF) {
        stream->eof = true;
        if (stream->state == LEATI_STREAM_OPEN) {
            stream->peer_ended = true;
            stream_start_closing(stream);
        }
        return LEATI_AGAIN;
    }
    if (code != LEAT_OK) {
        leati_chain_abort(stream->chain);
        return code;
    }
    if (stream->state == LEATI_STREAM_OPEN)
        stream->owner->received(stream, buf, len, stream->user);
    return LEAT_OK;
}

static void stream_pump_read(struct leati_stream *stream)
{
    for (int reads = 0; stream_reads(stream); reads++) {
        if (reads == READS_PER_PUMP) {
            leati_chain_wake(stream->chain);
            return;
        }
        if (stream_read_once(stream) != LEAT_OK)
            return;
    }
}

static void stream_flush(struct leati_stream *stream)
{
    while (stream->out.len > 0 && stream->chain->state == LEATI_CHAIN_OPEN) {
        struct leati_layer *top = stream->chain->top;
        struct iovec iov[IOVECS_PER_SEND];
        int n = leati_byte_queue_peek(&stream->out, iov, IOVECS_PER_SEND);
        size_t len = 0;
        int code = top->ops->send(top, iov, n, &len);
        if (code == LEATI_AGAIN)
            return;
        if (code != LEAT_OK) {
            leati_chain_abort(stream->chain);
            return;
        }
        leati_byte_queue_consume(&stream->out, len);
        stream->stall_ms = 0;
    }
}

static void stream_pump_write(struct leati_stream *stream)
{
    stream_flush(stream);
    while (stream->send_refused && stream->state == LEATI_STREAM_OPEN && !stream->chain->released &&
           stream->chain->state == LEATI_CHAIN_OPEN &&
           stream->out.len <= stream->limits.queue_bytes / 2) {
        stream->send_refused = false;
        stream->owner->writable(stream, stream->user);
        if (!stream->chain->released)
            stream_flush(stream);
    }
}

/* The deadlines of what waits to be sent: of all of it when closing, else until some of it moves.
 */
static void stream_check_deadline(struct leati_stream *stream, uint64_t now_ms)
{
    struct leati_chain *chain = stream->chain;
    if (stream->state == LEATI_STREAM_CLOSING) {
        if (leati_chain_is_over(chain, chain->owner_deadline_ms))
            stream_expire(stream, "the peer did not take what was queued in time");
        return;
    }
    if (stream->out.len == 0 || stream->limits.stall_timeout_ms == 0)
        stream->stall_ms = 0;
    else if (stream->stall_ms == 0)
        stream->stall_ms = now_ms + stream->limits.stall_timeout_ms;
    else if (leati_chain_is_over(chain, stream->stall_ms))
        stream_expire(stream, "the peer has taken nothing for too long");
    chain->owner_deadline_ms = stream->stall_ms;
}

/* ---- what the chain calls ---------------------------------------------------------- */

static void stream_opened(struct leati_chain *chain, void *user)
{
    struct leati_stream *stream = user;
    (void)chain;
    stream->state = LEATI_STREAM_OPEN;
    stream->pumping = true;
    stream->owner->opened(stream, stream->user);
}

static unsigned stream_pump(struct leati_chain *chain, uint64_t now_ms, void *user)
{
    struct leati_stream *stream = user;
    stream->pumping = true;
    stream_pump_read(stream);
    if (!chain->released)
        stream_pump_write(stream);
    if (chain->released)
        return 0;
    stream->pumping = false;
    if (chain->state == LEATI_CHAIN_OPEN)
        stream_check_deadline(stream, now_ms);
    if (chain->state == LEATI_CHAIN_OPEN && stream->state == LEATI_STREAM_CLOSING &&
        stream->out.len == 0)
        leati_chain_close(chain, stream_close_timeout(stream));
    return (stream_reads(stream) ? LEATI_WANT_READ : 0u) |
           (stream->out.len > 0 ? LEATI_WANT_WRITE : 0u);
}

/* What holds the stream may be gone afterwards. */
void leati_stream_give_up(struct leati_stream *stream)
{
    stream_clear(stream);
    stream->state = LEATI_STREAM_CLOSED;
    stream->ending = true;
    stream->owner->ended(stream, stream->user);
    stream->ending = false;
    if (stream->released) {
        stream_done(stream);
        stream->owner->left(stream, stream->user);
    }
}

static void stream_ended(struct leati_chain *chain, void *user)
{
    struct leati_stream *stream = user;
    leati_failure_done(&stream->failure);
    stream->failure = chain->failure;
    leati_failure_init(&chain->failure);
    stream->chain = NULL;
    chain->user = NULL; /* stream_left() frees the chain alone */
    leati_chain_release(chain);
    leati_stream_give_up(stream);
}

static void stream_left(struct leati_chain *chain, void *user)
{
    struct leati_stream *stream = user;
    leati_free(chain);
    if (!stream)
        return;
    stream->chain = NULL;
    stream_done(stream);
    stream->owner->left(stream, stream->user);
}

static const struct leati_chain_owner stream_chain_owner = {
    .opened = stream_opened,
    .pump = stream_pump,
    .ended = stream_ended,
    .left = stream_left,
};

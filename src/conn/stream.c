/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/rest.h"

#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

#define IOVECS_PER_SEND    64
#define GIVE_BYTES         32768u /* from here on a system call costs less than the copy */
#define WRITABLES_PER_TURN 16u    /* what the program makes of them may be little, and much work */

struct leati_held_bytes {
    size_t len, used;
    uint8_t data[];
};

/* ---- life -------------------------------------------------------------------------- */

void leati_stream_init(struct leati_stream *stream, leat_loop *loop,
                       const struct leati_stream_owner *owner, void *user)
{
    *stream = (struct leati_stream){.loop = loop, .owner = owner, .user = user};
    leati_byte_queue_init(&stream->out, leati_loop_chunk_pool(loop));
    leati_failure_init(&stream->failure);
}

struct leati_stream_limits leati_stream_limits_of(const struct leati_settings *settings)
{
    return (struct leati_stream_limits){
        .queue_bytes = settings->send_queue_limit_bytes,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE],
    };
}

static void held_drop(struct leati_stream *stream)
{
    leati_free(stream->held);
    stream->held = NULL;
}

void leati_stream_forget_ends(struct leati_stream *stream)
{
    if (stream->ends)
        leati_offset_ring_done(stream->ends);
    leati_free(stream->ends);
    stream->ends = NULL;
}

static size_t stream_message_count(const struct leati_stream *stream)
{
    return stream->ends ? stream->ends->count : 0;
}

/* What has changed in the queue since the last time. */
static void stream_count(struct leati_stream *stream)
{
    /* What has ended or was released may outlive whom the limits belong to. */
    bool counts = stream->limits && !stream->released && stream->state != LEATI_STREAM_CLOSED;
    struct leati_stream_budget *budget = counts ? stream->limits->budget : NULL;
    if (!budget || stream->counted_bytes == stream->out.len)
        return;
    budget->used_bytes += stream->out.len - stream->counted_bytes;
    stream->counted_bytes = stream->out.len;
}

void leati_stream_drop_queue(struct leati_stream *stream)
{
    leati_byte_queue_clear(&stream->out);
    stream_count(stream);
}

/* What belongs to one connection. */
static void stream_clear(struct leati_stream *stream)
{
    leati_rest_forget(stream);
    leati_rest_drop(stream);
    leati_stream_drop_queue(stream);
    leati_stream_forget_ends(stream);
    held_drop(stream);
    stream->may_rest = stream->was_busy = stream->was_timed = false;
    stream->stall_ms = 0;
    stream->send_refused = stream->blocked = stream->pumping = stream->waits = false;
    stream->paused = stream->throttled = stream->has_more = stream->reads_on = false;
    stream->eof = stream->heard_all = stream->awaits_eof = false;
    stream->eof_wait_ms = 0;
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
    leati_stream_drop_queue(stream);
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

int leati_stream_refuse(struct leati_stream *stream, int code, int sys_errno, const char *format,
                        ...)
{
    const struct leati_fault fault = {
        .code = code, .layer = stream->owner->layer, .sys_errno = sys_errno};
    va_list args;
    va_start(args, format);
    leati_failure_replacev(&stream->failure, &fault, format, args);
    va_end(args);
    return code;
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
    stream->limits = limits;
    stream->chain = chain;
    stream->state = LEATI_STREAM_CONNECTING;
    stream->peer_ended = stream->is_doomed = false;
    stream->sent_bytes = 0;
    leati_chain_init(chain, stream->loop, &leati_stream_chain_owner, stream, tracer, route);
    leati_chain_connect(chain, limits->connect_timeout_ms);
    return LEAT_OK;
}

void leati_stream_push(struct leati_stream *stream, struct leati_layer *layer)
{
    stream->state = LEATI_STREAM_CONNECTING;
    stream->stall_ms = 0;
    leati_chain_push(stream->chain, layer, stream->limits->connect_timeout_ms);
}

/* ---- what the owner asks for ------------------------------------------------------- */

bool leati_stream_is_running(const struct leati_stream *stream)
{
    return stream->chain || stream->rest;
}

int leati_stream_not_open(const struct leati_stream *stream)
{
    bool not_yet = stream->state == LEATI_STREAM_IDLE || stream->state == LEATI_STREAM_CONNECTING;
    return LEAT_E_SOCKET_BASE + (not_yet ? ENOTCONN : EBADF);
}

static int stream_reserve_budget(const struct leati_stream *stream, size_t size)
{
    struct leati_stream_budget *budget = stream->limits->budget;
    if (budget->used_bytes <= budget->most_bytes && size <= budget->most_bytes - budget->used_bytes)
        return LEAT_OK;
    if (size <= budget->most_bytes)
        budget->exceeded(budget, size);
    bool fits =
        budget->used_bytes <= budget->most_bytes && size <= budget->most_bytes - budget->used_bytes;
    return fits && leati_stream_is_open(stream) ? LEAT_OK : LEAT_E_SOCKET_BASE + ENOBUFS;
}

int leati_stream_enforce_budget(struct leati_stream *stream)
{
    struct leati_stream_budget *budget = stream->limits->budget;
    return budget ? stream_reserve_budget(stream, 0) : LEAT_OK;
}

int leati_stream_reserve(struct leati_stream *stream, size_t size)
{
    size_t len = stream->out.len;
    size_t most = stream->limits->queue_bytes, most_messages = stream->limits->queue_messages;
    bool full = len > 0 && (size > most || len > most - size);
    if (!full && (most_messages == 0 || stream_message_count(stream) < most_messages))
        return stream->limits->budget ? stream_reserve_budget(stream, size) : LEAT_OK;
    stream->send_refused = true;
    stream->refused_bytes = size;
    return LEAT_E_SOCKET_BASE + EAGAIN;
}

void leati_stream_queued(struct leati_stream *stream)
{
    if (stream->out.len == 0)
        return; /* all of it has left */
    stream_count(stream);
    /* A message that is queued and not counted is better than one that is lost. */
    if (stream->limits->queue_messages != 0 && !stream->ends)
        stream->ends = leati_calloc(1, sizeof(*stream->ends));
    if (stream->ends)
        (void)leati_offset_ring_push(stream->ends, stream->sent_bytes + stream->out.len);
    if (!stream->pumping)
        leati_chain_wake(stream->chain);
}

/* Gives the kernel what it takes, and queues the rest. False: no memory, and nothing has left. */
static bool stream_take_much(struct leati_stream *stream, const void *data, size_t len)
{
    if (!leati_byte_queue_ensure(&stream->out, len))
        return false;
    size_t given = leati_stream_give(stream, &(struct iovec){(void *)(uintptr_t)data, len}, 1);
    if (given == len && stream->limits->has_nagle)
        leati_tcp_layer_push(stream->chain->tcp); /* the end of much is no small data */
    (void)leati_byte_queue_append(&stream->out, (const uint8_t *)data + given, len - given);
    leati_byte_queue_trim(&stream->out);
    return true;
}

int leati_stream_send(struct leati_stream *stream, const void *data, size_t len)
{
    if (stream->state != LEATI_STREAM_OPEN)
        return leati_stream_not_open(stream);
    int code = leati_stream_reserve(stream, len);
    if (code != LEAT_OK)
        return code;
    if (len < GIVE_BYTES ? !leati_byte_queue_append(&stream->out, data, len)
                         : !stream_take_much(stream, data, len))
        return LEAT_E_SYSTEM_INTERNAL;
    leati_stream_queued(stream);
    return LEAT_OK;
}

uint32_t leati_stream_close_timeout(const struct leati_stream *stream)
{
    const struct leat_socket_linger *linger = &stream->limits->linger;
    return linger->on ? linger->linger_ms : stream->limits->close_timeout_ms;
}

static bool stream_discards(const struct leati_stream *stream)
{
    return stream->limits->linger.on && stream->limits->linger.linger_ms == 0;
}

void leati_stream_finish(struct leati_stream *stream, uint32_t timeout_ms)
{
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
            leati_stream_finish(stream, leati_stream_close_timeout(stream));
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

int leati_stream_record(struct leati_stream *stream, int code, int sys_errno, int native_code,
                        const char *text)
{
    const struct leati_fault fault = {
        .code = code,
        .layer = stream->owner->layer,
        .sys_errno = sys_errno,
        .native_code = native_code,
        .hop = leati_chain_origin(stream->chain),
    };
    return leati_failure_set(&stream->chain->failure, &fault, "%s", text);
}

void leati_stream_break(struct leati_stream *stream, int code, int sys_errno, const char *text)
{
    leati_stream_record(stream, code, sys_errno, 0, text);
    leati_chain_abort(stream->chain);
}

void leati_stream_pause(struct leati_stream *stream)
{
    stream->paused = true;
}

void leati_stream_resume(struct leati_stream *stream)
{
    if (stream->paused && stream->chain)
        leati_chain_wake(stream->chain);
    stream->paused = false;
}

bool leati_stream_has_proxy(const struct leati_stream *stream)
{
    return stream->chain && stream->chain->route && stream->chain->route->hop_count > 1;
}

/* ---- moving bytes ------------------------------------------------------------------ */

static bool stream_reads(const struct leati_stream *stream)
{
    if (stream->chain->state != LEATI_CHAIN_OPEN || stream->eof)
        return false;
    if (stream->state == LEATI_STREAM_CLOSING)
        return !stream->heard_all || stream->out.len == 0;
    return !stream->paused && !stream->throttled;
}

/* What is not used now is for later. */
static bool stream_stops(const struct leati_stream *stream)
{
    return stream->paused || leati_stream_turn_is_over(stream);
}

static void stream_hold(struct leati_stream *stream, const uint8_t *data, size_t len)
{
    stream->held = leati_malloc(sizeof(*stream->held) + len);
    if (!stream->held) {
        leati_stream_break(stream, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    stream->held->len = len;
    stream->held->used = 0;
    memcpy(stream->held->data, data, len);
}

/* What was held, or nothing, if the owner has more to say. */
static void stream_give_held(struct leati_stream *stream)
{
    struct leati_held_bytes *held = stream->held;
    if (!held) {
        (void)stream->owner->received(stream, NULL, 0, stream->user);
        return;
    }
    held->used += stream->owner->received(stream, held->data + held->used, held->len - held->used,
                                          stream->user);
    if (held->used == held->len || !stream_stops(stream))
        held_drop(stream);
}

static void stream_on_eof(struct leati_stream *stream)
{
    stream->eof = true;
    if (stream->state == LEATI_STREAM_OPEN)
        stream->owner->peer_ended(stream, stream->user);
}

/* One read; LEAT_OK when there may be more. */
static int stream_read_once(struct leati_stream *stream)
{
    const struct leati_stream_owner *owner = stream->owner;
    struct leati_layer *top = stream->chain->top;
    bool delivers = stream->state == LEATI_STREAM_OPEN;
    size_t cap = LEATI_SCRATCH_BYTES;
    size_t len = 0;
    uint8_t *buf = delivers && owner->room ? owner->room(stream, &cap, stream->user) : NULL;
    if (!buf)
        buf = leati_loop_scratch(stream->loop);
    int code = top->ops->recv(top, buf, cap, &len);
    if (code == LEATI_AGAIN)
        return LEATI_AGAIN;
    if (code == LEATI_EOF) {
        stream_on_eof(stream);
        return LEATI_AGAIN;
    }
    if (code != LEAT_OK) {
        leati_chain_abort(stream->chain);
        return code;
    }
    size_t used = delivers ? owner->received(stream, buf, len, stream->user) : len;
    if (used < len && stream_stops(stream) && leati_stream_is_open(stream))
        stream_hold(stream, buf + used, len - used);
    leati_stream_note_work(stream,
                           len); /* behind it: what has been read is delivered in this turn */
    return LEAT_OK;
}

static void stream_pump_read(struct leati_stream *stream)
{
    bool has_held = stream->held || stream->has_more;
    stream->reads_on = false;
    stream->chain->turn_bytes = 0;
    if (has_held && !stream->paused && !stream->throttled && leati_stream_is_open(stream))
        stream_give_held(stream);
    while (stream_reads(stream)) {
        if (leati_stream_turn_is_over(stream)) {
            stream->reads_on = true;
            leati_chain_wake(stream->chain);
            return;
        }
        if (stream_read_once(stream) != LEAT_OK)
            return;
    }
}

void leati_stream_flush(struct leati_stream *stream)
{
    stream->blocked = false;
    while (stream->out.len > 0 && stream->chain->state == LEATI_CHAIN_OPEN) {
        struct leati_layer *top = stream->chain->top;
        struct iovec iov[IOVECS_PER_SEND];
        int n = leati_byte_queue_peek(&stream->out, iov, IOVECS_PER_SEND);
        size_t len = 0;
        int code = top->ops->send(top, iov, n, &len);
        stream->blocked = code == LEATI_AGAIN;
        if (code == LEATI_AGAIN)
            break;
        if (code != LEAT_OK) {
            leati_chain_abort(stream->chain);
            return;
        }
        leati_byte_queue_consume(&stream->out, len);
        stream->sent_bytes += len;
        stream->stall_ms = 0;
        if (stream->ends)
            leati_offset_ring_pass(stream->ends, stream->sent_bytes);
    }
    stream_count(stream);
}

/* Room for what was refused: with less the program would try again and be refused again. */
static bool stream_has_room(const struct leati_stream *stream)
{
    const struct leati_stream_limits *limits = stream->limits;
    size_t len = stream->out.len;
    bool fits = stream->refused_bytes <= limits->queue_bytes &&
                len <= limits->queue_bytes - stream->refused_bytes;
    return (fits || len == 0) && len <= limits->queue_bytes / 2 &&
           stream_message_count(stream) <= limits->queue_messages / 2;
}

static void stream_pump_write(struct leati_stream *stream)
{
    uint64_t turn_end = stream->sent_bytes + LEATI_STREAM_TURN_BYTES;
    unsigned writables = 0;
    leati_stream_flush(stream);
    if (stream->owner->flushed)
        stream->owner->flushed(stream, stream->user);
    while (stream->send_refused && leati_stream_is_open(stream) && stream_has_room(stream)) {
        if (stream->sent_bytes >= turn_end || writables++ == WRITABLES_PER_TURN) {
            leati_chain_wake(stream->chain);
            return;
        }
        stream->send_refused = false;
        stream->owner->writable(stream, stream->user);
        leati_stream_flush(stream);
    }
}

/* ---- what the chain calls ---------------------------------------------------------- */

static void stream_asked(struct leati_chain *chain, void *user)
{
    struct leati_stream *stream = user;
    (void)chain;
    stream->owner->asked(stream, stream->user);
}

static void stream_opened(struct leati_chain *chain, void *user)
{
    struct leati_stream *stream = user;
    (void)chain;
    stream->state = LEATI_STREAM_OPEN;
    stream->pumping = true;
    stream->owner->opened(stream, stream->user);
}

static bool stream_is_done(const struct leati_stream *stream)
{
    return stream->chain->state == LEATI_CHAIN_OPEN && stream->state == LEATI_STREAM_CLOSING &&
           stream->out.len == 0 && (stream->eof || !stream->awaits_eof);
}

static unsigned stream_pump(struct leati_chain *chain, uint64_t now_ms, void *user)
{
    struct leati_stream *stream = user;
    stream->pumping = true;
    stream_pump_read(stream);
    stream_pump_write(stream);
    stream->pumping = false;
    if (chain->state == LEATI_CHAIN_OPEN)
        leati_stream_check_deadlines(stream, now_ms);
    if (stream_is_done(stream))
        leati_chain_close(chain, stream->owner->close_deadline(stream, stream->user));
    if (stream->may_rest && leati_stream_is_open(stream))
        leati_rest_note_idle(stream);
    return (stream_reads(stream) ? LEATI_WANT_READ : 0u) |
           (stream->out.len > 0 ? LEATI_WANT_WRITE : 0u);
}

/* The owner may free the stream in here. */
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
    struct leati_route *next =
        stream->owner->over ? stream->owner->over(stream, stream->user) : NULL;
    if (next) {
        leati_chain_restart(chain, next);
        return;
    }
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

const struct leati_chain_owner leati_stream_chain_owner = {
    .asked = stream_asked,
    .opened = stream_opened,
    .pump = stream_pump,
    .ended = stream_ended,
    .left = stream_left,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/rest.h"

#include "tcp/tcp.h"
#include "util/alloc.h"

/** How many that have been busy since may be passed over, for one that has not. */
#define SECOND_CHANCES 8u

/* Those that are idle and have everything, in turns: who comes to where another one stands sends it to
 * rest, unless that one was busy since. */
struct rest_ring {
    struct leati_stream *streams[LEATI_REST_AWAKE];
    unsigned hand;
};

static const char rest_ring_key;

static void ring_destroy(void *object)
{
    leati_free(object);
}

/* NULL without memory: then nobody rests. */
static struct rest_ring *ring_of(leat_loop *loop)
{
    struct rest_ring *ring = leati_loop_attachment_get(loop, &rest_ring_key);
    if (ring)
        return ring;
    ring = leati_calloc(1, sizeof(*ring));
    if (ring && leati_loop_attachment_set(loop, &rest_ring_key, ring, ring_destroy) == LEAT_OK)
        return ring;
    leati_free(ring);
    return NULL;
}

/* ---- going to rest --------------------------------------------------------------------- */

static void rest_on_event(struct leati_io *io, unsigned events, void *user);
static void rest_on_timer(struct leati_timer *timer, void *user);

static bool stream_may_rest(const struct leati_stream *s)
{
    return s->state == LEATI_STREAM_OPEN && !s->released && s->chain && s->out.len == 0 &&
           !s->held && !s->send_refused && !s->blocked && !s->paused && !s->throttled &&
           !s->has_more && !s->reads_on && !s->eof && s->stall_ms == 0 &&
           leati_chain_may_rest(s->chain);
}

/* Without memory it stays as it is. */
static void stream_rest(struct leati_stream *stream)
{
    struct leati_chain *chain = stream->chain;
    if (!stream_may_rest(stream) || !stream->owner->rests(stream, stream->user))
        return;
    struct leati_rest *rest = leati_malloc(sizeof(*rest));
    if (!rest)
        return;
    uint64_t deadline_ms = chain->owner_deadline_ms;
    leati_timer_init(&rest->timer, stream->loop, rest_on_timer, stream);
    if (deadline_ms != 0 && leati_timer_set(&rest->timer, deadline_ms) != LEAT_OK) {
        leati_free(rest);
        return;
    }
    rest->seat = leati_chain_rest(chain, rest_on_event, stream);
    leati_free(chain);
    stream->chain = NULL;
    stream->rest = rest;
    leati_byte_queue_clear(&stream->out);
    leati_stream_forget_ends(stream);
}

void leati_rest_note_idle(struct leati_stream *stream)
{
    stream->was_busy = true;
    if (stream->rest_place != 0)
        return;
    struct rest_ring *ring = ring_of(stream->loop);
    struct leati_stream *other = NULL;
    if (!ring)
        return;
    for (unsigned i = 0; i < SECOND_CHANCES; i++) {
        ring->hand = (ring->hand + 1) % LEATI_REST_AWAKE;
        other = ring->streams[ring->hand];
        if (!other || !other->was_busy)
            break;
        other->was_busy = false;
    }
    ring->streams[ring->hand] = stream;
    stream->rest_place = (uint8_t)(ring->hand + 1);
    if (!other)
        return;
    other->rest_place = 0;
    stream_rest(other);
}

void leati_rest_forget(struct leati_stream *stream)
{
    if (stream->rest_place == 0)
        return;
    ring_of(stream->loop)->streams[stream->rest_place - 1] = NULL;
    stream->rest_place = 0;
}

/* ---- waking ---------------------------------------------------------------------------- */

void leati_rest_drop(struct leati_stream *stream)
{
    struct leati_rest *rest = stream->rest;
    if (!rest)
        return;
    leati_timer_stop(&rest->timer);
    leati_tcp_seat_free(rest->seat);
    leati_free(rest);
    stream->rest = NULL;
}

bool leati_stream_wake(struct leati_stream *stream)
{
    struct leati_rest *rest = stream->rest;
    if (!rest)
        return true;
    if (stream->is_doomed)
        return false;
    uint64_t deadline_ms = rest->timer.at_ms;
    struct leati_chain *chain = leati_malloc(sizeof(*chain));
    if (!chain || !stream->owner->wakes(stream, stream->user) ||
        !leati_chain_resume(chain, stream->loop, &leati_stream_chain_owner, stream, rest->seat)) {
        leati_free(chain);
        return false;
    }
    chain->owner_deadline_ms = deadline_ms;
    leati_timer_stop(&rest->timer);
    leati_free(rest);
    stream->rest = NULL;
    stream->chain = chain;
    leati_chain_wake(chain); /* whatever it was woken for: deadlines are set anew */
    return true;
}

void leati_stream_doom(struct leati_stream *stream, const struct leati_fault *fault,
                       const char *text)
{
    struct leati_fault first = *fault;
    first.hop = leati_tcp_seat_name(stream->rest->seat);
    if (!stream->is_doomed)
        leati_failure_replace(&stream->failure, &first, "%s", text);
    stream->is_doomed = true;
    leati_tcp_seat_shutdown(stream->rest->seat);
}

/* From dispatch: it cannot be woken, or was given up meanwhile. */
static void stream_lose(struct leati_stream *stream)
{
    if (!stream->is_doomed)
        leati_failure_replace(&stream->failure,
                              &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL,
                                                    .layer = stream->owner->layer,
                                                    .hop = leati_tcp_seat_name(stream->rest->seat)},
                              "out of memory");
    leati_rest_drop(stream);
    leati_stream_give_up(stream);
}

static void rest_on_event(struct leati_io *io, unsigned events, void *user)
{
    struct leati_stream *stream = user;
    struct leati_tcp_seat *seat = stream->rest->seat;
    (void)io;
    if (leati_stream_wake(stream))
        leati_tcp_seat_tell(seat, events);
    else
        stream_lose(stream);
}

static void rest_on_timer(struct leati_timer *timer, void *user)
{
    struct leati_stream *stream = user;
    (void)timer;
    if (!leati_stream_wake(stream))
        stream_lose(stream);
}

/* ---- sending without waking ---------------------------------------------------------------- */

size_t leati_stream_send_at_once(struct leati_stream *stream, const void *data, size_t len)
{
    struct leati_chain *chain = stream->chain;
    uint32_t round = leati_loop_round(stream->loop);
    size_t sent = 0;
    if (stream->out.len > 0 || stream->pumping || stream->sent_round == round)
        return 0;
    stream->sent_round = round;
    if (stream->rest) {
        long taken = leati_tcp_seat_send(stream->rest->seat, data, len);
        sent = taken > 0 ? (size_t)taken : 0;
    } else if (chain->top == chain->tcp) {
        struct iovec part = {(void *)(uintptr_t)data, len};
        if (chain->top->ops->send(chain->top, &part, 1, &sent) != LEAT_OK)
            sent = 0; /* the pump hears it again */
    }
    stream->sent_bytes += sent;
    return sent;
}

/* ---- what is known while it rests -------------------------------------------------------- */

const char *leati_stream_origin(const struct leati_stream *stream)
{
    if (stream->rest)
        return leati_tcp_seat_name(stream->rest->seat);
    return stream->chain ? leati_chain_origin(stream->chain) : "";
}

const struct leati_address *leati_stream_remote(const struct leati_stream *stream)
{
    if (stream->rest)
        return leati_tcp_seat_remote(stream->rest->seat);
    return leati_tcp_layer_remote(stream->chain->tcp);
}

int leati_stream_fd(const struct leati_stream *stream)
{
    const struct leati_chain *chain = stream->chain;
    if (stream->rest)
        return leati_tcp_seat_fd(stream->rest->seat);
    return chain && chain->tcp ? leati_tcp_layer_fd(chain->tcp) : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/rest.h"

#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/clock.h"

/** How many that have been busy since may be passed over, for one that has not. */
#define SECOND_CHANCES 8u
/** One that is woken so soon should not have come to rest: so many ticks. */
#define TOO_SOON_TICKS 2u
#define LONG_AGO_TICKS 128u
#define TICK_MS_LOG2   9u
/** How often it is looked who still talks, while more than LEATI_REST_AWAKE are awake. */
#define REVIEW_MS 1000u

/* Those that are idle and have everything, in turns: who comes to where another one stands sends it to
 * rest, unless that one was busy since. There are more places when somebody was woken who had just come to
 * rest, and as many as still talk when that is reviewed. */
struct rest_ring {
    leat_loop *loop;
    struct leati_stream **streams;
    unsigned size, cap; /* places in use, and those that there is memory for */
    unsigned limit;     /* of `size` */
    unsigned hand;
    struct leati_timer review;
};

static const char rest_ring_key;

static void ring_review(struct leati_timer *timer, void *user);

static void ring_destroy(void *object)
{
    struct rest_ring *ring = object;
    leati_timer_stop(&ring->review);
    leati_free(ring->streams);
    leati_free(ring);
}

/* NULL without memory: then nobody rests. */
static struct rest_ring *ring_of(leat_loop *loop)
{
    struct rest_ring *ring = leati_loop_attachment_get(loop, &rest_ring_key);
    if (ring)
        return ring;
    ring = leati_malloc(sizeof(*ring));
    if (!ring)
        return NULL;
    *ring = (struct rest_ring){.loop = loop, .limit = LEATI_REST_AWAKE};
    leati_timer_init(&ring->review, loop, ring_review, ring);
    if (leati_loop_attachment_set(loop, &rest_ring_key, ring, ring_destroy) == LEAT_OK)
        return ring;
    leati_free(ring);
    return NULL;
}

/* A place behind the others; false: there is no more room, or no memory. */
static bool ring_add(struct rest_ring *ring)
{
    if (ring->size >= ring->limit)
        return false;
    if (ring->size == ring->cap) {
        unsigned cap = ring->cap ? 2 * ring->cap : LEATI_REST_AWAKE;
        if (!leati_resize(&ring->streams, cap, sizeof(struct leati_stream *)))
            return false;
        ring->cap = cap;
    }
    ring->hand = ring->size++;
    ring->streams[ring->hand] = NULL;
    return true;
}

/* Those who talk are more than there are places. */
static void ring_widen(struct rest_ring *ring)
{
    bool is_reviewed = ring->limit > LEATI_REST_AWAKE ||
                       leati_timer_set(&ring->review, leati_clock_ms() + REVIEW_MS) == LEAT_OK;
    if (is_reviewed && ring->limit < LEATI_REST_AWAKE_MAX)
        ring->limit++;
}

static uint8_t tick_now(void)
{
    return (uint8_t)(leati_clock_ms() >> TICK_MS_LOG2);
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
    if (!stream_may_rest(stream) || !leati_tcp_layer_take_seat(chain->tcp))
        return;
    struct leati_timer *timer = leati_tcp_layer_seat_timer(chain->tcp);
    uint64_t deadline_ms = chain->owner_deadline_ms;
    leati_timer_init(timer, stream->loop, rest_on_timer, stream);
    if (deadline_ms != 0 && leati_timer_set(timer, deadline_ms) != LEAT_OK)
        return;
    /* Behind all that can fail: the owner gives up what moving bytes needs. */
    if (!stream->owner->rests(stream, stream->user)) {
        leati_timer_stop(timer);
        return;
    }
    stream->rest = leati_chain_rest(chain, rest_on_event, stream);
    /* Whoever answers a Ping has not begun to talk. */
    stream->rest_time = (uint8_t)(tick_now() - (stream->was_timed ? LONG_AGO_TICKS : 0));
    stream->was_timed = false;
    leati_free(chain);
    stream->chain = NULL;
    leati_byte_queue_clear(&stream->out);
    leati_stream_forget_ends(stream);
}

/* Puts the hand on a place, and says who stands there. */
static struct leati_stream *ring_turn(struct rest_ring *ring)
{
    struct leati_stream *other = NULL;
    for (unsigned i = 0; i < SECOND_CHANCES; i++) {
        ring->hand = (ring->hand + 1) % ring->size;
        other = ring->streams[ring->hand];
        if (!other || !other->was_busy)
            break;
        other->was_busy = false;
    }
    return other;
}

void leati_rest_note_idle(struct leati_stream *stream)
{
    stream->was_busy = true;
    if (stream->rest_place != 0)
        return;
    struct rest_ring *ring = ring_of(stream->loop);
    if (!ring || (!ring_add(ring) && ring->size == 0))
        return;
    struct leati_stream *other = ring->streams[ring->hand] ? ring_turn(ring) : NULL;
    ring->streams[ring->hand] = stream;
    stream->rest_place = (uint16_t)(ring->hand + 1);
    if (!other)
        return;
    other->rest_place = 0;
    stream_rest(other);
}

/* Sends those to rest that were not busy since the last time, but for the LEATI_REST_AWAKE that may always be
 * awake, and closes the gaps. */
static void ring_review(struct leati_timer *timer, void *user)
{
    struct rest_ring *ring = user;
    unsigned kept = 0, left = ring->size;
    for (unsigned i = 0; i < ring->size; i++) {
        struct leati_stream *stream = ring->streams[i];
        bool stays = stream && (stream->was_busy || left <= LEATI_REST_AWAKE);
        if (stays) {
            stream->was_busy = false;
            ring->streams[kept++] = stream;
            stream->rest_place = (uint16_t)kept;
            continue;
        }
        left--;
        if (!stream)
            continue;
        stream->rest_place = 0;
        stream_rest(stream);
    }
    ring->size = kept;
    ring->hand = 0;
    ring->limit = kept > LEATI_REST_AWAKE ? kept : LEATI_REST_AWAKE;
    if (ring->limit > LEATI_REST_AWAKE)
        (void)leati_timer_set(timer, leati_clock_ms() + REVIEW_MS);
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
    if (!stream->rest)
        return;
    leati_timer_stop(leati_tcp_seat_timer(stream->rest));
    leati_tcp_seat_free(stream->rest);
    stream->rest = NULL;
}

bool leati_stream_wake(struct leati_stream *stream)
{
    struct leati_tcp_seat *seat = stream->rest;
    if (!seat)
        return true;
    if (stream->is_doomed)
        return false;
    struct leati_timer *timer = leati_tcp_seat_timer(seat);
    struct leati_chain *chain = leati_malloc(sizeof(*chain));
    if (!chain || !stream->owner->wakes(stream, stream->user) ||
        !leati_chain_resume(chain, stream->loop, &leati_stream_chain_owner, stream, seat)) {
        leati_free(chain);
        return false;
    }
    chain->owner_deadline_ms = timer->at_ms;
    leati_timer_stop(timer);
    if ((uint8_t)(tick_now() - stream->rest_time) < TOO_SOON_TICKS)
        ring_widen(ring_of(stream->loop));
    stream->rest = NULL;
    stream->chain = chain;
    leati_chain_wake(chain); /* whatever it was woken for: deadlines are set anew */
    return true;
}

void leati_stream_doom(struct leati_stream *stream, const struct leati_fault *fault,
                       const char *text)
{
    struct leati_fault first = *fault;
    first.hop = leati_tcp_seat_name(stream->rest);
    if (!stream->is_doomed)
        leati_failure_replace(&stream->failure, &first, "%s", text);
    stream->is_doomed = true;
    leati_tcp_seat_shutdown(stream->rest);
}

/* From dispatch: it cannot be woken, or was given up meanwhile. */
static void stream_lose(struct leati_stream *stream)
{
    if (!stream->is_doomed)
        leati_failure_replace(&stream->failure,
                              &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL,
                                                    .layer = stream->owner->layer,
                                                    .hop = leati_tcp_seat_name(stream->rest)},
                              "out of memory");
    leati_rest_drop(stream);
    leati_stream_give_up(stream);
}

static void rest_on_event(struct leati_io *io, unsigned events, void *user)
{
    struct leati_stream *stream = user;
    struct leati_tcp_seat *seat = stream->rest;
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
    stream->was_timed = true;
    if (!leati_stream_wake(stream))
        stream_lose(stream);
}

/* ---- sending without waking ---------------------------------------------------------------- */

size_t leati_stream_give(struct leati_stream *stream, const struct iovec *iov, int n)
{
    struct leati_chain *chain = stream->chain;
    size_t sent = 0;
    if (stream->out.len > 0 || chain->state != LEATI_CHAIN_OPEN || chain->top != chain->tcp ||
        chain->top->ops->send(chain->top, iov, n, &sent) != LEAT_OK)
        return 0;
    stream->sent_bytes += sent;
    return sent;
}

size_t leati_stream_send_at_once(struct leati_stream *stream, const void *data, size_t len)
{
    uint16_t round = (uint16_t)leati_loop_round(stream->loop);
    if (stream->out.len > 0 || stream->pumping || stream->sent_round == round)
        return 0;
    stream->sent_round = round;
    if (!stream->rest)
        return leati_stream_give(stream, &(struct iovec){(void *)(uintptr_t)data, len}, 1);
    long taken = leati_tcp_seat_send(stream->rest, data, len);
    size_t sent = taken > 0 ? (size_t)taken : 0;
    stream->sent_bytes += sent;
    return sent;
}

/* ---- what is known while it rests -------------------------------------------------------- */

const char *leati_stream_origin(const struct leati_stream *stream)
{
    if (stream->rest)
        return leati_tcp_seat_name(stream->rest);
    return stream->chain ? leati_chain_origin(stream->chain) : "";
}

const struct leati_address *leati_stream_remote(const struct leati_stream *stream)
{
    if (stream->rest)
        return leati_tcp_seat_remote(stream->rest);
    return leati_tcp_layer_remote(stream->chain->tcp);
}

int leati_stream_fd(const struct leati_stream *stream)
{
    const struct leati_chain *chain = stream->chain;
    if (stream->rest)
        return leati_tcp_seat_fd(stream->rest);
    return chain && chain->tcp ? leati_tcp_layer_fd(chain->tcp) : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/flow.h"
#include "util/alloc.h"

#include <string.h>

#define MILLION 1000000u

struct leati_flow_chunk {
    struct leati_flow_chunk *next;
    uint64_t due_us;
    unsigned tag;
    size_t at, len;
    uint8_t data[];
};

/* ---- chance: the same for the same seed ------------------------------------------------------ */

/* A permutation that spreads every bit: multiplications and shifts. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x9fb21c651e98df25u;
    x = (x ^ (x >> 28)) * 0xd1342543de82ef95u;
    return x ^ (x >> 32);
}

uint64_t leati_flow_seed(uint64_t seed, uint64_t connection)
{
    return mix(mix(seed + 0x51ed270b9f3c2d1fu) + connection);
}

static uint64_t draw(struct leati_flow *flow)
{
    flow->random += 0x9e3779b97f4a7c15u;
    return mix(flow->random);
}

/* 0 to `bound` - 1. */
static uint64_t draw_below(struct leati_flow *flow, uint64_t bound)
{
    return bound > 0 ? (draw(flow) >> 16) % bound : 0;
}

/* -`spread` to `spread`. The sum of twelve is nearly a bell whose deviation is one of them. */
static int64_t draw_around(struct leati_flow *flow, uint64_t spread,
                           enum leat_testing_distribution distribution)
{
    if (distribution == LEAT_TESTING_UNIFORM)
        return (int64_t)draw_below(flow, 2 * spread + 1) - (int64_t)spread;
    for (;;) {
        int64_t sum = 0;
        for (int i = 0; i < 12; ++i)
            sum += (int64_t)draw_below(flow, MILLION + 1) - (int64_t)(MILLION / 2);
        int64_t value = sum * (int64_t)spread / 3 / (int64_t)MILLION;
        if (value >= -(int64_t)spread && value <= (int64_t)spread)
            return value;
    }
}

static bool is_spared(const struct leati_flow *flow, const struct leat_testing_condition *condition)
{
    uint64_t lot = mix(flow->seed ^
                       mix(((uint64_t)condition->kind << 8) + (uint64_t)condition->direction + 1));
    return (lot >> 16) % MILLION < condition->spared_ppm;
}

/* ---- conditions ------------------------------------------------------------------------------ */

void leati_flow_init(struct leati_flow *flow, enum leat_testing_direction direction,
                     bool is_datagrams, uint64_t seed)
{
    *flow = (struct leati_flow){.direction = direction,
                                .is_datagrams = is_datagrams,
                                .seed = seed,
                                .random = mix(seed + (uint64_t)direction)};
}

void leati_flow_done(struct leati_flow *flow)
{
    while (flow->first) {
        struct leati_flow_chunk *chunk = flow->first;
        flow->first = chunk->next;
        leati_free(chunk);
    }
    flow->last = NULL;
    flow->queued = 0;
}

static bool condition_equal(const struct leat_testing_condition *a,
                            const struct leat_testing_condition *b)
{
    return a->kind == b->kind && a->direction == b->direction &&
           a->distribution == b->distribution && a->delay_ms == b->delay_ms &&
           a->jitter_ms == b->jitter_ms && a->gap_us == b->gap_us && a->bytes == b->bytes &&
           a->burst_bytes == b->burst_bytes && a->variation_bytes == b->variation_bytes &&
           a->chance_ppm == b->chance_ppm && a->spared_ppm == b->spared_ppm;
}

static uint64_t burst_of(const struct leat_testing_condition *condition)
{
    uint64_t burst = condition->burst_bytes ? condition->burst_bytes : condition->bytes / 50;
    return burst ? burst : 1;
}

static bool has_kind(const struct leati_flow *flow, enum leat_testing_condition_kind kind)
{
    for (size_t i = 0; i < flow->count; ++i)
        if (flow->conditions[i].what.kind == kind)
            return true;
    return false;
}

static void condition_add(struct leati_flow *flow, const struct leati_flow *before,
                          const struct leat_testing_condition *condition, uint64_t now_us)
{
    struct leati_flow_condition *own = &flow->conditions[flow->count++];
    *own = (struct leati_flow_condition){.what = *condition,
                                         .since_us = now_us,
                                         .at_us = now_us,
                                         .tokens = burst_of(condition) * MILLION};
    for (size_t i = 0; i < before->count; ++i) {
        if (condition_equal(&before->conditions[i].what, condition)) {
            *own = before->conditions[i];
            return;
        }
    }
}

void leati_flow_set(struct leati_flow *flow, const struct leat_testing_condition *conditions,
                    size_t count, uint64_t now_us)
{
    struct leati_flow before = *flow;
    bool had_timeout = has_kind(flow, LEAT_TESTING_CONDITION_TIMEOUT);
    flow->count = 0;
    for (size_t i = 0; i < count && flow->count < LEAT_TESTING_CONDITIONS_MAX; ++i) {
        const struct leat_testing_condition *condition = &conditions[i];
        if ((condition->direction == flow->direction ||
             condition->direction == LEAT_TESTING_BOTH) &&
            !is_spared(flow, condition))
            condition_add(flow, &before, condition, now_us);
    }
    if (!has_kind(flow, LEAT_TESTING_CONDITION_LIMIT))
        flow->passed = 0;
    if (had_timeout && !has_kind(flow, LEAT_TESTING_CONDITION_TIMEOUT) && !flow->is_datagrams)
        flow->is_over = true; /* what it has swallowed is missing for ever */
}

/* ---- in -------------------------------------------------------------------------------------- */

bool leati_flow_has_room(const struct leati_flow *flow)
{
    return flow->queued < LEATI_FLOW_BYTES_MAX && !flow->has_ended && !flow->is_over;
}

/* Behind all that are due before; a stream keeps its order by that. */
static bool chunk_insert(struct leati_flow *flow, const uint8_t *data, size_t len, unsigned tag,
                         uint64_t due_us)
{
    struct leati_flow_chunk *chunk = leati_malloc(sizeof(*chunk) + len);
    if (!chunk)
        return false;
    *chunk = (struct leati_flow_chunk){.due_us = due_us, .tag = tag, .len = len};
    if (len > 0)
        memcpy(chunk->data, data, len);
    flow->queued += len + (flow->is_datagrams ? sizeof(*chunk) : 0);
    if (!flow->last || flow->last->due_us <= due_us) {
        *(flow->last ? &flow->last->next : &flow->first) = chunk;
        flow->last = chunk;
        return true;
    }
    struct leati_flow_chunk **link = &flow->first;
    while ((*link)->due_us <= due_us)
        link = &(*link)->next;
    chunk->next = *link;
    *link = chunk;
    return true;
}

static uint64_t latency_draw_us(struct leati_flow *flow)
{
    int64_t sum_us = 0;
    for (size_t i = 0; i < flow->count; ++i) {
        const struct leat_testing_condition *what = &flow->conditions[i].what;
        if (what->kind == LEAT_TESTING_CONDITION_LATENCY) {
            uint32_t jitter = what->jitter_ms < what->delay_ms ? what->jitter_ms : what->delay_ms;
            sum_us += (int64_t)what->delay_ms * 1000 +
                      draw_around(flow, (uint64_t)jitter * 1000, what->distribution);
        }
    }
    return (uint64_t)sum_us;
}

/* When what comes now is to go. */
static uint64_t due_draw_us(struct leati_flow *flow, uint64_t now_us)
{
    uint64_t due_us = now_us + latency_draw_us(flow);
    if (!flow->is_datagrams) {
        due_us = due_us > flow->last_due_us ? due_us : flow->last_due_us;
        flow->last_due_us = due_us;
    }
    return due_us;
}

/* How much of it a limit lets through; then it is over. */
static size_t limit_cut(struct leati_flow *flow, size_t len)
{
    for (size_t i = 0; i < flow->count; ++i) {
        const struct leat_testing_condition *what = &flow->conditions[i].what;
        if (what->kind != LEAT_TESTING_CONDITION_LIMIT)
            continue;
        uint64_t left = what->bytes > flow->passed ? what->bytes - flow->passed : 0;
        if (len >= left) {
            len = (size_t)left;
            flow->is_over = true;
        }
    }
    flow->passed += len;
    return len;
}

/* The size of the next piece and the gap behind it. */
static size_t slice_draw(struct leati_flow *flow, size_t len, uint32_t *ret_gap_us)
{
    size_t piece = len;
    *ret_gap_us = 0;
    for (size_t i = 0; i < flow->count; ++i) {
        const struct leat_testing_condition *what = &flow->conditions[i].what;
        if (what->kind != LEAT_TESTING_CONDITION_SLICE)
            continue;
        uint64_t drawn = (uint64_t)((int64_t)what->bytes +
                                    draw_around(flow, what->variation_bytes, LEAT_TESTING_UNIFORM));
        piece = drawn < piece ? (size_t)drawn : piece;
        *ret_gap_us = what->gap_us;
    }
    return piece;
}

static bool chance_hits(struct leati_flow *flow, enum leat_testing_condition_kind kind)
{
    bool hits = false;
    for (size_t i = 0; i < flow->count; ++i) {
        const struct leat_testing_condition *what = &flow->conditions[i].what;
        if (what->kind == kind)
            hits = draw_below(flow, MILLION) < what->chance_ppm || hits;
    }
    return hits;
}

static bool datagram_push(struct leati_flow *flow, const uint8_t *data, size_t len, unsigned tag,
                          uint64_t now_us)
{
    if (chance_hits(flow, LEAT_TESTING_CONDITION_LOSS))
        return true;
    bool is_twice = chance_hits(flow, LEAT_TESTING_CONDITION_DUPLICATE);
    return chunk_insert(flow, data, len, tag, due_draw_us(flow, now_us)) &&
           (!is_twice || chunk_insert(flow, data, len, tag, due_draw_us(flow, now_us)));
}

bool leati_flow_push(struct leati_flow *flow, const void *data, size_t len, unsigned tag,
                     uint64_t now_us)
{
    const uint8_t *bytes = data;
    if (flow->is_over || has_kind(flow, LEAT_TESTING_CONDITION_TIMEOUT) ||
        has_kind(flow, LEAT_TESTING_CONDITION_RESET))
        return true;
    if (flow->is_datagrams) {
        size_t whole = limit_cut(flow, len);
        return whole < len || datagram_push(flow, bytes, len, tag, now_us);
    }
    len = limit_cut(flow, len);
    uint64_t due_us = due_draw_us(flow, now_us);
    while (len > 0) {
        uint32_t gap_us = 0;
        size_t piece = slice_draw(flow, len, &gap_us);
        if (!chunk_insert(flow, bytes, piece, tag, due_us))
            return false;
        bytes += piece;
        len -= piece;
        due_us += gap_us;
        flow->last_due_us = due_us;
    }
    return true;
}

void leati_flow_finish(struct leati_flow *flow, uint64_t now_us)
{
    flow->has_ended = true;
    flow->end_us = due_draw_us(flow, now_us);
    for (size_t i = 0; i < flow->count; ++i)
        if (flow->conditions[i].what.kind == LEAT_TESTING_CONDITION_SLOW_CLOSE)
            flow->end_us += (uint64_t)flow->conditions[i].what.delay_ms * 1000;
}

/* ---- out ------------------------------------------------------------------------------------- */

static void wait_shorten(uint64_t *wait_us, uint64_t candidate_us)
{
    if (candidate_us < *wait_us)
        *wait_us = candidate_us;
}

static void tokens_fill(struct leati_flow_condition *own, uint64_t now_us)
{
    uint64_t full = burst_of(&own->what) * MILLION;
    uint64_t elapsed_us = now_us > own->at_us ? now_us - own->at_us : 0;
    own->at_us = now_us;
    /* Up to 2^32 bytes per second: an hour fits. */
    uint64_t got = elapsed_us < 3600ull * MILLION ? elapsed_us * own->what.bytes : full + own->debt;
    uint64_t paid = got < own->debt ? got : own->debt;
    own->debt -= paid;
    got -= paid;
    own->tokens = full - own->tokens > got ? own->tokens + got : full;
}

/* How many of `len` bytes may go. A piece of a fiftieth of a second, or all that is left, is waited
 * for, so that bytes do not trickle. */
static size_t tokens_allow(struct leati_flow *flow, size_t len, uint64_t now_us, uint64_t *wait_us)
{
    size_t allowed = len;
    for (size_t i = 0; i < flow->count; ++i) {
        struct leati_flow_condition *own = &flow->conditions[i];
        if (own->what.kind != LEAT_TESTING_CONDITION_BANDWIDTH)
            continue;
        tokens_fill(own, now_us);
        uint64_t burst = burst_of(&own->what);
        uint64_t usual = own->what.bytes / 50 ? own->what.bytes / 50 : 1;
        uint64_t wanted = len < burst ? len : burst;
        wanted = !flow->is_datagrams && usual < wanted ? usual : wanted;
        if (own->tokens < wanted * MILLION || own->debt > 0) {
            uint64_t missing = wanted * MILLION - own->tokens + own->debt;
            wait_shorten(wait_us, missing / own->what.bytes + 1);
            return 0;
        }
        uint64_t there = own->tokens / MILLION;
        allowed = flow->is_datagrams || there > allowed ? allowed : (size_t)there;
    }
    return allowed;
}

size_t leati_flow_take(struct leati_flow *flow, uint64_t now_us, const uint8_t **ret_data,
                       unsigned *ret_tag, uint64_t *wait_us)
{
    struct leati_flow_chunk *chunk = flow->first;
    *ret_data = NULL;
    if (!chunk)
        return 0;
    if (chunk->due_us > now_us) {
        wait_shorten(wait_us, chunk->due_us - now_us);
        return 0;
    }
    size_t left = chunk->len - chunk->at;
    size_t allowed = tokens_allow(flow, left, now_us, wait_us);
    if (allowed == 0 && left > 0)
        return 0;
    *ret_data = chunk->data + chunk->at;
    *ret_tag = chunk->tag;
    return allowed;
}

void leati_flow_sent(struct leati_flow *flow, size_t len, uint64_t now_us)
{
    struct leati_flow_chunk *chunk = flow->first;
    for (size_t i = 0; i < flow->count; ++i) {
        struct leati_flow_condition *own = &flow->conditions[i];
        if (own->what.kind != LEAT_TESTING_CONDITION_BANDWIDTH)
            continue;
        tokens_fill(own, now_us);
        uint64_t cost = (uint64_t)len * MILLION;
        uint64_t paid = cost < own->tokens ? cost : own->tokens;
        own->tokens -= paid;
        own->debt += cost - paid;
    }
    chunk->at += len;
    flow->queued -= len;
    if (chunk->at < chunk->len)
        return;
    flow->queued -= flow->is_datagrams ? sizeof(*chunk) : 0;
    flow->first = chunk->next;
    if (!flow->first)
        flow->last = NULL;
    leati_free(chunk);
}

enum leati_flow_end leati_flow_end(const struct leati_flow *flow, uint64_t now_us,
                                   uint64_t *wait_us)
{
    bool is_dead = false;
    for (size_t i = 0; i < flow->count; ++i) {
        const struct leati_flow_condition *own = &flow->conditions[i];
        uint64_t at_us = own->since_us + (uint64_t)own->what.delay_ms * 1000;
        bool is_reset = own->what.kind == LEAT_TESTING_CONDITION_RESET;
        is_dead = is_dead || is_reset || own->what.kind == LEAT_TESTING_CONDITION_TIMEOUT;
        if (!is_reset &&
            (own->what.kind != LEAT_TESTING_CONDITION_TIMEOUT || own->what.delay_ms == 0))
            continue;
        if (at_us <= now_us)
            return is_reset ? LEATI_FLOW_RESET : LEATI_FLOW_CLOSE;
        wait_shorten(wait_us, at_us - now_us);
    }
    if (flow->first)
        return LEATI_FLOW_GOES_ON;
    if (flow->is_over)
        return LEATI_FLOW_CLOSE;
    if (!flow->has_ended || is_dead)
        return LEATI_FLOW_GOES_ON; /* of a dead link not even the end is told */
    if (flow->end_us <= now_us)
        return LEATI_FLOW_ENDED;
    wait_shorten(wait_us, flow->end_us - now_us);
    return LEATI_FLOW_GOES_ON;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "util/alloc.h"
#include "util/byte_queue.h"
#include "util/shared_bytes.h"

#include <criterion/criterion.h>
#include <string.h>

#define MODEL_BYTES (1u << 20)

static uint64_t random_state = 0x9E3779B97F4A7C15u;

/* xorshift64: the same numbers in each run. */
static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* What the queue must hold. */
static uint8_t model[MODEL_BYTES];
static size_t model_len;

static void model_check(const struct leati_byte_queue *q)
{
    static struct iovec iov[256];
    size_t at = 0;

    cr_assert_eq(q->len, model_len);
    int n = leati_byte_queue_peek(q, iov, 256);
    for (int i = 0; i < n; i++) {
        cr_assert_gt(iov[i].iov_len, 0);
        cr_assert_leq(at + iov[i].iov_len, model_len);
        cr_assert_eq(memcmp(iov[i].iov_base, model + at, iov[i].iov_len), 0);
        at += iov[i].iov_len;
    }
    cr_assert_eq(at, model_len);
}

static void model_append(struct leati_byte_queue *q, size_t len)
{
    for (size_t i = 0; i < len; i++)
        model[model_len + i] = (uint8_t)random_next();
    cr_assert(leati_byte_queue_append(q, model + model_len, len));
    model_len += len;
}

/* Others may have gone before it is read. */
static void model_append_shared(struct leati_byte_queue *q, size_t len)
{
    size_t skip = (size_t)(random_next() % 3) * 11;
    struct leati_shared_bytes *bytes = leati_shared_bytes_new(skip + len);

    cr_assert(bytes);
    memset(bytes->data, 0xAA, skip);
    for (size_t i = 0; i < len; i++)
        bytes->data[skip + i] = model[model_len + i] = (uint8_t)random_next();
    cr_assert(leati_byte_queue_append_shared(q, bytes, skip));
    leati_shared_bytes_unref(bytes);
    model_len += len;
}

static void model_reserve_and_commit(struct leati_byte_queue *q)
{
    uint8_t *room;
    size_t size;

    cr_assert(leati_byte_queue_reserve(q, &room, &size));
    cr_assert(size > 0 && size <= LEATI_CHUNK_BYTES);
    size_t len = (size_t)(random_next() % (size + 1));
    memset(room, (int)(len & 0xFF), len);
    memset(model + model_len, (int)(len & 0xFF), len);
    leati_byte_queue_commit(q, len);
    model_len += len;
}

static void model_consume(struct leati_byte_queue *q, size_t len)
{
    leati_byte_queue_consume(q, len);
    memmove(model, model + len, model_len - len);
    model_len -= len;
}

static void run_against_model(struct leati_chunk_pool *pool)
{
    struct leati_byte_queue q;

    model_len = 0;
    leati_byte_queue_init(&q, pool);
    for (int step = 0; step < 4000; step++) {
        uint64_t what = (size_t)(random_next() % 10);
        if (what < 3 && model_len < MODEL_BYTES - 200000)
            model_append(&q, (size_t)(random_next() % (what == 0 ? 100000 : 3000)));
        else if (what == 3 && model_len < MODEL_BYTES - 200000)
            model_reserve_and_commit(&q);
        else if (what >= 8 && model_len < MODEL_BYTES - 200000)
            model_append_shared(&q, (size_t)(random_next() % (what == 8 ? 60000 : 700)));
        else if (what == 4)
            cr_assert(leati_byte_queue_ensure(&q, (size_t)(random_next() % 100000)));
        else if (what == 5)
            model_consume(&q, model_len);
        else
            model_consume(&q, (size_t)(random_next() % (model_len + 1)));
        model_check(&q);
    }
    leati_byte_queue_clear(&q);
    model_len = 0;
    model_check(&q);
}

Test(byte_queue, random_against_a_model, .timeout = 60)
{
    run_against_model(NULL);
}

Test(byte_queue, random_against_a_model_with_a_pool, .timeout = 60)
{
    struct leati_chunk_pool pool;

    leati_chunk_pool_init(&pool, 4);
    run_against_model(&pool);
    cr_assert_leq(pool.count, 4);
    leati_chunk_pool_done(&pool);
}

Test(byte_queue, empty_owns_nothing_but_the_pool_does, .timeout = 10)
{
    struct leati_chunk_pool pool;
    struct leati_byte_queue q;
    static uint8_t data[5 * LEATI_CHUNK_BYTES];

    leati_chunk_pool_init(&pool, 3);
    leati_byte_queue_init(&q, &pool);
    cr_assert(leati_byte_queue_append(&q, data, sizeof(data)));
    cr_assert_eq(pool.count, 0);
    leati_byte_queue_consume(&q, sizeof(data) - 1);
    cr_assert_not_null(q.head);
    leati_byte_queue_consume(&q, 1);
    cr_assert_null(q.head);
    cr_assert_eq(pool.count, 3, "no more than the limit is kept");
    cr_assert(leati_byte_queue_append(&q, data, 1));
    cr_assert_eq(pool.count, 2, "a chunk of the pool is used again");
    leati_byte_queue_clear(&q);
    leati_chunk_pool_done(&pool);
    cr_assert_null(pool.free);
}

static int allocations_left;

static bool fails_after_some(void)
{
    return allocations_left-- <= 0;
}

Test(byte_queue, append_without_memory_changes_nothing, .timeout = 10)
{
    static uint8_t data[4 * LEATI_CHUNK_BYTES];
    struct leati_byte_queue q;
    struct iovec iov[8];

    for (int n = 0; n < 4; n++) {
        leati_byte_queue_init(&q, NULL);
        cr_assert(leati_byte_queue_append(&q, "abc", 3));
        allocations_left = n;
        leati_alloc_fail_hook = fails_after_some;
        cr_assert_eq(leati_byte_queue_append(&q, data, sizeof(data)), n == 4);
        leati_alloc_fail_hook = NULL;
        cr_assert_eq(q.len, 3);
        cr_assert_eq(leati_byte_queue_peek(&q, iov, 8), 1);
        cr_assert_eq(memcmp(iov[0].iov_base, "abc", 3), 0);
        leati_byte_queue_clear(&q);
    }
}

Test(byte_queue, what_is_ensured_cannot_fail, .timeout = 10)
{
    static uint8_t data[3 * LEATI_CHUNK_BYTES];
    struct leati_byte_queue q;

    leati_byte_queue_init(&q, NULL);
    cr_assert(leati_byte_queue_append(&q, "abc", 3));
    cr_assert(leati_byte_queue_ensure(&q, sizeof(data)));
    allocations_left = 0;
    leati_alloc_fail_hook = fails_after_some;
    cr_assert(leati_byte_queue_append(&q, data, sizeof(data)));
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(q.len, 3 + sizeof(data));
    leati_byte_queue_clear(&q);
}

Test(byte_queue, what_is_not_needed_is_given_back, .timeout = 10)
{
    struct leati_byte_queue q;

    leati_byte_queue_init(&q, NULL);
    cr_assert(leati_byte_queue_ensure(&q, 5 * LEATI_CHUNK_BYTES));
    leati_byte_queue_trim(&q);
    cr_assert_null(q.head, "nothing was in it");
    cr_assert(leati_byte_queue_append(&q, "abc", 3));
    cr_assert(leati_byte_queue_ensure(&q, 5 * LEATI_CHUNK_BYTES));
    leati_byte_queue_trim(&q);
    allocations_left = 0;
    leati_alloc_fail_hook = fails_after_some;
    cr_assert_not(leati_byte_queue_ensure(&q, LEATI_CHUNK_BYTES), "the room is still there");
    leati_alloc_fail_hook = NULL;
    cr_assert(leati_byte_queue_append(&q, "def", 3));
    cr_assert_eq(q.len, 6);
    leati_byte_queue_clear(&q);
}

Test(byte_queue, reserve_without_memory, .timeout = 10)
{
    struct leati_byte_queue q;
    uint8_t *room;
    size_t size;

    leati_byte_queue_init(&q, NULL);
    allocations_left = 0;
    leati_alloc_fail_hook = fails_after_some;
    cr_assert_not(leati_byte_queue_reserve(&q, &room, &size));
    leati_alloc_fail_hook = NULL;
    cr_assert(leati_byte_queue_reserve(&q, &room, &size));
    cr_assert_eq(size, LEATI_CHUNK_BYTES);
    leati_byte_queue_clear(&q);
}

Test(byte_queue, peek_gives_no_more_than_max, .timeout = 10)
{
    static uint8_t data[3 * LEATI_CHUNK_BYTES];
    struct leati_byte_queue q;
    struct iovec iov[2];

    leati_byte_queue_init(&q, NULL);
    cr_assert_eq(leati_byte_queue_peek(&q, iov, 2), 0);
    cr_assert(leati_byte_queue_append(&q, data, sizeof(data)));
    cr_assert_eq(leati_byte_queue_peek(&q, iov, 2), 2);
    cr_assert_eq(leati_byte_queue_peek(&q, iov, 0), 0);
    leati_byte_queue_clear(&q);
}

/* Room that was promised stays, whatever leaves meanwhile: a frame is never left half written. */
Test(byte_queue, a_promise_outlives_what_is_consumed, .timeout = 10)
{
    enum { PARTS = 7 };
    static uint8_t part[LEATI_CHUNK_BYTES], got[LEATI_CHUNK_BYTES];
    const size_t steps[] = {1, 100, LEATI_CHUNK_BYTES - 1, LEATI_CHUNK_BYTES};

    for (size_t step = 0; step < sizeof(steps) / sizeof(steps[0]); step++) {
        struct leati_chunk_pool pool;
        struct leati_byte_queue q;
        leati_chunk_pool_init(&pool, 100);
        leati_byte_queue_init(&q, &pool);
        cr_assert(leati_byte_queue_append(&q, "x", 1));
        cr_assert(leati_byte_queue_ensure(&q, PARTS * sizeof(part)));
        leati_byte_queue_consume(&q, 1);
        leati_alloc_fail_hook = fails_after_some;
        allocations_left = 0;
        for (int i = 0; i < PARTS; i++) {
            memset(part, 'a' + i, sizeof(part));
            cr_assert(leati_byte_queue_append(&q, part, sizeof(part)));
            for (size_t left = sizeof(part); left > 0;) {
                struct iovec iov;
                cr_assert_eq(leati_byte_queue_peek(&q, &iov, 1), 1);
                size_t len = iov.iov_len < steps[step] ? iov.iov_len : steps[step];
                memcpy(got + sizeof(part) - left, iov.iov_base, len);
                leati_byte_queue_consume(&q, len);
                left -= len;
            }
            cr_assert_arr_eq(got, part, sizeof(part));
        }
        leati_alloc_fail_hook = NULL;
        cr_assert_null(q.head, "everything was used: an empty queue owns nothing");
        leati_chunk_pool_done(&pool);
    }
}

Test(byte_queue, shared_bytes_are_not_copied_and_go_with_the_last_reference, .timeout = 10)
{
    struct leati_byte_queue queues[3];
    struct leati_shared_bytes *bytes = leati_shared_bytes_new(40000);
    struct iovec iov;

    cr_assert(bytes);
    memset(bytes->data, 7, bytes->len);
    for (int i = 0; i < 3; i++) {
        leati_byte_queue_init(&queues[i], NULL);
        cr_assert(leati_byte_queue_append_shared(&queues[i], bytes, 0));
        cr_assert(leati_byte_queue_peek(&queues[i], &iov, 1) == 1);
        cr_assert(iov.iov_base == bytes->data && iov.iov_len == bytes->len);
    }
    cr_assert_eq(bytes->refs, 4);
    leati_byte_queue_consume(&queues[0], 39999);
    leati_byte_queue_consume(&queues[0], 1);
    leati_byte_queue_clear(&queues[1]);
    cr_assert_eq(bytes->refs, 2);
    leati_shared_bytes_unref(bytes);
    leati_byte_queue_clear(&queues[2]);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "util/byte_queue.h"

#include "util/alloc.h"
#include "util/shared_bytes.h"

#include <assert.h>
#include <string.h>

/** What fits into the last chunk, and is not longer than this, is copied there: one piece less for
 * the kernel, or one TLS record. */
#define SHARED_COPY_MAX_BYTES 512u

/* A queue is a list of chunks: from head to tail they hold bytes (the tail perhaps none yet), the
 * chunks behind the tail are spare, allocated by leati_byte_queue_ensure(). */
struct leati_chunk {
    struct leati_chunk *next;
    size_t start, end, cap;
    struct leati_shared_bytes *shared; /* its bytes, `cap` of them; NULL = it has its own: */
    uint8_t data[];
};

static const uint8_t *chunk_bytes(const struct leati_chunk *chunk)
{
    return chunk->shared ? chunk->shared->data : chunk->data;
}

static size_t chunk_room(const struct leati_chunk *chunk)
{
    return chunk->cap - chunk->end;
}

void leati_chunk_pool_init(struct leati_chunk_pool *pool, size_t limit)
{
    *pool = (struct leati_chunk_pool){.limit = limit};
}

void leati_chunk_pool_done(struct leati_chunk_pool *pool)
{
    while (pool->free) {
        struct leati_chunk *chunk = pool->free;
        pool->free = chunk->next;
        leati_free(chunk);
    }
    pool->count = 0;
}

static struct leati_chunk *chunk_acquire(struct leati_chunk_pool *pool)
{
    struct leati_chunk *chunk;

    if (pool && pool->free) {
        chunk = pool->free;
        pool->free = chunk->next;
        pool->count--;
    } else {
        chunk = leati_malloc(sizeof(*chunk) + LEATI_CHUNK_BYTES);
        if (!chunk)
            return NULL;
    }
    chunk->next = NULL;
    chunk->start = chunk->end = 0;
    chunk->cap = LEATI_CHUNK_BYTES;
    chunk->shared = NULL;
    return chunk;
}

static void chunk_release(struct leati_chunk_pool *pool, struct leati_chunk *chunk)
{
    if (chunk->shared || !pool || pool->count >= pool->limit) {
        leati_shared_bytes_unref(chunk->shared);
        leati_free(chunk);
        return;
    }
    chunk->next = pool->free;
    pool->free = chunk;
    pool->count++;
}

static void chunk_release_list(struct leati_chunk_pool *pool, struct leati_chunk *chunk)
{
    while (chunk) {
        struct leati_chunk *next = chunk->next;
        chunk_release(pool, chunk);
        chunk = next;
    }
}

void leati_byte_queue_init(struct leati_byte_queue *q, struct leati_chunk_pool *pool)
{
    *q = (struct leati_byte_queue){.pool = pool};
}

void leati_byte_queue_clear(struct leati_byte_queue *q)
{
    chunk_release_list(q->pool, q->head);
    q->head = q->tail = NULL;
    q->len = q->promised = 0;
}

bool leati_byte_queue_ensure(struct leati_byte_queue *q, size_t len)
{
    size_t room = 0;
    struct leati_chunk *last = q->tail;

    q->promised = 0;
    if (last) {
        room = chunk_room(last);
        /* Only as far as needed: behind a long message there are many spare chunks. */
        while (room < len && last->next) {
            last = last->next;
            room += LEATI_CHUNK_BYTES;
        }
    }
    if (room >= len) {
        q->promised = len;
        return true;
    }

    struct leati_chunk *fresh = NULL;
    for (; room < len; room += LEATI_CHUNK_BYTES) {
        struct leati_chunk *chunk = chunk_acquire(q->pool);
        if (!chunk) {
            chunk_release_list(q->pool, fresh);
            return false;
        }
        chunk->next = fresh;
        fresh = chunk;
    }

    if (last)
        last->next = fresh;
    else
        q->head = q->tail = fresh;
    q->promised = len;
    return true;
}

void leati_byte_queue_trim(struct leati_byte_queue *q)
{
    q->promised = 0;
    if (q->len == 0) {
        leati_byte_queue_clear(q);
        return;
    }
    chunk_release_list(q->pool, q->tail->next);
    q->tail->next = NULL;
}

/* The chunk with room for the next byte, which is known to exist. */
static struct leati_chunk *tail_with_room(struct leati_byte_queue *q)
{
    if (chunk_room(q->tail) == 0)
        q->tail = q->tail->next;
    return q->tail;
}

bool leati_byte_queue_reserve(struct leati_byte_queue *q, uint8_t **ret_room, size_t *ret_size)
{
    if (q->promised == 0 && !leati_byte_queue_ensure(q, 1))
        return false;
    struct leati_chunk *tail = tail_with_room(q);
    *ret_room = tail->data + tail->end;
    *ret_size = chunk_room(tail);
    return true;
}

void leati_byte_queue_commit(struct leati_byte_queue *q, size_t len)
{
    if (len == 0)
        return;
    assert(q->tail && len <= chunk_room(q->tail));
    q->tail->end += len;
    q->len += len;
    q->promised -= len < q->promised ? len : q->promised;
}

uint8_t *leati_byte_queue_room(struct leati_byte_queue *q, size_t size)
{
    struct leati_chunk *tail = q->tail;

    if (!tail && (size > LEATI_CHUNK_BYTES || !leati_byte_queue_ensure(q, size)))
        return NULL;
    tail = q->tail;
    return chunk_room(tail) >= size ? tail->data + tail->end : NULL;
}

bool leati_byte_queue_append(struct leati_byte_queue *q, const void *data, size_t len)
{
    if (q->promised < len && !leati_byte_queue_ensure(q, len))
        return false;

    const uint8_t *pos = data;
    while (len > 0) {
        struct leati_chunk *tail = tail_with_room(q);
        size_t room = chunk_room(tail);
        size_t size = len < room ? len : room;
        memcpy(tail->data + tail->end, pos, size);
        leati_byte_queue_commit(q, size);
        pos += size;
        len -= size;
    }
    return true;
}

bool leati_byte_queue_append_shared(struct leati_byte_queue *q, struct leati_shared_bytes *bytes,
                                    size_t skip)
{
    size_t len = bytes->len - skip;

    q->promised = 0;
    if (q->len == 0)
        leati_byte_queue_clear(q);
    if (len == 0)
        return true;
    if (q->tail && len <= SHARED_COPY_MAX_BYTES && len <= chunk_room(q->tail))
        return leati_byte_queue_append(q, bytes->data + skip, len);
    struct leati_chunk *chunk = leati_malloc(sizeof(*chunk));
    if (!chunk)
        return false;
    *chunk = (struct leati_chunk){.start = skip,
                                  .end = bytes->len,
                                  .cap = bytes->len,
                                  .shared = leati_shared_bytes_ref(bytes)};
    if (q->tail) {
        chunk->next = q->tail->next;
        q->tail->next = chunk;
    } else {
        q->head = chunk;
    }
    q->tail = chunk;
    q->len += len;
    return true;
}

int leati_byte_queue_peek(const struct leati_byte_queue *q, struct iovec *iov, int max)
{
    int n = 0;

    if (q->len == 0)
        return 0;
    for (struct leati_chunk *chunk = q->head; chunk && n < max; chunk = chunk->next) {
        if (chunk->end > chunk->start)
            /* An iovec has no const, and whoever sends does not write. */
            iov[n++] = (struct iovec){(void *)(uintptr_t)(chunk_bytes(chunk) + chunk->start),
                                      chunk->end - chunk->start};
        if (chunk == q->tail)
            break;
    }
    return n;
}

/* Behind the tail it is the next to be filled, and still in the cache. */
static void chunk_recycle(struct leati_byte_queue *q, struct leati_chunk *chunk)
{
    if (chunk->shared) {
        chunk_release(q->pool, chunk);
        return;
    }
    chunk->start = chunk->end = 0;
    chunk->next = q->tail->next;
    q->tail->next = chunk;
}

/* Everything was consumed. */
static void queue_emptied(struct leati_byte_queue *q)
{
    if (q->promised == 0) {
        leati_byte_queue_clear(q);
        return;
    }
    q->len = 0;
    struct leati_chunk **link = &q->head;
    for (bool is_last = false; !is_last;) {
        struct leati_chunk *chunk = *link;
        is_last = chunk == q->tail; /* those behind it are spare */
        chunk->start = chunk->end = 0;
        if (chunk->shared) {
            *link = chunk->next;
            chunk_release(q->pool, chunk);
        } else {
            link = &chunk->next;
        }
    }
    q->tail = q->head;
}

void leati_byte_queue_consume(struct leati_byte_queue *q, size_t len)
{
    assert(len <= q->len);
    if (len == 0)
        return;
    if (len == q->len) {
        queue_emptied(q);
        return;
    }
    q->len -= len;
    while (len > 0) {
        struct leati_chunk *chunk = q->head;
        size_t size = chunk->end - chunk->start;
        if (len < size) {
            chunk->start += len;
            return;
        }
        len -= size;
        q->head = chunk->next;
        if (q->promised > 0)
            chunk_recycle(q, chunk);
        else
            chunk_release(q->pool, chunk);
    }
}

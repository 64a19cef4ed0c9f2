/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A queue of bytes in chunks: what waits to be written. Empty, it owns no memory but the pool's.
 */
#ifndef LEATI_UTIL_BYTE_QUEUE_H
#define LEATI_UTIL_BYTE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/** Bytes of one chunk: the plaintext of one full TLS record (RFC 8446 section 5.1), less the content type
 * that mbedTLS counts in, down to whole words. */
#define LEATI_CHUNK_BYTES 16376u

struct leati_chunk;
struct leati_shared_bytes;

/** Chunks to be used again, shared by the queues of one loop. */
struct leati_chunk_pool {
    struct leati_chunk *free;
    size_t count; /**< in `free` */
    size_t limit; /**< how many to keep */
};

struct leati_byte_queue {
    struct leati_chunk *head, *tail;
    size_t len;                    /**< bytes in the queue */
    size_t promised;               /**< bytes for which there is memory */
    struct leati_chunk_pool *pool; /**< NULL = straight from the allocator */
};

void leati_chunk_pool_init(struct leati_chunk_pool *pool, size_t limit);
void leati_chunk_pool_done(struct leati_chunk_pool *pool);

void leati_byte_queue_init(struct leati_byte_queue *q, struct leati_chunk_pool *pool);
/** Empties; the queue stays usable. */
void leati_byte_queue_clear(struct leati_byte_queue *q);

/** Makes sure that the tail has room for at least one byte; `*ret_room` is where, `*ret_size` how
 * much. false without memory. Nothing is in the queue before leati_byte_queue_commit(). */
bool leati_byte_queue_reserve(struct leati_byte_queue *q, uint8_t **ret_room, size_t *ret_size);
void leati_byte_queue_commit(struct leati_byte_queue *q, size_t len);

/** Room for `size` bytes in one piece, at most LEATI_CHUNK_BYTES, if the tail has it or there is no tail:
 * what is written there counts with leati_byte_queue_commit(). NULL = not in one piece, or no memory. */
uint8_t *leati_byte_queue_room(struct leati_byte_queue *q, size_t size);

/** Appends a copy. All or nothing; false without memory. */
bool leati_byte_queue_append(struct leati_byte_queue *q, const void *data, size_t len);

/** Appends bytes that others have as well, but for the first `skip`: a reference to them, or a copy where that
 * costs less. All or nothing; false without memory. What was promised is not any more. */
bool leati_byte_queue_append_shared(struct leati_byte_queue *q, struct leati_shared_bytes *bytes,
                                    size_t skip);

/** Allocates ahead, so that the next `len` bytes of append or reserve/commit cannot fail, up to the
 * next clear. What is consumed meanwhile is used again first. false without memory, with nothing
 * changed. */
bool leati_byte_queue_ensure(struct leati_byte_queue *q, size_t len);
/** Gives back the room that was made sure of and is not needed. */
void leati_byte_queue_trim(struct leati_byte_queue *q);

/** The first bytes as up to `max` segments; returns their number. */
int leati_byte_queue_peek(const struct leati_byte_queue *q, struct iovec *iov, int max);
/** Removes the first `len` bytes. */
void leati_byte_queue_consume(struct leati_byte_queue *q, size_t len);

#endif

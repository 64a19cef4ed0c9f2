/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/buffers.h"

#include "tls/mbedtls_private.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <string.h>

#include <mbedtls/platform.h>

/** The header and the body of a small record together; larger bodies go straight to mbedTLS, whose
 * own buffers are not safe to read ahead in: a HelloRetryRequest makes it clear them. */
#define WINDOW_BYTES 2048u

int leati_tls_buffers_init(struct leati_tls_buffers *buffers, struct leati_tls_bio *bio)
{
    buffers->window = mbedtls_calloc(1, WINDOW_BYTES);
    if (!buffers->window)
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    leati_tls_bio_set_window(bio, buffers->window, WINDOW_BYTES);
    return 0;
}

void leati_tls_buffers_done(struct leati_tls_buffers *buffers)
{
    mbedtls_free(buffers->window);
}

#if !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) &&                                                \
    MBEDTLS_SSL_IN_CONTENT_LEN == MBEDTLS_SSL_OUT_CONTENT_LEN

/** How many wait at most: a connection needs one to read, and one for each record that it writes at
 * once. */
#define SPARE_MAX (1 + LEATI_TLS_BATCH_RECORDS)

#define PREFIX_BYTES (LEATI_MBEDTLS_COUNTER_BYTES + LEATI_MBEDTLS_HEADER_BYTES)

/** mbedTLS does not tell how long its buffers are. No record is longer than this (RFC 5246
 * section 6.2.3), and none of its buffers. */
#define BUFFER_BYTES (PREFIX_BYTES + MBEDTLS_SSL_IN_CONTENT_LEN + 2048u)

/** What of the buffers that mbedTLS makes is known to be there. */
#define OWN_BUFFER_BYTES (PREFIX_BYTES + MBEDTLS_SSL_IN_CONTENT_LEN)

/* Of a thread. */
struct pool {
    uint8_t *spare[SPARE_MAX];
    size_t count;
    bool ends_with_thread; /* the key knows of it */
};

static _Thread_local struct pool own_pool;
static pthread_key_t pool_key;
static bool has_pool_key;

static void pool_free(void *user)
{
    struct pool *pool = user;

    while (pool->count > 0)
        mbedtls_free(pool->spare[--pool->count]);
    pool->ends_with_thread = false;
}

static void pool_key_make(void)
{
    has_pool_key = pthread_key_create(&pool_key, pool_free) == 0;
}

/* The library may leave a process before its threads. */
__attribute__((destructor)) static void pool_key_drop(void)
{
    pool_free(&own_pool);
    if (has_pool_key)
        (void)pthread_key_delete(pool_key);
    has_pool_key = false;
}

/* Whether what is kept will be freed when the thread ends. */
static bool pool_is_ready(struct pool *pool)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (pool->ends_with_thread)
        return true;
    leati_once(&once, pool_key_make);
    pool->ends_with_thread = has_pool_key && pthread_setspecific(pool_key, pool) == 0;
    return pool->ends_with_thread;
}

static uint8_t *buffer_take(void)
{
    struct pool *pool = &own_pool;

    return pool->count > 0 ? pool->spare[--pool->count] : mbedtls_calloc(1, BUFFER_BYTES);
}

void leati_tls_buffer_give(uint8_t *buffer)
{
    struct pool *pool = &own_pool;

    if (pool->count < SPARE_MAX && pool_is_ready(pool))
        pool->spare[pool->count++] = buffer;
    else
        mbedtls_free(buffer);
}

int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                             struct leati_tls_bio *bio)
{
    if (!buffers->away)
        return 0;
    uint8_t *in = buffer_take();
    uint8_t *out = in ? buffer_take() : NULL;
    if (!out) {
        if (in)
            leati_tls_buffer_give(in);
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    buffers->away = false;
    buffers->ours = true;

    memcpy(in, buffers->in_counter, sizeof(buffers->in_counter));
    leati_mbedtls_buffers_give(ssl, in, out, buffers->out_data);
    leati_tls_bio_set_window(bio, in + LEATI_MBEDTLS_COUNTER_BYTES,
                             BUFFER_BYTES - LEATI_MBEDTLS_COUNTER_BYTES);
    return 0;
}

bool leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              struct leati_tls_bio *bio)
{
    uint8_t *in, *out;

    if (buffers->away || leati_tls_bio_has_input(bio) || !leati_mbedtls_buffers_are_idle(ssl))
        return buffers->away;
    leati_mbedtls_buffers_take(ssl, &in, &out, &buffers->out_data);
    buffers->away = true;
    memcpy(buffers->in_counter, in, sizeof(buffers->in_counter));

    /* What was written has been encrypted where it lies. */
    leati_wipe(in, buffers->ours ? LEATI_MBEDTLS_COUNTER_BYTES + bio->used : OWN_BUFFER_BYTES);
    leati_tls_bio_set_window(bio, NULL, 0);
    if (buffers->ours) {
        leati_tls_buffer_give(in);
        leati_tls_buffer_give(out);
    } else {
        mbedtls_free(in);
        mbedtls_free(out);
        mbedtls_free(buffers->window);
        buffers->window = NULL;
    }
    return true;
}

uint8_t *leati_tls_buffers_next_out(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl)
{
    uint8_t *out = buffers->ours ? buffer_take() : NULL;

    return out ? leati_mbedtls_out_exchange(ssl, out) : NULL;
}

#else

int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                             struct leati_tls_bio *bio)
{
    (void)buffers;
    (void)ssl;
    (void)bio;
    return 0;
}

bool leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              struct leati_tls_bio *bio)
{
    (void)buffers;
    (void)ssl;
    (void)bio;
    return true;
}

uint8_t *leati_tls_buffers_next_out(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl)
{
    (void)buffers;
    (void)ssl;
    return NULL;
}

void leati_tls_buffer_give(uint8_t *buffer)
{
    (void)buffer;
}

#endif

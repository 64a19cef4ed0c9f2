/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/buffers.h"

#include "tls/mbedtls_private.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <string.h>

#include <mbedtls/platform.h>

#if !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) &&                                                \
    MBEDTLS_SSL_IN_CONTENT_LEN == MBEDTLS_SSL_OUT_CONTENT_LEN

/** How many wait at most. One thread needs two at a time. */
#define SPARE_MAX 8

#define PREFIX_BYTES (LEATI_MBEDTLS_COUNTER_BYTES + LEATI_MBEDTLS_HEADER_BYTES)

/** mbedTLS does not tell how long its buffers are. No record is longer than this (RFC 5246
 * section 6.2.3), and none of its buffers. */
#define BUFFER_BYTES (PREFIX_BYTES + MBEDTLS_SSL_IN_CONTENT_LEN + 2048u)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *spare[SPARE_MAX];
static size_t spare_count;

static uint8_t *buffer_take(void)
{
    uint8_t *buffer = NULL;

    leati_lock(&lock);
    if (spare_count > 0)
        buffer = spare[--spare_count];
    leati_unlock(&lock);
    return buffer ? buffer : mbedtls_calloc(1, BUFFER_BYTES);
}

static void buffer_give(uint8_t *buffer)
{
    leati_lock(&lock);
    bool keep = spare_count < SPARE_MAX;
    if (keep)
        spare[spare_count++] = buffer;
    leati_unlock(&lock);
    if (!keep)
        mbedtls_free(buffer);
}

int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl)
{
    if (!buffers->away)
        return 0;
    uint8_t *in = buffer_take();
    uint8_t *out = in ? buffer_take() : NULL;
    if (!out) {
        if (in)
            buffer_give(in);
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    buffers->away = false;

    memcpy(in, buffers->in_counter, sizeof(buffers->in_counter));
    leati_mbedtls_buffers_give(ssl, in, out, buffers->out_data);
    return 0;
}

bool leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              size_t used)
{
    uint8_t *in, *out;

    if (buffers->away || !leati_mbedtls_buffers_are_idle(ssl))
        return buffers->away;
    leati_mbedtls_buffers_take(ssl, &in, &out, &buffers->out_data);
    buffers->away = true;
    memcpy(buffers->in_counter, in, sizeof(buffers->in_counter));

    /* What was written has been encrypted where it lies. */
    leati_wipe(in, PREFIX_BYTES + used);
    buffer_give(in);
    buffer_give(out);
    return true;
}

#else

int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl)
{
    (void)buffers;
    (void)ssl;
    return 0;
}

bool leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              size_t used)
{
    (void)buffers;
    (void)ssl;
    (void)used;
    return true;
}

#endif

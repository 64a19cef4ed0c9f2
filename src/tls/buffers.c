/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/buffers.h"

#include "util/alloc.h"

#include <pthread.h>
#include <string.h>

#include <mbedtls/platform.h>

#if !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) &&                                                \
    MBEDTLS_SSL_IN_CONTENT_LEN == MBEDTLS_SSL_OUT_CONTENT_LEN

/** How many wait at most. One thread needs two at a time. */
#define SPARE_MAX 8

/** In front of a record's header there is its number; behind the type, the version and the length
 * come the data (RFC 8446 section 5.1). */
#define COUNTER_BYTES 8u
#define LENGTH_OFFSET 3u
#define HEADER_BYTES  5u

/** mbedTLS does not tell how long its buffers are. No record is longer than this (RFC 5246
 * section 6.2.3), and none of its buffers. */
#define BUFFER_BYTES (COUNTER_BYTES + HEADER_BYTES + MBEDTLS_SSL_IN_CONTENT_LEN + 2048u)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *spare[SPARE_MAX];
static size_t spare_count;

static uint8_t *buffer_take(void)
{
    uint8_t *buffer = NULL;

    pthread_mutex_lock(&lock);
    if (spare_count > 0)
        buffer = spare[--spare_count];
    pthread_mutex_unlock(&lock);
    return buffer != NULL ? buffer : mbedtls_calloc(1, BUFFER_BYTES);
}

static void buffer_give(uint8_t *buffer)
{
    pthread_mutex_lock(&lock);
    bool keep = spare_count < SPARE_MAX;
    if (keep)
        spare[spare_count++] = buffer;
    pthread_mutex_unlock(&lock);
    if (!keep)
        mbedtls_free(buffer);
}

static bool is_at_rest(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(in_left) == 0 && ssl->MBEDTLS_PRIVATE(out_left) == 0 &&
           ssl->MBEDTLS_PRIVATE(in_hdr) == ssl->MBEDTLS_PRIVATE(in_buf) + COUNTER_BYTES &&
           !mbedtls_ssl_check_pending(ssl);
}

int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl)
{
    if (!buffers->away)
        return 0;
    uint8_t *in = buffer_take();
    uint8_t *out = in != NULL ? buffer_take() : NULL;
    if (out == NULL) {
        if (in != NULL)
            buffer_give(in);
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    buffers->away = false;

    memcpy(in, buffers->in_counter, COUNTER_BYTES);
    ssl->MBEDTLS_PRIVATE(in_buf) = in;
    ssl->MBEDTLS_PRIVATE(in_ctr) = in;
    ssl->MBEDTLS_PRIVATE(in_hdr) = in + COUNTER_BYTES;
    ssl->MBEDTLS_PRIVATE(in_len) = in + COUNTER_BYTES + LENGTH_OFFSET;
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    ssl->MBEDTLS_PRIVATE(in_cid) = ssl->MBEDTLS_PRIVATE(in_len);
#endif
    ssl->MBEDTLS_PRIVATE(in_iv) = in + COUNTER_BYTES + HEADER_BYTES;
    ssl->MBEDTLS_PRIVATE(in_msg) = in + COUNTER_BYTES + HEADER_BYTES;

    ssl->MBEDTLS_PRIVATE(out_buf) = out;
    ssl->MBEDTLS_PRIVATE(out_ctr) = out;
    ssl->MBEDTLS_PRIVATE(out_hdr) = out + COUNTER_BYTES;
    ssl->MBEDTLS_PRIVATE(out_len) = out + COUNTER_BYTES + LENGTH_OFFSET;
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    ssl->MBEDTLS_PRIVATE(out_cid) = ssl->MBEDTLS_PRIVATE(out_len);
#endif
    ssl->MBEDTLS_PRIVATE(out_iv) = out + COUNTER_BYTES + HEADER_BYTES;
    ssl->MBEDTLS_PRIVATE(out_msg) = out + buffers->out_data;
    return 0;
}

void leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              size_t used)
{
    uint8_t *in = ssl->MBEDTLS_PRIVATE(in_buf);
    uint8_t *out = ssl->MBEDTLS_PRIVATE(out_buf);

    if (buffers->away || !is_at_rest(ssl))
        return;
    buffers->away = true;
    memcpy(buffers->in_counter, in, COUNTER_BYTES);
    buffers->out_data = (size_t)(ssl->MBEDTLS_PRIVATE(out_msg) - out);

    /* What was written has been encrypted where it lies. */
    leati_wipe(in, COUNTER_BYTES + HEADER_BYTES + used);
    ssl->MBEDTLS_PRIVATE(in_buf) = NULL;
    ssl->MBEDTLS_PRIVATE(out_buf) = NULL;
    buffer_give(in);
    buffer_give(out);
}

#else

int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl)
{
    (void)buffers;
    (void)ssl;
    return 0;
}

void leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              size_t used)
{
    (void)buffers;
    (void)ssl;
    (void)used;
}

#endif

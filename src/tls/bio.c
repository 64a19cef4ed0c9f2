/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/bio.h"

#include <assert.h>
#include <string.h>

#include <mbedtls/net_sockets.h>

#define FLUSH_SEGMENTS 8

void leati_tls_bio_init(struct leati_tls_bio *bio, struct leati_layer *tls)
{
    bio->tls = tls;
    bio->lower_result = LEAT_OK;
    bio->gather = true;
    bio->overflow = false;
    bio->blocked = false;
    bio->batch = NULL;
    bio->alert_sent = false;
    bio->plain_alert = -1;
    bio->greeting_len = 0;
    bio->idle_len = 0;
    bio->ahead = NULL;
    bio->ahead_len = 0;
    leati_tls_bio_set_window(bio, NULL, 0);
    leati_byte_queue_init(&bio->output, NULL);
}

void leati_tls_bio_done(struct leati_tls_bio *bio)
{
    leati_byte_queue_clear(&bio->output);
}

void leati_tls_bio_set_window(struct leati_tls_bio *bio, uint8_t *window, size_t len)
{
    assert(!leati_tls_bio_has_input(bio));
    bio->window = window;
    bio->window_len = (uint32_t)len;
    bio->used = 0;
}

static int lower_recv(struct leati_tls_bio *bio, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct leati_layer *lower = bio->tls->lower;

    bio->lower_result = lower->ops->recv(lower, buf, cap, ret_len);
    switch (bio->lower_result) {
    case LEAT_OK:
        return 0;
    case LEATI_AGAIN:
        return MBEDTLS_ERR_SSL_WANT_READ;
    case LEATI_EOF:
        return MBEDTLS_ERR_SSL_CONN_EOF;
    default:
        return MBEDTLS_ERR_NET_RECV_FAILED;
    }
}

static void greeting_keep(struct leati_tls_bio *bio, const uint8_t *data, size_t len)
{
    size_t room = LEATI_TLS_GREETING_BYTES - bio->greeting_len;
    size_t n = len < room ? len : room;

    memcpy(bio->greeting + bio->greeting_len, data, n);
    bio->greeting_len = (uint8_t)(bio->greeting_len + n);
}

/* In mbedTLS' own buffer the bytes may be where it wants them, or go down. */
static int ahead_take(struct leati_tls_bio *bio, unsigned char *buf, size_t len)
{
    size_t n = len < bio->ahead_len ? len : bio->ahead_len;

    if (buf != bio->ahead)
        memmove(buf, bio->ahead, n);
    bio->ahead += n;
    bio->ahead_len -= (uint32_t)n;
    return (int)n;
}

/* Where a read that mbedTLS wants at `buf` goes to, and how much of it. */
static uint8_t *read_place(const struct leati_tls_bio *bio, uint8_t *buf, size_t len,
                           size_t *ret_cap)
{
    uintptr_t start = (uintptr_t)bio->window, end = start + bio->window_len;
    bool is_inside = bio->window && (uintptr_t)buf >= start && (uintptr_t)buf < end;

    *ret_cap = is_inside ? (size_t)(end - (uintptr_t)buf) : bio->window_len;
    if (*ret_cap > len)
        return is_inside ? buf : bio->window;
    *ret_cap = len;
    return buf;
}

int leati_tls_bio_recv(void *user, unsigned char *buf, size_t len)
{
    struct leati_tls_bio *bio = user;
    size_t cap, n;

    if (leati_tls_bio_has_input(bio))
        return ahead_take(bio, buf, len);
    uint8_t *to = read_place(bio, buf, len, &cap);
    int ret = lower_recv(bio, to, cap, &n);
    if (ret != 0)
        return ret;
    bio->idle_len += (uint32_t)n;
    if (leati_tls_bio_is_flooded(bio))
        return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
    if (bio->greeting_len < LEATI_TLS_GREETING_BYTES)
        greeting_keep(bio, to, n);
    bio->ahead = to;
    bio->ahead_len = (uint32_t)n;
    if (bio->window && to + n > bio->window + bio->used)
        bio->used = (uint32_t)(to + n - bio->window);
    return ahead_take(bio, buf, len);
}

/* An alert in the clear is the only one whose description can be read off the wire. */
static void alert_note(struct leati_tls_bio *bio, const unsigned char *buf, size_t len)
{
    if (len > 0 && buf[0] == MBEDTLS_SSL_MSG_ALERT)
        bio->alert_sent = true;
    if (len == 7 && buf[0] == MBEDTLS_SSL_MSG_ALERT && buf[3] == 0 && buf[4] == 2)
        bio->plain_alert = buf[6];
}

static int lower_send(struct leati_tls_bio *bio, const struct iovec *iov, int n, size_t *ret_len)
{
    struct leati_layer *lower = bio->tls->lower;

    bio->lower_result = lower->ops->send(lower, iov, n, ret_len);
    return bio->lower_result;
}

/* 0, or the code of mbedTLS. */
static int output_append(struct leati_tls_bio *bio, const void *data, size_t len)
{
    size_t limit = bio->gather ? LEATI_TLS_FLIGHT_LIMIT_BYTES : LEATI_TLS_OUTPUT_LIMIT_BYTES;

    if (bio->output.len + len > limit) {
        bio->overflow = true;
        return MBEDTLS_ERR_NET_SEND_FAILED;
    }
    return leati_byte_queue_append(&bio->output, data, len) ? 0 : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

/* The records of the batch, without the first `skip` bytes. */
static int batch_queue(struct leati_tls_bio *bio, size_t skip)
{
    struct leati_tls_batch *batch = bio->batch;

    batch->is_queued = true;
    for (unsigned i = 0; i < batch->count; i++) {
        const struct iovec *record = &batch->records[i];
        size_t done = skip < record->iov_len ? skip : record->iov_len;
        int ret =
            output_append(bio, (const uint8_t *)record->iov_base + done, record->iov_len - done);
        if (ret != 0)
            return ret;
        skip -= done;
    }
    return 0;
}

/* A record stays where it is. What is written over by the next one, or comes to a queue that is not
 * empty, makes all of them go the other way. */
static int batch_send(struct leati_tls_bio *bio, const unsigned char *buf, size_t len)
{
    struct leati_tls_batch *batch = bio->batch;

    if (batch->is_open && !batch->is_queued && !leati_tls_bio_has_output(bio)) {
        batch->data_len[batch->count] = 0;
        batch->records[batch->count++] = (struct iovec){(void *)(uintptr_t)buf, len};
        batch->is_open = false;
        return (int)len;
    }
    int ret = batch->is_queued ? 0 : batch_queue(bio, 0);
    if (ret == 0)
        ret = output_append(bio, buf, len);
    return ret == 0 ? (int)len : ret;
}

int leati_tls_bio_send(void *user, const unsigned char *buf, size_t len)
{
    struct leati_tls_bio *bio = user;
    size_t sent = 0;

    alert_note(bio, buf, len);
    if (bio->batch)
        return batch_send(bio, buf, len);
    if (!bio->gather && !leati_tls_bio_has_output(bio)) {
        struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
        int result = lower_send(bio, &iov, 1, &sent);
        if (result == LEATI_AGAIN)
            sent = 0;
        else if (result != LEAT_OK)
            return MBEDTLS_ERR_NET_SEND_FAILED;
    }
    if (sent == len)
        return (int)len;
    int ret = output_append(bio, buf + sent, len - sent);
    return ret == 0 ? (int)len : ret;
}

void leati_tls_bio_begin_batch(struct leati_tls_bio *bio, struct leati_tls_batch *batch)
{
    batch->count = 0;
    batch->is_open = batch->is_queued = false;
    bio->batch = batch;
}

int leati_tls_bio_end_batch(struct leati_tls_bio *bio, size_t *ret_sent)
{
    struct leati_tls_batch *batch = bio->batch;
    size_t sent = 0, left;
    int ret = 0;

    *ret_sent = 0;
    if (batch->count > 0 && !batch->is_queued) {
        int result = lower_send(bio, batch->records, (int)batch->count, &sent);
        if (result == LEATI_AGAIN)
            sent = 0;
        else if (result != LEAT_OK)
            ret = MBEDTLS_ERR_NET_SEND_FAILED;
        left = sent;
        unsigned whole = 0;
        for (; ret == 0 && whole < batch->count && left >= batch->records[whole].iov_len; whole++) {
            left -= batch->records[whole].iov_len;
            *ret_sent += batch->data_len[whole];
        }
        bio->blocked = whole < batch->count;
        if (ret == 0 && bio->blocked)
            ret = batch_queue(bio, sent);
    }
    bio->batch = NULL;
    return ret;
}

int leati_tls_bio_flush(struct leati_tls_bio *bio)
{
    while (leati_tls_bio_has_output(bio)) {
        struct iovec iov[FLUSH_SEGMENTS];
        int n = leati_byte_queue_peek(&bio->output, iov, FLUSH_SEGMENTS);
        size_t sent;
        int result = lower_send(bio, iov, n, &sent);
        if (result == LEATI_AGAIN)
            bio->blocked = true;
        if (result != LEAT_OK)
            return result;
        leati_byte_queue_consume(&bio->output, sent);
    }
    return LEAT_OK;
}

bool leati_tls_bio_has_input(const struct leati_tls_bio *bio)
{
    return bio->ahead_len > 0;
}

bool leati_tls_bio_has_output(const struct leati_tls_bio *bio)
{
    return bio->output.len > 0;
}

void leati_tls_bio_got_somewhere(struct leati_tls_bio *bio)
{
    bio->idle_len = 0;
}

bool leati_tls_bio_is_flooded(const struct leati_tls_bio *bio)
{
    return bio->idle_len > LEATI_TLS_IDLE_LIMIT_BYTES;
}

bool leati_tls_bio_speaks_tls(const struct leati_tls_bio *bio)
{
    /* RFC 8446 section 5.1: a content type of 20 to 23 (24 is a heartbeat's), then version 3.x. */
    if (bio->greeting_len > 0 && (bio->greeting[0] < 20 || bio->greeting[0] > 24))
        return false;
    return bio->greeting_len < 2 || bio->greeting[1] == 3;
}

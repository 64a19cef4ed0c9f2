/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/bio.h"

#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <string.h>

#include <mbedtls/net_sockets.h>

#define FLUSH_SEGMENTS 8

/** Buffers to read ahead that wait for the next connection which reads. */
#define SPARE_MAX 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *spare[SPARE_MAX];
static size_t spare_count;

static void ahead_get(struct leati_tls_bio *bio)
{
    leati_lock(&lock);
    if (spare_count > 0)
        bio->ahead = spare[--spare_count];
    leati_unlock(&lock);
    if (!bio->ahead)
        bio->ahead = leati_malloc(LEATI_TLS_READ_AHEAD_BYTES);
}

/* Ciphertext, but also early plaintext of a handshake: nothing to wipe. */
static void ahead_give(struct leati_tls_bio *bio)
{
    uint8_t *ahead = bio->ahead;

    if (!ahead)
        return;
    bio->ahead = NULL;
    leati_lock(&lock);
    bool keep = spare_count < SPARE_MAX;
    if (keep)
        spare[spare_count++] = ahead;
    leati_unlock(&lock);
    if (!keep)
        leati_free(ahead);
}

void leati_tls_bio_init(struct leati_tls_bio *bio, struct leati_layer *tls)
{
    bio->tls = tls;
    bio->lower_result = LEAT_OK;
    bio->gather = true;
    bio->overflow = false;
    bio->alert_sent = false;
    bio->asked_max = 0;
    bio->plain_alert = -1;
    bio->greeting_len = 0;
    bio->ahead_pos = bio->ahead_len = 0;
    bio->ahead = NULL;
    leati_byte_queue_init(&bio->output, NULL);
}

void leati_tls_bio_done(struct leati_tls_bio *bio)
{
    leati_byte_queue_clear(&bio->output);
    ahead_give(bio);
}

void leati_tls_bio_rest(struct leati_tls_bio *bio)
{
    if (!leati_tls_bio_has_input(bio))
        ahead_give(bio);
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

static int ahead_take(struct leati_tls_bio *bio, unsigned char *buf, size_t len)
{
    size_t have = (size_t)(bio->ahead_len - bio->ahead_pos);
    size_t n = len < have ? len : have;

    memcpy(buf, bio->ahead + bio->ahead_pos, n);
    bio->ahead_pos = (uint16_t)(bio->ahead_pos + n);
    return (int)n;
}

int leati_tls_bio_recv(void *user, unsigned char *buf, size_t len)
{
    struct leati_tls_bio *bio = user;
    size_t n;

    if (len > bio->asked_max)
        bio->asked_max = len;
    if (leati_tls_bio_has_input(bio))
        return ahead_take(bio, buf, len);

    bool is_long = len >= LEATI_TLS_READ_AHEAD_BYTES;
    if (!is_long && !bio->ahead)
        ahead_get(bio);
    bool is_direct = is_long || !bio->ahead;
    uint8_t *to = is_direct ? buf : bio->ahead;
    int ret = lower_recv(bio, to, is_direct ? len : LEATI_TLS_READ_AHEAD_BYTES, &n);
    if (ret != 0)
        return ret;
    if (bio->greeting_len < LEATI_TLS_GREETING_BYTES)
        greeting_keep(bio, to, n);
    if (is_direct)
        return (int)n;
    bio->ahead_pos = 0;
    bio->ahead_len = (uint16_t)n;
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

int leati_tls_bio_send(void *user, const unsigned char *buf, size_t len)
{
    struct leati_tls_bio *bio = user;
    size_t sent = 0;

    alert_note(bio, buf, len);
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
    size_t limit = bio->gather ? LEATI_TLS_FLIGHT_LIMIT_BYTES : LEATI_TLS_OUTPUT_LIMIT_BYTES;
    if (bio->output.len + (len - sent) > limit) {
        bio->overflow = true;
        return MBEDTLS_ERR_NET_SEND_FAILED;
    }
    if (!leati_byte_queue_append(&bio->output, buf + sent, len - sent))
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    return (int)len;
}

int leati_tls_bio_flush(struct leati_tls_bio *bio)
{
    while (leati_tls_bio_has_output(bio)) {
        struct iovec iov[FLUSH_SEGMENTS];
        int n = leati_byte_queue_peek(&bio->output, iov, FLUSH_SEGMENTS);
        size_t sent;
        int result = lower_send(bio, iov, n, &sent);
        if (result != LEAT_OK)
            return result;
        leati_byte_queue_consume(&bio->output, sent);
    }
    return LEAT_OK;
}

bool leati_tls_bio_has_input(const struct leati_tls_bio *bio)
{
    return bio->ahead_pos < bio->ahead_len;
}

bool leati_tls_bio_has_output(const struct leati_tls_bio *bio)
{
    return bio->output.len > 0;
}

bool leati_tls_bio_speaks_tls(const struct leati_tls_bio *bio)
{
    /* RFC 8446 section 5.1: a content type of 20 to 23 (24 is a heartbeat's), then version 3.x. */
    if (bio->greeting_len > 0 && (bio->greeting[0] < 20 || bio->greeting[0] > 24))
        return false;
    return bio->greeting_len < 2 || bio->greeting[1] == 3;
}

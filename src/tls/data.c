/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/data.h"

#include "tls/key_update.h"
#include "tls/mbedtls_private.h"
#include "tls/mbedtls_process.h"
#include "tls/resumption.h"

/** The most that one record carries (RFC 8446 section 5.1). */
#define RECORD_MAX_BYTES 16384u

/* TCP starts with ten segments (RFC 6928), which is less than a full record: the peer could decrypt
 * nothing before our next round trip. So what is sent first goes in shorter ones. */
#define START_BYTES        16384u
#define START_RECORD_BYTES 4096u

int leati_tls_call_enter(struct leati_tls_layer *tls)
{
    tls->bio.lower_result = LEAT_OK;
    tls->bio.alert_sent = false;
    leati_mbedtls_enter();
    return leati_tls_buffers_attach(&tls->buffers, &tls->ssl, &tls->bio);
}

int leati_tls_call_leave(int ret)
{
    return leati_mbedtls_out_of_memory() ? MBEDTLS_ERR_SSL_ALLOC_FAILED : ret;
}

bool leati_tls_nothing_to_read(const struct leati_tls_layer *tls, int ret)
{
    return ret == MBEDTLS_ERR_SSL_WANT_READ && tls->bio.lower_result == LEATI_AGAIN;
}

void leati_tls_data_rest(struct leati_tls_layer *tls)
{
    if (leati_tls_buffers_detach(&tls->buffers, &tls->ssl, &tls->bio) && tls->buffers.away)
        leati_tls_mends_rest(&tls->mends);
}

/* Whether the peer has sent too many in a row. mbedTLS' own limit is three. */
static bool empty_records_exceed(struct leati_tls_layer *tls, int ret)
{
    unsigned count = leati_mbedtls_empty_records(&tls->ssl);

    tls->empty_records = ret > 0 ? 0 : tls->empty_records + count;
    return tls->empty_records > LEATI_TLS_EMPTY_RECORDS_LIMIT;
}

int leati_tls_data_read(struct leati_tls_layer *tls, uint8_t *buf, size_t cap)
{
    for (;;) {
        int ret = leati_tls_call_enter(tls);
        if (ret != 0)
            return ret;
        ret = leati_tls_call_leave(mbedtls_ssl_read(&tls->ssl, buf, cap));
        if (empty_records_exceed(tls, ret))
            return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
        if (ret > 0) {
            tls->key_updates = 0;
            leati_tls_bio_got_somewhere(&tls->bio);
        }
        if (leati_tls_bio_is_flooded(&tls->bio))
            return ret;
        if (ret == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE) {
            ret = leati_tls_call_leave(leati_tls_key_update_take(tls, ret));
            if (ret != 0)
                return ret;
            continue;
        }
        if (ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            leati_tls_resumption_save(tls);
            continue;
        }
        /* 0 stands for the end of the connection, and for an empty record. */
        if (ret == 0 && tls->bio.lower_result == LEATI_EOF)
            return MBEDTLS_ERR_SSL_CONN_EOF;
        if (ret == 0 || (ret == MBEDTLS_ERR_SSL_WANT_READ && !leati_tls_nothing_to_read(tls, ret)))
            continue;
        return ret;
    }
}

/* What of `len` bytes goes into the next record. */
static size_t record_length(const struct leati_tls_layer *tls, size_t len)
{
    size_t limit = tls->start_len < START_BYTES ? START_RECORD_BYTES : RECORD_MAX_BYTES;

    return len < limit ? len : limit;
}

/* Bytes of one record (> 0) or the code of mbedTLS. */
static int record_write(struct leati_tls_layer *tls, const void *data, size_t size)
{
    size_t len = record_length(tls, size);

    for (;;) {
        int ret = leati_tls_call_enter(tls);
        if (ret != 0)
            return ret;
        ret = leati_tls_call_leave(leati_tls_key_update_if_due(tls));
        if (ret != 0)
            return ret;
        tls->bio.batch->is_open = true;
        ret = leati_tls_call_leave(mbedtls_ssl_write(&tls->ssl, data, len));
        tls->bio.batch->is_open = false;
        if (ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            leati_tls_resumption_save(tls);
            tls->drained = false;
            continue;
        }
        if (ret == MBEDTLS_ERR_SSL_WANT_READ && !leati_tls_nothing_to_read(tls, ret))
            continue;
        if (ret > 0)
            tls->own_key_updates = 0;
        if (ret > 0 && tls->start_len < START_BYTES)
            tls->start_len = (uint16_t)(tls->start_len + ret);
        return ret;
    }
}

/* Behind a record: whether there may be another one. Its buffer is to be given back. */
static bool batch_goes_on(struct leati_tls_layer *tls, const struct leati_tls_batch *batch,
                          uint8_t **ret_buffer)
{
    if (batch->is_queued || batch->count == LEATI_TLS_BATCH_RECORDS || tls->bio.blocked)
        return false;
    *ret_buffer = leati_tls_buffers_next_out(&tls->buffers, &tls->ssl);
    return *ret_buffer;
}

/* As leati_tls_data_write(), but the batch is not sent yet; its buffers are in `buffers`. */
static int batch_write(struct leati_tls_layer *tls, struct leati_tls_batch *batch,
                       const struct iovec *iov, int n, uint8_t **buffers)
{
    size_t total = 0, pos = 0;
    uint8_t **next = buffers;

    for (int i = 0; i < n;) {
        if (pos == iov[i].iov_len) {
            pos = 0;
            i++;
            continue;
        }
        int ret = record_write(tls, (const uint8_t *)iov[i].iov_base + pos, iov[i].iov_len - pos);
        if (ret == MBEDTLS_ERR_SSL_WANT_READ && total > 0)
            break;
        if (ret < 0)
            return ret;
        if (!batch->is_queued)
            batch->data_len[batch->count - 1] = (size_t)ret;
        total += (size_t)ret;
        pos += (size_t)ret;
        bool is_last = i == n - 1 && pos == iov[i].iov_len;
        if (is_last || !batch_goes_on(tls, batch, next++))
            break;
    }
    return (int)total;
}

int leati_tls_data_write(struct leati_tls_layer *tls, const struct iovec *iov, int n,
                         size_t *ret_sent)
{
    uint8_t *buffers[LEATI_TLS_BATCH_RECORDS] = {NULL};
    struct leati_tls_batch batch;

    leati_tls_bio_begin_batch(&tls->bio, &batch);
    int ret = batch_write(tls, &batch, iov, n, buffers);
    int lower_result = tls->bio.lower_result;
    int end = leati_tls_bio_end_batch(&tls->bio, ret_sent);
    if (ret < 0 && end == 0)
        tls->bio.lower_result = lower_result;
    for (size_t i = 0; i < LEATI_TLS_BATCH_RECORDS && buffers[i]; i++)
        leati_tls_buffer_give(buffers[i]);
    return ret > 0 && end != 0 ? end : ret;
}

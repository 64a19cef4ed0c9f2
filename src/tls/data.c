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
    return leati_tls_buffers_attach(&tls->buffers, &tls->ssl);
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
    if (!leati_tls_buffers_detach(&tls->buffers, &tls->ssl, tls->bio.asked_max))
        return;
    tls->bio.asked_max = 0;
    leati_tls_bio_rest(&tls->bio);
    if (tls->buffers.away)
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
        if (ret > 0)
            tls->key_updates = 0;
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

int leati_tls_data_write(struct leati_tls_layer *tls, const struct iovec *data)
{
    size_t len = record_length(tls, data->iov_len);

    for (;;) {
        int ret = leati_tls_call_enter(tls);
        if (ret != 0)
            return ret;
        ret = leati_tls_call_leave(leati_tls_key_update_if_due(tls));
        if (ret != 0)
            return ret;
        ret = leati_tls_call_leave(mbedtls_ssl_write(&tls->ssl, data->iov_base, len));
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

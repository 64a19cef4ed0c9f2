/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls_layer.h"

#include "tls/credentials.h"
#include "tls/data.h"
#include "tls/failures.h"
#include "tls/key_update.h"
#include "tls/mbedtls_private.h"
#include "tls/resumption.h"
#include "tls/signer.h"
#include "tls/tell.h"
#include "tls/tls_config.h"
#include "util/readable.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/** How much of what the peer still sends is read at a time while we wait for its close_notify. */
#define DISCARD_BYTES 1024u

static struct leati_tls_layer *tls_of(struct leati_layer *l)
{
    return (struct leati_tls_layer *)l;
}

static const struct leati_tls_layer *tls_of_const(const struct leati_layer *l)
{
    return (const struct leati_tls_layer *)l;
}

/* LEAT_OK: nothing waits; LEATI_AGAIN; or a failure that is recorded. */
static int output_flush(struct leati_tls_layer *tls)
{
    int result = leati_tls_bio_flush(&tls->bio);

    return result <= LEAT_OK ? result : leati_tls_fail_lower(tls);
}

/* ---- connect --------------------------------------------------------------------------------- */

/* Takes the handshake up to the ClientHello. 0, or what mbedTLS fails with. */
static int early_data_write(struct leati_tls_layer *tls)
{
#ifdef MBEDTLS_SSL_EARLY_DATA
    if (!tls->early_data || !tls->session_offered)
        return 0;
    int ret = leati_tls_call_enter(tls);
    if (ret != 0)
        return ret;
    ret = leati_tls_call_leave(
        mbedtls_ssl_write_early_data(&tls->ssl, tls->early_data, tls->early_data_len));
    if (ret >= 0)
        tls->early_data_sent = (size_t)ret;
    else if (ret != MBEDTLS_ERR_SSL_CANNOT_WRITE_EARLY_DATA && ret != MBEDTLS_ERR_SSL_WANT_READ)
        return ret;
#else
    (void)tls;
#endif
    return 0;
}

/* If the server has refused it, nothing of it counts as sent. */
static void early_data_settle(struct leati_tls_layer *tls)
{
    tls->early_data = NULL;
#ifdef MBEDTLS_SSL_EARLY_DATA
    if (tls->early_data_sent > 0 &&
        mbedtls_ssl_get_early_data_status(&tls->ssl) != MBEDTLS_SSL_EARLY_DATA_STATUS_ACCEPTED)
        tls->early_data_sent = 0;
#endif
    tls->encrypted_len = tls->early_data_sent;
}

static int handshake_start(struct leati_tls_layer *tls, uint64_t now_ms)
{
    leati_layer_set_state(&tls->base, LEATI_LAYER_CONNECTING);
    leati_layer_arm(&tls->base, now_ms, tls->timeout_ms);
    int ret = leati_tls_call_enter(tls);
    if (ret == 0)
        ret = leati_tls_resumption_offer(tls);
    if (ret == 0)
        ret = early_data_write(tls);
    return ret == 0 ? LEAT_OK : leati_tls_fail(tls, ret);
}

/* A client may show no certificate, but none that is wrong; mbedTLS only takes note of it. */
static bool optional_certificate_is_refused(const struct leati_tls_layer *tls)
{
    return tls->is_server && !tls->verify && tls->verifier.leaf_seen &&
           mbedtls_ssl_get_verify_result(&tls->ssl) != 0;
}

static int handshake_run(struct leati_tls_layer *tls)
{
    while (!leati_mbedtls_handshake_is_over(&tls->ssl)) {
        if (leati_mbedtls_certificate_due(&tls->ssl))
            tls->certificate_due = true;
        if (tls->is_server)
            leati_mbedtls_fix_alert_keys(&tls->ssl);
        int state = leati_mbedtls_state(&tls->ssl);
        leati_tls_signer_begin();
        int ret = leati_tls_call_enter(tls);
        if (ret == 0)
            ret = leati_tls_call_leave(mbedtls_ssl_handshake_step(&tls->ssl));
        if (leati_mbedtls_state(&tls->ssl) != state)
            leati_tls_bio_got_somewhere(&tls->bio);
        if (ret == 0 && leati_tracer_listens(tls->base.tracer))
            leati_tls_note_step(tls, state);
        if (leati_tls_nothing_to_read(tls, ret))
            return LEATI_AGAIN;
        if (ret != 0 && ret != MBEDTLS_ERR_SSL_WANT_READ)
            return leati_tls_fail(tls, ret);
        if (optional_certificate_is_refused(tls))
            return leati_tls_fail_optional_certificate(tls);
    }
    return LEAT_OK;
}

/* A client has offered a session, a server has taken one back; both skip the certificate. */
static bool is_resumed(const struct leati_tls_layer *tls)
{
    return (tls->is_server || tls->session_offered) && !tls->certificate_due;
}

/* Where the chain is verified the verifier has looked, and a session was ours before. A client that
 * may come without a certificate has no key to look at. */
static bool peer_key_is_welcome(const struct leati_tls_layer *tls)
{
    const struct leati_tls_pins *pins = tls->verifier.pins;

    if (!pins || tls->is_server || tls->verify || is_resumed(tls))
        return true;
    const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&tls->ssl);
    return cert && leati_tls_pins_match(pins, cert);
}

static void handshake_tell(const struct leati_tls_layer *tls)
{
    if (!leati_tracer_listens(tls->base.tracer))
        return;
    if (!tls->verifier.leaf_seen && !is_resumed(tls))
        leati_tls_tell_unverified(tls);
    leati_tls_tell_agreed(tls);
}

static int handshake_finish(struct leati_tls_layer *tls)
{
    /* Belt and braces: no way through mbedTLS may end here unverified. */
    if (tls->verify && !is_resumed(tls) && !tls->verifier.leaf_seen)
        return leati_layer_fail(&tls->base, LEAT_E_TLS_VERIFY, 0, 0,
                                "the handshake ended without a verified certificate");

    if (!peer_key_is_welcome(tls))
        return leati_tls_fail_pin(tls);
    if (tls->key_log_fd >= 0) {
        mbedtls_ssl_set_export_keys_cb(&tls->ssl, NULL, NULL);
        close(tls->key_log_fd);
        tls->key_log_fd = -1;
    }
    leati_tls_resumption_begin(tls, is_resumed(tls));
    leati_tls_verifier_done(&tls->verifier);
    leati_tls_objector_done(&tls->objector);
    early_data_settle(tls);
    tls->bio.gather = false;
    tls->base.deadline_ms = 0;
    tls->was_open = true;
    handshake_tell(tls);
    tls->own_cert = leati_tls_certificate_chosen(&tls->ssl);
    leati_mbedtls_forget_handshake(&tls->ssl, !tls->keep_peer_certificate);
    leati_layer_set_state(&tls->base, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

static int handshake_expire(struct leati_tls_layer *tls)
{
    leati_tls_resumption_forget(tls);
    return leati_layer_fail(&tls->base, LEAT_E_TLS_READ, ETIMEDOUT, MBEDTLS_ERR_SSL_TIMEOUT,
                            "TLS handshake timed out %s %s",
                            leati_tls_bio_has_output(&tls->bio) ? "while writing, at"
                                                                : "while waiting for",
                            leati_mbedtls_step_name(&tls->ssl));
}

static int tls_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct leati_tls_layer *tls = tls_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state == LEATI_LAYER_OPEN)
        return LEAT_OK;
    if (l->state == LEATI_LAYER_NEW) {
        int code = handshake_start(tls, now_ms);
        if (code != LEAT_OK)
            return code;
    }

    int run = handshake_run(tls);
    if (run > LEAT_OK)
        return run;
    int flush = output_flush(tls);
    if (flush > LEAT_OK)
        return flush;
    if (run == LEAT_OK && flush == LEAT_OK)
        return handshake_finish(tls);
    return leati_layer_expired(l, now_ms) ? handshake_expire(tls) : LEATI_AGAIN;
}

/* ---- recv ------------------------------------------------------------------------------------ */

static int tls_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct leati_tls_layer *tls = tls_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (tls->peer_closed || l->state == LEATI_LAYER_CLOSED)
        return LEATI_EOF;
    int flush = output_flush(tls);
    if (flush > LEAT_OK)
        return flush;

    int ret = leati_tls_data_read(tls, buf, cap);
    if (ret == MBEDTLS_ERR_SSL_WANT_READ) {
        tls->drained = true;
        leati_mbedtls_forget_ticket_handshake(&tls->ssl);
        leati_tls_data_rest(tls);
        return LEATI_AGAIN;
    }
    if (ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        tls->peer_closed = true;
        return LEATI_EOF;
    }
    if (ret < 0)
        return leati_tls_fail(tls, ret);
    tls->drained = false;
    *ret_len = (size_t)ret;
    return LEAT_OK;
}

/* ---- send ------------------------------------------------------------------------------------ */

static size_t iov_total(const struct iovec *iov, int n)
{
    size_t total = 0;

    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    return total;
}

/* Rule 4: the record of the bytes that the caller repeats is on its way; it waits for its end. A
 * caller that repeats a part of them only comes again for the rest. */
static int send_conclude(struct leati_tls_layer *tls, size_t offered, size_t *ret_len)
{
    int flush = output_flush(tls);

    if (flush != LEAT_OK)
        return flush;
    *ret_len = tls->encrypted_len < offered ? tls->encrypted_len : offered;
    tls->encrypted_len -= *ret_len;
    return LEAT_OK;
}

static int tls_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct leati_tls_layer *tls = tls_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    /* The peer's close_notify ends its own direction only (RFC 8446 section 6.1). In TLS 1.2 it
     * ends both, but there too it may have come while what we owe was on its way here. */
    if (l->state != LEATI_LAYER_OPEN)
        return leati_layer_fail(l, LEAT_E_TLS_CLOSED, 0, 0, "cannot send: TLS is not open");
    if (tls->encrypted_len > 0)
        return send_conclude(tls, iov_total(iov, n), ret_len);

    int flush = output_flush(tls);
    if (flush != LEAT_OK)
        return flush;
    size_t offered = iov_total(iov, n);
    assert(offered > 0);
    int ret = leati_tls_data_write(tls, iov, n, ret_len);
    if (ret == MBEDTLS_ERR_SSL_WANT_READ)
        return LEATI_AGAIN;
    if (ret < 0)
        return leati_tls_fail(tls, ret);
    tls->encrypted_len = (size_t)ret - *ret_len;
    leati_tls_data_rest(tls);
    return *ret_len > 0 ? LEAT_OK : send_conclude(tls, offered, ret_len);
}

/* ---- shutdown -------------------------------------------------------------------------------- */

static int shutdown_finish(struct leati_tls_layer *tls)
{
    tls->base.deadline_ms = 0;
    leati_layer_set_state(&tls->base, LEATI_LAYER_CLOSED);
    return LEAT_OK;
}

/* LEAT_OK: our close_notify is on its way to the peer. */
static int close_notify_send(struct leati_tls_layer *tls)
{
    int flush = output_flush(tls);

    if (flush != LEAT_OK || tls->close_notify_sent)
        return flush;
    int ret = leati_tls_call_enter(tls);
    if (ret == 0)
        ret = leati_tls_call_leave(mbedtls_ssl_close_notify(&tls->ssl));
    if (ret != 0)
        return leati_tls_fail(tls, ret);
    tls->close_notify_sent = true;
    return output_flush(tls);
}

/* Whatever ends the connection now ends it well: all that we had to say is said, and RFC 8446
 * section 6.1 does not oblige the peer to answer. Data that still comes is thrown away. */
static bool peer_has_closed(struct leati_tls_layer *tls)
{
    uint8_t discarded[DISCARD_BYTES];
    int ret = 0;

    while (!tls->peer_closed && (ret = leati_tls_data_read(tls, discarded, sizeof(discarded))) > 0)
        ;
    return ret != MBEDTLS_ERR_SSL_WANT_READ;
}

static int tls_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    struct leati_tls_layer *tls = tls_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state != LEATI_LAYER_OPEN && l->state != LEATI_LAYER_CLOSING)
        return shutdown_finish(tls);
    if (l->state == LEATI_LAYER_OPEN) {
        leati_layer_set_state(l, LEATI_LAYER_CLOSING);
        leati_layer_arm(l, now_ms, tls->close_timeout_ms);
    }

    int sent = close_notify_send(tls);
    if (sent > LEAT_OK)
        return sent;
    bool expired = leati_layer_expired(l, now_ms);
    if (sent == LEATI_AGAIN && expired)
        return leati_layer_fail(l, LEAT_E_TLS_CLOSED, 0, MBEDTLS_ERR_SSL_TIMEOUT,
                                "close_notify could not be written in time");
    if (sent == LEATI_AGAIN)
        return LEATI_AGAIN;
    if (tls->close_timeout_ms == 0 || peer_has_closed(tls) || expired)
        return shutdown_finish(tls);
    return LEATI_AGAIN;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static unsigned tls_want(const struct leati_layer *l, unsigned upper)
{
    const struct leati_tls_layer *tls = tls_of_const(l);
    unsigned write = leati_tls_bio_has_output(&tls->bio) ? LEATI_WANT_WRITE : 0;

    switch (l->state) {
    case LEATI_LAYER_CONNECTING:
        return LEATI_WANT_READ | write;
    case LEATI_LAYER_OPEN:
        /* What waits is written by recv and send, so there is no wake-up for it unless one of them is
         * called. */
        if (upper == 0 && tls->encrypted_len == 0)
            return 0;
        if (tls->peer_closed)
            upper &= ~(unsigned)LEATI_WANT_READ;
        return upper | write;
    case LEATI_LAYER_CLOSING:
        return write != 0 ? write : LEATI_WANT_READ;
    default:
        return 0;
    }
}

static bool tls_pending(const struct leati_layer *l)
{
    const struct leati_tls_layer *tls = tls_of_const(l);

    if (l->state != LEATI_LAYER_OPEN || tls->peer_closed || tls->drained)
        return false;
    return leati_tls_bio_has_input(&tls->bio) || mbedtls_ssl_get_bytes_avail(&tls->ssl) > 0 ||
           mbedtls_ssl_check_pending(&tls->ssl);
}

void leati_tls_layer_set_early_data(struct leati_layer *l, const void *data, size_t len)
{
    struct leati_tls_layer *tls = tls_of(l);

    assert(l->state == LEATI_LAYER_NEW);
    tls->early_data = data;
    tls->early_data_len = len;
}

bool leati_tls_layer_took_early_data(const struct leati_layer *l)
{
    const struct leati_tls_layer *tls = tls_of_const(l);

    return tls->was_open && tls->early_data_sent > 0;
}

int leati_tls_layer_update_keys(struct leati_layer *l)
{
    struct leati_tls_layer *tls = tls_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state != LEATI_LAYER_OPEN || !leati_tls_keys_can_update(&tls->ssl))
        return LEAT_E_PARAMETER;
    if (tls->own_key_updates >= LEATI_TLS_OWN_KEY_UPDATES_LIMIT)
        return LEAT_OK;
    int ret = leati_tls_call_enter(tls);
    if (ret == 0)
        ret = leati_tls_call_leave(leati_tls_key_update_send(tls, true));
    if (ret != 0)
        return leati_tls_fail(tls, ret);
    leati_tls_data_rest(tls);
    return LEAT_OK;
}

void leati_tls_layer_info(const struct leati_layer *l, struct leat_tls_info *ret_info)
{
    const struct leati_tls_layer *tls = tls_of_const(l);
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&tls->ssl);

    *ret_info = (struct leat_tls_info){
        .protocol = "", .cipher = "", .alpn = "", .group = "", .signature_algorithm = ""};
    if (!tls->was_open)
        return;
    int id = mbedtls_ssl_get_ciphersuite_id_from_ssl(&tls->ssl);
    const char *cipher = leati_tls_cipher_suite_name((uint16_t)id);
    const char *signature = leati_tls_signature_algorithm_name(tls->signature);

    *ret_info = (struct leat_tls_info){
        .protocol = mbedtls_ssl_get_version(&tls->ssl),
        .cipher = cipher ? cipher : mbedtls_ssl_get_ciphersuite(&tls->ssl),
        .alpn = alpn ? alpn : "",
        .resumed = is_resumed(tls),
        .group = leati_tls_group_name(tls->group),
        .signature_algorithm = signature ? signature : "",
    };
}

static bool certificate_at(const mbedtls_x509_crt *cert, size_t index, const uint8_t **ret_der,
                           size_t *ret_len)
{
    while (cert && index-- > 0)
        cert = cert->next;
    if (!cert || !cert->raw.p)
        return false;
    *ret_der = cert->raw.p;
    *ret_len = cert->raw.len;
    return true;
}

bool leati_tls_layer_peer_certificate(const struct leati_layer *l, size_t index,
                                      const uint8_t **ret_der, size_t *ret_len)
{
    const struct leati_tls_layer *tls = tls_of_const(l);

    /* Before that nobody has looked at it to its end. */
    return tls->was_open &&
           certificate_at(mbedtls_ssl_get_peer_cert(&tls->ssl), index, ret_der, ret_len);
}

bool leati_tls_layer_own_certificate(const struct leati_layer *l, size_t index,
                                     const uint8_t **ret_der, size_t *ret_len)
{
    const struct leati_tls_layer *tls = tls_of_const(l);
    const struct leati_tls_identity *first = leati_tls_credentials_identity(tls->credentials, 0);

    return certificate_at(tls->own_cert ? tls->own_cert
                          : first       ? &first->cert
                                        : NULL,
                          index, ret_der, ret_len);
}

const char *leati_tls_layer_signature_algorithm(const struct leati_layer *l, size_t index)
{
    const uint16_t *ids = leati_tls_config_signature_algorithms(tls_of_const(l)->credentials);

    while (*ids != 0 && index-- > 0)
        ids++;
    return *ids != 0 ? leati_tls_signature_algorithm_name(*ids) : NULL;
}

static void tls_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    struct leat_tls_info info;
    size_t pos = 0;

    leati_tls_layer_info(l, &info);
    leati_readable_append(buf, cap, &pos, "%s %s", info.protocol, info.cipher);
    if (info.alpn[0] != '\0')
        leati_readable_append(buf, cap, &pos, ", ALPN %s", info.alpn);
    if (info.resumed)
        leati_readable_append(buf, cap, &pos, ", resumed");
    if (leati_tls_layer_took_early_data(l))
        leati_readable_append(buf, cap, &pos, ", early data accepted");
}

static void tls_destroy(struct leati_layer *l)
{
    leati_tls_layer_free(tls_of(l));
}

const struct leati_layer_ops leati_tls_layer_ops = {
    .name = "tls",
    .layer = LEAT_LAYER_TLS,
    .connect = tls_connect,
    .recv = tls_recv,
    .send = tls_send,
    .shutdown = tls_shutdown,
    .want = tls_want,
    .pending = tls_pending,
    .describe = tls_describe,
    .destroy = tls_destroy,
};

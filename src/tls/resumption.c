/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/resumption.h"

#include "tls/credentials.h"
#include "tls/mbedtls_private.h"
#include "tls/mbedtls_process.h"
#include "tls/sessions.h"
#include "util/alloc.h"

#include <inttypes.h>

#include <mbedtls/platform_time.h>

char *leati_tls_resumption_key(const struct leati_tls_layer_options *options,
                               const char *server_name)
{
    return leati_asprintf(
        "%" PRIu64 " %s %x-%x %s:%u", leati_tls_credentials_id(options->credentials),
        options->verify ? "verified" : "unverified", (unsigned)options->min_protocol,
        (unsigned)options->max_protocol, server_name, options->server_port);
}

/* Neither from a clock that was wrong then, nor for longer than the certificates. */
static bool is_current(int64_t until_s)
{
    int64_t now_s = mbedtls_time(NULL);

    return now_s < until_s && until_s <= now_s + LEATI_TLS_SESSION_LIFETIME_S;
}

static bool session_take(struct leati_tls_layer *tls, struct leati_tls_session_blob *ret_blob)
{
    if (!tls->session_key || !leati_tls_sessions_take(tls->sessions, tls->session_key, ret_blob))
        return false;
    if (is_current(ret_blob->until_s))
        return true;
    leati_tls_session_blob_done(ret_blob);
    return false;
}

int leati_tls_resumption_offer(struct leati_tls_layer *tls)
{
    struct leati_tls_session_blob blob;

    if (!session_take(tls, &blob))
        return 0;
    tls->session_until_s = blob.until_s;

    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    int ret = mbedtls_ssl_session_load(&session, blob.data, blob.len);
    if (ret == 0)
        ret = mbedtls_ssl_set_session(&tls->ssl, &session);
    mbedtls_ssl_session_free(&session);
    leati_tls_session_blob_done(&blob);
    tls->session_offered = ret == 0;
    /* mbedTLS may have copied half a session when memory ran out. */
    return leati_mbedtls_out_of_memory() ? MBEDTLS_ERR_SSL_ALLOC_FAILED : 0;
}

static bool session_is_resumable(const mbedtls_ssl_session *session)
{
    if (leati_mbedtls_ticket_length(session) > LEATI_TLS_TICKET_LIMIT_BYTES)
        return false;
    return mbedtls_ssl_session_get_id_len(session) > 0 || leati_mbedtls_ticket_length(session) > 0;
}

static bool session_serialise(const mbedtls_ssl_session *session,
                              struct leati_tls_session_blob *ret_blob)
{
    size_t len = 0;
    (void)mbedtls_ssl_session_save(session, NULL, 0, &len);
    uint8_t *data = len > 0 ? leati_malloc(len) : NULL;
    if (!data)
        return false;
    struct leati_tls_session_blob blob = {.data = data, .len = len};
    if (mbedtls_ssl_session_save(session, data, len, &len) != 0) {
        leati_tls_session_blob_done(&blob);
        return false;
    }
    *ret_blob = blob;
    return true;
}

void leati_tls_resumption_save(struct leati_tls_layer *tls)
{
    if (!tls->session_key)
        return;

    struct leati_tls_session_blob blob;
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    if (mbedtls_ssl_get_session(&tls->ssl, &session) == 0 && session_is_resumable(&session) &&
        session_serialise(&session, &blob)) {
        blob.until_s = tls->session_until_s;
        bool single_use = mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
        leati_tls_sessions_put(tls->sessions, tls->session_key, single_use, &blob);
    }
    mbedtls_ssl_session_free(&session);
    leati_mbedtls_forget_ticket(&tls->ssl);
}

void leati_tls_resumption_begin(struct leati_tls_layer *tls, bool is_resumed)
{
    if (!is_resumed) {
        tls->session_until_s = mbedtls_time(NULL) + LEATI_TLS_SESSION_LIFETIME_S;
        if (tls->verify && tls->verifier.until_s < tls->session_until_s)
            tls->session_until_s = tls->verifier.until_s;
    }
    if (mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
        leati_tls_resumption_save(tls);
}

void leati_tls_resumption_forget(struct leati_tls_layer *tls)
{
    if (tls->session_offered)
        leati_tls_sessions_forget(tls->sessions, tls->session_key);
}

void leati_tls_resumption_discard(struct leati_tls_layer *tls)
{
    if (tls->session_key)
        leati_tls_sessions_forget(tls->sessions, tls->session_key);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/resumption.h"

#include "tls/credentials.h"
#include "tls/mbedtls_private.h"
#include "tls/mbedtls_process.h"
#include "tls/sessions.h"
#include "util/alloc.h"

#include <inttypes.h>

char *leati_tls_resumption_key(const struct leati_tls_layer_options *options,
                               const char *server_name)
{
    return leati_asprintf(
        "%" PRIu64 " %s %x-%x %s:%u", leati_tls_credentials_id(options->credentials),
        options->verify ? "verified" : "unverified", (unsigned)options->min_protocol,
        (unsigned)options->max_protocol, server_name, options->server_port);
}

int leati_tls_resumption_offer(struct leati_tls_layer *tls)
{
    struct leati_tls_session_blob blob;

    if (!tls->session_key || !leati_tls_sessions_take(tls->sessions, tls->session_key, &blob))
        return 0;

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
        bool single_use = mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
        leati_tls_sessions_put(tls->sessions, tls->session_key, single_use, &blob);
    }
    mbedtls_ssl_session_free(&session);
    leati_mbedtls_forget_ticket(&tls->ssl);
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

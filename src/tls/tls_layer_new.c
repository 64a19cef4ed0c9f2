/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/credentials.h"
#include "tls/failures.h"
#include "tls/judged.h"
#include "tls/key_log.h"
#include "tls/mbedtls_process.h"
#include "tls/resumption.h"
#include "tls/sessions.h"
#include "tls/tls_config.h"
#include "tls/tls_layer.h"
#include "util/alloc.h"
#include "util/errno_text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void secret_exported(void *user, mbedtls_ssl_key_export_type type,
                            const unsigned char *secret, size_t secret_len,
                            const unsigned char client_random[32],
                            const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    const struct leati_tls_layer *tls = user;

    (void)server_random;
    (void)prf;
    leati_tls_key_log_append(tls->key_log_fd, type, secret, secret_len, client_random);
}

static int context_build(struct leati_tls_layer *tls, const struct leati_tls_layer_options *options)
{
    const mbedtls_ssl_config *config;
    int ret = leati_tls_config_get(options, &config);
    if (ret == 0)
        ret = mbedtls_ssl_setup(&tls->ssl, config);
    if (ret != 0)
        return ret;
    /* The name is for SNI and for verification. mbedTLS would send an address as SNI too, so the
     * verifier checks addresses; NULL says that this is meant. */
    if (!tls->is_server)
        ret =
            mbedtls_ssl_set_hostname(&tls->ssl, tls->verifier.ip_len > 0 ? NULL : tls->server_name);
    if (ret != 0)
        return ret;
    ret = leati_tls_buffers_init(&tls->buffers, &tls->bio);
    if (ret != 0)
        return ret;
    mbedtls_ssl_set_bio(&tls->ssl, &tls->bio, leati_tls_bio_send, leati_tls_bio_recv, NULL);
    mbedtls_ssl_set_verify(&tls->ssl, leati_tls_certificate_seen, tls);
    leati_tls_mends_init(&tls->mends, &tls->ssl);
    if (tls->key_log_fd >= 0)
        mbedtls_ssl_set_export_keys_cb(&tls->ssl, secret_exported, tls);
    return 0;
}

static int tls_build(struct leati_tls_layer *tls, const struct leati_tls_layer_options *options,
                     struct leati_failure *failure)
{
    leati_mbedtls_enter();
    int ret = context_build(tls, options);
    if (ret == 0)
        return LEAT_OK;
    return leati_tls_record(failure,
                            ret == MBEDTLS_ERR_SSL_ALLOC_FAILED || leati_mbedtls_out_of_memory()
                                ? LEAT_E_SYSTEM_INTERNAL
                                : LEAT_E_TLS_ENGINE,
                            0, ret, "cannot set up TLS for %s: %s",
                            tls->is_server ? "a client" : tls->server_name,
                            leati_mbedtls_error_text(ret));
}

/* RFC 6066 section 3: the name in SNI has no final dot. */
static char *server_name_copy(const char *name)
{
    size_t len = strlen(name);

    return leati_bytes_dup(name, len > 1 && name[len - 1] == '.' ? len - 1 : len);
}

const char *leati_tls_peer_name(const struct leati_tls_layer *tls)
{
    return tls->is_server ? "client" : "server";
}

static bool names_set(struct leati_tls_layer *tls, const struct leati_tls_layer_options *options)
{
    if (options->is_server) {
        leati_tls_verifier_init_for_client(&tls->verifier);
        return true;
    }
    tls->server_name = server_name_copy(options->server_name);
    if (!tls->server_name)
        return false;
    leati_tls_verifier_init(&tls->verifier, tls->server_name);
    if (!options->sessions)
        return true;
    tls->sessions = leati_tls_sessions_ref(options->sessions);
    tls->session_key = leati_tls_resumption_key(options, tls->server_name);
    return tls->session_key;
}

static bool verifies(const struct leati_tls_layer_options *options)
{
    return options->is_server ? options->client_verification == LEAT_CLIENT_VERIFICATION_REQUIRED
                              : options->verify;
}

static bool needs_cas(const struct leati_tls_layer_options *options)
{
    return options->is_server ? options->client_verification != LEAT_CLIENT_VERIFICATION_NONE
                              : options->verify;
}

static struct leati_tls_layer *layer_alloc(const struct leati_tls_layer_options *options)
{
    struct leati_tls_layer *tls = leati_calloc(1, sizeof(*tls));

    if (!tls)
        return NULL;
    leati_layer_init(&tls->base, &leati_tls_layer_ops);
    tls->key_log_fd = -1;
    tls->is_server = options->is_server;
    tls->verify = verifies(options);
    tls->keep_peer_certificate = options->keep_peer_certificate;
    tls->timeout_ms = options->timeout_ms;
    tls->close_timeout_ms = options->close_timeout_ms;
    tls->key_records_max = options->key_records_max;
    tls->objector.fn = options->verify_fn;
    tls->objector.user = options->verify_user;
    tls->credentials = leati_tls_credentials_ref(options->credentials);
    mbedtls_ssl_init(&tls->ssl);
    leati_tls_bio_init(&tls->bio, &tls->base);

    bool named = names_set(tls, options);
    if (leati_tls_credentials_pins(options->credentials)->count > 0)
        tls->verifier.pins = leati_tls_credentials_pins(options->credentials);
    if (!named) {
        leati_tls_layer_free(tls);
        return NULL;
    }
    return tls;
}

int leati_tls_layer_new(const struct leati_tls_layer_options *options,
                        struct leati_failure *failure, struct leati_layer **ret_layer)
{
    int code = leati_tls_ready(failure);
    if (code != LEAT_OK)
        return code;
    if (needs_cas(options) && !leati_tls_credentials_cas(options->credentials))
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED,
                                "the certificate is to be verified, but no CA was loaded");

    if (leati_tls_config_max(options) < options->min_protocol)
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, MBEDTLS_ERR_SSL_BAD_CONFIG,
                                "an RSA key that is elsewhere signs in TLS 1.2 only, which is not "
                                "allowed");
    struct leati_tls_layer *tls = layer_alloc(options);
    if (!tls)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0,
                                "out of memory for a TLS connection");
    if (options->key_log_path) {
        tls->key_log_fd = leati_tls_key_log_open(options->key_log_path);
        if (tls->key_log_fd < 0)
            code = leati_tls_record(failure, LEAT_E_TLS_ENGINE, errno, 0,
                                    "cannot append to the key log %s: %s", options->key_log_path,
                                    errno == ENXIO ? "nobody reads that FIFO"
                                                   : leati_errno_text(errno));
    }
    if (code == LEAT_OK)
        code = tls_build(tls, options, failure);
    if (code != LEAT_OK) {
        leati_tls_layer_free(tls);
        return code;
    }
    *ret_layer = &tls->base;
    return LEAT_OK;
}

void leati_tls_layer_free(struct leati_tls_layer *tls)
{
    mbedtls_ssl_free(&tls->ssl);
    leati_tls_buffers_done(&tls->buffers);
    leati_tls_mends_done(&tls->mends);
    leati_tls_bio_done(&tls->bio);
    leati_tls_verifier_done(&tls->verifier);
    leati_tls_objector_done(&tls->objector);
    if (tls->key_log_fd >= 0)
        close(tls->key_log_fd);
    leati_free(tls->session_key);
    leati_free(tls->server_name);
    leati_tls_sessions_unref(tls->sessions);
    leati_tls_credentials_unref(tls->credentials);
    leati_free(tls);
}

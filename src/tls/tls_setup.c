/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/credentials.h"
#include "tls/engine.h"
#include "tls/failures.h"
#include "tls/key_log.h"
#include "tls/resumption.h"
#include "tls/sessions.h"
#include "tls/tls_layer.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/psa_util.h>

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

/* mbedTLS's own default, but with PKCS #1 v1.5 before PSS. mbedTLS offers PSS to every server when
 * it may speak TLS 1.3, and 3.6.6 then refuses a TLS 1.2 server that takes the offer (RFC 8446
 * section 4.2.3 allows it; mbedTLS issue 10668). Servers that follow the client's order do not get
 * there; in TLS 1.3 only PSS counts. */
static const uint16_t signature_algorithms[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,    MBEDTLS_TLS1_3_SIG_NONE,
};

static void config_set_resumption(mbedtls_ssl_config *config, bool resume)
{
    mbedtls_ssl_conf_session_tickets(config, resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                    : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, resume ? MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
                       : MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
}

static int config_build(struct leati_tls_layer *tls, const struct leati_tls_options *options)
{
    mbedtls_ssl_config *config = &tls->config;
    struct leati_tls_credentials *credentials = options->credentials;

    int ret = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                          MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (ret != 0)
        return ret;
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_min_tls_version(config, (mbedtls_ssl_protocol_version)options->min_protocol);
    mbedtls_ssl_conf_max_tls_version(config, (mbedtls_ssl_protocol_version)options->max_protocol);
    mbedtls_ssl_conf_sig_algs(config, signature_algorithms);
    /* A resumed session gets fresh keys too: no pure PSK, which has no forward secrecy. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    mbedtls_ssl_conf_authmode(config, options->verify ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                      : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ca_chain(config, leati_tls_credentials_cas(credentials), NULL);
    config_set_resumption(config, options->sessions != NULL);
    if (options->alpn != NULL) {
        ret = mbedtls_ssl_conf_alpn_protocols(config, (const char **)(uintptr_t)options->alpn);
        if (ret != 0)
            return ret;
    }
    if (leati_tls_credentials_cert(credentials) == NULL)
        return 0;
    return mbedtls_ssl_conf_own_cert(config, leati_tls_credentials_cert(credentials),
                                     leati_tls_credentials_key(credentials));
}

static int context_build(struct leati_tls_layer *tls)
{
    int ret = mbedtls_ssl_setup(&tls->ssl, &tls->config);
    if (ret != 0)
        return ret;
    /* The name is for SNI and for verification. mbedTLS would send an address as SNI too, so the
     * verifier checks addresses; NULL says that this is meant. */
    ret = mbedtls_ssl_set_hostname(&tls->ssl, tls->verifier.ip_len > 0 ? NULL : tls->server_name);
    if (ret != 0)
        return ret;
    mbedtls_ssl_set_bio(&tls->ssl, &tls->bio, leati_tls_bio_send, leati_tls_bio_recv, NULL);
    mbedtls_ssl_set_verify(&tls->ssl, leati_tls_verifier_see, &tls->verifier);
    if (tls->key_log_fd >= 0)
        mbedtls_ssl_set_export_keys_cb(&tls->ssl, secret_exported, tls);
    return 0;
}

static int engine_build(struct leati_tls_layer *tls, const struct leati_tls_options *options,
                        struct leati_failure *failure)
{
    leati_tls_engine_enter();
    int ret = config_build(tls, options);
    if (ret == 0)
        ret = context_build(tls);
    if (ret == 0)
        return LEAT_OK;
    return leati_tls_record(
        failure, leati_tls_engine_out_of_memory() ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_TLS_ENGINE, 0,
        ret, "cannot set up TLS for %s: %s", tls->server_name, leati_tls_engine_error_text(ret));
}

/* RFC 6066 section 3: the name in SNI has no final dot. */
static char *server_name_copy(const char *name)
{
    size_t len = strlen(name);

    return leati_strndup(name, len > 1 && name[len - 1] == '.' ? len - 1 : len);
}

static struct leati_tls_layer *layer_alloc(const struct leati_tls_options *options)
{
    struct leati_tls_layer *tls = leati_calloc(1, sizeof(*tls));

    if (tls == NULL)
        return NULL;
    leati_layer_init(&tls->base, &leati_tls_layer_ops);
    tls->key_log_fd = -1;
    tls->verify = options->verify;
    tls->timeout_ms = options->timeout_ms;
    tls->close_timeout_ms = options->close_timeout_ms;
    tls->credentials = leati_tls_credentials_ref(options->credentials);
    mbedtls_ssl_config_init(&tls->config);
    mbedtls_ssl_init(&tls->ssl);
    leati_tls_bio_init(&tls->bio, &tls->base);

    tls->server_name = server_name_copy(options->server_name);
    if (tls->server_name == NULL) {
        leati_tls_layer_free(tls);
        return NULL;
    }
    leati_tls_verifier_init(&tls->verifier, tls->server_name);
    if (options->sessions == NULL)
        return tls;

    tls->sessions = leati_tls_sessions_ref(options->sessions);
    tls->session_key = leati_tls_resumption_key(options, tls->server_name);
    if (tls->session_key == NULL) {
        leati_tls_layer_free(tls);
        return NULL;
    }
    return tls;
}

int leati_tls_layer_new(const struct leati_tls_options *options, struct leati_failure *failure,
                        struct leati_layer **ret_layer)
{
    int code = leati_tls_engine_ready(failure);
    if (code != LEAT_OK)
        return code;
    if (options->verify && leati_tls_credentials_cas(options->credentials) == NULL)
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED,
                                "the certificate is to be verified, but no CA was loaded");

    struct leati_tls_layer *tls = layer_alloc(options);
    if (tls == NULL)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0,
                                "out of memory for a TLS connection");
    if (options->key_log_path != NULL) {
        tls->key_log_fd = leati_tls_key_log_open(options->key_log_path);
        if (tls->key_log_fd < 0)
            code = leati_tls_record(failure, LEAT_E_TLS_ENGINE, errno, 0,
                                    "cannot append to the key log %s: %s", options->key_log_path,
                                    strerrordesc_np(errno));
    }
    if (code == LEAT_OK)
        code = engine_build(tls, options, failure);
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
    mbedtls_ssl_config_free(&tls->config);
    leati_tls_bio_done(&tls->bio);
    leati_tls_verifier_done(&tls->verifier);
    if (tls->key_log_fd >= 0)
        close(tls->key_log_fd);
    leati_free(tls->session_key);
    leati_free(tls->server_name);
    leati_tls_sessions_unref(tls->sessions);
    leati_tls_credentials_unref(tls->credentials);
    leati_free(tls);
}

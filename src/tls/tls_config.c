/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls_config.h"

#include "tls/credentials.h"
#include "tls/host_name.h"
#include "tls/preference.h"
#include "tls/signer.h"
#include "util/alloc.h"

#include <mbedtls/psa_util.h>

#include <string.h>

#define RSA_PSS                                                                                    \
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,                \
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512
#define RSA_PKCS1                                                                                  \
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,                      \
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512

/* For connections that choose none. A mbedTLS that is not leat's own refuses a TLS 1.2 server that
 * signs with PSS (src/tls/mends/signatures.c), which one that follows the client's order then does
 * not; in TLS 1.3 only PSS counts. */
static const uint16_t default_signature_algorithms[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
#ifdef LEAT_MBEDTLS_MENDED
    RSA_PSS,
    RSA_PKCS1,
#else
    RSA_PKCS1,
    RSA_PSS,
#endif
    MBEDTLS_TLS1_3_SIG_NONE,
};

const uint16_t *leati_tls_config_signature_algorithms(
    const struct leati_tls_credentials *credentials)
{
    const struct leati_tls_ids *chosen = leati_tls_credentials_signature_algorithms(credentials);

    return chosen->count > 0 ? chosen->ids : default_signature_algorithms;
}

enum leat_tls_protocol leati_tls_config_max(const struct leati_tls_layer_options *options)
{
    const struct leati_tls_identity *first =
        leati_tls_credentials_identity(options->credentials, 0);
    bool is_only = !options->is_server || !leati_tls_credentials_identity(options->credentials, 1);

    return first && is_only && leati_tls_signer_needs_tls_1_2(first) ? LEAT_TLS_V12
                                                                     : options->max_protocol;
}

/* Without a cipher suite for TLS 1.2 that version is not offered. */
static void versions_configure(mbedtls_ssl_config *config,
                               const struct leati_tls_layer_options *options)
{
    const struct leati_tls_cipher_choice *choice =
        leati_tls_credentials_cipher_choice(options->credentials);
    enum leat_tls_protocol min = options->min_protocol, max = leati_tls_config_max(options);

    mbedtls_ssl_conf_ciphersuites(
        config, choice->ids ? choice->ids : leati_tls_cipher_preference(options->is_server));
    if (choice->ids && !choice->has_tls_1_2)
        min = LEAT_TLS_V13;
    mbedtls_ssl_conf_min_tls_version(config, (mbedtls_ssl_protocol_version)min);
    mbedtls_ssl_conf_max_tls_version(config, (mbedtls_ssl_protocol_version)max);
}

static void client_configure(mbedtls_ssl_config *config,
                             const struct leati_tls_layer_options *options)
{
    bool resume = options->sessions;

    mbedtls_ssl_conf_authmode(config, options->verify ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                      : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_session_tickets(config, resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                    : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#ifdef MBEDTLS_SSL_EARLY_DATA
    mbedtls_ssl_conf_early_data(config, options->early_data ? MBEDTLS_SSL_EARLY_DATA_ENABLED
                                                            : MBEDTLS_SSL_EARLY_DATA_DISABLED);
#endif
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, resume ? MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
                       : MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
}

static int authmode_of(enum leat_client_verification verification)
{
    switch (verification) {
    case LEAT_CLIENT_VERIFICATION_OPTIONAL:
        return MBEDTLS_SSL_VERIFY_OPTIONAL;
    case LEAT_CLIENT_VERIFICATION_REQUIRED:
        return MBEDTLS_SSL_VERIFY_REQUIRED;
    case LEAT_CLIENT_VERIFICATION_NONE:
        break;
    }
    return MBEDTLS_SSL_VERIFY_NONE;
}

/** RFC 1035 section 2.3.4. */
#define HOST_NAME_MAX_BYTES 255u

static bool identity_is_for(const struct leati_tls_identity *identity, const char *host)
{
    enum leati_tls_host_match match = leati_tls_host_match(&identity->cert, host);
    return match == LEATI_TLS_HOST_MATCHES || match == LEATI_TLS_HOST_PUBLIC_SUFFIX;
}

/* RFC 6066 section 3: of several certificates those that are for the name the client asks for; if none
 * is, all of them, and the client judges. The name is the client's: any bytes. */
static int name_asked_for(void *user, mbedtls_ssl_context *ssl, const unsigned char *name,
                          size_t len)
{
    struct leati_tls_credentials *credentials = user;
    struct leati_tls_identity *identity;
    char host[HOST_NAME_MAX_BYTES + 1];
    int ret = 0;

    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len > HOST_NAME_MAX_BYTES || memchr(name, '\0', len))
        return 0;
    memcpy(host, name, len);
    host[len] = '\0';
    for (size_t i = 0;
         ret == 0 && (identity = leati_tls_credentials_identity(credentials, i)) != NULL; i++)
        if (identity_is_for(identity, host))
            ret = mbedtls_ssl_set_hs_own_cert(ssl, &identity->cert, &identity->key.pk);
    return ret;
}

static void server_configure(mbedtls_ssl_config *config,
                             const struct leati_tls_layer_options *options)
{
    mbedtls_ssl_conf_authmode(config, authmode_of(options->client_verification));
    mbedtls_ssl_conf_preference_order(config, options->prefer_remote_ciphers
                                                  ? MBEDTLS_SSL_SRV_CIPHERSUITE_ORDER_CLIENT
                                                  : MBEDTLS_SSL_SRV_CIPHERSUITE_ORDER_SERVER);
    if (leati_tls_credentials_identity(options->credentials, 1))
        mbedtls_ssl_conf_sni(config, name_asked_for, options->credentials);
    /* Behind a ticket nobody would look at the client's certificate again, not even when it has
     * expired, and each ticket brings the next one. */
    if (options->tickets && options->client_verification == LEAT_CLIENT_VERIFICATION_NONE)
        leati_tls_tickets_configure(leati_tls_credentials_tickets(options->credentials), config);
}

/* mbedTLS takes the first one whose key the client can verify. */
static int identities_configure(mbedtls_ssl_config *config,
                                struct leati_tls_credentials *credentials)
{
    struct leati_tls_identity *identity;
    int ret = 0;

    for (size_t i = 0;
         ret == 0 && (identity = leati_tls_credentials_identity(credentials, i)) != NULL; i++)
        ret = mbedtls_ssl_conf_own_cert(config, &identity->cert, &identity->key.pk);
    return ret;
}

static int config_build(mbedtls_ssl_config *config, const struct leati_tls_layer_options *options)
{
    struct leati_tls_credentials *credentials = options->credentials;

    int ret = mbedtls_ssl_config_defaults(
        config, options->is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (ret != 0)
        return ret;
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    versions_configure(config, options);
    mbedtls_ssl_conf_sig_algs(config, leati_tls_config_signature_algorithms(credentials));
    if (leati_tls_credentials_groups(credentials)->count > 0)
        mbedtls_ssl_conf_groups(config, leati_tls_credentials_groups(credentials)->ids);
    /* A resumed session gets fresh keys too: no pure PSK, which has no forward secrecy. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    mbedtls_ssl_conf_ca_chain(config, leati_tls_credentials_cas(credentials),
                              leati_tls_credentials_crl(credentials));
    if (options->is_server)
        server_configure(config, options);
    else
        client_configure(config, options);
    const char *const *alpn =
        options->alpn ? options->alpn : leati_tls_credentials_alpn(credentials);
    if (alpn) {
        ret = mbedtls_ssl_conf_alpn_protocols(config, (const char **)(uintptr_t)alpn);
        if (ret != 0)
            return ret;
    }
    return identities_configure(config, credentials);
}

/* ---- one for all connections that are alike ---------------------------------------------------- */

/* What of the options a configuration depends on, beside the credentials. */
struct config_key {
    bool is_server, prefer_remote_ciphers, tickets, verify, resume, early_data;
    enum leat_client_verification client_verification;
    enum leat_tls_protocol min_protocol, max_protocol;
    const char *const *alpn;
};

struct leati_tls_config {
    struct leati_tls_config *next;
    struct config_key key;
    mbedtls_ssl_config config;
};

static struct config_key key_of(const struct leati_tls_layer_options *options)
{
    return (struct config_key){
        .is_server = options->is_server,
        .prefer_remote_ciphers = options->prefer_remote_ciphers,
        .tickets = options->tickets,
        .verify = options->verify,
        .resume = options->sessions != NULL,
        .early_data = options->early_data,
        .client_verification = options->client_verification,
        .min_protocol = options->min_protocol,
        .max_protocol = options->max_protocol,
        .alpn = options->alpn,
    };
}

static bool keys_are_equal(const struct config_key *a, const struct config_key *b)
{
    return a->is_server == b->is_server && a->prefer_remote_ciphers == b->prefer_remote_ciphers &&
           a->tickets == b->tickets && a->verify == b->verify && a->resume == b->resume &&
           a->early_data == b->early_data && a->client_verification == b->client_verification &&
           a->min_protocol == b->min_protocol && a->max_protocol == b->max_protocol &&
           a->alpn == b->alpn;
}

static void config_free(struct leati_tls_config *config)
{
    mbedtls_ssl_config_free(&config->config);
    leati_free(config);
}

/* Threads that need the same one at the same moment make one each, and both stay. */
int leati_tls_config_get(const struct leati_tls_layer_options *options,
                         const mbedtls_ssl_config **ret_config)
{
    leati_tls_config_list *list = leati_tls_credentials_configs(options->credentials);
    const struct config_key key = key_of(options);
    struct leati_tls_config *config = atomic_load(list);

    while (config && !keys_are_equal(&config->key, &key))
        config = config->next;
    if (!config) {
        config = leati_calloc(1, sizeof(*config));
        if (!config)
            return MBEDTLS_ERR_SSL_ALLOC_FAILED;
        mbedtls_ssl_config_init(&config->config);
        int ret = config_build(&config->config, options);
        if (ret != 0) {
            config_free(config);
            return ret;
        }
        config->key = key;
        config->next = atomic_load(list);
        while (!atomic_compare_exchange_weak(list, &config->next, config))
            ;
    }
    *ret_config = &config->config;
    return 0;
}

void leati_tls_configs_free(leati_tls_config_list *list)
{
    struct leati_tls_config *config = atomic_load(list);

    while (config) {
        struct leati_tls_config *next = config->next;
        config_free(config);
        config = next;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/credentials.h"

#include "tls/ca_store.h"
#include "tls/mbedtls_process.h"
#include "tls/failures.h"
#include "tls/file.h"
#include "tls/identity.h"
#include "tls/judge/judge.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <stdatomic.h>
#include <string.h>

struct leati_tls_credentials {
    atomic_uint references;
    uint64_t id;
    struct leati_tls_cas *cas; /* NULL = none */
    bool has_crl;              /* for mbedTLS */
    mbedtls_x509_crl crl;
    struct leati_crls *crls; /* for the judge */
    struct leati_tls_known_chains known_chains;
    struct leati_tls_identity *identities;
    size_t identity_count;
    struct leati_tls_tickets *tickets; /* NULL = a client's */
    struct leati_tls_pins pins;
    struct leati_tls_cipher_choice cipher_choice;
    struct leati_tls_ids signature_algorithms;
    struct leati_tls_ids groups;
    char **alpn; /* ended by NULL; NULL = none */
    leati_tls_config_list configs;
};

/* No atomic: 32-bit processors have none of 64 bits but by another library. */
static uint64_t id_new(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last;

    leati_lock(&mutex);
    uint64_t id = ++last;
    leati_unlock(&mutex);
    return id;
}

static struct leati_tls_credentials *credentials_alloc(void)
{
    struct leati_tls_credentials *credentials = leati_calloc(1, sizeof(*credentials));

    if (!credentials)
        return NULL;
    atomic_init(&credentials->references, 1u);
    credentials->id = id_new();
    mbedtls_x509_crl_init(&credentials->crl);
    return credentials;
}

/* RFC 7301 section 3.1: 1 to 255 bytes. */
static int alpn_check(const struct leati_tls_credentials_options *options,
                      struct leati_failure *failure)
{
    for (size_t i = 0; i < options->alpn_count; i++) {
        size_t len = strlen(options->alpn[i]);
        if (len == 0 || len > UINT8_MAX)
            return leati_tls_record(failure, LEAT_E_PARAMETER, 0, 0,
                                    "an ALPN protocol has 1 to 255 bytes, not %zu", len);
    }
    return LEAT_OK;
}

static int alpn_copy(struct leati_tls_credentials *credentials,
                     const struct leati_tls_credentials_options *options,
                     struct leati_failure *failure)
{
    int code = alpn_check(options, failure);
    if (code != LEAT_OK || options->alpn_count == 0)
        return code;
    credentials->alpn = leati_calloc(options->alpn_count + 1, sizeof(*credentials->alpn));
    for (size_t i = 0; credentials->alpn && i < options->alpn_count; i++) {
        credentials->alpn[i] = leati_strdup(options->alpn[i]);
        if (!credentials->alpn[i])
            break;
    }
    if (!credentials->alpn || !credentials->alpn[options->alpn_count - 1])
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0, "out of memory");
    return LEAT_OK;
}

static void alpn_done(struct leati_tls_credentials *credentials)
{
    for (size_t i = 0; credentials->alpn && credentials->alpn[i]; i++)
        leati_free(credentials->alpn[i]);
    leati_free(credentials->alpn);
}

static int cas_load(struct leati_tls_credentials *credentials,
                    const struct leati_tls_credentials_options *options,
                    struct leati_failure *failure)
{
    if (!options->need_ca)
        return LEAT_OK;
    if (options->ca_text_count > 0)
        return leati_tls_cas_parse(options->ca_texts, options->ca_text_count, options->is_server,
                                   failure, &credentials->cas);
    return leati_tls_cas_acquire(options->ca_path, options->is_server, failure, &credentials->cas);
}

static int crl_refuse(int ret, const char *why, struct leati_failure *failure)
{
    return leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, ret,
                            "cannot parse the revocation list: %s", why);
}

static int crls_judge_load(struct leati_tls_credentials *credentials,
                           const struct leati_tls_credentials_options *options,
                           struct leati_failure *failure)
{
    for (size_t i = 0; i < options->crl_text_count; i++) {
        const char *why;
        int code = leati_crls_add(&credentials->crls, options->crl_texts[i], &why);
        if (code == LEAT_E_SYSTEM_INTERNAL)
            return leati_tls_record(failure, code, 0, 0,
                                    "out of memory while reading a revocation list");
        if (code != LEAT_OK)
            return crl_refuse(MBEDTLS_ERR_X509_INVALID_FORMAT, why, failure);
    }
    return LEAT_OK;
}

static int crls_load(struct leati_tls_credentials *credentials,
                     const struct leati_tls_credentials_options *options,
                     struct leati_failure *failure)
{
    if (leati_judge_is_there())
        return crls_judge_load(credentials, options, failure);
    leati_mbedtls_enter();
    for (size_t i = 0; i < options->crl_text_count; i++) {
        struct leati_tls_file file = leati_tls_file_of_text(options->crl_texts[i]);
        int ret =
            mbedtls_x509_crl_parse(&credentials->crl, file.data, leati_tls_file_parse_len(&file));
        if (leati_mbedtls_out_of_memory())
            return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                                    "out of memory while reading a revocation list");
        if (ret != 0)
            return crl_refuse(ret, leati_mbedtls_error_text(ret), failure);
        credentials->has_crl = true;
    }
    return LEAT_OK;
}

static int identity_load(struct leati_tls_credentials *credentials, bool is_server,
                         const struct leati_cert_source *source, struct leati_failure *failure)
{
    struct leati_tls_identity *identity = &credentials->identities[credentials->identity_count++];

    leati_tls_identity_init(identity);
    return leati_tls_identity_load(identity, source, is_server, failure);
}

static int identities_load(struct leati_tls_credentials *credentials,
                           const struct leati_tls_credentials_options *options,
                           struct leati_failure *failure)
{
    const struct leati_cert_source first = {
        .cert_path = (char *)(uintptr_t)options->cert_path,
        .key_path = (char *)(uintptr_t)options->key_path,
        .cert = {(char **)(uintptr_t)options->cert_texts, options->cert_text_count},
        .key = (char *)(uintptr_t)options->key_text,
        .key_password = (char *)(uintptr_t)options->key_password,
        .sign = options->sign,
        .sign_user = options->sign_user,
    };
    credentials->identities =
        leati_calloc(1 + options->more_cert_count, sizeof(*credentials->identities));
    if (!credentials->identities)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0,
                                "out of memory for certificates");
    int code = identity_load(credentials, options->is_server, &first, failure);

    for (size_t i = 0; code == LEAT_OK && i < options->more_cert_count; i++)
        code = identity_load(credentials, options->is_server, &options->more_certs[i], failure);
    if (code == LEAT_OK && options->is_server && !credentials->identities[0].is_there)
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, 0, "a server needs a certificate");
    return code;
}

static int tickets_make(struct leati_tls_credentials *credentials, struct leati_failure *failure)
{
    leati_mbedtls_enter();
    int ret = leati_tls_tickets_new(&credentials->tickets);
    if (ret == 0)
        return LEAT_OK;
    if (ret == MBEDTLS_ERR_SSL_ALLOC_FAILED || leati_mbedtls_out_of_memory())
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                                "out of memory for the keys of session tickets");
    return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "cannot make the keys of session tickets: %s",
                            leati_mbedtls_error_text(ret));
}

static int names_parse(struct leati_tls_credentials *credentials,
                       const struct leati_tls_credentials_options *options,
                       struct leati_failure *failure)
{
    int code =
        leati_tls_cipher_choice_parse(options->cipher_suites, failure, &credentials->cipher_choice);
    if (code == LEAT_OK)
        code = leati_tls_signature_algorithms_parse(options->signature_algorithms, failure,
                                                    &credentials->signature_algorithms);
    if (code == LEAT_OK)
        code = leati_tls_groups_parse(options->groups, failure, &credentials->groups);
    if (code == LEAT_OK)
        code = leati_tls_pins_parse(options->pins, options->pin_count, failure, &credentials->pins);
    return code == LEAT_OK ? alpn_copy(credentials, options, failure) : code;
}

/* What was named wrongly is found before any file is read. */
static int credentials_load(struct leati_tls_credentials *credentials,
                            const struct leati_tls_credentials_options *options,
                            struct leati_failure *failure)
{
    int code = names_parse(credentials, options, failure);
    if (code == LEAT_OK)
        code = cas_load(credentials, options, failure);
    if (code == LEAT_OK)
        code = crls_load(credentials, options, failure);
    if (code == LEAT_OK)
        code = identities_load(credentials, options, failure);
    return code == LEAT_OK && options->is_server ? tickets_make(credentials, failure) : code;
}

int leati_tls_credentials_check(const struct leati_tls_credentials_options *options,
                                struct leati_failure *failure)
{
    struct leati_tls_credentials *credentials = credentials_alloc();
    if (!credentials)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0, "out of memory");
    int code = names_parse(credentials, options, failure);
    leati_tls_credentials_unref(credentials);
    return code;
}

int leati_tls_credentials_new(const struct leati_tls_credentials_options *options,
                              struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials)
{
    int code = leati_tls_ready(failure);
    if (code != LEAT_OK)
        return code;
    struct leati_tls_credentials *credentials = credentials_alloc();
    if (!credentials)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0,
                                "out of memory for TLS credentials");

    code = credentials_load(credentials, options, failure);
    if (code != LEAT_OK) {
        leati_tls_credentials_unref(credentials);
        return code;
    }
    *ret_credentials = credentials;
    return LEAT_OK;
}

struct leati_tls_credentials *leati_tls_credentials_ref(struct leati_tls_credentials *credentials)
{
    atomic_fetch_add(&credentials->references, 1u);
    return credentials;
}

void leati_tls_credentials_unref(struct leati_tls_credentials *credentials)
{
    if (!credentials || atomic_fetch_sub(&credentials->references, 1u) != 1)
        return;
    leati_tls_configs_free(&credentials->configs);
    leati_tls_cas_release(credentials->cas);
    mbedtls_x509_crl_free(&credentials->crl);
    leati_crls_free(credentials->crls);
    while (credentials->identity_count > 0)
        leati_tls_identity_done(&credentials->identities[--credentials->identity_count]);
    leati_free(credentials->identities);
    leati_tls_tickets_free(credentials->tickets);
    leati_tls_pins_done(&credentials->pins);
    leati_tls_cipher_choice_done(&credentials->cipher_choice);
    leati_tls_ids_done(&credentials->signature_algorithms);
    leati_tls_ids_done(&credentials->groups);
    alpn_done(credentials);
    leati_free(credentials);
}

uint64_t leati_tls_credentials_id(const struct leati_tls_credentials *credentials)
{
    return credentials->id;
}

mbedtls_x509_crt *leati_tls_credentials_cas(struct leati_tls_credentials *credentials)
{
    return credentials->cas ? leati_tls_cas_chain(credentials->cas) : NULL;
}

struct leati_anchors *leati_tls_credentials_anchors(struct leati_tls_credentials *credentials)
{
    return credentials->cas ? leati_tls_cas_anchors(credentials->cas) : NULL;
}

const struct leati_crls *leati_tls_credentials_crls(const struct leati_tls_credentials *credentials)
{
    return credentials->crls;
}

struct leati_tls_known_chains *leati_tls_credentials_known_chains(
    struct leati_tls_credentials *credentials)
{
    return &credentials->known_chains;
}

mbedtls_x509_crl *leati_tls_credentials_crl(struct leati_tls_credentials *credentials)
{
    return credentials->has_crl ? &credentials->crl : NULL;
}

struct leati_tls_identity *leati_tls_credentials_identity(struct leati_tls_credentials *credentials,
                                                          size_t index)
{
    return index < credentials->identity_count && credentials->identities[index].is_there
               ? &credentials->identities[index]
               : NULL;
}

const char *const *leati_tls_credentials_alpn(const struct leati_tls_credentials *credentials)
{
    return (const char *const *)credentials->alpn;
}

leati_tls_config_list *leati_tls_credentials_configs(struct leati_tls_credentials *credentials)
{
    return &credentials->configs;
}

struct leati_tls_tickets *leati_tls_credentials_tickets(struct leati_tls_credentials *credentials)
{
    return credentials->tickets;
}

const struct leati_tls_pins *leati_tls_credentials_pins(
    const struct leati_tls_credentials *credentials)
{
    return &credentials->pins;
}

const struct leati_tls_cipher_choice *leati_tls_credentials_cipher_choice(
    const struct leati_tls_credentials *credentials)
{
    return &credentials->cipher_choice;
}

const struct leati_tls_ids *leati_tls_credentials_signature_algorithms(
    const struct leati_tls_credentials *credentials)
{
    return &credentials->signature_algorithms;
}

const struct leati_tls_ids *leati_tls_credentials_groups(
    const struct leati_tls_credentials *credentials)
{
    return &credentials->groups;
}

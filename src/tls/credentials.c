/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/credentials.h"

#include "tls/ca_store.h"
#include "tls/engine.h"
#include "tls/failures.h"
#include "tls/file.h"
#include "util/alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <mbedtls/pem.h>
#include <mbedtls/psa_util.h>

struct leati_tls_credentials {
    atomic_uint references;
    uint64_t id;
    struct leati_tls_cas *cas; /* NULL = none */
    bool has_cert;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    const char *role;                  /* whose certificate: "client", "server" */
    struct leati_tls_tickets *tickets; /* NULL = a client's */
};

static struct leati_tls_credentials *credentials_alloc(bool is_server)
{
    static _Atomic uint64_t last_id;
    struct leati_tls_credentials *credentials = leati_calloc(1, sizeof(*credentials));

    if (credentials == NULL)
        return NULL;
    atomic_init(&credentials->references, 1u);
    credentials->id = atomic_fetch_add(&last_id, 1) + 1;
    mbedtls_x509_crt_init(&credentials->cert);
    mbedtls_pk_init(&credentials->key);
    credentials->role = is_server ? "server" : "client";
    return credentials;
}

static int file_load(const struct leati_tls_credentials *credentials, const char *what,
                     const char *path, struct leati_failure *failure,
                     struct leati_tls_file *ret_file)
{
    int sys_errno = leati_tls_file_read(path, ret_file);

    if (sys_errno == 0)
        return LEAT_OK;
    int code = sys_errno == ENOMEM ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_WS_CERT_FILE;
    return leati_tls_record(failure, code, sys_errno, 0, "cannot read the %s %s %s: %s",
                            credentials->role, what, path, strerrordesc_np(sys_errno));
}

static int out_of_memory(struct leati_failure *failure, const char *path, int ret)
{
    return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                            "out of memory while reading %s", path);
}

static int cert_load(struct leati_tls_credentials *credentials, const char *path,
                     struct leati_failure *failure)
{
    struct leati_tls_file file;
    int code = file_load(credentials, "certificate", path, failure, &file);
    if (code != LEAT_OK)
        return code;

    int ret =
        mbedtls_x509_crt_parse(&credentials->cert, file.data, leati_tls_file_parse_len(&file));
    leati_tls_file_done(&file);
    if (leati_tls_engine_out_of_memory())
        return out_of_memory(failure, path, ret);
    if (ret < 0)
        return leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, ret,
                                "cannot parse the %s certificate %s: %s", credentials->role, path,
                                leati_tls_engine_error_text(ret));
    if (ret > 0)
        return leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT,
                                "%d certificates of the %s's chain %s cannot be parsed", ret,
                                credentials->role, path);
    credentials->has_cert = true;
    return LEAT_OK;
}

static const char *key_problem(int ret, bool is_encrypted)
{
    switch (ret) {
    case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
    case MBEDTLS_ERR_PEM_PASSWORD_REQUIRED:
        return "it is encrypted and no password is set";
    case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
    case MBEDTLS_ERR_PEM_PASSWORD_MISMATCH:
        return "wrong password";
    default:
        /* One wrong password in 256 decrypts to something that ends like a key. */
        return is_encrypted ? "wrong password, or damaged" : leati_tls_engine_error_text(ret);
    }
}

static int key_load(struct leati_tls_credentials *credentials, const char *path,
                    const char *password, struct leati_failure *failure)
{
    struct leati_tls_file file;
    int code = file_load(credentials, "key", path, failure, &file);
    if (code != LEAT_OK)
        return code;

    int ret = mbedtls_pk_parse_key(&credentials->key, file.data, leati_tls_file_parse_len(&file),
                                   (const unsigned char *)password,
                                   password != NULL ? strlen(password) : 0, mbedtls_psa_get_random,
                                   MBEDTLS_PSA_RANDOM_STATE);
    bool is_encrypted = strstr((const char *)file.data, "ENCRYPTED") != NULL;
    leati_tls_file_done(&file);
    if (ret == 0)
        return LEAT_OK;
    if (leati_tls_engine_out_of_memory())
        return out_of_memory(failure, path, ret);
    return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, ret, "cannot use the %s key %s: %s",
                            credentials->role, path, key_problem(ret, is_encrypted));
}

static int key_check(struct leati_tls_credentials *credentials,
                     const struct leati_tls_credentials_options *options, const char *key_path,
                     struct leati_failure *failure)
{
    int ret = mbedtls_pk_check_pair(&credentials->cert.pk, &credentials->key,
                                    mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);

    if (ret == 0)
        return LEAT_OK;
    if (leati_tls_engine_out_of_memory())
        return out_of_memory(failure, key_path, ret);
    return leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, ret,
                            "the %s key %s does not belong to the certificate %s",
                            credentials->role, key_path, options->cert_path);
}

static int tickets_make(struct leati_tls_credentials *credentials, struct leati_failure *failure)
{
    leati_tls_engine_enter();
    int ret = leati_tls_tickets_new(&credentials->tickets);
    if (ret == 0)
        return LEAT_OK;
    if (ret == MBEDTLS_ERR_SSL_ALLOC_FAILED || leati_tls_engine_out_of_memory())
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                                "out of memory for the keys of session tickets");
    return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "cannot make the keys of session tickets: %s",
                            leati_tls_engine_error_text(ret));
}

static int credentials_load(struct leati_tls_credentials *credentials,
                            const struct leati_tls_credentials_options *options,
                            struct leati_failure *failure)
{
    if (options->need_ca) {
        int code = leati_tls_cas_acquire(options->ca_path, failure, &credentials->cas);
        if (code != LEAT_OK)
            return code;
    }
    if (options->cert_path == NULL && options->is_server)
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, 0, "a server needs a certificate");
    if (options->cert_path == NULL)
        return LEAT_OK;

    leati_tls_engine_enter();
    int code = cert_load(credentials, options->cert_path, failure);
    if (code != LEAT_OK)
        return code;
    /* One file may hold both. */
    const char *key_path = options->key_path != NULL ? options->key_path : options->cert_path;
    code = key_load(credentials, key_path, options->key_password, failure);
    if (code != LEAT_OK)
        return code;
    code = key_check(credentials, options, key_path, failure);
    return code == LEAT_OK && options->is_server ? tickets_make(credentials, failure) : code;
}

int leati_tls_credentials_new(const struct leati_tls_credentials_options *options,
                              struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials)
{
    int code = leati_tls_engine_ready(failure);
    if (code != LEAT_OK)
        return code;
    struct leati_tls_credentials *credentials = credentials_alloc(options->is_server);
    if (credentials == NULL)
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
    if (credentials == NULL || atomic_fetch_sub(&credentials->references, 1u) != 1)
        return;
    leati_tls_cas_release(credentials->cas);
    mbedtls_x509_crt_free(&credentials->cert);
    mbedtls_pk_free(&credentials->key);
    leati_tls_tickets_free(credentials->tickets);
    leati_free(credentials);
}

uint64_t leati_tls_credentials_id(const struct leati_tls_credentials *credentials)
{
    return credentials->id;
}

mbedtls_x509_crt *leati_tls_credentials_cas(struct leati_tls_credentials *credentials)
{
    return credentials->cas != NULL ? leati_tls_cas_chain(credentials->cas) : NULL;
}

mbedtls_x509_crt *leati_tls_credentials_cert(struct leati_tls_credentials *credentials)
{
    return credentials->has_cert ? &credentials->cert : NULL;
}

mbedtls_pk_context *leati_tls_credentials_key(struct leati_tls_credentials *credentials)
{
    return credentials->has_cert ? &credentials->key : NULL;
}

struct leati_tls_tickets *leati_tls_credentials_tickets(struct leati_tls_credentials *credentials)
{
    return credentials->tickets;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/identity.h"

#include "tls/mbedtls_process.h"
#include "tls/failures.h"
#include "tls/file.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>

#include <mbedtls/pem.h>
#include <mbedtls/psa_util.h>

/* What is being loaded, for texts. */
struct loader {
    struct leati_tls_identity *identity;
    const struct leati_tls_credentials_options *options;
    struct leati_failure *failure;
    const char *role; /* "client", "server" */
};

void leati_tls_identity_init(struct leati_tls_identity *identity)
{
    identity->is_there = false;
    mbedtls_x509_crt_init(&identity->cert);
    mbedtls_pk_init(&identity->key);
}

void leati_tls_identity_done(struct leati_tls_identity *identity)
{
    mbedtls_x509_crt_free(&identity->cert);
    mbedtls_pk_free(&identity->key);
}

static int file_load(const struct loader *loader, const char *what, const char *path,
                     struct leati_tls_file *ret_file)
{
    int sys_errno = leati_tls_file_read(path, ret_file);

    if (sys_errno == 0)
        return LEAT_OK;
    int code = sys_errno == ENOMEM ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_WS_CERT_FILE;
    return leati_tls_record(loader->failure, code, sys_errno, 0, "cannot read the %s %s %s: %s",
                            loader->role, what, path, leati_tls_file_reason(sys_errno));
}

static int out_of_memory(const struct loader *loader, const char *name, int ret)
{
    return leati_tls_record(loader->failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                            "out of memory while reading %s", name);
}

/* ---- the chain ------------------------------------------------------------------------------- */

static int cert_parse(const struct loader *loader, const struct leati_tls_file *file,
                      const char *name)
{
    int ret =
        mbedtls_x509_crt_parse(&loader->identity->cert, file->data, leati_tls_file_parse_len(file));

    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, name, ret);
    if (ret < 0)
        return leati_tls_record(loader->failure, LEAT_E_TLS_VERIFY, 0, ret,
                                "cannot parse the %s certificate %s: %s", loader->role, name,
                                leati_mbedtls_error_text(ret));
    if (ret > 0)
        return leati_tls_record(
            loader->failure, LEAT_E_TLS_VERIFY, 0, MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT,
            "%d certificates of the %s's chain %s cannot be parsed", ret, loader->role, name);
    loader->identity->is_there = true;
    return LEAT_OK;
}

static int cert_load(const struct loader *loader)
{
    const struct leati_tls_credentials_options *options = loader->options;
    struct leati_tls_file file;

    for (size_t i = 0; i < options->cert_text_count; i++) {
        file = leati_tls_file_of_text(options->cert_texts[i]);
        int code = cert_parse(loader, &file, "(as text)");
        if (code != LEAT_OK)
            return code;
    }
    if (options->cert_text_count > 0)
        return LEAT_OK;

    int code = file_load(loader, "certificate", options->cert_path, &file);
    if (code != LEAT_OK)
        return code;
    code = cert_parse(loader, &file, options->cert_path);
    leati_tls_file_done(&file);
    return code;
}

/* ---- the key --------------------------------------------------------------------------------- */

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
        return is_encrypted ? "wrong password, or damaged" : leati_mbedtls_error_text(ret);
    }
}

static int key_parse(const struct loader *loader, const struct leati_tls_file *file,
                     const char *name)
{
    const char *password = loader->options->key_password;
    int ret =
        mbedtls_pk_parse_key(&loader->identity->key, file->data, leati_tls_file_parse_len(file),
                             (const unsigned char *)password, password ? strlen(password) : 0,
                             mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    bool is_encrypted = strstr((const char *)file->data, "ENCRYPTED");

    if (ret == 0)
        return LEAT_OK;
    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, name, ret);
    return leati_tls_record(loader->failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "cannot use the %s key %s: %s", loader->role, name,
                            key_problem(ret, is_encrypted));
}

static int key_load(const struct loader *loader, const char *path)
{
    struct leati_tls_file file;

    if (loader->options->key_text) {
        file = leati_tls_file_of_text(loader->options->key_text);
        return key_parse(loader, &file, path);
    }
    int code = file_load(loader, "key", path, &file);
    if (code != LEAT_OK)
        return code;
    code = key_parse(loader, &file, path);
    leati_tls_file_done(&file);
    return code;
}

static int key_check(const struct loader *loader, const char *key_name)
{
    struct leati_tls_identity *identity = loader->identity;
    int ret = mbedtls_pk_check_pair(&identity->cert.pk, &identity->key, mbedtls_psa_get_random,
                                    MBEDTLS_PSA_RANDOM_STATE);

    if (ret == 0)
        return LEAT_OK;
    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, key_name, ret);
    return leati_tls_record(
        loader->failure, LEAT_E_TLS_VERIFY, 0, ret,
        "the %s key %s does not belong to the certificate %s", loader->role, key_name,
        loader->options->cert_text_count > 0 ? "(as text)" : loader->options->cert_path);
}

/* One file may hold both. */
static const char *key_name(const struct leati_tls_credentials_options *options)
{
    if (options->key_text)
        return "(as text)";
    return options->key_path ? options->key_path : options->cert_path;
}

int leati_tls_identity_load(struct leati_tls_identity *identity,
                            const struct leati_tls_credentials_options *options,
                            struct leati_failure *failure)
{
    const struct loader loader = {.identity = identity,
                                  .options = options,
                                  .failure = failure,
                                  .role = options->is_server ? "server" : "client"};

    if (!options->cert_path && options->cert_text_count == 0)
        return LEAT_OK;
    leati_mbedtls_enter();
    int code = cert_load(&loader);
    if (code != LEAT_OK)
        return code;
    const char *name = key_name(options);
    if (!name)
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, 0, "the %s certificate has no key",
                                loader.role);
    code = key_load(&loader, name);
    return code == LEAT_OK ? key_check(&loader, name) : code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/identity.h"

#include "tls/mbedtls_process.h"
#include "tls/failures.h"
#include "tls/file.h"
#include "tls/signer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/pem.h>
#include <mbedtls/psa_util.h>

/* What is being loaded, for texts. */
struct loader {
    struct leati_tls_identity *identity;
    const struct leati_cert_source *source;
    struct leati_failure *failure;
    const char *role; /* "client", "server" */
};

void leati_tls_identity_init(struct leati_tls_identity *identity)
{
    identity->is_there = false;
    mbedtls_x509_crt_init(&identity->cert);
    identity->key.sign = NULL;
    identity->sign = NULL;
    mbedtls_pk_init(&identity->key.pk);
}

void leati_tls_identity_done(struct leati_tls_identity *identity)
{
    mbedtls_x509_crt_free(&identity->cert);
    mbedtls_pk_free(&identity->key.pk);
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

/* ---- keys that TLS cannot use here ------------------------------------------------------------ */

/* How a key of that kind says so (RFC 8410 section 3, RFC 4055 section 1.2). */
static const struct {
    const char *name;
    uint8_t len;
    uint8_t mark[11];
} strange_kinds[] = {
    {"Ed25519", 5, {0x06, 0x03, 0x2b, 0x65, 0x70}},
    {"Ed448", 5, {0x06, 0x03, 0x2b, 0x65, 0x71}},
    {"RSA-PSS", 11, {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}},
    {"DSA", 9, {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01}},
};

/* NULL = none of them. */
static const char *strange_kind_of(const uint8_t *der, size_t len)
{
    for (size_t i = 0; i < sizeof(strange_kinds) / sizeof(strange_kinds[0]); i++)
        if (memmem(der, len, strange_kinds[i].mark, strange_kinds[i].len))
            return strange_kinds[i].name;
    return NULL;
}

/* The same of the first PEM block of that label, or of DER. */
static const char *strange_kind(const struct leati_tls_file *file, const char *label)
{
    char header[64], footer[64];
    mbedtls_pem_context pem;
    size_t used;

    snprintf(header, sizeof(header), "-----BEGIN %s-----", label);
    snprintf(footer, sizeof(footer), "-----END %s-----", label);
    if (!strstr((const char *)file->data, header))
        return strange_kind_of(file->data, file->len);
    mbedtls_pem_init(&pem);
    const char *kind = NULL;
    if (mbedtls_pem_read_buffer(&pem, header, footer, file->data, NULL, 0, &used) == 0) {
        size_t len;
        const uint8_t *der = mbedtls_pem_get_buffer(&pem, &len);
        kind = strange_kind_of(der, len);
    }
    mbedtls_pem_free(&pem); /* wipes */
    return kind;
}

static int refuse_kind(const struct loader *loader, const char *what, const char *name,
                       const char *kind, int ret)
{
    return leati_tls_record(loader->failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "cannot use the %s %s %s: its key is %s; TLS has RSA (rsaEncryption) "
                            "and ECDSA (P-256, P-384, P-521) here",
                            loader->role, what, name, kind);
}

/* ---- the chain ------------------------------------------------------------------------------- */

static int cert_parse(const struct loader *loader, const struct leati_tls_file *file,
                      const char *name)
{
    int ret =
        mbedtls_x509_crt_parse(&loader->identity->cert, file->data, leati_tls_file_parse_len(file));

    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, name, ret);
    const char *kind =
        ret != 0 && !loader->identity->is_there ? strange_kind(file, "CERTIFICATE") : NULL;
    if (kind)
        return refuse_kind(loader, "certificate", name, kind, ret);
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
    const struct leati_cert_source *source = loader->source;
    struct leati_tls_file file;

    for (size_t i = 0; i < source->cert.count; i++) {
        file = leati_tls_file_of_text(source->cert.items[i]);
        int code = cert_parse(loader, &file, "(as text)");
        if (code != LEAT_OK)
            return code;
    }
    if (source->cert.count > 0)
        return LEAT_OK;

    int code = file_load(loader, "certificate", source->cert_path, &file);
    if (code != LEAT_OK)
        return code;
    code = cert_parse(loader, &file, source->cert_path);
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
    const char *password = loader->source->key_password;
    int ret =
        mbedtls_pk_parse_key(&loader->identity->key.pk, file->data, leati_tls_file_parse_len(file),
                             (const unsigned char *)password, password ? strlen(password) : 0,
                             mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    bool is_encrypted = strstr((const char *)file->data, "ENCRYPTED");

    if (ret == 0)
        return LEAT_OK;
    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, name, ret);
    const char *kind = strange_kind(file, "PRIVATE KEY");
    if (kind)
        return refuse_kind(loader, "key", name, kind, ret);
    return leati_tls_record(loader->failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "cannot use the %s key %s: %s", loader->role, name,
                            key_problem(ret, is_encrypted));
}

static int key_load(const struct loader *loader, const char *path)
{
    struct leati_tls_file file;

    if (loader->source->key) {
        file = leati_tls_file_of_text(loader->source->key);
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
    int ret = mbedtls_pk_check_pair(&identity->cert.pk, &identity->key.pk, mbedtls_psa_get_random,
                                    MBEDTLS_PSA_RANDOM_STATE);

    if (ret == 0)
        return LEAT_OK;
    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, key_name, ret);
    return leati_tls_record(
        loader->failure, LEAT_E_TLS_VERIFY, 0, ret,
        "the %s key %s does not belong to the certificate %s", loader->role, key_name,
        loader->source->cert.count > 0 ? "(as text)" : loader->source->cert_path);
}

static int signer_take(const struct loader *loader)
{
    int ret = leati_tls_signer_take(loader->identity, loader->source);

    if (ret == 0)
        return LEAT_OK;
    if (leati_mbedtls_out_of_memory())
        return out_of_memory(loader, "the public key", ret);
    return leati_tls_record(loader->failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "the %s key cannot be elsewhere: %s", loader->role,
                            ret == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE
                                ? "leat was built with LEAT_MBEDTLS=system"
                                : leati_mbedtls_error_text(ret));
}

/* One file may hold both. */
static const char *key_name(const struct leati_cert_source *source)
{
    if (source->key)
        return "(as text)";
    return source->key_path ? source->key_path : source->cert_path;
}

int leati_tls_identity_load(struct leati_tls_identity *identity,
                            const struct leati_cert_source *source, bool is_server,
                            struct leati_failure *failure)
{
    const struct loader loader = {.identity = identity,
                                  .source = source,
                                  .failure = failure,
                                  .role = is_server ? "server" : "client"};

    if (!source->cert_path && source->cert.count == 0)
        return LEAT_OK;
    leati_mbedtls_enter();
    int code = cert_load(&loader);
    if (code != LEAT_OK)
        return code;
    if (source->sign)
        return signer_take(&loader);
    const char *name = key_name(source);
    if (!name)
        return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, 0, "the %s certificate has no key",
                                loader.role);
    code = key_load(&loader, name);
    return code == LEAT_OK ? key_check(&loader, name) : code;
}

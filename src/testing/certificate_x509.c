/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's part of the certificate maker: keys, certificates, revocation lists and their texts.
 */
#include "testing/certificates.h"

#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"
#include "util/fork.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SERIAL_BYTES 16

void leati_x509_begin(void)
{
    leati_fork_hold();
    ERR_clear_error();
}

void leati_x509_end(void)
{
    ERR_clear_error();
    leati_fork_let();
}

/* Says what libcrypto refused to do. */
static int crypto_fail(struct leat_testing_problem *problem, const char *what)
{
    unsigned long first = ERR_get_error();
    const char *reason = first ? ERR_reason_error_string(first) : NULL;
    if (first && ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE)
        return leati_certificate_fail(problem, LEAT_E_SYSTEM_INTERNAL, "no memory");
    return leati_certificate_fail(problem, LEAT_E_TLS_ENGINE, "cannot %s: %s", what,
                                  reason ? reason : "libcrypto gives no reason");
}

/* ---- keys ------------------------------------------------------------------------------------ */

int leati_x509_new_key(enum leat_testing_key kind, EVP_PKEY **ret_key,
                       struct leat_testing_problem *problem)
{
    EVP_PKEY *key = NULL;
    switch (kind) {
    case LEAT_TESTING_KEY_P256:
        key = EVP_EC_gen("P-256");
        break;
    case LEAT_TESTING_KEY_P384:
        key = EVP_EC_gen("P-384");
        break;
    case LEAT_TESTING_KEY_RSA_1024:
        key = EVP_RSA_gen(1024);
        break;
    case LEAT_TESTING_KEY_RSA_2048:
        key = EVP_RSA_gen(2048);
        break;
    case LEAT_TESTING_KEY_RSA_3072:
        key = EVP_RSA_gen(3072);
        break;
    case LEAT_TESTING_KEY_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    default:
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "unknown kind of key");
    }
    if (!key)
        return crypto_fail(problem, "make a key");
    *ret_key = key;
    return LEAT_OK;
}

static const EVP_MD *digest_md(enum leat_testing_digest digest)
{
    switch (digest) {
    case LEAT_TESTING_DIGEST_SHA256:
        return EVP_sha256();
    case LEAT_TESTING_DIGEST_SHA384:
        return EVP_sha384();
    case LEAT_TESTING_DIGEST_SHA512:
        return EVP_sha512();
    case LEAT_TESTING_DIGEST_SHA1:
        return EVP_sha1();
    case LEAT_TESTING_DIGEST_MD5:
        return EVP_md5();
    }
    return NULL;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool host_is_address(const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* A name as it stands on the wire: IDNs are to be given in their ASCII form. */
static bool host_is_writable(const char *host)
{
    for (const char *c = host; *c; ++c)
        if (*c <= ' ' || *c > '~')
            return false;
    return *host != '\0';
}

static bool hosts_push(GENERAL_NAMES *names, const char *host)
{
    int type = host_is_address(host) ? GEN_IPADD : GEN_DNS;
    GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, type, host, 0);
    if (name && sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

/* Adds subjectAltName (RFC 5280 section 4.2.1.6). */
static int hosts_add(X509 *x509, const char *hosts, struct leat_testing_problem *problem)
{
    int code = LEAT_OK;
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    if (!names)
        return crypto_fail(problem, "name the hosts");
    for (const char *rest = hosts; code == LEAT_OK && *rest;) {
        char host[254]; /* the longest DNS name */
        size_t len = strcspn(rest, ",");
        bool fits = len < sizeof(host);
        memcpy(host, rest, fits ? len : 0);
        host[fits ? len : 0] = '\0';
        if (!host_is_writable(host))
            code = leati_certificate_fail(problem, LEAT_E_PARAMETER, "not a host: '%.*s'",
                                          len < 300 ? (int)len : 300, rest);
        else if (!hosts_push(names, host))
            code = crypto_fail(problem, "name a host");
        rest += len + (rest[len] == ',');
    }
    if (code == LEAT_OK && X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0) <= 0)
        code = crypto_fail(problem, "name the hosts");
    GENERAL_NAMES_free(names);
    return code;
}

static int subject_set(X509 *x509, const char *common_name, struct leat_testing_problem *problem)
{
    X509_NAME *subject = X509_NAME_new();
    bool is_set = subject &&
                  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                             (const unsigned char *)common_name, -1, -1, 0) &&
                  X509_set_subject_name(x509, subject);
    X509_NAME_free(subject);
    if (is_set)
        return LEAT_OK;
    unsigned long first = ERR_peek_error();
    int reason = ERR_GET_LIB(first) == ERR_LIB_ASN1 ? ERR_GET_REASON(first) : 0;
    if (reason != ASN1_R_STRING_TOO_LONG && reason != ASN1_R_STRING_TOO_SHORT &&
        reason != ASN1_R_INVALID_UTF8STRING)
        return crypto_fail(problem, "name the subject");
    return leati_certificate_fail(problem, LEAT_E_PARAMETER,
                                  "not a common name of 1 to 64 characters: '%s'",
                                  leati_excerpt(common_name, 100).text);
}

/* ---- certificates ---------------------------------------------------------------------------- */

static bool serial_set(X509 *x509)
{
    uint8_t bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* positive, and always as long */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
    BN_free(number);
    return is_set;
}

static bool extension_add(X509 *x509, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, context, nid, value);
    bool is_added = extension && X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    return is_added;
}

/* What its key may do (RFC 5280 sections 4.2.1.3, 4.2.1.9 and 4.2.1.12). */
static bool usage_add(X509 *x509, X509V3_CTX *context, const struct leati_x509_plan *plan)
{
    if (plan->use == LEAT_TESTING_USE_CA)
        return extension_add(x509, context, NID_basic_constraints,
                             plan->is_not_ca ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
               extension_add(x509, context, NID_key_usage,
                             plan->cannot_sign ? "critical,cRLSign"
                                               : "critical,keyCertSign,cRLSign");
    bool is_rsa = EVP_PKEY_get_base_id(plan->key) == EVP_PKEY_RSA;
    bool is_server = plan->use == LEAT_TESTING_USE_SERVER;
    return extension_add(x509, context, NID_basic_constraints, "CA:FALSE") &&
           extension_add(x509, context, NID_key_usage,
                         is_rsa && is_server ? "critical,digitalSignature,keyEncipherment"
                                             : "critical,digitalSignature") &&
           extension_add(x509, context, NID_ext_key_usage, is_server ? "serverAuth" : "clientAuth");
}

static int signature_add(X509 *x509, const struct leati_x509_plan *plan,
                         struct leat_testing_problem *problem)
{
    EVP_PKEY *key = plan->issuer ? plan->issuer->key : plan->key;
    const EVP_MD *md = digest_md(plan->digest);
    if (!md)
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "unknown digest");
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        if (plan->digest != LEAT_TESTING_DIGEST_SHA256)
            return leati_certificate_fail(problem, LEAT_E_PARAMETER,
                                          "an Ed25519 key signs without a digest");
        md = NULL;
    }
    if (plan->digest == LEAT_TESTING_DIGEST_MD5 && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "only an RSA key signs with MD5");
    return X509_sign(x509, key, md) > 0 ? LEAT_OK : crypto_fail(problem, "sign the certificate");
}

/* Flips the last bit of the encoding, which is one of the signature. */
static bool signature_damage(X509 **x509)
{
    unsigned char *der = NULL;
    int len = i2d_X509(*x509, &der);
    if (len <= 0)
        return false;
    der[len - 1] ^= 1;
    const unsigned char *in = der;
    X509 *damaged = d2i_X509(NULL, &in, len);
    OPENSSL_free(der);
    if (!damaged)
        return false;
    X509_free(*x509);
    *x509 = damaged;
    return true;
}

/* Where time_t ends in 2038, certificates do not. NULL for what no certificate can say. */
static ASN1_TIME *time_set(ASN1_TIME *time, int64_t seconds)
{
    int64_t days = seconds / (24 * 60 * 60);
    return days >= INT_MIN && days <= INT_MAX
               ? ASN1_TIME_adj(time, 0, (int)days, (long)(seconds % (24 * 60 * 60)))
               : NULL;
}

static int x509_fill(X509 *x509, const struct leati_x509_plan *plan,
                     struct leat_testing_problem *problem)
{
    const X509 *issuer = plan->issuer ? plan->issuer->x509 : x509;
    int code = subject_set(x509, plan->common_name, problem);
    if (code)
        return code;
    if (!X509_set_version(x509, X509_VERSION_3) || !serial_set(x509) ||
        !X509_set_issuer_name(x509, X509_get_subject_name(issuer)) ||
        !X509_set_pubkey(x509, plan->key))
        return crypto_fail(problem, "fill the certificate");
    if (!time_set(X509_getm_notBefore(x509), plan->not_before_s) ||
        !time_set(X509_getm_notAfter(x509), plan->not_after_s))
        return crypto_fail(problem, "write the certificate's times");

    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, (X509 *)issuer, x509, NULL, NULL, 0);
    if (!usage_add(x509, &context, plan) ||
        !extension_add(x509, &context, NID_subject_key_identifier, "hash") ||
        (plan->issuer &&
         !extension_add(x509, &context, NID_authority_key_identifier, "keyid:always")))
        return crypto_fail(problem, "extend the certificate");
    if (*plan->hosts)
        code = hosts_add(x509, plan->hosts, problem);
    return code ? code : signature_add(x509, plan, problem);
}

int leati_x509_new(const struct leati_x509_plan *plan, X509 **ret_x509,
                   struct leat_testing_problem *problem)
{
    X509 *x509 = X509_new();
    int code = x509 ? x509_fill(x509, plan, problem) : crypto_fail(problem, "make a certificate");
    if (!code && plan->has_bad_signature && !signature_damage(&x509))
        code = crypto_fail(problem, "damage the signature");
    if (code) {
        X509_free(x509);
        return code;
    }
    *ret_x509 = x509;
    return LEAT_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Takes what was written into `bio`, wipes it there and frees it. */
static int bio_take(BIO *bio, bool is_written, char **ret_text,
                    struct leat_testing_problem *problem)
{
    char *data = NULL;
    long len = bio ? BIO_get_mem_data(bio, &data) : 0;
    char *text = NULL;
    int code = LEAT_OK;
    if (!is_written || len <= 0)
        code = crypto_fail(problem, "write PEM");
    else if (!(text = leati_bytes_dup(data, (size_t)len)))
        code = leati_certificate_fail(problem, LEAT_E_SYSTEM_INTERNAL, "no memory");
    else
        *ret_text = text;
    if (len > 0)
        leati_wipe(data, (size_t)len);
    BIO_free(bio);
    return code;
}

int leati_x509_format(X509 *x509, char **ret_pem, struct leat_testing_problem *problem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return bio_take(bio, bio && PEM_write_bio_X509(bio, x509), ret_pem, problem);
}

int leati_x509_format_key(EVP_PKEY *key, const char *password, char **ret_pem,
                          struct leat_testing_problem *problem)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool is_written = bio && PEM_write_bio_PKCS8PrivateKey(
                                 bio, key, password ? EVP_aes_128_cbc() : NULL, password,
                                 password ? (int)strlen(password) : 0, NULL, NULL);
    return bio_take(bio, is_written, ret_pem, problem);
}

int leati_x509_format_pin(EVP_PKEY *key, char **ret_pin, struct leat_testing_problem *problem)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    char base64[64] = "";
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool is_hashed =
        len > 0 && EVP_Digest(der, (size_t)len, digest, &digest_len, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    if (!is_hashed || !leati_text_base64_encode(digest, digest_len, base64, sizeof(base64)))
        return crypto_fail(problem, "hash the public key");
    char *pin = leati_asprintf("sha256/%s", base64);
    if (!pin)
        return leati_certificate_fail(problem, LEAT_E_SYSTEM_INTERNAL, "no memory");
    *ret_pin = pin;
    return LEAT_OK;
}

/* ---- revocation lists ------------------------------------------------------------------------ */

static bool crl_push(X509_CRL *crl, const struct leati_testing_certificate *certificate)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *time = time_set(NULL, certificate->revoked_at_s);
    bool is_added =
        revoked && time &&
        X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(certificate->x509)) &&
        X509_REVOKED_set_revocationDate(revoked, time) && X509_CRL_add0_revoked(crl, revoked);
    ASN1_TIME_free(time);
    if (!is_added)
        X509_REVOKED_free(revoked);
    return is_added;
}

static bool crl_fill(X509_CRL *crl, const struct leati_testing_certificate *issuer,
                     const struct leati_testing_certificate *all, int64_t this_update_s,
                     int64_t next_update_s)
{
    ASN1_TIME *from = time_set(NULL, this_update_s);
    ASN1_TIME *until = time_set(NULL, next_update_s);
    bool is_filled = from && until && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
                     X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)) &&
                     X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, until);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    for (; is_filled && all; all = all->next)
        if (all->revoked_at_s && all->shown.issuer == &issuer->shown)
            is_filled = crl_push(crl, all);
    if (!is_filled)
        return false;

    ASN1_INTEGER *number = ASN1_INTEGER_new();
    is_filled = number && ASN1_INTEGER_set_int64(number, this_update_s > 0 ? this_update_s : 1) &&
                X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) > 0;
    ASN1_INTEGER_free(number);
    bool signs_alone = EVP_PKEY_get_base_id(issuer->key) == EVP_PKEY_ED25519;
    return is_filled && X509_CRL_sort(crl) &&
           X509_CRL_sign(crl, issuer->key, signs_alone ? NULL : EVP_sha256()) > 0;
}

int leati_x509_format_crl(const struct leati_testing_certificate *issuer,
                          const struct leati_testing_certificate *all, int64_t this_update_s,
                          int64_t next_update_s, char **ret_pem,
                          struct leat_testing_problem *problem)
{
    X509_CRL *crl = X509_CRL_new();
    bool is_filled = crl && crl_fill(crl, issuer, all, this_update_s, next_update_s);
    int code = LEAT_OK;
    if (is_filled) {
        BIO *bio = BIO_new(BIO_s_mem());
        code = bio_take(bio, bio && PEM_write_bio_X509_CRL(bio, crl), ret_pem, problem);
    } else {
        code = crypto_fail(problem, "make the revocation list");
    }
    X509_CRL_free(crl);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate by itself, without a connection. */
#include <leat/certificate.h>

#include "tls/ca_store.h"
#include "tls/certificate_text.h"
#include "tls/judge/judge.h"
#include "tls/mbedtls_process.h"
#include "util/alloc.h"

#include <string.h>

#include <mbedtls/pem.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

/* X509_V_ERR_... of libcrypto, which is not in every build. */
enum {
    REASON_SIGNATURE = 7,
    REASON_FUTURE = 9,
    REASON_EXPIRED = 10,
    REASON_SELF_SIGNED = 18,
    REASON_UNKNOWN_ISSUER = 20,
    REASON_TOO_LONG = 22,
    REASON_REVOKED = 23,
    REASON_NO_CA = 24,
    REASON_PATH_LENGTH = 25,
    REASON_UNTRUSTED = 27,
    REASON_WEAK_KEY = 66,
    REASON_WEAK_HASH = 68,
    REASON_UNREADABLE = 69,
};

/* ---- reading --------------------------------------------------------------------------------- */

/* The DER of a text, for leati_free(). `*ret_der` NULL: it cannot be read. false: no memory. */
static bool der_of(const void *text, size_t len, uint8_t **ret_der, size_t *ret_len)
{
    mbedtls_pem_context pem;
    size_t used;

    *ret_der = NULL;
    if (len == 0)
        return true;
    uint8_t *copy = leati_malloc(len + 1);
    if (!copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *ret_len = len;
    const uint8_t *begin = memmem(copy, len, BEGIN, sizeof(BEGIN) - 1);
    if (!begin) {
        *ret_der = copy;
        return true;
    }
    /* mbedTLS sees nothing behind a NUL, and what is before the first line may have one. */
    mbedtls_pem_init(&pem);
    leati_mbedtls_enter();
    int ret = mbedtls_pem_read_buffer(&pem, BEGIN, END, begin, NULL, 0, &used);
    bool is_there = ret == 0 || !leati_mbedtls_out_of_memory();
    if (ret == 0) {
        /* It is shorter than its Base64. */
        const uint8_t *der = mbedtls_pem_get_buffer(&pem, ret_len);
        memcpy(copy, der, *ret_len);
        *ret_der = copy;
    } else {
        leati_free(copy);
    }
    mbedtls_pem_free(&pem);
    return is_there;
}

/* ---- judging --------------------------------------------------------------------------------- */

static int finding_reason(const struct leati_finding *finding)
{
    static const int own[LEATI_RULE_COUNT] = {
        [LEATI_RULE_UNREADABLE] = REASON_UNREADABLE,
        [LEATI_RULE_EXPIRED] = REASON_EXPIRED,
        [LEATI_RULE_FUTURE] = REASON_FUTURE,
        [LEATI_RULE_UNKNOWN_ISSUER] = REASON_UNKNOWN_ISSUER,
        [LEATI_RULE_SELF_SIGNED] = REASON_SELF_SIGNED,
        [LEATI_RULE_SIGNATURE] = REASON_SIGNATURE,
        [LEATI_RULE_TOO_LONG] = REASON_TOO_LONG,
        [LEATI_RULE_NO_CA] = REASON_NO_CA,
        [LEATI_RULE_PATH_LENGTH] = REASON_PATH_LENGTH,
        [LEATI_RULE_REVOKED] = REASON_REVOKED,
        [LEATI_RULE_WEAK_KEY] = REASON_WEAK_KEY,
        [LEATI_RULE_WEAK_HASH] = REASON_WEAK_HASH,
    };

    if (finding->error != 0)
        return finding->error;
    return own[finding->rule] != 0 ? own[finding->rule] : REASON_UNTRUSTED;
}

static int by_judge(const uint8_t *der, size_t len, struct leati_tls_cas *cas, int *ret_reason)
{
    const struct leati_certificate sent = {.der = der, .len = len};
    const struct leati_judge_case judged = {
        .sent = &sent,
        .count = 1,
        .for_any_purpose = true,
        .anchors = leati_tls_cas_anchors(cas),
    };
    struct leati_verdict verdict;

    int code = leati_judge(&judged, &verdict);
    if (code != LEAT_OK)
        return code;
    *ret_reason = verdict.finding_count > 0 ? finding_reason(&verdict.findings[0]) : 0;
    leati_verdict_done(&verdict);
    return LEAT_OK;
}

static int flags_reason(uint32_t flags, const mbedtls_x509_crt *cert)
{
    bool is_self_issued =
        cert->issuer_raw.len == cert->subject_raw.len &&
        memcmp(cert->issuer_raw.p, cert->subject_raw.p, cert->subject_raw.len) == 0;

    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return is_self_issued ? REASON_SELF_SIGNED : REASON_UNKNOWN_ISSUER;
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return REASON_FUTURE;
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return REASON_EXPIRED;
    if (flags & (MBEDTLS_X509_BADCERT_BAD_KEY | MBEDTLS_X509_BADCERT_BAD_PK))
        return REASON_WEAK_KEY;
    return flags & MBEDTLS_X509_BADCERT_BAD_MD ? REASON_WEAK_HASH : REASON_UNTRUSTED;
}

/* As for connections: mbedTLS does not check them. */
static int constraints_refuse(void *user, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    (void)user;
    if (depth > 0 && leati_tls_has_name_constraints(cert))
        *flags |= MBEDTLS_X509_BADCERT_OTHER;
    return 0;
}

/* mbedTLS takes a certificate itself for trusted only if it is self-issued. */
static bool is_trusted(const mbedtls_x509_crt *cert, const mbedtls_x509_crt *trusted)
{
    for (; trusted; trusted = trusted->next)
        if (trusted->raw.len == cert->raw.len &&
            memcmp(trusted->raw.p, cert->raw.p, cert->raw.len) == 0)
            return true;
    return false;
}

static int by_mbedtls(const uint8_t *der, size_t len, struct leati_tls_cas *cas, int *ret_reason)
{
    mbedtls_x509_crt *trusted = leati_tls_cas_chain(cas);
    mbedtls_x509_crt cert;
    uint32_t flags = 0;

    mbedtls_x509_crt_init(&cert);
    leati_mbedtls_enter();
    int ret = mbedtls_x509_crt_parse_der(&cert, der, len);
    *ret_reason = REASON_UNREADABLE;
    if (ret == 0 && cert.raw.len == len) {
        ret = mbedtls_x509_crt_verify(&cert, trusted, NULL, NULL, &flags, constraints_refuse, NULL);
        if (is_trusted(&cert, trusted))
            flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
        *ret_reason = ret == 0 || (ret == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags == 0)
                          ? 0
                          : flags_reason(flags, &cert);
    }
    mbedtls_x509_crt_free(&cert);
    return leati_mbedtls_out_of_memory() ? LEAT_E_SYSTEM_INTERNAL : LEAT_OK;
}

/* ---- whom to trust --------------------------------------------------------------------------- */

static int cas_find(const void *ca, size_t ca_len, struct leati_tls_cas **ret_cas)
{
    struct leati_failure failure = {0};
    uint8_t *der = NULL;
    size_t len = 0;

    if (!ca) {
        int code = leati_tls_cas_acquire(NULL, false, &failure, ret_cas);
        leati_failure_done(&failure);
        return code;
    }
    if (!der_of(ca, ca_len, &der, &len))
        return LEAT_E_SYSTEM_INTERNAL;
    int code = leati_tls_cas_of(der, len, ret_cas);
    leati_free(der);
    return code;
}

int leat_certificate_check(const void *certificate, size_t certificate_len, const void *ca,
                           size_t ca_len, int *ret_reason)
{
    struct leati_tls_cas *cas = NULL;
    uint8_t *der = NULL;
    size_t len = 0;
    int reason = REASON_UNREADABLE;

    if (!certificate || !ret_reason)
        return LEAT_E_PARAMETER;
    leati_mbedtls_enter();
    if (leati_mbedtls_start() != LEAT_OK)
        return leati_mbedtls_out_of_memory() ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_TLS_ENGINE;
    if (!der_of(certificate, certificate_len, &der, &len))
        return LEAT_E_SYSTEM_INTERNAL;
    int code = cas_find(ca, ca_len, &cas);
    if (code == LEAT_OK && der)
        code = leati_judge_is_there() ? by_judge(der, len, cas, &reason)
                                      : by_mbedtls(der, len, cas, &reason);
    leati_tls_cas_release(cas);
    leati_free(der);
    if (code == LEAT_OK)
        *ret_reason = reason;
    return code;
}

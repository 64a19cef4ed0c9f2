/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/rule_text.h"

#include "util/readable.h"

static const struct {
    uint32_t flag;
    const char *text; /* NULL: it is made up in leati_tls_rule_append() */
} rules[LEATI_RULE_COUNT] = {
    [LEATI_RULE_OTHER] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED, NULL},
    [LEATI_RULE_UNREADABLE] = {MBEDTLS_X509_BADCERT_CN_MISMATCH, NULL},
    [LEATI_RULE_EXPIRED] = {MBEDTLS_X509_BADCERT_EXPIRED, NULL},
    [LEATI_RULE_FUTURE] = {MBEDTLS_X509_BADCERT_FUTURE, NULL},
    [LEATI_RULE_UNKNOWN_ISSUER] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "unknown issuer"},
    [LEATI_RULE_ISSUER_REFUSED] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED, NULL},
    [LEATI_RULE_EXTENSION] =
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED,
         "it has an extension that cannot be read, does not go with the others, "
         "or is there twice"},
    [LEATI_RULE_SELF_SIGNED] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "self-signed"},
    [LEATI_RULE_SELF_SIGNED_IN_CHAIN] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED,
                                         "self-signed certificate in the chain is not trusted"},
    [LEATI_RULE_SIGNATURE] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED,
                              "its signature does not fit the issuer's key"},
    [LEATI_RULE_TOO_LONG] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED, NULL},
    [LEATI_RULE_NO_CA] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED,
                          "it has issued a certificate and is no CA (basicConstraints)"},
    [LEATI_RULE_PATH_LENGTH] = {MBEDTLS_X509_BADCERT_NOT_TRUSTED,
                                "more CAs below it than its pathlen allows (basicConstraints)"},
    [LEATI_RULE_NO_CERT_SIGN] =
        {MBEDTLS_X509_BADCERT_KEY_USAGE,
         "bad usage: it has issued a certificate, and its keyUsage extension "
         "does not allow it (keyCertSign)"},
    [LEATI_RULE_KEY_USAGE] = {MBEDTLS_X509_BADCERT_KEY_USAGE,
                              "bad usage: the keyUsage extension does not allow it"},
    [LEATI_RULE_CERT_TYPE] = {MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
                              "bad usage: the Netscape certificate type does not allow it"},
    [LEATI_RULE_PURPOSE] = {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, NULL},
    [LEATI_RULE_NAME_CONSTRAINTS] = {MBEDTLS_X509_BADCERT_CN_MISMATCH, NULL},
    [LEATI_RULE_CRITICAL_EXTENSION] = {MBEDTLS_X509_BADCERT_KEY_USAGE,
                                       "it has an extension that is critical and not known"},
    [LEATI_RULE_POLICY] = {MBEDTLS_X509_BADCERT_CN_MISMATCH, NULL},
    [LEATI_RULE_WEAK_KEY] = {MBEDTLS_X509_BADCERT_BAD_KEY, "weak key"},
    [LEATI_RULE_KEY_TYPE] = {MBEDTLS_X509_BADCERT_BAD_PK, "key of a kind that is not accepted"},
    [LEATI_RULE_WEAK_HASH] = {MBEDTLS_X509_BADCERT_BAD_MD, "weak hash in the signature"},
    [LEATI_RULE_REVOKED] = {MBEDTLS_X509_BADCERT_REVOKED, "revoked"},
    [LEATI_RULE_CRL_EXPIRED] = {MBEDTLS_X509_BADCRL_EXPIRED, "revocation list expired"},
    [LEATI_RULE_CRL_FUTURE] = {MBEDTLS_X509_BADCRL_FUTURE, "revocation list not yet valid"},
    [LEATI_RULE_CRL_UNTRUSTED] = {MBEDTLS_X509_BADCRL_NOT_TRUSTED, "revocation list not trusted"},
};

uint32_t leati_tls_rule_flag(enum leati_rule rule)
{
    return rules[rule].flag;
}

void leati_tls_date_append(const char *what, const mbedtls_x509_time *t, char *buf, size_t cap,
                           size_t *pos)
{
    leati_readable_append(buf, cap, pos, "%s %04d-%02d-%02d %02d:%02d:%02d UTC", what, t->year,
                          t->mon, t->day, t->hour, t->min, t->sec);
}

void leati_tls_rule_append(const struct leati_finding *finding, const mbedtls_x509_crt *cert,
                           const char *peer, char *buf, size_t cap, size_t *pos)
{
    switch (finding->rule) {
    case LEATI_RULE_EXPIRED:
        leati_tls_date_append("expired since", &cert->valid_to, buf, cap, pos);
        break;
    case LEATI_RULE_FUTURE:
        leati_tls_date_append("not yet valid before", &cert->valid_from, buf, cap, pos);
        break;
    case LEATI_RULE_PURPOSE:
        leati_readable_append(buf, cap, pos,
                              "bad usage: the extendedKeyUsage extension does not allow a TLS %s",
                              peer);
        break;
    case LEATI_RULE_TOO_LONG:
        leati_readable_append(buf, cap, pos,
                              "the chain is too long, at most %u CAs between the %s and its anchor "
                              "are allowed",
                              LEATI_JUDGE_DEPTH_LIMIT, peer);
        break;
    case LEATI_RULE_UNREADABLE:
        leati_readable_append(buf, cap, pos, "it cannot be read: %s", finding->words);
        break;
    case LEATI_RULE_NAME_CONSTRAINTS:
        leati_readable_append(buf, cap, pos,
                              "its names are not within the name constraints of a CA above it (%s)",
                              finding->words);
        break;
    case LEATI_RULE_POLICY:
        leati_readable_append(buf, cap, pos, "its policies are not accepted (%s)", finding->words);
        break;
    case LEATI_RULE_ISSUER_REFUSED:
        leati_readable_append(
            buf, cap, pos,
            "unknown issuer: a certificate of its name is there and does not fit (%s)",
            finding->words);
        break;
    case LEATI_RULE_OTHER:
        leati_readable_append(buf, cap, pos, "refused (%s)", finding->words);
        break;
    default:
        leati_readable_append(buf, cap, pos, "%s", rules[finding->rule].text);
        break;
    }
}

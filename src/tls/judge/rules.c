/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/judge/rules.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define EC_BITS_MIN  256
#define RSA_BITS_MIN 2048

static const struct {
    int error;
    enum leati_rule rule;
} rules[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, LEATI_RULE_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, LEATI_RULE_FUTURE},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, LEATI_RULE_UNKNOWN_ISSUER},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, LEATI_RULE_UNKNOWN_ISSUER},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, LEATI_RULE_UNKNOWN_ISSUER},
    {X509_V_ERR_CERT_UNTRUSTED, LEATI_RULE_UNKNOWN_ISSUER},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, LEATI_RULE_SELF_SIGNED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, LEATI_RULE_SELF_SIGNED_IN_CHAIN},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, LEATI_RULE_SIGNATURE},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, LEATI_RULE_TOO_LONG},
    {X509_V_ERR_INVALID_CA, LEATI_RULE_NO_CA},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, LEATI_RULE_PATH_LENGTH},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, LEATI_RULE_NO_CERT_SIGN},
    {X509_V_ERR_INVALID_PURPOSE, LEATI_RULE_PURPOSE},
    {X509_V_ERR_PERMITTED_VIOLATION, LEATI_RULE_NAME_CONSTRAINTS},
    {X509_V_ERR_EXCLUDED_VIOLATION, LEATI_RULE_NAME_CONSTRAINTS},
    {X509_V_ERR_SUBTREE_MINMAX, LEATI_RULE_NAME_CONSTRAINTS},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, LEATI_RULE_NAME_CONSTRAINTS},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, LEATI_RULE_NAME_CONSTRAINTS},
    {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, LEATI_RULE_NAME_CONSTRAINTS},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, LEATI_RULE_CRITICAL_EXTENSION},
    {X509_V_ERR_INVALID_POLICY_EXTENSION, LEATI_RULE_POLICY},
    {X509_V_ERR_NO_EXPLICIT_POLICY, LEATI_RULE_POLICY},
    {X509_V_ERR_EE_KEY_TOO_SMALL, LEATI_RULE_WEAK_KEY},
    {X509_V_ERR_CA_KEY_TOO_SMALL, LEATI_RULE_WEAK_KEY},
    {X509_V_ERR_CA_MD_TOO_WEAK, LEATI_RULE_WEAK_HASH},
    {X509_V_ERR_CERT_REVOKED, LEATI_RULE_REVOKED},
    {X509_V_ERR_CRL_HAS_EXPIRED, LEATI_RULE_CRL_EXPIRED},
    {X509_V_ERR_CRL_NOT_YET_VALID, LEATI_RULE_CRL_FUTURE},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, LEATI_RULE_CRL_UNTRUSTED},
    {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, LEATI_RULE_CRL_UNTRUSTED},
    {X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, LEATI_RULE_CRL_UNTRUSTED},
    {X509_V_ERR_CRL_PATH_VALIDATION_ERROR, LEATI_RULE_CRL_UNTRUSTED},
    {X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, LEATI_RULE_KEY_TYPE},
};

enum leati_rule leati_rule_of(int error)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].error == error)
            return rules[i].rule;
    return LEATI_RULE_OTHER;
}

void leati_finding_add(struct leati_verdict *verdict, unsigned depth, enum leati_rule rule,
                       int error)
{
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct leati_finding *known = &verdict->findings[i];
        if (known->depth == depth && known->rule == rule &&
            (rule != LEATI_RULE_OTHER || known->error == error))
            return;
    }
    if (verdict->finding_count == LEATI_JUDGE_FINDINGS_LIMIT)
        return;
    verdict->findings[verdict->finding_count++] = (struct leati_finding){
        .depth = depth,
        .rule = rule,
        .error = error,
        .words = error != 0 ? X509_verify_cert_error_string(error) : "",
    };
}

/* A curve that is not named but described may be one for which anybody knows the key (RFC 5480
 * section 2.1.1 forbids it). */
static bool has_own_curve(EVP_PKEY *key)
{
    int is_explicit = 0;

    return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                  &is_explicit) != 1 ||
           is_explicit != 0;
}

static void key_check(X509 *cert, unsigned depth, struct leati_verdict *verdict)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    if (!key) {
        leati_finding_add(verdict, depth, LEATI_RULE_KEY_TYPE, 0);
        return;
    }
    int bits = EVP_PKEY_get_bits(key);
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        if (bits < RSA_BITS_MIN)
            leati_finding_add(verdict, depth, LEATI_RULE_WEAK_KEY, 0);
        break;
    case EVP_PKEY_EC:
        if (bits < EC_BITS_MIN)
            leati_finding_add(verdict, depth, LEATI_RULE_WEAK_KEY, 0);
        if (has_own_curve(key))
            leati_finding_add(verdict, depth, LEATI_RULE_KEY_TYPE, 0);
        break;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        break;
    default:
        leati_finding_add(verdict, depth, LEATI_RULE_KEY_TYPE, 0);
        break;
    }
}

void leati_rules_check(const STACK_OF(X509) * chain, struct leati_verdict *verdict)
{
    enum { CA_BY_EXTENSION = 1, CA_OF_VERSION_1 = 3 }; /* of X509_check_ca() */
    int count = sk_X509_num(chain);

    for (int i = 0; i < count; i++) {
        X509 *cert = sk_X509_value(chain, i);
        key_check(cert, (unsigned)i, verdict);
        if (i == 0)
            continue;
        int kind = X509_check_ca(cert);
        bool is_anchor = i == count - 1 && verdict->sent_at[i] < 0;
        if (kind != CA_BY_EXTENSION && !(kind == CA_OF_VERSION_1 && is_anchor))
            leati_finding_add(verdict, (unsigned)i, LEATI_RULE_NO_CA, 0);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whether a chain of certificates leads to somebody who is trusted, by libcrypto: RFC 5280 section
 * 6, with what the peer sent in any order and number. Host names and pins are not looked at here.
 * Without libcrypto (LEAT_CRYPTO=mbedtls) there is no judge, and mbedTLS verifies.
 */
#ifndef LEATI_TLS_JUDGE_JUDGE_H
#define LEATI_TLS_JUDGE_JUDGE_H

#include "tls/judge/anchors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The most certificates between the peer's own and the one that is trusted. */
#define LEATI_JUDGE_DEPTH_LIMIT 100u
/** The longest chain, both ends included. */
#define LEATI_JUDGE_CHAIN_LIMIT (LEATI_JUDGE_DEPTH_LIMIT + 2u)
/** So many reasons are told at most. */
#define LEATI_JUDGE_FINDINGS_LIMIT 16u

/** What a certificate breaks. */
enum leati_rule {
    LEATI_RULE_OTHER, /**< the words say what */
    LEATI_RULE_UNREADABLE,
    LEATI_RULE_EXPIRED,
    LEATI_RULE_FUTURE,
    LEATI_RULE_UNKNOWN_ISSUER,
    LEATI_RULE_ISSUER_REFUSED, /**< one of its name is there, and the words say why it is not taken */
    LEATI_RULE_EXTENSION,      /**< of its own, which libcrypto cannot read or finds twice */
    LEATI_RULE_SELF_SIGNED,
    LEATI_RULE_SELF_SIGNED_IN_CHAIN,
    LEATI_RULE_SIGNATURE,
    LEATI_RULE_TOO_LONG,
    LEATI_RULE_NO_CA,
    LEATI_RULE_PATH_LENGTH,
    LEATI_RULE_NO_CERT_SIGN,
    LEATI_RULE_KEY_USAGE,
    LEATI_RULE_CERT_TYPE, /**< Netscape's; libcrypto still heeds it */
    LEATI_RULE_PURPOSE,
    LEATI_RULE_NAME_CONSTRAINTS,
    LEATI_RULE_CRITICAL_EXTENSION,
    LEATI_RULE_POLICY,
    LEATI_RULE_WEAK_KEY,
    LEATI_RULE_KEY_TYPE,
    LEATI_RULE_WEAK_HASH,
    LEATI_RULE_REVOKED,
    LEATI_RULE_CRL_EXPIRED,
    LEATI_RULE_CRL_FUTURE,
    LEATI_RULE_CRL_UNTRUSTED,
    LEATI_RULE_COUNT,
};

struct leati_finding {
    unsigned depth; /**< of the certificate; 0 = the peer's own */
    enum leati_rule rule;
    int error;         /**< X509_V_ERR_...; 0 = a rule of leat's own */
    const char *words; /**< libcrypto's, static; "" = none */
};

struct leati_certificate {
    const uint8_t *der;
    size_t len;
};

struct leati_judge_case {
    const struct leati_certificate *sent; /**< by the peer, its own first; others in any order */
    size_t count;                         /**< at least 1 */
    bool is_client;                       /**< whose certificate: a TLS client's, or a server's */
    bool for_any_purpose;                 /**< `is_client` does not count */
    struct leati_anchors *anchors;
    const struct leati_crls *crls; /**< NULL = none */
};

struct leati_verdict {
    size_t chain_len;     /**< of the chain that was built; at least 1 */
    size_t finding_count; /**< 0 = the chain is good */
    struct leati_finding findings[LEATI_JUDGE_FINDINGS_LIMIT];
    int64_t
        until_s; /**< as long as nothing but the time changes it stays so, since 1970; 0 = not known */
    /** Where in `sent` each certificate of the chain is, or -1: it is an anchor. */
    int sent_at[LEATI_JUDGE_CHAIN_LIMIT];
    void *chain; /**< of libcrypto */
};

/** Whether there is a judge in this build. */
bool leati_judge_is_there(void);

/** @return LEAT_OK: there is a verdict, for leati_verdict_done(); LEAT_E_SYSTEM_INTERNAL. */
int leati_judge(const struct leati_judge_case *judged, struct leati_verdict *ret_verdict);
void leati_verdict_done(struct leati_verdict *verdict);

/** The DER of a certificate of the chain, for leati_verdict_der_free(). NULL: no memory. */
uint8_t *leati_verdict_der(const struct leati_verdict *verdict, size_t depth, size_t *ret_len);
void leati_verdict_der_free(uint8_t *der);

#endif

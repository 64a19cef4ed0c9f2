/* SPDX-License-Identifier: Apache-2.0 */
/** @file What libcrypto calls the rules, and those of leat's own. */
#ifndef LEATI_TLS_JUDGE_RULES_H
#define LEATI_TLS_JUDGE_RULES_H

#include "tls/judge/judge.h"

#include <openssl/x509.h>

/** The rule of an X509_V_ERR_... */
enum leati_rule leati_rule_of(int error);

/** Adds to the findings, unless it is there for this certificate. */
void leati_finding_add(struct leati_verdict *verdict, unsigned depth, enum leati_rule rule,
                       int error);

/** What libcrypto lets pass, and leat does not: issuers that do not say that they are CAs, keys
 * that are weak or of a kind that TLS does not have. */
void leati_rules_check(const STACK_OF(X509) * chain, struct leati_verdict *verdict);

/** The policies of a chain in which nothing else was found. false: no memory. */
bool leati_policies_check(STACK_OF(X509) * chain, struct leati_verdict *verdict);

#endif

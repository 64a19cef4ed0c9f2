/* SPDX-License-Identifier: Apache-2.0 */
/** @file What people and peers are told about a rule that a certificate breaks. */
#ifndef LEATI_TLS_RULE_TEXT_H
#define LEATI_TLS_RULE_TEXT_H

#include "tls/judge/judge.h"

#include <mbedtls/x509_crt.h>

/** The flag of mbedTLS by which it chooses the alert. */
uint32_t leati_tls_rule_flag(enum leati_rule rule);

/** Appends what is wrong with the certificate to a text. `peer` is whose chain it is: "server". */
void leati_tls_rule_append(const struct leati_finding *finding, const mbedtls_x509_crt *cert,
                           const char *peer, char *buf, size_t cap, size_t *pos);

/** Appends a date of a certificate: "expired since 2021-01-01 00:00:00 UTC". */
void leati_tls_date_append(const char *what, const mbedtls_x509_time *t, char *buf, size_t cap,
                           size_t *pos);

#endif

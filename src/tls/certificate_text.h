/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a certificate says, as text. */
#ifndef LEATI_TLS_CERTIFICATE_TEXT_H
#define LEATI_TLS_CERTIFICATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/x509_crt.h>

/** Room for a distinguished name, with the final NUL. */
#define LEATI_TLS_DN_SIZE 256u

/** A distinguished name; what cannot be printed is escaped. false = it is too long. */
bool leati_tls_dn_format(const mbedtls_x509_name *dn, char buf[LEATI_TLS_DN_SIZE]);

/** The DNS names and IP addresses of subjectAltName, ", " between them; those that do not fit are
 * ", ...". "" if there is none. */
void leati_tls_names_format(const mbedtls_x509_crt *cert, char *buf, size_t cap);

/** Whether subjectAltName has this address, of 4 or 16 bytes, as a DNS name, where it never matches
 * (RFC 9525 section 6.4). */
bool leati_tls_names_have_as_dns(const mbedtls_x509_crt *cert, const uint8_t *ip, size_t ip_len);

/** The code of mbedTLS for why it cannot read a certificate, or its key; 0 if it can. */
int leati_tls_parser_code(const mbedtls_x509_crt *cert);
int leati_tls_key_parser_code(const mbedtls_x509_crt *cert);

/** Whether extendedKeyUsage, if it is there, has what a TLS client or server needs. */
bool leati_tls_usage_allows(const mbedtls_x509_crt *cert, bool is_client);

/** Whether there is an extension nameConstraints, which mbedTLS does not know. */
bool leati_tls_has_name_constraints(const mbedtls_x509_crt *cert);

#endif

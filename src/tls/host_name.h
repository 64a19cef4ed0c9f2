/* SPDX-License-Identifier: Apache-2.0 */
/** @file Whether a certificate is for a host: RFC 9525 section 6. */
#ifndef LEATI_TLS_HOST_NAME_H
#define LEATI_TLS_HOST_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/x509_crt.h>

enum leati_tls_host_match {
    LEATI_TLS_HOST_MATCHES,
    LEATI_TLS_HOST_OTHER,
    LEATI_TLS_HOST_PUBLIC_SUFFIX, /**< only by a wildcard for all names below a public suffix */
    LEATI_TLS_HOST_IN_SUBJECT,    /**< only in the subject's CN, which does not count */
};

/** `host` is a name as it is on the wire (A-labels), without a final dot. */
enum leati_tls_host_match leati_tls_host_match(const mbedtls_x509_crt *cert, const char *host);

/** The same for an address: byte by byte, of 4 or 16 (RFC 9525 section 6.4). */
bool leati_tls_address_matches(const mbedtls_x509_crt *cert, const uint8_t *ip, size_t ip_len);

#endif

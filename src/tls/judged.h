/* SPDX-License-Identifier: Apache-2.0 */
/** @file Between mbedTLS, the judge of chains and the verifier of a connection. */
#ifndef LEATI_TLS_JUDGED_H
#define LEATI_TLS_JUDGED_H

#include <stdint.h>

#include <mbedtls/x509_crt.h>

/** For mbedtls_ssl_set_verify(), with the layer as `user`: lets the judge look at the whole chain
 * (LEATI_TLS_CHAIN_DEPTH of tls/mends/mends.h), and the verifier at each of its certificates. */
int leati_tls_certificate_seen(void *user, mbedtls_x509_crt *cert, int depth, uint32_t *flags);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file Signatures by a function of the program, whose key is elsewhere. */
#ifndef LEATI_TLS_SIGNER_H
#define LEATI_TLS_SIGNER_H

#include "tls/identity.h"

#include <mbedtls/ssl.h>

/** What mbedTLS gets if the program does not sign, or by another key. */
#define LEATI_TLS_SIGNER_FAILED MBEDTLS_ERR_SSL_HW_ACCEL_FAILED

/** Lets the key of an identity, whose certificate is there, sign by `source->sign`. The identity stays
 * where it is. @return 0 or a code of mbedTLS. */
int leati_tls_signer_take(struct leati_tls_identity *identity,
                          const struct leati_cert_source *source);
/** Before a step of a handshake, and whether a program has not signed in it: mbedTLS tries the next
 * algorithm, and says in the end that there is none. By thread. */
void leati_tls_signer_begin(void);
bool leati_tls_signer_has_failed(void);
/** Whether that key is one of RSA, with which TLS 1.3 cannot sign so. */
bool leati_tls_signer_needs_tls_1_2(const struct leati_tls_identity *identity);

#endif

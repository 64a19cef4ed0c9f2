/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the files of this folder share. */
#ifndef LEATI_TLS_JUDGE_X509_H
#define LEATI_TLS_JUDGE_X509_H

#include "tls/judge/anchors.h"

#include <openssl/x509.h>

/** Decodes one certificate, with nothing behind it. NULL: it cannot be read, or there is no memory.
 * As all of this folder between leati_crypto_begin() and leati_crypto_end(). */
X509 *leati_x509_decode(const uint8_t *der, size_t len);
/** What libcrypto said last. Static, never NULL. */
const char *leati_x509_words(void);

/** The next certificate of a PEM text from `*pos` on, which is set behind it: what stands between
 * its lines BEGIN and END. false: there is none. */
bool leati_x509_pem_next(const uint8_t *text, size_t len, size_t *pos, size_t *ret_start,
                         size_t *ret_len);
/** The DER of it, for leati_free(). NULL: it is not Base64, or there is no memory. */
uint8_t *leati_x509_pem_decode(const uint8_t *base64, size_t len, size_t *ret_len);

/** Adds all anchors of that name to `found`, unless they are there.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
int leati_anchors_find(struct leati_anchors *anchors, const X509_NAME *name,
                       STACK_OF(X509) * found);

/** NULL if there are none. */
STACK_OF(X509_CRL) * leati_crls_stack(const struct leati_crls *crls);

#endif

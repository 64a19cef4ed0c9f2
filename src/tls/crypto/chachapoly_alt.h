/* SPDX-License-Identifier: Apache-2.0 */
/** @file ChaCha20-Poly1305 by libcrypto: for <mbedtls/chachapoly.h>, which includes it by this
 * name. */
#ifndef LEATI_TLS_CRYPTO_CHACHAPOLY_ALT_H
#define LEATI_TLS_CRYPTO_CHACHAPOLY_ALT_H

#include "aead_alt.h"

typedef struct mbedtls_chachapoly_context {
    struct leati_crypto_aead aead;
} mbedtls_chachapoly_context;

#endif

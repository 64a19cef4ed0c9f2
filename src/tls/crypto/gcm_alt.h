/* SPDX-License-Identifier: Apache-2.0 */
/** @file AES-GCM by libcrypto: for <mbedtls/gcm.h>, which includes it by this name. */
#ifndef LEATI_TLS_CRYPTO_GCM_ALT_H
#define LEATI_TLS_CRYPTO_GCM_ALT_H

#include "aead_alt.h"

typedef struct mbedtls_gcm_context {
    struct leati_crypto_aead aead;
} mbedtls_gcm_context;

#endif

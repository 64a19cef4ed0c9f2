/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the rest of the folder above needs of the primitives, whoever computes them: mbedTLS itself,
 * or libcrypto through the functions that mbedTLS lets a program replace (MBEDTLS_xxx_ALT).
 */
#ifndef LEATI_TLS_CRYPTO_CRYPTO_H
#define LEATI_TLS_CRYPTO_CRYPTO_H

#include <stdbool.h>

/** Gets the primitives ready, before mbedTLS is started. Cheap when they are; a failure (no memory)
 * is tried again by the next call. Returns 0 or an mbedTLS code. @thread any. */
int leati_tls_crypto_start(void);

/** Whether AES-GCM is the fastest cipher here, by this processor and by whoever computes it; else
 * it is ChaCha20-Poly1305. */
bool leati_tls_crypto_prefers_aes(void);

#endif

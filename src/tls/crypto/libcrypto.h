/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the replaced primitives share: leat's own library context in libcrypto and what is fetched
 * from it once.
 *
 * libcrypto puts its failures into a queue of the thread, which belongs to the program, and takes
 * locks that a fork(2) would leave locked: whatever may fail there, or take one, is done between
 * leati_crypto_begin() and leati_crypto_end().
 */
#ifndef LEATI_TLS_CRYPTO_LIBCRYPTO_H
#define LEATI_TLS_CRYPTO_LIBCRYPTO_H

#include <openssl/evp.h>

enum leati_crypto_cipher {
    LEATI_CRYPTO_AES_128_GCM,
    LEATI_CRYPTO_AES_192_GCM,
    LEATI_CRYPTO_AES_256_GCM,
    LEATI_CRYPTO_CHACHA20_POLY1305,
    LEATI_CRYPTO_CIPHER_COUNT
};

/** Made by the first call and never freed. Not the process' default one, so that neither its
 * openssl.cnf nor its providers decide what leat computes with, nor leat anything for the program.
 * NULL: no memory, which is noted in tls/crypto/memory.h. @thread any, as the next ones. */
OSSL_LIB_CTX *leati_crypto_context(void);

/** Static. NULL: no memory, which is noted. */
const EVP_CIPHER *leati_crypto_cipher(enum leati_crypto_cipher id);

/** Calls nest. What fails in between leaves nothing in the queue. */
void leati_crypto_begin(void);
void leati_crypto_end(void);

/** Each file's share of leati_tls_crypto_start(): 0 or an mbedTLS code. */
int leati_crypto_sha2_start(void);
int leati_crypto_gcm_start(void);
int leati_crypto_chachapoly_start(void);

#endif

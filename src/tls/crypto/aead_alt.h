/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the contexts of <mbedtls/gcm.h> and <mbedtls/chachapoly.h> hold. */
#ifndef LEATI_TLS_CRYPTO_AEAD_ALT_H
#define LEATI_TLS_CRYPTO_AEAD_ALT_H

#include <stdint.h>

struct evp_cipher_st;
struct evp_cipher_ctx_st;

enum leati_crypto_aead_state {
    LEATI_CRYPTO_AEAD_IDLE, /* no message begun, or it is finished */
    LEATI_CRYPTO_AEAD_AAD,
    LEATI_CRYPTO_AEAD_DATA,
};

struct leati_crypto_aead {
    struct evp_cipher_ctx_st *cipher; /* NULL without a key */
    /* The other direction: while a message is decrypted in parts, see aead.c. Mostly NULL. */
    struct evp_cipher_ctx_st *reverse;
    const struct evp_cipher_st *kind;
    uint64_t len; /* of the message so far */
    unsigned char key[32];
    unsigned char key_len;
    unsigned char iv_len;
    unsigned char decrypts; /* the message begun */
    unsigned char state;    /* enum leati_crypto_aead_state */
};

#endif

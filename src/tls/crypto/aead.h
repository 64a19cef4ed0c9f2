/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Authenticated encryption by libcrypto, for the modules of mbedTLS whose contexts hold a struct
 * leati_crypto_aead. The context in libcrypto is made with the key and serves all its messages: a
 * message allocates nothing.
 *
 * Every function returns enum leati_crypto_aead_result. Lengths, states and buffers are the
 * caller's to check, but for the key. An output that was not authenticated is wiped.
 */
#ifndef LEATI_TLS_CRYPTO_AEAD_H
#define LEATI_TLS_CRYPTO_AEAD_H

#include "tls/crypto/aead_alt.h"
#include "tls/crypto/libcrypto.h"

#include <stdbool.h>
#include <stddef.h>

#define LEATI_CRYPTO_TAG_BYTES      16u
#define LEATI_CRYPTO_IV_LIMIT_BYTES 128u /**< libcrypto's, of GCM */

enum leati_crypto_aead_result {
    LEATI_CRYPTO_AEAD_OK,
    LEATI_CRYPTO_AEAD_BAD_TAG,
    LEATI_CRYPTO_AEAD_NO_KEY,
    /** libcrypto could not, for which there is no reason but want of memory. It is noted. */
    LEATI_CRYPTO_AEAD_FAILED,
};

void leati_crypto_aead_init(struct leati_crypto_aead *aead);
void leati_crypto_aead_free(struct leati_crypto_aead *aead);

int leati_crypto_aead_set_key(struct leati_crypto_aead *aead, enum leati_crypto_cipher id,
                              const unsigned char *key, size_t key_len);

/** A message with all that belongs to it. */
struct leati_crypto_message {
    const unsigned char *iv, *aad, *input;
    unsigned char *output; /**< `len` bytes; may overlap `input` */
    size_t iv_len, aad_len, len, tag_len;
};

int leati_crypto_aead_seal(struct leati_crypto_aead *aead,
                           const struct leati_crypto_message *message, unsigned char *ret_tag);
int leati_crypto_aead_open(struct leati_crypto_aead *aead,
                           const struct leati_crypto_message *message, const unsigned char *tag);

/* The same in parts. Nothing is compared: finish() gives the tag of what was decrypted, too. */
int leati_crypto_aead_begin(struct leati_crypto_aead *aead, bool decrypts, const unsigned char *iv,
                            size_t iv_len);
int leati_crypto_aead_add(struct leati_crypto_aead *aead, const unsigned char *aad, size_t len);
int leati_crypto_aead_update(struct leati_crypto_aead *aead, const unsigned char *input,
                             unsigned char *output, size_t len);
int leati_crypto_aead_finish(struct leati_crypto_aead *aead, unsigned char *ret_tag,
                             size_t tag_len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS computes, as one table. operations.c is compiled twice, against the mbedTLS that
 * leat uses and against mbedTLS with nothing replaced, and both are in the program.
 */
#ifndef TESTS_UNIT_TLS_CRYPTO_OPERATIONS_H
#define TESTS_UNIT_TLS_CRYPTO_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One message. `output` and, when it is sealed, `tag` are written. */
struct message {
    const uint8_t *key, *iv, *aad, *input;
    uint8_t *output, *tag;
    size_t key_len, iv_len, aad_len, len, tag_len;
    unsigned pieces; /**< in parts: how long they are, as a seed; 0 = all in one */
};

/** Each returns 0 or mbedTLS' code. */
struct operations {
    int (*gcm_seal)(const struct message *message);
    int (*gcm_open)(const struct message *message);
    /** The multi-part functions; the tag is written in both directions. */
    int (*gcm_parts)(const struct message *message, bool decrypts);
    /** mbedtls_gcm_crypt_and_tag() in the other direction, which also writes the tag. */
    int (*gcm_open_without_tag)(const struct message *message);
    int (*chachapoly_seal)(const struct message *message);
    int (*chachapoly_open)(const struct message *message);
    int (*chachapoly_parts)(const struct message *message, bool decrypts);
    /** Of `len` bytes, given in pieces, through a clone on the way. */
    int (*sha256)(const uint8_t *data, size_t len, unsigned pieces, uint8_t ret_digest[32]);
    int (*sha384)(const uint8_t *data, size_t len, unsigned pieces, uint8_t ret_digest[48]);
};

extern const struct operations operations_in_use;
/** mbedTLS' own; only where libcrypto is in use. */
extern const struct operations operations_original;

#endif

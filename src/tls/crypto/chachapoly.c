/* SPDX-License-Identifier: Apache-2.0 */
/* MBEDTLS_CHACHAPOLY_ALT: the functions of <mbedtls/chachapoly.h>, with its contracts and codes. */
#include "tls/crypto/aead.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/cipher.h>

#define KEY_BYTES   32u
#define NONCE_BYTES 12u
/* RFC 8439 section 2.8: the block counter has 32 bits, and the first block makes the key of the
 * tag. */
#define DATA_LIMIT_BYTES (0xFFFFFFFFu * (uint64_t)64)

static int code_of(int result)
{
    switch (result) {
    case LEATI_CRYPTO_AEAD_OK:
        return 0;
    case LEATI_CRYPTO_AEAD_BAD_TAG:
        return MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
    case LEATI_CRYPTO_AEAD_NO_KEY:
        return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    default:
        return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
    }
}

int leati_crypto_chachapoly_start(void)
{
    return leati_crypto_cipher(LEATI_CRYPTO_CHACHA20_POLY1305) ? 0
                                                               : MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
}

void mbedtls_chachapoly_init(mbedtls_chachapoly_context *ctx)
{
    leati_crypto_aead_init(&ctx->aead);
}

void mbedtls_chachapoly_free(mbedtls_chachapoly_context *ctx)
{
    if (ctx)
        leati_crypto_aead_free(&ctx->aead);
}

int mbedtls_chachapoly_setkey(mbedtls_chachapoly_context *ctx, const unsigned char key[32])
{
    return code_of(
        leati_crypto_aead_set_key(&ctx->aead, LEATI_CRYPTO_CHACHA20_POLY1305, key, KEY_BYTES));
}

/* ---- a whole message ------------------------------------------------------------------------ */

/* A uint64_t, because a size_t may have no such value. */
static bool is_too_long(uint64_t len)
{
    return len > DATA_LIMIT_BYTES;
}

int mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context *ctx, size_t length,
                                       const unsigned char nonce[12], const unsigned char *aad,
                                       size_t aad_len, const unsigned char *input,
                                       unsigned char *output, unsigned char tag[16])
{
    const struct leati_crypto_message message = {.iv = nonce,
                                                 .iv_len = NONCE_BYTES,
                                                 .aad = aad,
                                                 .aad_len = aad_len,
                                                 .input = input,
                                                 .output = output,
                                                 .len = length,
                                                 .tag_len = LEATI_CRYPTO_TAG_BYTES};

    if (is_too_long(length))
        return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    return code_of(leati_crypto_aead_seal(&ctx->aead, &message, tag));
}

int mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context *ctx, size_t length,
                                    const unsigned char nonce[12], const unsigned char *aad,
                                    size_t aad_len, const unsigned char tag[16],
                                    const unsigned char *input, unsigned char *output)
{
    const struct leati_crypto_message message = {.iv = nonce,
                                                 .iv_len = NONCE_BYTES,
                                                 .aad = aad,
                                                 .aad_len = aad_len,
                                                 .input = input,
                                                 .output = output,
                                                 .len = length,
                                                 .tag_len = LEATI_CRYPTO_TAG_BYTES};

    if (is_too_long(length))
        return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    return code_of(leati_crypto_aead_open(&ctx->aead, &message, tag));
}

/* ---- a message in parts --------------------------------------------------------------------- */

int mbedtls_chachapoly_starts(mbedtls_chachapoly_context *ctx, const unsigned char nonce[12],
                              mbedtls_chachapoly_mode_t mode)
{
    return code_of(leati_crypto_aead_begin(&ctx->aead, mode == MBEDTLS_CHACHAPOLY_DECRYPT, nonce,
                                           NONCE_BYTES));
}

int mbedtls_chachapoly_update_aad(mbedtls_chachapoly_context *ctx, const unsigned char *aad,
                                  size_t aad_len)
{
    if (ctx->aead.state != LEATI_CRYPTO_AEAD_AAD)
        return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    return code_of(leati_crypto_aead_add(&ctx->aead, aad, aad_len));
}

int mbedtls_chachapoly_update(mbedtls_chachapoly_context *ctx, size_t len,
                              const unsigned char *input, unsigned char *output)
{
    if (ctx->aead.state == LEATI_CRYPTO_AEAD_IDLE || len > DATA_LIMIT_BYTES - ctx->aead.len)
        return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    return code_of(leati_crypto_aead_update(&ctx->aead, input, output, len));
}

int mbedtls_chachapoly_finish(mbedtls_chachapoly_context *ctx, unsigned char mac[16])
{
    if (ctx->aead.state == LEATI_CRYPTO_AEAD_IDLE)
        return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    return code_of(leati_crypto_aead_finish(&ctx->aead, mac, LEATI_CRYPTO_TAG_BYTES));
}

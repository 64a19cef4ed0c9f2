/* SPDX-License-Identifier: Apache-2.0 */
/* MBEDTLS_GCM_ALT: the functions of <mbedtls/gcm.h>, with its contracts and its codes. */
#include "tls/crypto/aead.h"

#include <mbedtls/cipher.h>
#include <mbedtls/gcm.h>

#define TAG_MIN_BYTES 4u
/* NIST SP 800-38D section 5.2.1.1: 2^39 - 256 bits of data, and 2^64 - 1 bits of the rest. */
#define DATA_LIMIT_BYTES 0xFFFFFFFE0u

static int code_of(int result)
{
    switch (result) {
    case LEATI_CRYPTO_AEAD_OK:
        return 0;
    case LEATI_CRYPTO_AEAD_BAD_TAG:
        return MBEDTLS_ERR_GCM_AUTH_FAILED;
    case LEATI_CRYPTO_AEAD_NO_KEY:
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    default:
        return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
    }
}

int leati_crypto_gcm_start(void)
{
    return leati_crypto_cipher(LEATI_CRYPTO_AES_128_GCM) &&
                   leati_crypto_cipher(LEATI_CRYPTO_AES_256_GCM)
               ? 0
               : MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
}

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
    leati_crypto_aead_init(&ctx->aead);
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
    if (ctx)
        leati_crypto_aead_free(&ctx->aead);
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher,
                       const unsigned char *key, unsigned int keybits)
{
    enum leati_crypto_cipher id;

    switch (keybits) {
    case 128:
        id = LEATI_CRYPTO_AES_128_GCM;
        break;
    case 192:
        id = LEATI_CRYPTO_AES_192_GCM;
        break;
    case 256:
        id = LEATI_CRYPTO_AES_256_GCM;
        break;
    default:
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    if (cipher != MBEDTLS_CIPHER_ID_AES)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    return code_of(leati_crypto_aead_set_key(&ctx->aead, id, key, keybits / 8));
}

/* ---- a whole message ------------------------------------------------------------------------ */

/* An output that begins inside the input is refused, as mbedTLS does: one before it is not. */
static bool buffers_are_valid(const unsigned char *input, const unsigned char *output, size_t len)
{
    return (uintptr_t)output <= (uintptr_t)input || (uintptr_t)output - (uintptr_t)input >= len;
}

static bool message_is_valid(const struct leati_crypto_message *message)
{
    const uint64_t len = message->len; /* a size_t may have no such value */
    return message->iv_len > 0 && message->iv_len <= LEATI_CRYPTO_IV_LIMIT_BYTES &&
           message->tag_len >= TAG_MIN_BYTES && message->tag_len <= LEATI_CRYPTO_TAG_BYTES &&
           len <= DATA_LIMIT_BYTES &&
           buffers_are_valid(message->input, message->output, message->len);
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv,
                             size_t iv_len, const unsigned char *add, size_t add_len,
                             const unsigned char *tag, size_t tag_len, const unsigned char *input,
                             unsigned char *output)
{
    const struct leati_crypto_message message = {.iv = iv,
                                                 .iv_len = iv_len,
                                                 .aad = add,
                                                 .aad_len = add_len,
                                                 .input = input,
                                                 .output = output,
                                                 .len = length,
                                                 .tag_len = tag_len};

    if (!message_is_valid(&message))
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    return code_of(leati_crypto_aead_open(&ctx->aead, &message, tag));
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
                              const unsigned char *iv, size_t iv_len, const unsigned char *add,
                              size_t add_len, const unsigned char *input, unsigned char *output,
                              size_t tag_len, unsigned char *tag)
{
    const struct leati_crypto_message message = {.iv = iv,
                                                 .iv_len = iv_len,
                                                 .aad = add,
                                                 .aad_len = add_len,
                                                 .input = input,
                                                 .output = output,
                                                 .len = length,
                                                 .tag_len = tag_len};
    size_t written;

    if (!message_is_valid(&message))
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    if (mode == MBEDTLS_GCM_ENCRYPT)
        return code_of(leati_crypto_aead_seal(&ctx->aead, &message, tag));

    int ret = mbedtls_gcm_starts(ctx, mode, iv, iv_len);
    if (ret == 0)
        ret = mbedtls_gcm_update_ad(ctx, add, add_len);
    if (ret == 0)
        ret = mbedtls_gcm_update(ctx, input, length, output, length, &written);
    if (ret == 0)
        ret = mbedtls_gcm_finish(ctx, NULL, 0, &written, tag, tag_len);
    return ret;
}

/* ---- a message in parts --------------------------------------------------------------------- */

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
    if (iv_len == 0 || iv_len > LEATI_CRYPTO_IV_LIMIT_BYTES)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    return code_of(leati_crypto_aead_begin(&ctx->aead, mode == MBEDTLS_GCM_DECRYPT, iv, iv_len));
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
    if (ctx->aead.state != LEATI_CRYPTO_AEAD_AAD)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    return code_of(leati_crypto_aead_add(&ctx->aead, add, add_len));
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length,
                       unsigned char *output, size_t output_size, size_t *output_length)
{
    if (output_size < input_length)
        return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
    if (ctx->aead.state == LEATI_CRYPTO_AEAD_IDLE)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    *output_length = input_length;
    if (input_length == 0)
        return 0;
    if (!buffers_are_valid(input, output, input_length) ||
        input_length > DATA_LIMIT_BYTES - ctx->aead.len)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    return code_of(leati_crypto_aead_update(&ctx->aead, input, output, input_length));
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size,
                       size_t *output_length, unsigned char *tag, size_t tag_len)
{
    (void)output; /* all of it was written by the updates */
    (void)output_size;
    if (tag_len < TAG_MIN_BYTES || tag_len > LEATI_CRYPTO_TAG_BYTES ||
        ctx->aead.state == LEATI_CRYPTO_AEAD_IDLE)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    *output_length = 0;
    return code_of(leati_crypto_aead_finish(&ctx->aead, tag, tag_len));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled twice: OPERATIONS is the name of the table. */
#include "operations.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

/* How much of `left` comes next: short ones often, as blocks are short. */
static size_t piece_of(unsigned *seed, size_t left)
{
    if (*seed == 0)
        return left;
    *seed = *seed * 1103515245u + 12345u;
    size_t n = 1 + (*seed >> 16) % ((*seed & 0x800u) != 0 ? 300u : 20u);
    return n < left ? n : left;
}

/* ---- AES-GCM -------------------------------------------------------------------------------- */

static int gcm_begin(mbedtls_gcm_context *ctx, const struct message *message)
{
    mbedtls_gcm_init(ctx);
    return mbedtls_gcm_setkey(ctx, MBEDTLS_CIPHER_ID_AES, message->key,
                              (unsigned)message->key_len * 8);
}

static int gcm_crypt(const struct message *m, int mode)
{
    mbedtls_gcm_context ctx;
    int ret = gcm_begin(&ctx, m);

    if (ret == 0)
        ret = mbedtls_gcm_crypt_and_tag(&ctx, mode, m->len, m->iv, m->iv_len, m->aad, m->aad_len,
                                        m->input, m->output, m->tag_len, m->tag);
    mbedtls_gcm_free(&ctx);
    return ret;
}

static int gcm_seal(const struct message *message)
{
    return gcm_crypt(message, MBEDTLS_GCM_ENCRYPT);
}

static int gcm_open_without_tag(const struct message *message)
{
    return gcm_crypt(message, MBEDTLS_GCM_DECRYPT);
}

static int gcm_open(const struct message *m)
{
    mbedtls_gcm_context ctx;
    int ret = gcm_begin(&ctx, m);

    if (ret == 0)
        ret = mbedtls_gcm_auth_decrypt(&ctx, m->len, m->iv, m->iv_len, m->aad, m->aad_len, m->tag,
                                       m->tag_len, m->input, m->output);
    mbedtls_gcm_free(&ctx);
    return ret;
}

static int gcm_parts_pass(mbedtls_gcm_context *ctx, const struct message *m, bool decrypts)
{
    unsigned seed = m->pieces;
    size_t written;
    int ret = mbedtls_gcm_starts(ctx, decrypts ? MBEDTLS_GCM_DECRYPT : MBEDTLS_GCM_ENCRYPT, m->iv,
                                 m->iv_len);

    for (size_t done = 0, n; ret == 0 && done < m->aad_len; done += n) {
        n = piece_of(&seed, m->aad_len - done);
        ret = mbedtls_gcm_update_ad(ctx, m->aad + done, n);
    }
    for (size_t done = 0, n; ret == 0 && done < m->len; done += n) {
        n = piece_of(&seed, m->len - done);
        ret = mbedtls_gcm_update(ctx, m->input + done, n, m->output + done, n, &written);
        if (ret == 0 && written != n)
            ret = 1;
    }
    if (ret == 0)
        ret = mbedtls_gcm_finish(ctx, NULL, 0, &written, m->tag, m->tag_len);
    return ret;
}

/* Twice with the same context: nothing of the first message may be left. */
static int gcm_parts(const struct message *message, bool decrypts)
{
    mbedtls_gcm_context ctx;
    int ret = gcm_begin(&ctx, message);

    if (ret == 0 && message->input != message->output)
        ret = gcm_parts_pass(&ctx, message, decrypts);
    if (ret == 0)
        ret = gcm_parts_pass(&ctx, message, decrypts);
    mbedtls_gcm_free(&ctx);
    return ret;
}

/* ---- ChaCha20-Poly1305 ---------------------------------------------------------------------- */

static int chachapoly_begin(mbedtls_chachapoly_context *ctx, const struct message *message)
{
    mbedtls_chachapoly_init(ctx);
    return mbedtls_chachapoly_setkey(ctx, message->key);
}

static int chachapoly_seal(const struct message *m)
{
    mbedtls_chachapoly_context ctx;
    int ret = chachapoly_begin(&ctx, m);

    if (ret == 0)
        ret = mbedtls_chachapoly_encrypt_and_tag(&ctx, m->len, m->iv, m->aad, m->aad_len, m->input,
                                                 m->output, m->tag);
    mbedtls_chachapoly_free(&ctx);
    return ret;
}

static int chachapoly_open(const struct message *m)
{
    mbedtls_chachapoly_context ctx;
    int ret = chachapoly_begin(&ctx, m);

    if (ret == 0)
        ret = mbedtls_chachapoly_auth_decrypt(&ctx, m->len, m->iv, m->aad, m->aad_len, m->tag,
                                              m->input, m->output);
    mbedtls_chachapoly_free(&ctx);
    return ret;
}

static int chachapoly_parts(const struct message *m, bool decrypts)
{
    mbedtls_chachapoly_context ctx;
    unsigned seed = m->pieces;
    int ret = chachapoly_begin(&ctx, m);

    if (ret == 0)
        ret = mbedtls_chachapoly_starts(
            &ctx, m->iv, decrypts ? MBEDTLS_CHACHAPOLY_DECRYPT : MBEDTLS_CHACHAPOLY_ENCRYPT);
    for (size_t done = 0, n; ret == 0 && done < m->aad_len; done += n) {
        n = piece_of(&seed, m->aad_len - done);
        ret = mbedtls_chachapoly_update_aad(&ctx, m->aad + done, n);
    }
    for (size_t done = 0, n; ret == 0 && done < m->len; done += n) {
        n = piece_of(&seed, m->len - done);
        ret = mbedtls_chachapoly_update(&ctx, n, m->input + done, m->output + done);
    }
    if (ret == 0)
        ret = mbedtls_chachapoly_finish(&ctx, m->tag);
    mbedtls_chachapoly_free(&ctx);
    return ret;
}

/* ---- SHA-2 ---------------------------------------------------------------------------------- */

static int sha256(const uint8_t *data, size_t len, unsigned pieces, uint8_t ret_digest[32])
{
    mbedtls_sha256_context ctx, clone;
    int ret;

    mbedtls_sha256_init(&ctx);
    mbedtls_sha256_init(&clone);
    ret = mbedtls_sha256_starts(&ctx, 0);
    for (size_t done = 0, n; ret == 0 && done < len; done += n) {
        n = piece_of(&pieces, len - done);
        mbedtls_sha256_clone(&clone, &ctx);
        ret = mbedtls_sha256_update(&clone, data + done, n);
        mbedtls_sha256_clone(&ctx, &clone);
    }
    if (ret == 0)
        ret = mbedtls_sha256_finish(&ctx, ret_digest);
    mbedtls_sha256_free(&ctx);
    mbedtls_sha256_free(&clone);
    return ret;
}

static int sha384(const uint8_t *data, size_t len, unsigned pieces, uint8_t ret_digest[48])
{
    mbedtls_sha512_context ctx, clone;
    int ret;

    mbedtls_sha512_init(&ctx);
    mbedtls_sha512_init(&clone);
    ret = mbedtls_sha512_starts(&ctx, 1);
    for (size_t done = 0, n; ret == 0 && done < len; done += n) {
        n = piece_of(&pieces, len - done);
        mbedtls_sha512_clone(&clone, &ctx);
        ret = mbedtls_sha512_update(&clone, data + done, n);
        mbedtls_sha512_clone(&ctx, &clone);
    }
    if (ret == 0)
        ret = mbedtls_sha512_finish(&ctx, ret_digest);
    mbedtls_sha512_free(&ctx);
    mbedtls_sha512_free(&clone);
    return ret;
}

__attribute__((visibility("default"))) const struct operations OPERATIONS = {
    .gcm_seal = gcm_seal,
    .gcm_open = gcm_open,
    .gcm_parts = gcm_parts,
    .gcm_open_without_tag = gcm_open_without_tag,
    .chachapoly_seal = chachapoly_seal,
    .chachapoly_open = chachapoly_open,
    .chachapoly_parts = chachapoly_parts,
    .sha256 = sha256,
    .sha384 = sha384,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto tells no tag of what it decrypts, it only compares. A message that is decrypted in
 * parts is therefore encrypted again, which gives the ciphertext that it came as, and its tag. No
 * TLS record goes that way, only users of PSA's multi-part functions.
 */
#include "tls/crypto/aead.h"

#include "tls/crypto/memory.h"
#include "util/fork.h"

#include <string.h>

#include <mbedtls/platform_util.h>
#include <openssl/err.h>

/* libcrypto counts in int. A multiple of the block. */
#define STEP_BYTES    ((size_t)1 << 30)
#define REVERSE_BYTES 1024u

void leati_crypto_aead_init(struct leati_crypto_aead *aead)
{
    memset(aead, 0, sizeof(*aead));
}

void leati_crypto_aead_free(struct leati_crypto_aead *aead)
{
    EVP_CIPHER_CTX_free(aead->cipher);
    EVP_CIPHER_CTX_free(aead->reverse);
    mbedtls_platform_zeroize(aead, sizeof(*aead));
}

/* Records are many, and what is done with a key that is set takes no lock of libcrypto: that is
 * done without leati_fork_hold(), but for the first call of a thread, for which libcrypto sets up
 * something. */
static void work_begin(void)
{
    static _Thread_local bool is_set_up;

    if (is_set_up) {
        ERR_set_mark();
        return;
    }
    leati_fork_hold();
    ERR_set_mark();
    leati_fork_let();
    is_set_up = true;
}

/* The result of whatever was done since work_begin(). */
static int work_end(bool ok)
{
    if (ok) {
        ERR_clear_last_mark();
        return LEATI_CRYPTO_AEAD_OK;
    }
    ERR_pop_to_mark();
    leati_tls_memory_note();
    return LEATI_CRYPTO_AEAD_FAILED;
}

static bool keyed_make(const struct leati_crypto_aead *aead, EVP_CIPHER_CTX **cipher)
{
    if (!*cipher)
        *cipher = EVP_CIPHER_CTX_new();
    return *cipher && EVP_CipherInit_ex2(*cipher, aead->kind, aead->key, NULL, 1, NULL) == 1;
}

int leati_crypto_aead_set_key(struct leati_crypto_aead *aead, enum leati_crypto_cipher id,
                              const unsigned char *key, size_t key_len)
{
    leati_crypto_aead_free(aead);
    aead->kind = leati_crypto_cipher(id);
    if (!aead->kind)
        return LEATI_CRYPTO_AEAD_FAILED;
    memcpy(aead->key, key, key_len);
    aead->key_len = (unsigned char)key_len;
    aead->iv_len = 12; /* libcrypto's default with these ciphers, and the only length in TLS */
    leati_fork_hold();
    work_begin();
    int result = work_end(keyed_make(aead, &aead->cipher));
    leati_fork_let();
    if (result != LEATI_CRYPTO_AEAD_OK)
        leati_crypto_aead_free(aead);
    return result;
}

/* ---- steps of a message; false = libcrypto could not --------------------------------------- */

static bool iv_len_apply(EVP_CIPHER_CTX *cipher, size_t iv_len)
{
    return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_len, NULL) == 1;
}

static bool iv_len_set(struct leati_crypto_aead *aead, size_t iv_len)
{
    if (aead->iv_len == iv_len)
        return true;
    aead->iv_len = 0;
    if (!iv_len_apply(aead->cipher, iv_len) ||
        (aead->reverse && !iv_len_apply(aead->reverse, iv_len)))
        return false;
    aead->iv_len = (unsigned char)iv_len;
    return true;
}

static bool iv_set(EVP_CIPHER_CTX *cipher, bool encrypts, const unsigned char *iv)
{
    return EVP_CipherInit_ex2(cipher, NULL, NULL, iv, encrypts, NULL) == 1;
}

/* `output` NULL: additional data. */
static bool data_pass(EVP_CIPHER_CTX *cipher, const unsigned char *input, unsigned char *output,
                      size_t len)
{
    while (len > 0) {
        int n = (int)(len < STEP_BYTES ? len : STEP_BYTES), written;
        if (EVP_CipherUpdate(cipher, output, &written, input, n) != 1 || written != n)
            return false;
        input += n;
        output = output ? output + n : NULL;
        len -= (size_t)n;
    }
    return true;
}

/* libcrypto works in place or from one buffer to another, not to one that overlaps. */
static const unsigned char *overlap_resolve(const unsigned char *input, unsigned char *output,
                                            size_t len)
{
    uintptr_t from = (uintptr_t)input, to = (uintptr_t)output;

    if (from == to || from + len <= to || to + len <= from)
        return input;
    memmove(output, input, len);
    return output;
}

static bool end_pass(EVP_CIPHER_CTX *cipher)
{
    unsigned char none[LEATI_CRYPTO_TAG_BYTES];
    int written;

    return EVP_CipherFinal_ex(cipher, none, &written) == 1;
}

static bool tag_get(EVP_CIPHER_CTX *cipher, unsigned char *ret_tag, size_t tag_len)
{
    return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, (int)tag_len, ret_tag) == 1;
}

/* ---- a whole message ------------------------------------------------------------------------ */

static bool message_pass(struct leati_crypto_aead *aead, const struct leati_crypto_message *message,
                         bool encrypts)
{
    EVP_CIPHER_CTX *cipher = aead->cipher;
    const unsigned char *input = overlap_resolve(message->input, message->output, message->len);

    return iv_len_set(aead, message->iv_len) && iv_set(cipher, encrypts, message->iv) &&
           data_pass(cipher, message->aad, NULL, message->aad_len) &&
           data_pass(cipher, input, message->output, message->len);
}

int leati_crypto_aead_seal(struct leati_crypto_aead *aead,
                           const struct leati_crypto_message *message, unsigned char *ret_tag)
{
    EVP_CIPHER_CTX *cipher = aead->cipher;

    if (!cipher)
        return LEATI_CRYPTO_AEAD_NO_KEY;
    work_begin();
    int result = work_end(message_pass(aead, message, true) && end_pass(cipher) &&
                          tag_get(cipher, ret_tag, message->tag_len));
    if (result != LEATI_CRYPTO_AEAD_OK)
        mbedtls_platform_zeroize(message->output, message->len);
    return result;
}

int leati_crypto_aead_open(struct leati_crypto_aead *aead,
                           const struct leati_crypto_message *message, const unsigned char *tag)
{
    EVP_CIPHER_CTX *cipher = aead->cipher;

    if (!cipher)
        return LEATI_CRYPTO_AEAD_NO_KEY;
    work_begin();
    bool passed = message_pass(aead, message, false) &&
                  EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, (int)message->tag_len,
                                      (void *)(uintptr_t)tag) == 1;
    if (passed && end_pass(cipher))
        return work_end(true);

    mbedtls_platform_zeroize(message->output, message->len);
    if (!passed)
        return work_end(false);
    ERR_pop_to_mark();
    return LEATI_CRYPTO_AEAD_BAD_TAG;
}

/* ---- a message in parts --------------------------------------------------------------------- */

static bool reverse_make(struct leati_crypto_aead *aead)
{
    if (keyed_make(aead, &aead->reverse) && iv_len_apply(aead->reverse, aead->iv_len))
        return true;
    EVP_CIPHER_CTX_free(aead->reverse);
    aead->reverse = NULL;
    return false;
}

int leati_crypto_aead_begin(struct leati_crypto_aead *aead, bool decrypts, const unsigned char *iv,
                            size_t iv_len)
{
    aead->state = LEATI_CRYPTO_AEAD_IDLE;
    if (!aead->cipher)
        return LEATI_CRYPTO_AEAD_NO_KEY;
    work_begin();
    bool ok = iv_len_set(aead, iv_len) && iv_set(aead->cipher, true, iv);
    if (ok && decrypts)
        ok = (aead->reverse || reverse_make(aead)) && iv_set(aead->reverse, false, iv);
    if (ok) {
        aead->decrypts = decrypts;
        aead->len = 0;
        aead->state = LEATI_CRYPTO_AEAD_AAD;
    }
    return work_end(ok);
}

int leati_crypto_aead_add(struct leati_crypto_aead *aead, const unsigned char *aad, size_t len)
{
    work_begin();
    return work_end(data_pass(aead->cipher, aad, NULL, len));
}

static bool data_reverse(struct leati_crypto_aead *aead, const unsigned char *input,
                         unsigned char *output, size_t len)
{
    unsigned char again[REVERSE_BYTES];

    if (!data_pass(aead->reverse, input, output, len))
        return false;
    for (size_t done = 0; done < len; done += sizeof(again)) {
        size_t n = len - done < sizeof(again) ? len - done : sizeof(again);
        if (!data_pass(aead->cipher, output + done, again, n))
            return false;
    }
    return true;
}

int leati_crypto_aead_update(struct leati_crypto_aead *aead, const unsigned char *input,
                             unsigned char *output, size_t len)
{
    input = overlap_resolve(input, output, len);
    work_begin();
    int result = work_end(aead->decrypts ? data_reverse(aead, input, output, len)
                                         : data_pass(aead->cipher, input, output, len));
    if (result != LEATI_CRYPTO_AEAD_OK)
        mbedtls_platform_zeroize(output, len);
    aead->state = LEATI_CRYPTO_AEAD_DATA;
    aead->len += len;
    return result;
}

int leati_crypto_aead_finish(struct leati_crypto_aead *aead, unsigned char *ret_tag, size_t tag_len)
{
    aead->state = LEATI_CRYPTO_AEAD_IDLE;
    work_begin();
    return work_end(end_pass(aead->cipher) && tag_get(aead->cipher, ret_tag, tag_len));
}

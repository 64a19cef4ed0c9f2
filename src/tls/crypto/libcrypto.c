/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/libcrypto.h"

#include "tls/crypto/crypto.h"
#include "tls/crypto/memory.h"
#include "tls/crypto/provider.h"
#include "util/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

static pthread_mutex_t fetch_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(OSSL_LIB_CTX *) context;
static _Atomic(EVP_CIPHER *) ciphers[LEATI_CRYPTO_CIPHER_COUNT];

static const char *const cipher_names[LEATI_CRYPTO_CIPHER_COUNT] = {
    [LEATI_CRYPTO_AES_128_GCM] = "AES-128-GCM",
    [LEATI_CRYPTO_AES_192_GCM] = "AES-192-GCM",
    [LEATI_CRYPTO_AES_256_GCM] = "AES-256-GCM",
    [LEATI_CRYPTO_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
};

void leati_crypto_begin(void)
{
    leati_fork_hold();
    ERR_set_mark();
}

void leati_crypto_end(void)
{
    ERR_pop_to_mark();
    leati_fork_let();
}

static OSSL_LIB_CTX *context_make(void)
{
    OSSL_LIB_CTX *made = atomic_load_explicit(&context, memory_order_acquire);

    if (!made) {
        made = leati_crypto_context_new();
        atomic_store_explicit(&context, made, memory_order_release);
    }
    return made;
}

OSSL_LIB_CTX *leati_crypto_context(void)
{
    OSSL_LIB_CTX *made = atomic_load_explicit(&context, memory_order_acquire);

    if (made)
        return made;
    /* Before anything else of libcrypto: else exit() would take it down under threads that run. */
    leati_fork_hold();
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    leati_crypto_begin();
    leati_lock(&fetch_lock);
    made = context_make();
    leati_unlock(&fetch_lock);
    leati_crypto_end();
    leati_fork_let();
    if (!made)
        leati_tls_memory_note();
    return made;
}

const EVP_CIPHER *leati_crypto_cipher(enum leati_crypto_cipher id)
{
    EVP_CIPHER *cipher = atomic_load_explicit(&ciphers[id], memory_order_acquire);
    OSSL_LIB_CTX *from = cipher ? NULL : leati_crypto_context();

    if (cipher || !from)
        return cipher;
    leati_crypto_begin();
    leati_lock(&fetch_lock);
    cipher = atomic_load_explicit(&ciphers[id], memory_order_acquire);
    if (!cipher) {
        cipher = EVP_CIPHER_fetch(from, cipher_names[id], NULL);
        atomic_store_explicit(&ciphers[id], cipher, memory_order_release);
    }
    leati_unlock(&fetch_lock);
    leati_crypto_end();
    if (!cipher)
        leati_tls_memory_note();
    return cipher;
}

/* What libcrypto had no memory for once it does not try again in the same context. */
static void context_drop(void)
{
    leati_crypto_begin();
    leati_lock(&fetch_lock);
    for (size_t i = 0; i < LEATI_CRYPTO_CIPHER_COUNT; i++)
        EVP_CIPHER_free(atomic_exchange(&ciphers[i], NULL));
    leati_crypto_context_free(atomic_exchange(&context, NULL));
    leati_unlock(&fetch_lock);
    leati_crypto_end();
}

/* Nobody else has anything of libcrypto's before this has ended well. */
int leati_tls_crypto_start(void)
{
    static int (*const starts[])(void) = {
        leati_crypto_sha2_start,
        leati_crypto_gcm_start,
        leati_crypto_chachapoly_start,
    };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        int ret = starts[i]();
        if (ret != 0) {
            context_drop();
            return ret;
        }
    }
    return 0;
}

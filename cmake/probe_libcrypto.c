/* SPDX-License-Identifier: Apache-2.0 */
/* For cmake/LeatMbedtls.cmake: whether this libcrypto has what src/tls/crypto needs. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

int main(void)
{
    static const char *const ciphers[] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM",
                                          "ChaCha20-Poly1305"};
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    SHA256_CTX sha256 = {.num = 0};
    SHA512_CTX sha512 = {.num = 0};
    unsigned char block[128] = {0};

    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, ciphers[i], NULL);
        if (!cipher) {
            puts(ciphers[i]);
            return 1;
        }
        EVP_CIPHER_free(cipher);
    }
    SHA256_Transform(&sha256, block);
    SHA512_Transform(&sha512, block);
    /* Whoever has AddressSanitizer in CFLAGS would take what is left for a failure. */
    OSSL_LIB_CTX_free(context);
    return 0;
}

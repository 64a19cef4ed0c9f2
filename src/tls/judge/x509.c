/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/judge/x509.h"

#include "tls/crypto/libcrypto.h"
#include "util/alloc.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>

X509 *leati_x509_decode(const uint8_t *der, size_t len)
{
    OSSL_LIB_CTX *context = leati_crypto_context();
    X509 *cert = context && len <= LONG_MAX ? X509_new_ex(context, NULL) : NULL;
    const unsigned char *at = der;

    if (cert && d2i_X509(&cert, &at, (long)len) && at == der + len)
        return cert;
    /* NULL if it is libcrypto that has freed it. */
    X509_free(cert);
    return NULL;
}

const char *leati_x509_words(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());

    return words ? words : "it is no certificate";
}

bool leati_x509_pem_next(const uint8_t *text, size_t len, size_t *pos, size_t *ret_start,
                         size_t *ret_len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const uint8_t *at = memmem(text + *pos, len - *pos, begin, sizeof(begin) - 1);

    if (!at)
        return false;
    size_t start = (size_t)(at - text) + sizeof(begin) - 1;
    const uint8_t *to = memmem(text + start, len - start, end, sizeof(end) - 1);
    if (!to)
        return false;
    *ret_start = start;
    *ret_len = (size_t)(to - text) - start;
    *pos = start + *ret_len + sizeof(end) - 1;
    return true;
}

uint8_t *leati_x509_pem_decode(const uint8_t *base64, size_t len, size_t *ret_len)
{
    EVP_ENCODE_CTX *decoder = EVP_ENCODE_CTX_new();
    uint8_t *der = len > 0 && len < INT_MAX ? leati_malloc(len) : NULL;
    int some = 0, rest = 0;

    bool is_good = decoder && der;
    if (is_good) {
        EVP_DecodeInit(decoder);
        is_good = EVP_DecodeUpdate(decoder, der, &some, base64, (int)len) >= 0 &&
                  EVP_DecodeFinal(decoder, der + some, &rest) == 1 && some + rest > 0;
    }
    EVP_ENCODE_CTX_free(decoder);
    if (!is_good) {
        leati_free(der);
        return NULL;
    }
    *ret_len = (size_t)some + (size_t)rest;
    return der;
}

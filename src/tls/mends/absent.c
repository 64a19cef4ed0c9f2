/* SPDX-License-Identifier: Apache-2.0 */
/* For an mbedTLS that is not leat's own, and calls nothing here. */
#include "tls/mends/mends.h"

void leati_tls_messages_free(struct leati_tls_mends *mends)
{
    (void)mends;
}

bool leati_tls_keys_can_update(const mbedtls_ssl_context *ssl)
{
    (void)ssl;
    return false;
}

int leati_tls_keys_update(mbedtls_ssl_context *ssl, bool inbound)
{
    (void)ssl;
    (void)inbound;
    return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
}

int leati_tls_keys_announce(mbedtls_ssl_context *ssl, bool request)
{
    (void)ssl;
    (void)request;
    return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
}

int leati_tls_certificate_add(mbedtls_x509_crt *chain, const unsigned char *der, size_t len)
{
    return mbedtls_x509_crt_parse_der(chain, der, len);
}

bool leati_tls_certificate_is_read(const mbedtls_x509_crt *cert)
{
    (void)cert;
    return true;
}

const mbedtls_x509_crt *leati_tls_certificate_chosen(const mbedtls_ssl_context *ssl)
{
    (void)ssl;
    return NULL;
}

int leati_tls_key_be_elsewhere(struct leati_tls_key *key, const mbedtls_x509_crt *cert,
                               leati_tls_key_sign_fn *sign, void *user)
{
    (void)key;
    (void)cert;
    (void)sign;
    (void)user;
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mends/calls.h"

#include <stdbool.h>

static bool is_rsa_pss(uint16_t algorithm)
{
    return algorithm == MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256 ||
           algorithm == MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384 ||
           algorithm == MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512;
}

/* Who offers RSASSA-PSS must take it in TLS 1.2 as well (RFC 8446 section 4.2.3). mbedTLS verifies
 * it there and refuses it all the same, as its code points do not consist of a hash and a
 * signature. */
int leati_mend_sig_alg_is_supported(const mbedtls_ssl_context *ssl, uint16_t algorithm)
{
    if (ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_2 && is_rsa_pss(algorithm))
        return 1;
    return mbedtls_ssl_sig_alg_is_supported(ssl, algorithm);
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whether one certificate is good, without a connection: networkSecurity.certVerification() of
 * HarmonyOS.
 */
#ifndef LEAT_CERTIFICATE_H
#define LEAT_CERTIFICATE_H

#include <leat/base.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Judges one certificate by the rules of RFC 5280 section 6, for whatever purpose: signature,
 * validity, and all that its issuers must be. Neither host names nor revocation are looked at.
 *
 * Both texts are PEM, of which the first certificate counts, or DER. They need no final NUL.
 *
 * Why it is not good is told by the number that OpenSSL has for it (X509_V_ERR_..., openssl
 * verify(1)): 7 its signature does not fit the issuer's key, 9 not yet valid, 10 expired, 18
 * self-signed and not trusted, 20 unknown issuer, 24 its issuer is no CA, 27 for another reason not
 * trusted, 69 it cannot be read. The first fault counts, and who is trusted comes first. Without
 * libcrypto in the build (LEAT_CRYPTO=mbedtls) a bad signature is 20. A CA that is given is trusted
 * even if it is not self-signed. Keys below 112 bits of security (66, 67) and SHA-1 (68) are
 * refused as in a connection.
 *
 * @param ca whom to trust; NULL = the system's CAs. If it cannot be read, nobody is trusted.
 * @param ret_reason 0: the certificate is good.
 * @return LEAT_OK: it was judged; LEAT_E_PARAMETER, LEAT_E_WS_CERT_FILE (the system's CAs cannot be
 *         read), LEAT_E_TLS_VERIFY (there is nothing in them), LEAT_E_TLS_ENGINE (the crypto
 *         library does not start), LEAT_E_SYSTEM_INTERNAL (no memory). @thread any.
 */
LEAT_API LEAT_MUST_CHECK int leat_certificate_check(const void *certificate, size_t certificate_len,
                                                    const void *ca, size_t ca_len, int *ret_reason);

#ifdef __cplusplus
}
#endif

#endif

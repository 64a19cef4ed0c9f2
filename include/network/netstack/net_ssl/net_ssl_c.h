/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whether a certificate is good: of net_ssl_c.h of the HarmonyOS C NDK what does not ask the
 * system's configuration, on Linux over leat.
 *
 * Library: libnet_websocket.so (libnet_ssl.so in HarmonyOS)
 */
#ifndef NET_SSL_C_H
#define NET_SSL_C_H

#include "net_ssl_c_type.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Judges one certificate (RFC 5280 section 6), for any purpose. Host names and revocation are not
 * looked at. It waits for nothing but files, and needs no client.
 *
 * A code is 2305000 and the number of the fault in OpenSSL, X509_V_ERR_... of <openssl/x509_vfy.h>,
 * as in HarmonyOS, whose documents name those with a star ("net_ssl_c.h", OH_NetStack_CertVerification).
 * Who is trusted is looked at first, and the first fault counts.
 *
 * | code      | when |
 * |-----------|------|
 * | 0 *       | it is good |
 * | 69        | `cert` is NULL; without 2305000, as in HarmonyOS |
 * | 2305002 * | the issuer's own issuer is not known; not here: a CA that is given is enough |
 * | 2305003 * | no revocation list, and 2305005, 2305008, 2305011, 2305012, 2305023: not used |
 * | 2305007 * | its signature does not fit the issuer's key, whose name fits |
 * | 2305009 * | not yet valid |
 * | 2305010 * | expired |
 * | 2305018   | self-signed and not the CA; not in the documents, but in HarmonyOS |
 * | 2305020   | neither the CA nor one of the system's has issued it, also because it cannot be read, or there is none |
 * | 2305024 * | who has issued it is no CA |
 * | 2305027 * | not trusted for a reason that has no other number |
 * | 2305066, 2305067, 2305068 | a weak key, the CA's, a weak hash: HarmonyOS accepts them |
 * | 2305069   | `cert` cannot be read: of the wrong type, empty, or nonsense |
 * | 2305999   | no memory |
 * | 2305001 * | the crypto library does not start |
 *
 * Others are possible as X509_V_ERR_... grows, such as 2305025 (path length), 2305047 (name
 * constraints). Where libcrypto is not in the build a wrong signature is 2305020.
 *
 * @param caCert NULL = the system's CAs. Otherwise it alone is trusted, also as an intermediate.
 * @thread any.
 */
uint32_t OH_NetStack_CertVerification(const struct NetStack_CertBlob *cert,
                                      const struct NetStack_CertBlob *caCert);

#ifdef __cplusplus
}
#endif

#endif

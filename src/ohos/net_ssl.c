/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate verification of the NDK, over leat_certificate_check(). */
#include <leat/certificate.h>
#include <leat/error_codes.h>

#include <network/netstack/net_ssl/net_ssl_c.h>

#include <stdbool.h>
#include <string.h>

#define BASE           2305000u
#define UNSPECIFIED    (BASE + 1u)
#define UNKNOWN_ISSUER (BASE + 20u)
#define NO_MEMORY      (BASE + 999u)
/* X509_V_ERR_INVALID_CALL */
#define NULL_CERT 69u

static const char pem_begin[] = "-----BEGIN CERTIFICATE-----";

/* leat takes both for what they are. Here what does not fit its type is not read. */
static bool blob_fits(const struct NetStack_CertBlob *blob)
{
    if (!blob->data || blob->size == 0)
        return false;
    bool is_pem = memmem(blob->data, blob->size, pem_begin, sizeof(pem_begin) - 1) != NULL;
    return blob->type == (is_pem ? NETSTACK_CERT_TYPE_PEM : NETSTACK_CERT_TYPE_DER);
}

LEAT_API uint32_t OH_NetStack_CertVerification(const struct NetStack_CertBlob *cert,
                                               const struct NetStack_CertBlob *caCert)
{
    static const struct NetStack_CertBlob unreadable = {.data = (uint8_t *)""};
    int reason;

    if (!cert)
        return NULL_CERT;
    if (!blob_fits(cert))
        cert = &unreadable;
    if (caCert && !blob_fits(caCert))
        caCert = &unreadable;
    int code = leat_certificate_check(cert->data, cert->size, caCert ? caCert->data : NULL,
                                      caCert ? caCert->size : 0, &reason);
    if (code == LEAT_E_SYSTEM_INTERNAL)
        return NO_MEMORY;
    if (code == LEAT_E_WS_CERT_FILE || code == LEAT_E_TLS_VERIFY)
        return UNKNOWN_ISSUER;
    if (code != LEAT_OK)
        return UNSPECIFIED;
    return reason == 0 ? 0 : BASE + (uint32_t)reason;
}

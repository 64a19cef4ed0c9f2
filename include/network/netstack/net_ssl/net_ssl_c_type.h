/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What <network/netstack/net_ssl/net_ssl_c.h> works with.
 */
#ifndef NET_SSL_C_TYPE_H
#define NET_SSL_C_TYPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a certificate is written. */
enum NetStack_CertType {
    NETSTACK_CERT_TYPE_PEM = 0, /**< as text (RFC 7468); the first certificate in it counts */
    NETSTACK_CERT_TYPE_DER = 1, /**< the bytes themselves (RFC 5280 section 4.1) */
    NETSTACK_CERT_TYPE_INVALID, /**< not at all: it cannot be read */
};

/** A certificate. */
struct NetStack_CertBlob {
    enum NetStack_CertType type; /**< how it is written; text with the wrong type is not read */
    uint32_t size;               /**< bytes at `data`, without a final NUL */
    uint8_t *data;               /**< the caller's, only read */
};

#ifdef __cplusplus
}
#endif

#endif

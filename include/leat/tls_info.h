/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a TLS connection has agreed on, and what its peer has shown, as values.
 */
#ifndef LEAT_TLS_INFO_H
#define LEAT_TLS_INFO_H

#include <leat/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the handshake has agreed on. No string is NULL; "" = none, or not known. */
struct leat_tls_info {
    const char *protocol; /**< "TLSv1.2", "TLSv1.3" */
    const char *cipher;   /**< the suite's name in the IANA registry */
    const char *alpn;     /**< the protocol chosen by ALPN (RFC 7301) */
    bool resumed;         /**< an earlier session goes on; no certificate was shown */
    /** The group of the key exchange by its name in the IANA registry, "secp256r1". Known at
     * clients, and only to connections with a trace. */
    const char *group;
    /** With what the server has signed the handshake, "ecdsa_secp256r1_sha256". Known as `group`
     * is; "" also for a resumed session. */
    const char *signature_algorithm;
};

/** One certificate of the chain that a peer is verified by. */
struct leat_certificate_info {
    /** 0 is the peer's own; each next one has signed the one before. */
    size_t depth;
    const uint8_t *der;  /**< the whole certificate (RFC 5280 section 4.1) */
    size_t der_len;      /**< bytes of it */
    const char *subject; /**< "CN=example.com, O=Example"; unprintable bytes are escaped */
    const char *issuer;  /**< the same of who has signed it */
    /** DNS names and IP addresses of subjectAltName, ", " between them; ends in ", ..." if there
     * are more than 2 KiB of them. */
    const char *names;
    int64_t not_before;    /**< the first one, in seconds since 1970-01-01 00:00:00 UTC */
    int64_t not_after;     /**< the last second in which it is valid */
    const char *key_type;  /**< "EC", "RSA" */
    unsigned key_bits;     /**< the size of the key */
    const char *signature; /**< with what its issuer has signed it: "ECDSA with SHA256" */
    bool verified;         /**< false = verification is switched off; nobody has looked */
    const char *problem;   /**< why it was refused; "" = it was not */
};

#ifdef __cplusplus
}
#endif

#endif

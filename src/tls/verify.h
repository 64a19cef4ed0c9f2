/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Looks at each certificate of a chain that was judged, by libcrypto or by mbedTLS, checks what
 * neither does (host names as RFC 9525 has them, pins), and collects why it is not accepted.
 */
#ifndef LEATI_TLS_VERIFY_H
#define LEATI_TLS_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/host_name.h"
#include "tls/judge/judge.h"
#include "tls/pins.h"

#include <mbedtls/x509_crt.h>

struct leati_tls_verifier {
    const char *server_name;           /**< what the certificate must be for, NULL = anything */
    const char *peer;                  /**< whose certificate: "server", "client" */
    const struct leati_tls_pins *pins; /**< of which one must match; NULL = none is wanted */
    bool pin_matched;
    bool peer_is_client;
    enum leati_tls_host_match host; /**< of the certificate that was seen last */
    uint8_t ip[16];
    uint8_t ip_len;  /**< 4 or 16; 0 = `server_name` is a name */
    bool leaf_seen;  /**< a certificate of the peer went through the callback */
    int top_depth;   /**< of the chain that was built */
    int64_t until_s; /**< when the first certificate of the chain expires, since 1970 */
    /** What the judge says; NULL: mbedTLS judges. Only while the chain is looked at. */
    const struct leati_verdict *verdict;
    const mbedtls_x509_crt *sent;    /**< by the peer; the same */
    const mbedtls_x509_crt *trusted; /**< for texts; the same */
    int native_code;                 /**< of what could not be read; 0 = nothing */
    uint32_t reported;               /**< flags that are in the report */
    size_t report_len;
    char *report; /**< NULL = nothing to report, or no memory */
};

/** For a server's certificate. `server_name` must outlive the verifier. A zone ("fe80::1%eth0") is
 * not part of an address here. */
void leati_tls_verifier_init(struct leati_tls_verifier *verifier, const char *server_name);
/** For a client's certificate, which may be for any name. */
void leati_tls_verifier_init_for_client(struct leati_tls_verifier *verifier);
void leati_tls_verifier_done(struct leati_tls_verifier *verifier);

/** Why one certificate is not accepted; part of a longer text, not ended by NUL. */
struct leati_tls_reasons {
    const char *text;
    int len; /**< 0 = it is accepted */
};

/** Looks at one certificate and adds to the flags, which are those of mbedTLS if it judges. From
 * the top of the chain down to the peer's own. */
void leati_tls_verifier_see(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                            int depth, uint32_t *flags, struct leati_tls_reasons *ret_reasons);

/** Something of the chain is good until then, since 1970. */
void leati_tls_verifier_ends(struct leati_tls_verifier *verifier, int64_t until_s);

/** A program refuses a chain that was accepted, after its last certificate was seen: adds to its
 * flags, and to the reasons. */
void leati_tls_verifier_object(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                               const char *why, uint32_t *flags,
                               struct leati_tls_reasons *ret_reasons);

/** Adds what mbedTLS found besides (`flags` of mbedtls_ssl_get_verify_result()) and returns all
 * reasons in one line; valid while the verifier is, never NULL. */
const char *leati_tls_verifier_reasons(struct leati_tls_verifier *verifier, uint32_t flags);

#endif

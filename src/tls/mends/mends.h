/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS 3.6 gets wrong in TLS, done right: docs/decisions/0005-mends-of-mbedtls.md. mbedTLS
 * calls it itself (calls.h); here is what a connection keeps for it. Only leat's own build of
 * mbedTLS calls: without it (LEAT_MBEDTLS=system) nothing here has any effect.
 */
#ifndef LEATI_TLS_MENDS_MENDS_H
#define LEATI_TLS_MENDS_MENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

/** The longest handshake message that is taken, without its header. Certificates of mbedTLS have no
 * room for more: it reads 16 bits of the length of the list. */
#define LEATI_TLS_MESSAGE_LIMIT_BYTES 65536u

/** Tickets that are longer are not kept: each has to fit into a ClientHello, with all the rest. */
#define LEATI_TLS_TICKET_LIMIT_BYTES 8192u

/** The longest cookie of a HelloRetryRequest, which goes into a ClientHello beside the ticket. */
#define LEATI_TLS_COOKIE_LIMIT_BYTES 4096u

/** Of one connection. */
struct leati_tls_mends {
    uint8_t *message;   /* a handshake message that came in several records */
    size_t message_cap; /* its allocation */
    size_t message_len; /* how much of an incomplete one is here; 0 = none */
    size_t rest_len;    /* what stood in the same record behind the message before */
    const void *keys;   /* with which the first of these bytes came */
    uint8_t too_long_type;
    size_t too_long;        /* the length of a message that is above the limit; 0 = none */
    size_t long_cookie;     /* the length of a cookie that is above the limit; 0 = none */
    psa_key_id_t key_share; /* of a ClientHello that is to be sent again with it; 0 = none */
};

/** `ssl` holds on to `mends`, until leati_tls_mends_done(). */
void leati_tls_mends_init(struct leati_tls_mends *mends, mbedtls_ssl_context *ssl);
void leati_tls_mends_done(struct leati_tls_mends *mends);

/** Frees what is of no use while nothing of a record is in the buffers of mbedTLS. */
void leati_tls_mends_rest(struct leati_tls_mends *mends);

/* ---- KeyUpdate (RFC 8446 section 4.6.3) ------------------------------------------------------ */

/** Whether keys can be changed: an open connection of TLS 1.3, and leat's own build of mbedTLS. */
bool leati_tls_keys_can_update(const mbedtls_ssl_context *ssl);
/** The next key of one direction. Returns 0 or the code of mbedTLS, after which nothing can be sent
 * or read any more. */
int leati_tls_keys_update(mbedtls_ssl_context *ssl, bool inbound);
/** Writes a KeyUpdate, behind which our next key is to be taken. */
int leati_tls_keys_announce(mbedtls_ssl_context *ssl, bool request);

/* ---- certificates ---------------------------------------------------------------------------- */

/** Before anything of a chain is verified the callback of mbedtls_ssl_set_verify() is asked with
 * this depth and the peer's own certificate, the others behind it: it returns
 * LEATI_TLS_CHAIN_UNJUDGED, upon which mbedTLS verifies, or 0, and its flags are the verdict, or
 * the code of mbedTLS for why there is none. */
#define LEATI_TLS_CHAIN_DEPTH    (-1)
#define LEATI_TLS_CHAIN_UNJUDGED 1

/** The certificate of ours that the handshake has chosen, while there is one; NULL = none, or not
 * known. */
const mbedtls_x509_crt *leati_tls_certificate_chosen(const mbedtls_ssl_context *ssl);

/** As mbedtls_x509_crt_parse_der(), but what mbedTLS cannot read is in the chain all the same, with
 * as much of it as can be read: no part of the chain is missing for who judges it. mbedTLS trusts no
 * such certificate, nor what it has issued. */
int leati_tls_certificate_add(mbedtls_x509_crt *chain, const unsigned char *der, size_t len);
/** Whether mbedTLS could read all of a certificate of such a chain. */
bool leati_tls_certificate_is_read(const mbedtls_x509_crt *cert);

/* ---- keys that are elsewhere -------------------------------------------------------------------
 */

/** Signs a digest; the signature is as TLS has it. @return 0 or a code of mbedTLS. */
typedef int leati_tls_key_sign_fn(void *user, mbedtls_md_type_t hash, const unsigned char *digest,
                                  size_t digest_len, unsigned char *signature, size_t cap,
                                  size_t *ret_len);

/** A private key of ours; for mbedTLS its first member. */
struct leati_tls_key {
    mbedtls_pk_context pk;
    leati_tls_key_sign_fn *sign; /**< NULL = the key is here */
    void *user;
};

/** Makes `key`, which is empty, one of the certificate that signs by a function: ECDSA, and RSA with
 * PKCS #1 v1.5. @return 0 or a code of mbedTLS; MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE: mbedTLS is not
 * leat's own. */
int leati_tls_key_be_elsewhere(struct leati_tls_key *key, const mbedtls_x509_crt *cert,
                               leati_tls_key_sign_fn *sign, void *user);

/* ---- within ---------------------------------------------------------------------------------- */

/** Frees the message of several records. (Who calls it links messages.c, whose replacement of a
 * weak function of mbedTLS no linker would look for.) */
void leati_tls_messages_free(struct leati_tls_mends *mends);

#endif

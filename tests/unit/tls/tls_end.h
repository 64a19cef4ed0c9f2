/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A TLS layer over a scripted wire, with what is around it in a chain.
 */
#ifndef TESTS_UNIT_TLS_TLS_END_H
#define TESTS_UNIT_TLS_TLS_END_H

#include "support/scripted_layer.h"
#include "tls/tls.h"
#include "unit/tls/ssl_peer.h"

struct tls_end_options {
    bool keep_peer_certificate;
    bool is_server; /**< shows server.pem unless a path says otherwise */
    enum leat_client_verification client_verification;
    bool tickets;
    const char *server_name; /**< NULL = "localhost" */
    const char *ca_path;     /**< NULL = "ca.pem" of the shared certificates */
    const char *cert_path, *key_path, *key_password;
    bool skip_verify;
    int min_protocol, max_protocol; /**< 0 = LEAT_TLS_V12, LEAT_TLS_V13 */
    const char *const *alpn;
    const char *key_log_path;
    const struct leati_tls_credentials_options *more; /**< texts, names, pins, lists */
    bool prefer_remote_ciphers;
    struct leati_tls_credentials *credentials; /**< NULL = made of all these */
    struct leati_tls_sessions *sessions;
    uint32_t timeout_ms, close_timeout_ms;
    uint64_t key_records_max;
    leat_tls_verify_fn verify_fn;
};

struct tls_end {
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct scripted_layer wire;
    struct leati_layer *tls;
    size_t linked; /**< of the bytes that the linked wire has sent: how many are here */
};

/** Sets up a layer over a wire. Fails the test if that fails. */
void tls_end_init(struct tls_end *end, const struct tls_end_options *options,
                  const struct scripted_script *script);
/** The same; returns the code, and leaves `end->tls` NULL if it is not LEAT_OK. */
int tls_end_try(struct tls_end *end, const struct tls_end_options *options,
                const struct scripted_script *script);
void tls_end_done(struct tls_end *end);

/** connect, until it is done or nothing moves any more (LEATI_AGAIN). */
int tls_end_connect(struct tls_end *end);
/** The handshake against this peer must succeed. */
void tls_end_open(struct tls_end *end, struct ssl_peer *peer);
/** The handshake against this peer must fail with this code; the record has it. */
void tls_end_refuse(struct tls_end *end, struct ssl_peer *peer, int code);
/** The failure's text must have this in it. */
void tls_end_expect_text(const struct tls_end *end, const char *part);

/** recv until `len` bytes are there, or its result is not LEAT_OK for good; the result of the last
 * call. `*ret_len` = how many bytes came. */
int tls_end_read(struct tls_end *end, void *buf, size_t len, size_t *ret_len);
/** send until all is taken or nothing moves any more. */
int tls_end_write(struct tls_end *end, const void *data, size_t len);
/** shutdown until it is done or nothing moves any more. */
int tls_end_shutdown(struct tls_end *end, uint64_t now_ms);

/** Connects two wires: what one end sends is for the other to read. Then each connect of one is to
 * be followed by one of the other: tls_end_connect_both(). */
void tls_end_link(struct tls_end *a, struct tls_end *b);
/** connect of both in turn, until neither says LEATI_AGAIN or nothing moves any more. */
void tls_end_connect_both(struct tls_end *a, struct tls_end *b, int *ret_a, int *ret_b);

/** Bytes in which nothing repeats at the size of a record. */
uint8_t *pattern_new(size_t len);

#endif

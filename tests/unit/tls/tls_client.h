/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A TLS layer over a scripted wire, with what is around it in a chain.
 */
#ifndef TESTS_UNIT_TLS_TLS_CLIENT_H
#define TESTS_UNIT_TLS_TLS_CLIENT_H

#include "support/scripted_layer.h"
#include "tls/tls.h"
#include "unit/tls/ssl_peer.h"

struct tls_client_options {
    const char *server_name; /**< NULL = "localhost" */
    const char *ca_path;     /**< NULL = "ca.pem" of the shared certificates */
    const char *cert_path, *key_path, *key_password;
    bool skip_verify;
    int min_protocol, max_protocol; /**< 0 = LEAT_TLS_V12, LEAT_TLS_V13 */
    const char *const *alpn;
    const char *key_log_path;
    struct leati_tls_credentials *credentials; /**< NULL = made of the paths above */
    struct leati_tls_sessions *sessions;
    uint32_t timeout_ms, close_timeout_ms;
};

struct tls_client {
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct scripted_layer wire;
    struct leati_layer *tls;
};

/** Sets up a layer over a wire. Fails the test if that fails. */
void tls_client_init(struct tls_client *client, const struct tls_client_options *options,
                     const struct scripted_script *script);
/** The same; returns the code, and leaves `client->tls` NULL if it is not LEAT_OK. */
int tls_client_try(struct tls_client *client, const struct tls_client_options *options,
                   const struct scripted_script *script);
void tls_client_done(struct tls_client *client);

/** connect, until it is done or nothing moves any more (LEATI_AGAIN). */
int tls_client_connect(struct tls_client *client);
/** The handshake against this peer must succeed. */
void tls_client_open(struct tls_client *client, struct ssl_peer *peer);
/** The handshake against this peer must fail with this code; the record has it. */
void tls_client_refuse(struct tls_client *client, struct ssl_peer *peer, int code);
/** The failure's text must have this in it. */
void tls_client_expect_text(const struct tls_client *client, const char *part);

/** recv until `len` bytes are there, or its result is not LEAT_OK for good; the result of the last
 * call. `*ret_len` = how many bytes came. */
int tls_client_read(struct tls_client *client, void *buf, size_t len, size_t *ret_len);
/** send until all is taken or nothing moves any more. */
int tls_client_write(struct tls_client *client, const void *data, size_t len);
/** shutdown until it is done or nothing moves any more. */
int tls_client_shutdown(struct tls_client *client, uint64_t now_ms);

/** Bytes in which nothing repeats at the size of a record. */
uint8_t *pattern_new(size_t len);

#endif

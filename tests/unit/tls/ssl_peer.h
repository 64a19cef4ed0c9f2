/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A TLS server or client by OpenSSL in the test's own process, as the other end of a scripted
 * layer: no socket, no clock, every byte in the hands of the test.
 */
#ifndef TESTS_UNIT_TLS_SSL_PEER_H
#define TESTS_UNIT_TLS_SSL_PEER_H

#include "support/scripted_layer.h"

#include <openssl/ssl.h>

struct ssl_peer_options {
    bool is_client;       /**< trusts "ca.pem", looks for localhost, and shows `cert_path` if any */
    SSL_SESSION *session; /**< of a client: what it offers to resume */
    const char *cert_path; /**< NULL = "server.pem" of the shared certificates */
    const char *key_path;
    int min_version, max_version; /**< TLS1_2_VERSION ...; 0 = any */
    const char *ciphers;          /**< of TLS 1.2 */
    const char *ciphersuites;     /**< of TLS 1.3 */
    const char *client_ca_path;   /**< demand a client certificate of this CA */
    const char *alpn;         /**< the protocol to choose if it is offered; a client offers it */
    const char *key_log_path; /**< where OpenSSL writes its secrets */
    bool own_preference;      /**< choose by the server's order, not by the client's */
    bool no_tickets;
    bool stateless; /**< answer the first ClientHello with a HelloRetryRequest that has a cookie */
    const char *sigalgs;  /**< of its own signatures */
    const char *greeting; /**< is said right behind the last byte of the handshake */
    bool echo;            /**< send back what is received */
};

/** A server, which serves one connection after the other, or a client. */
struct ssl_peer {
    SSL_CTX *context;
    bool is_client;
    SSL_SESSION *session;
    bool echo;
    const char *greeting;
    bool has_greeted;
    SSL *ssl;
    BIO *from_wire, *to_wire;
    size_t fed; /**< bytes of the wire's `sent` that OpenSSL has seen */
    bool stateless;
    bool held;      /**< what OpenSSL says is kept back until it is false */
    int last_error; /**< of SSL_get_error(); 0 = none yet */
    bool got_close_notify;
    struct scripted_bytes received; /**< application data */
    /** Gets what OpenSSL says instead of the wire; see record_editor.h. NULL = nobody. */
    void (*edit)(struct ssl_peer *peer, const void *data, size_t len);
    void *editor;
};

void ssl_peer_init(struct ssl_peer *peer, const struct ssl_peer_options *options);
void ssl_peer_done(struct ssl_peer *peer);

/** Drops the connection, as if it were closed in order. */
void ssl_peer_hang_up(struct ssl_peer *peer);
/** A new connection over this wire. */
void ssl_peer_accept(struct ssl_peer *peer, struct scripted_layer *wire);

/** Feeds what the client has sent, and gives it what OpenSSL answers. Runs by itself after each
 * send. */
void ssl_peer_pump(void *peer, struct scripted_layer *wire);

/** Sends application data. */
void ssl_peer_write(struct ssl_peer *peer, struct scripted_layer *wire, const void *data,
                    size_t len);
/** Sends close_notify. */
void ssl_peer_close(struct ssl_peer *peer, struct scripted_layer *wire);

#endif

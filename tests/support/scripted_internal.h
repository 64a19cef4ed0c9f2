/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the files of the scripted peer share: one connection, and the steps by kind.
 */
#ifndef LEAT_TESTS_SUPPORT_SCRIPTED_INTERNAL_H
#define LEAT_TESTS_SUPPORT_SCRIPTED_INTERNAL_H

#include "support/scripted_peer.h"

#include <pthread.h>

struct scripted_tls;

/** The most bytes that a connection keeps unread. */
#define SCRIPTED_INPUT_BYTES (64u << 20)

#define SCRIPTED_LABELS 64

struct scripted_peer {
    struct scripted_peer_options options;
    size_t script_count;
    int listener;
    int stop_fd; /* readable for ever once the peer is being freed */
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool stopping;
    unsigned live; /* connections with a thread */
    unsigned releases;
    const char *labels[SCRIPTED_LABELS];
    size_t label_count;
    struct peer_seen seen;
};

struct scripted_connection {
    struct scripted_peer *peer;
    const struct peer_step *script;
    int fd;
    struct scripted_tls *tls; /* NULL = not in TLS */
    uint8_t *in;              /* what has come and was not asked for yet */
    size_t in_len, in_cap;
    uint8_t *held; /* what waits for the next send */
    size_t held_len;
    bool listening; /* bytes have come after the last send */
};

/* ---- scripted_io.c: bytes; all return false when the connection is over, or the peer stops ----
 */

/** Waits for poll(2) events on `fd`. false if the peer stops. */
bool scripted_wait_fd(struct scripted_connection *c, int fd, short events);
/** Bytes off the wire, at least one. */
bool scripted_raw_recv(struct scripted_connection *c, uint8_t *buf, size_t cap, size_t *ret_len);
/** All of these bytes onto the wire, `split` at a time (0 = in one). */
bool scripted_raw_send(struct scripted_connection *c, const void *data, size_t len, size_t split);

/** Makes sure that `in` holds `len` bytes, through TLS if there is one. */
bool scripted_need(struct scripted_connection *c, size_t len);
/** Forgets the first `len` bytes of `in`. */
void scripted_consume(struct scripted_connection *c, size_t len);
/** Sends as a step says (hold, repeat, split), through TLS if there is one. */
bool scripted_send(struct scripted_connection *c, const struct peer_step *how, const void *data,
                   size_t len);
/** Room for `len` more bytes at the end of `in`; NULL if that is too much. */
uint8_t *scripted_reserve(struct scripted_connection *c, size_t len);

/** Records a problem, the first one of the peer. @return false, for `return`. */
bool scripted_problem(struct scripted_connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- scripted_protocols.c: the steps of SOCKS5, HTTP and WebSocket ------------------------------
 */

bool scripted_read_socks5_greeting(struct scripted_connection *c);
bool scripted_read_socks5_auth(struct scripted_connection *c);
bool scripted_read_socks5_request(struct scripted_connection *c);
bool scripted_send_socks5_reply(struct scripted_connection *c, const struct peer_step *step);
bool scripted_read_tls_record(struct scripted_connection *c);
bool scripted_read_http_head(struct scripted_connection *c);
bool scripted_send_upgrade(struct scripted_connection *c, const struct peer_step *step);
bool scripted_read_frame(struct scripted_connection *c, const struct peer_step *step);
bool scripted_send_frame(struct scripted_connection *c, const struct peer_step *step);
bool scripted_serve_echo(struct scripted_connection *c);

/* ---- scripted_relay.c
 * ---------------------------------------------------------------------------- */

bool scripted_relay(struct scripted_connection *c);

/* ---- scripted_tls.c: the only file that sees OpenSSL
 * ---------------------------------------------- */

bool scripted_tls_accept(struct scripted_connection *c, const struct peer_tls *options);
/** Plaintext, at least one byte. */
bool scripted_tls_recv(struct scripted_connection *c, uint8_t *buf, size_t cap, size_t *ret_len);
bool scripted_tls_send(struct scripted_connection *c, const void *data, size_t len, size_t split);
bool scripted_tls_close_notify(struct scripted_connection *c);
void scripted_tls_free(struct scripted_tls *tls);
/** RFC 6455 section 4.2.2: base64 of the SHA-1 of a key and the protocol's GUID. */
void scripted_websocket_accept(const char *key, size_t key_len, char ret_accept[29]);

#endif

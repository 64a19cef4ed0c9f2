/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A WebSocket server of OpenSSL's that takes what leaves before anything has been agreed on:
 * TLS 1.3 early data and TCP fast open. It serves one connection after the other.
 */
#ifndef LEAT_TESTS_INTEGRATION_EARLY_SERVER_H
#define LEAT_TESTS_INTEGRATION_EARLY_SERVER_H

#include "common.h"

#include <openssl/ssl.h>
#include <pthread.h>

#define CONNECTIONS_MAX 5
#define EARLY_MAX_BYTES 16384u

/* What the server does with the early data of one connection. */
enum early_mode {
    EARLY_TAKE,
    EARLY_REFUSE,
    EARLY_RETRY,        /* HelloRetryRequest, which refuses it, too */
    EARLY_IS_TOO_EARLY, /* takes it and answers 425 to it */
    EARLY_WITHOUT_BODY, /* the same, and the body of that answer never comes */
    ALL_IS_TOO_EARLY,   /* takes it and answers 425 to every request */
    LATE_IS_TOO_EARLY,  /* refuses it and answers 425 to what comes behind the handshake */
};

struct server_seen {
    int early_status; /* of OpenSSL */
    size_t early_len; /* bytes that came as early data */
    unsigned heads;   /* upgrade requests that came */
    bool had_data_in_syn;
    bool is_resumed;
};

struct early_server {
    int listener;
    uint16_t port;
    SSL_CTX *context; /* NULL = without TLS */
    enum early_mode modes[CONNECTIONS_MAX];
    struct server_seen seen[CONNECTIONS_MAX];
    unsigned count; /* of connections to serve */
    pthread_t thread;
};

/* Without TLS; the connections that it is to serve are in `count`. */
void early_server_start(struct early_server *server);
/* Tickets are for that much early data. */
void early_server_start_tls(struct early_server *server, unsigned early_max);
void early_server_done(struct early_server *server);

static inline void open_anew(struct client_run *run, const char *url)
{
    run->opened_count = run->closed_count = 0;
    client_run_open(run, url);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file One connection of the echo server. */
#ifndef LEAT_BENCH_CONNECTION_H
#define LEAT_BENCH_CONNECTION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;

/** `ssl` is NULL = plain. Takes both. `is_bytes`: sends back what comes, without WebSocket. NULL
 * without memory. */
struct connection *connection_new(int fd, SSL *ssl, bool is_bytes);
void connection_free(struct connection *connection);

/** Reads and writes as far as it goes; for every event of the edge-triggered descriptor. false = it
 * is over, and to be freed. */
bool connection_run(struct connection *connection);

#endif

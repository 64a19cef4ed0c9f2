/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The real peers: proxies and servers that others wrote, each on a free port of 127.0.0.1, ended by
 * sandbox_done(). One that is not installed fails the test.
 */
#ifndef LEAT_TESTS_SUPPORT_PEERS_H
#define LEAT_TESTS_SUPPORT_PEERS_H

#include "support/process.h"

#include <stdbool.h>
#include <stdint.h>

/** The most arguments of a peer, with the final NULL. */
#define PEER_ARGUMENTS_MAX 32

/** Makes the arguments of a peer for a port. */
typedef void (*peer_arguments_fn)(const char *port, const void *user, const char **argv);

/** Starts a program that must be told its port, on one that is its own. */
struct process *peer_start_listening(peer_arguments_fn fill, const void *user, uint16_t *ret_port);

/** SOCKS5 by microsocks. NULL, NULL = no password. @return its port. */
uint16_t microsocks_start(const char *user, const char *password);

/** SOCKS5 by dante, without authentication. It reaches the addresses of the loopback interface. With
 * LEAT_TEST_WITHOUT_DANTE in the environment (script/test knows where there is none) it is the one of
 * dante_gss_start(), or the test is skipped. */
uint16_t dante_start(void);

/** SOCKS5 by dante, which demands GSS-API and protects messages as `enctype` says ("clear integrity
 * confidentiality"), behind kdc_start() with the service "rcmd/localhost". Debian's is built without:
 * it is the one that script/bootstrap --tests has built (script/lib/dante.sh), or that whose path is
 * LEAT_TEST_DANTE_GSS in the environment. Where there is none the test is skipped. */
uint16_t dante_gss_start(const char *enctype);

/** SOCKS5 that demands GSS-API, by peers/socks5_gss.py, behind kdc_start() with the service "rcmd/localhost". `levels`: the protections that it knows, "0,1,2". */
uint16_t socks5_gss_start(const char *levels);

/** HTTP CONNECT that asks for Negotiate and proves who it is ("field", "info", "stale", "none"), by
 * peers/http_negotiate.py, behind kdc_start() with the service "HTTP/localhost". */
uint16_t http_negotiate_start(const char *proof);

/** SOCKS5 by `ssh -N -D`, through an sshd of its own. */
uint16_t ssh_proxy_start(void);

/** How a server shows itself. Zero = plain, without TLS. */
struct server_options {
    const char *cert;      /**< as certificate_path() takes it; NULL = no TLS */
    const char *key;       /**< NULL = "server.key" */
    const char *client_ca; /**< demand a client certificate of this CA */
    const char *host;      /**< where to listen; NULL = 127.0.0.1 */
    const char *protocol;  /**< a subprotocol to choose */
};

/** peers/ws_server.py, by python3-websockets. */
uint16_t python_server_start(const struct server_options *options);

/** peers/ws_server.js, by node's ws: `cert` and `key` only. */
uint16_t node_server_start(const struct server_options *options);

/** nginx with TLS in front of a WebSocket server on `upstream_port`: `cert` and `key` only. */
uint16_t nginx_start(const struct server_options *options, uint16_t upstream_port);

/** `openssl s_server`, with further arguments (ends with NULL). Its output is what it says about
 * the connections. */
struct process *openssl_server_start(const char *const *arguments, uint16_t *ret_port);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file TLS in both roles: OpenSSL is the other end. */
#include "conformance/conformance.h"

#include "support/certificates.h"
#include "support/mbedtls_leaks.h"
#include "tls/tls.h"
#include "unit/tls/ssl_peer.h"
#include "util/alloc.h"

#include <criterion/criterion.h>

/* Signatures are numbers without leading zeros. */
#define TLS_JITTER_BYTES 12
#define TLS_STRIDE_BYTES 61
/* A handshake has thousands of allocations, most of them for the same numbers of the same curve. */
#define TLS_STRIDE_ALLOCATIONS 7

/* What lives as long as the process: parsing certificates is not what is tested here. */
static struct leati_tls_credentials *client_credentials, *server_credentials;
static struct ssl_peer server_1_2, server_1_3, client_1_3;

static void credentials_make(bool is_server, struct leati_tls_credentials **credentials)
{
    struct leati_failure failure;

    if (*credentials)
        return;
    const struct leati_tls_credentials_options options = {
        .ca_path = certificate_path("ca.pem"),
        .cert_path = is_server ? certificate_path("server.pem") : NULL,
        .key_path = is_server ? certificate_path("server.key") : NULL,
        .need_ca = !is_server,
        .is_server = is_server,
    };
    /* Without the failures that the test makes. */
    bool (*hook)(void) = leati_alloc_fail_hook;
    leati_alloc_fail_hook = NULL;
    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, credentials) == LEAT_OK, "%s",
              failure.text);
    leati_alloc_fail_hook = hook;
}

static int client_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    credentials_make(false, &client_credentials);
    const struct leati_tls_layer_options options = {
        .server_name = "localhost",
        .server_port = 443,
        .credentials = client_credentials,
        .verify = true,
        .min_protocol = LEAT_TLS_V12,
        .max_protocol = LEAT_TLS_V13,
        .timeout_ms = CONFORMANCE_TIMEOUT_MS,
        .close_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    return leati_tls_layer_new(&options, failure, ret_layer);
}

static int server_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    credentials_make(true, &server_credentials);
    const struct leati_tls_layer_options options = {
        .is_server = true,
        .credentials = server_credentials,
        .tickets = true,
        .min_protocol = LEAT_TLS_V12,
        .max_protocol = LEAT_TLS_V13,
        .timeout_ms = CONFORMANCE_TIMEOUT_MS,
        .close_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    return leati_tls_layer_new(&options, failure, ret_layer);
}

static void *peer_make(struct ssl_peer *peer, bool is_client, int version)
{
    if (!peer->context)
        ssl_peer_init(peer, &(struct ssl_peer_options){.is_client = is_client,
                                                       .min_version = version,
                                                       .max_version = version,
                                                       .greeting = CONFORMANCE_EARLY,
                                                       .echo = true});
    return peer;
}

static void *server_1_2_new(void)
{
    return peer_make(&server_1_2, false, TLS1_2_VERSION);
}

static void *server_1_3_new(void)
{
    return peer_make(&server_1_3, false, TLS1_3_VERSION);
}

static void *client_1_3_new(void)
{
    return peer_make(&client_1_3, true, TLS1_3_VERSION);
}

static void peer_hang_up(void *user)
{
    ssl_peer_hang_up(user);
}

/* Only the first time: the wire then has what ssl_peer_accept() gives it. */
static void peer_react(void *peer, struct scripted_layer *wire)
{
    ssl_peer_accept(peer, wire);
}

#define TLS_INSTANCE(called, maker, peer_maker)                                                    \
    {                                                                                              \
        .name = called, .layer = LEAT_LAYER_TLS, .create = maker, .peer_new = peer_maker,          \
        .peer_free = peer_hang_up, .peer_react = peer_react, .pending_is_a_guess = true,           \
        .handshake_jitter_bytes = TLS_JITTER_BYTES, .stride_bytes = TLS_STRIDE_BYTES,              \
        .stride_allocations = TLS_STRIDE_ALLOCATIONS, .handshake_eof = {LEAT_E_TLS_SYSCALL},       \
        .handshake_recv = {LEAT_E_TLS_SYSCALL}, .handshake_send = {LEAT_E_TLS_SYSCALL},            \
        .handshake_timeout = {LEAT_E_TLS_READ}, .open_eof = {LEAT_E_TLS_SYSCALL},                  \
        .open_recv = {LEAT_E_TLS_SYSCALL},                                                         \
    }

const struct conformance_layer conformance_tls_1_2 =
    TLS_INSTANCE("tls 1.2", client_create, server_1_2_new);
const struct conformance_layer conformance_tls_1_3 =
    TLS_INSTANCE("tls 1.3", client_create, server_1_3_new);
const struct conformance_layer conformance_tls_server =
    TLS_INSTANCE("tls server", server_create, client_1_3_new);

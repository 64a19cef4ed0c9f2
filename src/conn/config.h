/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of leat_config. */
#ifndef LEATI_CONN_CONFIG_H
#define LEATI_CONN_CONFIG_H

#include <leat/config.h>

#include "conn/tls_shared.h"
#include "core/failure.h"
#include "core/tracer.h"
#include "tls/tls.h"
#include "url/url.h"
#include "ws/ws.h"

/** The most bytes of names and values that a program may add to the upgrade request. */
#define LEATI_CONFIG_MAX_HEADER_BYTES 16384u
/** The most proxies that stand in a row. */
#define LEATI_CONFIG_MAX_PROXIES 8u
/** The most headers, and the most subprotocols. */
#define LEATI_CONFIG_MAX_ENTRIES 128u

struct leat_config {
    struct leati_url *proxies; /* the first one is dialled */
    size_t proxy_count;

    char *ca_path;
    char *client_cert_path;
    char *client_key_path;
    char *client_key_password;
    char *key_log_path;
    bool skip_server_cert_verification;
    bool session_resumption;
    enum leat_tls_protocol min_tls_protocol;
    enum leat_tls_protocol max_tls_protocol;
    struct leati_tls_shared *tls_shared;

    struct leati_ws_header *headers; /* owned strings */
    size_t header_count;
    size_t header_bytes;
    char **protocols;
    size_t protocol_count;

    uint32_t connect_timeout_ms;
    uint32_t phase_timeout_ms[LEAT_PHASE_COUNT];
    uint32_t ping_interval_ms;
    uint32_t pong_timeout_ms;
    size_t max_message_bytes;
    size_t send_queue_limit_bytes;
    char *dns_servers;
    struct leati_tracer tracer;

    struct leati_failure failure; /* of the last setter that failed */
};

/**
 * The credentials and the session store for a connection of this configuration; references for the
 * caller. Reads the files the first time. `*ret_sessions` is NULL when nothing is to be resumed.
 *
 * @return LEAT_OK, or as leati_tls_credentials_new(), recorded in `failure`.
 */
int leati_config_tls(const leat_config *config, struct leati_failure *failure,
                     struct leati_tls_credentials **ret_credentials,
                     struct leati_tls_sessions **ret_sessions);

#endif

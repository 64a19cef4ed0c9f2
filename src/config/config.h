/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of leat_config. */
#ifndef LEATI_CONFIG_CONFIG_H
#define LEATI_CONFIG_CONFIG_H

#include <leat/config.h>
#include <leat/websocket_server.h>

#include "config/tls_shared.h"
#include "core/failure.h"
#include "core/tracer.h"
#include "tls/tls.h"
#include "url/domain_policy.h"
#include "url/url.h"
#include "ws/ws.h"

/** The most bytes of names and values that a program may add to the upgrade request. */
#define LEATI_CONFIG_MAX_HEADER_BYTES                    16384u
#define LEATI_CONFIG_DEFAULT_COMPRESSION_THRESHOLD_BYTES 1024u
/** How many clients a server takes unless it is told otherwise. */
#define LEATI_CONFIG_DEFAULT_MAX_CLIENTS 1000u
/** Defaults of the limits on one message and on what waits to be sent. */
#define LEATI_CONFIG_DEFAULT_MAX_MESSAGE_BYTES ((size_t)16 << 20)
#define LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES  ((size_t)16 << 20)
/** The most proxies that stand in a row. */
#define LEATI_CONFIG_MAX_PROXIES   8u
#define LEATI_CONFIG_MAX_REDIRECTS 20u
/** The most headers, and the most subprotocols. */
#define LEATI_CONFIG_MAX_ENTRIES 128u

/** A certificate chain and its key; all NULL = none. */
struct leati_cert_files {
    char *cert_path;
    char *key_path;
    char *key_password;
};

struct leat_config {
    struct leati_url *proxies; /* the first one is dialled */
    size_t proxy_count;
    enum leat_socks5_pipelining socks5_pipelining;
    bool tcp_fast_open;
    bool system_proxy; /* whatever the environment says when a connection starts */
    struct leati_domain_policy domain_policy;
    char *dns_servers;

    char *ca_path;
    struct leati_cert_files client_cert;
    char *key_log_path;
    bool skip_server_cert_verification;
    bool session_resumption;
    bool early_data;
    enum leat_tls_protocol min_tls_protocol;
    enum leat_tls_protocol max_tls_protocol;
    struct leati_tls_shared *tls_shared;

    /* Of a server. */
    struct leati_cert_files server_cert;
    enum leat_client_verification client_verification;
    size_t max_clients;
    size_t max_clients_per_address; /* 0 = max_clients */
    bool reuse_port;

    struct leati_ws_header *headers; /* owned strings */
    size_t header_count;
    size_t header_bytes;
    char **protocols;
    size_t protocol_count;

    unsigned max_redirects;
    uint32_t connect_timeout_ms;
    uint32_t phase_timeout_ms[LEAT_PHASE_COUNT];
    uint32_t send_timeout_ms; /* 0 = none */
    uint32_t ping_interval_ms;
    uint32_t pong_timeout_ms;
    bool compresses;
    struct leat_compression compression;
    size_t max_message_bytes;
    bool max_message_is_set;
    size_t send_queue_limit_bytes;
    size_t send_queue_messages; /* 0 = no limit */
    struct leati_tracer tracer;

    struct leati_failure failure; /* of the last setter that failed */
};

/** Records why a setter failed; a newer reason replaces an older one. Returns `code`. */
int leati_config_refuse(leat_config *config, int code, const char *text);
int leati_config_no_memory(leat_config *config);
/** Replaces an owned string by a copy of `value`, NULL by NULL. */
int leati_config_set_string(leat_config *config, char **slot, const char *value);

/** Replaces the files, and forgets what was parsed from others. @return LEAT_OK or the refusal. */
int leati_config_set_cert_files(leat_config *config, struct leati_cert_files *files,
                                const char *cert_path, const char *key_path,
                                const char *key_password);
void leati_cert_files_done(struct leati_cert_files *files);
/** Into an empty `dst`; false without memory. */
bool leati_cert_files_copy(struct leati_cert_files *dst, const struct leati_cert_files *src);

/** Copies a string that may be absent; false only without memory. */
bool leati_copy_optional(char **dst, const char *src);

/* What config_network.c, config_request.c and config_server.c own of a configuration. Copying
 * appends to an empty `dst`; false without memory. */
void leati_config_clear_server(leat_config *config);
bool leati_config_copy_server(leat_config *dst, const leat_config *src);
void leati_config_clear_network(leat_config *config);
bool leati_config_copy_network(leat_config *dst, const leat_config *src);
/** Removes every header of that name. */
void leati_config_drop_header(leat_config *config, const char *name);
void leati_config_clear_request(leat_config *config);
bool leati_config_copy_request(leat_config *dst, const leat_config *src);

/** Forgets what authenticates the program to an origin: for the way to another one. @return
 * LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
int leati_config_drop_credentials(leat_config *config);

/** What the client offers, and what the server wants at most, of permessage-deflate. */
struct leati_deflate_offer leati_config_deflate_offer(const leat_config *config);
struct leati_deflate_params leati_config_deflate_limits(const leat_config *config);

/** Appends a checked proxy URL. @return LEAT_OK or as leat_config_add_proxy(). */
int leati_config_append_proxy(leat_config *config, const char *url);

/**
 * The credentials and the session store for a connection of this configuration; references for the
 * caller. Reads the files the first time. `*ret_sessions` is NULL when nothing is to be resumed.
 *
 * @return LEAT_OK, or as leati_tls_credentials_new(), recorded in `failure`.
 */
int leati_config_tls(const leat_config *config, struct leati_failure *failure,
                     struct leati_tls_credentials **ret_credentials,
                     struct leati_tls_sessions **ret_sessions);

/** The same for a server: its certificate, and the CAs that client certificates need. */
int leati_config_server_tls(const leat_config *config, struct leati_failure *failure,
                            struct leati_tls_credentials **ret_credentials);

/** The same for TLS to a proxy: without the client certificate, which is the origin's to see. */
int leati_config_proxy_tls(const leat_config *config, struct leati_failure *failure,
                           struct leati_tls_credentials **ret_credentials);

#endif

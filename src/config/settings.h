/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a program has set, as connections see it: counted, shared by whoever connects, and never
 * changed once it is shared. Connecting takes a reference and copies nothing.
 *
 * A reference may be given to another thread.
 */
#ifndef LEATI_CONFIG_SETTINGS_H
#define LEATI_CONFIG_SETTINGS_H

#include <leat/config.h>
#include <leat/proxy_auth.h>
#include <leat/proxy_protocol.h>
#include <leat/websocket_server.h>

#include "config/dial.h"
#include "config/lists.h"
#include "config/tls_shared.h"
#include "config/tls_values.h"
#include "core/descriptor.h"
#include "core/failure.h"
#include "core/tracer.h"
#include "http/auth_memory.h"
#include "http/head.h"
#include "tls/tls.h"
#include "url/domain_policy.h"
#include "url/url.h"
#include "ws/ws.h"

#include <stdatomic.h>

/** The most bytes of names and values that a program may add to the upgrade request. */
#define LEATI_CONFIG_MAX_HEADER_BYTES 16384u
/** A name of DNS, with brackets or a port. */
#define LEATI_CONFIG_MAX_HOST_FIELD_BYTES                261u
#define LEATI_CONFIG_DEFAULT_COMPRESSION_THRESHOLD_BYTES 1024u
/** How many connections of a server may be open unless the program says otherwise, in total and of
 * one client: a quarter, so that no client takes the whole server. What they mean is said in
 * leat/websocket_server.h and conn/admission.h. */
#define LEATI_CONFIG_DEFAULT_MAX_CLIENTS        1000u
#define LEATI_CONFIG_DEFAULT_MAX_CLIENTS_OF_ONE 250u
/** Defaults of the limits on one message and on what waits to be sent. */
#define LEATI_CONFIG_DEFAULT_MAX_MESSAGE_BYTES ((size_t)16 << 20)
#define LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES  ((size_t)16 << 20)
/** The most proxies that stand in a row. */
#define LEATI_CONFIG_MAX_PROXIES   8u
#define LEATI_CONFIG_MAX_REDIRECTS 20u
/** Of the list of destinations without a proxy. */
#define LEATI_CONFIG_MAX_EXCLUSION_BYTES 16384u
#define LEATI_CONFIG_PROXY_AUTH_ALL                                                                \
    (LEATI_CONFIG_PROXY_AUTH_DEFAULT | LEAT_PROXY_AUTH_NTLM | LEAT_PROXY_AUTH_NEGOTIATE)
/** Those that show nothing but what the program has set. */
#define LEATI_CONFIG_PROXY_AUTH_DEFAULT                                                            \
    ((unsigned)LEAT_PROXY_AUTH_BASIC | LEAT_PROXY_AUTH_DIGEST | LEAT_PROXY_AUTH_BEARER)
/** The most headers, and the most subprotocols. */
#define LEATI_CONFIG_MAX_ENTRIES 128u

/** How many connections a server lets in. */
struct leati_admission_limits {
    size_t open;        /**< in total */
    size_t open_of_one; /**< of one client */
};

/** Whom TLS leads to: each side has settings of its own, and none of them touches the other's. */
enum leati_tls_side {
    LEATI_TLS_TO_ORIGIN, /**< at a server: to its clients */
    LEATI_TLS_TO_PROXY,  /**< each proxy that is spoken to over TLS */
    LEATI_TLS_SIDE_COUNT,
};

struct leati_settings {
    atomic_uint refs;

    enum leat_socks5_pipelining socks5_pipelining;
    bool tcp_fast_open;
    bool tor_isolation;
    bool udp_past_proxies;
    unsigned proxy_auth_schemes; /**< LEAT_PROXY_AUTH_* */
    enum leat_socks5_protection socks5_protection;
    enum leat_proxy_protocol sent_proxy_protocol;
    struct leati_address proxy_protocol_client; /**< of AF_UNSPEC = this machine */
    bool proxy_basic_preemptive;
    leat_proxy_token_fn proxy_token_fn; /**< NULL = none */
    void *proxy_token_user;
    bool system_proxy; /**< whatever the environment says when a connection starts */

    bool session_resumption;
    bool early_data;

    /* Of a server. */
    enum leat_client_verification client_verification;
    size_t max_clients;
    size_t max_clients_per_address; /**< 0 = the default */
    bool reuse_port;
    enum leat_forwarded_header forwarded_header;
    bool receives_proxy_protocol;  /**< whoever is trusted says in front whose connection it is */
    size_t receive_bytes_per_s;    /**< of one connection; 0 = any number */
    size_t receive_messages_per_s; /**< likewise */
    size_t server_queue_bytes;     /**< of all connections together; 0 = any number */

    struct leati_descriptor_options descriptor;

    bool origin_of_url;
    unsigned max_redirects;
    uint32_t connect_timeout_ms;
    uint32_t phase_timeout_ms[LEAT_PHASE_COUNT];
    uint32_t send_timeout_ms; /**< 0 = none */
    uint32_t ping_interval_ms;
    uint32_t pong_timeout_ms;
    bool compresses;
    struct leat_compression compression;
    size_t max_message_bytes;
    bool max_message_is_set;
    size_t send_queue_limit_bytes;
    size_t send_queue_messages; /**< 0 = no limit */
    struct leati_tracer tracer;

    /* From here on: what each clone has of its own. LEATI_SETTINGS_OWNED is the first of them. */
    struct leati_url *proxies; /**< the first one is dialled */
    size_t proxy_count;
    char *proxy_exclusions; /**< in the form of NO_PROXY; NULL = none */
    char *proxy_user;       /**< of proxies whose URL has none; NULL = none */
    char *proxy_password;
    char *proxy_service;                         /**< in Kerberos; NULL = that of its kind */
    struct leati_field_list proxy_headers;       /**< of CONNECT requests */
    struct leati_http_auth_memory *proxy_memory; /**< which all copies share */
    struct leati_dial_settings dial;
    struct leati_domain_policy domain_policy;
    char *dns_servers;
    char *key_log_path;
    struct leati_tls_values *tls[LEATI_TLS_SIDE_COUNT];
    struct leati_tls_shared *tls_shared;
    struct leati_field_list headers;
    char *user_agent; /**< NULL = ours, "" = none */
    char *host_field; /**< NULL = of the URL */
    struct leati_text_list protocols;
    struct leati_text_list allowed_origins; /**< of a server; none = all */
    struct leati_text_list
        trusted_proxies; /**< addresses and prefixes that stand in front of a server */
};
#define LEATI_SETTINGS_OWNED proxies

const struct leati_settings *leati_settings_ref(const struct leati_settings *settings);
/** NULL is allowed. */
void leati_settings_unref(const struct leati_settings *settings);

/** What connections of `config` see from now on, NULL = the defaults: a reference for the caller.
 * @return LEAT_OK; the code of a setter that was refused, LEAT_E_SYSTEM_INTERNAL; recorded in
 * `failure`. */
int leati_settings_of(const leat_config *config, struct leati_failure *failure,
                      const struct leati_settings **ret_settings);

/** A proxy's URL whose credentials its protocol can carry. @return LEAT_OK, or as
 * leat_config_add_proxy(), recorded in `failure`. */
int leati_settings_parse_proxy(const char *url, struct leati_failure *failure,
                               struct leati_url *ret_proxy);

/** Whether a server lets in a request with this Origin. */
bool leati_settings_allow_origin(const struct leati_settings *settings, const char *origin);
/** Whether whoever has this address may say whose connection it brings. */
bool leati_settings_trust(const struct leati_settings *settings,
                          const struct leati_address *address);

/** What the client offers, and what the server wants at most, of permessage-deflate. */
struct leati_deflate_offer leati_settings_deflate_offer(const struct leati_settings *settings);
struct leati_deflate_params leati_settings_deflate_limits(const struct leati_settings *settings);

struct leati_admission_limits leati_settings_admission_limits(
    const struct leati_settings *settings);

/** The credentials of a client, by the settings of the side that it leads to; a reference for the
 * caller. Reads the files the first time.
 * @return LEAT_OK, or as leati_tls_credentials_new(), recorded in `failure`. */
int leati_settings_client_tls(const struct leati_settings *settings,
                              enum leati_tls_shared_role role, struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials);
/** Those for an origin, and the session store; NULL when nothing is to be resumed. */
int leati_settings_tls(const struct leati_settings *settings, struct leati_failure *failure,
                       struct leati_tls_credentials **ret_credentials,
                       struct leati_tls_sessions **ret_sessions);

/** Whether a server of these settings speaks TLS. */
bool leati_settings_serve_tls(const struct leati_settings *settings);
/** Whether sessions are resumed, at either end. */
bool leati_settings_resumption(const struct leati_settings *settings);
/** How it treats its clients' certificates. */
enum leat_client_verification leati_settings_client_verification(
    const struct leati_settings *settings);
/** The same for a server: its certificate, and the CAs that client certificates need. */
int leati_settings_server_tls(const struct leati_settings *settings, struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials);
/** The same, from the files as they are now, whatever was read before. */
int leati_settings_reread_server_tls(const struct leati_settings *settings,
                                     struct leati_failure *failure,
                                     struct leati_tls_credentials **ret_credentials);

#endif

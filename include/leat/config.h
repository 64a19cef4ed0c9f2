/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How connections are made: proxy, TLS, limits, deadlines. One object with one typed setter per
 * option. A connection keeps what was set when it started, so a configuration can be changed or
 * freed at once and can serve many connections; those that come from one configuration share its
 * parsed certificates and its TLS sessions.
 *
 * Strings are copied; secrets are wiped when they are replaced or freed. A setter that fails
 * leaves the configuration as it was and its reason in leat_config_get_error(); each can return
 * LEAT_E_SYSTEM_INTERNAL (no memory).
 *
 * A setter that was refused is not forgotten: whoever connects, binds or listens with the
 * configuration, or with a copy of it, gets its code and text, so that a check that was left out
 * never means "no proxy". It counts until the same setter succeeds, one that adds until
 * leat_config_clear_error() (or, for leat_config_add_proxy(), until leat_config_set_proxy()
 * succeeds).
 */
#ifndef LEAT_CONFIG_H
#define LEAT_CONFIG_H

#include <leat/error.h>
#include <leat/net_address.h>
#include <leat/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A configuration. Opaque. */
typedef struct leat_config leat_config;
/** Everything about TLS in one object: leat/tls_options.h. Opaque. */
typedef struct leat_tls_options leat_tls_options;

/** TLS protocol versions, with their numbers on the wire (RFC 8446 section 4.1.2). */
enum leat_tls_protocol {
    LEAT_TLS_V12 = 0x0303,
    LEAT_TLS_V13 = 0x0304,
};

/** How a TLS server treats client certificates. */
enum leat_client_verification {
    LEAT_CLIENT_VERIFICATION_NONE,     /**< not asked for (default) */
    LEAT_CLIENT_VERIFICATION_OPTIONAL, /**< verified if the client shows one */
    LEAT_CLIENT_VERIFICATION_REQUIRED,
};

/** The phases that have a deadline of their own. */
enum leat_phase {
    LEAT_PHASE_DNS,
    LEAT_PHASE_TCP,
    LEAT_PHASE_PROXY, /**< each step of the exchange with a proxy */
    LEAT_PHASE_TLS,
    LEAT_PHASE_UPGRADE, /**< from the sent request to the end of the response head */
    LEAT_PHASE_CLOSE,   /**< from the sent Close frame to the end of the connection */
    LEAT_PHASE_COUNT,
};

/** Makes a configuration with the defaults that each setter names.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_new(leat_config **ret_config);

/** Makes a copy that shares the parsed certificates and the TLS sessions of the original.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_copy(const leat_config *config, leat_config **ret_copy);

/** Wipes and frees. NULL is allowed. */
LEAT_API void leat_config_free(leat_config *config);

/** Why the last setter that failed did so. `*ret_error` has code LEAT_OK if none has. */
LEAT_API void leat_config_get_error(const leat_config *config, struct leat_error *ret_error);

/** Forgets every setter that was refused, for a program that has seen to it: connections are then
 * made by what is set. */
LEAT_API void leat_config_clear_error(leat_config *config);

/**
 * Sets the proxy:
 * - "socks5h://[user[:password]@]host[:port]": SOCKS5, which resolves the destination (port 1080);
 * a user without a password sends an empty one. "socks://", as GNOME's settings write it, is the
 * same;
 * - "socks5://...": SOCKS5, this machine resolves the destination;
 * - "socks4a://[user@]host[:port]": SOCKS4A, which resolves the destination; "socks4://...": SOCKS4,
 *   this machine resolves it, to IPv4 only (port 1080). The user is the user id; there is no
 *   password, and one that is given is refused. The codes are those of SOCKS5;
 * - "http://...", "https://...": HTTP CONNECT (authentication: leat/proxy_auth.h), for ws and wss alike, the
 *   latter over TLS to the proxy (ports 80 and 443), which is verified by settings of its own:
 *   leat_config_set_proxy_tls_ca_path() and those behind it;
 * - each of these schemes with "+unix:" and the path of a local socket behind it, where the proxy
 *   listens: "socks5h+unix:/run/tor/socks", "http+unix:@abstract"; for WebSockets, and as the first
 *   proxy only. User and password: leat_config_set_proxy_credentials();
 * - "system": what the environment says when a connection starts (WSS_PROXY, HTTPS_PROXY,
 * HTTP_PROXY, ALL_PROXY, NO_PROXY, also in lower case); otherwise the environment is never looked
 * at. User and password are percent-decoded; an IPv6 literal stands in brackets. NULL or "" = no
 * proxy (default). With a proxy set there is never a direct
 * connection, but for what leat_config_add_proxy_exclusion() names.
 *
 * Addresses of the destination that were resolved here are asked for one after the other, each in a
 * new connection, until one is reached: the proxy refuses (SOCKS5), closes instead of answering, as
 * ssh -D does, or does not answer in time. A proxy whose name has several addresses is replaced by
 * the next of them if it closes, does not answer, or knows no way (SOCKS5 replies 1, 3, 4 and 6,
 * SOCKS4 reply 91; HTTP 500, 502, 503 and 504). There are at most 16 connections, within the deadline of the whole.
 * The last failure is reported; its text tells which addresses were tried before.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (not such a URL, or credentials that Basic cannot carry);
 *         LEAT_E_SOCKS5_SERIALIZE (user or password longer than 255 bytes, a password without a
 * user or for SOCKS4); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy(leat_config *config, const char *url);

/** Adds a proxy behind those that are set: the one before it is asked to connect to it. Each URL as
 * in leat_config_set_proxy(); at most 8.
 * @return as leat_config_set_proxy(); LEAT_E_PARAMETER also for an empty URL and the ninth proxy.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_add_proxy(leat_config *config, const char *url);

/**
 * Reaches this destination directly although proxies are set (exclusionList of HttpProxy): one entry
 * in the form of NO_PROXY, which is
 * - "example.com", ".example.com" or "*.example.com": it and every name below it;
 * - "10.0.0.1", "::1", "[::1]", "10.0.0.0/8", "fd00::/8": where the URL has such a literal; no name
 *   is resolved to compare it;
 * - "*": everything;
 * - any of them with ":port" behind it (IPv6 in brackets then): only that port.
 * It counts for WebSockets, TCP and TLS sockets, also after a redirect, and also beside "system"; not
 * for UDP. Default: none.
 * @return LEAT_OK, LEAT_E_PARAMETER (not such an entry, or more than 16 KiB of them),
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_add_proxy_exclusion(leat_config *config,
                                                             const char *destination);

/**
 * User name and password of the proxies whose URL has none, as they are: nothing is escaped. NULL =
 * none (default). When and how HTTP proxies get them: leat/proxy_auth.h.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER; LEAT_E_SOCKS5_SERIALIZE (a password without a user);
 *         LEAT_E_SYSTEM_INTERNAL. What the protocol of a proxy cannot carry comes from connect:
 *         LEAT_E_SOCKS5_SERIALIZE (longer than 255 bytes, a password for SOCKS4), LEAT_E_PARAMETER (RFC 7617: a user with a
 *         colon, control characters).
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_credentials(leat_config *config,
                                                               const char *user,
                                                               const char *password);

/** Adds a header to the CONNECT requests of HTTP proxies, behind our own; a User-Agent takes the
 * place of ours. At most 128, and 16 KiB of them.
 * @return LEAT_OK; LEAT_E_PARAMETER (no token, CR or LF, Host, Content-Length, Transfer-Encoding);
 *         LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_add_proxy_header(leat_config *config, const char *name,
                                                          const char *value);

/** How a SOCKS5 proxy is talked to. SOCKS4 has one message: only the last of these changes it. */
enum leat_socks5_pipelining {
    /** Each message waits for the answer to the one before: works with every proxy (default). */
    LEAT_SOCKS5_LOCK_STEP,
    /** Greeting, credentials and request leave at once, which saves up to two round trips. With
     * credentials only they are offered. Proxies that read one message at a time fail or hang. */
    LEAT_SOCKS5_PIPELINED,
    /** And the first bytes for the destination (the ClientHello, or the upgrade request) leave
     * behind them, which saves another one. */
    LEAT_SOCKS5_PIPELINED_WITH_DATA,
};

/** Chooses how SOCKS5 proxies are talked to.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_socks5_pipelining(
    leat_config *config, enum leat_socks5_pipelining pipelining);

/**
 * TCP fast open (RFC 7413, TCP_FASTOPEN_CONNECT): to a peer, server or proxy, that has given this
 * machine a cookie on an earlier connection, the first bytes leave with the SYN, which saves a
 * round trip. The kernel must allow it (net.ipv4.tcp_fastopen, bit 0) and falls back by itself.
 * Towards such a peer the address counts as reached when it is dialled: other addresses of the name
 * are not tried beside it, only when it refuses, and that nobody answers is a timeout of the first
 * layer that sends.
 * Default false. @return LEAT_OK, LEAT_E_PARAMETER.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_tcp_fast_open(leat_config *config, bool fast_open);

/** PEM file, or directory of PEM files, with the CAs to trust instead of the system's. NULL = the
 * system's CA bundle (default). Each certificate in it is trusted as it is, an intermediate or a
 * server's own, too. In a directory names by hash (`openssl rehash`) are looked up by need, and
 * again when the directory has changed. A host
 * name counts in subjectAltName only (RFC 9525), a wildcard not over a public suffix.
 * The files are read when a connection starts: LEAT_E_WS_CERT_FILE
 * (not there, not readable, or a FIFO, for whose writer no loop can wait) and LEAT_E_TLS_VERIFY (not
 * parseable) come from there.
 * For proxies: leat_config_set_proxy_tls_ca_path().
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_ca_path(leat_config *config, const char *path);

/** PEM files of the client's certificate chain and private key; `key_password` is NULL if the key
 * is not encrypted. All NULL = no client certificate (default). Read when a connection starts.
 * @return LEAT_OK, LEAT_E_PARAMETER (one path without the other), LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_client_cert(leat_config *config, const char *cert_path,
                                                         const char *key_path,
                                                         const char *key_password);

/** true = the server's certificate and name are not verified at all; those of proxies still are.
 * Default false. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_skip_server_cert_verification(leat_config *config,
                                                                           bool skip);

/** The lowest and the highest TLS version to offer. Defaults LEAT_TLS_V12, LEAT_TLS_V13.
 * @return LEAT_OK, LEAT_E_PARAMETER (unknown version, or min above max). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_tls_protocols(leat_config *config,
                                                           enum leat_tls_protocol min,
                                                           enum leat_tls_protocol max);

/**
 * Cipher suites in the order of preference, by their names in the IANA registry or in OpenSSL
 * ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"), with ':', ',' or spaces
 * between, for connections to servers and for a server. All suites of TLS 1.3 are used if none of
 * them is named; TLS 1.2 uses exactly the named ones, and without any it is not spoken. NULL
 * (default) = only suites with forward secrecy (RFC 9325 sections 4.1 and 4.2), the fastest first:
 * ECDHE with an AEAD, and at a client ECDHE with CBC behind them, so that it still meets old
 * servers. Others, such as "AES128-GCM-SHA256" with its key exchange by RSA, must be named.
 * @return LEAT_OK, LEAT_E_PARAMETER (an unknown name: the text lists the known ones; a name twice),
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_cipher_suite(leat_config *config, const char *names);

/**
 * Takes all of TLS with servers, and of a server, from these options: CAs, certificate, versions, suites
 * and what the setters above do not have (texts instead of files, revocation lists, pins, a server name
 * of its own ...). The options' certificate is a client's and, unless
 * leat_config_set_server_cert() names another, a server's, which is wss then; bidirectional
 * authentication makes its clients show one. What they say now counts: changing or freeing them later
 * changes nothing here, and the setters above change what they name. Sessions are resumed if both this
 * configuration and the options say so. A server name of its own is not for origins that a redirect
 * leads to. NULL = the defaults.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL; the code with which a setter of the options
 *         was refused. What cannot be read or parsed is found when
 *         a connection starts, with the codes of leat_tls_socket_connect().
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_tls_options(leat_config *config,
                                                         const leat_tls_options *options);

/* ---- TLS to proxies --------------------------------------------------------------------------
 *
 * What is set for the server never touches a proxy over TLS ("https://..."), and these never touch
 * the server. They hold for each such proxy, also for those of sockets (leat/tcp_socket.h), whose
 * leat_tls_options are for the server. Defaults: the system's CAs, verified, no certificate of
 * ours, TLS 1.2 and 1.3, suites with forward secrecy.
 */

/** All of it at once, as leat_config_set_tls_options(); a server name of its own is for each proxy over
 * TLS. NULL = the defaults. @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_tls_options(leat_config *config,
                                                               const leat_tls_options *options);

/** The CAs that proxies are verified by, as leat_config_set_ca_path(); NULL = the system's
 * (default).
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_tls_ca_path(leat_config *config,
                                                               const char *path);

/** true = the certificates and names of proxies are not verified at all: whoever answers gets user
 * and password of the proxy, and reads what is not in a TLS of its own. Default false.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_tls_skip_verification(leat_config *config,
                                                                         bool skip);

/** What we show to proxies, as leat_config_set_client_cert(); all NULL = nothing (default).
 * @return LEAT_OK, LEAT_E_PARAMETER (one path without the other), LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_tls_client_cert(leat_config *config,
                                                                   const char *cert_path,
                                                                   const char *key_path,
                                                                   const char *key_password);

/** As leat_config_set_tls_protocols(). @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_tls_protocols(leat_config *config,
                                                                 enum leat_tls_protocol min,
                                                                 enum leat_tls_protocol max);

/** As leat_config_set_cipher_suite(); NULL = the default ones. @return LEAT_OK, LEAT_E_PARAMETER,
 * LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_tls_cipher_suite(leat_config *config,
                                                                    const char *names);

/* ---- sessions, early data, secrets ----------------------------------------------------------- */

/** Offers to resume TLS sessions of earlier connections from this configuration, for a day at most
 * and not beyond the certificates that were verified then; a server gives out tickets for it, unless
 * it wants certificates of clients, which a resumed session does not show. Default true.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_session_resumption(leat_config *config, bool resume);

/**
 * Sends the WebSocket upgrade request with the first bytes of TLS ("0-RTT", RFC 8446 section 2.3),
 * which saves a round trip: over TLS 1.3, when a session is resumed whose ticket allows it. What a
 * server does not take that way is sent again behind the handshake. Nothing but that request is
 * ever sent so. A server that takes it and answers 425 Too Early (RFC 8470 section 5.2) is asked
 * once more, over a new connection and not as early data, and the last 16 such servers are sent no
 * more early data by this configuration.
 *
 * Somebody who records these bytes can send them to the server again, and they have no forward
 * secrecy: only for servers to which the same upgrade request, with its headers, may come twice.
 * Never with a system mbedTLS that was built without MBEDTLS_SSL_EARLY_DATA. Default false.
 * @return LEAT_OK, LEAT_E_PARAMETER.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_early_data(leat_config *config, bool early_data);

/** Appends the TLS secrets of every connection to this file, in the format of SSLKEYLOGFILE, for
 * Wireshark and the like. Whoever has the file can read the traffic. A FIFO is written to while
 * somebody reads it and never waited for: without a reader connecting fails (LEAT_E_TLS_ENGINE).
 * NULL = never (default); the environment is not looked at. @return LEAT_OK, LEAT_E_PARAMETER,
 * LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_key_log_path(leat_config *config, const char *path);

/** Adds a header to the WebSocket upgrade request, behind those that the protocol needs. Names may
 * be repeated. @return LEAT_OK; LEAT_E_PARAMETER (the name is not a token of RFC 9110, the value
 * holds CR, LF or NUL, or the name is one that the handshake itself owns: Host, Sec-WebSocket-...,
 * and what says where a request ends or what becomes of its connection (RFC 9110 section 7.6.1,
 * RFC 9112 section 6): Connection, Content-Length, Expect, HTTP2-Settings, Keep-Alive,
 * Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade; or the headers together exceed 16
 * KiB); LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_add_header(leat_config *config, const char *name,
                                                    const char *value);

/**
 * What upgrade requests say as Host (RFC 9110 section 7.2) instead of the URL's host: for a virtual host
 * of a server that is dialled by another name or by its address. A port stands there only if it is given.
 * TLS asks for the URL's host all the same (leat_tls_options_set_server_name()), and a redirect to
 * another host has that one's. NULL = the URL's (default).
 *
 * @return LEAT_OK; LEAT_E_PARAMETER: empty, longer than 261 bytes, or with a character that no host has;
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_request_host(leat_config *config, const char *host);

/** What upgrade requests, and CONNECT requests to HTTP proxies, say as User-Agent (RFC 9110 section
 * 10.1.5): firewalls in front of servers often refuse a request without one. NULL = "leat/" and the
 * version (default), "" = none. A User-Agent of leat_config_add_header() takes its place in the upgrade
 * request. @return LEAT_OK, LEAT_E_PARAMETER (CR, LF or NUL in it, or longer than 16 KiB),
 * LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_user_agent(leat_config *config,
                                                        const char *user_agent);

/** true = upgrade requests say where they come from: Origin (RFC 6454) with "https://" or "http://" and the
 * host of the URL, without a port, as HarmonyOS sends it. An Origin of leat_config_add_header() takes its
 * place. Default false: a program is no page of a browser. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_origin_of_url(leat_config *config, bool origin_of_url);

/** Adds a subprotocol to offer, the preferred one first (RFC 6455 section 1.9). @return LEAT_OK;
 * LEAT_E_PARAMETER (not a token, or named twice); LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_add_subprotocol(leat_config *config, const char *protocol);

/** How many redirects (301, 302, 303, 307, 308) one connect may follow. Each is checked like the
 * first URL, the allowed domains included; none leads from wss to ws; to another host or port go
 * neither the client certificate nor the headers Authorization, Proxy-Authorization and Cookie.
 * Default 0: a redirect is a refused upgrade. @return LEAT_OK, LEAT_E_PARAMETER (above 20). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_max_redirects(leat_config *config, unsigned redirects);

/** permessage-deflate (RFC 7692). All zero but `size` = the plain offer and the defaults. Memory of
 * a connection with the defaults: 263 KiB for what it sends and 39 KiB for what it receives, from
 * the first compressed message on; with windows of 12 bits and a memory level of 5, 38 and 11 KiB.
 */
struct leat_compression {
    /** sizeof(struct leat_compression) */
    size_t size;
    /** The client, the server, forgets between messages what it has compressed: worse compression,
     * and its memory is free while nothing is sent. */
    bool client_no_context_takeover;
    bool server_no_context_takeover; /**< see client_no_context_takeover */
    /** How far back each may refer: 1 << bits bytes, 8 to 15; 0 = what the other end allows. */
    uint8_t client_max_window_bits;
    uint8_t server_max_window_bits; /**< see client_max_window_bits */
    uint8_t level;                  /**< of zlib, 1 to 9; 0 = zlib's default */
    uint8_t mem_level;              /**< zlib's memory level, 1 to 9; 0 = zlib's default */
    /** Messages that are shorter go as they are; 0 = 1,024 bytes. */
    size_t threshold_bytes;
};

/** Offers compression, or accepts it at a server. The limit on a message counts it inflated. NULL =
 * off (default). @return LEAT_OK; LEAT_E_PARAMETER (a value out of range, or leat was built without
 * zlib). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_compression(
    leat_config *config, const struct leat_compression *compression);

/** Deadline over the whole way from connect to open. Default 30,000 ms; 0 = none.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_connect_timeout(leat_config *config,
                                                             uint32_t timeout_ms);

/** Deadline of one phase; 0 = none but the whole. Defaults: DNS 10,000, TCP 20,000, proxy step
 * 10,000, TLS 15,000, upgrade 15,000, close 5,000 ms. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_phase_timeout(leat_config *config,
                                                           enum leat_phase phase,
                                                           uint32_t timeout_ms);

/** The longest message to accept, in bytes; a longer one ends the connection with close code 1009.
 * Default 16 MiB, and no limit where messages are delivered in parts. @return LEAT_OK,
 * LEAT_E_PARAMETER (0). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_max_message_bytes(leat_config *config, size_t bytes);

/** How many bytes of frames may wait to be written before sending is refused. A message longer
 * than the limit is accepted when nothing waits. Default 16 MiB.
 * @return LEAT_OK, LEAT_E_PARAMETER (0). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_send_queue_limit(leat_config *config, size_t bytes);

/** How many messages (and Pings) may wait to be written, whatever their size; 0 = no limit
 * (default).
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_send_queue_messages(leat_config *config,
                                                                 size_t messages);

/** How long the peer may take nothing of what waits to be sent; then the connection ends with
 * LEAT_E_TLS_WRITE over TLS, LEAT_E_SOCKET_BASE + ETIMEDOUT otherwise. For servers, whose clients
 * may neither read nor leave. 0 = for ever (default). @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_send_timeout(leat_config *config, uint32_t timeout_ms);

/** Keep-alive: a Ping goes out when nothing has been received for this long; 0 = never. Default
 * 30,000 ms. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_ping_interval(leat_config *config,
                                                           uint32_t interval_ms);

/** How long after such a Ping anything must have been received (a Pong, a message, a part of one);
 * then the connection counts as lost: LEAT_E_WS_CONNECT, errno ETIMEDOUT, close code 1006. 0 = wait
 * for ever. Default 30,000 ms. A paused connection is not judged. @return LEAT_OK,
 * LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_pong_timeout(leat_config *config, uint32_t timeout_ms);

/** Allows connections to this host: "example.com", "*.example.com" for every host below it, or an
 * IP address. Case does not matter, international names are compared as A-labels. As soon as one is
 * allowed, all others are denied: LEAT_E_WS_DOMAIN, before any name is resolved. Default: all.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_add_allowed_domain(leat_config *config,
                                                            const char *domain);
/** Denies connections to this host, in the same form, also if it is allowed. Default: none.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_add_denied_domain(leat_config *config, const char *domain);

/** Which addresses are dialled, and asked for in DNS. */
enum leat_ip_version {
    LEAT_IP_ANY, /**< both, by happy eyeballs (default) */
    LEAT_IP_V4,
    LEAT_IP_V6,
};

/** Only addresses of this version are dialled. What a proxy resolves is the proxy's. A host, or
 * proxy, that has none fails with LEAT_E_SOCKET_BASE + EAFNOSUPPORT, or LEAT_E_SOCKS5_SERIALIZE.
 * @return LEAT_OK; LEAT_E_PARAMETER (no such version; not that of the local address). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_ip_version(leat_config *config,
                                                        enum leat_ip_version version);

/** The address that connections come from, an IPv4 or IPv6 literal; then only addresses of its
 * family are dialled. NULL or "" = any (default). That it is none of this machine's comes from
 * connect: LEAT_E_SOCKET_BASE + EADDRNOTAVAIL. Sockets that the program binds do not heed it.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_local_address(leat_config *config,
                                                           const char *address);

/** The network interface that connections go out by (SO_BINDTODEVICE), "eth0". NULL or "" = any
 * (default). That there is none of that name comes from connect: LEAT_E_SOCKET_BASE + ENODEV; kernels
 * before 5.7 want CAP_NET_RAW for it: + EPERM.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_interface(leat_config *config, const char *name);

/* ---- servers, of WebSockets and of sockets ------------------------------------------------ */

/**
 * How many connections may be open at once. A client beyond it is answered with 503 and Retry-After;
 * servers of sockets (leat/tcp_socket.h, leat/tls_socket.h, leat/local_socket.h) close it, and
 * report LEAT_E_SOCKET_BASE + EUSERS. Default 1,000; 0 = LEAT_E_PARAMETER.
 *
 * Handshakes that are not done are counted apart, up to the same number (at least 256), and those
 * of one client up to leat_config_set_max_connections_for_one_client() (at least 64). One more, and
 * the oldest of them is closed: of that client, or of all. `error` then has LEAT_E_SOCKET_BASE +
 * EUSERS. So whoever only connects keeps out nobody. Without others a silent connection holds its
 * place until the phase timeouts of TLS and UPGRADE: 15 s each.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_max_concurrent_clients_number(leat_config *config,
                                                                           size_t number);

/** The same for one client: an IPv4 address, or the /64 network of an IPv6 address (an IPv4-mapped
 * address counts as IPv4). Default 250, so that no client takes the whole server: more for a server
 * behind a reverse proxy, whose address is that of all. Local sockets have no address, and this
 * limit does not hold for them. 0 = LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_max_connections_for_one_client(leat_config *config,
                                                                            size_t number);

/** SO_REUSEPORT: servers on several loops (or in several processes of one user) share the port and
 * the kernel spreads the clients. Default false. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_reuse_port(leat_config *config, bool reuse);

/* ---- descriptors -----------------------------------------------------------------------------
 *
 * What is set on the descriptor of each TCP connection before it connects, of WebSockets and of
 * sockets alike; of a server on the one that listens, from which its connections inherit it. The
 * mark, the DSCP, the interface and the hook count for UDP sockets, too. What the kernel refuses
 * comes from connect, bind or listen: LEAT_E_SOCKET_BASE + errno. None of it counts for local
 * sockets.
 */

/** How long sent data may stay without acknowledgement, and the connection idle under keep-alive,
 * until the kernel gives it up with ETIMEDOUT (TCP_USER_TIMEOUT, RFC 5482). 0 = the system's time
 * (default). @return LEAT_OK, LEAT_E_PARAMETER (above 2^31 - 1 ms), LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_tcp_user_timeout(leat_config *config,
                                                              uint32_t timeout_ms);

/** Keep-alive of TCP (SO_KEEPALIVE): after `idle_s` seconds of silence a probe each `interval_s`, and
 * after `probes` without an answer the end, ETIMEDOUT. 0 for one of them = the system's. Default off.
 * Beside it WebSockets have their own: leat_config_set_ping_interval().
 * @return LEAT_OK, LEAT_E_PARAMETER (above 32,767 s or 127 probes), LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_tcp_keep_alive(leat_config *config, bool keep_alive,
                                                            uint32_t idle_s, uint32_t interval_s,
                                                            uint32_t probes);

/** The differentiated services code point of what is sent (IP_TOS, IPV6_TCLASS; RFC 2474): 0 to 63,
 * such as 46 for EF; -1 = the system's (default).
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_dscp(leat_config *config, int dscp);

/** The mark of what is sent (SO_MARK), for routing rules and filters; 0 = none (default). The kernel
 * wants CAP_NET_ADMIN or CAP_NET_RAW for it: EPERM.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_mark(leat_config *config, uint32_t mark);

/**
 * Sees each descriptor before it is connected (UDP: before it is bound), when all else is set: for
 * options that leat has no setter for, or to bind it to a network, as NetHandle.bindSocket() of
 * HarmonyOS does.
 *
 * @param fd not to be closed, read from or written to.
 * @param address where it will connect to, a proxy perhaps; UDP: what it will be bound to. Borrowed.
 * @return 0; otherwise an errno: this address then counts as failed for it.
 * It runs on the thread of the connection, perhaps inside the call that connects, and calls nothing
 * of leat.
 */
typedef int (*leat_descriptor_fn)(int fd, const struct leat_net_address *address, void *user);

/** NULL = none (default). @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_descriptor_hook(leat_config *config,
                                                             leat_descriptor_fn fn, void *user);

/* ---- whom to dial ---------------------------------------------------------------------------- */

/** The path of a local stream socket (AF_UNIX) that WebSockets connect to instead of the URL's host,
 * which stays what it is for Host and TLS; a path that begins with '@' is an abstract name. NULL or ""
 * = none (default). Sockets do not heed it: leat_local_socket is theirs. From connect: LEAT_E_PARAMETER
 * (there is a proxy, too); LEAT_E_SOCKET_BASE + errno, ENOENT or ECONNREFUSED above all. A server
 * whose queue is full is waited for, up to the connect timeout.
 * @return LEAT_OK, LEAT_E_PARAMETER (longer than 107 bytes), LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_unix_socket(leat_config *config, const char *path);

/**
 * Gives the addresses of a host, so that DNS is not asked: also where a proxy would resolve it, which
 * is asked for the addresses instead. The host stays what the URL says for Host and TLS. The first
 * entry that fits counts.
 *
 * @param host a name as in a URL; of a proxy, too
 * @param port 0 = any
 * @param addresses "192.0.2.1,[2001:db8::1]", in the order of preference; at most 64
 * @return LEAT_OK; LEAT_E_PARAMETER (no host, no such list, more than 128 hosts);
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_add_resolve(leat_config *config, const char *host,
                                                     uint16_t port, const char *addresses);

/**
 * Lets another host be connected to instead of that of a URL, which stays what it is for Host and TLS:
 * one of several behind a load balancer, or a test server. The first entry that fits counts.
 *
 * @param host NULL or "" = any; @param port 0 = any
 * @param to_host NULL or "" = the same; @param to_port 0 = the same
 * @return LEAT_OK; LEAT_E_PARAMETER (not a host; more than 128 entries); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_add_connect_to(leat_config *config, const char *host,
                                                        uint16_t port, const char *to_host,
                                                        uint16_t to_port);

/** DNS servers to ask instead of the system's: "addr[:port][,addr[:port]...]", IPv6 as "[::1]:53".
 * /etc/hosts goes first, and all else that resolv.conf(5) says counts: the search list, of which no
 * element ends the search by failing or by silence, and the options ndots, timeout, attempts,
 * rotate, use-vc, edns0, single-request, no-aaaa, no-tld-query and no-reload. A name with a final
 * dot is absolute. "localhost" and names below it are the loopback addresses (RFC 6761 section
 * 6.3). NULL = the system's servers (default).
 * @return LEAT_OK, LEAT_E_PARAMETER (not such a list), LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_dns_servers(leat_config *config, const char *servers);

/** Reports what connections of this configuration do. NULL = nobody listens (default).
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_trace(leat_config *config, leat_trace_fn fn,
                                                   void *user);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The way to an origin: the hops in their order, which of them are resolved here, and which layers
 * stand on each. This is the only place that knows the order.
 */
#ifndef LEATI_CONN_ROUTE_H
#define LEATI_CONN_ROUTE_H

#include "config/settings.h"
#include "core/address.h"
#include "core/failure.h"
#include "core/layer.h"
#include "loop/loop.h"
#include "tcp/local_address.h"
#include "tcp/tcp.h"

struct leati_chain;
struct leati_dns_query;
struct leati_http_auth;

/** A place on the way: a proxy, or at the end the origin. */
struct leati_hop {
    const char *host; /**< borrowed from the configuration or the origin */
    uint16_t port;
    bool host_is_absolute; /**< a name that no search list applies to */
    bool resolve;          /**< its name becomes addresses here, not at the proxy before it */
    char *text;            /**< "host:port"; stays when the route is trimmed */
    const struct leati_url *proxy;        /**< NULL = the origin */
    const struct leati_known_host *known; /**< its addresses, if the program gives them; or NULL */
    struct leati_chain *chain;            /**< waits for the answers to `query` */
    struct leati_dns_query *query; /**< under way; there may be addresses already; NULL = none */
    struct leati_address *addresses;
    size_t address_count;
    struct leati_http_auth *auth; /**< to an HTTP proxy; lives over redials; NULL = none yet */
    size_t address_next; /**< the one to ask a proxy for; TCP tries all of them by itself */
};

/** What stands on top of a way. */
enum leati_on_top {
    LEATI_ON_TOP_NOTHING,
    LEATI_ON_TOP_UPGRADE, /**< the origin is asked to upgrade */
    LEATI_ON_TOP_ACCEPT,  /**< the client will ask to upgrade */
    LEATI_ON_TOP_RELAY,   /**< the last hop is a SOCKS5 proxy whose relay is wanted */
};

struct leati_ws_agreement;

/** 32 digits of 128 random bits, and the NUL. */
#define LEATI_ROUTE_ISOLATION_SIZE 33

struct leati_route {
    const struct leati_settings *settings;
    /** The proxy that the environment names, instead of those of the settings; NULL = none. */
    struct leati_url *system_proxy;
    bool skips_proxies; /**< the configuration excludes this destination */
    /** What keeps this connection apart from others in Tor; "" = nothing does. */
    char isolation_user[LEATI_ROUTE_ISOLATION_SIZE];
    char isolation_password[LEATI_ROUTE_ISOLATION_SIZE];
    unsigned redirects_left;
    unsigned redirects_followed; /**< that led here */
    /** A redirect has led to another origin, which is not given what authenticates the program to
     * the first one. */
    bool withholds_credentials;
    bool was_too_early; /**< see conn/too_early.h */

    /* Where it starts: with a descriptor that is connected, or by dialling the first hop. */
    bool adopts;
    int adopted_fd; /**< until TCP has taken it; -1 = none */
    struct leati_address adopted_from;
    bool reads_proxy_header;           /**< the client's first bytes say who it is */
    struct leati_address named_client; /**< whom they name; of AF_UNSPEC = nobody */
    /** The local server that had no room for `adopted_fd` yet; `size` 0 = it is connected. */
    struct leati_local_address adopted_server;
    const char *unix_path; /**< of a local socket to connect to instead of dialling; NULL = none */
    int dial_family;       /**< the only one that TCP dials, AF_UNSPEC = any */
    const struct leati_tcp_opener *opener; /**< may be NULL; borrowed until the chain is OPEN */

    /* Where it ends: TLS behind the last hop, as the settings say or as a socket has it, and what
     * stands on top. */
    bool secure;                               /**< TLS as the settings say */
    const struct leati_tls_layer_options *tls; /**< may be NULL; borrowed until the chain is OPEN */
    enum leati_on_top on_top;

    struct leati_url origin;
    struct leati_hop *hops; /**< TCP dials the first, the origin is the last */
    size_t hop_count;
    char *origin_field;                              /**< the value of Host */
    struct leati_tls_credentials *credentials;       /**< NULL unless secure */
    struct leati_tls_credentials *proxy_credentials; /**< NULL without an https:// proxy */
    struct leati_tls_sessions *sessions;             /**< may be NULL */
    /** The earlier answer of an HTTP proxy, if that is what is reported; NULL = none. */
    struct leati_http_response *refusal;

    /* How far the chain has come on it. */
    struct leati_hop *lookup;     /**< the hop that has no address yet */
    struct leati_failure earlier; /**< of an address before, see conn/next_address.h */
    char *tried;                  /**< those addresses, for the text; NULL = none */
    unsigned attempts;            /**< how many of them */
    bool awaits_address;          /**< it has failed, and an address may still come */
    uint64_t phase_start_us;
    const struct leati_layer *phase_layer; /**< whose start was traced; NULL between two phases */
    bool awaits_owner;          /**< who was asked about a request, and has not answered yet */
    bool asks_about_requests;   /**< the owner also decides about what is no upgrade */
    struct leati_layer *asking; /**< the acceptance, while the owner is asked; outlives a release */

    /** The upgrade, or at a server its acceptance, and what it writes; borrowed from the chain,
     * NULL before it is built and after it is unlinked. */
    struct leati_layer *upgrade;
    const struct leati_ws_agreement *agreement;
};

/** Whom a socket connects to, and from where. */
struct leati_route_socket {
    const char *host; /**< a name or a literal without brackets */
    uint16_t port;
    int family;                            /**< the only one to dial, AF_UNSPEC = any */
    const struct leati_tcp_opener *opener; /**< NULL = sockets as leati_tcp_options has them */
};

/** A client that a server has accepted. */
struct leati_route_accepted {
    int fd; /**< taken in every case */
    const struct leati_address *remote;
    const struct leati_settings *settings;     /**< a reference is taken */
    struct leati_tls_credentials *credentials; /**< NULL = ws; a reference is taken */
    bool asks_about_requests;                  /**< also about those that are no upgrade */
    bool reads_proxy_header;                   /**< of the PROXY protocol, which comes first */
};

/**
 * Plans the way. Reads certificate files.
 *
 * @return LEAT_OK; recorded in `failure`: LEAT_E_WS_URL, LEAT_E_WS_DOMAIN, LEAT_E_SOCKS5_SERIALIZE,
 *         LEAT_E_PARAMETER (the proxy that the environment names), as leati_tls_credentials_new(),
 *         LEAT_E_SYSTEM_INTERNAL.
 */
int leati_route_new(const char *url, const leat_config *config, struct leati_failure *failure,
                    struct leati_route **ret_route);

/**
 * Plans the way to the relay of a UDP association (RFC 1928 section 7): to the last proxy of
 * `settings`, which is one of SOCKS5; if it is the only one by addresses of `family` only, because
 * the relay will be where the proxy is. The top layer is that proxy's: leati_socks5_layer_bound().
 *
 * @return LEAT_OK; recorded in `failure`: LEAT_E_PARAMETER (not SOCKS5 at the end; several, which are not allowed),
 *         LEAT_E_SYSTEM_INTERNAL.
 */
int leati_route_new_udp_associate(const struct leati_settings *settings, int family,
                                  struct leati_failure *failure, struct leati_route **ret_route);
/**
 * Plans the way of a plain socket, through the proxies of `config` (NULL = the defaults).
 *
 * @return LEAT_OK; recorded in `failure`: LEAT_E_PARAMETER (no host, no port; the proxy that the
 *         environment names), LEAT_E_SOCKS5_SERIALIZE (a host or port that SOCKS5 cannot carry),
 *         LEAT_E_WS_DOMAIN, as leati_tls_credentials_new() for an https:// proxy,
 *         LEAT_E_SYSTEM_INTERNAL.
 */
int leati_route_new_socket(const struct leati_route_socket *socket, const leat_config *config,
                           struct leati_failure *failure, struct leati_route **ret_route);
/** The way of a descriptor that is connected: one hop, named `text`. `fd` is taken in every case.
 * `remote` may be of AF_UNIX, then nothing else of it counts.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_route_new_stream(int fd, const struct leati_address *remote, const char *text,
                           struct leati_route **ret_route);
/** The way of a server's client: one hop, that is there already.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_route_new_accepted(const struct leati_route_accepted *accepted,
                             struct leati_route **ret_route);
void leati_route_free(struct leati_route *route);

/** Drops what only connecting needs; the flags and the texts of the hops stay. */
void leati_route_trim(struct leati_route *route);

/** "host:port" of the origin. */
const char *leati_route_origin_text(const struct leati_route *route);

/** Whether an open connection needs nothing of it but the origin's text: no proxy is named by a layer,
 * and no layer is put on top later. */
bool leati_route_is_spent(const struct leati_route *route);
/** Frees it, but for the origin's text, which is the caller's then. */
char *leati_route_free_for_text(struct leati_route *route);

/** The first hop whose name is still to be resolved here, NULL if none is. */
struct leati_hop *leati_route_next_lookup(const struct leati_route *route);

/**
 * The way to where a redirect leads, if one more may be followed; the route is not trimmed yet.
 *
 * @param location the URI reference that the server has sent
 * @return LEAT_OK and a new route; LEATI_AGAIN: none may be followed any more; otherwise why it
 *         cannot be followed, as leati_route_new(), recorded in `failure`; LEAT_E_WS_CONNECT for a
 *         way that leaves TLS.
 */
int leati_route_follow_redirect(struct leati_route *route, const char *location,
                                struct leati_failure *failure, struct leati_route **ret_route);
/** Adds to a failure to connect how many redirects were followed, where the last one led, and where
 * the one leads that was not followed. */
void leati_route_tell_redirects(const struct leati_route *route, struct leati_failure *failure);
/** Moves the response that refused, of the origin or of an HTTP proxy, out of the layers; NULL if
 * there is none. */
struct leati_http_response *leati_route_take_response(struct leati_route *route,
                                                      struct leati_layer *top);
/** The upgrade has been unlinked, or destroyed. */
void leati_route_forget_upgrade(struct leati_route *route);

/** The address at which this machine knows the last hop; NULL = none, because the proxy before it
 * resolves its name. `literal` is room for one. Until the route is trimmed. */
const struct leati_address *leati_route_last_address(const struct leati_route *route,
                                                     struct leati_address *literal);

/** The hop of that text, as layers have it. */
struct leati_hop *leati_route_hop(const struct leati_route *route, const char *text);

/** Takes the next address of a hop behind the first one, if it was resolved here and there is one:
 * the next leati_route_build() asks the proxy before it for that. Those behind it begin anew. */
bool leati_route_next_address(struct leati_route *route, struct leati_hop *hop);
/** Lets all hops behind the first one begin anew with their addresses. */
void leati_route_first_addresses(struct leati_route *route);

/** The only family of address that is of use for a hop, AF_UNSPEC = any. */
int leati_route_hop_family(const struct leati_route *route, const struct leati_hop *hop);
/** Records that a hop has no address of that family. Returns the code: LEAT_E_SOCKET_BASE +
 * EAFNOSUPPORT; of a proxy, or behind one of SOCKS4, LEAT_E_SOCKS5_SERIALIZE. */
int leati_route_lacks_family(const struct leati_route *route, const struct leati_hop *hop,
                             struct leati_failure *failure);

/** The TCP side of building: whom to wake. */
struct leati_route_dial {
    leat_loop *loop;
    void (*ready)(void *user);
    void *user;
};

/**
 * Makes the layers, linked from `*ret_top` down to `*ret_tcp`; hop is filled in, failure and tracer
 * are the caller's to set. All lookups must be done.
 *
 * @return LEAT_OK, or the constructors' codes, recorded in `failure`; then nothing is left.
 */
int leati_route_build(struct leati_route *route, const struct leati_route_dial *dial,
                      struct leati_failure *failure, struct leati_layer **ret_top,
                      struct leati_layer **ret_tcp);

/** Destroys a list of layers from the top down. */
void leati_layers_destroy(struct leati_layer *top);

#endif

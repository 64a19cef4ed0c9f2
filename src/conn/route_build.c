/* SPDX-License-Identifier: Apache-2.0 */
/* From a planned route to its layers. */
#include "conn/route_private.h"

#include "conn/too_early.h"
#include "http/auth.h"
#include "http/connect.h"
#include "socks5/gss_protection.h"
#include "socks5/socks4.h"
#include "socks5/socks5.h"
#include "tcp/proxy_header.h"
#include "tcp/proxy_reader.h"
#include "tcp/tcp.h"
#include "tls/tls.h"
#include "util/alloc.h"
#include "util/text.h"
#include "ws/accept.h"
#include "ws/ws.h"

#include <errno.h>
#include <string.h>

static const char *const alpn_http11[] = {"http/1.1", NULL};

/* ---- building, one step a layer ------------------------------------------------------- */

struct builder {
    struct leati_route *route;
    const struct leati_route_dial *dial;
    struct leati_failure *failure;
    struct leati_layer *top;
    struct leati_layer *tcp;  /* the first one pushed */
    struct leati_layer *made; /* for the constructors, until it is pushed */
};

/* The end of a step: what its constructor has made, if it could, stands on top. */
static int builder_push(struct builder *b, int code, const char *hop)
{
    if (code != LEAT_OK)
        return code;
    if (!b->tcp)
        b->tcp = b->made;
    b->made->lower = b->top;
    b->made->hop = hop;
    b->top = b->made;
    return LEAT_OK;
}

static uint32_t phase_timeout(const struct builder *b, enum leat_phase phase)
{
    return b->route->settings->phase_timeout_ms[phase];
}

static bool is_behind_socks4(const struct leati_route *route, const struct leati_hop *hop)
{
    return hop != route->hops && leati_url_is_socks4(hop[-1].proxy);
}

/* What the program says comes first, and SOCKS4 then says that it cannot be. */
int leati_route_hop_family(const struct leati_route *route, const struct leati_hop *hop)
{
    int family = hop == route->hops ? route->dial_family : route->settings->dial.family;
    return family == AF_UNSPEC && is_behind_socks4(route, hop) ? AF_INET : family;
}

int leati_route_lacks_family(const struct leati_route *route, const struct leati_hop *hop,
                             struct leati_failure *failure)
{
    const char *family = leati_route_hop_family(route, hop) == AF_INET6 ? "IPv6" : "IPv4";
    bool is_of_socks = hop->proxy || is_behind_socks4(route, hop);
    const struct leati_fault fault = {
        .code = is_of_socks ? LEAT_E_SOCKS5_SERIALIZE : LEAT_E_SOCKET_BASE + EAFNOSUPPORT,
        .layer = is_of_socks ? LEAT_LAYER_SOCKS5 : LEAT_LAYER_TCP,
        .sys_errno = is_of_socks ? 0 : EAFNOSUPPORT,
        .hop = hop->text,
    };
    bool is_asked_for = route->settings->dial.family != AF_UNSPEC;
    return leati_failure_set(failure, &fault, "%s has no %s address, which %s", hop->host, family,
                             is_behind_socks4(route, hop) ? "is all that SOCKS4 carries"
                             : is_asked_for               ? "is all that was asked for"
                                                          : "the socket is bound to");
}

static int builder_add_tcp(struct builder *b)
{
    struct leati_hop *first = &b->route->hops[0];
    const struct leati_dial_settings *dial = &b->route->settings->dial;
    int family = b->route->dial_family;
    /* Only a literal: names are asked for by family. */
    if (family != AF_UNSPEC && first->addresses[0].any.sa_family != family)
        return leati_route_lacks_family(b->route, first, b->failure);
    const struct leati_tcp_options options = {
        .loop = b->dial->loop,
        .addresses = first->addresses,
        .count = first->address_count,
        .more = first->query,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_TCP),
        .opener = b->route->opener,
        .local = {.address = dial->local.any.sa_family == family && family != AF_UNSPEC
                                 ? &dial->local
                                 : NULL,
                  .interface = dial->interface},
        .descriptor = &b->route->settings->descriptor,
        .fast_open = b->route->settings->tcp_fast_open,
        .ready = b->dial->ready,
        .user = b->dial->user,
    };
    return builder_push(b, leati_tcp_layer_new(&options, &b->made), first->text);
}

static bool is_last_hop(const struct leati_route *route, const struct leati_hop *hop)
{
    return hop == &route->hops[route->hop_count - 1];
}

/* Bytes may go ahead of the proxy's answer only where a layer above waits for an answer of its own:
 * a program must not be told that it is connected when it is not. */
static enum leati_socks5_pipelining route_pipelining(const struct leati_route *route)
{
    if (route->settings->socks5_pipelining == LEAT_SOCKS5_LOCK_STEP)
        return LEATI_SOCKS5_LOCK_STEP;
    return route->settings->socks5_pipelining == LEAT_SOCKS5_PIPELINED_WITH_DATA &&
                   route->on_top == LEATI_ON_TOP_UPGRADE
               ? LEATI_SOCKS5_OPTIMISTIC
               : LEATI_SOCKS5_PIPELINED;
}

/* Those of its URL, or, if it has none, those that are set for all. */
static const char *proxy_user(const struct leati_route *route, const struct leati_hop *via)
{
    if (route->isolation_user[0] && leati_url_is_socks5(via->proxy))
        return route->isolation_user;
    return via->proxy->user ? via->proxy->user : route->settings->proxy_user;
}

static const char *proxy_password(const struct leati_route *route, const struct leati_hop *via)
{
    if (route->isolation_user[0] && leati_url_is_socks5(via->proxy))
        return route->isolation_password;
    return via->proxy->user ? via->proxy->password : route->settings->proxy_password;
}

/* Whom a proxy is asked for: by name, unless that is resolved here. */
static const char *next_host(const struct leati_hop *next, char literal[LEATI_ADDRESS_TEXT_SIZE])
{
    if (!next->resolve)
        return next->host;
    leati_address_format_host(&next->addresses[next->address_next], literal,
                              LEATI_ADDRESS_TEXT_SIZE);
    return literal;
}

static int builder_add_socks4(struct builder *b, const struct leati_hop *via)
{
    const struct leati_hop *next = via + 1;
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    const struct leati_socks4_options options = {
        .host = next_host(next, literal),
        .port = next->port,
        .carries_names = leati_url_is_scheme(via->proxy, "socks4a"),
        .optimistic = route_pipelining(b->route) == LEATI_SOCKS5_OPTIMISTIC,
        .user = proxy_user(b->route, via),
        .password = proxy_password(b->route, via),
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
    };
    return builder_push(b, leati_socks4_layer_new(&options, b->failure, &b->made), via->text);
}

/* GSS-API is offered with a layer below, which protects the messages if that is agreed on. It is open
 * from the beginning and is no phase of connecting. */
static int builder_offer_gss(struct builder *b, const struct leati_hop *via,
                             struct leati_socks5_options *options)
{
    const struct leati_route_login login = {options->user, options->password};

    int code = leati_route_check_protection(b->route, b->failure);
    if (code != LEAT_OK || !leati_route_allows_gss(b->route))
        return code;
    code = leati_socks5_protection_layer_new(b->failure, &b->made);
    code = builder_push(b, code, via->text);
    if (code != LEAT_OK)
        return code;
    options->protection_layer = b->made;
    code = b->made->ops->connect(b->made, 0);
    options->protection = b->route->settings->socks5_protection;
    options->gss = leati_route_socks5_gss(b->route, b->dial, via, &login);
    return options->gss ? code : LEAT_E_SYSTEM_INTERNAL;
}

/* The proxy at `via` is asked for the hop behind it, or, if it is the last one, for its relay. */
static int builder_add_socks5(struct builder *b, const struct leati_hop *via)
{
    const struct leati_hop *next = is_last_hop(b->route, via) ? NULL : via + 1;
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_socks5_options options = {
        .command = next ? LEATI_SOCKS5_CONNECT : LEATI_SOCKS5_UDP_ASSOCIATE,
        .pipelining = route_pipelining(b->route),
        .host = next ? next_host(next, literal) : NULL,
        .port = next ? next->port : 0,
        .user = proxy_user(b->route, via),
        .password = proxy_password(b->route, via),
        .requires_user = b->route->isolation_user[0] != '\0',
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
    };
    int code = builder_offer_gss(b, via, &options);
    if (code == LEAT_OK)
        code = leati_socks5_layer_new(&options, b->failure, &b->made);
    return builder_push(b, code, via->text);
}

/* Who the program is for the proxy at `via`: the same for all connections of the route. NULL
 * without memory. */
static struct leati_http_auth *hop_auth(const struct leati_route *route,
                                        const struct leati_route_dial *dial, struct leati_hop *via)
{
    const struct leati_settings *settings = route->settings;
    if (via->auth)
        return via->auth;
    char *way = leati_route_way(route, via);
    const struct leati_http_auth_options options = {
        .proxy = via->text,
        .way = way,
        .user = proxy_user(route, via),
        .password = proxy_password(route, via),
        .schemes = settings->proxy_auth_schemes,
        .preemptive_basic = settings->proxy_basic_preemptive,
        .token_fn = settings->proxy_token_fn,
        .token_user = settings->proxy_token_user,
        .loop = dial->loop,
        .service = settings->proxy_service ? settings->proxy_service : "HTTP",
        .host = leati_route_service_host(via),
        .hashes = {.md5 = leati_tls_md5,
                   .sha256 = leati_tls_sha256,
                   .sha512_256 = leati_tls_sha512_256},
        .memory = settings->proxy_memory,
    };
    via->auth = way ? leati_http_auth_new(&options) : NULL;
    leati_free(way);
    return via->auth;
}

static int builder_add_http_connect(struct builder *b, struct leati_hop *via)
{
    const struct leati_hop *next = via + 1;
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    const struct leati_http_connect_options options = {
        .host = next_host(next, literal),
        .port = next->port,
        .auth = hop_auth(b->route, b->dial, via),
        .user_agent = b->route->settings->user_agent,
        .headers = b->route->settings->proxy_headers.items,
        .header_count = b->route->settings->proxy_headers.count,
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
        .ready = b->dial->ready,
        .ready_user = b->dial->user,
    };
    if (!options.auth)
        return LEAT_E_SYSTEM_INTERNAL;
    return builder_push(b, leati_http_connect_layer_new(&options, b->failure, &b->made), via->text);
}

static int builder_push_tls(struct builder *b, const struct leati_tls_layer_options *options,
                            const char *hop)
{
    return builder_push(b, leati_tls_layer_new(options, b->failure, &b->made), hop);
}

/* What the settings say of all TLS to that side. */
static struct leati_tls_layer_options settings_tls(const struct leati_settings *settings,
                                                   enum leati_tls_side side)
{
    const struct leati_tls_values *tls = settings->tls[side];
    return (struct leati_tls_layer_options){
        .server_name = tls->server_name,
        .verify = !tls->skip_verification,
        .prefer_remote_ciphers = tls->prefer_remote_ciphers,
        .verify_fn = tls->verify_fn,
        .verify_user = tls->verify_user,
        .min_protocol = tls->min_protocol,
        .max_protocol = tls->max_protocol,
        .alpn = tls->alpn.count > 0 ? NULL : alpn_http11, /* those of the credentials */
        .key_log_path = settings->key_log_path,
        .timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_TLS],
        .close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE],
    };
}

static int builder_add_proxy_tls(struct builder *b, const struct leati_hop *hop)
{
    struct leati_tls_layer_options options = settings_tls(b->route->settings, LEATI_TLS_TO_PROXY);
    if (!options.server_name)
        options.server_name = hop->host;
    options.server_port = hop->port;
    options.credentials = b->route->proxy_credentials;
    return builder_push_tls(b, &options, hop->text);
}

/* TLS with the origin. */
static int builder_add_tls(struct builder *b)
{
    const struct leati_route *route = b->route;
    const struct leati_hop *origin = &route->hops[route->hop_count - 1];
    if (route->tls)
        return builder_push_tls(b, route->tls, origin->text);
    struct leati_tls_layer_options options = settings_tls(route->settings, LEATI_TLS_TO_ORIGIN);
    options.credentials = route->credentials;
    options.is_server = route->adopts;
    if (route->adopts) {
        options.client_verification = leati_settings_client_verification(route->settings);
        options.tickets = leati_settings_resumption(route->settings);
    } else {
        /* A name of its own is for the origin that the program has named; otherwise that of the
         * URL, also where another host is dialled for it. */
        if (!options.server_name || route->withholds_credentials)
            options.server_name = route->origin.host;
        options.server_port = route->origin.port;
        options.sessions = route->sessions;
        options.early_data = leati_route_may_be_early(route);
    }
    return builder_push_tls(b, &options, origin->text);
}

/* What stands on a proxy: TLS if it speaks it, then the request for the next hop. */
static int builder_add_proxy(struct builder *b, struct leati_hop *hop)
{
    int code = leati_url_is_scheme(hop->proxy, "https") ? builder_add_proxy_tls(b, hop) : LEAT_OK;
    if (code != LEAT_OK)
        return code;
    if (leati_url_is_socks4(hop->proxy))
        return builder_add_socks4(b, hop);
    return leati_url_is_socks5(hop->proxy) ? builder_add_socks5(b, hop)
                                           : builder_add_http_connect(b, hop);
}

/* Whether a header authenticates the program to the first origin. */
static bool header_is_credential(const struct leati_http_field *header)
{
    static const char *const names[] = {"Authorization", "Cookie", "Proxy-Authorization"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (leati_text_equal_nocase(header->name, strlen(header->name), names[i], strlen(names[i])))
            return true;
    return false;
}

/* The program's headers that may go to this origin. */
static size_t request_headers(const struct leati_route *route, struct leati_http_field *kept)
{
    const struct leati_field_list *own = &route->settings->headers;
    size_t count = 0;
    for (size_t i = 0; i < own->count; i++)
        if (!route->withholds_credentials || !header_is_credential(&own->items[i]))
            kept[count++] = own->items[i];
    return count;
}

static const char *request_host(const struct leati_route *route)
{
    bool is_ours = route->settings->host_field && !route->withholds_credentials;
    return is_ours ? route->settings->host_field : route->origin_field;
}

/* That of WebSockets, of either end. */
static int builder_push_handshake(struct builder *b, int code, const char *hop)
{
    if (code != LEAT_OK)
        return code;
    b->route->upgrade = b->made;
    b->route->agreement = leati_ws_agreement(b->made);
    return builder_push(b, code, hop);
}

static int builder_ask_upgrade(struct builder *b, const char *origin)
{
    struct leati_http_field headers[LEATI_CONFIG_MAX_ENTRIES];
    const struct leati_settings *settings = b->route->settings;
    const struct leati_deflate_offer offer = leati_settings_deflate_offer(settings);
    const struct leati_ws_upgrade_options options = {
        .host_field = request_host(b->route),
        .target = b->route->origin.target,
        .user_agent = settings->user_agent,
        .origin = origin,
        .headers = headers,
        .header_count = request_headers(b->route, headers),
        .protocols = (const char *const *)settings->protocols.items,
        .protocol_count = settings->protocols.count,
        .deflate = settings->compresses ? &offer : NULL,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_UPGRADE),
        .sha1 = leati_tls_sha1,
        .random = leati_loop_random_pool(b->dial->loop),
    };
    int code = leati_ws_upgrade_layer_new(&options, b->failure, &b->made);
    if (code == LEAT_OK && b->route->secure && leati_route_may_be_early(b->route)) {
        size_t len;
        const void *request = leati_ws_upgrade_request(b->made, &len);
        leati_tls_layer_set_early_data(b->top, request, len);
    }
    return builder_push_handshake(b, code, leati_route_origin_text(b->route));
}

/* Scheme and host of the URL, without a port, as HarmonyOS says where a request comes from. NULL
 * without memory. */
static char *origin_of_url(const struct leati_route *route)
{
    const char *host = route->origin_field;
    size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    return leati_asprintf("%s://%.*s", route->secure ? "https" : "http", (int)len, host);
}

static int builder_add_upgrade(struct builder *b)
{
    char *origin = NULL;
    if (b->route->settings->origin_of_url && !(origin = origin_of_url(b->route)))
        return LEAT_E_SYSTEM_INTERNAL;
    int code = builder_ask_upgrade(b, origin);
    leati_free(origin);
    return code;
}

static int builder_adopt_tcp(struct builder *b)
{
    struct leati_route *route = b->route;
    bool waits = route->adopted_server.size > 0; /* and has settings */
    const struct leati_tcp_accepted accepted = {
        .loop = b->dial->loop,
        .fd = route->adopted_fd,
        .remote = &route->adopted_from,
        .server = waits ? &route->adopted_server : NULL,
        .timeout_ms = waits ? phase_timeout(b, LEAT_PHASE_TCP) : 0,
        .ready = b->dial->ready,
        .user = b->dial->user,
        .rests_as = route->on_top == LEATI_ON_TOP_ACCEPT ? route->hops[0].text : NULL,
    };
    int code = leati_tcp_layer_accepted(&accepted, &b->made);
    if (code == LEAT_OK)
        route->adopted_fd = -1;
    return builder_push(b, code, route->hops[0].text);
}

/* A local socket connects at once, or when its server has room, and is adopted. */
static int builder_connect_unix(struct builder *b)
{
    struct leati_route *route = b->route;
    int code = leati_route_connect_local(route, route->unix_path, b->failure);
    if (code != LEAT_OK && code != LEAT_E_SYSTEM_INTERNAL && route->hops[0].proxy &&
        leati_url_is_socks(route->hops[0].proxy))
        return leati_failure_relabel(b->failure, LEAT_E_SOCKS5_CONNECT_PROXY, LEAT_LAYER_SOCKS5,
                                     "the proxy cannot be reached");
    return code == LEAT_OK ? builder_adopt_tcp(b) : code;
}

static int builder_add_accept(struct builder *b)
{
    const struct leati_ws_accept_options options = {
        .timeout_ms = phase_timeout(b, LEAT_PHASE_UPGRADE),
        .sha1 = leati_tls_sha1,
        .date = leati_http_date_now,
        .takes_requests = b->route->asks_about_requests,
    };
    return builder_push_handshake(b, leati_ws_accept_layer_new(&options, b->failure, &b->made),
                                  b->route->hops[0].text);
}

/* ---- the order ------------------------------------------------------------------------ */

static int builder_add_hops(struct builder *b)
{
    const struct leati_route *route = b->route;
    int code = route->unix_path ? builder_connect_unix(b)
               : route->adopts  ? builder_adopt_tcp(b)
                                : builder_add_tcp(b);
    for (size_t i = 0; code == LEAT_OK && i < b->route->hop_count; i++)
        if (b->route->hops[i].proxy)
            code = builder_add_proxy(b, &b->route->hops[i]);
    return code;
}

static int builder_add_top(struct builder *b)
{
    switch (b->route->on_top) {
    case LEATI_ON_TOP_UPGRADE:
        return builder_add_upgrade(b);
    case LEATI_ON_TOP_ACCEPT:
        return builder_add_accept(b);
    case LEATI_ON_TOP_NOTHING:
    case LEATI_ON_TOP_RELAY:
        break;
    }
    return LEAT_OK;
}

/* In front of everything that the origin gets, behind what proxies do. */
static int builder_add_proxy_header(struct builder *b)
{
    const struct leati_route *route = b->route;
    const struct leati_settings *settings = route->settings;
    const struct leati_hop *origin = &route->hops[route->hop_count - 1];
    if (!settings || settings->sent_proxy_protocol == LEAT_PROXY_PROTOCOL_NONE ||
        route->on_top == LEATI_ON_TOP_ACCEPT || route->on_top == LEATI_ON_TOP_RELAY)
        return LEAT_OK;
    const struct leati_proxy_header_options options = {
        .version = settings->sent_proxy_protocol == LEAT_PROXY_PROTOCOL_1 ? LEATI_PROXY_PROTOCOL_1
                                                                          : LEATI_PROXY_PROTOCOL_2,
        .tcp = b->tcp,
        .is_direct = route->hop_count == 1 && !route->unix_path && !route->adopts,
        .client = &settings->proxy_protocol_client,
        .destination = origin->address_count > 0 ? &origin->addresses[origin->address_next] : NULL,
        .destination_port = origin->port,
    };
    return builder_push(b, leati_proxy_header_layer_new(&options, b->failure, &b->made),
                        origin->text);
}

static int builder_read_proxy_header(struct builder *b)
{
    const struct leati_proxy_reader_options options = {
        .timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
        .client = &b->route->named_client,
    };
    return builder_push(b, leati_proxy_reader_layer_new(&options, b->failure, &b->made),
                        b->route->hops[0].text);
}

static int builder_run(struct builder *b)
{
    const struct leati_route *route = b->route;
    int code = builder_add_hops(b);
    if (code == LEAT_OK)
        code =
            route->reads_proxy_header ? builder_read_proxy_header(b) : builder_add_proxy_header(b);
    if (code == LEAT_OK && (route->secure || route->tls))
        code = builder_add_tls(b);
    return code == LEAT_OK ? builder_add_top(b) : code;
}

void leati_layers_destroy(struct leati_layer *top)
{
    while (top) {
        struct leati_layer *lower = top->lower;
        top->ops->destroy(top);
        top = lower;
    }
}

int leati_route_build(struct leati_route *route, const struct leati_route_dial *dial,
                      struct leati_failure *failure, struct leati_layer **ret_top,
                      struct leati_layer **ret_tcp)
{
    struct builder b = {.route = route, .dial = dial, .failure = failure};
    int code = builder_run(&b);
    if (code != LEAT_OK) {
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
        leati_layers_destroy(b.top);
        leati_route_forget_upgrade(route);
        return code;
    }
    *ret_top = b.top;
    *ret_tcp = b.tcp;
    return LEAT_OK;
}

struct leati_http_response *leati_route_take_response(struct leati_route *route,
                                                      struct leati_layer *top)
{
    struct leati_http_response *response = route->refusal;
    route->refusal = NULL;
    if (!response && route->on_top == LEATI_ON_TOP_UPGRADE && route->upgrade)
        response = leati_ws_upgrade_take_response(route->upgrade);
    for (struct leati_layer *l = top; l && !response; l = l->lower)
        if (l->ops->layer == LEAT_LAYER_HTTP_PROXY)
            response = leati_http_connect_take_response(l);
    return response;
}

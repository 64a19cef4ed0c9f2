/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/route.h"

#include "http/connect.h"
#include "socks5/socks5.h"
#include "tcp/tcp.h"
#include "tls/tls.h"
#include "url/proxy_env.h"
#include "util/alloc.h"
#include "ws/ws.h"

#include <stdlib.h>
#include <string.h>

static const char *const alpn_http11[] = {"http/1.1", NULL};

/* ---- planning ------------------------------------------------------------------------- */

void leati_route_trim(struct leati_route *route)
{
    leati_tls_credentials_unref(route->credentials);
    route->credentials = NULL;
    leati_tls_credentials_unref(route->proxy_credentials);
    route->proxy_credentials = NULL;
    leati_tls_sessions_unref(route->sessions);
    route->sessions = NULL;
    leati_free(route->origin_field);
    route->origin_field = NULL;
    leati_url_done(&route->origin);
    route->origin = (struct leati_url){0};
    leat_config_free(route->config);
    route->config = NULL;
    for (size_t i = 0; i < route->hop_count; i++) {
        struct leati_hop *hop = &route->hops[i];
        leati_free(hop->addresses);
        *hop = (struct leati_hop){.text = hop->text};
    }
}

void leati_route_free(struct leati_route *route)
{
    if (!route)
        return;
    leati_route_trim(route);
    for (size_t i = 0; i < route->hop_count; i++)
        leati_free(route->hops[i].text);
    leati_free(route->hops);
    leati_free(route);
}

static char *host_port_text(const char *host, uint16_t port)
{
    size_t cap = strlen(host) + sizeof("[]:65535");
    char *text = leati_malloc(cap);
    if (text)
        leati_host_port_format(host, port, text, cap);
    return text;
}

/* RFC 6455 section 4.1: the port stands in Host only if it is not the scheme's default. */
static char *host_field_text(const struct leati_url *origin)
{
    if (!origin->default_port)
        return host_port_text(origin->host, origin->port);
    return leati_asprintf(origin->host_is_ipv6 ? "[%s]" : "%s", origin->host);
}

static bool is_scheme(const struct leati_url *url, const char *scheme)
{
    return strcmp(url->scheme, scheme) == 0;
}

/* socks5:// and socks5h:// */
static bool is_socks5(const struct leati_url *url)
{
    return strncmp(url->scheme, "socks5", strlen("socks5")) == 0;
}

static bool resolves_here(const struct leati_url *proxy)
{
    return is_scheme(proxy, "socks5");
}

static int route_plan_hops(struct leati_route *route)
{
    const leat_config *config = route->config;
    size_t count = config->proxy_count + (route->udp_associate ? 0 : 1);
    route->hops = leati_calloc(count, sizeof(*route->hops));
    if (!route->hops)
        return LEAT_E_SYSTEM_INTERNAL;
    route->hop_count = count;
    for (size_t i = 0; i < route->hop_count; i++) {
        struct leati_hop *hop = &route->hops[i];
        const struct leati_url *url =
            i < config->proxy_count ? &config->proxies[i] : &route->origin;
        hop->proxy = i < config->proxy_count ? url : NULL;
        hop->host = url->host;
        hop->port = url->port;
        hop->resolve = i == 0 || resolves_here(route->hops[i - 1].proxy);
        hop->text = host_port_text(hop->host, hop->port);
        if (!hop->text)
            return LEAT_E_SYSTEM_INTERNAL;
    }
    if (route->udp_associate)
        return LEAT_OK;
    route->origin_field = host_field_text(&route->origin);
    return route->origin_field ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

static const char *environment_get(const char *name, void *user)
{
    (void)user;
    return getenv(name);
}

/* Fails closed: a proxy that is named and cannot be used never means a direct connection. */
static int route_take_system_proxy(struct leati_route *route, struct leati_failure *failure)
{
    struct leati_proxy_env choice;
    int code = leati_proxy_env_select(environment_get, NULL, &route->origin, &choice);
    if (code != LEAT_OK)
        return code;
    if (choice.url)
        code = leati_config_append_proxy(route->config, choice.url);
    if (code != LEAT_OK)
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "%s: %s", choice.variable,
                          route->config->failure.text ? route->config->failure.text : "");
    leati_proxy_env_done(&choice);
    return code;
}

static int route_check_policy(const struct leati_route *route, struct leati_failure *failure)
{
    const char *entry;
    if (leati_domain_policy_allows(&route->config->domain_policy, route->origin.host, &entry))
        return LEAT_OK;
    const struct leati_fault fault = {.code = LEAT_E_WS_DOMAIN, .layer = LEAT_LAYER_WEBSOCKET};
    return leati_failure_set(failure, &fault, "the host %s is %s%s", route->origin.host,
                             entry ? "denied by " : "not in the list of allowed domains",
                             entry ? entry : "");
}

static int route_load_credentials(struct leati_route *route, struct leati_failure *failure)
{
    int code = LEAT_OK;
    if (route->secure)
        code = leati_config_tls(route->config, failure, &route->credentials, &route->sessions);
    for (size_t i = 0; code == LEAT_OK && i < route->config->proxy_count; i++)
        if (is_scheme(&route->config->proxies[i], "https") && !route->proxy_credentials)
            code = leati_config_proxy_tls(route->config, failure, &route->proxy_credentials);
    return code;
}

static int route_plan(struct leati_route *route, const char *url, const leat_config *config,
                      struct leati_failure *failure)
{
    int code = leati_url_parse_websocket(url, failure, &route->origin);
    if (code == LEAT_OK)
        code = config ? leat_config_copy(config, &route->config) : leat_config_new(&route->config);
    if (code == LEAT_OK)
        code = route_check_policy(route, failure);
    if (code == LEAT_OK && route->config->system_proxy)
        code = route_take_system_proxy(route, failure);
    if (code != LEAT_OK)
        return code;
    route->secure = is_scheme(&route->origin, "wss");
    code = route_plan_hops(route);
    return code == LEAT_OK ? route_load_credentials(route, failure) : code;
}

/* A chain of proxies could carry the control connection, but nothing would carry the datagrams to
 * the relay at its end. */
static int route_check_udp_proxy(const leat_config *config, struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER};
    if (config->system_proxy)
        return leati_failure_set(failure, &fault,
                                 "the environment names no proxies for UDP: set one by its URL");
    if (config->proxy_count != 1 || !is_socks5(&config->proxies[0]))
        return leati_failure_set(failure, &fault,
                                 "UDP goes through one SOCKS5 proxy, not through %s",
                                 config->proxy_count > 1 ? "several proxies" : "HTTP CONNECT");
    return LEAT_OK;
}

static int route_plan_udp_associate(struct leati_route *route, const leat_config *config,
                                    struct leati_failure *failure)
{
    int code = route_check_udp_proxy(config, failure);
    if (code == LEAT_OK)
        code = leat_config_copy(config, &route->config);
    if (code != LEAT_OK)
        return code;
    route->udp_associate = true;
    return route_plan_hops(route);
}

/* Takes what planning has left. */
static int route_finish(struct leati_route *route, int code, struct leati_failure *failure,
                        struct leati_route **ret_route)
{
    if (code != LEAT_OK) {
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
        leati_route_free(route);
        return code;
    }
    *ret_route = route;
    return LEAT_OK;
}

int leati_route_new_udp_associate(const leat_config *config, int family,
                                  struct leati_failure *failure, struct leati_route **ret_route)
{
    struct leati_route *route = leati_calloc(1, sizeof(*route));
    int code = LEAT_E_SYSTEM_INTERNAL;
    if (route) {
        route->dial_family = family;
        code = route_plan_udp_associate(route, config, failure);
    }
    return route_finish(route, code, failure, ret_route);
}

int leati_route_new(const char *url, const leat_config *config, struct leati_failure *failure,
                    struct leati_route **ret_route)
{
    struct leati_route *route = leati_calloc(1, sizeof(*route));
    int code = route ? route_plan(route, url, config, failure) : LEAT_E_SYSTEM_INTERNAL;
    return route_finish(route, code, failure, ret_route);
}

const char *leati_route_origin_text(const struct leati_route *route)
{
    return route->hops[route->hop_count - 1].text;
}

struct leati_hop *leati_route_next_lookup(const struct leati_route *route)
{
    for (size_t i = 0; i < route->hop_count; i++)
        if (route->hops[i].resolve && route->hops[i].address_count == 0)
            return &route->hops[i];
    return NULL;
}

bool leati_route_dials_socks5(const struct leati_route *route)
{
    const struct leati_url *proxy = route->hops[0].proxy;
    return proxy && is_socks5(proxy);
}

bool leati_route_try_next_address(struct leati_route *route)
{
    struct leati_hop *origin = &route->hops[route->hop_count - 1];
    if (route->hop_count == 1 || origin->address_next + 1 >= origin->address_count)
        return false;
    origin->address_next++;
    return true;
}

/* ---- building, one step a layer ------------------------------------------------------- */

struct builder {
    struct leati_route *route;
    const struct leati_route_dial *dial;
    struct leati_failure *failure;
    struct leati_layer *top;
};

static void builder_push(struct builder *b, struct leati_layer *layer, const char *hop)
{
    layer->lower = b->top;
    layer->hop = hop;
    b->top = layer;
}

static uint32_t phase_timeout(const struct builder *b, enum leat_phase phase)
{
    return b->route->config->phase_timeout_ms[phase];
}

/* Drops the addresses of other families, if one is demanded. */
static int hop_keep_family(struct leati_hop *hop, int family, struct leati_failure *failure)
{
    size_t kept = 0;
    for (size_t i = 0; i < hop->address_count; i++)
        if (family == AF_UNSPEC || hop->addresses[i].any.sa_family == family)
            hop->addresses[kept++] = hop->addresses[i];
    if (kept == 0) {
        const struct leati_fault fault = {
            .code = LEAT_E_SOCKS5_SERIALIZE, .layer = LEAT_LAYER_SOCKS5, .hop = hop->text};
        return leati_failure_set(failure, &fault,
                                 "the proxy has no %s address, which the socket is bound to",
                                 family == AF_INET6 ? "IPv6" : "IPv4");
    }
    hop->address_count = kept;
    return LEAT_OK;
}

static int builder_add_tcp(struct builder *b)
{
    struct leati_hop *first = &b->route->hops[0];
    int code = hop_keep_family(first, b->route->dial_family, b->failure);
    if (code != LEAT_OK)
        return code;
    const struct leati_tcp_options options = {
        .loop = b->dial->loop,
        .addresses = first->addresses,
        .count = first->address_count,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_TCP),
        .ready = b->dial->ready,
        .user = b->dial->user,
    };
    struct leati_layer *layer;
    code = leati_tcp_layer_new(&options, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, first->text);
    return code;
}

static bool is_last_hop(const struct leati_route *route, const struct leati_hop *hop)
{
    return hop == &route->hops[route->hop_count - 1];
}

/* The proxy at `via` is asked for the hop behind it, or, if it is the last one, for its relay. */
static int builder_add_socks5(struct builder *b, const struct leati_hop *via)
{
    const struct leati_hop *next = is_last_hop(b->route, via) ? NULL : via + 1;
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_socks5_options options = {
        .command = next ? LEATI_SOCKS5_CONNECT : LEATI_SOCKS5_UDP_ASSOCIATE,
        .host = next ? next->host : NULL,
        .port = next ? next->port : 0,
        .user = via->proxy->user,
        .password = via->proxy->password,
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
    };
    if (next && next->resolve) {
        leati_address_format_host(&next->addresses[next->address_next], literal, sizeof(literal));
        options.host = literal;
    }
    struct leati_layer *layer;
    int code = leati_socks5_layer_new(&options, b->failure, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, via->text);
    return code;
}

static int builder_add_http_connect(struct builder *b, const struct leati_hop *via)
{
    const struct leati_hop *next = via + 1;
    const struct leati_http_connect_options options = {
        .host = next->host,
        .port = next->port,
        .user = via->proxy->user,
        .password = via->proxy->password,
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
    };
    struct leati_layer *layer;
    int code = leati_http_connect_layer_new(&options, b->failure, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, via->text);
    return code;
}

static int builder_add_tls(struct builder *b, const struct leati_hop *hop)
{
    const leat_config *config = b->route->config;
    const struct leati_tls_options options = {
        .server_name = hop->host,
        .server_port = hop->port,
        .credentials = hop->proxy ? b->route->proxy_credentials : b->route->credentials,
        .sessions = hop->proxy ? NULL : b->route->sessions,
        .verify = !config->skip_server_cert_verification,
        .min_protocol = config->min_tls_protocol,
        .max_protocol = config->max_tls_protocol,
        .alpn = alpn_http11,
        .key_log_path = config->key_log_path,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_TLS),
        .close_timeout_ms = phase_timeout(b, LEAT_PHASE_CLOSE),
    };
    struct leati_layer *layer;
    int code = leati_tls_layer_new(&options, b->failure, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, hop->text);
    return code;
}

/* What stands on one hop: TLS if it speaks it, then, at a proxy, the request for the next hop. */
static int builder_add_hop(struct builder *b, const struct leati_hop *hop)
{
    bool secure = hop->proxy ? is_scheme(hop->proxy, "https") : b->route->secure;
    int code = secure ? builder_add_tls(b, hop) : LEAT_OK;
    if (code != LEAT_OK || !hop->proxy)
        return code;
    return is_socks5(hop->proxy) ? builder_add_socks5(b, hop) : builder_add_http_connect(b, hop);
}

static int builder_add_upgrade(struct builder *b)
{
    const leat_config *config = b->route->config;
    const struct leati_ws_upgrade_options options = {
        .host_field = b->route->origin_field,
        .target = b->route->origin.target,
        .headers = config->headers,
        .header_count = config->header_count,
        .protocols = (const char *const *)config->protocols,
        .protocol_count = config->protocol_count,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_UPGRADE),
        .sha1 = leati_tls_sha1,
    };
    struct leati_layer *layer;
    int code = leati_ws_upgrade_layer_new(&options, b->failure, &layer);
    if (code == LEAT_OK) {
        builder_push(b, layer, leati_route_origin_text(b->route));
        b->route->upgrade = layer;
    }
    return code;
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
    int code = builder_add_tcp(&b);
    struct leati_layer *tcp = b.top;
    for (size_t i = 0; code == LEAT_OK && i < route->hop_count; i++)
        code = builder_add_hop(&b, &route->hops[i]);
    if (code == LEAT_OK && !route->udp_associate)
        code = builder_add_upgrade(&b);
    if (code != LEAT_OK) {
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
        leati_layers_destroy(b.top);
        route->upgrade = NULL;
        return code;
    }
    *ret_top = b.top;
    *ret_tcp = tcp;
    return LEAT_OK;
}

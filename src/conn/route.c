/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/route.h"

#include "socks5/socks5.h"
#include "tcp/tcp.h"
#include "tls/tls.h"
#include "util/alloc.h"
#include "ws/ws.h"

#include <string.h>

static const char *const alpn_http11[] = {"http/1.1", NULL};

/* ---- planning ------------------------------------------------------------------------- */

void leati_route_trim(struct leati_route *route)
{
    leati_tls_credentials_unref(route->credentials);
    route->credentials = NULL;
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

static bool resolves_here(const struct leati_url *proxy)
{
    return strcmp(proxy->scheme, "socks5") == 0;
}

static int route_plan_hops(struct leati_route *route)
{
    const leat_config *config = route->config;
    route->hops = leati_calloc(config->proxy_count + 1, sizeof(*route->hops));
    if (!route->hops)
        return LEAT_E_SYSTEM_INTERNAL;
    route->hop_count = config->proxy_count + 1;
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
    route->origin_field = host_field_text(&route->origin);
    return route->origin_field ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

int leati_route_new(const char *url, const leat_config *config, struct leati_failure *failure,
                    struct leati_route **ret_route)
{
    struct leati_route *route = leati_calloc(1, sizeof(*route));
    int code = route ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK)
        code = leati_url_parse_websocket(url, failure, &route->origin);
    if (code == LEAT_OK)
        code = config ? leat_config_copy(config, &route->config) : leat_config_new(&route->config);
    if (code == LEAT_OK) {
        route->secure = strcmp(route->origin.scheme, "wss") == 0;
        code = route_plan_hops(route);
    }
    if (code == LEAT_OK && route->secure)
        code = leati_config_tls(route->config, failure, &route->credentials, &route->sessions);
    if (code != LEAT_OK) {
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
        leati_route_free(route);
        return code;
    }
    *ret_route = route;
    return LEAT_OK;
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
    return proxy && strncmp(proxy->scheme, "socks5", strlen("socks5")) == 0;
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

static int builder_add_tcp(struct builder *b)
{
    const struct leati_hop *first = &b->route->hops[0];
    const struct leati_tcp_options options = {
        .loop = b->dial->loop,
        .addresses = first->addresses,
        .count = first->address_count,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_TCP),
        .ready = b->dial->ready,
        .user = b->dial->user,
    };
    struct leati_layer *layer;
    int code = leati_tcp_layer_new(&options, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, first->text);
    return code;
}

/* The proxy at `via` is asked for the hop behind it. */
static int builder_add_socks5(struct builder *b, const struct leati_hop *via)
{
    const struct leati_hop *next = via + 1;
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_socks5_options options = {
        .host = next->host,
        .port = next->port,
        .user = via->proxy->user,
        .password = via->proxy->password,
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
    };
    if (next->resolve) {
        leati_address_format_host(&next->addresses[next->address_next], literal, sizeof(literal));
        options.host = literal;
    }
    struct leati_layer *layer;
    int code = leati_socks5_layer_new(&options, b->failure, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, via->text);
    return code;
}

static int builder_add_tls(struct builder *b)
{
    const leat_config *config = b->route->config;
    const struct leati_tls_options options = {
        .server_name = b->route->origin.host,
        .server_port = b->route->origin.port,
        .credentials = b->route->credentials,
        .sessions = b->route->sessions,
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
        builder_push(b, layer, leati_route_origin_text(b->route));
    return code;
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
    for (size_t i = 0; code == LEAT_OK && route->hops[i].proxy; i++)
        code = builder_add_socks5(&b, &route->hops[i]);
    if (code == LEAT_OK && route->secure)
        code = builder_add_tls(&b);
    if (code == LEAT_OK)
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

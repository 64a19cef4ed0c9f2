/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/route.h"

#include "socks5/socks5.h"
#include "tcp/tcp.h"
#include "tls/tls.h"
#include "util/alloc.h"
#include "ws/ws.h"

#include <string.h>

static const char *const alpn_http11[] = {"http/1.1", NULL};

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
    route->hop_host = NULL;
}

void leati_route_free(struct leati_route *route)
{
    if (!route)
        return;
    leati_route_trim(route);
    leati_free(route->hop);
    leati_free(route->origin_hop);
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

static int route_plan_hops(struct leati_route *route)
{
    const leat_config *config = route->config;
    route->has_proxy = config->has_proxy;
    route->hop_host = config->has_proxy ? config->proxy.host : route->origin.host;
    route->hop_port = config->has_proxy ? config->proxy.port : route->origin.port;
    route->resolve_origin = config->has_proxy && strcmp(config->proxy.scheme, "socks5") == 0;
    route->hop = host_port_text(route->hop_host, route->hop_port);
    route->origin_hop = host_port_text(route->origin.host, route->origin.port);
    route->origin_field = host_field_text(&route->origin);
    return route->hop && route->origin_hop && route->origin_field ? LEAT_OK
                                                                  : LEAT_E_SYSTEM_INTERNAL;
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
    const struct leati_tcp_options options = {
        .loop = b->dial->loop,
        .addresses = b->dial->addresses,
        .count = b->dial->count,
        .timeout_ms = phase_timeout(b, LEAT_PHASE_TCP),
        .ready = b->dial->ready,
        .user = b->dial->user,
    };
    struct leati_layer *layer;
    int code = leati_tcp_layer_new(&options, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, b->route->hop);
    return code;
}

static int builder_add_socks5(struct builder *b)
{
    const struct leati_url *proxy = &b->route->config->proxy;
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_socks5_options options = {
        .host = b->route->origin.host,
        .port = b->route->origin.port,
        .user = proxy->user,
        .password = proxy->password,
        .step_timeout_ms = phase_timeout(b, LEAT_PHASE_PROXY),
    };
    if (b->dial->origin_address) {
        leati_address_format_host(b->dial->origin_address, literal, sizeof(literal));
        options.host = literal;
    }
    struct leati_layer *layer;
    int code = leati_socks5_layer_new(&options, b->failure, &layer);
    if (code == LEAT_OK)
        builder_push(b, layer, b->route->hop);
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
        builder_push(b, layer, b->route->origin_hop);
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
        builder_push(b, layer, b->route->origin_hop);
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
    if (code == LEAT_OK && route->has_proxy)
        code = builder_add_socks5(&b);
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

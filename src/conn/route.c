/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/route_private.h"

#include "http/auth.h"
#include "socks5/socks5_address.h"
#include "tls/tls.h"
#include "url/host.h"
#include "url/local_url.h"
#include "url/proxy_env.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** RFC 1928 section 5: what a length byte can say. */
#define SOCKS_HOST_MAX_BYTES 255u

static struct leati_route *route_alloc(void)
{
    struct leati_route *route = leati_calloc(1, sizeof(*route));
    if (!route)
        return NULL;
    route->adopted_fd = -1;
    leati_failure_init(&route->earlier);
    return route;
}

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
    leati_wipe(route->isolation_user, sizeof(route->isolation_user));
    leati_wipe(route->isolation_password, sizeof(route->isolation_password));
    leati_url_done(&route->origin);
    route->origin = (struct leati_url){0};
    leati_settings_unref(route->settings);
    route->settings = NULL;
    if (route->system_proxy)
        leati_url_done(route->system_proxy);
    leati_free(route->system_proxy);
    route->system_proxy = NULL;
    for (size_t i = 0; i < route->hop_count; i++) {
        struct leati_hop *hop = &route->hops[i];
        leati_free(hop->addresses);
        leati_http_auth_unref(hop->auth);
        *hop = (struct leati_hop){.text = hop->text};
    }
}

void leati_route_free(struct leati_route *route)
{
    if (!route)
        return;
    leati_route_trim(route);
    if (route->adopted_fd >= 0)
        close(route->adopted_fd);
    for (size_t i = 0; i < route->hop_count; i++)
        leati_free(route->hops[i].text);
    leati_free(route->hops);
    leati_failure_done(&route->earlier);
    leati_http_response_free(route->refusal);
    leati_free(route->tried);
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

/* RFC 6455 section 4.1: the port stands in Host only if it is not the scheme's default. A zone
 * means something on this machine only, and does not leave it (RFC 6874 section 4). */
static char *host_field_text(const struct leati_url *origin)
{
    char port[LEATI_DECIMAL_SIZE];
    const char *zone = strchr(origin->host, '%');
    char *host = zone ? leati_bytes_dup(origin->host, (size_t)(zone - origin->host))
                      : leati_strdup(origin->host);
    char *text =
        host ? leati_concat(origin->host_is_ipv6 ? "[" : "", host, origin->host_is_ipv6 ? "]" : "",
                            origin->default_port ? "" : ":",
                            origin->default_port ? "" : leati_text_decimal(origin->port, port))
             : NULL;
    leati_free(host);
    return text;
}

static bool resolves_here(const struct leati_url *proxy)
{
    return leati_url_is_scheme(proxy, "socks5") || leati_url_is_scheme(proxy, "socks4");
}

/* What DNS cannot look up is no host of a URL; what SOCKS cannot carry is the proxy's limit. */
static int hop_check_length(const struct leati_hop *hop, const struct leati_hop *via, int code,
                            struct leati_failure *failure)
{
    bool carried = via && via->proxy && leati_url_is_socks(via->proxy) && !hop->resolve;
    size_t max = carried ? SOCKS_HOST_MAX_BYTES : LEATI_HOST_NAME_MAX_BYTES;
    if (strlen(hop->host) <= max)
        return LEAT_OK;
    const struct leati_fault fault = {
        .code = carried ? (int)LEAT_E_SOCKS5_SERIALIZE : code,
        .layer = carried ? LEAT_LAYER_SOCKS5 : LEAT_LAYER_WEBSOCKET,
    };
    return leati_failure_set(failure, &fault, "the host is longer than %zu bytes", max);
}

/* Those in front of the origin, the first one is dialled. */
static const struct leati_url *route_proxies(const struct leati_route *route, size_t *ret_count)
{
    *ret_count = route->skips_proxies ? 0 : route->system_proxy ? 1 : route->settings->proxy_count;
    return route->system_proxy ? route->system_proxy : route->settings->proxies;
}

/* What stands in its URL, or what is dialled instead. */
static void hop_take_target(struct leati_hop *hop, const struct leati_url *url,
                            const struct leati_dial_settings *dial)
{
    const struct leati_detour *detour = dial ? leati_dial_detour(dial, url->host, url->port) : NULL;
    hop->host = url->host;
    hop->host_is_absolute = url->host_is_absolute;
    hop->port = url->port;
    if (detour && detour->to_host) {
        hop->host = detour->to_host;
        hop->host_is_absolute = detour->to_is_absolute;
    }
    if (detour && detour->to_port)
        hop->port = detour->to_port;
}

/* The first hop is a socket of this machine: nothing is looked up to reach it. */
static int hop_take_unix_path(struct leati_route *route, const char *path,
                              struct leati_failure *failure)
{
    struct leati_hop *hop = route->hops;
    if (route->on_top != LEATI_ON_TOP_UPGRADE)
        return leati_failure_set(failure, &(struct leati_fault){.code = LEAT_E_PARAMETER},
                                 "a proxy behind a local socket carries WebSockets only");
    char *text = leati_asprintf("unix:%s", path);
    if (!text)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_free(hop->text);
    hop->text = text;
    hop->resolve = false;
    hop->known = NULL;
    route->unix_path = path;
    return LEAT_OK;
}

static int route_plan_hops(struct leati_route *route, struct leati_failure *failure)
{
    size_t proxy_count;
    const struct leati_url *proxies = route_proxies(route, &proxy_count);
    size_t count = proxy_count + (route->on_top == LEATI_ON_TOP_RELAY ? 0 : 1);
    route->hops = leati_calloc(count, sizeof(*route->hops));
    if (!route->hops)
        return LEAT_E_SYSTEM_INTERNAL;
    route->hop_count = count;
    int too_long = route->on_top == LEATI_ON_TOP_UPGRADE ? LEAT_E_WS_URL : LEAT_E_PARAMETER;
    for (size_t i = 0; i < route->hop_count; i++) {
        struct leati_hop *hop = &route->hops[i];
        const struct leati_url *url = i < proxy_count ? &proxies[i] : &route->origin;
        hop->proxy = i < proxy_count ? url : NULL;
        hop_take_target(hop, url, hop->proxy ? NULL : &route->settings->dial);
        hop->known = leati_dial_known_host(&route->settings->dial, hop->host, hop->port);
        hop->resolve = i == 0 || resolves_here(route->hops[i - 1].proxy) || hop->known;
        hop->text = host_port_text(hop->host, hop->port);
        if (!hop->text)
            return LEAT_E_SYSTEM_INTERNAL;
        int code = hop_check_length(hop, i > 0 ? hop - 1 : NULL, too_long, failure);
        if (code == LEAT_OK && i == 0 && hop->proxy && hop->proxy->unix_path)
            code = hop_take_unix_path(route, hop->proxy->unix_path, failure);
        if (code != LEAT_OK)
            return code;
    }
    int code = leati_route_isolate(route, failure);
    if (code != LEAT_OK || route->on_top != LEATI_ON_TOP_UPGRADE)
        return code;
    route->origin_field = host_field_text(&route->origin);
    return route->origin_field ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

static const char *environment_get(const char *name, void *user)
{
    (void)user;
    return getenv(name);
}

/* Of a URL that may be wrong. */
static enum leat_layer proxy_layer(const char *url)
{
    static const char socks[] = "socks";
    const size_t len = sizeof(socks) - 1;
    return strlen(url) >= len && leati_text_equal_nocase(url, len, socks, len)
               ? LEAT_LAYER_SOCKS5
               : LEAT_LAYER_HTTP_PROXY;
}

/* Fails closed: a proxy that is named and cannot be used never means a direct connection. */
static int route_take_system_proxy(struct leati_route *route, struct leati_failure *failure)
{
    struct leati_proxy_env choice;
    struct leati_failure reason;
    int code = leati_proxy_env_select(environment_get, NULL, &route->origin, &choice);
    if (code != LEAT_OK)
        return code;
    leati_failure_init(&reason);
    if (choice.url) {
        route->system_proxy = leati_calloc(1, sizeof(*route->system_proxy));
        code = route->system_proxy
                   ? leati_settings_parse_proxy(choice.url, &reason, route->system_proxy)
                   : LEAT_E_SYSTEM_INTERNAL;
    }
    if (code != LEAT_OK && code != LEAT_E_SYSTEM_INTERNAL) {
        const struct leati_fault fault = {.code = code, .layer = proxy_layer(choice.url)};
        leati_failure_set(failure, &fault, "%s: %s", choice.variable,
                          reason.text ? reason.text : "it names no proxy");
    }
    leati_failure_done(&reason);
    leati_proxy_env_done(&choice);
    return code;
}

/* Whether there are proxies for this destination, and which ones the environment names. */
static int route_take_proxies(struct leati_route *route, struct leati_failure *failure)
{
    const struct leati_settings *settings = route->settings;
    int code = LEAT_OK;
    if (settings->proxy_exclusions)
        code = leati_no_proxy_matches(settings->proxy_exclusions, route->origin.host,
                                      route->origin.port, &route->skips_proxies);
    return code == LEAT_OK && settings->system_proxy && !route->skips_proxies
               ? route_take_system_proxy(route, failure)
               : code;
}

int leati_route_check_policy(const struct leati_route *route, struct leati_failure *failure)
{
    const char *entry;
    if (leati_domain_policy_allows(&route->settings->domain_policy, route->origin.host, &entry))
        return LEAT_OK;
    const struct leati_fault fault = {.code = LEAT_E_WS_DOMAIN, .layer = LEAT_LAYER_WEBSOCKET};
    return leati_failure_set(failure, &fault, "the host %s is %s%s", route->origin.host,
                             entry ? "denied by " : "not in the list of allowed domains",
                             entry ? entry : "");
}

static int route_load_credentials(struct leati_route *route, struct leati_failure *failure)
{
    int code = LEAT_OK;
    size_t proxy_count;
    const struct leati_url *proxies = route_proxies(route, &proxy_count);
    if (route->secure && route->withholds_credentials)
        code = leati_settings_client_tls(route->settings, LEATI_TLS_SHARED_ANONYMOUS, failure,
                                         &route->credentials);
    else if (route->secure)
        code = leati_settings_tls(route->settings, failure, &route->credentials, &route->sessions);
    for (size_t i = 0; code == LEAT_OK && i < proxy_count; i++)
        if (leati_url_is_scheme(&proxies[i], "https") && !route->proxy_credentials)
            code = leati_settings_client_tls(route->settings, LEATI_TLS_SHARED_PROXY, failure,
                                             &route->proxy_credentials);
    return code;
}

/* The one hop is a socket of this machine. */
static int route_take_unix_path(struct leati_route *route, struct leati_failure *failure)
{
    if (route->hop_count > 1)
        return leati_failure_set(failure, &(struct leati_fault){.code = LEAT_E_PARAMETER},
                                 "a local socket is not reached through a proxy");
    return hop_take_unix_path(route, route->settings->dial.unix_path, failure);
}

/* The settings are there. */
static int route_plan(struct leati_route *route, const char *url, struct leati_failure *failure)
{
    int code = leati_url_parse_websocket(url, failure, &route->origin);
    if (code == LEAT_OK)
        code = leati_route_check_policy(route, failure);
    if (code == LEAT_OK)
        code = route_take_proxies(route, failure);
    if (code != LEAT_OK)
        return code;
    route->secure = leati_url_is_scheme(&route->origin, "wss");
    route->dial_family = leati_dial_family(&route->settings->dial);
    route->on_top = LEATI_ON_TOP_UPGRADE;
    code = route_plan_hops(route, failure);
    if (code == LEAT_OK && route->settings->dial.unix_path)
        code = route_take_unix_path(route, failure);
    return code == LEAT_OK ? route_load_credentials(route, failure) : code;
}

/* A literal, or a name in the one form that proxies and rules compare. */
static int route_take_host(struct leati_route *route, const char *host,
                           struct leati_failure *failure)
{
    struct leati_url *origin = &route->origin;
    struct leati_address literal;
    const char *reason;
    origin->host_is_ipv6 = strchr(host, ':') && leati_address_read(host, 0, &literal) != ENOENT;
    int code = origin->host_is_ipv6
                   ? leati_host_from_ipv6(host, strlen(host), &origin->host, &reason)
                   : leati_host_from_name(host, strlen(host), &origin->host,
                                          &origin->host_is_absolute, &reason);
    if (code == LEAT_E_PARAMETER)
        leati_failure_set(failure, &(struct leati_fault){.code = code}, "the host \"%s\": %s",
                          leati_excerpt(host, 256).text, reason);
    return code;
}

/* What SOCKS cannot say has a code of its own. */
static int route_check_target(const struct leati_route *route,
                              const struct leati_route_socket *socket,
                              struct leati_failure *failure)
{
    const struct leati_settings *settings = route->settings;
    struct leati_socks5_address unused;
    if (settings->proxy_count > 0 &&
        leati_url_is_socks(&settings->proxies[settings->proxy_count - 1]))
        return leati_socks5_address_from_host(socket->host, socket->port, failure, &unused);
    if (socket->port == 0)
        return leati_failure_set(failure, &(struct leati_fault){.code = LEAT_E_PARAMETER},
                                 "the port is 0");
    return LEAT_OK;
}

static int route_plan_socket(struct leati_route *route, const struct leati_route_socket *socket,
                             const leat_config *config, struct leati_failure *failure)
{
    int code = leati_settings_of(config, failure, &route->settings);
    if (code == LEAT_OK)
        code = route_check_target(route, socket, failure);
    if (code == LEAT_OK)
        code = route_take_host(route, socket->host, failure);
    if (code == LEAT_OK)
        code = leati_route_check_policy(route, failure);
    if (code != LEAT_OK)
        return code;
    /* A socket that was bound by the program has a family, and an opener, of its own. */
    route->dial_family =
        socket->family != AF_UNSPEC ? socket->family : leati_dial_family(&route->settings->dial);
    route->opener = socket->opener;
    route->origin.port = socket->port;
    route->origin.scheme = leati_strdup("tcp");
    if (!route->origin.scheme)
        return LEAT_E_SYSTEM_INTERNAL;
    code = route_take_proxies(route, failure);
    if (code == LEAT_OK)
        code = route_plan_hops(route, failure);
    return code == LEAT_OK ? route_load_credentials(route, failure) : code;
}

static int route_plan_udp_associate(struct leati_route *route,
                                    const struct leati_settings *settings,
                                    struct leati_failure *failure)
{
    int code = leati_route_check_udp_proxy(settings, failure);
    if (code != LEAT_OK)
        return code;
    route->settings = leati_settings_ref(settings);
    route->on_top = LEATI_ON_TOP_RELAY;
    return route_plan_hops(route, failure);
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

int leati_route_new_udp_associate(const struct leati_settings *settings, int family,
                                  struct leati_failure *failure, struct leati_route **ret_route)
{
    struct leati_route *route = route_alloc();
    int code = LEAT_E_SYSTEM_INTERNAL;
    if (route) {
        route->dial_family =
            settings->proxy_count == 1 ? family : leati_dial_family(&settings->dial);
        code = route_plan_udp_associate(route, settings, failure);
    }
    return route_finish(route, code, failure, ret_route);
}

int leati_route_new_socket(const struct leati_route_socket *socket, const leat_config *config,
                           struct leati_failure *failure, struct leati_route **ret_route)
{
    struct leati_route *route = route_alloc();
    int code = route ? route_plan_socket(route, socket, config, failure) : LEAT_E_SYSTEM_INTERNAL;
    return route_finish(route, code, failure, ret_route);
}

int leati_route_new(const char *url, const leat_config *config, struct leati_failure *failure,
                    struct leati_route **ret_route)
{
    struct leati_route *route = route_alloc();
    int code =
        route ? leati_settings_of(config, failure, &route->settings) : LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK) {
        route->redirects_left = route->settings->max_redirects;
        code = leati_url_is_local(url) ? leati_route_plan_local(route, url, failure)
                                       : route_plan(route, url, failure);
    }
    return route_finish(route, code, failure, ret_route);
}

int leati_route_new_stream(int fd, const struct leati_address *remote, const char *text,
                           struct leati_route **ret_route)
{
    struct leati_route *route = route_alloc();
    if (!route) {
        close(fd);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    route->adopts = true;
    route->adopted_fd = fd;
    route->adopted_from = *remote;
    route->hops = leati_calloc(1, sizeof(*route->hops));
    if (route->hops) {
        route->hop_count = 1;
        route->hops[0].text = leati_strdup(text);
    }
    if (!route->hops || !route->hops[0].text) {
        leati_route_free(route);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    *ret_route = route;
    return LEAT_OK;
}

int leati_route_new_accepted(const struct leati_route_accepted *accepted,
                             struct leati_route **ret_route)
{
    char text[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_route *route;
    leati_address_format(accepted->remote, text, sizeof(text));
    int code = leati_route_new_stream(accepted->fd, accepted->remote, text, &route);
    if (code != LEAT_OK)
        return code;
    route->on_top = LEATI_ON_TOP_ACCEPT;
    route->asks_about_requests = accepted->asks_about_requests;
    route->reads_proxy_header = accepted->reads_proxy_header;
    route->settings = leati_settings_ref(accepted->settings);
    route->secure = accepted->credentials;
    if (route->secure)
        route->credentials = leati_tls_credentials_ref(accepted->credentials);
    *ret_route = route;
    return LEAT_OK;
}

static int redirect_refuse(struct leati_failure *failure, int status, const char *url)
{
    const struct leati_fault fault = {
        .code = LEAT_E_WS_CONNECT, .layer = LEAT_LAYER_WEBSOCKET, .native_code = status};
    return leati_failure_set(failure, &fault, "the redirect would leave TLS: %s",
                             leati_excerpt(url, 200).text);
}

static int redirect_plan(struct leati_route *route, const char *url, struct leati_failure *failure,
                         struct leati_route **ret_route)
{
    struct leati_url target;
    int code = leati_url_parse_websocket(url, failure, &target);
    if (code != LEAT_OK)
        return code;
    bool leaves_tls = route->secure && !leati_url_is_scheme(&target, "wss");
    bool elsewhere = strcmp(target.host, route->origin.host) != 0 ||
                     target.host_is_absolute != route->origin.host_is_absolute ||
                     target.port != route->origin.port;
    leati_url_done(&target);
    if (leaves_tls)
        return redirect_refuse(failure, route->agreement->status, url);
    struct leati_route *next = route_alloc();
    if (!next)
        return route_finish(NULL, LEAT_E_SYSTEM_INTERNAL, failure, ret_route);
    next->settings = leati_settings_ref(route->settings);
    next->redirects_left = route->redirects_left - 1;
    next->redirects_followed = route->redirects_followed + 1;
    next->withholds_credentials = route->withholds_credentials || elsewhere;
    return route_finish(next, route_plan(next, url, failure), failure, ret_route);
}

int leati_route_follow_redirect(struct leati_route *route, const char *location,
                                struct leati_failure *failure, struct leati_route **ret_route)
{
    char *url;
    /* What a server behind a local socket calls itself is nowhere to be dialled. */
    if (route->redirects_left == 0 || route->adopts)
        return LEATI_AGAIN;
    int code = leati_url_resolve_redirect(&route->origin, location, failure, &url);
    if (code != LEAT_OK)
        return code;
    code = redirect_plan(route, url, failure, ret_route);
    leati_free(url);
    if (code != LEAT_OK)
        leati_failure_surround(failure, "the server redirects to what cannot be followed: ", "");
    return code;
}

void leati_route_forget_upgrade(struct leati_route *route)
{
    route->upgrade = NULL;
    route->agreement = NULL;
}

const char *leati_route_origin_text(const struct leati_route *route)
{
    return route->hops[route->hop_count - 1].text;
}

bool leati_route_is_spent(const struct leati_route *route)
{
    bool is_websocket =
        route->on_top == LEATI_ON_TOP_UPGRADE || route->on_top == LEATI_ON_TOP_ACCEPT;
    return is_websocket && route->hop_count == 1 && !route->upgrade;
}

char *leati_route_free_for_text(struct leati_route *route)
{
    struct leati_hop *origin = &route->hops[route->hop_count - 1];
    char *text = origin->text;
    origin->text = NULL;
    leati_route_free(route);
    return text;
}

struct leati_hop *leati_route_next_lookup(const struct leati_route *route)
{
    for (size_t i = 0; i < route->hop_count; i++)
        if (route->hops[i].resolve && route->hops[i].address_count == 0)
            return &route->hops[i];
    return NULL;
}

struct leati_hop *leati_route_hop(const struct leati_route *route, const char *text)
{
    struct leati_hop *hop = route->hops;
    while (hop->text != text && hop + 1 < route->hops + route->hop_count)
        hop++;
    return hop;
}

static void hops_begin_anew(struct leati_route *route, const struct leati_hop *before)
{
    for (size_t i = (size_t)(before - route->hops) + 1; i < route->hop_count; i++)
        route->hops[i].address_next = 0;
}

void leati_route_first_addresses(struct leati_route *route)
{
    hops_begin_anew(route, route->hops);
}

bool leati_route_next_address(struct leati_route *route, struct leati_hop *hop)
{
    if (hop->address_next + 1 >= hop->address_count)
        return false;
    hop->address_next++;
    hops_begin_anew(route, hop);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which way a configuration goes: proxies, the hosts that are allowed, DNS. */
#include "config/config.h"

#include "dns/dns.h"
#include "http/connect.h"
#include "socks5/socks5.h"
#include "util/alloc.h"

#include <string.h>

static void config_clear_proxies(leat_config *config)
{
    for (size_t i = 0; i < config->proxy_count; i++)
        leati_url_done(&config->proxies[i]);
    leati_free(config->proxies);
    config->proxies = NULL;
    config->proxy_count = 0;
}

void leati_config_clear_network(leat_config *config)
{
    config_clear_proxies(config);
    leati_domain_policy_done(&config->domain_policy);
    leati_free(config->dns_servers);
}

static bool copy_url(struct leati_url *dst, const struct leati_url *src)
{
    dst->port = src->port;
    dst->default_port = src->default_port;
    dst->host_is_ipv6 = src->host_is_ipv6;
    return leati_copy_optional(&dst->scheme, src->scheme) &&
           leati_copy_optional(&dst->host, src->host) &&
           leati_copy_optional(&dst->target, src->target) &&
           leati_copy_optional(&dst->user, src->user) &&
           leati_copy_optional(&dst->password, src->password);
}

static bool copy_proxies(leat_config *dst, const leat_config *src)
{
    if (src->proxy_count == 0)
        return true;
    dst->proxies = leati_calloc(src->proxy_count, sizeof(*dst->proxies));
    if (!dst->proxies)
        return false;
    /* Counted first: a copy that stopped half-way is freed like a whole one. */
    dst->proxy_count = src->proxy_count;
    for (size_t i = 0; i < src->proxy_count; i++)
        if (!copy_url(&dst->proxies[i], &src->proxies[i]))
            return false;
    return true;
}

bool leati_config_copy_network(leat_config *dst, const leat_config *src)
{
    dst->socks5_pipelining = src->socks5_pipelining;
    dst->tcp_fast_open = src->tcp_fast_open;
    dst->system_proxy = src->system_proxy;
    return copy_proxies(dst, src) &&
           leati_domain_policy_copy(&src->domain_policy, &dst->domain_policy) == LEAT_OK &&
           leati_copy_optional(&dst->dns_servers, src->dns_servers);
}

/* The record of a parser becomes the reason of the setter. */
static int config_take_failure(leat_config *config, struct leati_failure *failure, int code)
{
    leati_failure_done(&config->failure);
    config->failure = *failure;
    return code;
}

static int config_keep_proxy(leat_config *config, const struct leati_url *proxy)
{
    if (config->proxy_count >= LEATI_CONFIG_MAX_PROXIES)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "too many proxies in a row");
    struct leati_url *grown =
        leati_realloc(config->proxies, (config->proxy_count + 1) * sizeof(*grown));
    if (!grown)
        return leati_config_no_memory(config);
    config->proxies = grown;
    config->proxies[config->proxy_count++] = *proxy;
    return LEAT_OK;
}

static int proxy_check_credentials(const struct leati_url *proxy, struct leati_failure *failure)
{
    if (!proxy->user)
        return LEAT_OK;
    bool is_socks5 = strncmp(proxy->scheme, "socks5", strlen("socks5")) == 0;
    return is_socks5 ? leati_socks5_check_credentials(proxy->user, proxy->password, failure)
                     : leati_http_check_credentials(proxy->user, proxy->password, failure);
}

int leati_config_append_proxy(leat_config *config, const char *url)
{
    struct leati_url proxy = {0};
    struct leati_failure failure;
    leati_failure_init(&failure);
    int code = leati_url_parse_proxy(url, &failure, &proxy);
    if (code == LEAT_OK)
        code = proxy_check_credentials(&proxy, &failure);
    code = code != LEAT_OK ? config_take_failure(config, &failure, code)
                           : config_keep_proxy(config, &proxy);
    if (code != LEAT_OK)
        leati_url_done(&proxy);
    return code;
}

int leat_config_add_proxy(leat_config *config, const char *url)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!url || !*url)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the proxy's URL is empty");
    if (config->system_proxy)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "the system's proxy cannot stand in a row with others");
    return leati_config_append_proxy(config, url);
}

int leat_config_set_proxy(leat_config *config, const char *url)
{
    if (!config)
        return LEAT_E_PARAMETER;
    bool is_system = url && strcmp(url, "system") == 0;
    struct leati_url *old = config->proxies;
    size_t old_count = config->proxy_count;
    config->proxies = NULL;
    config->proxy_count = 0;
    int code = url && *url && !is_system ? leati_config_append_proxy(config, url) : LEAT_OK;
    if (code != LEAT_OK) {
        config_clear_proxies(config);
        config->proxies = old;
        config->proxy_count = old_count;
        return code;
    }
    for (size_t i = 0; i < old_count; i++)
        leati_url_done(&old[i]);
    leati_free(old);
    config->system_proxy = is_system;
    return LEAT_OK;
}

int leat_config_set_socks5_pipelining(leat_config *config, enum leat_socks5_pipelining pipelining)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((unsigned)pipelining > LEAT_SOCKS5_PIPELINED_WITH_DATA)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "there is no such pipelining");
    config->socks5_pipelining = pipelining;
    return LEAT_OK;
}

int leat_config_set_tcp_fast_open(leat_config *config, bool fast_open)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->tcp_fast_open = fast_open;
    return LEAT_OK;
}

/* ---- hosts that are allowed ------------------------------------------------------------ */

static int config_add_domain(leat_config *config, enum leati_domain_list list, const char *domain)
{
    const char *reason;
    if (!config)
        return LEAT_E_PARAMETER;
    if (!domain)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "a domain is missing");
    int code = leati_domain_policy_add(&config->domain_policy, list, domain, &reason);
    if (code == LEAT_E_PARAMETER)
        return leati_config_refuse(config, code, reason);
    return code == LEAT_OK ? LEAT_OK : leati_config_no_memory(config);
}

int leat_config_add_allowed_domain(leat_config *config, const char *domain)
{
    return config_add_domain(config, LEATI_DOMAIN_ALLOW, domain);
}

int leat_config_add_denied_domain(leat_config *config, const char *domain)
{
    return config_add_domain(config, LEATI_DOMAIN_DENY, domain);
}

/* ---- DNS -------------------------------------------------------------------------------- */

int leat_config_set_dns_servers(leat_config *config, const char *servers)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (servers && !leati_dns_servers_valid(servers))
        return leati_config_refuse(
            config, LEAT_E_PARAMETER,
            "DNS servers are a list of ADDRESS[:PORT], with commas in between");
    return leati_config_set_string(config, &config->dns_servers, servers);
}

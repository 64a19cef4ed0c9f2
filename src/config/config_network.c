/* SPDX-License-Identifier: Apache-2.0 */
/* Which way a configuration goes: proxies, the hosts that are allowed, DNS. */
#include "config/config.h"

#include "dns/dns.h"
#include "http/connect.h"
#include "socks5/socks4.h"
#include "socks5/socks5.h"
#include "url/proxy_env.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

static void settings_clear_proxies(struct leati_settings *settings)
{
    for (size_t i = 0; i < settings->proxy_count; i++)
        leati_url_done(&settings->proxies[i]);
    leati_free(settings->proxies);
    settings->proxies = NULL;
    settings->proxy_count = 0;
}

static void settings_clear_proxy_extras(struct leati_settings *settings)
{
    leati_free(settings->proxy_service);
    leati_free(settings->proxy_user);
    leati_free_secret(settings->proxy_password);
    leati_field_list_clear(&settings->proxy_headers);
    leati_http_auth_memory_unref(settings->proxy_memory);
}

void leati_settings_clear_network(struct leati_settings *settings)
{
    settings_clear_proxies(settings);
    leati_free(settings->proxy_exclusions);
    settings_clear_proxy_extras(settings);
    leati_dial_clear(&settings->dial);
    leati_domain_policy_done(&settings->domain_policy);
    leati_free(settings->dns_servers);
}

static bool copy_url(struct leati_url *dst, const struct leati_url *src)
{
    dst->port = src->port;
    dst->default_port = src->default_port;
    dst->host_is_ipv6 = src->host_is_ipv6;
    dst->host_is_absolute = src->host_is_absolute;
    return leati_strdup_optional(&dst->scheme, src->scheme) &&
           leati_strdup_optional(&dst->host, src->host) &&
           leati_strdup_optional(&dst->target, src->target) &&
           leati_strdup_optional(&dst->unix_path, src->unix_path) &&
           leati_strdup_optional(&dst->user, src->user) &&
           leati_strdup_optional(&dst->password, src->password);
}

static bool copy_proxies(struct leati_settings *dst, const struct leati_settings *src)
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

static bool copy_proxy_extras(struct leati_settings *dst, const struct leati_settings *src)
{
    dst->proxy_memory = leati_http_auth_memory_ref(src->proxy_memory);
    return leati_field_list_copy(&dst->proxy_headers, &src->proxy_headers) &&
           leati_strdup_optional(&dst->proxy_service, src->proxy_service) &&
           leati_strdup_optional(&dst->proxy_user, src->proxy_user) &&
           leati_strdup_optional(&dst->proxy_password, src->proxy_password);
}

bool leati_settings_copy_network(struct leati_settings *dst, const struct leati_settings *src)
{
    return copy_proxies(dst, src) && copy_proxy_extras(dst, src) &&
           leati_dial_copy(&dst->dial, &src->dial) &&
           leati_strdup_optional(&dst->proxy_exclusions, src->proxy_exclusions) &&
           leati_domain_policy_copy(&src->domain_policy, &dst->domain_policy) == LEAT_OK &&
           leati_strdup_optional(&dst->dns_servers, src->dns_servers);
}

/* ---- proxies ----------------------------------------------------------------------- */

static int proxy_check_credentials(const struct leati_url *proxy, struct leati_failure *failure)
{
    if (!proxy->user)
        return LEAT_OK;
    if (leati_url_is_socks4(proxy))
        return leati_socks4_check_credentials(proxy->user, proxy->password, failure);
    return leati_url_is_socks5(proxy)
               ? leati_socks5_check_credentials(proxy->user, proxy->password, failure)
               : leati_http_check_credentials(proxy->user, proxy->password, failure);
}

int leati_settings_parse_proxy(const char *url, struct leati_failure *failure,
                               struct leati_url *ret_proxy)
{
    struct leati_url proxy = {0};
    int code = leati_url_parse_proxy(url, failure, &proxy);
    if (code == LEAT_OK)
        code = proxy_check_credentials(&proxy, failure);
    if (code != LEAT_OK)
        leati_url_done(&proxy);
    else
        *ret_proxy = proxy;
    return code;
}

/* Takes `proxy`. */
static int config_append_proxy(leat_config *config, const char *setter, struct leati_url *proxy)
{
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    if (!settings || !leati_resize(&settings->proxies, settings->proxy_count + 1, sizeof(*proxy))) {
        leati_url_done(proxy);
        return leati_config_no_memory_by(config, setter);
    }
    settings->proxies[settings->proxy_count++] = *proxy;
    return LEAT_OK;
}

/* The record of a parser becomes the reason of the setter. */
static int config_parse_proxy(leat_config *config, const char *setter, const char *url,
                              struct leati_url *ret_proxy)
{
    struct leati_failure failure;
    leati_failure_init(&failure);
    int code = leati_settings_parse_proxy(url, &failure, ret_proxy);
    return code == LEAT_OK ? LEAT_OK : leati_config_refuse_failure(config, setter, &failure);
}

int leat_config_add_proxy(leat_config *config, const char *url)
{
    struct leati_url proxy;
    if (!config)
        return LEAT_E_PARAMETER;
    if (!url || !*url)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the proxy's URL is empty");
    if (config->settings->system_proxy)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "the system's proxy cannot stand in a row with others");
    int code = config_parse_proxy(config, __func__, url, &proxy);
    if (code != LEAT_OK)
        return code;
    if (config->settings->proxy_count > 0 && proxy.unix_path) {
        leati_url_done(&proxy);
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "only the first proxy can be behind a local socket");
    }
    if (config->settings->proxy_count >= LEATI_CONFIG_MAX_PROXIES) {
        leati_url_done(&proxy);
        return leati_config_refuse(config, LEAT_E_PARAMETER, "too many proxies in a row");
    }
    return config_append_proxy(config, __func__, &proxy);
}

int leat_config_set_proxy(leat_config *config, const char *url)
{
    struct leati_url proxy = {0};
    if (!config)
        return LEAT_E_PARAMETER;
    bool is_system = url && strcmp(url, "system") == 0;
    bool has_proxy = url && *url && !is_system;
    int code = has_proxy ? config_parse_proxy(config, __func__, url, &proxy) : LEAT_OK;
    if (code != LEAT_OK)
        return code;
    struct leati_settings *settings = leati_config_edit(config);
    struct leati_url *proxies = has_proxy ? leati_malloc(sizeof(*proxies)) : NULL;
    if (!settings || (has_proxy && !proxies)) {
        leati_free(proxies);
        leati_url_done(&proxy);
        return leati_config_no_memory(config);
    }
    if (has_proxy)
        *proxies = proxy;
    settings_clear_proxies(settings);
    settings->proxies = proxies;
    settings->proxy_count = has_proxy ? 1 : 0;
    settings->system_proxy = is_system;
    leati_config_forget_refusal(config, "leat_config_add_proxy"); /* the row begins anew */
    return LEAT_OK;
}

int leat_config_add_proxy_exclusion(leat_config *config, const char *destination)
{
    if (!config)
        return LEAT_E_PARAMETER;
    int code = destination ? leati_no_proxy_check(destination) : LEAT_E_PARAMETER;
    if (code == LEAT_E_PARAMETER)
        return leati_config_refuse(config, code,
                                   "a destination without a proxy is a host, a network or \"*\"");
    struct leati_settings *settings = leati_config_edit(config);
    if (code != LEAT_OK || !settings)
        return leati_config_no_memory(config);
    const char *others = settings->proxy_exclusions ? settings->proxy_exclusions : "";
    if (strlen(others) + strlen(destination) + 1 > LEATI_CONFIG_MAX_EXCLUSION_BYTES)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "too many destinations without a proxy");
    char *list = leati_concat(others, *others ? "," : "", destination);
    if (!list)
        return leati_config_no_memory(config);
    leati_free(settings->proxy_exclusions);
    settings->proxy_exclusions = list;
    return LEAT_OK;
}

int leat_config_set_proxy_credentials(leat_config *config, const char *user, const char *password)
{
    char *user_copy = NULL;
    char *password_copy = NULL;
    if (!config)
        return LEAT_E_PARAMETER;
    if (!user && password)
        return leati_config_refuse(config, LEAT_E_SOCKS5_SERIALIZE,
                                   "there is a password without a user name");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings || !leati_strdup_optional(&user_copy, user) ||
        !leati_strdup_optional(&password_copy, password)) {
        leati_free(user_copy);
        return leati_config_no_memory(config);
    }
    leati_free(settings->proxy_user);
    leati_free_secret(settings->proxy_password);
    settings->proxy_user = user_copy;
    settings->proxy_password = password_copy;
    return LEAT_OK;
}

static bool proxy_header_is_reserved(const char *name)
{
    return leati_text_equal_nocase(name, strlen(name), "Host", 4) ||
           leati_text_equal_nocase(name, strlen(name), "Content-Length", 14) ||
           leati_text_equal_nocase(name, strlen(name), "Transfer-Encoding", 17);
}

int leat_config_add_proxy_header(leat_config *config, const char *name, const char *value)
{
    if (!config)
        return LEAT_E_PARAMETER;
    const char *problem = leati_field_list_problem(
        &config->settings->proxy_headers, name, value, proxy_header_is_reserved,
        "the header belongs to the request itself: it says where it goes or ends");
    struct leati_settings *settings;
    int code = leati_config_change(config, problem, &settings);
    if (code != LEAT_OK)
        return code;
    return leati_field_list_append(&settings->proxy_headers, name, value)
               ? LEAT_OK
               : leati_config_no_memory(config);
}

int leat_config_set_socks5_pipelining(leat_config *config, enum leat_socks5_pipelining pipelining)
{
    return leati_config_set(config,
                            (unsigned)pipelining > LEAT_SOCKS5_PIPELINED_WITH_DATA
                                ? "there is no such pipelining"
                                : NULL,
                            socks5_pipelining, pipelining);
}

int leat_config_set_tcp_fast_open(leat_config *config, bool fast_open)
{
    return leati_config_set(config, NULL, tcp_fast_open, fast_open);
}

/* ---- hosts that are allowed ------------------------------------------------------------ */

static int config_add_domain(leat_config *config, const char *setter, enum leati_domain_list list,
                             const char *domain)
{
    const char *reason;
    if (!config)
        return LEAT_E_PARAMETER;
    if (!domain)
        return leati_config_refuse_by(config, setter, LEAT_E_PARAMETER, "a domain is missing");
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    int code = leati_domain_policy_add(&settings->domain_policy, list, domain, &reason);
    if (code == LEAT_E_PARAMETER)
        return leati_config_refuse_by(config, setter, code, reason);
    return code == LEAT_OK ? LEAT_OK : leati_config_no_memory_by(config, setter);
}

int leat_config_add_allowed_domain(leat_config *config, const char *domain)
{
    return config_add_domain(config, __func__, LEATI_DOMAIN_ALLOW, domain);
}

int leat_config_add_denied_domain(leat_config *config, const char *domain)
{
    return config_add_domain(config, __func__, LEATI_DOMAIN_DENY, domain);
}

/* ---- DNS -------------------------------------------------------------------------------- */

int leat_config_set_dns_servers(leat_config *config, const char *servers)
{
    const char *refusal = servers && !leati_dns_servers_valid(servers)
                              ? "DNS servers are a list of ADDRESS[:PORT], with commas in between"
                              : NULL;
    return leati_config_set_text(config, refusal, dns_servers, servers);
}

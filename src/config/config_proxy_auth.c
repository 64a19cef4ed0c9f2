/* SPDX-License-Identifier: Apache-2.0 */
/* How a program shows proxies who it is. */
#include "config/config.h"

#include <leat/udp_socket.h>

#include <string.h>

int leat_config_set_proxy_auth_schemes(leat_config *config, unsigned schemes)
{
    return leati_config_set(
        config,
        schemes & ~LEATI_CONFIG_PROXY_AUTH_ALL ? "there is no such scheme of authentication" : NULL,
        proxy_auth_schemes, schemes);
}

int leat_config_set_proxy_basic_preemptive(leat_config *config, bool preemptive)
{
    return leati_config_set(config, NULL, proxy_basic_preemptive, preemptive);
}

int leat_config_set_proxy_token_callback(leat_config *config, leat_proxy_token_fn fn, void *user)
{
    struct leati_settings *settings;
    int code = leati_config_change(config, NULL, &settings);
    if (code == LEAT_OK) {
        settings->proxy_token_fn = fn;
        settings->proxy_token_user = user;
    }
    return code;
}

int leat_config_set_socks5_protection(leat_config *config, enum leat_socks5_protection protection)
{
    return leati_config_set(config,
                            (unsigned)protection > LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY
                                ? "there is no such protection"
                                : NULL,
                            socks5_protection, protection);
}

#define SERVICE_MAX_BYTES 255u

static const char *service_problem(const char *service)
{
    size_t len = service ? strlen(service) : 1;

    if (len == 0 || len > SERVICE_MAX_BYTES)
        return "the name of a proxy's service has 1 to 255 bytes";
    for (const char *at = service; at && *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '@' || *at == '/')
            return "the name of a proxy's service has no '@', '/', space or control character: it "
                   "is what "
                   "stands before them";
    return NULL;
}

int leat_config_set_proxy_service_name(leat_config *config, const char *service)
{
    return leati_config_set_text(config, service_problem(service), proxy_service, service);
}

int leat_config_set_tor_isolation(leat_config *config, bool isolation)
{
    return leati_config_set(config, NULL, tor_isolation, isolation);
}

int leat_config_set_udp_past_proxies(leat_config *config, bool allowed)
{
    return leati_config_set(config, NULL, udp_past_proxies, allowed);
}

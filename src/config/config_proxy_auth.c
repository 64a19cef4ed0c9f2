/* SPDX-License-Identifier: Apache-2.0 */
/* How a program shows HTTP proxies who it is. */
#include "config/config.h"

int leat_config_set_proxy_auth_schemes(leat_config *config, unsigned schemes)
{
    struct leati_settings *settings;
    int code = leati_config_change(
        config,
        schemes & ~LEATI_CONFIG_PROXY_AUTH_ALL ? "there is no such scheme of authentication" : NULL,
        &settings);
    if (code == LEAT_OK)
        settings->proxy_auth_schemes = schemes;
    return code;
}

int leat_config_set_proxy_basic_preemptive(leat_config *config, bool preemptive)
{
    struct leati_settings *settings;
    int code = leati_config_change(config, NULL, &settings);
    if (code == LEAT_OK)
        settings->proxy_basic_preemptive = preemptive;
    return code;
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

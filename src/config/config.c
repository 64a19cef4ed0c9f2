/* SPDX-License-Identifier: Apache-2.0 */
/* The setters that only keep a value. */
#include "config/config.h"

int leat_config_set_origin_of_url(leat_config *config, bool origin_of_url)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->origin_of_url = origin_of_url;
    return LEAT_OK;
}

int leat_config_set_max_redirects(leat_config *config, unsigned redirects)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (redirects > LEATI_CONFIG_MAX_REDIRECTS)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "more than 20 redirects");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->max_redirects = redirects;
    return LEAT_OK;
}

int leat_config_set_connect_timeout(leat_config *config, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->connect_timeout_ms = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_phase_timeout(leat_config *config, enum leat_phase phase, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((unsigned)phase >= LEAT_PHASE_COUNT)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "there is no such phase");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->phase_timeout_ms[phase] = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_send_timeout(leat_config *config, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->send_timeout_ms = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_ping_interval(leat_config *config, uint32_t interval_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->ping_interval_ms = interval_ms;
    return LEAT_OK;
}

int leat_config_set_pong_timeout(leat_config *config, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->pong_timeout_ms = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_max_message_bytes(leat_config *config, size_t bytes)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (bytes == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the longest message has 0 bytes");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->max_message_bytes = bytes;
    settings->max_message_is_set = true;
    return LEAT_OK;
}

int leat_config_set_send_queue_limit(leat_config *config, size_t bytes)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (bytes == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the send queue has 0 bytes");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->send_queue_limit_bytes = bytes;
    return LEAT_OK;
}

int leat_config_set_send_queue_messages(leat_config *config, size_t messages)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->send_queue_messages = messages;
    return LEAT_OK;
}

int leat_config_set_trace(leat_config *config, leat_trace_fn fn, void *user)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->tracer = (struct leati_tracer){.fn = fn, .user = user};
    return LEAT_OK;
}

int leat_config_set_client_verification(leat_config *config,
                                        enum leat_client_verification verification)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((unsigned)verification > LEAT_CLIENT_VERIFICATION_REQUIRED)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "there is no such verification");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->client_verification = verification;
    return LEAT_OK;
}

int leat_config_set_max_concurrent_clients_number(leat_config *config, size_t number)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (number == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "a server for 0 clients");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->max_clients = number;
    return LEAT_OK;
}

int leat_config_set_max_connections_for_one_client(leat_config *config, size_t number)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (number == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "0 connections for one client");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->max_clients_per_address = number;
    return LEAT_OK;
}

int leat_config_set_reuse_port(leat_config *config, bool reuse)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->reuse_port = reuse;
    return LEAT_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The setters that only keep a value. */
#include "config/config.h"

int leat_config_set_origin_of_url(leat_config *config, bool origin_of_url)
{
    return leati_config_set(config, NULL, origin_of_url, origin_of_url);
}

int leat_config_set_max_redirects(leat_config *config, unsigned redirects)
{
    return leati_config_set(
        config, redirects > LEATI_CONFIG_MAX_REDIRECTS ? "more than 20 redirects" : NULL,
        max_redirects, redirects);
}

int leat_config_set_connect_timeout(leat_config *config, uint32_t timeout_ms)
{
    return leati_config_set(config, NULL, connect_timeout_ms, timeout_ms);
}

int leat_config_set_phase_timeout(leat_config *config, enum leat_phase phase, uint32_t timeout_ms)
{
    struct leati_settings *settings;
    int code = leati_config_change(
        config, (unsigned)phase >= LEAT_PHASE_COUNT ? "there is no such phase" : NULL, &settings);
    if (code == LEAT_OK)
        settings->phase_timeout_ms[phase] = timeout_ms;
    return code;
}

int leat_config_set_send_timeout(leat_config *config, uint32_t timeout_ms)
{
    return leati_config_set(config, NULL, send_timeout_ms, timeout_ms);
}

int leat_config_set_ping_interval(leat_config *config, uint32_t interval_ms)
{
    return leati_config_set(config, NULL, ping_interval_ms, interval_ms);
}

int leat_config_set_pong_timeout(leat_config *config, uint32_t timeout_ms)
{
    return leati_config_set(config, NULL, pong_timeout_ms, timeout_ms);
}

int leat_config_set_max_message_bytes(leat_config *config, size_t bytes)
{
    struct leati_settings *settings;
    int code = leati_config_change(config, bytes == 0 ? "the longest message has 0 bytes" : NULL,
                                   &settings);
    if (code == LEAT_OK) {
        settings->max_message_bytes = bytes;
        settings->max_message_is_set = true;
    }
    return code;
}

int leat_config_set_send_queue_limit(leat_config *config, size_t bytes)
{
    return leati_config_set(config, bytes == 0 ? "the send queue has 0 bytes" : NULL,
                            send_queue_limit_bytes, bytes);
}

int leat_config_set_send_queue_messages(leat_config *config, size_t messages)
{
    return leati_config_set(config, NULL, send_queue_messages, messages);
}

int leat_config_set_trace(leat_config *config, leat_trace_fn fn, void *user)
{
    struct leati_settings *settings;
    int code = leati_config_change(config, NULL, &settings);
    if (code == LEAT_OK)
        settings->tracer = (struct leati_tracer){.fn = fn, .user = user};
    return code;
}

int leat_config_set_client_verification(leat_config *config,
                                        enum leat_client_verification verification)
{
    return leati_config_set(config,
                            (unsigned)verification > LEAT_CLIENT_VERIFICATION_REQUIRED
                                ? "there is no such verification"
                                : NULL,
                            client_verification, verification);
}

int leat_config_set_max_concurrent_clients_number(leat_config *config, size_t number)
{
    return leati_config_set(config, number == 0 ? "a server for 0 clients" : NULL, max_clients,
                            number);
}

int leat_config_set_max_connections_for_one_client(leat_config *config, size_t number)
{
    return leati_config_set(config, number == 0 ? "0 connections for one client" : NULL,
                            max_clients_per_address, number);
}

int leat_config_set_reuse_port(leat_config *config, bool reuse)
{
    return leati_config_set(config, NULL, reuse_port, reuse);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration adds to the upgrade request. */
#include "config/config.h"

#include "util/alloc.h"
#include "util/known.h"
#include "util/text.h"
#include "ws/deflate.h"

#include <string.h>

void leati_settings_clear_request(struct leati_settings *settings)
{
    leati_field_list_clear(&settings->headers);
    leati_free(settings->user_agent);
    leati_free(settings->host_field);
    leati_text_list_clear(&settings->protocols);
    leati_text_list_clear(&settings->allowed_origins);
    leati_text_list_clear(&settings->trusted_proxies);
}

/* The headers that the handshake writes itself (RFC 6455 section 4.1). */
static bool header_is_reserved(const char *name)
{
    return leati_ws_header_is_ours(name) || leati_text_equal_nocase(name, strlen(name), "Host", 4);
}

int leat_config_add_header(leat_config *config, const char *name, const char *value)
{
    if (!config)
        return LEAT_E_PARAMETER;
    const char *problem = leati_field_list_problem(
        &config->settings->headers, name, value, header_is_reserved,
        "the header belongs to the handshake itself: it says where the request goes or ends");
    struct leati_settings *settings;
    int code = leati_config_change(config, problem, &settings);
    if (code != LEAT_OK)
        return code;
    return leati_field_list_append(&settings->headers, name, value)
               ? LEAT_OK
               : leati_config_no_memory(config);
}

int leat_config_set_user_agent(leat_config *config, const char *user_agent)
{
    const char *refusal =
        user_agent && (!leati_text_is_field_value(user_agent, strlen(user_agent)) ||
                       strlen(user_agent) > LEATI_CONFIG_MAX_HEADER_BYTES)
            ? "a User-Agent holds no CR or LF, and at most 16 KiB"
            : NULL;
    return leati_config_set_text(config, refusal, user_agent, user_agent);
}

/* RFC 9110 section 7.2 and RFC 3986 section 3.2: a name, or a literal, and perhaps a port. */
static bool is_host_field(const char *value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~%!$&'()*+,;=:[]";
    size_t len = strlen(value);

    return len > 0 && len <= LEATI_CONFIG_MAX_HOST_FIELD_BYTES && strspn(value, allowed) == len;
}

int leat_config_set_request_host(leat_config *config, const char *host)
{
    return leati_config_set_text(
        config,
        (host && !is_host_field(host))
            ? "a Host is a name or an address, with \":port\" if one is to stand there"
            : NULL,
        host_field, host);
}

static const char *protocol_problem(const struct leati_text_list *list, const char *protocol)
{
    if (!protocol || !leati_text_is_token(protocol, strlen(protocol)))
        return "a subprotocol is a token of RFC 9110";
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], protocol) == 0)
            return "the subprotocol is named twice";
    return list->count >= LEATI_CONFIG_MAX_ENTRIES ? "too many subprotocols" : NULL;
}

int leat_config_add_subprotocol(leat_config *config, const char *protocol)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings;
    int code = leati_config_change(config, protocol_problem(&config->settings->protocols, protocol),
                                   &settings);
    if (code != LEAT_OK)
        return code;
    return leati_text_list_append(&settings->protocols, protocol) ? LEAT_OK
                                                                  : leati_config_no_memory(config);
}

bool leati_settings_copy_request(struct leati_settings *dst, const struct leati_settings *src)
{
    return leati_field_list_copy(&dst->headers, &src->headers) &&
           leati_text_list_copy(&dst->protocols, &src->protocols) &&
           leati_text_list_copy(&dst->allowed_origins, &src->allowed_origins) &&
           leati_text_list_copy(&dst->trusted_proxies, &src->trusted_proxies) &&
           leati_strdup_optional(&dst->user_agent, src->user_agent) &&
           leati_strdup_optional(&dst->host_field, src->host_field);
}

/* ---- permessage-deflate ---------------------------------------------------------------- */

static bool window_bits_valid(uint8_t bits)
{
    return bits == 0 ||
           (bits >= LEATI_DEFLATE_MIN_WINDOW_BITS && bits <= LEATI_DEFLATE_MAX_WINDOW_BITS);
}

int leat_config_set_compression(leat_config *config, const struct leat_compression *compression)
{
    struct leat_compression known = {.size = sizeof(known)};
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!compression) {
        settings->compresses = false;
        return LEAT_OK;
    }
    if (!leati_deflate_is_built_in())
        return leati_config_refuse(config, LEAT_E_PARAMETER, "leat was built without zlib");
    leati_copy_known(&known, sizeof(known), compression, compression->size);
    if (compression->size == 0 || !window_bits_valid(known.client_max_window_bits) ||
        !window_bits_valid(known.server_max_window_bits) || known.level > 9 || known.mem_level > 9)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "windows have 8 to 15 bits, levels are 1 to 9");
    if (known.threshold_bytes == 0)
        known.threshold_bytes = LEATI_CONFIG_DEFAULT_COMPRESSION_THRESHOLD_BYTES;
    settings->compression = known;
    settings->compresses = true;
    return LEAT_OK;
}

struct leati_deflate_offer leati_settings_deflate_offer(const struct leati_settings *settings)
{
    const struct leat_compression *c = &settings->compression;
    return (struct leati_deflate_offer){
        .server_no_context_takeover = c->server_no_context_takeover,
        .client_no_context_takeover = c->client_no_context_takeover,
        .server_max_window_bits = c->server_max_window_bits,
        .allows_client_max_window_bits = true,
        .client_max_window_bits = c->client_max_window_bits,
    };
}

static uint8_t bits_or_most(uint8_t bits)
{
    return bits ? bits : LEATI_DEFLATE_MAX_WINDOW_BITS;
}

struct leati_deflate_params leati_settings_deflate_limits(const struct leati_settings *settings)
{
    const struct leat_compression *c = &settings->compression;
    return (struct leati_deflate_params){
        .server_no_context_takeover = c->server_no_context_takeover,
        .client_no_context_takeover = c->client_no_context_takeover,
        .server_max_window_bits = bits_or_most(c->server_max_window_bits),
        .client_max_window_bits = bits_or_most(c->client_max_window_bits),
    };
}

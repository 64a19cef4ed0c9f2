/* SPDX-License-Identifier: Apache-2.0 */
/* What only a server is told: whose pages may come, and which proxies stand in front of it. */
#include "config/config.h"

#include "url/host_match.h"
#include "util/alloc.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

/** How trusted proxies that come by a local socket are written. */
#define LOCAL_PEERS "unix"

/* ---- origins (RFC 6454 section 6.2) ------------------------------------------------------------ */

static bool equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && leati_text_equal_nocase(a, a_len, b, b_len);
}

/* A scheme, "://", and a host, which may begin with "*.", perhaps with a port; or "null". */
static bool origin_is_valid(const char *origin)
{
    const char *colon = strstr(origin, "://");
    if (strcmp(origin, "null") == 0)
        return true;
    if (!colon || colon == origin || !leati_text_is_token(origin, (size_t)(colon - origin)))
        return false;
    const char *host = colon + 3;
    if (strncmp(host, "*.", 2) == 0)
        host += 2;
    return *host != '\0' && *host != '.' && !strpbrk(host, "/?#* \t\\@") &&
           leati_text_is_field_value(host, strlen(host));
}

static bool origin_matches(const char *pattern, const char *origin)
{
    const char *wildcard = strstr(pattern, "://*.");
    size_t len = strlen(origin);
    if (!wildcard)
        return equal_nocase(pattern, strlen(pattern), origin, len);
    size_t scheme = (size_t)(wildcard - pattern) + 3;
    const char *tail = pattern + scheme + 1; /* with its dot */
    size_t tail_len = strlen(tail);
    return len > scheme + tail_len && equal_nocase(origin, scheme, pattern, scheme) &&
           equal_nocase(origin + len - tail_len, tail_len, tail, tail_len) &&
           !memchr(origin + scheme, '/', len - scheme);
}

bool leati_settings_allow_origin(const struct leati_settings *settings, const char *origin)
{
    const struct leati_text_list *allowed = &settings->allowed_origins;
    for (size_t i = 0; i < allowed->count; i++)
        if (origin_matches(allowed->items[i], origin))
            return true;
    return allowed->count == 0;
}

int leat_config_add_allowed_origin(leat_config *config, const char *origin)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!origin || !origin_is_valid(origin))
        return leati_config_refuse(
            config, LEAT_E_PARAMETER,
            "not an origin: \"https://example.com\", with a port if it is not "
            "the scheme's own, \"https://*.example.com\", or \"null\"");
    if (config->settings->allowed_origins.count >= LEATI_CONFIG_MAX_ENTRIES)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "too many origins");
    struct leati_settings *settings = leati_config_edit(config);
    return settings && leati_text_list_append(&settings->allowed_origins, origin)
               ? LEAT_OK
               : leati_config_no_memory(config);
}

/* ---- proxies in front --------------------------------------------------------------------------- */

/* An address is the longest prefix of itself. */
static bool ip_is_in(const struct leati_host_ip *ip, const char *network)
{
    struct leati_host_ip single;
    if (leati_host_ip_parse(network, strlen(network), &single))
        return leati_host_ip_equal(ip, &single);
    return leati_host_ip_is_in(ip, network, strlen(network));
}

static bool network_is_valid(const char *network)
{
    struct leati_host_ip ip;
    size_t len = strcspn(network, "/");
    return strcmp(network, LOCAL_PEERS) == 0 ||
           (leati_host_ip_parse(network, len, &ip) && ip_is_in(&ip, network));
}

bool leati_settings_trust(const struct leati_settings *settings,
                          const struct leati_address *address)
{
    const struct leati_text_list *trusted = &settings->trusted_proxies;
    char text[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_host_ip ip;
    bool is_local = address->any.sa_family == AF_UNIX;
    if (trusted->count == 0)
        return false;
    leati_address_format_host(address, text, sizeof(text));
    if (!is_local && !leati_host_ip_parse(text, strcspn(text, "%"), &ip))
        return false;
    for (size_t i = 0; i < trusted->count; i++)
        if (is_local ? strcmp(trusted->items[i], LOCAL_PEERS) == 0
                     : ip_is_in(&ip, trusted->items[i]))
            return true;
    return false;
}

int leat_config_add_trusted_proxy(leat_config *config, const char *network)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!network || !network_is_valid(network))
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "not a network: \"10.0.0.0/8\", \"fd00::/8\", an address, or "
                                   "\"unix\" for all who come by a local socket");
    if (config->settings->trusted_proxies.count >= LEATI_CONFIG_MAX_ENTRIES)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "too many networks");
    struct leati_settings *settings = leati_config_edit(config);
    return settings && leati_text_list_append(&settings->trusted_proxies, network)
               ? LEAT_OK
               : leati_config_no_memory(config);
}

int leat_config_set_forwarded_header(leat_config *config, enum leat_forwarded_header header)
{
    return leati_config_set(config, header > LEAT_FORWARDED_FORWARDED ? "no such header" : NULL,
                            forwarded_header, header);
}

int leat_config_set_received_proxy_protocol(leat_config *config, bool received)
{
    return leati_config_set(config, NULL, receives_proxy_protocol, received);
}

/* ---- limits -------------------------------------------------------------------------------------- */

int leat_config_set_receive_rate(leat_config *config, size_t bytes_per_s, size_t messages_per_s)
{
    struct leati_settings *settings;
    int code = leati_config_change(config, NULL, &settings);
    if (code != LEAT_OK)
        return code;
    settings->receive_bytes_per_s = bytes_per_s;
    settings->receive_messages_per_s = messages_per_s;
    return LEAT_OK;
}

int leat_config_set_server_queue_limit(leat_config *config, size_t bytes)
{
    return leati_config_set(config, NULL, server_queue_bytes, bytes);
}

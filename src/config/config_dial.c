/* SPDX-License-Identifier: Apache-2.0 */
/* Setters: whom connections dial instead of what a URL says, and from where. */
#include "config/config.h"

#include "url/host.h"
#include "util/alloc.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

int leat_config_set_ip_version(leat_config *config, enum leat_ip_version version)
{
    static const int families[] = {
        [LEAT_IP_ANY] = AF_UNSPEC,
        [LEAT_IP_V4] = AF_INET,
        [LEAT_IP_V6] = AF_INET6,
    };
    if (!config)
        return LEAT_E_PARAMETER;
    if ((unsigned)version >= sizeof(families) / sizeof(families[0]))
        return leati_config_refuse(config, LEAT_E_PARAMETER, "there is no such version of IP");
    int chosen = families[version];
    int local = config->settings->dial.local.any.sa_family;
    bool is_other = chosen != AF_UNSPEC && local != AF_UNSPEC && chosen != local;
    return leati_config_set(config,
                            is_other ? "the local address is one of the other family" : NULL,
                            dial.family, chosen);
}

int leat_config_set_local_address(leat_config *config, const char *address)
{
    struct leati_address local = {.any.sa_family = AF_UNSPEC};
    struct leati_settings *settings;
    const char *refusal = NULL;
    if (!config)
        return LEAT_E_PARAMETER;
    bool is_set = address && *address;
    int family = config->settings->dial.family;
    if (is_set && leati_address_read(address, 0, &local) != 0)
        refusal = "the local address is not an IPv4 or IPv6 address";
    else if (is_set && family != AF_UNSPEC && family != local.any.sa_family)
        refusal = "the local address is not of the family that is dialled";
    int code = leati_config_change(config, refusal, &settings);
    if (code == LEAT_OK)
        settings->dial.local = local;
    return code;
}

int leat_config_set_sent_proxy_protocol(leat_config *config, enum leat_proxy_protocol version,
                                        const char *client)
{
    struct leati_address address = {.any.sa_family = AF_UNSPEC};
    struct leati_settings *settings;
    const char *refusal = NULL;
    bool is_set = client && *client;
    if ((unsigned)version > LEAT_PROXY_PROTOCOL_2)
        refusal = "there is no such version of the PROXY protocol";
    else if (is_set && version == LEAT_PROXY_PROTOCOL_NONE)
        refusal = "a client without a version of the PROXY protocol that would tell it";
    else if (is_set && leati_address_read(client, 0, &address) != 0)
        refusal = "the client is not an IPv4 or IPv6 address";
    int code = leati_config_change(config, refusal, &settings);
    if (code != LEAT_OK)
        return code;
    settings->sent_proxy_protocol = version;
    settings->proxy_protocol_client = address;
    return LEAT_OK;
}

int leat_config_set_interface(leat_config *config, const char *name)
{
    bool is_set = name && *name;
    const char *refusal = is_set && (strlen(name) >= IF_NAMESIZE || strpbrk(name, "/ \t\n:"))
                              ? "this is not the name of a network interface"
                              : NULL;
    return leati_config_set_text(config, refusal, dial.interface, is_set ? name : NULL);
}

int leat_config_set_unix_socket(leat_config *config, const char *path)
{
    const size_t path_max = 107; /* unix(7) */
    bool is_set = path && *path;
    const char *refusal =
        is_set && strlen(path) > path_max ? "the path of a socket has at most 107 bytes" : NULL;
    return leati_config_set_text(config, refusal, dial.unix_path, is_set ? path : NULL);
}

/* In the form that the hosts of URLs are compared in; brackets of an IPv6 literal are allowed. */
static int host_read(leat_config *config, const char *setter, const char *host, char **ret_host,
                     bool *ret_is_absolute)
{
    const char *reason = "";
    size_t len = strlen(host);
    bool is_bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
    *ret_is_absolute = false;
    int code =
        is_bracketed || strchr(host, ':')
            ? leati_host_from_ipv6(host + is_bracketed, len - 2 * is_bracketed, ret_host, &reason)
            : leati_host_from_name(host, len, ret_host, ret_is_absolute, &reason);
    if (code == LEAT_E_PARAMETER)
        return leati_config_refuse_by(config, setter, code, reason);
    return code == LEAT_OK ? LEAT_OK : leati_config_no_memory_by(config, setter);
}

/* One address of a list, `*list` goes behind it. 0, or EINVAL. */
static int address_read(const char **list, uint16_t port, struct leati_address *ret_address)
{
    char text[LEATI_ADDRESS_TEXT_SIZE];
    size_t len = strcspn(*list, ",");
    const char *start = *list;
    *list += len + ((*list)[len] == ',');
    if (len > 2 && start[0] == '[' && start[len - 1] == ']') {
        start++;
        len -= 2;
    }
    if (len >= sizeof(text))
        return EINVAL;
    memcpy(text, start, len);
    text[len] = '\0';
    return leati_address_read(text, port, ret_address) == 0 ? 0 : EINVAL;
}

static int addresses_read(leat_config *config, const char *setter, const char *list,
                          struct leati_known_host *known)
{
    size_t count = 1;
    for (const char *c = list; *c; c++)
        count += *c == ',';
    if (count > LEATI_CONFIG_MAX_ADDRESSES)
        return leati_config_refuse_by(config, setter, LEAT_E_PARAMETER,
                                      "too many addresses of one host");
    known->addresses = leati_calloc(count, sizeof(*known->addresses));
    if (!known->addresses)
        return leati_config_no_memory_by(config, setter);
    while (known->count < count)
        if (address_read(&list, known->port, &known->addresses[known->count++]) != 0)
            return leati_config_refuse_by(
                config, setter, LEAT_E_PARAMETER,
                "the addresses are a list of IPv4 or IPv6 addresses, with "
                "commas in between");
    return LEAT_OK;
}

static int config_append_known_host(leat_config *config, const char *setter,
                                    struct leati_known_host *known)
{
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    struct leati_dial_settings *dial = settings ? &settings->dial : NULL;
    if (!dial || !leati_resize(&dial->known_hosts, dial->known_host_count + 1, sizeof(*known)))
        return leati_config_no_memory_by(config, setter);
    dial->known_hosts[dial->known_host_count++] = *known;
    *known = (struct leati_known_host){0};
    return LEAT_OK;
}

int leat_config_add_resolve(leat_config *config, const char *host, uint16_t port,
                            const char *addresses)
{
    struct leati_known_host known = {.port = port};
    bool is_absolute;
    if (!config)
        return LEAT_E_PARAMETER;
    if (!host || !*host || !addresses || !*addresses)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "a host and its addresses are needed");
    if (config->settings->dial.known_host_count >= LEATI_CONFIG_MAX_HOSTS)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "too many hosts with addresses");
    int code = host_read(config, __func__, host, &known.host, &is_absolute);
    if (code == LEAT_OK)
        code = addresses_read(config, __func__, addresses, &known);
    if (code == LEAT_OK)
        code = config_append_known_host(config, __func__, &known);
    leati_free(known.host);
    leati_free(known.addresses);
    return code;
}

static int config_append_detour(leat_config *config, const char *setter,
                                struct leati_detour *detour)
{
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    struct leati_dial_settings *dial = settings ? &settings->dial : NULL;
    if (!dial || !leati_resize(&dial->detours, dial->detour_count + 1, sizeof(*detour)))
        return leati_config_no_memory_by(config, setter);
    dial->detours[dial->detour_count++] = *detour;
    *detour = (struct leati_detour){0};
    return LEAT_OK;
}

int leat_config_add_connect_to(leat_config *config, const char *host, uint16_t port,
                               const char *to_host, uint16_t to_port)
{
    struct leati_detour detour = {.port = port, .to_port = to_port};
    bool is_absolute;
    int code = LEAT_OK;
    if (!config)
        return LEAT_E_PARAMETER;
    if (config->settings->dial.detour_count >= LEATI_CONFIG_MAX_HOSTS)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "too many hosts that others stand for");
    if (host && *host)
        code = host_read(config, __func__, host, &detour.host, &is_absolute);
    if (code == LEAT_OK && to_host && *to_host)
        code = host_read(config, __func__, to_host, &detour.to_host, &detour.to_is_absolute);
    if (code == LEAT_OK)
        code = config_append_detour(config, __func__, &detour);
    leati_free(detour.host);
    leati_free(detour.to_host);
    return code;
}

/* ---- descriptors ----------------------------------------------------------------------- */

#define KEEP_ALIVE_MAX_S      32767u
#define KEEP_ALIVE_MAX_PROBES 127u

int leat_config_set_tcp_user_timeout(leat_config *config, uint32_t timeout_ms)
{
    return leati_config_set(config, timeout_ms > INT32_MAX ? "a time above 2147483647 ms" : NULL,
                            descriptor.user_timeout_ms, timeout_ms);
}

int leat_config_set_tcp_keep_alive(leat_config *config, bool keep_alive, uint32_t idle_s,
                                   uint32_t interval_s, uint32_t probes)
{
    struct leati_settings *settings;
    int code = leati_config_change(config,
                                   (idle_s > KEEP_ALIVE_MAX_S || interval_s > KEEP_ALIVE_MAX_S ||
                                    probes > KEEP_ALIVE_MAX_PROBES)
                                       ? "keep-alive has times up to 32767 s and up to 127 probes"
                                       : NULL,
                                   &settings);
    if (code != LEAT_OK)
        return code;
    settings->descriptor.keep_alive = keep_alive;
    settings->descriptor.keep_alive_idle_s = idle_s;
    settings->descriptor.keep_alive_interval_s = interval_s;
    settings->descriptor.keep_alive_probes = probes;
    return LEAT_OK;
}

int leat_config_set_dscp(leat_config *config, int dscp)
{
    struct leati_settings *settings;
    int code = leati_config_change(
        config, (dscp < -1 || dscp > 63) ? "a DSCP is 0 to 63, or -1 for none" : NULL, &settings);
    if (code != LEAT_OK)
        return code;
    settings->descriptor.has_dscp = dscp >= 0;
    settings->descriptor.dscp = dscp >= 0 ? (uint8_t)dscp : 0;
    return LEAT_OK;
}

int leat_config_set_mark(leat_config *config, uint32_t mark)
{
    return leati_config_set(config, NULL, descriptor.mark, mark);
}

int leat_config_set_descriptor_hook(leat_config *config, leat_descriptor_fn fn, void *user)
{
    struct leati_settings *settings;
    int code = leati_config_change(config, NULL, &settings);
    if (code != LEAT_OK)
        return code;
    settings->descriptor.hook = fn;
    settings->descriptor.hook_user = user;
    return LEAT_OK;
}

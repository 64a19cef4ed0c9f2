/* SPDX-License-Identifier: Apache-2.0 */
/* The options about addresses: whom to dial, and from where. */
#include "connection_options.h"

#include "options.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts between colons --------------------------------------------------------------- */

enum { PART_SIZE = 300 };

/* What stands in front of the next colon, which is not one of an IPv6 literal in brackets; `*text`
 * goes behind it. false = there is no colon, or the part is too long. */
static bool part_take(const char **text, char ret_part[PART_SIZE])
{
    const char *bracket = (*text)[0] == '[' ? strchr(*text, ']') : NULL;
    const char *colon = strchr(bracket ? bracket : *text, ':');
    size_t len = colon ? (size_t)(colon - *text) : 0;
    if (!colon || len >= PART_SIZE)
        return false;
    memcpy(ret_part, *text, len);
    ret_part[len] = '\0';
    *text = colon + 1;
    return true;
}

/* "" and "*" are 0, any port. */
static bool port_read(struct tool_setting *setting, const char *text, uint16_t *ret_port)
{
    const struct tool_option number = {.max = UINT16_MAX};
    uint32_t port = 0;
    struct tool_setting part = {.option = &number, .target = &port, .value = text};
    if (*text && strcmp(text, "*") != 0 && !tool_set_u32(&part))
        return tool_refuse(setting, "the port: %s", part.why);
    *ret_port = (uint16_t)port;
    return true;
}

static bool set_resolve(struct tool_setting *setting)
{
    char host[PART_SIZE], port_text[PART_SIZE];
    const char *rest = setting->value + (setting->value[0] == '+');
    uint16_t port;
    if (!part_take(&rest, host) || !part_take(&rest, port_text) || !host[0] || !rest[0])
        return tool_refuse(setting, "not of the form HOST:PORT:ADDRESS[,ADDRESS]...");
    return port_read(setting, port_text, &port) &&
           tool_connection_accept(
               setting, leat_config_add_resolve(tool_connection_config(setting), host, port, rest));
}

static bool set_connect_to(struct tool_setting *setting)
{
    char host[PART_SIZE], port_text[PART_SIZE], to_host[PART_SIZE];
    const char *rest = setting->value;
    uint16_t port, to_port;
    if (!part_take(&rest, host) || !part_take(&rest, port_text) || !part_take(&rest, to_host))
        return tool_refuse(setting, "not of the form HOST:PORT:TO-HOST:TO-PORT");
    return port_read(setting, port_text, &port) && port_read(setting, rest, &to_port) &&
           tool_connection_accept(setting,
                                  leat_config_add_connect_to(tool_connection_config(setting), host,
                                                             port, to_host, to_port));
}

static bool set_ipv4(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_ip_version(tool_connection_config(setting), LEAT_IP_V4));
}

static bool set_ipv6(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_ip_version(tool_connection_config(setting), LEAT_IP_V6));
}

static bool set_unix_socket(struct tool_setting *setting)
{
    if (!setting->value[0])
        return tool_refuse(setting, "the path of a socket is missing");
    return tool_connection_accept(
        setting, leat_config_set_unix_socket(tool_connection_config(setting), setting->value));
}

static bool set_interface(struct tool_setting *setting)
{
    struct in6_addr unused;
    leat_config *config = tool_connection_config(setting);
    const char *value = setting->value;
    bool is_address = strchr(value, ':') || inet_pton(AF_INET, value, &unused) == 1;
    if (!*value)
        return tool_refuse(setting, "the name of an interface, or an address of this machine");
    return tool_connection_accept(setting, is_address ? leat_config_set_local_address(config, value)
                                                      : leat_config_set_interface(config, value));
}

static bool set_dns(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_dns_servers(tool_connection_config(setting), setting->value));
}

/* The two options are one setting, in any order. */
static bool proxy_protocol_accept(struct tool_setting *setting)
{
    const struct tool_connection *connection = setting->target;
    return tool_connection_accept(setting, leat_config_set_sent_proxy_protocol(
                                               connection->config, connection->sent_proxy_protocol,
                                               connection->proxy_protocol_client));
}

static bool set_proxy_protocol(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    bool is_second = strcmp(setting->value, "2") == 0 || strcmp(setting->value, "v2") == 0;
    if (!is_second && strcmp(setting->value, "1") != 0 && strcmp(setting->value, "v1") != 0)
        return tool_refuse(setting, "not 1 or 2");
    connection->sent_proxy_protocol = is_second ? LEAT_PROXY_PROTOCOL_2 : LEAT_PROXY_PROTOCOL_1;
    return proxy_protocol_accept(setting);
}

static bool set_proxy_protocol_client(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    if (connection->sent_proxy_protocol == LEAT_PROXY_PROTOCOL_NONE)
        connection->sent_proxy_protocol = LEAT_PROXY_PROTOCOL_1;
    connection->proxy_protocol_client = setting->value;
    return proxy_protocol_accept(setting);
}

static bool set_fast_open(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_tcp_fast_open(tool_connection_config(setting), true));
}

const struct tool_option tool_dial_options[] = {
    {.name = "resolve",
     .argument = "HOST:PORT:ADDRESS",
     .help = "the address of a host, instead of asking DNS",
     .detail =
         "ADDRESS may be several with commas between; PORT may be *. Host and TLS stay as the "
         "URL has them. A proxy is asked for the address, too. May be given several times.",
     .set = set_resolve},
    {.name = "connect-to",
     .argument = "HOST:PORT:HOST2:PORT2",
     .help = "connect to another host than the URL's",
     .detail = "Host and TLS stay as the URL has them. What is left empty is any, or the same: "
               "::backend-7: leads everything to that host. May be given several times.",
     .set = set_connect_to},
    {.name = "ipv4", .letter = '4', .help = "dial IPv4 addresses only", .set = set_ipv4},
    {.name = "ipv6", .letter = '6', .help = "dial IPv6 addresses only", .set = set_ipv6},
    {.name = "interface",
     .argument = "NAME|ADDRESS",
     .help = "connect from this interface, or own address",
     .set = set_interface},
    {.name = "unix-socket",
     .argument = "PATH",
     .value = TOOL_VALUE_FILE,
     .help = "connect to this local socket; @NAME is abstract",
     .detail = "Host and TLS stay as the URL has them.",
     .set = set_unix_socket},
    {.name = "dns",
     .aliases = "dns-servers",
     .argument = "LIST",
     .help = "DNS servers instead of the system's",
     .detail = "ADDRESS[:PORT],... with an IPv6 address as [::1]:53.",
     .set = set_dns},
    {.name = "proxy-protocol",
     .argument = "VERSION",
     .help = "the PROXY protocol's header first, 1 or 2",
     .detail =
         "In front of TLS and the upgrade, for servers that expect it, such as HAProxy and nginx "
         "behind another proxy. Through a proxy it names nobody.",
     .set = set_proxy_protocol},
    {.name = "proxy-protocol-client",
     .aliases = "haproxy-clientip",
     .argument = "ADDRESS",
     .help = "whom that header names instead of this machine",
     .detail = "Alone it means --proxy-protocol 1.",
     .set = set_proxy_protocol_client},
    {.name = "fast-open",
     .help = "first bytes with the SYN (TCP fast open)",
     .detail = "Towards a server, or proxy, that has given this machine a cookie before.",
     .set = set_fast_open},
    {0},
};

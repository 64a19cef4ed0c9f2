/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "exit_status.h"
#include "files.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A setter of the configuration has refused a value: its reason, which never holds a secret. */
static bool accept(struct tool_setting *setting, int code)
{
    const struct tool_connection *connection = setting->target;
    struct leat_error error;
    if (code == LEAT_OK)
        return true;
    leat_config_get_error(connection->config, &error);
    return tool_refuse(setting, "%s", error.text[0] ? error.text : leat_strerror(code));
}

static leat_config *config_of(struct tool_setting *setting)
{
    return ((struct tool_connection *)setting->target)->config;
}

/* The generic setters store into a plain target; these reuse them for what a call is to get. */
static bool number_of(struct tool_setting *setting, bool (*set)(struct tool_setting *),
                      uint32_t *ret_number)
{
    void *target = setting->target;
    setting->target = ret_number;
    bool taken = set(setting);
    setting->target = target;
    return taken;
}

/* ---- connection ------------------------------------------------------------------------- */

static bool set_header(struct tool_setting *setting)
{
    const char *line = setting->value;
    const char *colon = strchr(line, ':');
    if (!colon)
        return tool_refuse(setting, "not of the form NAME:VALUE");
    char *name = strndup(line, (size_t)(colon - line));
    if (!name)
        return accept(setting, LEAT_E_SYSTEM_INTERNAL);
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    int code = leat_config_add_header(config_of(setting), name, value);
    free(name);
    return accept(setting, code);
}

static void base64_encode(const uint8_t *data, size_t len, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)data[i] << 16 | (i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0) |
                         (i + 2 < len ? data[i + 2] : 0);
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = i + 1 < len ? digits[group >> 6 & 63] : '=';
        *text++ = i + 2 < len ? digits[group & 63] : '=';
    }
    *text = '\0';
}

/* RFC 7617 */
static bool set_user(struct tool_setting *setting)
{
    char value[1024] = "Basic ";
    const size_t scheme_len = strlen(value);
    const size_t len_max = (sizeof(value) - scheme_len - 1) / 4 * 3;
    size_t len = strlen(setting->value);
    if (!strchr(setting->value, ':'))
        return tool_refuse(setting, "not of the form USER:PASSWORD");
    if (len > len_max)
        return tool_refuse(setting, "longer than %zu bytes", len_max);
    base64_encode((const uint8_t *)setting->value, len, value + scheme_len);
    int code = leat_config_add_header(config_of(setting), "Authorization", value);
    explicit_bzero(value, sizeof(value));
    return accept(setting, code);
}

static bool set_subprotocol(struct tool_setting *setting)
{
    return accept(setting, leat_config_add_protocol(config_of(setting), setting->value));
}

static bool set_user_agent(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_user_agent(config_of(setting), setting->value));
}

static bool set_timeout(struct tool_setting *setting)
{
    uint32_t timeout_ms;
    return number_of(setting, tool_set_duration_ms, &timeout_ms) &&
           accept(setting, leat_config_set_connect_timeout(config_of(setting), timeout_ms));
}

static bool set_redirects(struct tool_setting *setting)
{
    uint32_t redirects;
    return number_of(setting, tool_set_u32, &redirects) &&
           accept(setting, leat_config_set_max_redirects(config_of(setting), redirects));
}

static bool set_dns(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_dns_servers(config_of(setting), setting->value));
}

static bool set_compress(struct tool_setting *setting)
{
    struct leat_compression compression = {.size = sizeof(compression)};
    return accept(setting, leat_config_set_compression(config_of(setting), &compression));
}

static bool set_fast_open(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_tcp_fast_open(config_of(setting), true));
}

const struct tool_option tool_connection_options[] = {
    {.name = "header",
     .letter = 'H',
     .is_usual = true,
     .argument = "NAME:VALUE",
     .help = "add a header to the upgrade request",
     .detail =
         "May be given several times. The headers that the handshake itself owns are refused.",
     .set = set_header},
    {.name = "user",
     .letter = 'u',
     .argument = "USER:PASSWORD",
     .help = "log in by HTTP Basic authentication",
     .detail = "Everybody on the machine can read a command line. This is for the server; a proxy "
               "has its "
               "own in --proxy.",
     .set = set_user},
    {.name = "user-agent",
     .letter = 'A',
     .argument = "TEXT",
     .help = "instead of leat/VERSION; '' = none",
     .detail = "For the server and for HTTP proxies.",
     .set = set_user_agent},
    {.name = "subprotocol",
     .letter = 's',
     .is_usual = true,
     .argument = "NAME",
     .help = "offer a subprotocol",
     .detail = "May be given several times, the preferred one first.",
     .set = set_subprotocol},
    {.name = "compress",
     .letter = 'z',
     .is_usual = true,
     .help = "offer compression (permessage-deflate)",
     .set = set_compress},
    {.name = "timeout",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "deadline of the whole connect (30)",
     .detail = "Seconds unless a unit follows: 5, 0.5, 500ms, 2m. 0 = none.",
     .set = set_timeout},
    {.name = "redirects",
     .letter = 'L',
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "follow up to N redirects (0)",
     .max = 20,
     .set = set_redirects},
    {.name = "dns",
     .argument = "LIST",
     .help = "DNS servers instead of the system's",
     .detail = "ADDRESS[:PORT],... with an IPv6 address as [::1]:53.",
     .set = set_dns},
    {.name = "fast-open",
     .help = "first bytes with the SYN (TCP fast open)",
     .detail = "Towards a server, or proxy, that has given this machine a cookie before.",
     .set = set_fast_open},
    {0},
};

/* ---- proxy ------------------------------------------------------------------------------ */

/* A proxy's URL that was taken, as struct leat_error names the hop. */
static void proxy_hop_note(char ret_hop[LEAT_ERROR_HOP_SIZE], const char *url)
{
    static const struct {
        const char *scheme, *port;
    } defaults[] = {
        {"http://",  ":80" },
        {"https://", ":443"},
    };
    const char *port = ":1080";
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (strncasecmp(url, defaults[i].scheme, strlen(defaults[i].scheme)) == 0)
            port = defaults[i].port;
    const char *scheme_end = strstr(url, "://");
    const char *user_end = strrchr(url, '@');
    const char *host = user_end ? user_end + 1 : scheme_end ? scheme_end + 3 : url;
    size_t len = strcspn(host, "/?");
    const char *name_end = memchr(host, ']', len);
    name_end = name_end ? name_end : host;
    bool has_port = memchr(name_end, ':', len - (size_t)(name_end - host)) != NULL;
    snprintf(ret_hop, LEAT_ERROR_HOP_SIZE, "%.*s%s", (int)len, host, has_port ? "" : port);
}

bool tool_connection_is_of_proxy(const struct tool_connection *connection,
                                 const struct leat_error *error)
{
    if (error->layer == LEAT_LAYER_TCP)
        return connection->proxy_count > 0;
    for (size_t i = 0; i < connection->proxy_count && i < TOOL_PROXY_HOPS_MAX; i++)
        if (strcasecmp(connection->proxy_hops[i], error->hop) == 0)
            return true;
    return false;
}

static bool set_proxy(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    int code = connection->proxy_count == 0
                   ? leat_config_set_proxy(connection->config, setting->value)
                   : leat_config_add_proxy(connection->config, setting->value);
    if (code == LEAT_OK && connection->proxy_count < TOOL_PROXY_HOPS_MAX)
        proxy_hop_note(connection->proxy_hops[connection->proxy_count], setting->value);
    connection->proxy_count += code == LEAT_OK;
    return accept(setting, code);
}

static bool set_proxy_ca(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_proxy_tls_ca_path(config_of(setting), setting->value));
}

static bool set_proxy_insecure(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_proxy_tls_skip_verification(config_of(setting), true));
}

static bool set_pipeline(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_socks5_pipelining(config_of(setting),
                                                             LEAT_SOCKS5_PIPELINED_WITH_DATA));
}

const struct tool_option tool_proxy_options[] = {
    {.name = "proxy",
     .letter = 'x',
     .is_usual = true,
     .argument = "URL",
     .value = TOOL_VALUE_URL,
     .help = "socks5h, socks5, http, https://[USER:PASSWORD@]HOST",
     .detail =
         "socks5h (or socks): the proxy resolves the server's name; socks5: this machine does. In "
         "USER and PASSWORD write @ as %40, / as %2F, : as %3A, % as %25. \"system\": "
         "what WSS_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, which are not looked at "
         "otherwise. Given several times, the proxies form a chain, the nearest first.",
     .set = set_proxy},
    {.name = "proxy-ca",
     .argument = "PATH",
     .value = TOOL_VALUE_FILE,
     .help = "whom to trust as an https:// proxy (PEM)",
     .detail = "Instead of the system's certificate authorities. --ca is for the server only.",
     .set = set_proxy_ca},
    {.name = "proxy-insecure",
     .help = "do not verify an https:// proxy's certificate",
     .detail = "Whoever answers gets the proxy's password. --insecure is for the server only.",
     .set = set_proxy_insecure},
    {.name = "proxy-cert",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "our certificate chain for an https:// proxy (PEM)",
     .set = tool_set_string,
     .offset = offsetof(struct tool_connection, own_for_proxy.cert)},
    {.name = "proxy-key",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "its private key (PEM)",
     .set = tool_set_string,
     .offset = offsetof(struct tool_connection, own_for_proxy.key)},
    {.name = "proxy-key-password",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "file whose first line is that key's password",
     .set = tool_set_string,
     .offset = offsetof(struct tool_connection, own_for_proxy.key_password_path)},
    {.name = "pipeline",
     .help = "SOCKS5 in one flight, the first bytes behind it",
     .detail = "Saves up to three round trips. Proxies that read one message at a time fail.",
     .set = set_pipeline},
    {0},
};

/* ---- TLS -------------------------------------------------------------------------------- */

static bool set_ca(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_ca_path(config_of(setting), setting->value));
}

static bool set_insecure(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_skip_server_cert_verification(config_of(setting), true));
}

static bool set_ciphers(struct tool_setting *setting)
{
    ((struct tool_connection *)setting->target)->names_suites = true;
    return accept(setting, leat_config_set_cipher_suite(config_of(setting), setting->value));
}

static bool set_keylog(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_key_log_path(config_of(setting), setting->value));
}

static bool set_early_data(struct tool_setting *setting)
{
    return accept(setting, leat_config_set_early_data(config_of(setting), true));
}

const struct tool_option tool_tls_options[] = {
    {.name = "ca",
     .is_usual = true,
     .argument = "PATH",
     .value = TOOL_VALUE_FILE,
     .help = "PEM file or directory of whom to trust",
     .detail = "Instead of the system's certificate authorities.",
     .set = set_ca},
    {.name = "insecure",
     .letter = 'k',
     .is_usual = true,
     .help = "do not verify the server's certificate",
     .set = set_insecure},
    {.name = "cert",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "the client's certificate chain (PEM)",
     .set = tool_set_string,
     .offset = offsetof(struct tool_connection, own.cert)},
    {.name = "key",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "its private key (PEM)",
     .set = tool_set_string,
     .offset = offsetof(struct tool_connection, own.key)},
    {.name = "key-password",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "file whose first line is the key's password",
     .detail = "A file, because everybody on the machine can read a command line.",
     .set = tool_set_string,
     .offset = offsetof(struct tool_connection, own.key_password_path)},
    {.name = "tls-min",
     .argument = "1.2|1.3",
     .value = TOOL_VALUE_WORD,
     .words = "1.2|1.3",
     .help = "lowest TLS version (1.2)",
     .set = tool_set_word,
     .offset = offsetof(struct tool_connection, tls_min)},
    {.name = "tls-max",
     .argument = "1.2|1.3",
     .value = TOOL_VALUE_WORD,
     .words = "1.2|1.3",
     .help = "highest TLS version (1.3)",
     .set = tool_set_word,
     .offset = offsetof(struct tool_connection, tls_max)},
    {.name = "ciphers",
     .argument = "LIST",
     .help = "cipher suites instead of those with forward secrecy",
     .detail =
         "Names of OpenSSL or the IANA registry, with ':' between. All of TLS 1.3 unless one of "
         "them is named; of TLS 1.2 exactly the named ones.",
     .set = set_ciphers},
    {.name = "early-data",
     .help = "upgrade request with the first bytes (0-RTT)",
     .detail = "When a TLS 1.3 session is resumed, as with --repeat or --reconnect. Somebody who "
               "records the request can send it again.",
     .set = set_early_data},
    {.name = "keylog",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "append the TLS secrets, for Wireshark",
     .detail = "In the format of SSLKEYLOGFILE. Whoever has the file can read the traffic.",
     .set = set_keylog},
    {0},
};

/* ---- the configuration ------------------------------------------------------------------ */

bool tool_connection_init(struct tool_connection *connection)
{
    *connection = (struct tool_connection){.tls_min = 0, .tls_max = 1};
    if (leat_config_new(&connection->config) == LEAT_OK)
        return true;
    fputs("leat: out of memory\n", stderr);
    return false;
}

typedef int set_cert_fn(leat_config *config, const char *cert, const char *key,
                        const char *password);

/* `prefix` is that of the option's names, for texts. */
static bool set_identity(const struct tool_connection *connection,
                         const struct tool_command *command, const char *prefix,
                         const struct tool_identity *own, set_cert_fn *set)
{
    char *password = NULL;
    if (!own->cert != !own->key) {
        tool_usage_error(command, "--%scert and --%skey go together", prefix, prefix);
        return false;
    }
    if (own->key_password_path && !(password = tool_read_first_line(own->key_password_path))) {
        tool_usage_error(command, "--%skey-password: cannot read %s: %s", prefix,
                         own->key_password_path, strerror(errno));
        return false;
    }
    int code = set(connection->config, own->cert, own->key, password);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    if (code != LEAT_OK)
        tool_usage_error(command, "%s", leat_strerror(code));
    return code == LEAT_OK;
}

bool tool_connection_finish(struct tool_connection *connection, const struct tool_command *command)
{
    if (connection->tls_min > connection->tls_max) {
        tool_usage_error(command, "--tls-min is above --tls-max");
        return false;
    }
    if (!set_identity(connection, command, "", &connection->own, leat_config_set_client_cert) ||
        !set_identity(connection, command, "proxy-", &connection->own_for_proxy,
                      leat_config_set_proxy_tls_client_cert))
        return false;
    int code = leat_config_set_tls_protocols(connection->config,
                                             connection->tls_min ? LEAT_TLS_V13 : LEAT_TLS_V12,
                                             connection->tls_max ? LEAT_TLS_V13 : LEAT_TLS_V12);
    if (code != LEAT_OK)
        tool_usage_error(command, "%s", leat_strerror(code));
    return code == LEAT_OK;
}

int tool_connection_exit_status(const struct tool_connection *connection,
                                const struct leat_error *error, bool was_open, int http_status)
{
    int status = tool_answered_exit_status(error, was_open, http_status);
    return status == TOOL_EXIT_TCP && connection->proxy_count > 0 ? TOOL_EXIT_PROXY : status;
}

void tool_connection_done(struct tool_connection *connection)
{
    leat_config_free(connection->config);
    connection->config = NULL;
}

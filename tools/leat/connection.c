/* SPDX-License-Identifier: Apache-2.0 */
#include "connection_options.h"

#include "exit_status.h"
#include "files.h"
#include "options.h"
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* That of a new configuration. */
#define DEFAULT_TIMEOUT_MS 30000u

bool tool_connection_accept(struct tool_setting *setting, int code)
{
    const struct tool_connection *connection = setting->target;
    struct leat_error error;
    if (code == LEAT_OK)
        return true;
    leat_config_get_error(connection->config, &error);
    return tool_refuse(setting, "%s", error.text[0] ? error.text : leat_strerror(code));
}

leat_config *tool_connection_config(struct tool_setting *setting)
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

bool tool_connection_take_header(struct tool_setting *setting,
                                 int (*add)(leat_config *config, const char *name,
                                            const char *value))
{
    const char *line = setting->value;
    const char *colon = strchr(line, ':');
    if (!colon)
        return tool_refuse(setting, "not of the form NAME:VALUE");
    char *name = strndup(line, (size_t)(colon - line));
    if (!name)
        return tool_connection_accept(setting, LEAT_E_SYSTEM_INTERNAL);
    int code = add(tool_connection_config(setting), name, colon + 1 + strspn(colon + 1, " \t"));
    free(name);
    return tool_connection_accept(setting, code);
}

static bool set_header(struct tool_setting *setting)
{
    return tool_connection_take_header(setting, leat_config_add_header);
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

bool tool_connection_secret(struct tool_setting *setting, char **ret_owned)
{
    *ret_owned = NULL;
    if (setting->value[0] != '@')
        return true;
    *ret_owned = tool_read_first_line(setting->value + 1);
    if (!*ret_owned)
        return tool_refuse(setting, "cannot read %s: %s",
                           tool_excerpt(setting->value + 1, 200).text, strerror(errno));
    setting->value = *ret_owned;
    return true;
}

void tool_connection_secret_done(char *owned)
{
    if (owned)
        explicit_bzero(owned, strlen(owned));
    free(owned);
}

/* RFC 7617 */
static bool user_take(struct tool_setting *setting)
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
    int code = leat_config_add_header(tool_connection_config(setting), "Authorization", value);
    explicit_bzero(value, sizeof(value));
    return tool_connection_accept(setting, code);
}

static bool set_user(struct tool_setting *setting)
{
    char *owned;
    bool taken = tool_connection_secret(setting, &owned) && user_take(setting);
    tool_connection_secret_done(owned);
    return taken;
}

static bool set_origin(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_add_header(tool_connection_config(setting), "Origin", setting->value));
}

static bool set_subprotocol(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_add_subprotocol(tool_connection_config(setting), setting->value));
}

static bool set_request_host(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_request_host(tool_connection_config(setting), setting->value));
}

static bool set_user_agent(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_user_agent(tool_connection_config(setting), setting->value));
}

static bool set_timeout(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    connection->timeout_is_set = true;
    return number_of(setting, tool_set_duration_ms, &connection->timeout_ms) &&
           tool_connection_accept(setting, leat_config_set_connect_timeout(connection->config,
                                                                           connection->timeout_ms));
}

static bool set_max_time(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    return number_of(setting, tool_set_duration_ms, &connection->max_time_ms) &&
           (connection->max_time_ms > 0 || tool_refuse(setting, "the time cannot be 0"));
}

static bool set_redirects(struct tool_setting *setting)
{
    uint32_t redirects;
    return number_of(setting, tool_set_u32, &redirects) &&
           tool_connection_accept(
               setting, leat_config_set_max_redirects(tool_connection_config(setting), redirects));
}

static bool set_compress(struct tool_setting *setting)
{
    ((struct tool_connection *)setting->target)->compresses = true;
    struct leat_compression compression = {.size = sizeof(compression)};
    return tool_connection_accept(
        setting, leat_config_set_compression(tool_connection_config(setting), &compression));
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
     .aliases = "auth",
     .argument = "USER:PASSWORD",
     .help = "log in by HTTP Basic authentication",
     .detail = "Everybody on the machine can read a command line: @FILE takes the first line of a "
               "file instead. This is for the server; a proxy has --proxy-user.",
     .set = set_user},
    {.name = "origin",
     .argument = "URL",
     .help = "Origin header, as a browser on that page sends it",
     .set = set_origin},
    {.name = "host",
     .argument = "HOST[:PORT]",
     .help = "Host header instead of the URL's",
     .detail = "Who is dialled, and whom TLS asks for, is the URL's matter: see --connect-to.",
     .set = set_request_host},
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
     .aliases = "compressed",
     .help = "offer compression (permessage-deflate)",
     .set = set_compress},
    {.name = "timeout",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .aliases = "connect-timeout",
     .help = "deadline of the whole connect (30)",
     .detail = "Seconds unless a unit follows: 5, 0.5, 500ms, 2m. 0 = none.",
     .set = set_timeout},
    {.name = "max-time",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "end after TIME, whatever happens",
     .detail = "While connecting that is a failure; an open WebSocket is closed in order.",
     .set = set_max_time},
    {.name = "redirects",
     .aliases = "max-redirs",
     .letter = 'L',
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "follow up to N redirects (0)",
     .max = 20,
     .set = set_redirects},
    {0},
};

/* ---- the configuration ------------------------------------------------------------------ */

bool tool_connection_init(struct tool_connection *connection)
{
    *connection = (struct tool_connection){.tls_min = 0, .tls_max = 1};
    if (leat_config_new(&connection->config) == LEAT_OK &&
        leat_tls_options_new(&connection->tls) == LEAT_OK)
        return true;
    fputs("leat: out of memory\n", stderr);
    return false;
}

typedef int set_cert_fn(const struct tool_connection *connection, const char *cert, const char *key,
                        const char *password);

static int set_cert(const struct tool_connection *connection, const char *cert, const char *key,
                    const char *password)
{
    return leat_tls_options_set_cert_path(connection->tls, cert, key, password);
}

static int set_proxy_cert(const struct tool_connection *connection, const char *cert,
                          const char *key, const char *password)
{
    return leat_config_set_proxy_tls_client_cert(connection->config, cert, key, password);
}

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
    int code = set(connection, own->cert, own->key, password);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    if (code != LEAT_OK)
        tool_usage_error(command, "%s", leat_strerror(code));
    return code == LEAT_OK;
}

/* While it connects, the earlier of the two deadlines counts. */
static bool set_deadline(struct tool_connection *connection)
{
    uint32_t timeout_ms = connection->timeout_is_set ? connection->timeout_ms : DEFAULT_TIMEOUT_MS;
    return connection->max_time_ms == 0 ||
           (timeout_ms > 0 && timeout_ms <= connection->max_time_ms) ||
           leat_config_set_connect_timeout(connection->config, connection->max_time_ms) == LEAT_OK;
}

bool tool_connection_finish(struct tool_connection *connection, const struct tool_command *command)
{
    if (connection->tls_min > connection->tls_max) {
        tool_usage_error(command, "--tls-min is above --tls-max");
        return false;
    }
    if (!set_deadline(connection))
        return false;
    if (!set_identity(connection, command, "", &connection->own, set_cert) ||
        !set_identity(connection, command, "proxy-", &connection->own_for_proxy, set_proxy_cert))
        return false;
    int code = leat_tls_options_set_protocols(connection->tls,
                                              connection->tls_min ? LEAT_TLS_V13 : LEAT_TLS_V12,
                                              connection->tls_max ? LEAT_TLS_V13 : LEAT_TLS_V12);
    if (code == LEAT_OK)
        code = leat_config_set_tls_options(connection->config, connection->tls);
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
    tool_connection_secret_done(connection->proxy_token);
    connection->proxy_token = NULL;
    leat_tls_options_free(connection->tls);
    connection->tls = NULL;
    while (connection->crl_count > 0)
        free(connection->crls[--connection->crl_count]);
}

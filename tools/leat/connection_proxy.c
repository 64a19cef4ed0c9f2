/* SPDX-License-Identifier: Apache-2.0 */
/* The options about proxies. */
#include "connection_options.h"

#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A proxy's URL that was taken, as struct leat_error names the hop. */
static void proxy_hop_note(char ret_hop[LEAT_ERROR_HOP_SIZE], const char *url)
{
    static const struct {
        const char *scheme, *port;
    } defaults[] = {
        {"http://", ":80"},
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

static bool proxy_take(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    int code = connection->proxy_count == 0
                   ? leat_config_set_proxy(connection->config, setting->value)
                   : leat_config_add_proxy(connection->config, setting->value);
    if (code == LEAT_OK && connection->proxy_count < TOOL_PROXY_HOPS_MAX)
        proxy_hop_note(connection->proxy_hops[connection->proxy_count], setting->value);
    connection->proxy_count += code == LEAT_OK;
    return tool_connection_accept(setting, code);
}

static bool set_proxy(struct tool_setting *setting)
{
    char *owned;
    bool taken = tool_connection_secret(setting, &owned) && proxy_take(setting);
    tool_connection_secret_done(owned);
    return taken;
}

static bool proxy_user_take(struct tool_setting *setting)
{
    const char *colon = strchr(setting->value, ':');
    if (!colon)
        return tool_refuse(setting, "not of the form USER:PASSWORD");
    char *user = strndup(setting->value, (size_t)(colon - setting->value));
    int code =
        user ? leat_config_set_proxy_credentials(tool_connection_config(setting), user, colon + 1)
             : LEAT_E_SYSTEM_INTERNAL;
    free(user);
    return tool_connection_accept(setting, code);
}

static bool set_proxy_user(struct tool_setting *setting)
{
    char *owned;
    bool taken = tool_connection_secret(setting, &owned) && proxy_user_take(setting);
    tool_connection_secret_done(owned);
    return taken;
}

static bool set_proxy_header(struct tool_setting *setting)
{
    return tool_connection_take_header(setting, leat_config_add_proxy_header);
}

static bool set_proxy_auth(struct tool_setting *setting)
{
    static const struct {
        const char *name;
        unsigned schemes;
    } rows[] = {
        {"basic", LEAT_PROXY_AUTH_BASIC},         {"digest", LEAT_PROXY_AUTH_DIGEST},
        {"bearer", LEAT_PROXY_AUTH_BEARER},       {"ntlm", LEAT_PROXY_AUTH_NTLM},
        {"negotiate", LEAT_PROXY_AUTH_NEGOTIATE}, {"none", 0},
    };
    unsigned schemes = 0;
    for (const char *word = setting->value;;) {
        size_t len = strcspn(word, ",");
        size_t i = 0;
        while (i < sizeof(rows) / sizeof(rows[0]) &&
               (strlen(rows[i].name) != len || strncasecmp(rows[i].name, word, len) != 0))
            i++;
        if (i == sizeof(rows) / sizeof(rows[0]))
            return tool_refuse(setting, "not of basic, digest, bearer, ntlm, negotiate, none");
        schemes |= rows[i].schemes;
        if (word[len] == '\0')
            break;
        word += len + 1;
    }
    return tool_connection_accept(
        setting, leat_config_set_proxy_auth_schemes(tool_connection_config(setting), schemes));
}

static bool set_proxy_service_name(struct tool_setting *setting)
{
    return tool_connection_accept(setting, leat_config_set_proxy_service_name(
                                               tool_connection_config(setting), setting->value));
}

static bool set_socks5_protection(struct tool_setting *setting)
{
    static const char *const names[] = {
        [LEAT_SOCKS5_PROTECTION_ANY] = "any",
        [LEAT_SOCKS5_PROTECTION_NONE] = "none",
        [LEAT_SOCKS5_PROTECTION_INTEGRITY] = "integrity",
        [LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY] = "confidentiality",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(setting->value, names[i]) == 0)
            return tool_connection_accept(
                setting, leat_config_set_socks5_protection(tool_connection_config(setting),
                                                           (enum leat_socks5_protection)i));
    return tool_refuse(setting, "not one of any, none, integrity, confidentiality");
}

static bool set_proxy_basic_preemptive(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_proxy_basic_preemptive(tool_connection_config(setting), true));
}

/* One that was refused is not given again. */
static void on_token_wanted(leat_proxy_challenge *challenge, void *user)
{
    const struct tool_connection *connection = user;
    bool is_first = leat_proxy_challenge_get_attempt(challenge) == 0;
    if (leat_proxy_challenge_answer(challenge, is_first ? connection->proxy_token : NULL) ==
        LEAT_E_PARAMETER)
        (void)leat_proxy_challenge_answer(challenge, NULL);
}

static bool proxy_token_take(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    tool_connection_secret_done(connection->proxy_token);
    connection->proxy_token = strdup(setting->value);
    if (!connection->proxy_token)
        return tool_connection_accept(setting, LEAT_E_SYSTEM_INTERNAL);
    return tool_connection_accept(
        setting, leat_config_set_proxy_token_callback(tool_connection_config(setting),
                                                      on_token_wanted, connection));
}

static bool set_proxy_token(struct tool_setting *setting)
{
    char *owned;
    bool taken = tool_connection_secret(setting, &owned) && proxy_token_take(setting);
    tool_connection_secret_done(owned);
    return taken;
}

static bool set_proxy_ca(struct tool_setting *setting)
{
    return tool_connection_accept(setting, leat_config_set_proxy_tls_ca_path(
                                               tool_connection_config(setting), setting->value));
}

static bool set_proxy_insecure(struct tool_setting *setting)
{
    return tool_connection_accept(setting, leat_config_set_proxy_tls_skip_verification(
                                               tool_connection_config(setting), true));
}

static bool set_tor_isolate(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_tor_isolation(tool_connection_config(setting), true));
}

static bool set_pipeline(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_socks5_pipelining(tool_connection_config(setting),
                                                   LEAT_SOCKS5_PIPELINED_WITH_DATA));
}

const struct tool_option tool_proxy_options[] = {
    {.name = "proxy",
     .letter = 'x',
     .is_usual = true,
     .argument = "URL",
     .value = TOOL_VALUE_URL,
     .help = "socks5h, socks4a, http ...://[USER:PASSWORD@]HOST",
     .detail =
         "socks5h (or socks) and socks4a: the proxy resolves the server's name; socks5 and socks4: "
         "this machine does. http and https: CONNECT. SOCKS4 takes a USER without PASSWORD. "
         "socks5h+unix:PATH, and so on: the first proxy listens on a local socket. In "
         "USER and PASSWORD write @ as %40, / as %2F, : as %3A, % as %25. \"system\": "
         "what WSS_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, which are not looked at "
         "otherwise. @FILE takes the first line of a file, so that nobody sees the password. Given "
         "several times, the proxies form a chain, the nearest first.",
     .set = set_proxy},
    {.name = "proxy-user",
     .argument = "USER:PASSWORD",
     .help = "for proxies whose URL has no user; not escaped",
     .detail = "@FILE takes the first line of a file, so that nobody sees the password.",
     .set = set_proxy_user},
    {.name = "proxy-auth",
     .argument = "LIST",
     .help = "ways to log in to proxies, e.g. digest,negotiate",
     .detail =
         "Of basic, digest, bearer, ntlm and negotiate, with commas in between; by default the "
         "first three, \"none\" for none. The "
         "strongest that an HTTP proxy offers is taken. negotiate is Kerberos, of SOCKS5 proxies, "
         "too: by --proxy-user, or by your ticket (kinit) where no user is given.",
     .set = set_proxy_auth},
    {.name = "proxy-service-name",
     .aliases = "socks5-gssapi-service",
     .argument = "NAME",
     .help = "what proxies are in Kerberos, if not HTTP or rcmd",
     .detail = "With the proxy's host behind it, as -x has it, it makes the name of the service: "
               "HTTP/proxy.example of an HTTP proxy, rcmd/proxy.example of a SOCKS5 proxy.",
     .set = set_proxy_service_name},
    {.name = "socks5-protection",
     .argument = "LEVEL",
     .help = "up to a SOCKS5 proxy: integrity or confidentiality",
     .detail = "By GSS-API: --proxy-auth negotiate. A proxy that grants less is refused. \"any\" "
               "(default) takes the most that both can, \"none\" asks for none.",
     .set = set_socks5_protection},
    {.name = "proxy-basic-preemptive",
     .help = "give HTTP proxies the password before they ask",
     .detail = "By Basic, with the first request. Saves a round trip, and shows the password to "
               "whatever answers at the proxy's address.",
     .set = set_proxy_basic_preemptive},
    {.name = "proxy-token",
     .argument = "TOKEN",
     .help = "for HTTP proxies that ask for a token (Bearer)",
     .detail = "@FILE takes the first line of a file, so that nobody sees the token.",
     .set = set_proxy_token},
    {.name = "proxy-header",
     .argument = "NAME:VALUE",
     .help = "add a header to what HTTP proxies are asked",
     .detail = "May be given several times.",
     .set = set_proxy_header},
    {.name = "proxy-ca",
     .aliases = "proxy-cacert",
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
    {.name = "tor-isolate",
     .help = "a circuit of Tor for this connection alone",
     .detail = "Shows SOCKS5 proxies a user name and a password that are made for it. Refused "
               "without such "
               "a proxy, and beside other credentials for it.",
     .set = set_tor_isolate},
    {.name = "pipeline",
     .help = "SOCKS5 in one flight, the first bytes behind it",
     .detail = "Saves up to three round trips. Proxies that read one message at a time fail.",
     .set = set_pipeline},
    {0},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The options: copied, checked, and turned into what clients are told. */
#include "testing/dns_table.h"
#include "testing/peer.h"
#include "testing/recording.h"
#include "util/alloc.h"
#include "util/known.h"
#include "util/readable.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- copies ---------------------------------------------------------------------------------- */

/* Memory that lives as long as the server. */
static void *server_own(struct leat_testing_server *server, size_t size)
{
    if (!leati_resize(&server->owned, server->owned_count + 1, sizeof(void *)))
        return NULL;
    void *owned = leati_calloc(1, size);
    server->owned[server->owned_count] = owned;
    server->owned_count += owned != NULL;
    return owned;
}

/* Replaces `*data` by a copy with a NUL behind it; NULL stays NULL. */
static bool data_copy(struct leat_testing_server *server, const void **data, size_t len)
{
    if (!*data)
        return true;
    char *copy = server_own(server, len + 1);
    if (copy && len > 0)
        memcpy(copy, *data, len);
    *data = copy;
    return copy;
}

static bool text_copy(struct leat_testing_server *server, const char **text)
{
    const void *data = *text;
    bool copied = data_copy(server, &data, *text ? strlen(*text) : 0);
    *text = data;
    return copied;
}

static bool names_copy(struct leat_testing_server *server, const struct leat_testing_name **names)
{
    size_t count = 0;
    while (*names && (*names)[count].name)
        ++count;
    struct leat_testing_name *copy = server_own(server, (count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count && copy; ++i) {
        copy[i] = (*names)[i];
        if (!text_copy(server, &copy[i].name) || !text_copy(server, &copy[i].address))
            return false;
    }
    *names = copy;
    return copy;
}

static bool protocols_copy(struct leat_testing_server *server, const char *const **protocols)
{
    size_t count = 0;
    while (*protocols && (*protocols)[count])
        ++count;
    const char **copy = server_own(server, (count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count && copy; ++i) {
        copy[i] = (*protocols)[i];
        if (!text_copy(server, &copy[i]))
            return false;
    }
    *protocols = copy;
    return copy;
}

static bool messages_copy(struct leat_testing_server *server,
                          const struct leat_testing_message **messages, size_t count)
{
    struct leat_testing_message *copy = server_own(server, (count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count && copy; ++i) {
        copy[i] = (*messages)[i];
        if (!data_copy(server, &copy[i].data, copy[i].len))
            return false;
    }
    *messages = copy;
    return copy;
}

static bool options_copy(struct leat_testing_server *server)
{
    struct leat_testing_options *options = &server->options;
    if (options->tls) {
        server->tls = *options->tls;
        options->tls = &server->tls;
    }
    if (options->to_tls) {
        server->to_tls = *options->to_tls;
        options->to_tls = &server->to_tls;
    }
    return text_copy(server, &server->to_tls.name) && text_copy(server, &server->to_tls.ca_path) &&
           text_copy(server, &options->address) && text_copy(server, &options->user) &&
           text_copy(server, &options->password) && text_copy(server, &options->headers) &&
           text_copy(server, &options->to) && text_copy(server, &options->records) &&
           text_copy(server, &options->record_path) && text_copy(server, &options->replay_path) &&
           text_copy(server, &options->unix_path) && text_copy(server, &options->close_reason) &&
           text_copy(server, &server->tls.cert_path) && text_copy(server, &server->tls.key_path) &&
           text_copy(server, &server->tls.client_ca_path) &&
           text_copy(server, &server->tls.cipher_list) && names_copy(server, &options->names) &&
           protocols_copy(server, &options->subprotocols) &&
           messages_copy(server, &options->messages, options->message_count);
}

/* ---- checks ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static int refused(struct leat_testing_problem *ret_problem,
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(ret_problem->text, sizeof(ret_problem->text), format, args);
    va_end(args);
    return LEAT_E_PARAMETER;
}

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static int messages_check(const struct leat_testing_options *options,
                          struct leat_testing_problem *ret_problem)
{
    for (size_t i = 0; i < options->message_count; ++i) {
        const struct leat_testing_message *message = &options->messages[i];
        switch (message->type) {
        case LEAT_TESTING_MESSAGE_PING:
        case LEAT_TESTING_MESSAGE_PONG:
            if (message->len > 125)
                return refused(ret_problem, "a Ping or Pong has at most 125 bytes");
            break;
        case LEAT_TESTING_MESSAGE_TEXT:
        case LEAT_TESTING_MESSAGE_BINARY:
            break;
        default:
            return refused(ret_problem, "message %zu has no type", i + 1);
        }
        if (!message->data && message->len > 0)
            return refused(ret_problem, "message %zu has no data", i + 1);
    }
    return LEAT_OK;
}

static bool carries_datagrams(enum leat_testing_kind kind)
{
    return kind == LEAT_TESTING_UDP || kind == LEAT_TESTING_DNS;
}

/* What is wrong with any kind of server. */
static int values_check(const struct leat_testing_options *options,
                        struct leat_testing_problem *ret_problem)
{
    if (!is_address(options->address))
        return refused(ret_problem, "%s is not an IPv4 or IPv6 address", options->address);
    if ((options->user && (options->user[0] == '\0' || strlen(options->user) > 255)) ||
        (options->password && strlen(options->password) > 255))
        return refused(ret_problem, "user and password have 1 to 255 and 0 to 255 bytes");
    for (const struct leat_testing_name *name = options->names; name->name; ++name)
        if (!name->address || (name->address[0] != '\0' && !is_address(name->address)))
            return refused(ret_problem, "the address of the name %s is none", name->name);
    if (options->unix_path && (options->unix_path[0] == '\0' || strlen(options->unix_path) > 107))
        return refused(ret_problem, "the path of a Unix socket has 1 to 107 bytes");
    if ((unsigned)options->auth > LEAT_TESTING_AUTH_BEARER ||
        (unsigned)options->proxy_header > LEAT_TESTING_PROXY_HEADER_REQUIRED)
        return refused(ret_problem, "there is no such auth or proxy_header");
#ifndef LEAT_ZLIB
    if (options->deflate)
        return refused(ret_problem, "this libleat-testing was built without zlib");
#endif
    if (options->unix_path && options->tls)
        return refused(ret_problem, "there is no TLS on a Unix socket here");
    if (options->close_reason && strlen(options->close_reason) > 123)
        return refused(ret_problem, "a close reason has at most 123 bytes");
    if ((unsigned)options->match > LEAT_TESTING_MATCH_ANY)
        return refused(ret_problem, "there is no such match");
    if (options->fault_count > LEAT_TESTING_FAULTS_MAX)
        return refused(ret_problem, "there are at most %d faults", LEAT_TESTING_FAULTS_MAX);
    return messages_check(options, ret_problem);
}

/* What does not go with its kind. */
static int kind_check(const struct leat_testing_server *server,
                      struct leat_testing_problem *ret_problem)
{
    const struct leat_testing_options *options = &server->options;
    const char *name = leat_testing_kind_name(options->kind);
    if (!name)
        return refused(ret_problem, "there is no kind of server number %d", (int)options->kind);
    if (options->unix_path && carries_datagrams(options->kind))
        return refused(ret_problem, "a %s server has no Unix socket", name);
    if (options->tls && !(leat_testing_kind_has_step(options->kind, LEAT_TESTING_STEP_TLS)))
        return refused(ret_problem, "a %s server has no TLS in front", name);
    if ((options->kind == LEAT_TESTING_TCP || options->kind == LEAT_TESTING_UDP) &&
        !leati_testing_destination_parse(options->to, NULL, NULL))
        return refused(ret_problem, "a relay needs a destination, HOST:PORT");
    if (options->record_path && carries_datagrams(options->kind))
        return refused(ret_problem, "datagrams cannot be recorded, so a %s server cannot", name);
    if ((options->kind == LEAT_TESTING_REPLAY) != (options->replay_path != NULL))
        return refused(ret_problem, "a replay needs a recording, and nothing else does");
    if (options->kind == LEAT_TESTING_SCRIPT && server->script_count == 0)
        return refused(ret_problem, "a script server needs a script");
    return LEAT_OK;
}

static int options_check(struct leat_testing_server *server,
                         struct leat_testing_problem *ret_problem)
{
    const struct leat_testing_options *options = &server->options;
    int code = kind_check(server, ret_problem);
    if (code == LEAT_OK)
        code = values_check(options, ret_problem);
    if (code != LEAT_OK)
        return code;
    if (options->to_tls &&
        !leati_tls_pump_check(options->to_tls, ret_problem->text, sizeof(ret_problem->text)))
        return LEAT_E_PARAMETER;
    if (options->tls &&
        !leati_peer_tls_check(options->tls, ret_problem->text, sizeof(ret_problem->text)))
        return LEAT_E_PARAMETER;
    return LEAT_OK;
}

int leati_testing_server_configure(struct leat_testing_server *server,
                                   const struct leat_testing_options *options,
                                   struct leat_testing_problem *ret_problem)
{
    if (!options || options->size == 0)
        return refused(ret_problem, "the options are missing");
    leati_copy_known(&server->options, sizeof(server->options), options, options->size);
    if (!server->options.address)
        server->options.address = "127.0.0.1";
    if (!server->options.messages && server->options.message_count > 0)
        return refused(ret_problem, "there are fewer messages than %zu",
                       server->options.message_count);
    if (!server->options.fault_list && server->options.fault_count > 0)
        return refused(ret_problem, "there are fewer faults than %zu", server->options.fault_count);
    while (server->script_count < LEAT_TESTING_SCRIPTS_MAX &&
           server->options.scripts[server->script_count])
        ++server->script_count;
    if (!options_copy(server))
        return LEAT_E_SYSTEM_INTERNAL;
    int code = options_check(server, ret_problem);
    if (code == LEAT_OK)
        code = leati_dns_table_new(server->options.records, &server->dns, ret_problem);
    if (code == LEAT_OK && server->options.replay_path)
        code = leati_recording_read(server->options.replay_path, &server->recording, ret_problem);
    if (code == LEAT_OK)
        code = leati_testing_faults_configure(server, ret_problem);
    return code == LEAT_OK ? leati_testing_conditions_configure(server, ret_problem) : code;
}

void leati_testing_server_unconfigure(struct leat_testing_server *server)
{
    for (size_t i = 0; i < server->owned_count; ++i)
        leati_free(server->owned[i]);
    leati_free(server->owned);
    leati_free_secret(server->url);
}

/* ---- what clients are told ------------------------------------------------------------------- */

/* RFC 3986 section 2.1; `cap` is enough for three times the text. */
static void percent_encode(const char *text, char *ret_encoded, size_t cap)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    size_t pos = 0;
    ret_encoded[0] = '\0';
    for (; *text != '\0'; ++text) {
        bool is_plain = strchr(plain, *text);
        leati_text_append(ret_encoded, cap, &pos, is_plain ? "%c" : "%%%02X",
                          is_plain ? *text : (int)(uint8_t)*text);
    }
}

/* The spellings that leat takes for a proxy behind a Unix socket, and alike for the others. */
static bool unix_name(struct leat_testing_server *server)
{
    static const char *const schemes[] = {"socks5h+unix:", "http+unix:", "ws+unix:", "unix:"};
    size_t kind = server->options.kind < LEAT_TESTING_SCRIPT ? server->options.kind : 3;
    snprintf(server->address, sizeof(server->address), "%s", server->options.unix_path);
    server->url =
        leati_concat(server->serve ? schemes[1] : schemes[kind], server->options.unix_path);
    return server->url;
}

bool leati_testing_server_name(struct leat_testing_server *server)
{
    const struct leat_testing_options *options = &server->options;
    static const char *const schemes[][2] = {
        {"socks5h", "socks5h"}, {"http", "https"}, {"ws", "wss"},  {"tcp", "tcp"},
        {"tcp", "tls"},         {"udp", "udp"},    {"dns", "dns"}, {"http", "https"},
        {"socks4a", "socks4a"}, {"tcp", "tls"}};
    enum leat_testing_kind kind = server->recording ? server->recording->kind : options->kind;
    const char *host = options->address;
    if (strcmp(host, "0.0.0.0") == 0) {
        host = "127.0.0.1";
    } else if (strcmp(host, "::") == 0) {
        host = "::1";
    }
    bool is_v6 = strchr(host, ':');
    snprintf(server->address, sizeof(server->address), is_v6 ? "[%s]:%u" : "%s:%u", host,
             server->port);
    bool is_proxy = options->kind == LEAT_TESTING_SOCKS5 || options->kind == LEAT_TESTING_CONNECT ||
                    options->kind == LEAT_TESTING_HTTP || options->kind == LEAT_TESTING_SOCKS4;
    bool is_local = options->tls && strcmp(host, "127.0.0.1") == 0;
    char user[3 * 255 + 1] = "", password[3 * 255 + 2] = "";
    if (options->user && is_proxy) {
        percent_encode(options->user, user, sizeof(user));
        if (options->kind != LEAT_TESTING_SOCKS4)
            percent_encode(options->password ? options->password : "", password, sizeof(password));
    }
    if (options->unix_path)
        return unix_name(server);
    char authority[64];
    snprintf(authority, sizeof(authority), "localhost:%u", server->port);
    server->url = leati_asprintf(
        "%s://%s%s%s%s%s%s", schemes[kind][options->tls != NULL], user,
        user[0] && options->kind != LEAT_TESTING_SOCKS4 ? ":" : "", password, user[0] ? "@" : "",
        is_local ? authority : server->address, kind == LEAT_TESTING_WEBSOCKET ? "/" : "");
    leati_wipe(password, sizeof(password));
    return server->url;
}

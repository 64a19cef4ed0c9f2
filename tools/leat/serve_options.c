/* SPDX-License-Identifier: Apache-2.0 */
/* The options of leat serve: rows, setters, and what they own. */
#include "nearest.h"
#include "options.h"
#include "serve.h"
#include "terminal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_WORDS                                                                          \
    "expired|not-yet-valid|wrong-host|no-names|wrong-usage|weak-key|sha1|md5|self-signed|"         \
    "unknown-ca|bad-signature|revoked|missing-intermediate|intermediate-not-ca|"                   \
    "intermediate-cannot-sign|intermediate-expired"

void tool_serve_init(struct tool_serve_state *serve, enum leat_testing_kind kind)
{
    *serve =
        (struct tool_serve_state){.kind = kind, .host = "127.0.0.1", .tls_max = 1, .enough_fd = -1};
}

void tool_serve_done(struct tool_serve_state *serve)
{
    for (size_t i = 0; i < serve->parsed_count; i++)
        leat_testing_faults_free(serve->parsed[i]);
    for (size_t i = 0; i < serve->name_count; i++)
        free((char *)serve->names[i].name);
    free(serve->parsed);
    free(serve->faults);
    free(serve->names);
    free(serve->conditions);
    free(serve->records);
    free(serve->protocols);
}

/* Room for `more` elements and an ending one behind `count`. false: refused. */
static bool array_grow(struct tool_setting *setting, void *array, size_t count, size_t more,
                       size_t size)
{
    void **items = array;
    void *grown = realloc(*items, (count + more + 1) * size);
    if (!grown)
        return tool_refuse(setting, "out of memory");
    *items = grown;
    memset((char *)grown + count * size, 0, (more + 1) * size);
    return true;
}

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* ---- where, how long, what is told ---------------------------------------------------------- */

static bool set_host(struct tool_setting *setting)
{
    if (!is_address(setting->value))
        return tool_refuse(setting, "'%s' is not an IPv4 or IPv6 address",
                           tool_excerpt(setting->value, 60).text);
    return tool_set_string(setting);
}

static bool set_connections(struct tool_setting *setting)
{
    if (!tool_set_u32(setting))
        return false;
    return *(uint32_t *)setting->target > 0 || tool_refuse(setting, "0 is not possible");
}

const struct tool_option tool_serve_options[] = {
    {.name = "host",
     .is_usual = true,
     .argument = "ADDRESS",
     .help = "listen on this address (127.0.0.1)",
     .set = set_host,
     .offset = offsetof(struct tool_serve_state, host)},
    {.name = "port",
     .letter = 'p',
     .is_usual = true,
     .argument = "PORT",
     .value = TOOL_VALUE_NUMBER,
     .help = "listen on this port (0: any free one)",
     .set = tool_set_u32,
     .offset = offsetof(struct tool_serve_state, port),
     .max = 65535},
    {.name = "unix",
     .argument = "PATH",
     .value = TOOL_VALUE_FILE,
     .help = "listen on a Unix socket instead",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, unix_path)},
    {.name = "proxy-header",
     .argument = "WHETHER",
     .value = TOOL_VALUE_WORD,
     .words = "none|allowed|required",
     .help = "a header of the PROXY protocol, v1 or v2",
     .set = tool_set_word,
     .offset = offsetof(struct tool_serve_state, proxy_header)},
    {.name = "log",
     .is_usual = true,
     .help = "write what each connection does to standard error",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, has_log)},
    {.name = "json",
     .is_usual = true,
     .help = "the log as one JSON object for each event",
     .detail =
         "Its members are time_ms (since the start), connection (from 1), step, text, bytes_in "
         "and bytes_out (of the connection so far).",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, is_json)},
    TOOL_SERVE_CAPTURE_OPTIONS(struct tool_serve_state),
    {.name = "diagram",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "write a sequence diagram (Mermaid) at the end",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, diagram)},
    {.name = "once",
     .is_usual = true,
     .help = "end when one connection has ended",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, once)},
    {.name = "connections",
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "end when N connections have ended",
     .set = set_connections,
     .offset = offsetof(struct tool_serve_state, connections)},
    {.name = "until-eof",
     .is_usual = true,
     .help = "end with standard input too",
     .detail = "For a parent that may die: the server ends when the pipe to it is closed.",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, until_eof)},
    {0},
};

/* ---- faults --------------------------------------------------------------------------------- */

static bool fault_step_check(struct tool_setting *setting, enum leat_testing_kind kind,
                             enum leat_testing_step step)
{
    if (leat_testing_kind_has_step(kind, step))
        return true;
    char steps[200] = "";
    size_t len = 0;
    for (enum leat_testing_step s = 0; leat_testing_step_name(s); s++)
        if (leat_testing_kind_has_step(kind, s) && len < sizeof(steps))
            len += (size_t)snprintf(steps + len, sizeof(steps) - len, "%s%s", len ? ", " : "",
                                    leat_testing_step_name(s));
    return tool_refuse(setting, "there is no step %s here; the steps are %s",
                       leat_testing_step_name(step), steps);
}

/* The words of the language, in leat/testing.h. */
static const char fault_words[] =
    "accept|tls|greeting|method|auth|auth-reply|request|head|connect|reply|relay|datagram|upgrade|"
    "message|ping|send|close|proxy|query|then|connection|delay|hold|skip|refuse|split|split-at|"
    "truncate|rate|"
    "drop-after|drop-after-received|shutdown|stall|reset";

/* The word that may have been meant comes first: what could stand there is a long list. */
static bool fault_refuse(struct tool_setting *setting, const struct leat_testing_problem *problem)
{
    char word[48], nearest[48];
    const char *typed = setting->value + problem->position;
    size_t len = strspn(typed, "abcdefghijklmnopqrstuvwxyz-");
    snprintf(word, sizeof(word), "%.*s", (int)len, typed);
    bool is_known = len > 1 && len < sizeof(word) &&
                    tool_nearest_word(word, fault_words, nearest, sizeof(nearest)) &&
                    strcmp(word, nearest) != 0;
    return tool_refuse(setting, "character %zu of '%s': %s%s%s%s", problem->position + 1,
                       tool_excerpt(setting->value, 40).text, is_known ? "did you mean " : "",
                       is_known ? nearest : "", is_known ? "? " : "", problem->text);
}

static bool set_fault(struct tool_setting *setting)
{
    struct tool_serve_state *serve = setting->target;
    struct leat_testing_fault *parsed = NULL;
    struct leat_testing_problem problem = {.text = "out of memory"};
    size_t count = 0;
    if (leat_testing_faults_parse(setting->value, &parsed, &count, &problem) != LEAT_OK)
        return fault_refuse(setting, &problem);
    bool well = array_grow(setting, &serve->parsed, serve->parsed_count, 1, sizeof(parsed)) &&
                array_grow(setting, &serve->faults, serve->fault_count, count, sizeof(*parsed));
    for (size_t i = 0; well && i < count; i++)
        well = fault_step_check(setting, serve->kind, parsed[i].step);
    if (!well) {
        leat_testing_faults_free(parsed);
        return false;
    }
    serve->parsed[serve->parsed_count++] = parsed;
    for (size_t i = 0; i < count; i++)
        serve->faults[serve->fault_count++] = parsed[i];
    return true;
}

static bool set_rate(struct tool_setting *setting)
{
    if (!tool_set_u32(setting))
        return false;
    return *(uint32_t *)setting->target > 0 || tool_refuse(setting, "0 is not possible");
}

const struct tool_option tool_serve_fault_options[] = {
    {.name = "fault",
     .letter = 'f',
     .is_usual = true,
     .argument = "FAULTS",
     .help = "what goes wrong at which step; may be repeated",
     .detail =
         "STEP=ACTION,...;then=ACTION,...: reply=05,01,00,01;then=close answers these bytes, then "
         "ends. Actions: bytes, delay MS, split N, split-at N, truncate N, refuse [N], skip, hold, "
         "stall, shutdown, close, reset, rate N, drop-after N, drop-after-received N. STEP#2 is "
         "the second time, connection=2-5; holds for what follows. The whole language, with its "
         "steps: leat/testing.h. SIGUSR1 lets a connection go on that is on hold.",
     .set = set_fault},
    {.name = "rate",
     .is_usual = true,
     .argument = "BYTES",
     .value = TOOL_VALUE_NUMBER,
     .help = "carry at most so many bytes per second",
     .set = set_rate,
     .offset = offsetof(struct tool_serve_state, rate)},
    {0},
};

/* ---- proxies -------------------------------------------------------------------------------- */

static bool set_resolve(struct tool_setting *setting)
{
    struct tool_serve_state *serve = setting->target;
    const char *equals = strchr(setting->value, '=');
    if (!equals || equals == setting->value)
        return tool_refuse(setting, "not of the form NAME=IP");
    if (equals[1] && !is_address(equals + 1))
        return tool_refuse(setting, "'%s' is not an IPv4 or IPv6 address",
                           tool_excerpt(equals + 1, 60).text);
    if (!array_grow(setting, &serve->names, serve->name_count, 1, sizeof(*serve->names)))
        return false;
    char *name = strndup(setting->value, (size_t)(equals - setting->value));
    if (!name)
        return tool_refuse(setting, "out of memory");
    serve->names[serve->name_count++] = (struct leat_testing_name){name, equals + 1};
    return true;
}

const struct tool_option tool_serve_proxy_options[] = {
    {.name = "user",
     .letter = 'u',
     .is_usual = true,
     .argument = "USER:PASS",
     .help = "whoever comes must name them",
     .detail = "As they are: nothing is escaped here, but the address that is printed, as every "
               "proxy URL, has them with @ as %40, / as %2F, : as %3A, % as %25. A password on the "
               "command line can be seen by other users of the machine.",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, user)},
    {.name = "password-file",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "file whose first line is the password",
     .detail = "Then the address that is printed does not have it.",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, password_path)},
    {.name = "resolve",
     .is_usual = true,
     .argument = "NAME=IP",
     .help = "where a name leads; without IP: nowhere",
     .detail = "May be repeated. * is every name.",
     .set = set_resolve},
    {0},
};

/* ---- TLS, WebSocket ------------------------------------------------------------------------- */

/* Several of the words, separated by commas. */
static bool set_certificate(struct tool_setting *setting)
{
    struct tool_serve_state *serve = setting->target;
    struct leat_testing_problem problem;
    unsigned faults;
    if (leat_testing_certificate_faults_parse(setting->value, &faults, &problem) == LEAT_OK) {
        if (faults & LEAT_TESTING_CERTIFICATE_OTHER_KEY)
            return tool_refuse(setting, "a server cannot be started with other-key");
        serve->certificate_faults = faults;
        serve->has_tls = true;
        return true;
    }
    char word[48], nearest[48];
    const char *typed = setting->value + problem.position;
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(typed, ","), typed);
    if (tool_nearest_word(word, setting->option->words, nearest, sizeof(nearest)))
        return tool_refuse(setting, "'%s' is unknown; did you mean %s?", word, nearest);
    return tool_refuse(setting, "'%s' is not one of %s", word,
                       tool_excerpt(setting->option->words, 240).text);
}

static bool set_protocol(struct tool_setting *setting)
{
    struct tool_serve_state *serve = setting->target;
    if (!array_grow(setting, &serve->protocols, serve->protocol_count, 1, sizeof(char *)))
        return false;
    serve->protocols[serve->protocol_count++] = setting->value;
    return true;
}

const struct tool_option tool_serve_tls_options[] = {
    {.name = "tls",
     .is_usual = true,
     .help = "speak TLS, with a certificate of its own",
     .detail =
         "It is for localhost, 127.0.0.1, ::1 and --host, by a CA of its own whose path is printed "
         "as the second line, \"ca: PATH\". All files are removed at the end.",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, has_tls)},
    {.name = "cert-fault",
     .is_usual = true,
     .argument = "FAULT",
     .value = TOOL_VALUE_WORD,
     .words = CERTIFICATE_WORDS,
     .help = "as --tls, with what is wrong with it",
     .detail = "Several with commas between. With revoked, the third line is \"crl: PATH\".",
     .set = set_certificate},
    {.name = "cert-hosts",
     .argument = "HOST,...",
     .help = "names and addresses in the certificate made",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, cert_hosts)},
    {.name = "cert",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "PEM file of your own certificate chain",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, cert)},
    {.name = "key",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "PEM file of its key, without a password",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, key)},
    {.name = "client-ca",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "demand client certificates of this CA",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, client_ca)},
    {.name = "tickets",
     .help = "let sessions be resumed",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, has_tickets)},
    {.name = "tls-min",
     .argument = "VERSION",
     .value = TOOL_VALUE_WORD,
     .words = "1.2|1.3",
     .help = "lowest version (1.2)",
     .set = tool_set_word,
     .offset = offsetof(struct tool_serve_state, tls_min)},
    {.name = "tls-max",
     .argument = "VERSION",
     .value = TOOL_VALUE_WORD,
     .words = "1.2|1.3",
     .help = "highest version (1.3)",
     .set = tool_set_word,
     .offset = offsetof(struct tool_serve_state, tls_max)},
    {0},
};

const struct tool_option tool_serve_echo_options[] = {
    {.name = "subprotocol",
     .argument = "NAME",
     .help = "speak this subprotocol; may be repeated",
     .set = set_protocol},
    {.name = "deflate",
     .help = "compress messages for clients that offer it",
     .detail = "permessage-deflate (RFC 7692) without context takeover.",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, deflates)},
    {0},
};

/* ---- all together --------------------------------------------------------------------------- */

/* In front of the others: behind a drop-after it would be one of what that does. */
static bool rate_add(struct tool_serve_state *serve)
{
    struct leat_testing_fault *grown =
        realloc(serve->faults, (serve->fault_count + 1) * sizeof(*grown));
    if (!grown)
        return false;
    memmove(grown + 1, grown, serve->fault_count * sizeof(*grown));
    grown[0] = (struct leat_testing_fault){
        .step = LEAT_TESTING_STEP_ACCEPT,
        .action = LEAT_TESTING_ACTION_RATE,
        .number = serve->rate,
    };
    serve->faults = grown;
    serve->fault_count++;
    return true;
}

bool tool_serve_finish(struct tool_serve_state *serve, const struct tool_command *command)
{
    const char *wrong = NULL;
    if ((serve->kind == LEAT_TESTING_TCP || serve->kind == LEAT_TESTING_UDP) && !serve->to)
        wrong = "--to HOST:PORT is missing: where is it to carry to?";
    else if (!serve->cert != !serve->key)
        wrong = "--cert and --key go together";
    else if (serve->cert && (serve->certificate_faults || serve->cert_hosts))
        wrong = "--cert is your certificate; --cert-fault and --cert-hosts are about another one";
    else if (serve->tls_min > serve->tls_max)
        wrong = "--tls-min is above --tls-max";
    else if (serve->once && serve->connections)
        wrong = "--once and --connections are two answers to one question";
    else if (serve->password_path && !serve->user)
        wrong = "--password-file needs --user";
    else if (serve->password_path && strchr(serve->user, ':'))
        wrong = "--user has a password already, so --password-file is too much";
    else if (serve->user && (serve->user[0] == '\0' || serve->user[0] == ':'))
        wrong = "--user: the user's name is empty";
    if (wrong) {
        tool_usage_error(command, "%s", wrong);
        return false;
    }
    if (serve->to_ca || serve->to_name || serve->to_insecure)
        serve->has_to_tls = true;
    if (serve->once)
        serve->connections = 1;
    if (serve->cert || serve->client_ca || serve->cert_hosts)
        serve->has_tls = true;
    if (serve->rate && !rate_add(serve)) {
        tool_usage_error(command, "out of memory");
        return false;
    }
    return true;
}

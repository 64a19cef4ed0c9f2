/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "command.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXTRA_MAX = 16, FIRST_LONG = 256 };

/* What the command line said, before it becomes a configuration. */
struct raw_options {
    const char *cert, *key, *key_password;
    int exit_status; /* -1 = go on */
};

enum common_option {
    OPT_PROXY = FIRST_LONG,
    OPT_CA,
    OPT_CERT,
    OPT_KEY,
    OPT_KEY_PASSWORD,
    OPT_SUBPROTOCOL,
    OPT_INSECURE,
    OPT_TIMEOUT,
    OPT_DNS,
    OPT_KEYLOG,
    OPT_TLS_MIN,
    OPT_TLS_MAX,
    OPT_COMPRESS,
    OPT_REDIRECTS,
    OPT_PIPELINE,
    OPT_EXTRA, /* + index of the command's own option */
};

static const struct {
    struct option option;
    const char *argument;
    const char *help;
} common[] = {
    {{"proxy", required_argument, NULL, OPT_PROXY},
     "URL",                                                                  "socks5h, socks5, http or https://[user:password@]host[:port], system"},
    {{"ca", required_argument, NULL, OPT_CA},
     "PATH",                                                                 "CA file or directory instead of the system's"                        },
    {{"cert", required_argument, NULL, OPT_CERT},                 "FILE",    "client certificate chain (PEM)"                                      },
    {{"key", required_argument, NULL, OPT_KEY},                   "FILE",    "its private key (PEM)"                                               },
    {{"key-password", required_argument, NULL, OPT_KEY_PASSWORD},
     "FILE",                                                                 "first line: its password"                                            },
    {{"header", required_argument, NULL, 'H'},
     "'N: V'",                                                               "add a header to the upgrade request (-H)"                            },
    {{"subprotocol", required_argument, NULL, OPT_SUBPROTOCOL},   "P",       "offer a subprotocol"                                                 },
    {{"insecure", no_argument, NULL, OPT_INSECURE},               NULL,      "do not verify the server's certificate"                              },
    {{"timeout", required_argument, NULL, OPT_TIMEOUT},           "MS",      "deadline of the whole connect"                                       },
    {{"tls-min", required_argument, NULL, OPT_TLS_MIN},           "1.2|1.3", "lowest TLS version"                                                  },
    {{"tls-max", required_argument, NULL, OPT_TLS_MAX},           "1.2|1.3", "highest TLS version"                                                 },
    {{"dns", required_argument, NULL, OPT_DNS},                   "LIST",    "DNS servers, ADDR[:PORT],..."                                        },
    {{"keylog", required_argument, NULL, OPT_KEYLOG},             "FILE",    "append TLS secrets (SSLKEYLOGFILE)"                                  },
    {{"compress", no_argument, NULL, OPT_COMPRESS},               NULL,      "offer permessage-deflate"                                            },
    {{"redirects", required_argument, NULL, OPT_REDIRECTS},       "N",       "follow up to N redirects (0)"                                        },
    {{"pipeline", no_argument, NULL, OPT_PIPELINE},
     NULL,                                                                   "SOCKS5 in one flight, with the first bytes behind it"                },
    {{"help", no_argument, NULL, 'h'},                            NULL,      "this text"                                                           },
};
enum { COMMON_COUNT = sizeof(common) / sizeof(common[0]) };

static void print_option(const char *name, const char *argument, const char *help)
{
    char left[40];
    snprintf(left, sizeof(left), "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
    printf("  %-24s %s\n", left, help);
}

static void print_help(const char *command, const char *summary, const struct tool_option *extra)
{
    printf("usage: leat %s URL [options]\n\n%s\n\noptions:\n", command, summary);
    for (const struct tool_option *o = extra; o->name; o++) {
        char argument[16] = "";
        const char *help = o->help;
        if (o->has_argument) {
            size_t len = strcspn(help, " ");
            snprintf(argument, sizeof(argument), "%.*s", (int)len, help);
            help += len + strspn(help + len, " ");
        }
        print_option(o->name, o->has_argument ? argument : NULL, help);
    }
    for (size_t i = 0; i < COMMON_COUNT; i++)
        print_option(common[i].option.name, common[i].argument, common[i].help);
    printf("\nexit status: 0 = well, 1 = the connection failed, 2 = wrong usage\n");
}

static bool usage_error(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "leat %s: %s%s%s\ntry: leat %s --help\n", command, what, which ? ": " : "",
            which ? which : "", command);
    return false;
}

/* ---- values --------------------------------------------------------------------------- */

static bool parse_u32(const char *s, uint32_t *ret_value)
{
    char *end;
    if (*s < '0' || *s > '9')
        return false;
    unsigned long long value = strtoull(s, &end, 10);
    if (*end || value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

static bool parse_tls(const char *s, enum leat_tls_protocol *ret_protocol)
{
    bool v12 = strcmp(s, "1.2") == 0;
    if (!v12 && strcmp(s, "1.3") != 0)
        return false;
    *ret_protocol = v12 ? LEAT_TLS_V12 : LEAT_TLS_V13;
    return true;
}

static int add_header(leat_config *config, const char *line)
{
    const char *colon = strchr(line, ':');
    if (!colon)
        return LEAT_E_PARAMETER;
    char *name = strndup(line, (size_t)(colon - line));
    if (!name)
        return LEAT_E_SYSTEM_INTERNAL;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    int code = leat_config_add_header(config, name, value);
    free(name);
    return code;
}

/* Passwords come from a file: a command line can be read by everybody on the machine. */
static char *read_first_line(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len = getline(&line, &cap, file);
    fclose(file);
    if (len < 0) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

struct parse_state {
    const char *command;
    leat_config *config;
    const struct tool_option *extra;
    void *user;
    struct raw_options raw;
    enum leat_tls_protocol tls_min, tls_max;
};

/* A setter has refused a value: its reason, and usage. */
static bool accept(struct parse_state *p, int code, const char *value)
{
    if (code == LEAT_OK)
        return true;
    struct leat_error error;
    leat_config_get_error(p->config, &error);
    return usage_error(p->command, error.text[0] ? error.text : leat_strerror(code),
                       error.text[0] ? NULL : value);
}

static bool apply_timeout(struct parse_state *p, const char *value)
{
    uint32_t timeout_ms;
    if (!parse_u32(value, &timeout_ms))
        return usage_error(p->command, "not a number of milliseconds", value);
    return accept(p, leat_config_set_connect_timeout(p->config, timeout_ms), value);
}

static bool apply_redirects(struct parse_state *p, const char *value)
{
    uint32_t redirects;
    if (!parse_u32(value, &redirects))
        return usage_error(p->command, "not a number of redirects", value);
    return accept(p, leat_config_set_max_redirects(p->config, redirects), value);
}

static bool apply_tls(struct parse_state *p, enum leat_tls_protocol *protocol, const char *value)
{
    return parse_tls(value, protocol) || usage_error(p->command, "not 1.2 or 1.3", value);
}

static bool apply(struct parse_state *p, int option, const char *value)
{
    switch (option) {
    case OPT_PROXY:
        return accept(p, leat_config_set_proxy(p->config, value), value);
    case OPT_CA:
        return accept(p, leat_config_set_ca_path(p->config, value), value);
    case OPT_CERT:
        p->raw.cert = value;
        return true;
    case OPT_KEY:
        p->raw.key = value;
        return true;
    case OPT_KEY_PASSWORD:
        p->raw.key_password = value;
        return true;
    case 'H':
        return accept(p, add_header(p->config, value), value);
    case OPT_SUBPROTOCOL:
        return accept(p, leat_config_add_protocol(p->config, value), value);
    case OPT_INSECURE:
        return accept(p, leat_config_set_skip_server_cert_verification(p->config, true), value);
    case OPT_TIMEOUT:
        return apply_timeout(p, value);
    case OPT_DNS:
        return accept(p, leat_config_set_dns_servers(p->config, value), value);
    case OPT_KEYLOG:
        return accept(p, leat_config_set_key_log_path(p->config, value), value);
    case OPT_TLS_MIN:
        return apply_tls(p, &p->tls_min, value);
    case OPT_TLS_MAX:
        return apply_tls(p, &p->tls_max, value);
    case OPT_COMPRESS:
        return accept(
            p,
            leat_config_set_compression(
                p->config, &(struct leat_compression){.size = sizeof(struct leat_compression)}),
            value);
    case OPT_REDIRECTS:
        return apply_redirects(p, value);
    case OPT_PIPELINE:
        return accept(p,
                      leat_config_set_socks5_pipelining(p->config, LEAT_SOCKS5_PIPELINED_WITH_DATA),
                      value);
    default:
        break;
    }
    const struct tool_option *extra = &p->extra[option - OPT_EXTRA];
    return extra->set(value, p->user) ||
           usage_error(p->command, "not a value for this option", extra->name);
}

static bool finish(struct parse_state *p)
{
    char *password = NULL;
    if (p->raw.key_password && !(password = read_first_line(p->raw.key_password)))
        return usage_error(p->command, "the file with the key's password cannot be read",
                           p->raw.key_password);
    int code = leat_config_set_client_cert(p->config, p->raw.cert, p->raw.key, password);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    return accept(p, code, p->raw.cert) &&
           accept(p, leat_config_set_tls_protocols(p->config, p->tls_min, p->tls_max), "--tls-min");
}

static size_t build_long_options(const struct tool_option *extra, struct option *options)
{
    size_t n = 0;
    for (size_t i = 0; i < COMMON_COUNT; i++)
        options[n++] = common[i].option;
    for (int i = 0; extra[i].name && i < EXTRA_MAX; i++)
        options[n++] =
            (struct option){extra[i].name, extra[i].has_argument ? required_argument : no_argument,
                            NULL, OPT_EXTRA + i};
    options[n] = (struct option){0};
    return n;
}

/* true = go on with a URL; false = everything is said, p->raw.exit_status is set. */
static bool parse(struct parse_state *p, int argc, char **argv, const char *summary,
                  const char **ret_url)
{
    struct option options[COMMON_COUNT + EXTRA_MAX + 1];
    build_long_options(p->extra, options);
    p->raw.exit_status = LEAT_EXIT_USAGE;
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":H:h", options, NULL)) != -1;) {
        if (option == 'h') {
            print_help(p->command, summary, p->extra);
            p->raw.exit_status = LEAT_EXIT_OK;
            return false;
        }
        if (option == '?' || option == ':')
            return usage_error(p->command,
                               option == '?' ? "unknown option" : "the option needs a value",
                               argv[optind - 1]);
        if (!apply(p, option, optarg))
            return false;
    }
    if (optind + 1 != argc)
        return usage_error(p->command, optind == argc ? "a URL is missing" : "more than one URL",
                           optind == argc ? NULL : argv[optind + 1]);
    *ret_url = argv[optind];
    return finish(p);
}

int tool_options_parse(int argc, char **argv, const char *summary, const struct tool_option *extra,
                       void *user, struct tool_request *ret_request, bool *ret_done)
{
    struct parse_state p = {
        .command = argv[0],
        .extra = extra,
        .user = user,
        .tls_min = LEAT_TLS_V12,
        .tls_max = LEAT_TLS_V13,
    };
    *ret_done = true;
    *ret_request = (struct tool_request){0};
    if (leat_config_new(&p.config) != LEAT_OK) {
        fprintf(stderr, "leat: out of memory\n");
        return LEAT_EXIT_FAILED;
    }
    if (!parse(&p, argc, argv, summary, &ret_request->url)) {
        leat_config_free(p.config);
        return p.raw.exit_status;
    }
    ret_request->config = p.config;
    *ret_done = false;
    return LEAT_EXIT_OK;
}

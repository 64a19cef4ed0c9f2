/* SPDX-License-Identifier: Apache-2.0 */
/* The options of TLS with the server. */
#include "connection_options.h"

#include "files.h"
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static leat_tls_options *tls_of(struct tool_setting *setting)
{
    return ((struct tool_connection *)setting->target)->tls;
}

/* As tool_connection_accept(), for a setter of leat_tls_options. */
static bool tls_accept(struct tool_setting *setting, int code)
{
    struct leat_error error;
    if (code == LEAT_OK)
        return true;
    leat_tls_options_get_error(tls_of(setting), &error);
    return tool_refuse(setting, "%s", error.text[0] ? error.text : leat_strerror(code));
}

static bool set_ca(struct tool_setting *setting)
{
    ((struct tool_connection *)setting->target)->ca_path = setting->value;
    return tls_accept(setting, leat_tls_options_set_ca_path(tls_of(setting), setting->value));
}

static bool set_crl(struct tool_setting *setting)
{
    struct tool_connection *connection = setting->target;
    if (connection->crl_count == TOOL_CRLS_MAX)
        return tool_refuse(setting, "given more than %d times", TOOL_CRLS_MAX);
    char *text = tool_read_file(setting->value);
    if (!text)
        return tool_refuse(setting, "cannot read it: %s", strerror(errno));
    connection->crls[connection->crl_count++] = text;
    return tls_accept(setting, leat_tls_options_set_crl(connection->tls,
                                                        (const char *const *)connection->crls,
                                                        connection->crl_count));
}

/* As curl has them, with ';' between. */
static bool set_pinned_pubkey(struct tool_setting *setting)
{
    enum { PINS_MAX = 32 };
    const char *pins[PINS_MAX];
    size_t count = 0;
    char *list = strdup(setting->value), *rest = list, *pin;
    while (count < PINS_MAX && (pin = strsep(&rest, ";")) != NULL)
        if (*pin)
            pins[count++] = pin;
    int code = list ? leat_tls_options_set_public_key_pins(tls_of(setting), pins, count)
                    : LEAT_E_SYSTEM_INTERNAL;
    bool is_complete = !rest;
    free(list);
    if (!is_complete || count == 0)
        return tool_refuse(setting, "1 to %d keys are possible", PINS_MAX);
    return tls_accept(setting, code);
}

static bool set_servername(struct tool_setting *setting)
{
    return tls_accept(setting, leat_tls_options_set_server_name(tls_of(setting), setting->value));
}

static bool set_insecure(struct tool_setting *setting)
{
    ((struct tool_connection *)setting->target)->is_insecure = true;
    return tls_accept(setting, leat_tls_options_set_skip_remote_validation(tls_of(setting), true));
}

static bool set_ciphers(struct tool_setting *setting)
{
    ((struct tool_connection *)setting->target)->names_suites = true;
    return tls_accept(setting, leat_tls_options_set_cipher_suite(tls_of(setting), setting->value));
}

static bool set_groups(struct tool_setting *setting)
{
    return tls_accept(setting, leat_tls_options_set_groups(tls_of(setting), setting->value));
}

static bool set_keylog(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_key_log_path(tool_connection_config(setting), setting->value));
}

static bool set_early_data(struct tool_setting *setting)
{
    return tool_connection_accept(
        setting, leat_config_set_early_data(tool_connection_config(setting), true));
}

const struct tool_option tool_tls_options[] = {
    {.name = "ca",
     .aliases = "cacert|cafile",
     .is_usual = true,
     .argument = "PATH",
     .value = TOOL_VALUE_FILE,
     .help = "PEM file or directory of whom to trust",
     .detail = "Instead of the system's certificate authorities.",
     .set = set_ca},
    {.name = "insecure",
     .aliases = "no-check",
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
    {.name = "groups",
     .argument = "LIST",
     .help = "groups of the key exchange: x25519:P-256",
     .detail = "The preferred one first, with ':' between. In TLS 1.2 they are those of "
               "certificates, too.",
     .set = set_groups},
    {.name = "servername",
     .argument = "NAME",
     .help = "name for SNI and the certificate, not the URL's",
     .set = set_servername},
    {.name = "pinned-pubkey",
     .argument = "sha256//BASE64",
     .help = "the only keys that are trusted, ';' between",
     .detail =
         "The SHA-256 of a SubjectPublicKeyInfo, as curl has it: one must be of a certificate "
         "in the verified chain. With --insecure: of the server's own.",
     .set = set_pinned_pubkey},
    {.name = "crl",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "revocation lists of the CAs (PEM)",
     .detail = "May be given several times. A CA without a list is not checked.",
     .set = set_crl},
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

/* SPDX-License-Identifier: Apache-2.0 */
/* The options of TLS sockets, and what their layers are made of. */
#include "config/settings.h"
#include "sockets/tls_private.h"
#include "util/alloc.h"

#include <string.h>

enum role { ROLE_CLIENT, ROLE_SERVER, ROLE_COUNT };

/** Owned strings. */
struct texts {
    char **items;
    size_t count;
};

struct leat_tls_options {
    struct texts ca, cert, crl, pins, alpn;
    char *ca_path;
    char *key;
    char *password;
    char *cipher_suite;
    char *signature_algorithms;
    char *server_name;
    enum leat_tls_protocol min_protocol, max_protocol;
    bool use_remote_cipher_prefer;
    bool is_bidirectional_authentication;
    bool skip_remote_validation;
    bool session_resumption;

    /* Made by the first connection after a change, and shared by those that follow. */
    struct leati_tls_credentials *credentials[ROLE_COUNT];
    struct leati_tls_sessions *sessions;

    struct leati_failure failure; /* of the last setter that failed */
};

/* ---- life --------------------------------------------------------------------------------- */

/* After a change that certificates or sessions depend on. */
static void options_renew(leat_tls_options *options)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        leati_tls_credentials_unref(options->credentials[role]);
        options->credentials[role] = NULL;
    }
    leati_tls_sessions_unref(options->sessions);
    options->sessions = NULL;
}

static void texts_done(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        leati_free_secret(texts->items[i]);
    leati_free(texts->items);
    *texts = (struct texts){0};
}

static bool texts_copy(struct texts *dst, const char *const *items, size_t count)
{
    struct texts copy = {.items = NULL};

    if (count > 0)
        copy.items = leati_calloc(count, sizeof(*copy.items));
    if (count > 0 && !copy.items)
        return false;
    for (copy.count = 0; copy.count < count; copy.count++) {
        copy.items[copy.count] = leati_strdup(items[copy.count]);
        if (!copy.items[copy.count]) {
            texts_done(&copy);
            return false;
        }
    }
    *dst = copy;
    return true;
}

static void options_init(leat_tls_options *options)
{
    options->min_protocol = LEAT_TLS_V12;
    options->max_protocol = LEAT_TLS_V13;
    options->session_resumption = true;
    leati_failure_init(&options->failure);
}

int leat_tls_options_new(leat_tls_options **ret_options)
{
    if (!ret_options)
        return LEAT_E_PARAMETER;
    leat_tls_options *options = leati_calloc(1, sizeof(*options));
    if (!options)
        return LEAT_E_SYSTEM_INTERNAL;
    options_init(options);
    *ret_options = options;
    return LEAT_OK;
}

static void options_done(leat_tls_options *options)
{
    options_renew(options);
    texts_done(&options->ca);
    texts_done(&options->cert);
    texts_done(&options->crl);
    texts_done(&options->pins);
    texts_done(&options->alpn);
    leati_free(options->ca_path);
    leati_free_secret(options->key);
    leati_free_secret(options->password);
    leati_free(options->cipher_suite);
    leati_free(options->signature_algorithms);
    leati_free(options->server_name);
    leati_failure_done(&options->failure);
}

void leat_tls_options_free(leat_tls_options *options)
{
    if (!options)
        return;
    options_done(options);
    leati_free(options);
}

void leat_tls_options_get_error(const leat_tls_options *options, struct leat_error *ret_error)
{
    if (options && ret_error)
        leati_failure_get(&options->failure, ret_error);
}

/* ---- setters -------------------------------------------------------------------------------- */

static int options_refuse(leat_tls_options *options, int code, const char *text)
{
    const struct leati_fault fault = {.code = code, .layer = LEAT_LAYER_TLS};
    return leati_failure_replace(&options->failure, &fault, "%s", text);
}

static int options_no_memory(leat_tls_options *options)
{
    return options_refuse(options, LEAT_E_SYSTEM_INTERNAL, "out of memory");
}

static int set_string(leat_tls_options *options, char **slot, const char *value)
{
    char *copy = value ? leati_strdup(value) : NULL;
    if (value && !copy)
        return options_no_memory(options);
    leati_free_secret(*slot);
    *slot = copy;
    options_renew(options);
    return LEAT_OK;
}

static bool are_texts(const char *const *items, size_t count)
{
    for (size_t i = 0; items && i < count; i++)
        if (!items[i])
            return false;
    return items || count == 0;
}

static int set_texts(leat_tls_options *options, struct texts *slot, const char *const *items,
                     size_t count)
{
    struct texts copy;
    if (!are_texts(items, count))
        return options_refuse(options, LEAT_E_PARAMETER, "a text is NULL");
    if (!texts_copy(&copy, items, count))
        return options_no_memory(options);
    texts_done(slot);
    *slot = copy;
    options_renew(options);
    return LEAT_OK;
}

/* Names and pins are understood, or refused, when they are set. */
static int check_names(leat_tls_options *options, const struct leati_tls_credentials_options *names)
{
    leati_failure_done(&options->failure);
    return leati_tls_credentials_check(names, &options->failure);
}

int leat_tls_options_set_ca(leat_tls_options *options, const char *const *texts, size_t count)
{
    return options ? set_texts(options, &options->ca, texts, count) : LEAT_E_PARAMETER;
}

int leat_tls_options_set_ca_path(leat_tls_options *options, const char *path)
{
    return options ? set_string(options, &options->ca_path, path) : LEAT_E_PARAMETER;
}

int leat_tls_options_set_cert(leat_tls_options *options, const char *const *texts, size_t count,
                              const char *key, const char *password)
{
    if (!options)
        return LEAT_E_PARAMETER;
    if ((count > 0) != (key != NULL))
        return options_refuse(options, LEAT_E_PARAMETER,
                              "a certificate and its key are set together");
    char *key_copy = key ? leati_strdup(key) : NULL;
    char *password_copy = password ? leati_strdup(password) : NULL;
    int code = LEAT_OK;
    if ((key && !key_copy) || (password && !password_copy))
        code = options_no_memory(options);
    if (code == LEAT_OK)
        code = set_texts(options, &options->cert, texts, count);
    if (code != LEAT_OK) {
        leati_free_secret(key_copy);
        leati_free_secret(password_copy);
        return code;
    }
    leati_free_secret(options->key);
    leati_free_secret(options->password);
    options->key = key_copy;
    options->password = password_copy;
    return LEAT_OK;
}

int leat_tls_options_set_crl(leat_tls_options *options, const char *const *texts, size_t count)
{
    return options ? set_texts(options, &options->crl, texts, count) : LEAT_E_PARAMETER;
}

int leat_tls_options_set_public_key_pins(leat_tls_options *options, const char *const *pins,
                                         size_t count)
{
    if (!options)
        return LEAT_E_PARAMETER;
    if (!are_texts(pins, count))
        return options_refuse(options, LEAT_E_PARAMETER, "a text is NULL");
    int code = check_names(
        options, &(struct leati_tls_credentials_options){.pins = pins, .pin_count = count});
    return code == LEAT_OK ? set_texts(options, &options->pins, pins, count) : code;
}

static bool is_protocol(enum leat_tls_protocol protocol)
{
    return protocol == LEAT_TLS_V12 || protocol == LEAT_TLS_V13;
}

int leat_tls_options_set_protocols(leat_tls_options *options, enum leat_tls_protocol min,
                                   enum leat_tls_protocol max)
{
    if (!options)
        return LEAT_E_PARAMETER;
    if (!is_protocol(min) || !is_protocol(max) || min > max)
        return options_refuse(
            options, LEAT_E_PARAMETER,
            "the versions are LEAT_TLS_V12 and LEAT_TLS_V13, the lower one first");
    options->min_protocol = min;
    options->max_protocol = max;
    return LEAT_OK;
}

int leat_tls_options_set_protocol_names(leat_tls_options *options, const char *names)
{
    static const char separators[] = ":, ";
    enum leat_tls_protocol min = LEAT_TLS_V13, max = LEAT_TLS_V12;
    size_t len;
    if (!options || !names)
        return LEAT_E_PARAMETER;
    for (names += strspn(names, separators); *names;
         names += len, names += strspn(names, separators)) {
        len = strcspn(names, separators);
        bool is_12 = len == 7 && memcmp(names, "TLSv1.2", len) == 0;
        if (!is_12 && (len != 7 || memcmp(names, "TLSv1.3", len) != 0))
            return options_refuse(options, LEAT_E_PARAMETER,
                                  "unknown protocol. Known: TLSv1.2 TLSv1.3");
        if (is_12)
            min = LEAT_TLS_V12;
        else
            max = LEAT_TLS_V13;
    }
    if (min > max)
        return options_refuse(options, LEAT_E_PARAMETER,
                              "no protocol is named. Known: TLSv1.2 TLSv1.3");
    return leat_tls_options_set_protocols(options, min, max);
}

int leat_tls_options_set_cipher_suite(leat_tls_options *options, const char *names)
{
    if (!options)
        return LEAT_E_PARAMETER;
    int code =
        check_names(options, &(struct leati_tls_credentials_options){.cipher_suites = names});
    return code == LEAT_OK ? set_string(options, &options->cipher_suite, names) : code;
}

int leat_tls_options_set_signature_algorithms(leat_tls_options *options, const char *names)
{
    if (!options)
        return LEAT_E_PARAMETER;
    int code = check_names(options,
                           &(struct leati_tls_credentials_options){.signature_algorithms = names});
    return code == LEAT_OK ? set_string(options, &options->signature_algorithms, names) : code;
}

int leat_tls_options_set_use_remote_cipher_prefer(leat_tls_options *options, bool prefer)
{
    if (!options)
        return LEAT_E_PARAMETER;
    options->use_remote_cipher_prefer = prefer;
    return LEAT_OK;
}

int leat_tls_options_set_is_bidirectional_authentication(leat_tls_options *options,
                                                         bool bidirectional)
{
    if (!options)
        return LEAT_E_PARAMETER;
    options->is_bidirectional_authentication = bidirectional;
    options_renew(options);
    return LEAT_OK;
}

int leat_tls_options_set_alpn_protocols(leat_tls_options *options, const char *const *protocols,
                                        size_t count)
{
    if (!options)
        return LEAT_E_PARAMETER;
    if (!are_texts(protocols, count))
        return options_refuse(options, LEAT_E_PARAMETER, "a text is NULL");
    int code = check_names(
        options, &(struct leati_tls_credentials_options){.alpn = protocols, .alpn_count = count});
    return code == LEAT_OK ? set_texts(options, &options->alpn, protocols, count) : code;
}

int leat_tls_options_set_skip_remote_validation(leat_tls_options *options, bool skip)
{
    if (!options)
        return LEAT_E_PARAMETER;
    options->skip_remote_validation = skip;
    options_renew(options);
    return LEAT_OK;
}

int leat_tls_options_set_server_name(leat_tls_options *options, const char *name)
{
    if (!options)
        return LEAT_E_PARAMETER;
    if (name && !*name)
        return options_refuse(options, LEAT_E_PARAMETER, "the server name is empty");
    return set_string(options, &options->server_name, name);
}

int leat_tls_options_set_session_resumption(leat_tls_options *options, bool resume)
{
    if (!options)
        return LEAT_E_PARAMETER;
    options->session_resumption = resume;
    return LEAT_OK;
}

/* ---- setups -----------------------------------------------------------------------------------
 */

#define TEXTS(texts) (const char *const *)(texts).items

static int options_credentials(leat_tls_options *options, enum role role,
                               struct leati_failure *failure)
{
    bool verifies = role == ROLE_SERVER ? options->is_bidirectional_authentication
                                        : !options->skip_remote_validation;
    const struct leati_tls_credentials_options source = {
        .ca_path = options->ca_path,
        .ca_texts = TEXTS(options->ca),
        .ca_text_count = options->ca.count,
        .cert_texts = TEXTS(options->cert),
        .cert_text_count = options->cert.count,
        .key_text = options->key,
        .key_password = options->password,
        .crl_texts = TEXTS(options->crl),
        .crl_text_count = options->crl.count,
        .pins = TEXTS(options->pins),
        .pin_count = options->pins.count,
        .alpn = TEXTS(options->alpn),
        .alpn_count = options->alpn.count,
        .cipher_suites = options->cipher_suite,
        .signature_algorithms = options->signature_algorithms,
        .need_ca = verifies,
        .is_server = role == ROLE_SERVER,
    };
    if (options->credentials[role])
        return LEAT_OK;
    return leati_tls_credentials_new(&source, failure, &options->credentials[role]);
}

/* Without memory there is just no resumption. */
static struct leati_tls_sessions *options_sessions(leat_tls_options *options)
{
    if (!options->session_resumption)
        return NULL;
    if (!options->sessions)
        options->sessions = leati_tls_sessions_new();
    return options->sessions ? leati_tls_sessions_ref(options->sessions) : NULL;
}

static int no_memory(struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_TLS};
    return leati_failure_set(failure, &fault, "out of memory");
}

/* What both roles have. */
static int setup_begin(struct leati_tls_setup *setup, leat_tls_options *options, enum role role,
                       const struct leati_settings *settings, struct leati_failure *failure)
{
    int code = options_credentials(options, role, failure);
    if (code != LEAT_OK)
        return code;
    setup->options = (struct leati_tls_layer_options){
        .is_server = role == ROLE_SERVER,
        .credentials = leati_tls_credentials_ref(options->credentials[role]),
        .min_protocol = options->min_protocol,
        .max_protocol = options->max_protocol,
        .keep_peer_certificate = true,
        .timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_TLS],
        .close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE],
    };
    if (!leati_strdup_optional(&setup->key_log_path, settings->key_log_path))
        return no_memory(failure);
    setup->options.key_log_path = setup->key_log_path;
    return LEAT_OK;
}

static int setup_fill_client(struct leati_tls_setup *setup, leat_tls_options *options,
                             const char *address, uint16_t port,
                             const struct leati_settings *settings, struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_TLS};
    if (options->is_bidirectional_authentication && options->cert.count == 0)
        return leati_failure_set(failure, &fault,
                                 "bidirectional authentication needs a certificate of our own");
    int code = setup_begin(setup, options, ROLE_CLIENT, settings, failure);
    if (code != LEAT_OK)
        return code;
    setup->server_name = leati_strdup(options->server_name ? options->server_name : address);
    if (!setup->server_name)
        return no_memory(failure);
    setup->options.server_name = setup->server_name;
    setup->options.server_port = port;
    setup->options.verify = !options->skip_remote_validation;
    setup->options.sessions = options_sessions(options);
    return LEAT_OK;
}

/* A session of TLS 1.3 that is resumed has no client certificate that the program could ask for, so
 * servers that demand one give out no tickets. */
static int setup_fill_server(struct leati_tls_setup *setup, leat_tls_options *options,
                             const struct leati_settings *settings, struct leati_failure *failure)
{
    int code = setup_begin(setup, options, ROLE_SERVER, settings, failure);
    setup->options.client_verification = options->is_bidirectional_authentication
                                             ? LEAT_CLIENT_VERIFICATION_REQUIRED
                                             : LEAT_CLIENT_VERIFICATION_NONE;
    setup->options.tickets =
        options->session_resumption && !options->is_bidirectional_authentication;
    setup->options.prefer_remote_ciphers = options->use_remote_cipher_prefer;
    return code;
}

/* What stands for the arguments that the caller left out, and what the configuration says. */
struct defaults {
    leat_tls_options options;
    const struct leati_settings *settings;
};

static int defaults_take(struct defaults *defaults, leat_tls_options **options,
                         const leat_config *config, struct leati_failure *failure)
{
    *defaults = (struct defaults){.settings = NULL};
    options_init(&defaults->options);
    if (!*options)
        *options = &defaults->options;
    return leati_settings_of(config, failure, &defaults->settings);
}

static void defaults_drop(struct defaults *defaults)
{
    options_done(&defaults->options);
    leati_settings_unref(defaults->settings);
}

int leati_tls_setup_client(struct leati_tls_setup *setup, leat_tls_options *options,
                           const char *address, uint16_t port, const leat_config *config,
                           struct leati_failure *failure)
{
    struct defaults defaults;
    *setup = (struct leati_tls_setup){.server_name = NULL};
    int code = defaults_take(&defaults, &options, config, failure);
    if (code == LEAT_OK)
        code = setup_fill_client(setup, options, address, port, defaults.settings, failure);
    if (code != LEAT_OK)
        leati_tls_setup_done(setup);
    defaults_drop(&defaults);
    return code;
}

int leati_tls_setup_server(struct leati_tls_setup *setup, leat_tls_options *options,
                           const leat_config *config, struct leati_failure *failure)
{
    struct defaults defaults;
    *setup = (struct leati_tls_setup){.server_name = NULL};
    int code = defaults_take(&defaults, &options, config, failure);
    if (code == LEAT_OK)
        code = setup_fill_server(setup, options, defaults.settings, failure);
    if (code != LEAT_OK)
        leati_tls_setup_done(setup);
    defaults_drop(&defaults);
    return code;
}

void leati_tls_setup_done(struct leati_tls_setup *setup)
{
    leati_tls_credentials_unref(setup->options.credentials);
    leati_tls_sessions_unref(setup->options.sessions);
    leati_free(setup->server_name);
    leati_free(setup->key_log_path);
    *setup = (struct leati_tls_setup){.server_name = NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From the options of TLS sockets to what their layers are made of. */
#include "config/settings.h"
#include "config/tls_options.h"
#include "sockets/tls_private.h"
#include "util/alloc.h"

static int no_memory(struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_TLS};
    return leati_failure_set(failure, &fault, "out of memory");
}

static int setup_take_credentials(struct leati_tls_setup *setup, leat_tls_options *options,
                                  enum leati_tls_role role, struct leati_failure *failure)
{
    const struct leati_tls_values *values = options->values;
    bool is_server = role == LEATI_TLS_ROLE_SERVER;
    bool verifies = is_server ? values->bidirectional : !values->skip_verification;
    const struct leati_tls_credentials_options source =
        leati_tls_values_credentials(values, role, verifies);
    struct leati_tls_shared *shared = leati_tls_options_shared(options);
    if (!shared)
        return no_memory(failure);
    return leati_tls_shared_credentials(
        shared, is_server ? LEATI_TLS_SHARED_SERVER : LEATI_TLS_SHARED_ORIGIN, &source, failure,
        &setup->options.credentials);
}

/* What both roles have. */
static int setup_begin(struct leati_tls_setup *setup, leat_tls_options *options,
                       enum leati_tls_role role, const struct leati_settings *settings,
                       struct leati_failure *failure)
{
    setup->options = (struct leati_tls_layer_options){
        .is_server = role == LEATI_TLS_ROLE_SERVER,
        .min_protocol = options->values->min_protocol,
        .max_protocol = options->values->max_protocol,
        .verify_fn = options->values->verify_fn,
        .verify_user = options->values->verify_user,
        .keep_peer_certificate = true,
        .timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_TLS],
        .close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE],
    };
    int code = setup_take_credentials(setup, options, role, failure);
    if (code != LEAT_OK)
        return code;
    if (!leati_strdup_optional(&setup->key_log_path, settings->key_log_path))
        return no_memory(failure);
    setup->options.key_log_path = setup->key_log_path;
    return LEAT_OK;
}

static int setup_fill_client(struct leati_tls_setup *setup, leat_tls_options *options,
                             const char *address, uint16_t port,
                             const struct leati_settings *settings, struct leati_failure *failure)
{
    const struct leati_tls_values *values = options->values;
    int code = leati_tls_options_check(options, failure);
    if (code == LEAT_OK)
        code = leati_tls_values_check_client(values, failure);
    if (code == LEAT_OK)
        code = setup_begin(setup, options, LEATI_TLS_ROLE_CLIENT, settings, failure);
    if (code != LEAT_OK)
        return code;
    setup->server_name = leati_strdup(values->server_name ? values->server_name : address);
    if (!setup->server_name)
        return no_memory(failure);
    setup->options.server_name = setup->server_name;
    setup->options.server_port = port;
    setup->options.verify = !values->skip_verification;
    /* Without memory there is just no resumption. */
    if (values->session_resumption)
        setup->options.sessions = leati_tls_shared_sessions(options->shared);
    return LEAT_OK;
}

static int setup_fill_server(struct leati_tls_setup *setup, leat_tls_options *options,
                             const struct leati_settings *settings, struct leati_failure *failure)
{
    const struct leati_tls_values *values = options->values;
    int code = leati_tls_options_check(options, failure);
    if (code == LEAT_OK)
        code = setup_begin(setup, options, LEATI_TLS_ROLE_SERVER, settings, failure);
    setup->options.client_verification =
        values->bidirectional ? LEAT_CLIENT_VERIFICATION_REQUIRED : LEAT_CLIENT_VERIFICATION_NONE;
    setup->options.tickets = values->session_resumption;
    setup->options.prefer_remote_ciphers = values->prefer_remote_ciphers;
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
    defaults->settings = NULL;
    leati_tls_options_init(&defaults->options);
    if (!*options)
        *options = &defaults->options;
    return leati_settings_of(config, failure, &defaults->settings);
}

static void defaults_drop(struct defaults *defaults)
{
    leati_tls_options_done(&defaults->options);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "util/alloc.h"

#include <stddef.h>
#include <string.h>

static const uint32_t default_phase_timeout_ms[LEAT_PHASE_COUNT] = {
    [LEAT_PHASE_DNS] = 10000, [LEAT_PHASE_TCP] = 20000,     [LEAT_PHASE_PROXY] = 10000,
    [LEAT_PHASE_TLS] = 15000, [LEAT_PHASE_UPGRADE] = 15000, [LEAT_PHASE_CLOSE] = 5000,
};

/* ---- life -------------------------------------------------------------------------- */

int leati_settings_new(struct leati_settings **ret_settings)
{
    struct leati_settings *settings = leati_calloc(1, sizeof(*settings));
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->tls_shared = leati_tls_shared_new();
    if (!settings->tls_shared) {
        leati_free(settings);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    atomic_init(&settings->refs, 1);
    settings->session_resumption = true;
    settings->min_tls_protocol = LEAT_TLS_V12;
    settings->max_tls_protocol = LEAT_TLS_V13;
    settings->connect_timeout_ms = 30000;
    memcpy(settings->phase_timeout_ms, default_phase_timeout_ms, sizeof(default_phase_timeout_ms));
    settings->max_clients = LEATI_CONFIG_DEFAULT_MAX_CLIENTS;
    settings->ping_interval_ms = 30000;
    settings->pong_timeout_ms = 30000;
    settings->max_message_bytes = LEATI_CONFIG_DEFAULT_MAX_MESSAGE_BYTES;
    settings->send_queue_limit_bytes = LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES;
    leati_domain_policy_init(&settings->domain_policy);
    *ret_settings = settings;
    return LEAT_OK;
}

static void cert_files_done(struct leati_cert_files *files)
{
    leati_free(files->cert_path);
    leati_free(files->key_path);
    leati_free_secret(files->key_password);
    *files = (struct leati_cert_files){0};
}

static bool cert_files_copy(struct leati_cert_files *dst, const struct leati_cert_files *src)
{
    return leati_strdup_optional(&dst->cert_path, src->cert_path) &&
           leati_strdup_optional(&dst->key_path, src->key_path) &&
           leati_strdup_optional(&dst->key_password, src->key_password);
}

static void settings_free(struct leati_settings *settings)
{
    leati_settings_clear_network(settings);
    leati_settings_clear_request(settings);
    leati_free(settings->ca_path);
    leati_free(settings->key_log_path);
    cert_files_done(&settings->client_cert);
    cert_files_done(&settings->server_cert);
    leati_tls_shared_unref(settings->tls_shared);
    leati_free(settings);
}

/* The values come over as a whole, so that none can be forgotten. */
struct leati_settings *leati_settings_clone(const struct leati_settings *settings)
{
    const size_t values = offsetof(struct leati_settings, LEATI_SETTINGS_OWNED);
    struct leati_settings *clone = leati_calloc(1, sizeof(*clone));
    if (!clone)
        return NULL;
    memcpy(clone, settings, values);
    atomic_init(&clone->refs, 1);
    leati_domain_policy_init(&clone->domain_policy);
    clone->tls_shared = leati_tls_shared_ref(settings->tls_shared);
    if (!leati_settings_copy_network(clone, settings) ||
        !leati_settings_copy_request(clone, settings) ||
        !leati_strdup_optional(&clone->ca_path, settings->ca_path) ||
        !leati_strdup_optional(&clone->key_log_path, settings->key_log_path) ||
        !cert_files_copy(&clone->client_cert, &settings->client_cert) ||
        !cert_files_copy(&clone->server_cert, &settings->server_cert)) {
        settings_free(clone);
        return NULL;
    }
    return clone;
}

const struct leati_settings *leati_settings_ref(const struct leati_settings *settings)
{
    struct leati_settings *counted = (struct leati_settings *)(uintptr_t)settings;
    atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return settings;
}

void leati_settings_unref(const struct leati_settings *settings)
{
    struct leati_settings *counted = (struct leati_settings *)(uintptr_t)settings;
    if (counted && atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) == 1)
        settings_free(counted);
}

int leati_settings_of(const leat_config *config, const struct leati_settings **ret_settings)
{
    if (config) {
        *ret_settings = leati_settings_ref(config->settings);
        return LEAT_OK;
    }
    struct leati_settings *defaults;
    int code = leati_settings_new(&defaults);
    if (code == LEAT_OK)
        *ret_settings = defaults;
    return code;
}

/* ---- the handle -------------------------------------------------------------------- */

int leat_config_new(leat_config **ret_config)
{
    if (!ret_config)
        return LEAT_E_PARAMETER;
    leat_config *config = leati_calloc(1, sizeof(*config));
    if (!config)
        return LEAT_E_SYSTEM_INTERNAL;
    if (leati_settings_new(&config->settings) != LEAT_OK) {
        leati_free(config);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    leati_failure_init(&config->failure);
    *ret_config = config;
    return LEAT_OK;
}

int leat_config_copy(const leat_config *config, leat_config **ret_copy)
{
    if (!config || !ret_copy)
        return LEAT_E_PARAMETER;
    leat_config *copy = leati_calloc(1, sizeof(*copy));
    if (!copy)
        return LEAT_E_SYSTEM_INTERNAL;
    copy->settings = (struct leati_settings *)(uintptr_t)leati_settings_ref(config->settings);
    leati_failure_init(&copy->failure);
    *ret_copy = copy;
    return LEAT_OK;
}

void leat_config_free(leat_config *config)
{
    if (!config)
        return;
    leati_settings_unref(config->settings);
    leati_failure_done(&config->failure);
    leati_free(config);
}

void leat_config_get_error(const leat_config *config, struct leat_error *ret_error)
{
    if (config && ret_error)
        leati_failure_get(&config->failure, ret_error);
}

int leati_config_refuse(leat_config *config, int code, const char *text)
{
    leati_failure_done(&config->failure);
    leati_failure_init(&config->failure);
    return leati_failure_set(&config->failure, &(struct leati_fault){.code = code}, "%s", text);
}

int leati_config_no_memory(leat_config *config)
{
    return leati_config_refuse(config, LEAT_E_SYSTEM_INTERNAL, "out of memory");
}

struct leati_settings *leati_config_edit(leat_config *config)
{
    if (atomic_load_explicit(&config->settings->refs, memory_order_acquire) == 1)
        return config->settings;
    struct leati_settings *own = leati_settings_clone(config->settings);
    if (!own) {
        leati_config_no_memory(config);
        return NULL;
    }
    leati_settings_unref(config->settings);
    config->settings = own;
    return own;
}

/* ---- TLS --------------------------------------------------------------------------- */

/* What was parsed for the old paths must not serve the new ones. */
static int settings_renew_tls(leat_config *config, struct leati_settings *settings)
{
    struct leati_tls_shared *fresh = leati_tls_shared_new();
    if (!fresh)
        return leati_config_no_memory(config);
    leati_tls_shared_unref(settings->tls_shared);
    settings->tls_shared = fresh;
    return LEAT_OK;
}

int leat_config_set_ca_path(leat_config *config, const char *path)
{
    char *copy;
    if (!config)
        return LEAT_E_PARAMETER;
    if (path && !*path)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the CA path is empty");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!leati_strdup_optional(&copy, path))
        return leati_config_no_memory(config);
    int code = settings_renew_tls(config, settings);
    char *unused = code == LEAT_OK ? settings->ca_path : copy;
    if (code == LEAT_OK)
        settings->ca_path = copy;
    leati_free(unused);
    return code;
}

int leat_config_set_skip_server_cert_verification(leat_config *config, bool skip)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    int code = settings ? settings_renew_tls(config, settings) : LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK)
        settings->skip_server_cert_verification = skip;
    return code;
}

static int config_set_cert(leat_config *config, size_t offset, struct leati_cert_files value)
{
    struct leati_cert_files copy = {0};
    if (!config)
        return LEAT_E_PARAMETER;
    if (!value.cert_path != !value.key_path)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "a certificate needs both its file and the file of its key");
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    struct leati_cert_files *files = (struct leati_cert_files *)((char *)settings + offset);
    int code = cert_files_copy(&copy, &value) ? settings_renew_tls(config, settings)
                                              : leati_config_no_memory(config);
    struct leati_cert_files unused = code == LEAT_OK ? *files : copy;
    if (code == LEAT_OK)
        *files = copy;
    cert_files_done(&unused);
    return code;
}

int leat_config_set_client_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    return config_set_cert(
        config, offsetof(struct leati_settings, client_cert),
        (struct leati_cert_files){(char *)cert_path, (char *)key_path, (char *)key_password});
}

int leat_config_set_server_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    return config_set_cert(
        config, offsetof(struct leati_settings, server_cert),
        (struct leati_cert_files){(char *)cert_path, (char *)key_path, (char *)key_password});
}

/* The CAs, and no certificate of ours. */
static int anonymous_tls(const struct leati_settings *settings, enum leati_tls_shared_role role,
                         struct leati_failure *failure,
                         struct leati_tls_credentials **ret_credentials)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = settings->ca_path,
        .need_ca = !settings->skip_server_cert_verification,
    };
    return leati_tls_shared_credentials(settings->tls_shared, role, &options, failure,
                                        ret_credentials);
}

int leati_settings_anonymous_tls(const struct leati_settings *settings,
                                 struct leati_failure *failure,
                                 struct leati_tls_credentials **ret_credentials)
{
    return anonymous_tls(settings, LEATI_TLS_SHARED_ANONYMOUS, failure, ret_credentials);
}

int leati_settings_proxy_tls(const struct leati_settings *settings, struct leati_failure *failure,
                             struct leati_tls_credentials **ret_credentials)
{
    return anonymous_tls(settings, LEATI_TLS_SHARED_PROXY, failure, ret_credentials);
}

int leati_settings_tls(const struct leati_settings *settings, struct leati_failure *failure,
                       struct leati_tls_credentials **ret_credentials,
                       struct leati_tls_sessions **ret_sessions)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = settings->ca_path,
        .cert_path = settings->client_cert.cert_path,
        .key_path = settings->client_cert.key_path,
        .key_password = settings->client_cert.key_password,
        .need_ca = !settings->skip_server_cert_verification,
    };
    int code = leati_tls_shared_credentials(settings->tls_shared, LEATI_TLS_SHARED_ORIGIN, &options,
                                            failure, ret_credentials);
    if (code != LEAT_OK)
        return code;
    *ret_sessions =
        settings->session_resumption ? leati_tls_shared_sessions(settings->tls_shared) : NULL;
    return LEAT_OK;
}

int leati_settings_server_tls(const struct leati_settings *settings, struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = settings->ca_path,
        .cert_path = settings->server_cert.cert_path,
        .key_path = settings->server_cert.key_path,
        .key_password = settings->server_cert.key_password,
        .need_ca = settings->client_verification != LEAT_CLIENT_VERIFICATION_NONE,
        .is_server = true,
    };
    const enum leati_tls_shared_role role =
        options.need_ca ? LEATI_TLS_SHARED_VERIFYING_SERVER : LEATI_TLS_SHARED_SERVER;
    return leati_tls_shared_credentials(settings->tls_shared, role, &options, failure,
                                        ret_credentials);
}

struct leati_admission_limits
leati_settings_admission_limits(const struct leati_settings *settings)
{
    return (struct leati_admission_limits){
        .open = settings->max_clients,
        .open_of_one = settings->max_clients_per_address ? settings->max_clients_per_address
                                                         : LEATI_CONFIG_DEFAULT_MAX_CLIENTS_OF_ONE,
    };
}

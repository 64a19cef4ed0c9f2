/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "util/alloc.h"

#include <string.h>

static const uint32_t default_phase_timeout_ms[LEAT_PHASE_COUNT] = {
    [LEAT_PHASE_DNS] = 10000, [LEAT_PHASE_TCP] = 20000,     [LEAT_PHASE_PROXY] = 10000,
    [LEAT_PHASE_TLS] = 15000, [LEAT_PHASE_UPGRADE] = 15000, [LEAT_PHASE_CLOSE] = 5000,
};

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

int leat_config_new(leat_config **ret_config)
{
    if (!ret_config)
        return LEAT_E_PARAMETER;
    leat_config *config = leati_calloc(1, sizeof(*config));
    if (!config)
        return LEAT_E_SYSTEM_INTERNAL;
    config->tls_shared = leati_tls_shared_new();
    if (!config->tls_shared) {
        leati_free(config);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    config->session_resumption = true;
    config->min_tls_protocol = LEAT_TLS_V12;
    config->max_tls_protocol = LEAT_TLS_V13;
    config->connect_timeout_ms = 30000;
    memcpy(config->phase_timeout_ms, default_phase_timeout_ms, sizeof(default_phase_timeout_ms));
    config->max_clients = LEATI_CONFIG_DEFAULT_MAX_CLIENTS;
    config->ping_interval_ms = 30000;
    config->pong_timeout_ms = 30000;
    config->max_message_bytes = LEATI_CONFIG_DEFAULT_MAX_MESSAGE_BYTES;
    config->send_queue_limit_bytes = LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES;
    leati_domain_policy_init(&config->domain_policy);
    leati_failure_init(&config->failure);
    *ret_config = config;
    return LEAT_OK;
}

void leat_config_free(leat_config *config)
{
    if (!config)
        return;
    leati_config_clear_network(config);
    leati_config_clear_server(config);
    leati_free(config->ca_path);
    leati_cert_files_done(&config->client_cert);
    leati_free(config->key_log_path);
    leati_tls_shared_unref(config->tls_shared);
    leati_config_clear_request(config);
    leati_failure_done(&config->failure);
    leati_free(config);
}

bool leati_copy_optional(char **dst, const char *src)
{
    *dst = src ? leati_strdup(src) : NULL;
    return !src || *dst;
}

static bool copy_strings(leat_config *dst, const leat_config *src)
{
    return leati_copy_optional(&dst->ca_path, src->ca_path) &&
           leati_cert_files_copy(&dst->client_cert, &src->client_cert) &&
           leati_copy_optional(&dst->key_log_path, src->key_log_path);
}

int leat_config_copy(const leat_config *config, leat_config **ret_copy)
{
    if (!config || !ret_copy)
        return LEAT_E_PARAMETER;
    leat_config *copy = leati_calloc(1, sizeof(*copy));
    if (!copy)
        return LEAT_E_SYSTEM_INTERNAL;
    copy->skip_server_cert_verification = config->skip_server_cert_verification;
    copy->session_resumption = config->session_resumption;
    copy->early_data = config->early_data;
    copy->min_tls_protocol = config->min_tls_protocol;
    copy->max_tls_protocol = config->max_tls_protocol;
    copy->tls_shared = leati_tls_shared_ref(config->tls_shared);
    copy->max_redirects = config->max_redirects;
    copy->connect_timeout_ms = config->connect_timeout_ms;
    memcpy(copy->phase_timeout_ms, config->phase_timeout_ms, sizeof(config->phase_timeout_ms));
    copy->send_timeout_ms = config->send_timeout_ms;
    copy->ping_interval_ms = config->ping_interval_ms;
    copy->pong_timeout_ms = config->pong_timeout_ms;
    copy->compresses = config->compresses;
    copy->compression = config->compression;
    copy->max_message_bytes = config->max_message_bytes;
    copy->max_message_is_set = config->max_message_is_set;
    copy->send_queue_messages = config->send_queue_messages;
    copy->send_queue_limit_bytes = config->send_queue_limit_bytes;
    copy->tracer = config->tracer;
    leati_domain_policy_init(&copy->domain_policy);
    leati_failure_init(&copy->failure);
    if (!copy_strings(copy, config) || !leati_config_copy_network(copy, config) ||
        !leati_config_copy_server(copy, config) || !leati_config_copy_request(copy, config)) {
        leat_config_free(copy);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    *ret_copy = copy;
    return LEAT_OK;
}

void leat_config_get_error(const leat_config *config, struct leat_error *ret_error)
{
    if (config && ret_error)
        leati_failure_get(&config->failure, ret_error);
}

int leati_config_set_string(leat_config *config, char **slot, const char *value)
{
    char *copy;
    if (!leati_copy_optional(&copy, value))
        return leati_config_no_memory(config);
    leati_free_secret(*slot);
    *slot = copy;
    return LEAT_OK;
}

/* What was parsed for the old paths must not serve the new ones. */
static int config_renew_tls(leat_config *config)
{
    struct leati_tls_shared *fresh = leati_tls_shared_new();
    if (!fresh)
        return leati_config_no_memory(config);
    leati_tls_shared_unref(config->tls_shared);
    config->tls_shared = fresh;
    return LEAT_OK;
}

int leat_config_set_ca_path(leat_config *config, const char *path)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (path && !*path)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the CA path is empty");
    int code = leati_config_set_string(config, &config->ca_path, path);
    return code != LEAT_OK ? code : config_renew_tls(config);
}

void leati_cert_files_done(struct leati_cert_files *files)
{
    leati_free(files->cert_path);
    leati_free(files->key_path);
    leati_free_secret(files->key_password);
    *files = (struct leati_cert_files){0};
}

bool leati_cert_files_copy(struct leati_cert_files *dst, const struct leati_cert_files *src)
{
    return leati_copy_optional(&dst->cert_path, src->cert_path) &&
           leati_copy_optional(&dst->key_path, src->key_path) &&
           leati_copy_optional(&dst->key_password, src->key_password);
}

int leati_config_set_cert_files(leat_config *config, struct leati_cert_files *files,
                                const char *cert_path, const char *key_path,
                                const char *key_password)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!cert_path != !key_path)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "a certificate needs both its file and the file of its key");
    struct leati_cert_files copy = {0};
    if (!leati_copy_optional(&copy.cert_path, cert_path) ||
        !leati_copy_optional(&copy.key_path, key_path) ||
        !leati_copy_optional(&copy.key_password, key_password)) {
        leati_cert_files_done(&copy);
        return leati_config_no_memory(config);
    }
    int code = config_renew_tls(config);
    struct leati_cert_files unused = code == LEAT_OK ? *files : copy;
    if (code == LEAT_OK)
        *files = copy;
    leati_cert_files_done(&unused);
    return code;
}

int leat_config_set_client_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    return leati_config_set_cert_files(config, config ? &config->client_cert : NULL, cert_path,
                                       key_path, key_password);
}

int leat_config_set_skip_server_cert_verification(leat_config *config, bool skip)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->skip_server_cert_verification = skip;
    return config_renew_tls(config);
}

int leat_config_set_tls_protocols(leat_config *config, enum leat_tls_protocol min,
                                  enum leat_tls_protocol max)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((min != LEAT_TLS_V12 && min != LEAT_TLS_V13) ||
        (max != LEAT_TLS_V12 && max != LEAT_TLS_V13) || min > max)
        return leati_config_refuse(config, LEAT_E_PARAMETER,
                                   "TLS versions are 1.2 and 1.3, the lower one first");
    config->min_tls_protocol = min;
    config->max_tls_protocol = max;
    return LEAT_OK;
}

int leat_config_set_early_data(leat_config *config, bool early_data)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->early_data = early_data;
    return LEAT_OK;
}

int leat_config_set_session_resumption(leat_config *config, bool resume)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->session_resumption = resume;
    return LEAT_OK;
}

int leat_config_set_key_log_path(leat_config *config, const char *path)
{
    if (!config)
        return LEAT_E_PARAMETER;
    return leati_config_set_string(config, &config->key_log_path, path);
}

int leat_config_set_max_redirects(leat_config *config, unsigned redirects)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (redirects > LEATI_CONFIG_MAX_REDIRECTS)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "more than 20 redirects");
    config->max_redirects = redirects;
    return LEAT_OK;
}

int leati_config_drop_credentials(leat_config *config)
{
    leati_config_drop_header(config, "Authorization");
    leati_config_drop_header(config, "Cookie");
    return config->client_cert.cert_path
               ? leati_config_set_cert_files(config, &config->client_cert, NULL, NULL, NULL)
               : LEAT_OK;
}

int leat_config_set_connect_timeout(leat_config *config, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->connect_timeout_ms = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_phase_timeout(leat_config *config, enum leat_phase phase, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((unsigned)phase >= LEAT_PHASE_COUNT)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "there is no such phase");
    config->phase_timeout_ms[phase] = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_send_timeout(leat_config *config, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->send_timeout_ms = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_ping_interval(leat_config *config, uint32_t interval_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->ping_interval_ms = interval_ms;
    return LEAT_OK;
}

int leat_config_set_pong_timeout(leat_config *config, uint32_t timeout_ms)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->pong_timeout_ms = timeout_ms;
    return LEAT_OK;
}

int leat_config_set_max_message_bytes(leat_config *config, size_t bytes)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (bytes == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the longest message has 0 bytes");
    config->max_message_bytes = bytes;
    config->max_message_is_set = true;
    return LEAT_OK;
}

int leat_config_set_send_queue_limit(leat_config *config, size_t bytes)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (bytes == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "the send queue has 0 bytes");
    config->send_queue_limit_bytes = bytes;
    return LEAT_OK;
}

int leat_config_set_send_queue_messages(leat_config *config, size_t messages)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->send_queue_messages = messages;
    return LEAT_OK;
}

int leat_config_set_trace(leat_config *config, leat_trace_fn fn, void *user)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->tracer = (struct leati_tracer){.fn = fn, .user = user};
    return LEAT_OK;
}

int leati_config_proxy_tls(const leat_config *config, struct leati_failure *failure,
                           struct leati_tls_credentials **ret_credentials)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = config->ca_path,
        .need_ca = !config->skip_server_cert_verification,
    };
    return leati_tls_shared_credentials(config->tls_shared, LEATI_TLS_SHARED_PROXY, &options,
                                        failure, ret_credentials);
}

int leati_config_tls(const leat_config *config, struct leati_failure *failure,
                     struct leati_tls_credentials **ret_credentials,
                     struct leati_tls_sessions **ret_sessions)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = config->ca_path,
        .cert_path = config->client_cert.cert_path,
        .key_path = config->client_cert.key_path,
        .key_password = config->client_cert.key_password,
        .need_ca = !config->skip_server_cert_verification,
    };
    int code = leati_tls_shared_credentials(config->tls_shared, LEATI_TLS_SHARED_ORIGIN, &options,
                                            failure, ret_credentials);
    if (code != LEAT_OK)
        return code;
    *ret_sessions =
        config->session_resumption ? leati_tls_shared_sessions(config->tls_shared) : NULL;
    return LEAT_OK;
}

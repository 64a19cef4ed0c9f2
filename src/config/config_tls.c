/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says about TLS: to origins, at a server, and to proxies. */
#include "config/config.h"

#include "config/tls_options.h"
#include "util/alloc.h"

/* ---- what settings hold ---------------------------------------------------------------- */

void leati_settings_init_tls(struct leati_settings *settings)
{
    settings->session_resumption = true;
    for (int side = 0; side < LEATI_TLS_SIDE_COUNT; side++)
        settings->tls[side] = leati_tls_values_defaults();
}

void leati_settings_clear_tls(struct leati_settings *settings)
{
    for (int side = 0; side < LEATI_TLS_SIDE_COUNT; side++)
        leati_tls_values_unref(settings->tls[side]);
    leati_free(settings->key_log_path);
    leati_tls_shared_unref(settings->tls_shared);
}

bool leati_settings_copy_tls(struct leati_settings *dst, const struct leati_settings *src)
{
    dst->tls_shared = leati_tls_shared_ref(src->tls_shared);
    for (int side = 0; side < LEATI_TLS_SIDE_COUNT; side++)
        dst->tls[side] = leati_tls_values_ref(src->tls[side]);
    return leati_strdup_optional(&dst->key_log_path, src->key_log_path);
}

/* ---- setters of one side --------------------------------------------------------------- */

#define MEMBER(name) offsetof(struct leati_tls_values, name)

/* The beginning of a setter: the values to change. What was parsed for the old ones, and the sessions
 * that were made with them, must not serve the new ones. */
static int config_change(leat_config *config, const char *setter, const char *refusal,
                         enum leati_tls_side side, struct leati_tls_values ***ret_slot)
{
    struct leati_settings *settings;
    int code = leati_config_change_by(config, setter, refusal, &settings);
    if (code != LEAT_OK)
        return code;
    struct leati_tls_shared *fresh = leati_tls_shared_new();
    if (!fresh)
        return leati_config_no_memory_by(config, setter);
    leati_tls_shared_unref(settings->tls_shared);
    settings->tls_shared = fresh;
    *ret_slot = &settings->tls[side];
    return LEAT_OK;
}

/* `code` is that of a setter of the values, with its record. */
static int config_conclude(leat_config *config, const char *setter, int code,
                           struct leati_failure *failure)
{
    return code == LEAT_OK ? LEAT_OK : leati_config_refuse_failure(config, setter, failure);
}

static int config_set_string(leat_config *config, const char *setter, const char *refusal,
                             enum leati_tls_side side, size_t member, const char *value)
{
    struct leati_failure failure;
    struct leati_tls_values **slot;
    int code = config_change(config, setter, refusal, side, &slot);
    if (code != LEAT_OK)
        return code;
    leati_failure_init(&failure);
    code = leati_tls_values_set_string(slot, member, value, &failure);
    return config_conclude(config, setter, code, &failure);
}

static int config_set_ca_path(leat_config *config, const char *setter, enum leati_tls_side side,
                              const char *path)
{
    int code = config_set_string(config, setter, path && !*path ? "the CA path is empty" : NULL,
                                 side, MEMBER(ca_path), path);
    if (code != LEAT_OK)
        return code;
    /* Those of options would count before it. The values are ours alone now, so this cannot fail. */
    return leati_tls_values_set_texts(&config->settings->tls[side], MEMBER(ca), NULL, 0,
                                      &config->failure);
}

static int config_set_cipher_suite(leat_config *config, const char *setter,
                                   enum leati_tls_side side, const char *names)
{
    const struct leati_tls_credentials_options options = {.cipher_suites = names};
    struct leati_failure failure;
    if (!config)
        return LEAT_E_PARAMETER;
    leati_failure_init(&failure);
    int code = leati_tls_values_check(&options, &failure);
    if (code != LEAT_OK)
        return config_conclude(config, setter, code, &failure);
    return config_set_string(config, setter, NULL, side, MEMBER(cipher_suite), names);
}

static int config_set_skip(leat_config *config, const char *setter, enum leati_tls_side side,
                           bool skip)
{
    struct leati_failure failure;
    struct leati_tls_values **slot;
    int code = config_change(config, setter, NULL, side, &slot);
    if (code != LEAT_OK)
        return code;
    leati_failure_init(&failure);
    code = leati_tls_values_set_bool(slot, MEMBER(skip_verification), skip, &failure);
    return config_conclude(config, setter, code, &failure);
}

static int config_set_protocols(leat_config *config, const char *setter, enum leati_tls_side side,
                                enum leat_tls_protocol min, enum leat_tls_protocol max)
{
    struct leati_failure failure;
    struct leati_settings *settings;
    int code = leati_config_change_by(config, setter, NULL, &settings);
    if (code != LEAT_OK)
        return code;
    leati_failure_init(&failure);
    code = leati_tls_values_set_protocols(&settings->tls[side], min, max, &failure);
    return config_conclude(config, setter, code, &failure);
}

/* `member` is the client's certificate or the server's. */
static int config_set_cert(leat_config *config, const char *setter, enum leati_tls_side side,
                           size_t member, const struct leati_cert_source *source)
{
    const char *refusal = !source->cert_path != !source->key_path
                              ? "a certificate needs both its file and the file of its key"
                              : NULL;
    struct leati_failure failure;
    struct leati_tls_values **slot;
    int code = config_change(config, setter, refusal, side, &slot);
    if (code != LEAT_OK)
        return code;
    leati_failure_init(&failure);
    code = leati_tls_values_set_cert(slot, member, source, &failure);
    if (code == LEAT_OK && member == MEMBER(cert))
        (*slot)->cert_serves = false; /* they are ours alone now */
    return config_conclude(config, setter, code, &failure);
}

static struct leati_cert_source files_borrow(const char *cert_path, const char *key_path,
                                             const char *key_password)
{
    return (struct leati_cert_source){
        .cert_path = (char *)(uintptr_t)cert_path,
        .key_path = (char *)(uintptr_t)key_path,
        .key_password = (char *)(uintptr_t)key_password,
    };
}

static int config_set_options(leat_config *config, const char *setter, enum leati_tls_side side,
                              const leat_tls_options *options)
{
    struct leati_failure failure;
    if (!config)
        return LEAT_E_PARAMETER;
    leati_failure_init(&failure);
    int code = options ? leati_tls_options_check(options, &failure) : LEAT_OK;
    if (code != LEAT_OK)
        return config_conclude(config, setter, code, &failure);
    struct leati_tls_values **slot;
    code = config_change(config, setter, NULL, side, &slot);
    if (code != LEAT_OK)
        return code;
    leati_tls_values_unref(*slot);
    *slot = options ? leati_tls_values_ref(options->values) : leati_tls_values_defaults();
    return LEAT_OK;
}

/* ---- the public setters ---------------------------------------------------------------- */

int leat_config_set_tls_options(leat_config *config, const leat_tls_options *options)
{
    return config_set_options(config, __func__, LEATI_TLS_TO_ORIGIN, options);
}

int leat_config_set_proxy_tls_options(leat_config *config, const leat_tls_options *options)
{
    return config_set_options(config, __func__, LEATI_TLS_TO_PROXY, options);
}

int leat_config_set_ca_path(leat_config *config, const char *path)
{
    return config_set_ca_path(config, __func__, LEATI_TLS_TO_ORIGIN, path);
}

int leat_config_set_proxy_tls_ca_path(leat_config *config, const char *path)
{
    return config_set_ca_path(config, __func__, LEATI_TLS_TO_PROXY, path);
}

int leat_config_set_client_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    const struct leati_cert_source files = files_borrow(cert_path, key_path, key_password);
    return config_set_cert(config, __func__, LEATI_TLS_TO_ORIGIN, MEMBER(cert), &files);
}

int leat_config_set_proxy_tls_client_cert(leat_config *config, const char *cert_path,
                                          const char *key_path, const char *key_password)
{
    const struct leati_cert_source files = files_borrow(cert_path, key_path, key_password);
    return config_set_cert(config, __func__, LEATI_TLS_TO_PROXY, MEMBER(cert), &files);
}

int leat_config_set_server_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    const struct leati_cert_source files = files_borrow(cert_path, key_path, key_password);
    return config_set_cert(config, __func__, LEATI_TLS_TO_ORIGIN, MEMBER(server_cert), &files);
}

int leat_config_set_skip_server_cert_verification(leat_config *config, bool skip)
{
    return config_set_skip(config, __func__, LEATI_TLS_TO_ORIGIN, skip);
}

int leat_config_set_proxy_tls_skip_verification(leat_config *config, bool skip)
{
    return config_set_skip(config, __func__, LEATI_TLS_TO_PROXY, skip);
}

int leat_config_set_tls_protocols(leat_config *config, enum leat_tls_protocol min,
                                  enum leat_tls_protocol max)
{
    return config_set_protocols(config, __func__, LEATI_TLS_TO_ORIGIN, min, max);
}

int leat_config_set_proxy_tls_protocols(leat_config *config, enum leat_tls_protocol min,
                                        enum leat_tls_protocol max)
{
    return config_set_protocols(config, __func__, LEATI_TLS_TO_PROXY, min, max);
}

int leat_config_set_cipher_suite(leat_config *config, const char *names)
{
    return config_set_cipher_suite(config, __func__, LEATI_TLS_TO_ORIGIN, names);
}

int leat_config_set_proxy_tls_cipher_suite(leat_config *config, const char *names)
{
    return config_set_cipher_suite(config, __func__, LEATI_TLS_TO_PROXY, names);
}

int leat_config_set_early_data(leat_config *config, bool early_data)
{
    return leati_config_set(config, NULL, early_data, early_data);
}

int leat_config_set_session_resumption(leat_config *config, bool resume)
{
    return leati_config_set(config, NULL, session_resumption, resume);
}

int leat_config_set_key_log_path(leat_config *config, const char *path)
{
    return leati_config_set_text(config, NULL, key_log_path, path);
}

/* ---- what connections use -------------------------------------------------------------- */

int leati_settings_client_tls(const struct leati_settings *settings,
                              enum leati_tls_shared_role role, struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials)
{
    const struct leati_tls_values *values =
        settings->tls[role == LEATI_TLS_SHARED_PROXY ? LEATI_TLS_TO_PROXY : LEATI_TLS_TO_ORIGIN];
    bool is_anonymous = role == LEATI_TLS_SHARED_ANONYMOUS;
    const struct leati_tls_credentials_options options = leati_tls_values_credentials(
        values, is_anonymous ? LEATI_TLS_ROLE_ANONYMOUS : LEATI_TLS_ROLE_CLIENT,
        !values->skip_verification);
    int code = is_anonymous ? LEAT_OK : leati_tls_values_check_client(values, failure);
    if (code != LEAT_OK)
        return code;
    return leati_tls_shared_credentials(settings->tls_shared, role, &options, failure,
                                        ret_credentials);
}

bool leati_settings_resumption(const struct leati_settings *settings)
{
    return settings->session_resumption && settings->tls[LEATI_TLS_TO_ORIGIN]->session_resumption;
}

int leati_settings_tls(const struct leati_settings *settings, struct leati_failure *failure,
                       struct leati_tls_credentials **ret_credentials,
                       struct leati_tls_sessions **ret_sessions)
{
    int code =
        leati_settings_client_tls(settings, LEATI_TLS_SHARED_ORIGIN, failure, ret_credentials);
    if (code != LEAT_OK)
        return code;
    *ret_sessions = leati_settings_resumption(settings)
                        ? leati_tls_shared_sessions(settings->tls_shared)
                        : NULL;
    return LEAT_OK;
}

bool leati_settings_serve_tls(const struct leati_settings *settings)
{
    return leati_tls_values_serve(settings->tls[LEATI_TLS_TO_ORIGIN]);
}

enum leat_client_verification leati_settings_client_verification(
    const struct leati_settings *settings)
{
    return settings->tls[LEATI_TLS_TO_ORIGIN]->bidirectional ? LEAT_CLIENT_VERIFICATION_REQUIRED
                                                             : settings->client_verification;
}

int leati_settings_reread_server_tls(const struct leati_settings *settings,
                                     struct leati_failure *failure,
                                     struct leati_tls_credentials **ret_credentials)
{
    bool verifies = leati_settings_client_verification(settings) != LEAT_CLIENT_VERIFICATION_NONE;
    const struct leati_tls_credentials_options options = leati_tls_values_credentials(
        settings->tls[LEATI_TLS_TO_ORIGIN], LEATI_TLS_ROLE_SERVER, verifies);
    return leati_tls_credentials_new(&options, failure, ret_credentials);
}

int leati_settings_server_tls(const struct leati_settings *settings, struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials)
{
    bool verifies = leati_settings_client_verification(settings) != LEAT_CLIENT_VERIFICATION_NONE;
    const struct leati_tls_credentials_options options = leati_tls_values_credentials(
        settings->tls[LEATI_TLS_TO_ORIGIN], LEATI_TLS_ROLE_SERVER, verifies);
    const enum leati_tls_shared_role role =
        verifies ? LEATI_TLS_SHARED_VERIFYING_SERVER : LEATI_TLS_SHARED_SERVER;
    return leati_tls_shared_credentials(settings->tls_shared, role, &options, failure,
                                        ret_credentials);
}

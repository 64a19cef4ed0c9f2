/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says about TLS: to origins, at a server, and to proxies. */
#include "config/config.h"

#include "util/alloc.h"

/* ---- what settings hold ---------------------------------------------------------------- */

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

static void tls_done(struct leati_tls_settings *tls)
{
    leati_free(tls->ca_path);
    leati_free(tls->cipher_suite);
    cert_files_done(&tls->cert);
}

static bool tls_copy(struct leati_tls_settings *dst, const struct leati_tls_settings *src)
{
    *dst = *src;
    dst->ca_path = dst->cipher_suite = NULL;
    dst->cert = (struct leati_cert_files){0};
    return leati_strdup_optional(&dst->ca_path, src->ca_path) &&
           leati_strdup_optional(&dst->cipher_suite, src->cipher_suite) &&
           cert_files_copy(&dst->cert, &src->cert);
}

void leati_settings_init_tls(struct leati_settings *settings)
{
    settings->session_resumption = true;
    for (int side = 0; side < LEATI_TLS_SIDE_COUNT; side++) {
        settings->tls[side].min_protocol = LEAT_TLS_V12;
        settings->tls[side].max_protocol = LEAT_TLS_V13;
    }
}

void leati_settings_clear_tls(struct leati_settings *settings)
{
    for (int side = 0; side < LEATI_TLS_SIDE_COUNT; side++)
        tls_done(&settings->tls[side]);
    cert_files_done(&settings->server_cert);
    leati_free(settings->key_log_path);
    leati_tls_shared_unref(settings->tls_shared);
}

bool leati_settings_copy_tls(struct leati_settings *dst, const struct leati_settings *src)
{
    dst->tls_shared = leati_tls_shared_ref(src->tls_shared);
    for (int side = 0; side < LEATI_TLS_SIDE_COUNT; side++)
        if (!tls_copy(&dst->tls[side], &src->tls[side]))
            return false;
    return cert_files_copy(&dst->server_cert, &src->server_cert) &&
           leati_strdup_optional(&dst->key_log_path, src->key_log_path);
}

/* ---- setters of one side --------------------------------------------------------------- */

/* What was parsed for the old settings, and the sessions that were made with them, must not serve
 * the new ones. */
static int settings_renew_tls(leat_config *config, const char *setter,
                              struct leati_settings *settings)
{
    struct leati_tls_shared *fresh = leati_tls_shared_new();
    if (!fresh)
        return leati_config_no_memory_by(config, setter);
    leati_tls_shared_unref(settings->tls_shared);
    settings->tls_shared = fresh;
    return LEAT_OK;
}

enum tls_text { TLS_TEXT_CA_PATH, TLS_TEXT_CIPHER_SUITE };

static int config_set_text(leat_config *config, const char *setter, enum leati_tls_side side,
                           enum tls_text which, const char *value)
{
    char *copy;
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!leati_strdup_optional(&copy, value))
        return leati_config_no_memory_by(config, setter);
    struct leati_tls_settings *tls = &settings->tls[side];
    char **slot = which == TLS_TEXT_CA_PATH ? &tls->ca_path : &tls->cipher_suite;
    int code = settings_renew_tls(config, setter, settings);
    char *unused = code == LEAT_OK ? *slot : copy;
    if (code == LEAT_OK)
        *slot = copy;
    leati_free(unused);
    return code;
}

static int config_set_ca_path(leat_config *config, const char *setter, enum leati_tls_side side,
                              const char *path)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (path && !*path)
        return leati_config_refuse_by(config, setter, LEAT_E_PARAMETER, "the CA path is empty");
    return config_set_text(config, setter, side, TLS_TEXT_CA_PATH, path);
}

/* Names are understood, or refused, when they are set. */
static int config_set_cipher_suite(leat_config *config, const char *setter,
                                   enum leati_tls_side side, const char *names)
{
    const struct leati_tls_credentials_options options = {.cipher_suites = names};
    struct leati_failure failure;
    if (!config)
        return LEAT_E_PARAMETER;
    leati_failure_init(&failure);
    int code = leati_tls_credentials_check(&options, &failure);
    if (code == LEAT_OK)
        return config_set_text(config, setter, side, TLS_TEXT_CIPHER_SUITE, names);
    return leati_config_refuse_failure(config, setter, &failure);
}

static int config_set_skip(leat_config *config, const char *setter, enum leati_tls_side side,
                           bool skip)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    int code = settings ? settings_renew_tls(config, setter, settings) : LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK)
        settings->tls[side].skip_verification = skip;
    return code;
}

static int config_set_protocols(leat_config *config, const char *setter, enum leati_tls_side side,
                                enum leat_tls_protocol min, enum leat_tls_protocol max)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((min != LEAT_TLS_V12 && min != LEAT_TLS_V13) ||
        (max != LEAT_TLS_V12 && max != LEAT_TLS_V13) || min > max)
        return leati_config_refuse_by(config, setter, LEAT_E_PARAMETER,
                                      "TLS versions are 1.2 and 1.3, the lower one first");
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->tls[side].min_protocol = min;
    settings->tls[side].max_protocol = max;
    return LEAT_OK;
}

/* ---- certificates ---------------------------------------------------------------------- */

enum cert_of { CERT_OF_CLIENT, CERT_OF_CLIENT_FOR_PROXIES, CERT_OF_SERVER };

static struct leati_cert_files *settings_cert(struct leati_settings *settings, enum cert_of whose)
{
    switch (whose) {
    case CERT_OF_CLIENT:
        return &settings->tls[LEATI_TLS_TO_ORIGIN].cert;
    case CERT_OF_CLIENT_FOR_PROXIES:
        return &settings->tls[LEATI_TLS_TO_PROXY].cert;
    case CERT_OF_SERVER:
        break;
    }
    return &settings->server_cert;
}

static int config_set_cert(leat_config *config, const char *setter, enum cert_of whose,
                           const char *cert_path, const char *key_path, const char *key_password)
{
    struct leati_cert_files copy = {0};
    if (!config)
        return LEAT_E_PARAMETER;
    if (!cert_path != !key_path)
        return leati_config_refuse_by(config, setter, LEAT_E_PARAMETER,
                                      "a certificate needs both its file and the file of its key");
    struct leati_settings *settings = leati_config_edit_by(config, setter);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    struct leati_cert_files *files = settings_cert(settings, whose);
    bool copied = leati_strdup_optional(&copy.cert_path, cert_path) &&
                  leati_strdup_optional(&copy.key_path, key_path) &&
                  leati_strdup_optional(&copy.key_password, key_password);
    int code = copied ? settings_renew_tls(config, setter, settings)
                      : leati_config_no_memory_by(config, setter);
    struct leati_cert_files unused = code == LEAT_OK ? *files : copy;
    if (code == LEAT_OK)
        *files = copy;
    cert_files_done(&unused);
    return code;
}

/* ---- the public setters ---------------------------------------------------------------- */

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
    return config_set_cert(config, __func__, CERT_OF_CLIENT, cert_path, key_path, key_password);
}

int leat_config_set_proxy_tls_client_cert(leat_config *config, const char *cert_path,
                                          const char *key_path, const char *key_password)
{
    return config_set_cert(config, __func__, CERT_OF_CLIENT_FOR_PROXIES, cert_path, key_path,
                           key_password);
}

int leat_config_set_server_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    return config_set_cert(config, __func__, CERT_OF_SERVER, cert_path, key_path, key_password);
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
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->early_data = early_data;
    return LEAT_OK;
}

int leat_config_set_session_resumption(leat_config *config, bool resume)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->session_resumption = resume;
    return LEAT_OK;
}

int leat_config_set_key_log_path(leat_config *config, const char *path)
{
    char *copy;
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_settings *settings = leati_config_edit(config);
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!leati_strdup_optional(&copy, path))
        return leati_config_no_memory(config);
    leati_free(settings->key_log_path);
    settings->key_log_path = copy;
    return LEAT_OK;
}

/* ---- what connections use -------------------------------------------------------------- */

/* As a client; an origin may be one that is not to see our certificate. */
static int client_tls(const struct leati_settings *settings, enum leati_tls_shared_role role,
                      struct leati_failure *failure, struct leati_tls_credentials **ret_credentials)
{
    static const struct leati_cert_files none = {0};
    const struct leati_tls_settings *tls =
        &settings->tls[role == LEATI_TLS_SHARED_PROXY ? LEATI_TLS_TO_PROXY : LEATI_TLS_TO_ORIGIN];
    const struct leati_cert_files *cert = role == LEATI_TLS_SHARED_ANONYMOUS ? &none : &tls->cert;
    const struct leati_tls_credentials_options options = {
        .ca_path = tls->ca_path,
        .cert_path = cert->cert_path,
        .key_path = cert->key_path,
        .key_password = cert->key_password,
        .cipher_suites = tls->cipher_suite,
        .need_ca = !tls->skip_verification,
    };
    return leati_tls_shared_credentials(settings->tls_shared, role, &options, failure,
                                        ret_credentials);
}

int leati_settings_anonymous_tls(const struct leati_settings *settings,
                                 struct leati_failure *failure,
                                 struct leati_tls_credentials **ret_credentials)
{
    return client_tls(settings, LEATI_TLS_SHARED_ANONYMOUS, failure, ret_credentials);
}

int leati_settings_proxy_tls(const struct leati_settings *settings, struct leati_failure *failure,
                             struct leati_tls_credentials **ret_credentials)
{
    return client_tls(settings, LEATI_TLS_SHARED_PROXY, failure, ret_credentials);
}

int leati_settings_tls(const struct leati_settings *settings, struct leati_failure *failure,
                       struct leati_tls_credentials **ret_credentials,
                       struct leati_tls_sessions **ret_sessions)
{
    int code = client_tls(settings, LEATI_TLS_SHARED_ORIGIN, failure, ret_credentials);
    if (code != LEAT_OK)
        return code;
    *ret_sessions =
        settings->session_resumption ? leati_tls_shared_sessions(settings->tls_shared) : NULL;
    return LEAT_OK;
}

int leati_settings_server_tls(const struct leati_settings *settings, struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials)
{
    const struct leati_tls_settings *tls = &settings->tls[LEATI_TLS_TO_ORIGIN];
    const struct leati_tls_credentials_options options = {
        .ca_path = tls->ca_path,
        .cert_path = settings->server_cert.cert_path,
        .key_path = settings->server_cert.key_path,
        .key_password = settings->server_cert.key_password,
        .cipher_suites = tls->cipher_suite,
        .need_ca = settings->client_verification != LEAT_CLIENT_VERIFICATION_NONE,
        .is_server = true,
    };
    const enum leati_tls_shared_role role =
        options.need_ca ? LEATI_TLS_SHARED_VERIFYING_SERVER : LEATI_TLS_SHARED_SERVER;
    return leati_tls_shared_credentials(settings->tls_shared, role, &options, failure,
                                        ret_credentials);
}

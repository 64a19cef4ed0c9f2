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

static int settings_new(struct leati_settings **ret_settings)
{
    struct leati_settings *settings = leati_calloc(1, sizeof(*settings));
    if (!settings)
        return LEAT_E_SYSTEM_INTERNAL;
    settings->tls_shared = leati_tls_shared_new();
    settings->proxy_memory = leati_http_auth_memory_new();
    if (!settings->tls_shared || !settings->proxy_memory) {
        leati_tls_shared_unref(settings->tls_shared);
        leati_http_auth_memory_unref(settings->proxy_memory);
        leati_free(settings);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    settings->proxy_auth_schemes = LEATI_CONFIG_PROXY_AUTH_DEFAULT;
    atomic_init(&settings->refs, 1);
    leati_settings_init_tls(settings);
    settings->connect_timeout_ms = 30000;
    memcpy(settings->phase_timeout_ms, default_phase_timeout_ms, sizeof(default_phase_timeout_ms));
    settings->max_clients = LEATI_CONFIG_DEFAULT_MAX_CLIENTS;
    settings->ping_interval_ms = 30000;
    settings->pong_timeout_ms = 30000;
    settings->forwarded_header = LEAT_FORWARDED_X_FORWARDED_FOR;
    settings->max_message_bytes = LEATI_CONFIG_DEFAULT_MAX_MESSAGE_BYTES;
    settings->send_queue_limit_bytes = LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES;
    leati_domain_policy_init(&settings->domain_policy);
    *ret_settings = settings;
    return LEAT_OK;
}

static void settings_free(struct leati_settings *settings)
{
    leati_settings_clear_network(settings);
    leati_settings_clear_request(settings);
    leati_settings_clear_tls(settings);
    leati_free(settings);
}

/* One that may be written, with the same content; NULL without memory. Shares what was parsed. The
 * values come over as a whole, so that none can be forgotten. */
static struct leati_settings *settings_clone(const struct leati_settings *settings)
{
    const size_t values = offsetof(struct leati_settings, LEATI_SETTINGS_OWNED);
    struct leati_settings *clone = leati_calloc(1, sizeof(*clone));
    if (!clone)
        return NULL;
    memcpy(clone, settings, values);
    atomic_init(&clone->refs, 1);
    leati_domain_policy_init(&clone->domain_policy);
    if (!leati_settings_copy_network(clone, settings) ||
        !leati_settings_copy_request(clone, settings) ||
        !leati_settings_copy_tls(clone, settings)) {
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

int leati_settings_of(const leat_config *config, struct leati_failure *failure,
                      const struct leati_settings **ret_settings)
{
    if (config) {
        int code = leati_config_check(config, failure);
        if (code == LEAT_OK)
            *ret_settings = leati_settings_ref(config->settings);
        return code;
    }
    struct leati_settings *defaults;
    int code = settings_new(&defaults);
    if (code != LEAT_OK)
        return leati_failure_set(failure, &(struct leati_fault){.code = code}, "out of memory");
    *ret_settings = defaults;
    return LEAT_OK;
}

/* ---- the handle -------------------------------------------------------------------- */

int leat_config_new(leat_config **ret_config)
{
    if (!ret_config)
        return LEAT_E_PARAMETER;
    leat_config *config = leati_calloc(1, sizeof(*config));
    if (!config)
        return LEAT_E_SYSTEM_INTERNAL;
    if (settings_new(&config->settings) != LEAT_OK) {
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
    leati_config_copy_refusals(copy, config);
    *ret_copy = copy;
    return LEAT_OK;
}

void leat_config_free(leat_config *config)
{
    if (!config)
        return;
    leati_settings_unref(config->settings);
    leati_failure_done(&config->failure);
    leati_config_drop_refusals(config);
    leati_free(config);
}

struct leati_settings *leati_config_edit_by(leat_config *config, const char *setter)
{
    leati_config_amend(config, setter);
    if (atomic_load_explicit(&config->settings->refs, memory_order_acquire) == 1)
        return config->settings;
    struct leati_settings *own = settings_clone(config->settings);
    if (!own) {
        leati_config_no_memory_by(config, setter);
        return NULL;
    }
    leati_settings_unref(config->settings);
    config->settings = own;
    return own;
}

int leati_config_change_by(leat_config *config, const char *setter, const char *refusal,
                           struct leati_settings **ret_settings)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (refusal)
        return leati_config_refuse_by(config, setter, LEAT_E_PARAMETER, refusal);
    *ret_settings = leati_config_edit_by(config, setter);
    return *ret_settings ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

int leati_config_set_by(leat_config *config, const char *setter, const char *refusal, size_t offset,
                        const void *value, size_t size)
{
    struct leati_settings *settings;
    int code = leati_config_change_by(config, setter, refusal, &settings);
    if (code == LEAT_OK)
        memcpy((char *)settings + offset, value, size);
    return code;
}

int leati_config_set_text_by(leat_config *config, const char *setter, const char *refusal,
                             size_t offset, const char *text)
{
    struct leati_settings *settings;
    char *copy;
    int code = leati_config_change_by(config, setter, refusal, &settings);
    if (code != LEAT_OK)
        return code;
    if (!leati_strdup_optional(&copy, text))
        return leati_config_no_memory_by(config, setter);
    char **place = (char **)(void *)((char *)settings + offset);
    leati_free(*place);
    *place = copy;
    return LEAT_OK;
}

struct leati_admission_limits leati_settings_admission_limits(const struct leati_settings *settings)
{
    return (struct leati_admission_limits){
        .open = settings->max_clients,
        .open_of_one = settings->max_clients_per_address ? settings->max_clients_per_address
                                                         : LEATI_CONFIG_DEFAULT_MAX_CLIENTS_OF_ONE,
    };
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/config.h"

#include "dns/dns.h"
#include "socks5/socks5.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

static const uint32_t default_phase_timeout_ms[LEAT_PHASE_COUNT] = {
    [LEAT_PHASE_DNS] = 10000, [LEAT_PHASE_TCP] = 20000,     [LEAT_PHASE_PROXY] = 10000,
    [LEAT_PHASE_TLS] = 15000, [LEAT_PHASE_UPGRADE] = 15000, [LEAT_PHASE_CLOSE] = 5000,
};

/* Records why a setter failed; a newer reason replaces an older one. */
static int config_refuse(leat_config *config, int code, const char *text)
{
    leati_failure_done(&config->failure);
    leati_failure_init(&config->failure);
    return leati_failure_set(&config->failure, &(struct leati_fault){.code = code}, "%s", text);
}

static int config_no_memory(leat_config *config)
{
    return config_refuse(config, LEAT_E_SYSTEM_INTERNAL, "out of memory");
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
    config->ping_interval_ms = 30000;
    config->pong_timeout_ms = 30000;
    config->max_message_bytes = (size_t)16 << 20;
    config->send_queue_limit_bytes = (size_t)16 << 20;
    leati_failure_init(&config->failure);
    *ret_config = config;
    return LEAT_OK;
}

static void config_clear_entries(leat_config *config)
{
    for (size_t i = 0; i < config->header_count; i++) {
        leati_free_secret((char *)config->headers[i].name);
        leati_free_secret((char *)config->headers[i].value);
    }
    leati_free(config->headers);
    for (size_t i = 0; i < config->protocol_count; i++)
        leati_free(config->protocols[i]);
    leati_free(config->protocols);
}

static void config_clear_proxies(leat_config *config)
{
    for (size_t i = 0; i < config->proxy_count; i++)
        leati_url_done(&config->proxies[i]);
    leati_free(config->proxies);
    config->proxies = NULL;
    config->proxy_count = 0;
}

void leat_config_free(leat_config *config)
{
    if (!config)
        return;
    config_clear_proxies(config);
    leati_free(config->ca_path);
    leati_free(config->client_cert_path);
    leati_free(config->client_key_path);
    leati_free_secret(config->client_key_password);
    leati_free(config->key_log_path);
    leati_tls_shared_unref(config->tls_shared);
    config_clear_entries(config);
    leati_free(config->dns_servers);
    leati_failure_done(&config->failure);
    leati_free(config);
}

/* Copies a string that may be absent; false only without memory. */
static bool copy_optional(char **dst, const char *src)
{
    *dst = src ? leati_strdup(src) : NULL;
    return !src || *dst;
}

static bool copy_url(struct leati_url *dst, const struct leati_url *src)
{
    dst->port = src->port;
    dst->default_port = src->default_port;
    dst->host_is_ipv6 = src->host_is_ipv6;
    return copy_optional(&dst->scheme, src->scheme) && copy_optional(&dst->host, src->host) &&
           copy_optional(&dst->target, src->target) && copy_optional(&dst->user, src->user) &&
           copy_optional(&dst->password, src->password);
}

static bool copy_proxies(leat_config *dst, const leat_config *src)
{
    if (src->proxy_count == 0)
        return true;
    dst->proxies = leati_calloc(src->proxy_count, sizeof(*dst->proxies));
    if (!dst->proxies)
        return false;
    /* Counted first: a copy that stopped half-way is freed like a whole one. */
    dst->proxy_count = src->proxy_count;
    for (size_t i = 0; i < src->proxy_count; i++)
        if (!copy_url(&dst->proxies[i], &src->proxies[i]))
            return false;
    return true;
}

static bool copy_entries(leat_config *dst, const leat_config *src)
{
    for (size_t i = 0; i < src->header_count; i++)
        if (leat_config_add_header(dst, src->headers[i].name, src->headers[i].value) != LEAT_OK)
            return false;
    for (size_t i = 0; i < src->protocol_count; i++)
        if (leat_config_add_protocol(dst, src->protocols[i]) != LEAT_OK)
            return false;
    return true;
}

static bool copy_strings(leat_config *dst, const leat_config *src)
{
    return copy_proxies(dst, src) && copy_optional(&dst->ca_path, src->ca_path) &&
           copy_optional(&dst->client_cert_path, src->client_cert_path) &&
           copy_optional(&dst->client_key_path, src->client_key_path) &&
           copy_optional(&dst->client_key_password, src->client_key_password) &&
           copy_optional(&dst->key_log_path, src->key_log_path) &&
           copy_optional(&dst->dns_servers, src->dns_servers);
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
    copy->min_tls_protocol = config->min_tls_protocol;
    copy->max_tls_protocol = config->max_tls_protocol;
    copy->tls_shared = leati_tls_shared_ref(config->tls_shared);
    copy->connect_timeout_ms = config->connect_timeout_ms;
    memcpy(copy->phase_timeout_ms, config->phase_timeout_ms, sizeof(config->phase_timeout_ms));
    copy->ping_interval_ms = config->ping_interval_ms;
    copy->pong_timeout_ms = config->pong_timeout_ms;
    copy->max_message_bytes = config->max_message_bytes;
    copy->send_queue_limit_bytes = config->send_queue_limit_bytes;
    copy->tracer = config->tracer;
    leati_failure_init(&copy->failure);
    if (!copy_strings(copy, config) || !copy_entries(copy, config)) {
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

/* Replaces an owned string by a copy of `value`, NULL by NULL. */
static int config_set_string(leat_config *config, char **slot, const char *value)
{
    char *copy;
    if (!copy_optional(&copy, value))
        return config_no_memory(config);
    leati_free_secret(*slot);
    *slot = copy;
    return LEAT_OK;
}

/* What was parsed for the old paths must not serve the new ones. */
static int config_renew_tls(leat_config *config)
{
    struct leati_tls_shared *fresh = leati_tls_shared_new();
    if (!fresh)
        return config_no_memory(config);
    leati_tls_shared_unref(config->tls_shared);
    config->tls_shared = fresh;
    return LEAT_OK;
}

/* The record of a parser becomes the reason of the setter. */
static int config_take_failure(leat_config *config, struct leati_failure *failure, int code)
{
    leati_failure_done(&config->failure);
    config->failure = *failure;
    return code;
}

static int config_append_proxy(leat_config *config, const struct leati_url *proxy)
{
    if (config->proxy_count >= LEATI_CONFIG_MAX_PROXIES)
        return config_refuse(config, LEAT_E_PARAMETER, "too many proxies in a row");
    struct leati_url *grown =
        leati_realloc(config->proxies, (config->proxy_count + 1) * sizeof(*grown));
    if (!grown)
        return config_no_memory(config);
    config->proxies = grown;
    config->proxies[config->proxy_count++] = *proxy;
    return LEAT_OK;
}

int leat_config_add_proxy(leat_config *config, const char *url)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!url || !*url)
        return config_refuse(config, LEAT_E_PARAMETER, "the proxy's URL is empty");
    struct leati_url proxy = {0};
    struct leati_failure failure;
    leati_failure_init(&failure);
    int code = leati_url_parse_proxy(url, &failure, &proxy);
    if (code == LEAT_OK && proxy.user)
        code = leati_socks5_check_credentials(proxy.user, proxy.password, &failure);
    code = code != LEAT_OK ? config_take_failure(config, &failure, code)
                           : config_append_proxy(config, &proxy);
    if (code != LEAT_OK)
        leati_url_done(&proxy);
    return code;
}

int leat_config_set_proxy(leat_config *config, const char *url)
{
    if (!config)
        return LEAT_E_PARAMETER;
    struct leati_url *old = config->proxies;
    size_t old_count = config->proxy_count;
    config->proxies = NULL;
    config->proxy_count = 0;
    int code = url && *url ? leat_config_add_proxy(config, url) : LEAT_OK;
    if (code == LEAT_OK) {
        for (size_t i = 0; i < old_count; i++)
            leati_url_done(&old[i]);
        leati_free(old);
        return LEAT_OK;
    }
    config_clear_proxies(config);
    config->proxies = old;
    config->proxy_count = old_count;
    return code;
}

int leat_config_set_ca_path(leat_config *config, const char *path)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (path && !*path)
        return config_refuse(config, LEAT_E_PARAMETER, "the CA path is empty");
    int code = config_set_string(config, &config->ca_path, path);
    return code != LEAT_OK ? code : config_renew_tls(config);
}

int leat_config_set_client_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!cert_path != !key_path)
        return config_refuse(config, LEAT_E_PARAMETER,
                             "a client certificate needs both its file and the file of its key");
    char *cert, *key = NULL, *password = NULL;
    if (!copy_optional(&cert, cert_path) || !copy_optional(&key, key_path) ||
        !copy_optional(&password, key_password)) {
        leati_free(cert);
        leati_free(key);
        return config_no_memory(config);
    }
    leati_free(config->client_cert_path);
    leati_free(config->client_key_path);
    leati_free_secret(config->client_key_password);
    config->client_cert_path = cert;
    config->client_key_path = key;
    config->client_key_password = password;
    return config_renew_tls(config);
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
        return config_refuse(config, LEAT_E_PARAMETER,
                             "TLS versions are 1.2 and 1.3, the lower one first");
    config->min_tls_protocol = min;
    config->max_tls_protocol = max;
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
    return config_set_string(config, &config->key_log_path, path);
}

/* The headers that the handshake writes itself (RFC 6455 section 4.1). */
static bool header_is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "Host",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Accept",
    };
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (leati_text_equal_nocase(name, strlen(name), reserved[i], strlen(reserved[i])))
            return true;
    return false;
}

static const char *header_problem(const leat_config *config, const char *name, const char *value)
{
    if (!leati_text_is_token(name, strlen(name)))
        return "the header's name is not a token of RFC 9110";
    if (!leati_text_is_field_value(value, strlen(value)))
        return "the header's value holds CR or LF";
    if (header_is_reserved(name))
        return "the header belongs to the WebSocket handshake itself";
    if (config->header_count >= LEATI_CONFIG_MAX_ENTRIES ||
        config->header_bytes + strlen(name) + strlen(value) > LEATI_CONFIG_MAX_HEADER_BYTES)
        return "too many headers, or too long ones";
    return NULL;
}

int leat_config_add_header(leat_config *config, const char *name, const char *value)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!name || !value)
        return config_refuse(config, LEAT_E_PARAMETER, "a header needs a name and a value");
    const char *problem = header_problem(config, name, value);
    if (problem)
        return config_refuse(config, LEAT_E_PARAMETER, problem);
    struct leati_ws_header *grown =
        leati_realloc(config->headers, (config->header_count + 1) * sizeof(*grown));
    if (!grown)
        return config_no_memory(config);
    config->headers = grown;
    struct leati_ws_header header = {leati_strdup(name), leati_strdup(value)};
    if (!header.name || !header.value) {
        leati_free((char *)header.name);
        leati_free_secret((char *)header.value);
        return config_no_memory(config);
    }
    config->headers[config->header_count++] = header;
    config->header_bytes += strlen(name) + strlen(value);
    return LEAT_OK;
}

int leat_config_add_protocol(leat_config *config, const char *protocol)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (!protocol || !leati_text_is_token(protocol, strlen(protocol)))
        return config_refuse(config, LEAT_E_PARAMETER, "a subprotocol is a token of RFC 9110");
    for (size_t i = 0; i < config->protocol_count; i++)
        if (strcmp(config->protocols[i], protocol) == 0)
            return config_refuse(config, LEAT_E_PARAMETER, "the subprotocol is named twice");
    if (config->protocol_count >= LEATI_CONFIG_MAX_ENTRIES)
        return config_refuse(config, LEAT_E_PARAMETER, "too many subprotocols");
    char **grown =
        leati_realloc(config->protocols, (config->protocol_count + 1) * sizeof(*config->protocols));
    if (!grown)
        return config_no_memory(config);
    config->protocols = grown;
    char *copy = leati_strdup(protocol);
    if (!copy)
        return config_no_memory(config);
    config->protocols[config->protocol_count++] = copy;
    return LEAT_OK;
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
        return config_refuse(config, LEAT_E_PARAMETER, "there is no such phase");
    config->phase_timeout_ms[phase] = timeout_ms;
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
        return config_refuse(config, LEAT_E_PARAMETER, "the longest message has 0 bytes");
    config->max_message_bytes = bytes;
    return LEAT_OK;
}

int leat_config_set_send_queue_limit(leat_config *config, size_t bytes)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (bytes == 0)
        return config_refuse(config, LEAT_E_PARAMETER, "the send queue has 0 bytes");
    config->send_queue_limit_bytes = bytes;
    return LEAT_OK;
}

int leat_config_set_dns_servers(leat_config *config, const char *servers)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (servers && !leati_dns_servers_valid(servers))
        return config_refuse(config, LEAT_E_PARAMETER,
                             "DNS servers are a list of ADDRESS[:PORT], with commas in between");
    return config_set_string(config, &config->dns_servers, servers);
}

int leat_config_set_trace(leat_config *config, leat_trace_fn fn, void *user)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->tracer = (struct leati_tracer){.fn = fn, .user = user};
    return LEAT_OK;
}

int leati_config_tls(const leat_config *config, struct leati_failure *failure,
                     struct leati_tls_credentials **ret_credentials,
                     struct leati_tls_sessions **ret_sessions)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = config->ca_path,
        .cert_path = config->client_cert_path,
        .key_path = config->client_key_path,
        .key_password = config->client_key_password,
        .need_ca = !config->skip_server_cert_verification,
    };
    int code = leati_tls_shared_credentials(config->tls_shared, &options, failure, ret_credentials);
    if (code != LEAT_OK)
        return code;
    *ret_sessions =
        config->session_resumption ? leati_tls_shared_sessions(config->tls_shared) : NULL;
    return LEAT_OK;
}

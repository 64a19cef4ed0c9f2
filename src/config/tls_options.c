/* SPDX-License-Identifier: Apache-2.0 */
#include "config/tls_options.h"

#include "util/alloc.h"

#include <string.h>

#define MEMBER(name) offsetof(struct leati_tls_values, name)

/* ---- life ------------------------------------------------------------------------------ */

void leati_tls_options_init(leat_tls_options *options)
{
    *options = (leat_tls_options){.values = leati_tls_values_defaults()};
    leati_failure_init(&options->failure);
}

int leat_tls_options_new(leat_tls_options **ret_options)
{
    if (!ret_options)
        return LEAT_E_PARAMETER;
    leat_tls_options *options = leati_calloc(1, sizeof(*options));
    if (!options)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_tls_options_init(options);
    *ret_options = options;
    return LEAT_OK;
}

/* What was parsed for the old values, and the sessions that were made with them, must not serve the
 * new ones. */
static void options_renew(leat_tls_options *options)
{
    leati_tls_shared_unref(options->shared);
    options->shared = NULL;
}

void leati_tls_options_done(leat_tls_options *options)
{
    options_renew(options);
    leati_tls_values_unref(options->values);
    leati_failure_done(&options->failure);
}

void leat_tls_options_free(leat_tls_options *options)
{
    if (!options)
        return;
    leati_tls_options_done(options);
    leati_free(options);
}

void leat_tls_options_get_error(const leat_tls_options *options, struct leat_error *ret_error)
{
    if (options && ret_error)
        leati_failure_get(&options->failure, ret_error);
}

struct leati_tls_shared *leati_tls_options_shared(leat_tls_options *options)
{
    if (!options->shared)
        options->shared = leati_tls_shared_new();
    return options->shared;
}

/* ---- setters that were refused: as src/config/refusals.c has it for leat_config ------------ */

static const char several[] = "one of several setters";

static void refusal_note(leat_tls_options *options, const char *setter)
{
    size_t i = 0;
    while (i < LEATI_TLS_OPTIONS_MAX_REFUSALS - 1 && options->refused[i] &&
           strcmp(options->refused[i], setter) != 0)
        i++;
    bool is_shared = options->refused[i] && strcmp(options->refused[i], setter) != 0;
    options->refused[i] = is_shared ? several : setter;
}

static void refusal_forget(leat_tls_options *options, const char *setter)
{
    size_t kept = 0;
    for (size_t i = 0; i < LEATI_TLS_OPTIONS_MAX_REFUSALS; i++) {
        const char *refused = options->refused[i];
        options->refused[i] = NULL;
        if (refused && strcmp(refused, setter) != 0)
            options->refused[kept++] = refused;
    }
}

/* What a public setter returns. One that adds takes nothing back. */
#define conclude(options, code) conclude_by(options, __func__, code)
static int conclude_by(leat_tls_options *options, const char *setter, int code)
{
    if (options && code != LEAT_OK)
        refusal_note(options, setter);
    else if (options && strncmp(setter, "leat_tls_options_add_", 21) != 0)
        refusal_forget(options, setter);
    return code;
}

int leati_tls_options_check(const leat_tls_options *options, struct leati_failure *failure)
{
    const char *setter = options->refused[0];
    const struct leati_failure *last = &options->failure;
    bool is_last = !options->refused[1] && last->code != LEAT_OK;
    const struct leati_fault fault = {.code = is_last ? last->code : LEAT_E_PARAMETER,
                                      .layer = LEAT_LAYER_TLS};
    const char *text = is_last && last->text ? last->text : "";
    if (!setter)
        return LEAT_OK;
    return leati_failure_replace(failure, &fault, "%s%s was refused before%s%s", setter,
                                 setter == several ? "" : "()", *text ? ": " : "", text);
}

void leat_tls_options_clear_error(leat_tls_options *options)
{
    if (!options)
        return;
    leati_failure_done(&options->failure);
    memset(options->refused, 0, sizeof(options->refused));
}

/* ---- setters --------------------------------------------------------------------------- */

static int refuse(leat_tls_options *options, const char *text)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_TLS};
    return options ? leati_failure_replace(&options->failure, &fault, "%s", text)
                   : LEAT_E_PARAMETER;
}

/* `code` is that of a setter of the values. */
static int options_changed(leat_tls_options *options, int code)
{
    if (code == LEAT_OK)
        options_renew(options);
    return code;
}

static int set_string(leat_tls_options *options, size_t member, const char *value)
{
    if (!options)
        return LEAT_E_PARAMETER;
    return options_changed(
        options, leati_tls_values_set_string(&options->values, member, value, &options->failure));
}

static int set_texts(leat_tls_options *options, size_t member, const char *const *items,
                     size_t count)
{
    if (!options)
        return LEAT_E_PARAMETER;
    return options_changed(options, leati_tls_values_set_texts(&options->values, member, items,
                                                               count, &options->failure));
}

static int set_bool(leat_tls_options *options, size_t member, bool value)
{
    if (!options)
        return LEAT_E_PARAMETER;
    return options_changed(
        options, leati_tls_values_set_bool(&options->values, member, value, &options->failure));
}

/* The same for what is looked at in `named` first. */
static int set_names(leat_tls_options *options, size_t member, const char *value,
                     const struct leati_tls_credentials_options *named)
{
    int code = options ? leati_tls_values_check(named, &options->failure) : LEAT_E_PARAMETER;
    return code == LEAT_OK ? set_string(options, member, value) : code;
}

static int set_named_texts(leat_tls_options *options, size_t member, const char *const *items,
                           size_t count, const struct leati_tls_credentials_options *named)
{
    if (!options)
        return LEAT_E_PARAMETER;
    int code = leati_tls_values_check_texts(items, count, &options->failure);
    if (code == LEAT_OK)
        code = leati_tls_values_check(named, &options->failure);
    return code == LEAT_OK ? set_texts(options, member, items, count) : code;
}

int leat_tls_options_set_ca(leat_tls_options *options, const char *const *texts, size_t count)
{
    return conclude(options, set_texts(options, MEMBER(ca), texts, count));
}

int leat_tls_options_set_ca_path(leat_tls_options *options, const char *path)
{
    return conclude(options, path && !*path ? refuse(options, "the CA path is empty")
                                            : set_string(options, MEMBER(ca_path), path));
}

/* A server shows it as well. `is_more`: beside those that are there. `is_whole`: it and its key are
 * there, or neither is. */
static int set_cert(leat_tls_options *options, bool is_more, bool is_whole,
                    const struct leati_cert_source *source)
{
    if (!options)
        return LEAT_E_PARAMETER;
    if (!is_whole)
        return refuse(options, "a certificate and its key are set together");
    struct leati_tls_values **slot = &options->values;
    int code = is_more ? leati_tls_values_add_cert(slot, source, &options->failure)
                       : leati_tls_values_set_cert(slot, MEMBER(cert), source, &options->failure);
    if (code == LEAT_OK)
        options->values->cert_serves = true; /* they are ours alone now */
    return options_changed(options, code);
}

static int set_cert_texts(leat_tls_options *options, bool is_more, const char *const *texts,
                          size_t count, const char *key, const char *password)
{
    const struct leati_cert_source source = {
        .cert = {(char **)(uintptr_t)texts, count},
        .key = (char *)(uintptr_t)key,
        .key_password = (char *)(uintptr_t)password,
    };
    return set_cert(options, is_more, (count > 0) == (key != NULL) && (key || !is_more), &source);
}

static int set_cert_path(leat_tls_options *options, bool is_more, const char *cert_path,
                         const char *key_path, const char *password)
{
    const struct leati_cert_source source = {
        .cert_path = (char *)(uintptr_t)cert_path,
        .key_path = (char *)(uintptr_t)key_path,
        .key_password = (char *)(uintptr_t)password,
    };
    return set_cert(options, is_more, !cert_path == !key_path && (key_path || !is_more), &source);
}

int leat_tls_options_set_cert(leat_tls_options *options, const char *const *texts, size_t count,
                              const char *key, const char *password)
{
    return conclude(options, set_cert_texts(options, false, texts, count, key, password));
}

int leat_tls_options_add_cert(leat_tls_options *options, const char *const *texts, size_t count,
                              const char *key, const char *password)
{
    return conclude(options, set_cert_texts(options, true, texts, count, key, password));
}

int leat_tls_options_set_cert_path(leat_tls_options *options, const char *cert_path,
                                   const char *key_path, const char *password)
{
    return conclude(options, set_cert_path(options, false, cert_path, key_path, password));
}

int leat_tls_options_add_cert_path(leat_tls_options *options, const char *cert_path,
                                   const char *key_path, const char *password)
{
    return conclude(options, set_cert_path(options, true, cert_path, key_path, password));
}

int leat_tls_options_set_cert_signer(leat_tls_options *options, const char *const *texts,
                                     size_t count, leat_tls_sign_fn sign, void *user)
{
    const struct leati_cert_source source = {
        .cert = {(char **)(uintptr_t)texts, count}, .sign = sign, .sign_user = user};
    if (count == 0 || !sign)
        return conclude(
            options, refuse(options, "a certificate and what signs with its key are set together"));
    return conclude(options, set_cert(options, false, true, &source));
}

int leat_tls_options_set_crl(leat_tls_options *options, const char *const *texts, size_t count)
{
    return conclude(options, set_texts(options, MEMBER(crl), texts, count));
}

int leat_tls_options_set_public_key_pins(leat_tls_options *options, const char *const *pins,
                                         size_t count)
{
    const struct leati_tls_credentials_options named = {.pins = pins, .pin_count = count};
    return conclude(options, set_named_texts(options, MEMBER(pins), pins, count, &named));
}

int leat_tls_options_set_verify_callback(leat_tls_options *options, leat_tls_verify_fn callback,
                                         void *user)
{
    const struct leati_fault no_memory = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_TLS};
    if (!options)
        return LEAT_E_PARAMETER;
    struct leati_tls_values *values = leati_tls_values_edit(&options->values);
    if (!values)
        return conclude(options,
                        leati_failure_replace(&options->failure, &no_memory, "out of memory"));
    values->verify_fn = callback;
    values->verify_user = user;
    return conclude(options, options_changed(options, LEAT_OK));
}

int leat_tls_options_set_protocols(leat_tls_options *options, enum leat_tls_protocol min,
                                   enum leat_tls_protocol max)
{
    return conclude(options, options ? leati_tls_values_set_protocols(&options->values, min, max,
                                                                      &options->failure)
                                     : LEAT_E_PARAMETER);
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
            return conclude(options, refuse(options, "unknown protocol. Known: TLSv1.2 TLSv1.3"));
        if (is_12)
            min = LEAT_TLS_V12;
        else
            max = LEAT_TLS_V13;
    }
    if (min > max)
        return conclude(options, refuse(options, "no protocol is named. Known: TLSv1.2 TLSv1.3"));
    return conclude(options, leat_tls_options_set_protocols(options, min, max));
}

int leat_tls_options_set_cipher_suite(leat_tls_options *options, const char *names)
{
    const struct leati_tls_credentials_options named = {.cipher_suites = names};
    return conclude(options, set_names(options, MEMBER(cipher_suite), names, &named));
}

int leat_tls_options_set_signature_algorithms(leat_tls_options *options, const char *names)
{
    const struct leati_tls_credentials_options named = {.signature_algorithms = names};
    return conclude(options, set_names(options, MEMBER(signature_algorithms), names, &named));
}

int leat_tls_options_set_groups(leat_tls_options *options, const char *names)
{
    const struct leati_tls_credentials_options named = {.groups = names};
    return conclude(options, set_names(options, MEMBER(groups), names, &named));
}

int leat_tls_options_set_use_remote_cipher_prefer(leat_tls_options *options, bool prefer)
{
    return conclude(options, set_bool(options, MEMBER(prefer_remote_ciphers), prefer));
}

int leat_tls_options_set_is_bidirectional_authentication(leat_tls_options *options,
                                                         bool bidirectional)
{
    return conclude(options, set_bool(options, MEMBER(bidirectional), bidirectional));
}

int leat_tls_options_set_alpn_protocols(leat_tls_options *options, const char *const *protocols,
                                        size_t count)
{
    const struct leati_tls_credentials_options named = {.alpn = protocols, .alpn_count = count};
    return conclude(options, set_named_texts(options, MEMBER(alpn), protocols, count, &named));
}

int leat_tls_options_set_skip_remote_validation(leat_tls_options *options, bool skip)
{
    return conclude(options, set_bool(options, MEMBER(skip_verification), skip));
}

int leat_tls_options_set_server_name(leat_tls_options *options, const char *name)
{
    return conclude(options, name && !*name ? refuse(options, "the server name is empty")
                                            : set_string(options, MEMBER(server_name), name));
}

int leat_tls_options_set_session_resumption(leat_tls_options *options, bool resume)
{
    return conclude(options, set_bool(options, MEMBER(session_resumption), resume));
}

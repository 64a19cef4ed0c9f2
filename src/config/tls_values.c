/* SPDX-License-Identifier: Apache-2.0 */
#include "config/tls_values.h"

#include "util/alloc.h"

#include <string.h>

/* ---- owned parts ----------------------------------------------------------------------- */

static void texts_done(struct leati_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        leati_free_secret(texts->items[i]);
    leati_free(texts->items);
    *texts = (struct leati_texts){.items = NULL};
}

/* `dst` is for texts_done() in any case. */
static bool texts_copy(struct leati_texts *dst, const char *const *items, size_t count)
{
    *dst = (struct leati_texts){.items = NULL};
    if (count > 0 && !(dst->items = leati_calloc(count, sizeof(*dst->items))))
        return false;
    for (; dst->count < count; dst->count++)
        if (!(dst->items[dst->count] = leati_strdup(items[dst->count])))
            return false;
    return true;
}

#define ITEMS(texts) ((const char *const *)(texts)->items)

static bool texts_clone(struct leati_texts *dst, const struct leati_texts *src)
{
    return texts_copy(dst, ITEMS(src), src->count);
}

static void cert_source_done(struct leati_cert_source *source)
{
    leati_free(source->cert_path);
    leati_free(source->key_path);
    texts_done(&source->cert);
    leati_free_secret(source->key);
    leati_free_secret(source->key_password);
    *source = (struct leati_cert_source){.key = NULL};
}

/* `dst` is empty, and for cert_source_done() in any case. */
static bool cert_source_copy(struct leati_cert_source *dst, const struct leati_cert_source *src)
{
    dst->sign = src->sign;
    dst->sign_user = src->sign_user;
    return leati_strdup_optional(&dst->cert_path, src->cert_path) &&
           leati_strdup_optional(&dst->key_path, src->key_path) &&
           texts_clone(&dst->cert, &src->cert) && leati_strdup_optional(&dst->key, src->key) &&
           leati_strdup_optional(&dst->key_password, src->key_password);
}

static bool cert_is_there(const struct leati_cert_source *source)
{
    return source->cert_path || source->cert.count > 0;
}

static void more_certs_done(struct leati_tls_values *values)
{
    while (values->more_cert_count > 0)
        cert_source_done(&values->more_certs[--values->more_cert_count]);
}

/* `dst` has none. */
static bool more_certs_copy(struct leati_tls_values *dst, const struct leati_tls_values *src)
{
    for (size_t i = 0; i < src->more_cert_count; i++) {
        dst->more_cert_count++; /* also of half a copy */
        if (!cert_source_copy(&dst->more_certs[i], &src->more_certs[i]))
            return false;
    }
    return true;
}

/* ---- life ------------------------------------------------------------------------------ */

static struct leati_tls_values defaults = {
    .refs = 1,
    .min_protocol = LEAT_TLS_V12,
    .max_protocol = LEAT_TLS_V13,
    .session_resumption = true,
};

struct leati_tls_values *leati_tls_values_defaults(void)
{
    return leati_tls_values_ref(&defaults);
}

struct leati_tls_values *leati_tls_values_ref(struct leati_tls_values *values)
{
    atomic_fetch_add_explicit(&values->refs, 1, memory_order_relaxed);
    return values;
}

void leati_tls_values_unref(struct leati_tls_values *values)
{
    if (!values || atomic_fetch_sub_explicit(&values->refs, 1, memory_order_acq_rel) != 1)
        return;
    leati_free(values->ca_path);
    leati_free(values->cipher_suite);
    leati_free(values->signature_algorithms);
    leati_free(values->groups);
    leati_free(values->server_name);
    texts_done(&values->ca);
    texts_done(&values->crl);
    texts_done(&values->pins);
    texts_done(&values->alpn);
    cert_source_done(&values->cert);
    more_certs_done(values);
    cert_source_done(&values->server_cert);
    leati_free(values);
}

static struct leati_tls_values *values_clone(const struct leati_tls_values *src)
{
    struct leati_tls_values *dst = leati_calloc(1, sizeof(*dst));
    if (!dst)
        return NULL;
    /* The values come over as a whole, so that none can be forgotten. */
    memcpy(dst, src, offsetof(struct leati_tls_values, LEATI_TLS_VALUES_OWNED));
    atomic_init(&dst->refs, 1);
    if (leati_strdup_optional(&dst->ca_path, src->ca_path) &&
        leati_strdup_optional(&dst->cipher_suite, src->cipher_suite) &&
        leati_strdup_optional(&dst->signature_algorithms, src->signature_algorithms) &&
        leati_strdup_optional(&dst->groups, src->groups) &&
        leati_strdup_optional(&dst->server_name, src->server_name) &&
        texts_clone(&dst->ca, &src->ca) && texts_clone(&dst->crl, &src->crl) &&
        texts_clone(&dst->pins, &src->pins) && texts_clone(&dst->alpn, &src->alpn) &&
        cert_source_copy(&dst->cert, &src->cert) && more_certs_copy(dst, src) &&
        cert_source_copy(&dst->server_cert, &src->server_cert))
        return dst;
    leati_tls_values_unref(dst);
    return NULL;
}

struct leati_tls_values *leati_tls_values_edit(struct leati_tls_values **slot)
{
    struct leati_tls_values *values = *slot;
    if (values != &defaults && atomic_load_explicit(&values->refs, memory_order_acquire) == 1)
        return values;
    struct leati_tls_values *own = values_clone(values);
    if (!own)
        return NULL;
    leati_tls_values_unref(values);
    *slot = own;
    return own;
}

/* ---- setters --------------------------------------------------------------------------- */

static int refuse(struct leati_failure *failure, int code, const char *text)
{
    const struct leati_fault fault = {.code = code, .layer = LEAT_LAYER_TLS};
    return leati_failure_replace(failure, &fault, "%s", text);
}

static int no_memory(struct leati_failure *failure)
{
    return refuse(failure, LEAT_E_SYSTEM_INTERNAL, "out of memory");
}

static void *member_of(struct leati_tls_values *values, size_t member)
{
    return (char *)values + member;
}

int leati_tls_values_set_string(struct leati_tls_values **slot, size_t member, const char *value,
                                struct leati_failure *failure)
{
    char *copy;
    if (!leati_strdup_optional(&copy, value))
        return no_memory(failure);
    struct leati_tls_values *values = leati_tls_values_edit(slot);
    if (!values) {
        leati_free(copy);
        return no_memory(failure);
    }
    char **string = member_of(values, member);
    leati_free(*string);
    *string = copy;
    return LEAT_OK;
}

int leati_tls_values_check_texts(const char *const *items, size_t count,
                                 struct leati_failure *failure)
{
    for (size_t i = 0; items && i < count; i++)
        if (!items[i])
            return refuse(failure, LEAT_E_PARAMETER, "a text is NULL");
    return items || count == 0 ? LEAT_OK : refuse(failure, LEAT_E_PARAMETER, "a text is NULL");
}

int leati_tls_values_set_texts(struct leati_tls_values **slot, size_t member,
                               const char *const *items, size_t count,
                               struct leati_failure *failure)
{
    struct leati_texts copy;
    int code = leati_tls_values_check_texts(items, count, failure);
    if (code != LEAT_OK)
        return code;
    struct leati_tls_values *values =
        texts_copy(&copy, items, count) ? leati_tls_values_edit(slot) : NULL;
    if (!values) {
        texts_done(&copy);
        return no_memory(failure);
    }
    struct leati_texts *texts = member_of(values, member);
    texts_done(texts);
    *texts = copy;
    return LEAT_OK;
}

/* A copy of what the program gave, and the values that may be changed: both, or nothing. */
static int cert_take(struct leati_tls_values **slot, const struct leati_cert_source *source,
                     struct leati_failure *failure, struct leati_tls_values **ret_values,
                     struct leati_cert_source *ret_copy)
{
    struct leati_cert_source copy = {.key = NULL};
    int code = leati_tls_values_check_texts(ITEMS(&source->cert), source->cert.count, failure);
    if (code != LEAT_OK)
        return code;
    struct leati_tls_values *values =
        cert_source_copy(&copy, source) ? leati_tls_values_edit(slot) : NULL;
    if (!values) {
        cert_source_done(&copy);
        return no_memory(failure);
    }
    *ret_values = values;
    *ret_copy = copy;
    return LEAT_OK;
}

int leati_tls_values_set_cert(struct leati_tls_values **slot, size_t member,
                              const struct leati_cert_source *source, struct leati_failure *failure)
{
    struct leati_tls_values *values;
    struct leati_cert_source copy;
    int code = cert_take(slot, source, failure, &values, &copy);
    if (code != LEAT_OK)
        return code;
    struct leati_cert_source *kept = member_of(values, member);
    cert_source_done(kept);
    *kept = copy;
    if (kept == &values->cert)
        more_certs_done(values);
    return LEAT_OK;
}

int leati_tls_values_add_cert(struct leati_tls_values **slot,
                              const struct leati_cert_source *source, struct leati_failure *failure)
{
    struct leati_cert_source copy;
    if (!cert_is_there(&(*slot)->cert))
        return leati_tls_values_set_cert(slot, offsetof(struct leati_tls_values, cert), source,
                                         failure);
    if ((*slot)->more_cert_count == LEATI_TLS_MORE_CERTS_MAX)
        return refuse(failure, LEAT_E_PARAMETER, "there are 8 certificates already");
    struct leati_tls_values *values;
    int code = cert_take(slot, source, failure, &values, &copy);
    if (code != LEAT_OK)
        return code;
    values->more_certs[values->more_cert_count++] = copy;
    return LEAT_OK;
}

int leati_tls_values_set_bool(struct leati_tls_values **slot, size_t member, bool value,
                              struct leati_failure *failure)
{
    struct leati_tls_values *values = leati_tls_values_edit(slot);
    if (!values)
        return no_memory(failure);
    *(bool *)member_of(values, member) = value;
    return LEAT_OK;
}

static bool is_protocol(enum leat_tls_protocol protocol)
{
    return protocol == LEAT_TLS_V12 || protocol == LEAT_TLS_V13;
}

int leati_tls_values_set_protocols(struct leati_tls_values **slot, enum leat_tls_protocol min,
                                   enum leat_tls_protocol max, struct leati_failure *failure)
{
    if (!is_protocol(min) || !is_protocol(max) || min > max)
        return refuse(failure, LEAT_E_PARAMETER,
                      "TLS versions are 1.2 (LEAT_TLS_V12) and 1.3 (LEAT_TLS_V13), the lower one "
                      "first");
    struct leati_tls_values *values = leati_tls_values_edit(slot);
    if (!values)
        return no_memory(failure);
    values->min_protocol = min;
    values->max_protocol = max;
    return LEAT_OK;
}

int leati_tls_values_check(const struct leati_tls_credentials_options *names,
                           struct leati_failure *failure)
{
    struct leati_failure found;
    leati_failure_init(&found);
    int code = leati_tls_credentials_check(names, &found);
    if (code == LEAT_OK)
        return code;
    leati_failure_done(failure);
    *failure = found;
    return code;
}

/* ---- what they are for ------------------------------------------------------------------ */

static const struct leati_cert_source *serving_cert(const struct leati_tls_values *values)
{
    return cert_is_there(&values->server_cert) || !values->cert_serves ? &values->server_cert
                                                                       : &values->cert;
}

bool leati_tls_values_serve(const struct leati_tls_values *values)
{
    return cert_is_there(serving_cert(values));
}

static const struct leati_cert_source *cert_of_role(const struct leati_tls_values *values,
                                                    enum leati_tls_role role)
{
    static const struct leati_cert_source none;
    switch (role) {
    case LEATI_TLS_ROLE_CLIENT:
        return &values->cert;
    case LEATI_TLS_ROLE_SERVER:
        return serving_cert(values);
    case LEATI_TLS_ROLE_ANONYMOUS:
        break;
    }
    return &none;
}

struct leati_tls_credentials_options leati_tls_values_credentials(
    const struct leati_tls_values *values, enum leati_tls_role role, bool verifies)
{
    const struct leati_cert_source *cert = cert_of_role(values, role);
    return (struct leati_tls_credentials_options){
        .ca_path = values->ca_path,
        .ca_texts = ITEMS(&values->ca),
        .ca_text_count = values->ca.count,
        .cert_path = cert->cert_path,
        .key_path = cert->key_path,
        .cert_texts = ITEMS(&cert->cert),
        .cert_text_count = cert->cert.count,
        .key_text = cert->key,
        .key_password = cert->key_password,
        .sign = cert->sign,
        .sign_user = cert->sign_user,
        .more_certs = values->more_certs,
        .more_cert_count = cert == &values->cert ? values->more_cert_count : 0,
        .crl_texts = ITEMS(&values->crl),
        .crl_text_count = values->crl.count,
        .pins = ITEMS(&values->pins),
        .pin_count = values->pins.count,
        .alpn = ITEMS(&values->alpn),
        .alpn_count = values->alpn.count,
        .cipher_suites = values->cipher_suite,
        .signature_algorithms = values->signature_algorithms,
        .groups = values->groups,
        .need_ca = verifies,
        .is_server = role == LEATI_TLS_ROLE_SERVER,
    };
}

int leati_tls_values_check_client(const struct leati_tls_values *values,
                                  struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_TLS};
    if (!values->bidirectional || cert_is_there(&values->cert))
        return LEAT_OK;
    return leati_failure_set(failure, &fault,
                             "bidirectional authentication needs a certificate of our own");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_gss.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_gss fake_gss;

/* Several contexts may be made at once. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Of a context; how often it was called. */
struct context {
    unsigned calls;
};

static void *handle_new(size_t size)
{
    atomic_fetch_add(&fake_gss.handles, 1);
    return calloc(1, size);
}

static void handle_free(void *handle)
{
    if (handle)
        atomic_fetch_sub(&fake_gss.handles, 1);
    free(handle);
}

static void buffer_fill(struct leati_gss_buffer *buffer, const void *data, size_t len)
{
    buffer->value = handle_new(len + 1);
    buffer->length = len;
    memcpy(buffer->value, data, len);
}

static void text_copy(char *to, size_t cap, const struct leati_gss_buffer *from)
{
    snprintf(to, cap, "%.*s", (int)from->length, (const char *)from->value);
}

static uint32_t fake_import_name(uint32_t *minor, const struct leati_gss_buffer *name,
                                 const struct leati_gss_oid *type, leati_gss_handle *ret_name)
{
    (void)type;
    *minor = 0;
    *ret_name = handle_new(name->length + 1);
    memcpy(*ret_name, name->value, name->length);
    return LEATI_GSS_S_COMPLETE;
}

static uint32_t fake_release(uint32_t *minor, leati_gss_handle *handle)
{
    *minor = 0;
    handle_free(*handle);
    *handle = NULL;
    return LEATI_GSS_S_COMPLETE;
}

static uint32_t fake_acquire_cred(uint32_t *minor, leati_gss_handle name, uint32_t time_s,
                                  const struct leati_gss_oid_set *mechanisms, int usage,
                                  leati_gss_handle *ret_cred, struct leati_gss_oid_set **ret_actual,
                                  uint32_t *ret_time_s)
{
    (void)name, (void)time_s, (void)mechanisms, (void)usage, (void)ret_actual, (void)ret_time_s;
    *minor = 0;
    *ret_cred = handle_new(1);
    return LEATI_GSS_S_COMPLETE;
}

static uint32_t fake_acquire_cred_with_password(
    uint32_t *minor, leati_gss_handle name, const struct leati_gss_buffer *password,
    uint32_t time_s, const struct leati_gss_oid_set *mechanisms, int usage,
    leati_gss_handle *ret_cred, struct leati_gss_oid_set **ret_actual, uint32_t *ret_time_s)
{
    snprintf(fake_gss.user, sizeof(fake_gss.user), "%s", (const char *)name);
    text_copy(fake_gss.password, sizeof(fake_gss.password), password);
    return fake_acquire_cred(minor, name, time_s, mechanisms, usage, ret_cred, ret_actual,
                             ret_time_s);
}

static uint32_t fake_set_neg_mechs(uint32_t *minor, leati_gss_handle cred,
                                   const struct leati_gss_oid_set *mechanisms)
{
    (void)cred, (void)mechanisms;
    *minor = 0;
    fake_gss.restricted++;
    return LEATI_GSS_S_COMPLETE;
}

static uint32_t token_say(unsigned number, struct leati_gss_buffer *ret_token)
{
    char word[32];
    size_t len = (size_t)snprintf(word, sizeof(word), "initiator %u", number);

    buffer_fill(ret_token, word, len);
    if (fake_gss.token_bytes > 0) {
        ret_token->value = realloc(ret_token->value, fake_gss.token_bytes + 1);
        memset(ret_token->value, 'x', fake_gss.token_bytes);
        ret_token->length = fake_gss.token_bytes;
    }
    return LEATI_GSS_S_CONTINUE_NEEDED;
}

static uint32_t step_do(struct context *context, const struct leati_gss_buffer *token,
                        struct leati_gss_buffer *ret_token)
{
    unsigned rounds = fake_gss.rounds ? fake_gss.rounds : 1;
    char word[32];

    if (++context->calls == 1)
        return token_say(1, ret_token);
    size_t len = (size_t)snprintf(word, sizeof(word), "acceptor %u", context->calls - 1);
    if (!token || token->length != len || memcmp(token->value, word, len) != 0)
        return LEATI_GSS_S_DEFECTIVE_TOKEN;
    const bool is_done = context->calls > rounds;
    uint32_t major = LEATI_GSS_S_COMPLETE;
    if (!is_done || fake_gss.last_token)
        major = token_say(context->calls, ret_token);
    return is_done ? (uint32_t)LEATI_GSS_S_COMPLETE : major;
}

static uint32_t fake_init_sec_context(
    uint32_t *minor, leati_gss_handle cred, leati_gss_handle *context, leati_gss_handle target,
    const struct leati_gss_oid *mechanism, uint32_t flags, uint32_t time_s, const void *bindings,
    const struct leati_gss_buffer *token, const struct leati_gss_oid **ret_mechanism,
    struct leati_gss_buffer *ret_token, uint32_t *ret_flags, uint32_t *ret_time_s)
{
    (void)cred, (void)mechanism, (void)time_s, (void)bindings, (void)ret_mechanism,
        (void)ret_time_s;
    unsigned call = atomic_fetch_add(&fake_gss.calls, 1) + 1;
    *minor = 0;
    atomic_fetch_add(&fake_gss.inside, 1);
    while (atomic_load(&fake_gss.blocks))
        poll(NULL, 0, 1);
    pthread_mutex_lock(&lock);
    snprintf(fake_gss.target, sizeof(fake_gss.target), "%s", (const char *)target);
    pthread_mutex_unlock(&lock);
    if (!*context)
        *context = handle_new(sizeof(struct context));
    if (ret_flags)
        *ret_flags = fake_gss.flags ? fake_gss.flags : flags;
    uint32_t major = step_do(*context, token, ret_token);
    if (call == fake_gss.fails_at) {
        fake_release(minor, &ret_token->value);
        ret_token->length = 0;
        *minor = fake_gss.minor;
        major = fake_gss.major;
        if (!token)
            fake_release(&(uint32_t){0}, context); /* a first call that fails leaves none */
    }
    atomic_fetch_sub(&fake_gss.inside, 1);
    return major;
}

static uint32_t fake_delete_sec_context(uint32_t *minor, leati_gss_handle *context,
                                        struct leati_gss_buffer *ret_token)
{
    (void)ret_token;
    return fake_release(minor, context);
}

static uint32_t fake_display_status(uint32_t *minor, uint32_t status, int type,
                                    const struct leati_gss_oid *mechanism, uint32_t *more,
                                    struct leati_gss_buffer *ret_text)
{
    (void)mechanism;
    char text[64];
    int len = snprintf(text, sizeof(text), "%s status %x",
                       type == LEATI_GSS_C_MECH_CODE ? "minor" : "major", status);
    *minor = *more = 0;
    buffer_fill(ret_text, text, (size_t)len);
    return LEATI_GSS_S_COMPLETE;
}

static uint32_t fake_release_buffer(uint32_t *minor, struct leati_gss_buffer *buffer)
{
    buffer->length = 0;
    return fake_release(minor, &buffer->value);
}

/* ---- messages ----------------------------------------------------------------------------------- */

static uint32_t sum_of(const uint8_t *data, size_t len)
{
    uint32_t sum = 1;
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + data[i];
    return sum;
}

void fake_gss_seal(bool confidential, const void *data, size_t len, uint8_t *token)
{
    const uint8_t *bytes = data;

    token[0] = 'W';
    token[1] = confidential;
    for (size_t i = 0; i < len; i++)
        token[2 + i] = confidential ? bytes[i] ^ 0x5a : bytes[i];
    uint32_t sum = sum_of(token, len + 2);
    for (size_t i = 0; i < 4; i++)
        token[2 + len + i] = (uint8_t)(sum >> (8 * i));
}

bool fake_gss_open(const uint8_t *token, size_t len, uint8_t *data, bool *ret_confidential)
{
    if (len < FAKE_GSS_OVERHEAD || token[0] != 'W' || token[1] > 1)
        return false;
    uint32_t sum = sum_of(token, len - 4);
    for (size_t i = 0; i < 4 && !fake_gss.trusts; i++)
        if (token[len - 4 + i] != (uint8_t)(sum >> (8 * i)))
            return false;
    for (size_t i = 2; i < len - 4; i++)
        data[i - 2] = token[1] ? token[i] ^ 0x5a : token[i];
    *ret_confidential = token[1];
    return true;
}

static uint32_t fake_wrap(uint32_t *minor, leati_gss_handle context, int confidential, uint32_t qop,
                          const struct leati_gss_buffer *data, int *ret_confidential,
                          struct leati_gss_buffer *ret_token)
{
    (void)context, (void)qop;
    *minor = fake_gss.protects_nothing ? fake_gss.minor : 0;
    if (fake_gss.protects_nothing)
        return fake_gss.major;
    ret_token->length = data->length + FAKE_GSS_OVERHEAD;
    ret_token->value = handle_new(ret_token->length);
    fake_gss_seal(confidential, data->value, data->length, ret_token->value);
    *ret_confidential = confidential;
    return LEATI_GSS_S_COMPLETE;
}

static uint32_t fake_unwrap(uint32_t *minor, leati_gss_handle context,
                            const struct leati_gss_buffer *token, struct leati_gss_buffer *ret_data,
                            int *ret_confidential, uint32_t *ret_qop)
{
    (void)context, (void)ret_qop;
    bool confidential = false;
    *minor = fake_gss.protects_nothing ? fake_gss.minor : 0;
    if (fake_gss.protects_nothing)
        return fake_gss.major;
    ret_data->value = handle_new(token->length + 1);
    ret_data->length = token->length < FAKE_GSS_OVERHEAD ? 0 : token->length - FAKE_GSS_OVERHEAD;
    if (fake_gss_open(token->value, token->length, ret_data->value, &confidential)) {
        *ret_confidential = confidential;
        return LEATI_GSS_S_COMPLETE;
    }
    fake_release_buffer(minor, ret_data);
    return 6u << 16; /* GSS_S_BAD_SIG */
}

void fake_gss_use(const struct fake_gss *with)
{
    static const struct leati_gss_api api = {
        .import_name = fake_import_name,
        .release_name = fake_release,
        .acquire_cred = fake_acquire_cred,
        .acquire_cred_with_password = fake_acquire_cred_with_password,
        .set_neg_mechs = fake_set_neg_mechs,
        .release_cred = fake_release,
        .init_sec_context = fake_init_sec_context,
        .delete_sec_context = fake_delete_sec_context,
        .display_status = fake_display_status,
        .wrap = fake_wrap,
        .unwrap = fake_unwrap,
        .release_buffer = fake_release_buffer,
    };
    fake_gss = (struct fake_gss){
        .rounds = with->rounds,
        .fails_at = with->fails_at,
        .protects_nothing = with->protects_nothing,
        .major = with->major,
        .minor = with->minor,
        .flags = with->flags,
        .last_token = with->last_token,
        .trusts = with->trusts,
        .token_bytes = with->token_bytes,
    };
    atomic_store(&fake_gss.blocks, with->blocks);
    leati_gss_api_hook = &api;
}

void fake_gss_await_rest(int patience_ms)
{
    for (int i = 0; i < patience_ms && atomic_load(&fake_gss.handles) > 0; i++)
        poll(NULL, 0, 1);
    if (atomic_load(&fake_gss.handles) != 0)
        abort();
}

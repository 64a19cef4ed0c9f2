/* SPDX-License-Identifier: Apache-2.0 */
#include "gss/gss.h"

#include "gss/helper.h"
#include "gss/session.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <leat/error_codes.h>

#include <string.h>

struct leati_gss {
    leat_loop *loop;
    void (*ready)(void *user);
    void *user;
    struct leati_gss_session *session; /* the helper's while it works */
    struct leati_helper_work *work;    /* NULL = it does not work */
    unsigned fork_count;
};

/* ---- the helper --------------------------------------------------------------------------------- */

static void step_run(void *data)
{
    leati_gss_session_step(data);
}

static void step_ran(void *data, void *user)
{
    struct leati_gss *gss = user;

    (void)data;
    gss->work = NULL;
    gss->ready(gss->user);
}

static void step_drop(void *data, bool is_ours)
{
    leati_gss_session_free(data, is_ours);
}

static const struct leati_helper_ops step_ops = {
    .run = step_run,
    .ran = step_ran,
    .drop = step_drop,
};

/* ---- the object --------------------------------------------------------------------------------- */

struct leati_gss *leati_gss_new(const struct leati_gss_options *options)
{
    struct leati_gss *gss = leati_calloc(1, sizeof(*gss));
    struct leati_gss_session *session = leati_calloc(1, sizeof(*session));

    if (!gss || !session) {
        leati_free(session);
        leati_free(gss);
        return NULL;
    }
    *session = (struct leati_gss_session){
        .mechanism = options->mechanism,
        .allows_ntlm = options->allows_ntlm,
        .protects = options->protects,
        .target = leati_asprintf("%s@%s", options->service, options->host),
    };
    *gss = (struct leati_gss){
        .loop = options->loop,
        .ready = options->ready,
        .user = options->user,
        .session = session,
        .fork_count = leati_fork_count(),
    };
    if (!session->target || !leati_strdup_optional(&session->user_name, options->user_name) ||
        !leati_strdup_optional(&session->password, options->password)) {
        leati_gss_free(gss);
        return NULL;
    }
    return gss;
}

void leati_gss_free(struct leati_gss *gss)
{
    if (!gss)
        return;
    if (gss->work) {
        leati_helper_give_up(gss->work);
    } else {
        leati_fork_hold();
        leati_gss_session_free(gss->session, gss->fork_count == leati_fork_count());
        leati_fork_let();
    }
    leati_free(gss);
}

void leati_gss_step(struct leati_gss *gss, const uint8_t *token, size_t len)
{
    struct leati_gss_session *session = gss->session;
    int code = LEAT_E_SYSTEM_INTERNAL;

    if (len > 0) {
        session->input.value = leati_bytes_dup(token, len);
        session->input.length = len;
    }
    if (len == 0 || session->input.value)
        code = leati_helper_start(gss->loop, &step_ops, session, gss, &gss->work);
    if (code == LEAT_E_SYSTEM_INTERNAL)
        leati_gss_session_refuse(session, LEATI_GSS_NO_MEMORY, "no memory");
    else if (code != LEAT_OK)
        leati_gss_session_refuse(
            session, LEATI_GSS_FORKED,
            "this process was forked while another thread was inside of GSS-API: "
            "fork earlier, or exec");
}

enum leati_gss_turn leati_gss_turn(const struct leati_gss *gss)
{
    return gss->work ? LEATI_GSS_WORKING : gss->session->turn;
}

size_t leati_gss_token(const struct leati_gss *gss, const uint8_t **ret_token)
{
    if (gss->work)
        return 0;
    *ret_token = gss->session->output.value;
    return gss->session->output.length;
}

const struct leati_gss_failure *leati_gss_failure(const struct leati_gss *gss)
{
    return &gss->session->failure;
}

const char *leati_gss_target(const struct leati_gss *gss)
{
    /* Never written once it is made. */
    return gss->session->target;
}

bool leati_gss_is_mutual(const struct leati_gss *gss)
{
    return gss->session->flags & LEATI_GSS_C_MUTUAL;
}

bool leati_gss_has_integrity(const struct leati_gss *gss)
{
    return gss->session->flags & LEATI_GSS_C_INTEG;
}

bool leati_gss_has_confidentiality(const struct leati_gss *gss)
{
    return gss->session->flags & LEATI_GSS_C_CONF;
}

/* ---- messages ----------------------------------------------------------------------------------- */

static bool protection_failed(struct leati_gss_session *session, const char *call, uint32_t major,
                              uint32_t minor)
{
    if (major == LEATI_GSS_S_COMPLETE)
        leati_gss_session_refuse(session, LEATI_GSS_BAD_TOKEN,
                                 "a message has not the confidentiality that was agreed on");
    else
        leati_gss_session_fail(session, call, major, minor);
    session->turn = LEATI_GSS_DONE;
    return false;
}

bool leati_gss_wrap(struct leati_gss *gss, bool confidential, const void *data, size_t len,
                    struct leati_gss_bytes *ret_token)
{
    struct leati_gss_session *session = gss->session;
    /* It has no const. */
    const struct leati_gss_buffer plain = {len, (void *)(uintptr_t)data};
    struct leati_gss_buffer token = {0};
    uint32_t minor = 0;
    int is_confidential = 0;

    leati_fork_hold();
    uint32_t major = session->api->wrap(&minor, session->context, confidential, 0, &plain,
                                        &is_confidential, &token);
    leati_fork_let();
    *ret_token = (struct leati_gss_bytes){token.value, token.length};
    if (!LEATI_GSS_ERROR(major) && is_confidential >= confidential)
        return true;
    leati_gss_bytes_done(gss, ret_token);
    return protection_failed(session, "gss_wrap", major, minor);
}

/* `allowed`: what the order of the messages may be besides the right one. */
static bool token_unwrap(struct leati_gss *gss, bool confidential, uint32_t allowed,
                         const void *token, size_t len, struct leati_gss_bytes *ret_data)
{
    struct leati_gss_session *session = gss->session;
    const struct leati_gss_buffer sealed = {len, (void *)(uintptr_t)token};
    struct leati_gss_buffer plain = {0};
    uint32_t minor = 0;
    int is_confidential = 0;

    leati_fork_hold();
    uint32_t major =
        session->api->unwrap(&minor, session->context, &sealed, &plain, &is_confidential, NULL);
    leati_fork_let();
    *ret_data = (struct leati_gss_bytes){plain.value, plain.length};
    major &= ~allowed;
    if (major == LEATI_GSS_S_COMPLETE && is_confidential >= confidential)
        return true;
    leati_gss_bytes_done(gss, ret_data);
    return protection_failed(session, "gss_unwrap", major, minor);
}

/* Replayed, old, or out of order is as bad as forged: TCP does none of that. */
bool leati_gss_unwrap(struct leati_gss *gss, bool confidential, const void *token, size_t len,
                      struct leati_gss_bytes *ret_data)
{
    return token_unwrap(gss, confidential, 0, token, len, ret_data);
}

bool leati_gss_unwrap_datagram(struct leati_gss *gss, bool confidential, const void *token,
                               size_t len, struct leati_gss_bytes *ret_data)
{
    return token_unwrap(gss, confidential, LEATI_GSS_S_UNSEQ_TOKEN | LEATI_GSS_S_GAP_TOKEN, token,
                        len, ret_data);
}

void leati_gss_bytes_done(struct leati_gss *gss, struct leati_gss_bytes *bytes)
{
    struct leati_gss_buffer buffer = {bytes->len, bytes->data};
    uint32_t unused;

    if (!bytes->data)
        return;
    leati_wipe(bytes->data, bytes->len);
    gss->session->api->release_buffer(&unused, &buffer);
    *bytes = (struct leati_gss_bytes){0};
}

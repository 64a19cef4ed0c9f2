/* SPDX-License-Identifier: Apache-2.0 */
#include "gss/session.h"

#include "gss/mechanisms.h"
#include "util/alloc.h"

#include <string.h>

static bool is_empty(const char *s)
{
    return !s || !*s;
}

static struct leati_gss_buffer buffer_of(char *text)
{
    return (struct leati_gss_buffer){.length = text ? strlen(text) : 0, .value = text};
}

/* ---- who the service is, and who we are --------------------------------------------------------- */

static bool target_import(struct leati_gss_session *session)
{
    const struct leati_gss_buffer target = buffer_of(session->target);
    uint32_t minor = 0;

    if (session->name)
        return true;
    uint32_t major =
        session->api->import_name(&minor, &target, &leati_gss_nt_hostbased_service, &session->name);
    if (!LEATI_GSS_ERROR(major))
        return true;
    leati_gss_session_fail(session, "gss_import_name", major, minor);
    return false;
}

/* For `mechanism`, by user name and password. */
static uint32_t password_acquire(struct leati_gss_session *session,
                                 const struct leati_gss_oid_set *mechanism, uint32_t *ret_minor,
                                 leati_gss_handle *ret_cred)
{
    const struct leati_gss_api *api = session->api;
    const struct leati_gss_buffer user = buffer_of(session->user_name);
    char none[] = "";
    const struct leati_gss_buffer password =
        buffer_of(session->password ? session->password : none);
    leati_gss_handle name = NULL;
    uint32_t unused;

    uint32_t major = api->import_name(ret_minor, &user, &leati_gss_nt_user_name, &name);
    if (LEATI_GSS_ERROR(major))
        return major;
    major = api->acquire_cred_with_password(ret_minor, name, &password, 0, mechanism,
                                            LEATI_GSS_C_INITIATE, ret_cred, NULL, NULL);
    api->release_name(&unused, &name);
    return major;
}

static uint32_t cred_acquire_for(struct leati_gss_session *session,
                                 const struct leati_gss_oid_set *mechanism, uint32_t *ret_minor,
                                 leati_gss_handle *ret_cred)
{
    if (!is_empty(session->user_name))
        return password_acquire(session, mechanism, ret_minor, ret_cred);
    return session->api->acquire_cred(ret_minor, NULL, 0, mechanism, LEATI_GSS_C_INITIATE, ret_cred,
                                      NULL, NULL);
}

/* SPNEGO takes whatever mechanism has credentials, and any password is good enough for NTLM, which
 * would be shown to a proxy by a program that allows Kerberos only. */
static uint32_t cred_restrict(struct leati_gss_session *session, uint32_t *ret_minor)
{
    if (session->mechanism != LEATI_GSS_SPNEGO || session->allows_ntlm)
        return LEATI_GSS_S_COMPLETE;
    return session->api->set_neg_mechs(ret_minor, session->cred, &leati_gss_only_kerberos);
}

static bool cred_acquire(struct leati_gss_session *session)
{
    uint32_t minor = 0;

    if (session->cred)
        return true;
    uint32_t major = cred_acquire_for(session, leati_gss_mechanism_set(session->mechanism), &minor,
                                      &session->cred);
    if (!LEATI_GSS_ERROR(major))
        major = cred_restrict(session, &minor);
    if (!LEATI_GSS_ERROR(major))
        return true;
    leati_gss_session_fail(session, "gss_acquire_cred", major, minor);
    return false;
}

/* ---- the step ----------------------------------------------------------------------------------- */

static uint32_t kerberos_try(struct leati_gss_session *session, uint32_t *ret_minor)
{
    const struct leati_gss_api *api = session->api;
    leati_gss_handle cred = NULL, context = NULL;
    struct leati_gss_buffer token = {0};
    uint32_t unused;

    uint32_t major = cred_acquire_for(session, &leati_gss_only_kerberos, ret_minor, &cred);
    if (!LEATI_GSS_ERROR(major))
        major =
            api->init_sec_context(ret_minor, cred, &context, session->name, &leati_gss_oid_kerberos,
                                  LEATI_GSS_C_MUTUAL, 0, NULL, NULL, NULL, &token, NULL, NULL);
    if (token.value)
        api->release_buffer(&unused, &token);
    if (context)
        api->delete_sec_context(&unused, &context, NULL);
    if (cred)
        api->release_cred(&unused, &cred);
    return major;
}

/* SPNEGO only says that it has found no mechanism; Kerberos says why it was none. */
static bool kerberos_explains(struct leati_gss_session *session)
{
    uint32_t minor = 0;

    uint32_t major = kerberos_try(session, &minor);
    if (!LEATI_GSS_ERROR(major))
        return false;
    session->mechanism = LEATI_GSS_KERBEROS;
    leati_gss_session_fail(session, "gss_init_sec_context", major, minor);
    session->mechanism = LEATI_GSS_SPNEGO;
    return true;
}

static uint32_t wanted_flags(const struct leati_gss_session *session)
{
    uint32_t flags = LEATI_GSS_C_MUTUAL | LEATI_GSS_C_REPLAY;

    if (session->protects)
        flags |= LEATI_GSS_C_SEQUENCE | LEATI_GSS_C_INTEG | LEATI_GSS_C_CONF;
    return flags;
}

static void context_init(struct leati_gss_session *session)
{
    uint32_t minor = 0;
    bool is_first = !session->context;

    uint32_t major = session->api->init_sec_context(
        &minor, session->cred, &session->context, session->name,
        leati_gss_mechanism_oid(session->mechanism), wanted_flags(session), 0, NULL,
        session->input.length > 0 ? &session->input : NULL, NULL, &session->output, &session->flags,
        NULL);
    if (LEATI_GSS_ERROR(major)) {
        bool is_unclear = is_first && session->mechanism == LEATI_GSS_SPNEGO;
        if (!is_unclear || !kerberos_explains(session))
            leati_gss_session_fail(session, "gss_init_sec_context", major, minor);
        return;
    }
    if (session->output.length > LEATI_GSS_TOKEN_MAX_BYTES) {
        leati_gss_session_refuse(session, LEATI_GSS_OTHER,
                                 "our token is longer than 65535 bytes (a ticket of a user with "
                                 "very many groups?)");
        return;
    }
    session->turn = major == LEATI_GSS_S_COMPLETE ? LEATI_GSS_DONE : LEATI_GSS_CONTINUES;
    if (session->turn == LEATI_GSS_CONTINUES && session->output.length == 0)
        leati_gss_session_refuse(session, LEATI_GSS_BAD_TOKEN,
                                 "the library waits for a token and has none to send");
}

static bool library_load(struct leati_gss_session *session)
{
    const char *why = NULL;

    if (!session->api)
        session->api = leati_gss_api(&why);
    if (!session->api)
        leati_gss_session_refuse(session, LEATI_GSS_NO_LIBRARY, why);
    return session->api;
}

static void input_drop(struct leati_gss_session *session)
{
    leati_free(session->input.value);
    session->input = (struct leati_gss_buffer){0};
}

static void output_drop(struct leati_gss_session *session)
{
    uint32_t unused;

    if (session->output.value)
        session->api->release_buffer(&unused, &session->output);
    session->output = (struct leati_gss_buffer){0};
}

void leati_gss_session_step(struct leati_gss_session *session)
{
    if (library_load(session)) {
        output_drop(session);
        if (target_import(session) && cred_acquire(session))
            context_init(session);
    }
    input_drop(session);
    leati_free_secret(session->password); /* the credential has it */
    session->password = NULL;
}

static void handles_release(struct leati_gss_session *session)
{
    const struct leati_gss_api *api = session->api;
    uint32_t unused;

    if (!api)
        return;
    output_drop(session);
    if (session->context)
        api->delete_sec_context(&unused, &session->context, NULL);
    if (session->cred)
        api->release_cred(&unused, &session->cred);
    if (session->name)
        api->release_name(&unused, &session->name);
}

void leati_gss_session_free(struct leati_gss_session *session, bool is_ours)
{
    if (!session)
        return;
    if (is_ours)
        handles_release(session);
    input_drop(session);
    leati_free(session->target);
    leati_free(session->user_name);
    leati_free_secret(session->password);
    leati_free(session);
}

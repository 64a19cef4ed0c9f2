/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiate (RFC 4559) and NTLM: tokens of GSS-API, in rounds that belong to one connection. The library
 * works on threads of its own (gss/gss.h); while it does, the scheme waits. */
#include "gss/gss.h"
#include "http/auth.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

struct gss_state {
    struct leati_http_auth *auth; /* it owns this */
    struct leati_gss *gss;
    const char *scheme;
    bool is_answer; /* the step that is under way has a token of the proxy */
    bool is_proof;  /* which has come with the open tunnel */
};

static void gss_drop(struct leati_http_auth *auth)
{
    struct gss_state *state = auth->state;

    auth->state = NULL;
    if (!state)
        return;
    leati_gss_free(state->gss);
    leati_free(state);
}

/* "Negotiate " and the token. NULL without memory. */
static char *value_write(const char *scheme, const uint8_t *token, size_t len)
{
    const size_t name_len = strlen(scheme);
    const size_t cap = name_len + 1 + (len / 3 + 1) * 4 + 1;
    char *value = leati_malloc(cap);

    if (!value)
        return NULL;
    memcpy(value, scheme, name_len);
    value[name_len] = ' ';
    (void)leati_text_base64_encode(token, len, value + name_len + 1, cap - name_len - 1);
    return value;
}

static const char *failure_text(const struct leati_gss *gss)
{
    return leati_gss_failure(gss)->text;
}

static bool lacks_memory(const struct leati_gss *gss)
{
    return leati_gss_turn(gss) == LEATI_GSS_FAILED &&
           leati_gss_failure(gss)->reason == LEATI_GSS_NO_MEMORY;
}

/* The library is done with a step. */
static void gss_ready(void *user)
{
    struct gss_state *state = user;
    struct leati_http_auth *auth = state->auth;
    const uint8_t *token = NULL;
    char *value = NULL;

    if (state->is_proof) {
        leati_http_auth_judged(auth);
        return;
    }
    size_t len = leati_gss_token(state->gss, &token);
    bool is_failed = leati_gss_turn(state->gss) == LEATI_GSS_FAILED;
    if (!is_failed && len > 0) {
        value = value_write(state->scheme, token, len);
        auth->lacks_memory = !value;
    }
    auth->lacks_memory |= lacks_memory(state->gss);
    const char *reason = is_failed ? failure_text(state->gss)
                                   : "it wants one more token, and there is nothing left to say";
    /* A proxy must not get a weaker scheme by answering nonsense. */
    if (!value && state->is_answer)
        leati_http_auth_give_up(auth, reason);
    else
        leati_http_auth_answer(auth, value, reason);
}

/* The scheme that is tried decides. */
static enum leati_gss_mechanism mechanism_of(const struct leati_http_auth *auth)
{
    return auth->taken == &leati_http_auth_ntlm ? LEATI_GSS_NTLM : LEATI_GSS_SPNEGO;
}

static struct gss_state *state_new(struct leati_http_auth *auth)
{
    struct gss_state *state = leati_calloc(1, sizeof(*state));
    const struct leati_gss_options options = {
        .loop = auth->options.loop,
        .ready = gss_ready,
        .user = state,
        .mechanism = mechanism_of(auth),
        .allows_ntlm = auth->options.schemes & LEAT_PROXY_AUTH_NTLM,
        .service = auth->options.service,
        .host = auth->options.host,
        .user_name = auth->user,
        .password = auth->password,
    };
    if (!state)
        return NULL;
    state->auth = auth;
    state->scheme = auth->taken->name;
    state->gss = leati_gss_new(&options);
    if (state->gss)
        return state;
    leati_free(state);
    return NULL;
}

static enum leati_http_auth_step state_step(struct leati_http_auth *auth, const uint8_t *token,
                                            size_t len)
{
    struct gss_state *state = auth->state;

    state->is_answer = len > 0;
    leati_gss_step(state->gss, token, len);
    if (leati_gss_turn(state->gss) == LEATI_GSS_WORKING)
        return LEATI_HTTP_AUTH_WAITS;
    return lacks_memory(state->gss) ? LEATI_HTTP_AUTH_NO_MEMORY
                                    : leati_http_auth_explain(auth, LEATI_HTTP_AUTH_UNFIT, "%s",
                                                              failure_text(state->gss));
}

static enum leati_http_auth_step context_begin(struct leati_http_auth *auth)
{
    gss_drop(auth);
    auth->state = state_new(auth);
    return auth->state ? state_step(auth, NULL, 0) : LEATI_HTTP_AUTH_NO_MEMORY;
}

/* The proxy's token is the next step of the same context. */
static enum leati_http_auth_step token_take(struct leati_http_auth *auth,
                                            const struct leati_http_challenge *challenge)
{
    const struct gss_state *state = auth->state;
    const size_t cap = challenge->token68_len;
    uint8_t *token = leati_malloc(cap);
    size_t len;

    if (!token)
        return LEATI_HTTP_AUTH_NO_MEMORY;
    enum leati_http_auth_step step;
    if (!leati_text_base64_decode(challenge->token68, challenge->token68_len, token, &len) ||
        len == 0)
        step = leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED,
                                       "its token of %s is not base64", state->scheme);
    else
        step = state_step(auth, token, len);
    leati_free(token);
    return step;
}

static enum leati_http_auth_step context_go_on(struct leati_http_auth *auth,
                                               const struct leati_http_challenge *challenge)
{
    const struct gss_state *state = auth->state;

    if (leati_gss_turn(state->gss) == LEATI_GSS_CONTINUES)
        return token_take(auth, challenge);
    return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED,
                                   "it sends one more token of %s where there was nothing left "
                                   "to say",
                                   state->scheme);
}

static enum leati_http_auth_step gss_step(struct leati_http_auth *auth,
                                          const struct leati_http_auth_offer *offer, bool is_again)
{
    size_t index = 0;
    const struct leati_http_challenge *challenge =
        leati_http_auth_find(offer, auth->taken->name, &index);
    const struct gss_state *state = auth->state;

    if (!auth->options.loop)
        return LEATI_HTTP_AUTH_UNFIT;
    if (!is_again || !state)
        return context_begin(auth);
    if (challenge->token68)
        return context_go_on(auth, challenge);
    return leati_http_auth_explain(
        auth, LEATI_HTTP_AUTH_REFUSED,
        mechanism_of(auth) == LEATI_GSS_NTLM
            ? "it refuses the user by NTLM (%s)"
            : "it does not take the ticket for %s: its keytab, its clock or its rules may not fit",
        leati_gss_target(state->gss));
}

/* ---- whether the proxy is who it should be -------------------------------------------------- */

/* The token of an answer that is no 407: of Proxy-Authenticate (RFC 4559 section 5), or of
 * Proxy-Authentication-Info, where squid puts it. */
static bool proof_find(const struct leati_http_head *head, const char *scheme,
                       struct leati_http_challenge *ret_challenge)
{
    static const char *const fields[] = {"Proxy-Authenticate", "Proxy-Authentication-Info"};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *value;
        size_t cursor = 0;
        while ((value = leati_http_head_next(head, fields[i], &cursor)))
            while (leati_http_challenge_next(&value, ret_challenge))
                if (leati_http_challenge_is(ret_challenge, scheme) && ret_challenge->token68)
                    return true;
    }
    return false;
}

/* A context that is complete already has nothing to ask. */
static enum leati_http_auth_step gss_accepted(struct leati_http_auth *auth,
                                              const struct leati_http_head *head)
{
    struct gss_state *state = auth->state;
    struct leati_http_challenge proof;

    if (leati_gss_turn(state->gss) != LEATI_GSS_CONTINUES ||
        !proof_find(head, state->scheme, &proof))
        return LEATI_HTTP_AUTH_LET_IN;
    state->is_proof = true;
    enum leati_http_auth_step step = token_take(auth, &proof);
    return step == LEATI_HTTP_AUTH_UNFIT ? LEATI_HTTP_AUTH_REFUSED : step;
}

static enum leati_http_auth_step gss_verified(struct leati_http_auth *auth)
{
    const struct gss_state *state = auth->state;

    if (lacks_memory(state->gss))
        return LEATI_HTTP_AUTH_NO_MEMORY;
    switch (leati_gss_turn(state->gss)) {
    case LEATI_GSS_DONE:
        return LEATI_HTTP_AUTH_LET_IN;
    case LEATI_GSS_FAILED:
        return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED, "%s",
                                       failure_text(state->gss));
    case LEATI_GSS_NEW:
    case LEATI_GSS_WORKING:
    case LEATI_GSS_CONTINUES:
        break;
    }
    return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED,
                                   "its token of %s is not the last one, which proves who it is",
                                   state->scheme);
}

static enum leati_http_auth_step gss_again(struct leati_http_auth *auth)
{
    return auth->options.loop ? context_begin(auth) : LEATI_HTTP_AUTH_UNFIT;
}

const struct leati_http_auth_scheme leati_http_auth_negotiate = {
    .name = "Negotiate",
    .flag = LEAT_PROXY_AUTH_NEGOTIATE,
    .is_bound = true,
    .is_helped = true,
    .step = gss_step,
    .again = gss_again,
    .accepted = gss_accepted,
    .verified = gss_verified,
    .drop = gss_drop,
};

const struct leati_http_auth_scheme leati_http_auth_ntlm = {
    .name = "NTLM",
    .flag = LEAT_PROXY_AUTH_NTLM,
    .is_bound = true,
    .is_helped = true,
    .step = gss_step,
    .again = gss_again,
    .accepted = gss_accepted,
    .verified = gss_verified,
    .drop = gss_drop,
};

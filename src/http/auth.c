/* SPDX-License-Identifier: Apache-2.0 */
#include "http/auth.h"

#include "http/auth_question.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

/* The strongest first. Bearer is there only if the program has a token to give; NTLM's answer can be
 * tried out by whoever has heard it, faster than Digest's. */
static const struct leati_http_auth_scheme *const schemes[] = {
    &leati_http_auth_negotiate, &leati_http_auth_bearer, &leati_http_auth_digest,
    &leati_http_auth_ntlm,      &leati_http_auth_basic,
};
#define SCHEME_COUNT (sizeof(schemes) / sizeof(schemes[0]))

/* ---- life --------------------------------------------------------------------------------- */

static void auth_free(struct leati_http_auth *auth)
{
    if (auth->taken && auth->taken->drop)
        auth->taken->drop(auth);
    leati_http_question_abandon(auth);
    leati_free_secret(auth->value);
    leati_http_auth_memory_unref(auth->options.memory);
    leati_free(auth->target);
    leati_free(auth->proxy);
    leati_free(auth->way);
    leati_free(auth->service);
    leati_free(auth->host);
    leati_free(auth->user);
    leati_free_secret(auth->password);
    leati_free(auth);
}

struct leati_http_auth *leati_http_auth_new(const struct leati_http_auth_options *options)
{
    struct leati_http_auth *auth = leati_calloc(1, sizeof(*auth));
    if (!auth)
        return NULL;
    auth->refs = 1;
    auth->options = *options;
    if (options->memory)
        leati_http_auth_memory_ref(options->memory);
    auth->proxy = leati_strdup(options->proxy);
    auth->way = leati_strdup(options->way);
    bool has_service = leati_strdup_optional(&auth->service, options->service) &&
                       leati_strdup_optional(&auth->host, options->host);
    bool has_user = leati_strdup_optional(&auth->user, options->user);
    bool has_password = leati_strdup_optional(&auth->password, options->password);
    if (!auth->proxy || !auth->way || !has_service || !has_user || !has_password) {
        auth_free(auth);
        return NULL;
    }
    auth->options.proxy = auth->proxy;
    auth->options.way = auth->way;
    auth->options.service = auth->service;
    auth->options.host = auth->host;
    auth->options.user = auth->user;
    auth->options.password = auth->password;
    return auth;
}

struct leati_http_auth *leati_http_auth_ref(struct leati_http_auth *auth)
{
    auth->refs++;
    return auth;
}

void leati_http_auth_unref(struct leati_http_auth *auth)
{
    if (auth && --auth->refs == 0)
        auth_free(auth);
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if (is_control(*s))
            return true;
    return false;
}

const char *leati_http_auth_credentials_problem(const char *user, const char *password)
{
    if (!user)
        return password ? "there is a password for the proxy and no user name" : NULL;
    if (strchr(user, ':'))
        return "the proxy's user name has a colon, which Basic and Digest authentication cannot "
               "carry";
    if (has_control(user) || (password && has_control(password)))
        return "the proxy's user name or password has a control character, which Basic "
               "authentication cannot carry";
    return NULL;
}

/* ---- for the schemes ------------------------------------------------------------------------ */

const struct leati_http_challenge *leati_http_auth_find(const struct leati_http_auth_offer *offer,
                                                        const char *scheme, size_t *index)
{
    for (; *index < offer->count; ++*index)
        if (leati_http_challenge_is(&offer->challenges[*index], scheme))
            return &offer->challenges[(*index)++];
    return NULL;
}

static void value_drop(struct leati_http_auth *auth)
{
    leati_free_secret(auth->value);
    auth->value = NULL;
}

enum leati_http_auth_step leati_http_auth_explain(struct leati_http_auth *auth,
                                                  enum leati_http_auth_step step,
                                                  const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    leati_readable_vformat(text, sizeof(text), format, args);
    va_end(args);
    size_t pos = strlen(auth->reason);
    if (!strstr(auth->reason, text))
        leati_readable_append(auth->reason, sizeof(auth->reason), &pos, "%s%s", pos > 0 ? "; " : "",
                              text);
    return step;
}

enum leati_http_auth_step leati_http_auth_value(struct leati_http_auth *auth, char *value)
{
    value_drop(auth);
    if (!value)
        return LEATI_HTTP_AUTH_NO_MEMORY;
    if (strlen(value) > LEATI_HTTP_AUTH_VALUE_MAX_BYTES) {
        leati_free_secret(value);
        return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_UNFIT,
                                       "the answer to it is longer than %u bytes",
                                       LEATI_HTTP_AUTH_VALUE_MAX_BYTES);
    }
    auth->value = value;
    auth->is_sent = false;
    return LEATI_HTTP_AUTH_SENDS;
}

void leati_http_auth_answer(struct leati_http_auth *auth, char *value, const char *reason)
{
    if (!auth->waits) {
        leati_free_secret(value);
        return;
    }
    auth->waits = false;
    if (!value || leati_http_auth_value(auth, value) != LEATI_HTTP_AUTH_SENDS) {
        if (!value && reason)
            leati_http_auth_explain(auth, LEATI_HTTP_AUTH_UNFIT, "%s", reason);
        auth->unfit |= auth->taken->flag;
        value_drop(auth);
    }
    if (auth->answered)
        auth->answered(auth->answered_user);
}

void leati_http_auth_give_up(struct leati_http_auth *auth, const char *reason)
{
    auth->is_over = auth->waits;
    leati_http_auth_answer(auth, NULL, reason);
}

/* ---- the first request of a connection ------------------------------------------------------ */

static void taken_drop(struct leati_http_auth *auth)
{
    if (auth->taken && auth->taken->drop)
        auth->taken->drop(auth);
    auth->taken = NULL;
    auth->state = NULL;
    auth->detail[0] = '\0';
}

static const struct leati_http_auth_scheme *scheme_of(unsigned flag)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++)
        if (schemes[i]->flag == flag)
            return schemes[i];
    return NULL;
}

/* What an earlier connection of the configuration has found out. */
static void auth_recall(struct leati_http_auth *auth)
{
    struct leati_http_digest digest = {0};
    if (!auth->options.memory)
        return;
    unsigned flag =
        leati_http_auth_memory_recall(auth->options.memory, auth->way, auth->user, &digest);
    const struct leati_http_auth_scheme *scheme = scheme_of(flag & auth->options.schemes);
    if (digest.nonce && scheme)
        auth->state = leati_bytes_dup(&digest, sizeof(digest));
    if (digest.nonce && !auth->state)
        leati_http_digest_done(&digest);
    auth->taken = scheme;
}

enum leati_http_auth_step leati_http_auth_begin(struct leati_http_auth *auth, const char *target)
{
    bool is_other = !auth->target || strcmp(auth->target, target) != 0;
    if (is_other) {
        leati_free(auth->target);
        auth->target = leati_strdup(target);
        auth->rounds = auth->losses = 0; /* it has decided about the one before */
    }
    if (!auth->target)
        return LEATI_HTTP_AUTH_NO_MEMORY;
    auth->is_bound = false;
    auth->waits = false;
    leati_http_question_abandon(auth);
    if (auth->value && !auth->is_sent && !is_other)
        return LEATI_HTTP_AUTH_SENDS;
    value_drop(auth);
    auth->is_guess = auth->is_guess || auth->is_sent || !auth->taken;
    if (!auth->taken)
        auth_recall(auth);
    if (!auth->taken && auth->options.preemptive_basic && auth->user)
        auth->taken = scheme_of(LEAT_PROXY_AUTH_BASIC & auth->options.schemes);
    enum leati_http_auth_step step =
        auth->taken && auth->taken->again ? auth->taken->again(auth) : LEATI_HTTP_AUTH_UNFIT;
    auth->waits = step == LEATI_HTTP_AUTH_WAITS;
    if (step == LEATI_HTTP_AUTH_UNFIT || step == LEATI_HTTP_AUTH_REFUSED) {
        taken_drop(auth);
        return LEATI_HTTP_AUTH_UNFIT;
    }
    return step;
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* Each scheme once, without what it says. */
static void names_write(struct leati_http_auth *auth, const struct leati_http_auth_offer *offer)
{
    size_t pos = 0;
    auth->names[0] = '\0';
    for (size_t i = 0; i < offer->count; i++) {
        const struct leati_http_challenge *challenge = &offer->challenges[i];
        bool is_new = challenge->scheme_len > 0;
        for (size_t before = 0; is_new && before < i; before++)
            is_new = !leati_text_equal_nocase(challenge->scheme, challenge->scheme_len,
                                              offer->challenges[before].scheme,
                                              offer->challenges[before].scheme_len);
        if (is_new)
            leati_readable_append(
                auth->names, sizeof(auth->names), &pos, "%s%s", pos > 0 ? ", " : "",
                leati_excerpt_of(challenge->scheme, challenge->scheme_len, 24).text);
    }
}

static void offer_read(struct leati_http_auth *auth, const struct leati_http_head *head,
                       struct leati_http_auth_offer *ret_offer)
{
    const char *value;
    size_t cursor = 0;
    size_t pos = 0;
    ret_offer->count = 0;
    auth->offered[0] = '\0';
    while ((value = leati_http_head_next(head, "Proxy-Authenticate", &cursor))) {
        leati_readable_append(auth->offered, sizeof(auth->offered), &pos, "%s%s",
                              pos > 0 ? ", " : "", leati_excerpt(value, 80).text);
        while (ret_offer->count < LEATI_HTTP_CHALLENGES_MAX &&
               leati_http_challenge_next(&value, &ret_offer->challenges[ret_offer->count]))
            ret_offer->count++;
    }
    names_write(auth, ret_offer);
}

/* The scheme that was taken before keeps its state until another one has an answer. */
static enum leati_http_auth_step scheme_try(struct leati_http_auth *auth,
                                            const struct leati_http_auth_scheme *scheme,
                                            const struct leati_http_auth_offer *offer,
                                            bool is_again)
{
    const struct leati_http_auth_scheme *before = auth->taken;
    void *state = auth->state;
    if (before != scheme) {
        auth->taken = scheme;
        auth->state = NULL;
    }
    enum leati_http_auth_step step = scheme->step(auth, offer, is_again);
    if (before == scheme)
        return step;
    bool is_taken = step == LEATI_HTTP_AUTH_SENDS || step == LEATI_HTTP_AUTH_WAITS;
    void *other = is_taken ? state : auth->state;
    const struct leati_http_auth_scheme *other_scheme = is_taken ? before : scheme;
    void *kept = is_taken ? auth->state : state;
    auth->state = other;
    if (other_scheme && other_scheme->drop)
        other_scheme->drop(auth);
    auth->state = kept;
    auth->taken = is_taken ? scheme : before;
    return step;
}

/* Where nothing is offered that a row knows. */
static void unknown_tell(struct leati_http_auth *auth, const struct leati_http_auth_offer *offer)
{
    for (size_t s = 0; s < SCHEME_COUNT; s++) {
        size_t index = 0;
        if (leati_http_auth_find(offer, schemes[s]->name, &index))
            return;
    }
    for (size_t i = 0; i < offer->count; i++) {
        const struct leati_http_challenge *challenge = &offer->challenges[i];
        if (challenge->scheme_len > 0)
            leati_http_auth_explain(
                auth, LEATI_HTTP_AUTH_UNFIT, "%s is not known here",
                leati_excerpt_of(challenge->scheme, challenge->scheme_len, 24).text);
    }
}

static enum leati_http_auth_step auth_choose(struct leati_http_auth *auth,
                                             const struct leati_http_auth_offer *offer)
{
    const struct leati_http_auth_scheme *before = auth->is_sent ? auth->taken : NULL;
    bool is_weaker = false;
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        const struct leati_http_auth_scheme *scheme = schemes[i];
        size_t index = 0;
        bool is_again = scheme == before;
        if (is_weaker && !auth->is_guess)
            return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED,
                                           "it does not take %s, and weaker schemes are not tried "
                                           "after it",
                                           before->name);
        is_weaker |= is_again;
        if ((auth->unfit & scheme->flag) || !leati_http_auth_find(offer, scheme->name, &index))
            continue;
        if (!(auth->options.schemes & scheme->flag)) {
            leati_http_auth_explain(auth, LEATI_HTTP_AUTH_UNFIT, "%s is not allowed by the program",
                                    scheme->name);
            continue;
        }
        enum leati_http_auth_step step = scheme_try(auth, scheme, offer, is_again);
        if (step != LEATI_HTTP_AUTH_UNFIT) {
            auth->waits = step == LEATI_HTTP_AUTH_WAITS;
            auth->is_bound = scheme->is_bound && is_again;
            auth->is_guess = false;
            return step;
        }
        auth->unfit |= scheme->flag;
    }
    unknown_tell(auth, offer);
    return LEATI_HTTP_AUTH_REFUSED;
}

enum leati_http_auth_step leati_http_auth_challenged(struct leati_http_auth *auth,
                                                     const struct leati_http_head *head)
{
    struct leati_http_auth_offer offer;
    auth->unfit = 0;
    auth->is_over = false;
    auth->reason[0] = '\0';
    offer_read(auth, head, &offer);
    if (++auth->rounds > LEATI_HTTP_AUTH_MAX_ROUNDS)
        return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED,
                                       "it has not decided after %u rounds",
                                       LEATI_HTTP_AUTH_MAX_ROUNDS);
    enum leati_http_auth_step step = auth_choose(auth, &offer);
    if (step == LEATI_HTTP_AUTH_REFUSED && auth->options.memory && auth->is_sent)
        leati_http_auth_memory_forget(auth->options.memory, auth->way, auth->user);
    return step;
}

enum leati_http_auth_step leati_http_auth_resume(struct leati_http_auth *auth,
                                                 const struct leati_http_head *head)
{
    struct leati_http_auth_offer offer;
    if (auth->lacks_memory)
        return LEATI_HTTP_AUTH_NO_MEMORY;
    if (auth->value && !auth->is_sent)
        return LEATI_HTTP_AUTH_SENDS;
    if (auth->is_over)
        return LEATI_HTTP_AUTH_REFUSED;
    if (!head)
        return LEATI_HTTP_AUTH_UNFIT;
    auth->is_sent = false;
    offer_read(auth, head, &offer);
    return auth_choose(auth, &offer);
}

/* ---- what becomes of it --------------------------------------------------------------------- */

void leati_http_auth_sent(struct leati_http_auth *auth)
{
    auth->is_sent = auth->value != NULL;
}

/* Only what has proved itself is remembered. */
static enum leati_http_auth_step proof_follow(struct leati_http_auth *auth,
                                              enum leati_http_auth_step step)
{
    auth->waits = step == LEATI_HTTP_AUTH_WAITS;
    if (step == LEATI_HTTP_AUTH_LET_IN && auth->options.memory)
        leati_http_auth_memory_keep(auth->options.memory, auth->way, auth->user, auth->taken->flag,
                                    auth->taken == &leati_http_auth_digest ? auth->state : NULL);
    else if (step == LEATI_HTTP_AUTH_REFUSED && auth->options.memory)
        leati_http_auth_memory_forget(auth->options.memory, auth->way, auth->user);
    return step;
}

enum leati_http_auth_step leati_http_auth_accepted(struct leati_http_auth *auth,
                                                   const struct leati_http_head *head)
{
    auth->rounds = auth->losses = 0;
    auth->is_bound = false;
    auth->reason[0] = '\0';
    if (!auth->taken || !auth->is_sent)
        return LEATI_HTTP_AUTH_LET_IN;
    return proof_follow(auth, auth->taken->accepted ? auth->taken->accepted(auth, head)
                                                    : LEATI_HTTP_AUTH_LET_IN);
}

enum leati_http_auth_step leati_http_auth_verified(struct leati_http_auth *auth)
{
    return proof_follow(auth, auth->taken->verified(auth));
}

void leati_http_auth_judged(struct leati_http_auth *auth)
{
    auth->waits = false;
    if (auth->answered)
        auth->answered(auth->answered_user);
}

bool leati_http_auth_lost(struct leati_http_auth *auth)
{
    if (auth->is_bound) {
        leati_http_auth_explain(
            auth, LEATI_HTTP_AUTH_REFUSED,
            "it closes between two rounds of %s, which belong to one connection",
            auth->taken->name);
        return false;
    }
    return ++auth->losses <= LEATI_HTTP_AUTH_MAX_LOSSES;
}

bool leati_http_auth_is_helped(const struct leati_http_auth *auth)
{
    return auth->waits && auth->taken && auth->taken->is_helped;
}

const char *leati_http_auth_name(const struct leati_http_auth *auth, char *buf, size_t cap)
{
    leati_readable_format(buf, cap, "%s%s%s", auth->taken ? auth->taken->name : "",
                          auth->taken && auth->detail[0] ? " " : "", auth->detail);
    return buf;
}

void leati_http_auth_tell(const struct leati_http_auth *auth, char *buf, size_t cap, size_t *pos)
{
    char name[80];
    if (auth->offered[0])
        leati_readable_append(buf, cap, pos, "; it asks for %s", auth->offered);
    else
        leati_readable_append(buf, cap, pos, "; it names no authentication scheme");
    if (auth->reason[0])
        leati_readable_append(buf, cap, pos, "; %s", auth->reason);
    if (!auth->is_sent && !auth->user)
        leati_readable_append(buf, cap, pos, "; no credentials are configured");
    if (auth->is_sent)
        leati_readable_append(buf, cap, pos, "; credentials were sent (%s)",
                              leati_http_auth_name(auth, name, sizeof(name)));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer (RFC 6750): a token that the program has, or gets. */
#include "http/auth_question.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

#define ATTEMPTS_MAX 3u

struct parameter {
    struct parameter *next;
    char *name, *value;
};

/* Of the scheme, until it is put; then of the program, which frees it by its answer. */
struct leat_proxy_challenge {
    struct leati_http_auth *auth; /* NULL = nobody waits any more */
    char *proxy;
    struct parameter *parameters;
    unsigned attempt;
};

/* ---- the question --------------------------------------------------------------------------- */

static void question_free(struct leat_proxy_challenge *question)
{
    while (question->parameters) {
        struct parameter *parameter = question->parameters;
        question->parameters = parameter->next;
        leati_free(parameter->name);
        leati_free(parameter->value);
        leati_free(parameter);
    }
    leati_free(question->proxy);
    leati_free(question);
}

static bool parameter_add(struct leat_proxy_challenge *question,
                          const struct leati_http_challenge *challenge,
                          const struct leati_http_param *param)
{
    struct parameter *parameter = leati_calloc(1, sizeof(*parameter));
    bool is_twice;
    if (!parameter)
        return false;
    parameter->next = question->parameters;
    question->parameters = parameter;
    parameter->name = leati_bytes_dup(param->name, param->name_len);
    return parameter->name &&
           leati_http_challenge_param(challenge, parameter->name, &parameter->value, &is_twice);
}

static struct leat_proxy_challenge *question_new(struct leati_http_auth *auth,
                                                 const struct leati_http_challenge *challenge)
{
    struct leat_proxy_challenge *question = leati_calloc(1, sizeof(*question));
    struct leati_http_param param;
    size_t pos = 0;
    if (!question)
        return NULL;
    question->auth = auth;
    question->attempt = auth->tokens++;
    question->proxy = leati_strdup(auth->proxy);
    bool has_memory = question->proxy != NULL;
    while (has_memory && challenge->params &&
           leati_http_param_next(challenge->params, challenge->params_len, &pos, &param))
        has_memory = parameter_add(question, challenge, &param);
    if (has_memory)
        return question;
    question_free(question);
    return NULL;
}

void leati_http_question_abandon(struct leati_http_auth *auth)
{
    struct leat_proxy_challenge *question = auth->question;
    auth->question = NULL;
    if (!question)
        return;
    question->auth = NULL;
    if (!auth->is_asked)
        question_free(question);
    auth->is_asked = false;
}

bool leati_http_auth_has_question(const struct leati_http_auth *auth)
{
    return auth->question && !auth->is_asked;
}

void leati_http_auth_ask(struct leati_http_auth *auth)
{
    if (!leati_http_auth_has_question(auth))
        return;
    auth->is_asked = true;
    auth->options.token_fn(auth->question, auth->options.token_user);
}

/* ---- the scheme ----------------------------------------------------------------------------- */

static void bearer_drop(struct leati_http_auth *auth)
{
    leati_free_secret(auth->state);
    auth->state = NULL;
}

static enum leati_http_auth_step bearer_write(struct leati_http_auth *auth)
{
    return leati_http_auth_value(auth, leati_asprintf("Bearer %s", (const char *)auth->state));
}

static enum leati_http_auth_step bearer_step(struct leati_http_auth *auth,
                                             const struct leati_http_auth_offer *offer,
                                             bool is_again)
{
    size_t index = 0;
    (void)is_again;
    if (!auth->options.token_fn)
        return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_UNFIT,
                                       "the program has no token for Bearer");
    if (auth->tokens >= ATTEMPTS_MAX)
        return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED, "it refuses the token");
    bearer_drop(auth);
    leati_http_question_abandon(auth);
    auth->question = question_new(auth, leati_http_auth_find(offer, "Bearer", &index));
    return auth->question ? LEATI_HTTP_AUTH_WAITS : LEATI_HTTP_AUTH_NO_MEMORY;
}

static enum leati_http_auth_step bearer_again(struct leati_http_auth *auth)
{
    return auth->state ? bearer_write(auth) : LEATI_HTTP_AUTH_UNFIT;
}

const struct leati_http_auth_scheme leati_http_auth_bearer = {
    .name = "Bearer",
    .flag = LEAT_PROXY_AUTH_BEARER,
    .step = bearer_step,
    .again = bearer_again,
    .drop = bearer_drop,
};

/* ---- the program ---------------------------------------------------------------------------- */

const char *leat_proxy_challenge_get_proxy(const leat_proxy_challenge *challenge)
{
    return challenge ? challenge->proxy : "";
}

unsigned leat_proxy_challenge_get_attempt(const leat_proxy_challenge *challenge)
{
    return challenge ? challenge->attempt : 0;
}

const char *leat_proxy_challenge_get_parameter(const leat_proxy_challenge *challenge,
                                               const char *name)
{
    if (!challenge || !name)
        return NULL;
    for (const struct parameter *p = challenge->parameters; p; p = p->next)
        if (p->value && leati_text_equal_nocase(p->name, strlen(p->name), name, strlen(name)))
            return p->value;
    return NULL;
}

/* RFC 6750 section 2.1: b64token. */
static bool is_token(const char *token)
{
    size_t len =
        strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/");
    size_t padding = strspn(token + len, "=");
    return len > 0 && token[len + padding] == '\0' && len + padding <= LEATI_HTTP_TOKEN_MAX_BYTES;
}

int leat_proxy_challenge_answer(leat_proxy_challenge *challenge, const char *token)
{
    if (!challenge || (token && !is_token(token)))
        return LEAT_E_PARAMETER;
    struct leati_http_auth *auth = challenge->auth;
    if (!auth) {
        question_free(challenge);
        return LEAT_OK;
    }
    auth->question = NULL;
    auth->is_asked = false;
    char *value = token ? leati_asprintf("Bearer %s", token) : NULL;
    auth->state = token ? leati_strdup(token) : NULL;
    bool has_memory = !token || (value && auth->state);
    question_free(challenge); /* which may be where the token is */
    if (!has_memory) {
        leati_free_secret(value);
        value = NULL;
        auth->lacks_memory = true;
    }
    leati_http_auth_answer(auth, value, "the program has no token for Bearer");
    return has_memory ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

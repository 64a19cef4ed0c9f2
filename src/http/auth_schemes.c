/* SPDX-License-Identifier: Apache-2.0 */
/* Basic and Digest: what takes a user name and a password. */
#include "http/auth.h"
#include "util/alloc.h"
#include "util/random.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

static enum leati_http_auth_step are_wrong(struct leati_http_auth *auth)
{
    return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED,
                                   "it refuses the user name or the password");
}

/* ---- Basic ---------------------------------------------------------------------------------- */

/* RFC 7617 section 2. */
static enum leati_http_auth_step basic_write(struct leati_http_auth *auth)
{
    char *plain = leati_asprintf("%s:%s", auth->user, auth->password ? auth->password : "");
    if (!plain)
        return LEATI_HTTP_AUTH_NO_MEMORY;
    static const char prefix[] = "Basic ";
    size_t len = strlen(plain);
    size_t cap = (len + 2) / 3 * 4 + 1;
    char *value = leati_malloc(sizeof(prefix) - 1 + cap);
    if (value) {
        memcpy(value, prefix, sizeof(prefix) - 1);
        leati_text_base64_encode((const uint8_t *)plain, len, value + sizeof(prefix) - 1, cap);
    }
    leati_free_secret(plain);
    return leati_http_auth_value(auth, value);
}

static enum leati_http_auth_step basic_step(struct leati_http_auth *auth,
                                            const struct leati_http_auth_offer *offer,
                                            bool is_again)
{
    (void)offer; /* the realm is for people */
    if (!auth->user)
        return LEATI_HTTP_AUTH_UNFIT;
    return is_again ? are_wrong(auth) : basic_write(auth);
}

static enum leati_http_auth_step basic_again(struct leati_http_auth *auth)
{
    return auth->user ? basic_write(auth) : LEATI_HTTP_AUTH_UNFIT;
}

const struct leati_http_auth_scheme leati_http_auth_basic = {
    .name = "Basic",
    .flag = LEAT_PROXY_AUTH_BASIC,
    .step = basic_step,
    .again = basic_again,
};

/* ---- Digest --------------------------------------------------------------------------------- */

static void digest_drop(struct leati_http_auth *auth)
{
    if (auth->state)
        leati_http_digest_done(auth->state);
    leati_free(auth->state);
    auth->state = NULL;
}

static struct leati_http_digest_request digest_request(const struct leati_http_auth *auth)
{
    return (struct leati_http_digest_request){
        .user = auth->user,
        .password = auth->password,
        .method = "CONNECT",
        .uri = auth->target,
    };
}

static enum leati_http_auth_step digest_write(struct leati_http_auth *auth)
{
    const struct leati_http_digest_request request = digest_request(auth);
    snprintf(auth->detail, sizeof(auth->detail), "%s",
             leati_http_digest_algorithm_name(auth->state));
    return leati_http_auth_value(
        auth, leati_http_digest_answer(auth->state, &request, &auth->options.hashes));
}

/* The strongest of those that can be answered. */
static enum leati_http_auth_step digest_pick(struct leati_http_auth *auth,
                                             const struct leati_http_auth_offer *offer,
                                             struct leati_http_digest *best)
{
    const struct leati_http_challenge *challenge;
    const char *reason = NULL;
    size_t index = 0;
    while ((challenge = leati_http_auth_find(offer, "Digest", &index))) {
        struct leati_http_digest digest;
        enum leati_http_digest_result result =
            leati_http_digest_read(challenge, &auth->options.hashes, &digest, &reason);
        if (result == LEATI_HTTP_DIGEST_NO_MEMORY)
            return LEATI_HTTP_AUTH_NO_MEMORY;
        if (result == LEATI_HTTP_DIGEST_UNFIT)
            continue;
        bool is_better =
            !best->nonce || leati_http_digest_strength(&digest) > leati_http_digest_strength(best);
        leati_http_digest_done(is_better ? best : &digest);
        if (is_better)
            *best = digest;
    }
    if (best->nonce)
        return LEATI_HTTP_AUTH_SENDS;
    return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_UNFIT,
                                   "the challenge of Digest cannot be answered: %s", reason);
}

static bool cnonce_make(struct leati_http_digest *digest)
{
    uint8_t bytes[16];
    if (!leati_random_bytes(bytes, sizeof(bytes)))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(digest->cnonce + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static enum leati_http_auth_step digest_step(struct leati_http_auth *auth,
                                             const struct leati_http_auth_offer *offer,
                                             bool is_again)
{
    struct leati_http_digest digest = {0};
    if (!auth->user)
        return LEATI_HTTP_AUTH_UNFIT;
    enum leati_http_auth_step step = digest_pick(auth, offer, &digest);
    if (step == LEATI_HTTP_AUTH_SENDS && is_again && !auth->is_guess && !digest.is_stale)
        step = are_wrong(auth);
    char *state = step == LEATI_HTTP_AUTH_SENDS && cnonce_make(&digest)
                      ? leati_bytes_dup(&digest, sizeof(digest))
                      : NULL;
    if (!state) {
        leati_http_digest_done(&digest);
        return step == LEATI_HTTP_AUTH_SENDS ? LEATI_HTTP_AUTH_NO_MEMORY : step;
    }
    digest_drop(auth);
    auth->state = state;
    return digest_write(auth);
}

static enum leati_http_auth_step digest_again(struct leati_http_auth *auth)
{
    return auth->state && auth->user ? digest_write(auth) : LEATI_HTTP_AUTH_UNFIT;
}

/* RFC 7616 section 3.5: whether the proxy knows the password, if it says so, and the nonce that it wants
 * next. */
static enum leati_http_auth_step digest_accepted(struct leati_http_auth *auth,
                                                 const struct leati_http_head *head)
{
    const struct leati_http_digest_request request = digest_request(auth);
    const char *text = leati_http_head_get(head, "Proxy-Authentication-Info");
    const struct leati_http_challenge info = {.params = text,
                                              .params_len = text ? strlen(text) : 0};
    const char *reason;
    char *nonce;
    bool is_twice;
    switch (
        leati_http_digest_verify(auth->state, &request, &auth->options.hashes, &info, &reason)) {
    case LEATI_HTTP_DIGEST_OK:
        break;
    case LEATI_HTTP_DIGEST_NO_MEMORY:
        return LEATI_HTTP_AUTH_NO_MEMORY;
    case LEATI_HTTP_DIGEST_UNFIT:
        return leati_http_auth_explain(auth, LEATI_HTTP_AUTH_REFUSED, "%s", reason);
    }
    /* Without memory the next connection is told that its nonce is stale. */
    if (leati_http_challenge_param(&info, "nextnonce", &nonce, &is_twice) && nonce && *nonce &&
        strlen(nonce) <= LEATI_HTTP_DIGEST_MAX_BYTES)
        (void)leati_http_digest_renew(auth->state, nonce);
    leati_free(nonce);
    return LEATI_HTTP_AUTH_LET_IN;
}

const struct leati_http_auth_scheme leati_http_auth_digest = {
    .name = "Digest",
    .flag = LEAT_PROXY_AUTH_DIGEST,
    .step = digest_step,
    .again = digest_again,
    .accepted = digest_accepted,
    .drop = digest_drop,
};

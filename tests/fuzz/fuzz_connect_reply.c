/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP proxy answers to CONNECT, with all rounds of authentication: the credentials, the
 * program that is asked for a token, a connection that goes on or not. */
#include "fuzz/fuzz.h"
#include "http/connect_engine.h"

/* No hash, but one for each input. */
static bool hash_anything(const void *data, size_t len, uint8_t *ret_digest)
{
    const uint8_t *bytes = data;
    memset(ret_digest, 0x5a, 16);
    for (size_t i = 0; i < len; i++)
        ret_digest[i % 16] = (uint8_t)(ret_digest[i % 16] * 31 + bytes[i]);
    return true;
}

static void token_give(leat_proxy_challenge *challenge, void *user)
{
    (void)user;
    const char *error = leat_proxy_challenge_get_parameter(challenge, "error");
    const char *realm = leat_proxy_challenge_get_parameter(challenge, "realm");
    FUZZ_MUST(strcmp(leat_proxy_challenge_get_proxy(challenge), "proxy:3128") == 0);
    FUZZ_MUST(leat_proxy_challenge_answer(challenge, error ? NULL : realm) == LEAT_OK ||
              leat_proxy_challenge_answer(challenge, "t0ken") == LEAT_OK);
}

static struct leati_http_auth *auth_new(void)
{
    static const struct leati_http_auth_options options = {
        .proxy = "proxy:3128",
        .way = "",
        .user = "alice",
        .password = "secret",
        .schemes = LEAT_PROXY_AUTH_BASIC | LEAT_PROXY_AUTH_DIGEST | LEAT_PROXY_AUTH_BEARER,
        .token_fn = token_give,
        .hashes = {.md5 = hash_anything},
    };
    return leati_http_auth_new(&options);
}

static void engine_answered(void *user)
{
    leati_http_connect_engine_answered(user);
}

/* Whatever is not the proxy's turn. false = the engine has come to its end. */
static bool engine_move(struct leati_http_connect_engine *engine)
{
    const uint8_t *output;
    switch (engine->base.state) {
    case LEATI_HTTP_CONNECT_SEND_REQUEST: {
        size_t len = leati_engine_output(&engine->base, &output);
        FUZZ_MUST(len > 0);
        leati_engine_sent(&engine->base, len);
        return true;
    }
    case LEATI_HTTP_CONNECT_ASKING:
        leati_http_auth_ask(engine->auth);
        return true;
    case LEATI_HTTP_CONNECT_DONE:
    case LEATI_HTTP_CONNECT_FAILED:
        return false;
    default:
        return true;
    }
}

static bool is_reading(const struct leati_http_connect_engine *engine)
{
    return engine->base.state == LEATI_HTTP_CONNECT_RECV_HEAD ||
           engine->base.state == LEATI_HTTP_CONNECT_RECV_CHALLENGE ||
           engine->base.state == LEATI_HTTP_CONNECT_RECV_BODY;
}

static size_t exchange_run(struct leati_http_connect_engine *engine, struct fuzz_input input,
                           uint32_t seed)
{
    size_t total = 0, used = 0;
    engine->auth->answered = engine_answered;
    engine->auth->answered_user = engine;
    while (engine_move(engine)) {
        if (!is_reading(engine))
            continue;
        if (total == input.len) {
            leati_engine_end(&engine->base);
            continue;
        }
        size_t portion = fuzz_portion(&seed, input.len - total);
        leati_engine_feed(&engine->base, input.data + total, portion, &used);
        FUZZ_MUST(used <= portion);
        total += used;
    }
    FUZZ_MUST(engine->auth->rounds <= LEATI_HTTP_AUTH_MAX_ROUNDS + 1);
    return total;
}

static void verdict_check(const struct leati_http_connect_engine *engine, const uint8_t *data,
                          size_t size)
{
    if (engine->base.state == LEATI_HTTP_CONNECT_DONE) {
        FUZZ_MUST(engine->status >= 200 && engine->status < 300);
        return;
    }
    FUZZ_MUST(engine->base.code == LEAT_E_WS_CONNECT && engine->text[0] != '\0');
    FUZZ_MUST(fuzz_is_printable(engine->text));
    FUZZ_MUST(!strstr(engine->text, "secret") || memmem(data, size, "secret", 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leati_http_auth *auths[] = {auth_new(), auth_new()};
    struct leati_http_connect_engine whole, parts;
    struct leati_failure failure;
    struct fuzz_input input = {data, size};
    uint32_t seed = fuzz_take(&input) | 1u;
    FUZZ_MUST(auths[0] && auths[1]);
    struct leati_http_connect_options options = {
        .host = "example.com", .port = 443, .auth = auths[0]};

    leati_failure_init(&failure);
    FUZZ_MUST(leati_http_connect_engine_init(&whole, &options, &failure) == LEAT_OK);
    options.auth = auths[1];
    FUZZ_MUST(leati_http_connect_engine_init(&parts, &options, &failure) == LEAT_OK);
    size_t used = exchange_run(&whole, input, 0);
    size_t used_in_parts = exchange_run(&parts, input, seed);
    verdict_check(&whole, data, size);
    verdict_check(&parts, data, size);
    /* What comes behind a 407 before the next request is another matter in pieces. */
    if (auths[0]->tokens == 0 && !whole.has_challenge && !whole.is_followup) {
        FUZZ_MUST(whole.base.state == parts.base.state && whole.status == parts.status);
        FUZZ_MUST(whole.base.state != LEATI_HTTP_CONNECT_DONE || used == used_in_parts);
        FUZZ_MUST(strcmp(whole.text, parts.text) == 0);
    }
    leati_engine_done(&whole.base);
    leati_engine_done(&parts.base);
    /* The next connection goes on with what was found out. */
    FUZZ_MUST(leati_http_connect_engine_init(&parts, &options, &failure) == LEAT_OK);
    exchange_run(&parts, input, seed);
    leati_engine_done(&parts.base);
    leati_http_auth_unref(auths[0]);
    leati_http_auth_unref(auths[1]);
    leati_failure_done(&failure);
    return 0;
}

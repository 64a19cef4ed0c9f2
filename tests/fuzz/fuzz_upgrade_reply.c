/* SPDX-License-Identifier: Apache-2.0 */
/* What a server answers to the upgrade request. "@" in an input stands for the right value of
 * Sec-WebSocket-Accept, which no fuzzer would guess. */
#include "fuzz/fuzz.h"
#include "ws/upgrade_engine.h"

static const char *const protocols[] = {"chat.v2", "chat.v1"};

static void engine_new(struct leati_ws_upgrade_engine *engine)
{
    static const struct leati_ws_upgrade_options options = {
        .host_field = "example.com",
        .target = "/chat",
        .protocols = protocols,
        .protocol_count = 2,
        .sha1 = fuzz_sha1,
    };
    static const uint8_t nonce[LEATI_WS_NONCE_BYTES] = "0123456789abcdef";
    FUZZ_MUST(leati_ws_upgrade_engine_init(engine, &options, nonce));
    leati_ws_upgrade_engine_drop_request(engine);
}

/* The input with each "@" replaced. */
static struct fuzz_input reply_make(struct fuzz_input input, const char *accept)
{
    size_t accept_len = strlen(accept);
    char *bytes = malloc(input.len * accept_len + 1);
    struct fuzz_input reply = {(const uint8_t *)bytes, 0};
    FUZZ_MUST(bytes);
    for (size_t i = 0; i < input.len; i++) {
        const char *from = input.data[i] == '@' ? accept : (const char *)&input.data[i];
        size_t len = input.data[i] == '@' ? accept_len : 1;
        memcpy(bytes + reply.len, from, len);
        reply.len += len;
    }
    return reply;
}

static enum leati_ws_head_result engine_run(struct leati_ws_upgrade_engine *engine,
                                            struct fuzz_input reply, uint32_t seed,
                                            size_t *ret_total)
{
    enum leati_ws_head_result result = LEATI_WS_HEAD_MORE;
    size_t total = 0;
    while (result == LEATI_WS_HEAD_MORE && total < reply.len) {
        size_t used = 0;
        size_t len = fuzz_portion(&seed, reply.len - total);
        result = leati_ws_upgrade_engine_feed(engine, reply.data + total, len, &used);
        FUZZ_MUST(used <= len);
        total += used;
    }
    bool more = result == LEATI_WS_HEAD_BODY;
    while (more && total < reply.len) {
        size_t len = fuzz_portion(&seed, reply.len - total);
        more = leati_ws_upgrade_engine_body(engine, reply.data + total, len);
        total += len;
    }
    *ret_total = total;
    return result;
}

static void results_compare(enum leati_ws_head_result result,
                            const struct leati_ws_upgrade_engine *a,
                            const struct leati_ws_upgrade_engine *b)
{
    FUZZ_MUST(result != LEATI_WS_HEAD_NO_MEMORY);
    FUZZ_MUST(a->common.agreement.status == b->common.agreement.status);
    if (result == LEATI_WS_HEAD_VALID) {
        FUZZ_MUST(a->common.agreement.status == 101);
        FUZZ_MUST(!a->protocol || strcmp(a->protocol, protocols[0]) == 0 ||
                  strcmp(a->protocol, protocols[1]) == 0);
    } else if (result != LEATI_WS_HEAD_MORE) {
        FUZZ_MUST(a->common.error[0] != '\0' && fuzz_is_printable(a->common.error));
        FUZZ_MUST(strcmp(a->common.error, b->common.error) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leati_ws_upgrade_engine whole, parts;
    struct fuzz_input input = {data, size};
    size_t whole_total, parts_total, whole_len, parts_len;
    uint32_t seed = fuzz_take(&input) | 1u;

    engine_new(&whole);
    engine_new(&parts);
    struct fuzz_input reply = reply_make(input, whole.expected_accept);
    enum leati_ws_head_result a = engine_run(&whole, reply, 0, &whole_total);
    enum leati_ws_head_result b = engine_run(&parts, reply, seed, &parts_total);
    if (a == LEATI_WS_HEAD_BODY || b == LEATI_WS_HEAD_BODY) {
        FUZZ_MUST(a == b);
        const char *x = leati_http_body_bytes(&whole.body, &whole_len);
        const char *y = leati_http_body_bytes(&parts.body, &parts_len);
        FUZZ_MUST(whole_len <= LEATI_HTTP_BODY_KEPT_BYTES);
        FUZZ_MUST(whole_len == parts_len && memcmp(x, y, whole_len) == 0);
    }
    FUZZ_MUST(a == b);
    FUZZ_MUST(a != LEATI_WS_HEAD_VALID || whole_total == parts_total);
    results_compare(a, &whole, &parts);
    leati_ws_upgrade_engine_done(&whole);
    leati_ws_upgrade_engine_done(&parts);
    free((void *)(uintptr_t)reply.data);
    return 0;
}

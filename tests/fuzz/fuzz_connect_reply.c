/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP proxy answers to CONNECT. */
#include "fuzz/fuzz.h"
#include "http/connect_engine.h"

static size_t exchange_run(struct leati_http_connect_engine *engine, struct fuzz_input input,
                           uint32_t seed)
{
    const uint8_t *output;
    size_t total = 0, used = 0;
    size_t len = leati_http_connect_engine_output(engine, &output);
    FUZZ_MUST(len > 0);
    leati_http_connect_engine_sent(engine, len);
    while (total < input.len && (engine->state == LEATI_HTTP_CONNECT_RECV_HEAD ||
                                 engine->state == LEATI_HTTP_CONNECT_RECV_BODY)) {
        size_t portion = fuzz_portion(&seed, input.len - total);
        leati_http_connect_engine_feed(engine, input.data + total, portion, &used);
        FUZZ_MUST(used <= portion);
        total += used;
    }
    if (engine->state != LEATI_HTTP_CONNECT_DONE)
        leati_http_connect_engine_end(engine);
    FUZZ_MUST(engine->state == LEATI_HTTP_CONNECT_DONE ||
              engine->state == LEATI_HTTP_CONNECT_FAILED);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct leati_http_connect_options options = {
        .host = "example.com", .port = 443, .user = "alice", .password = "secret"};
    struct leati_http_connect_engine whole, parts;
    struct leati_failure failure;
    struct fuzz_input input = {data, size};
    uint32_t seed = fuzz_take(&input) | 1u;

    leati_failure_init(&failure);
    FUZZ_MUST(leati_http_connect_engine_init(&whole, &options, &failure) == LEAT_OK);
    FUZZ_MUST(leati_http_connect_engine_init(&parts, &options, &failure) == LEAT_OK);
    size_t used = exchange_run(&whole, input, 0);
    size_t used_in_parts = exchange_run(&parts, input, seed);
    FUZZ_MUST(whole.state == parts.state && whole.status == parts.status);
    if (whole.state == LEATI_HTTP_CONNECT_DONE) {
        FUZZ_MUST(used == used_in_parts);
        FUZZ_MUST(whole.status >= 200 && whole.status < 300);
    } else {
        FUZZ_MUST(whole.code == LEAT_E_WS_CONNECT && whole.text[0] != '\0');
        FUZZ_MUST(fuzz_is_printable(whole.text) && strcmp(whole.text, parts.text) == 0);
        FUZZ_MUST(!strstr(whole.text, "secret") || memmem(data, size, "secret", 6));
    }
    leati_http_connect_engine_done(&whole);
    leati_http_connect_engine_done(&parts);
    leati_failure_done(&failure);
    return 0;
}

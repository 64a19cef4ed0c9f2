/* SPDX-License-Identifier: Apache-2.0 */
/* What a SOCKS4 proxy answers. The first byte: bit 0 = with a user id, the rest = portions. */
#include "fuzz/fuzz.h"
#include "socks5/socks4_engine.h"

/* @return how many bytes of the input were used. */
static size_t exchange_run(struct leati_socks4_engine *engine, struct fuzz_input input,
                           uint32_t seed, int *ret_code)
{
    const uint8_t *output;
    size_t total = 0;
    int code = LEAT_OK;

    leati_engine_sent(&engine->base, leati_engine_output(&engine->base, &output));
    for (;;) {
        size_t need = leati_engine_need(&engine->base);
        size_t used = 0;
        if (code != LEAT_OK || need == 0 || total == input.len)
            break;
        size_t len = fuzz_portion(&seed, input.len - total < need ? input.len - total : need);
        code = leati_engine_feed(&engine->base, input.data + total, len, &used);
        FUZZ_MUST(used <= len && (code != LEAT_OK || used == len));
        total += used;
    }
    if (code == LEAT_OK && engine->base.state != LEATI_SOCKS4_DONE)
        code = leati_engine_end(&engine->base);
    FUZZ_MUST((code == LEAT_OK) == (engine->base.state == LEATI_SOCKS4_DONE));
    FUZZ_MUST(code != LEAT_OK || total == LEATI_SOCKS4_REPLY_BYTES);
    *ret_code = code;
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    const struct leati_socks4_options options = {
        .host = "example.com",
        .port = 443,
        .carries_names = true,
        .user = choice & 1 ? "alice" : NULL,
    };
    struct leati_socks4_engine whole, parts;
    struct leati_failure failure;
    int a, b;

    leati_failure_init(&failure);
    FUZZ_MUST(leati_socks4_engine_init(&whole, &options, &failure) == LEAT_OK);
    FUZZ_MUST(leati_socks4_engine_init(&parts, &options, &failure) == LEAT_OK);
    size_t used = exchange_run(&whole, input, 0, &a);
    size_t used_in_parts = exchange_run(&parts, input, choice | 1u, &b);
    FUZZ_MUST(a == b && used == used_in_parts);
    FUZZ_MUST(fuzz_is_printable(whole.text) && strcmp(whole.text, parts.text) == 0);
    FUZZ_MUST(a == LEAT_OK || whole.text[0] != '\0');
    leati_engine_done(&whole.base);
    leati_engine_done(&parts.base);
    leati_failure_done(&failure);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a SOCKS5 proxy answers, and the headers of the datagrams that its relay sends. The first
 * byte: bit 0 = with a password, bit 1 = UDP ASSOCIATE, the rest = portions. */
#include "fuzz/fuzz.h"
#include "socks5/socks5_engine.h"
#include "socks5/udp_header.h"

/* @return how many bytes of the input were used. */
static size_t exchange_run(struct leati_socks5_engine *engine, struct fuzz_input input,
                           uint32_t seed, int *ret_code)
{
    size_t total = 0;
    int code = LEAT_OK;
    for (;;) {
        const uint8_t *output;
        size_t used = 0;
        size_t len = leati_engine_output(&engine->base, &output);
        if (len > 0) {
            leati_engine_sent(&engine->base, len);
            continue;
        }
        size_t need = leati_engine_need(&engine->base);
        if (code != LEAT_OK || need == 0 || total == input.len)
            break;
        len = fuzz_portion(&seed, input.len - total < need ? input.len - total : need);
        code = leati_engine_feed(&engine->base, input.data + total, len, &used);
        FUZZ_MUST(used <= len && (code != LEAT_OK || used == len));
        total += used;
    }
    if (code == LEAT_OK && engine->base.state != LEATI_SOCKS5_DONE)
        code = leati_engine_end(&engine->base);
    FUZZ_MUST((code == LEAT_OK) == (engine->base.state == LEATI_SOCKS5_DONE));
    *ret_code = code;
    return total;
}

static void udp_header_run(struct fuzz_input input)
{
    struct leati_socks5_address source;
    size_t len = 0;
    uint8_t again[LEATI_SOCKS5_UDP_HEADER_MAX_BYTES];
    if (leati_socks5_udp_header_read(input.data, input.len, &source, &len) != LEATI_SOCKS5_READ_OK)
        return;
    FUZZ_MUST(len <= input.len);
    if (!source.is_name && source.ip.any.sa_family == AF_INET && input.data[3] == 4)
        return; /* it was mapped */
    FUZZ_MUST(leati_socks5_udp_header_write(&source, again) == len);
    FUZZ_MUST(memcmp(again + 3, input.data + 3, len - 3) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    const struct leati_socks5_options options = {
        .command = choice & 2 ? LEATI_SOCKS5_UDP_ASSOCIATE : LEATI_SOCKS5_CONNECT,
        .host = "example.com",
        .port = 443,
        .user = choice & 1 ? "alice" : NULL,
        .password = choice & 1 ? "secret" : NULL,
    };
    struct leati_socks5_engine whole, parts;
    struct leati_failure failure;
    int a, b;

    leati_failure_init(&failure);
    FUZZ_MUST(leati_socks5_engine_init(&whole, &options, &failure) == LEAT_OK);
    FUZZ_MUST(leati_socks5_engine_init(&parts, &options, &failure) == LEAT_OK);
    size_t used = exchange_run(&whole, input, 0, &a);
    size_t used_in_parts = exchange_run(&parts, input, choice | 1u, &b);
    FUZZ_MUST(a == b && used == used_in_parts);
    FUZZ_MUST(fuzz_is_printable(whole.text) && strcmp(whole.text, parts.text) == 0);
    FUZZ_MUST(a == LEAT_OK || whole.text[0] != '\0');
    leati_engine_done(&whole.base);
    leati_engine_done(&parts.base);
    leati_failure_done(&failure);
    udp_header_run(input);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* permessage-deflate: any bytes as a compressed message, and any bytes there and back. The first
 * byte: bits 0 to 2 = window, bit 3 = no context takeover, bit 4 = there and back, the rest =
 * portions. */
#include "fuzz/fuzz.h"
#include "ws/deflate.h"

/* A bomb is stopped here, as its caller would. */
#define LIMIT_BYTES 65536u

struct bytes {
    uint8_t data[LIMIT_BYTES];
    size_t len;
};

/* Gives out at most `cap` bytes at a time. @return the last result; DONE, MORE = over the limit. */
static enum leati_deflate_result inflate_all(struct leati_inflater *inflater,
                                             struct fuzz_input input, size_t cap, uint32_t seed,
                                             struct bytes *out)
{
    uint8_t buf[256];
    enum leati_deflate_result result = LEATI_DEFLATE_DONE;
    bool at_end = false;
    out->len = 0;
    for (;;) {
        struct fuzz_input portion = fuzz_take_bytes(&input, fuzz_portion(&seed, input.len));
        at_end = portion.len == 0;
        do {
            size_t len = 0;
            result =
                at_end ? leati_inflater_end(inflater, buf, cap, &len)
                       : leati_inflater_feed(inflater, &portion.data, &portion.len, buf, cap, &len);
            FUZZ_MUST(len <= cap);
            FUZZ_MUST(result != LEATI_DEFLATE_MORE || len == cap);
            if (len > sizeof(out->data) - out->len)
                return LEATI_DEFLATE_MORE;
            if (result != LEATI_DEFLATE_DONE && result != LEATI_DEFLATE_MORE)
                return result;
            memcpy(out->data + out->len, buf, len);
            out->len += len;
        } while (result == LEATI_DEFLATE_MORE);
        FUZZ_MUST(portion.len == 0);
        if (at_end)
            return result;
    }
}

static void deflate_all(struct leati_deflater *deflater, struct fuzz_input input, uint32_t seed,
                        struct bytes *out)
{
    enum leati_deflate_result result;
    bool at_end = false;
    out->len = 0;
    while (!at_end) {
        struct fuzz_input portion = fuzz_take_bytes(&input, fuzz_portion(&seed, input.len));
        at_end = portion.len == 0;
        do {
            size_t len = 0;
            size_t cap = LEATI_DEFLATER_MIN_OUT_BYTES;
            FUZZ_MUST(out->len + cap <= sizeof(out->data));
            result = at_end ? leati_deflater_end(deflater, out->data + out->len, cap, &len)
                            : leati_deflater_feed(deflater, &portion.data, &portion.len,
                                                  out->data + out->len, cap, &len);
            FUZZ_MUST(len <= cap);
            out->len += len;
        } while (result == LEATI_DEFLATE_MORE);
        FUZZ_MUST(result == LEATI_DEFLATE_DONE && portion.len == 0);
    }
}

/* The same messages twice: the second one refers to the first. */
static void there_and_back(struct leati_inflater *inflater, uint8_t window_bits, bool no_context,
                           struct fuzz_input input, uint32_t seed)
{
    static struct bytes compressed, plain;
    const struct leati_deflater_options options = {
        .window_bits = window_bits, .no_context_takeover = no_context, .mem_level = 1, .level = 1};
    struct leati_deflater deflater;
    leati_deflater_init(&deflater, &options);
    if (input.len > 16384)
        input.len = 16384;
    for (int i = 0; i < 2; i++) {
        deflate_all(&deflater, input, seed, &compressed);
        struct fuzz_input wire = {compressed.data, compressed.len};
        FUZZ_MUST(inflate_all(inflater, wire, 256, seed * 7, &plain) == LEATI_DEFLATE_DONE);
        FUZZ_MUST(plain.len == input.len);
        FUZZ_MUST(input.len == 0 || memcmp(plain.data, input.data, input.len) == 0);
        leati_deflater_trim(&deflater);
        leati_inflater_trim(inflater);
    }
    leati_deflater_done(&deflater);
}

static void any_bytes(struct leati_inflater *whole, struct leati_inflater *parts,
                      struct fuzz_input input, uint32_t seed)
{
    static struct bytes a, b;
    enum leati_deflate_result result = inflate_all(whole, input, 256, 0, &a);
    enum leati_deflate_result in_parts = inflate_all(parts, input, 1 + seed % 256, seed, &b);
    /* A distance beyond the agreed window is a fault of the peer that zlib sees only when it leads
     * out of the output buffer, too: that depends on the portions. The largest window has none. */
    if (whole->options.window_bits < LEATI_DEFLATE_MAX_WINDOW_BITS && result != in_parts)
        return;
    FUZZ_MUST(result == in_parts);
    if (result == LEATI_DEFLATE_DONE)
        FUZZ_MUST(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    const struct leati_inflater_options options = {
        .window_bits = (uint8_t)(8 + (choice & 7)),
        .no_context_takeover = choice & 8,
    };
    struct leati_inflater whole, parts;
    leati_inflater_init(&whole, &options);
    leati_inflater_init(&parts, &options);
    if (choice & 16)
        there_and_back(&whole, options.window_bits, options.no_context_takeover, input,
                       choice | 1u);
    else
        any_bytes(&whole, &parts, input, choice | 1u);
    leati_inflater_done(&whole);
    leati_inflater_done(&parts);
    return 0;
}

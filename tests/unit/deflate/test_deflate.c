/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/deflate.h"

#include "support/alloc_failure.h"
#include "support/mutation.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

TestSuite(deflate, .timeout = 120);

struct bytes {
    uint8_t *data;
    size_t len, cap;
};

static void bytes_append(struct bytes *bytes, const void *data, size_t len)
{
    if (bytes->cap - bytes->len < len) {
        bytes->cap = 2 * bytes->cap + len;
        bytes->data = realloc(bytes->data, bytes->cap);
    }
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

static void bytes_clear(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static const struct leati_deflater_options deflater_plain = {.window_bits = 15};
static const struct leati_inflater_options inflater_plain = {.window_bits = 15};

typedef enum leati_deflate_result (*feed_fn)(void *stream, const uint8_t **data, size_t *len,
                                             uint8_t *out, size_t cap, size_t *ret_out_len);
typedef enum leati_deflate_result (*end_fn)(void *stream, uint8_t *out, size_t cap,
                                            size_t *ret_out_len);

/* A deflater or an inflater. */
struct stream {
    void *state;
    feed_fn feed;
    end_fn end;
};

static enum leati_deflate_result deflater_feed(void *state, const uint8_t **data, size_t *len,
                                               uint8_t *out, size_t cap, size_t *ret_out_len)
{
    return leati_deflater_feed(state, data, len, out, cap, ret_out_len);
}

static enum leati_deflate_result deflater_end(void *state, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    return leati_deflater_end(state, out, cap, ret_out_len);
}

static enum leati_deflate_result inflater_feed(void *state, const uint8_t **data, size_t *len,
                                               uint8_t *out, size_t cap, size_t *ret_out_len)
{
    return leati_inflater_feed(state, data, len, out, cap, ret_out_len);
}

static enum leati_deflate_result inflater_end(void *state, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    return leati_inflater_end(state, out, cap, ret_out_len);
}

static struct stream stream_of_deflater(struct leati_deflater *deflater)
{
    return (struct stream){deflater, deflater_feed, deflater_end};
}

static struct stream stream_of_inflater(struct leati_inflater *inflater)
{
    return (struct stream){inflater, inflater_feed, inflater_end};
}

/* One message in pieces of `step` bytes, with `cap` bytes of room, each in memory of its own, so
 * that ASan sees an access beyond it. */
static enum leati_deflate_result run(struct stream stream, const void *data, size_t len,
                                     size_t step, size_t cap, struct bytes *out)
{
    enum leati_deflate_result result = LEATI_DEFLATE_DONE;
    uint8_t *room = malloc(cap);
    size_t produced;

    for (size_t pos = 0; pos < len && result == LEATI_DEFLATE_DONE; pos += step) {
        size_t n = len - pos < step ? len - pos : step;
        uint8_t *piece = malloc(n);
        const uint8_t *rest = piece;
        memcpy(piece, (const uint8_t *)data + pos, n);
        do {
            result = stream.feed(stream.state, &rest, &n, room, cap, &produced);
            cr_assert_leq(produced, cap);
            bytes_append(out, room, produced);
        } while (result == LEATI_DEFLATE_MORE);
        cr_assert(result != LEATI_DEFLATE_DONE || n == 0);
        free(piece);
    }
    if (result == LEATI_DEFLATE_DONE) {
        do {
            result = stream.end(stream.state, room, cap, &produced);
            cr_assert_leq(produced, cap);
            bytes_append(out, room, produced);
        } while (result == LEATI_DEFLATE_MORE);
    }
    free(room);
    return result;
}

/* ---- the examples of RFC 7692 section 7.2.3 ---------------------------------------------- */

static void check_inflated(struct leati_inflater *inflater, const char *compressed, size_t len,
                           const char *expected)
{
    for (size_t step = 1; step <= len; step++) {
        struct leati_inflater fresh;
        struct bytes out = {0};
        leati_inflater_init(&fresh, &inflater_plain);
        struct leati_inflater *used = inflater ? inflater : &fresh;
        cr_assert_eq(run(stream_of_inflater(used), compressed, len, step, step, &out),
                     LEATI_DEFLATE_DONE, "%s, step %zu", expected, step);
        cr_assert_eq(out.len, strlen(expected));
        cr_assert(out.len == 0 || memcmp(out.data, expected, out.len) == 0);
        bytes_clear(&out);
        leati_inflater_done(&fresh);
        if (inflater)
            return;
    }
}

#define CHECK_INFLATED(inflater, compressed, expected)                                             \
    check_inflated(inflater, compressed, sizeof(compressed) - 1, expected)

Test(deflate, examples_of_the_rfc_in)
{
    struct leati_inflater inflater;

    CHECK_INFLATED(NULL, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    CHECK_INFLATED(NULL, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello");
    CHECK_INFLATED(NULL, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello");
    CHECK_INFLATED(NULL, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello");
    /* The second message refers to the first. */
    leati_inflater_init(&inflater, &inflater_plain);
    CHECK_INFLATED(&inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    CHECK_INFLATED(&inflater, "\xf2\x00\x11\x00\x00", "Hello");
    CHECK_INFLATED(&inflater, "\x00", "");
    leati_inflater_done(&inflater);
}

static void check_deflated(struct leati_deflater *deflater, const char *text, const char *expected,
                           size_t expected_len)
{
    struct bytes out = {0};

    cr_assert_eq(run(stream_of_deflater(deflater), text, strlen(text), 2, 16, &out),
                 LEATI_DEFLATE_DONE);
    cr_assert_eq(out.len, expected_len);
    cr_assert_eq(memcmp(out.data, expected, out.len), 0);
    bytes_clear(&out);
}

Test(deflate, examples_of_the_rfc_out)
{
    struct leati_deflater deflater;

    leati_deflater_init(&deflater, &deflater_plain);
    check_deflated(&deflater, "", "\x00", 1);
    cr_assert_null(deflater.stream, "memory for an empty message");
    check_deflated(&deflater, "Hello", "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    check_deflated(&deflater, "", "\x00", 1);
    check_deflated(&deflater, "Hello", "\xf2\x00\x11\x00\x00", 5);
    leati_deflater_done(&deflater);
}

/* ---- what others do -------------------------------------------------------------------- */

Test(deflate, final_blocks_without_anything_behind_them)
{
    CHECK_INFLATED(NULL, "\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello");
    /* The tail is what the block's header announces. */
    CHECK_INFLATED(NULL, "\x01", "");
    /* Twice in one message, the second without reference to the first. */
    CHECK_INFLATED(NULL, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00", "HelloHello");
}

Test(deflate, message_without_any_byte)
{
    struct leati_inflater inflater;

    leati_inflater_init(&inflater, &inflater_plain);
    for (int i = 0; i < 3; i++) {
        struct bytes out = {0};
        cr_assert_eq(run(stream_of_inflater(&inflater), "", 0, 1, 1, &out), LEATI_DEFLATE_DONE);
        cr_assert_eq(out.len, 0u);
        CHECK_INFLATED(&inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    }
    leati_inflater_done(&inflater);
}

/* ---- both ways -------------------------------------------------------------------------- */

/* `kind`: text that repeats at all distances, noise, zeros. */
static uint8_t *payload_new(int kind, size_t len)
{
    static const char *const words[] = {"alpha ", "beta ", "gamma ", "delta ", "{\"id\": ", "},\n"};
    struct mutation random;
    uint8_t *data = calloc(1, len + 1);

    mutation_init(&random, len + (unsigned)kind);
    for (size_t pos = 0; kind < 2 && pos < len;) {
        if (kind == 1) {
            data[pos++] = (uint8_t)mutation_random(&random);
        } else {
            const char *word = words[mutation_below(&random, 6)];
            for (; *word && pos < len; word++)
                data[pos++] = (uint8_t)*word;
        }
    }
    return data;
}

static void check_round_trip(struct leati_deflater *deflater, struct leati_inflater *inflater,
                             int kind, size_t len, size_t step, size_t cap)
{
    uint8_t *data = payload_new(kind, len);
    struct bytes compressed = {0};
    struct bytes out = {0};

    cr_assert_eq(run(stream_of_deflater(deflater), data, len, step, cap, &compressed),
                 LEATI_DEFLATE_DONE);
    cr_assert_eq(
        run(stream_of_inflater(inflater), compressed.data, compressed.len, step, cap, &out),
        LEATI_DEFLATE_DONE);
    cr_assert_eq(out.len, len);
    cr_assert(len == 0 || memcmp(out.data, data, len) == 0);
    bytes_clear(&compressed);
    bytes_clear(&out);
    free(data);
}

Test(deflate, round_trips)
{
    static const size_t lens[] = {0, 1, 2, 100, 4096, 0, 50000};
    static const size_t steps[][2] = {/* step, cap */
                                      {1, 16},
                                      {1, 65536},
                                      {65536, 17},
                                      {1000, 1000},
                                      {SIZE_MAX / 2, 65536}};

    for (uint8_t bits = 8; bits <= 15; bits++) {
        for (size_t n = 0; n < 2 * sizeof(steps) / sizeof(steps[0]); n++) {
            const struct leati_deflater_options out_options = {
                .window_bits = bits,
                .no_context_takeover = n & 1,
                .level = (uint8_t)(n % 10),
                .mem_level = (uint8_t)(n % 10),
            };
            const struct leati_inflater_options in_options = {.window_bits = bits,
                                                              .no_context_takeover = n & 1};
            struct leati_deflater deflater;
            struct leati_inflater inflater;
            leati_deflater_init(&deflater, &out_options);
            leati_inflater_init(&inflater, &in_options);
            for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
                for (int kind = 0; kind < 3; kind++)
                    check_round_trip(&deflater, &inflater, kind, lens[i], steps[n / 2][0],
                                     steps[n / 2][1]);
                leati_deflater_trim(&deflater);
                leati_inflater_trim(&inflater);
                cr_assert_eq(!deflater.stream,
                             !deflater.has_input && (n & 1 || i == 0) && (n & 1 || lens[i] == 0));
            }
            leati_deflater_done(&deflater);
            leati_inflater_done(&inflater);
        }
    }
}

/* How many bytes the second of two equal messages takes. */
static size_t second_len(const struct leati_deflater_options *options)
{
    struct leati_deflater deflater;
    struct bytes out = {0};
    uint8_t *data = payload_new(1, 200);

    leati_deflater_init(&deflater, options);
    cr_assert_eq(run(stream_of_deflater(&deflater), data, 200, 200, 4096, &out),
                 LEATI_DEFLATE_DONE);
    size_t first = out.len;
    cr_assert_eq(run(stream_of_deflater(&deflater), data, 200, 200, 4096, &out),
                 LEATI_DEFLATE_DONE);
    size_t second = out.len - first;
    bytes_clear(&out);
    free(data);
    leati_deflater_done(&deflater);
    return second;
}

Test(deflate, context_takeover)
{
    cr_assert_lt(second_len(&deflater_plain), 20u);
    cr_assert_gt(second_len(&(struct leati_deflater_options){.window_bits = 15,
                                                             .no_context_takeover = true}),
                 200u);
}

/* A decoder with just the agreed window, which sees every byte that lies further back. */
static void check_window(uint8_t bits)
{
    const struct leati_deflater_options options = {.window_bits = bits, .level = 9};
    const size_t len = 100000;
    uint8_t *data = payload_new(0, len);
    struct leati_deflater deflater;
    struct bytes compressed = {0};
    z_stream strict = {0};
    uint8_t byte;
    size_t pos = 0;

    leati_deflater_init(&deflater, &options);
    cr_assert_eq(run(stream_of_deflater(&deflater), data, len, 5000, 4096, &compressed),
                 LEATI_DEFLATE_DONE);
    cr_assert_lt(compressed.len, len, "nothing compressed with %d bits", bits);
    cr_assert_eq(inflateInit2(&strict, -bits), Z_OK);
    strict.next_in = compressed.data;
    strict.avail_in = (unsigned)compressed.len;
    while (pos < len) {
        strict.next_out = &byte;
        strict.avail_out = 1;
        cr_assert_eq(inflate(&strict, Z_SYNC_FLUSH), Z_OK, "%d bits, byte %zu: %s", bits, pos,
                     strict.msg);
        cr_assert_eq(byte, data[pos]);
        pos++;
    }
    inflateEnd(&strict);
    leati_deflater_done(&deflater);
    bytes_clear(&compressed);
    free(data);
}

Test(deflate, no_window_is_exceeded)
{
    for (uint8_t bits = 8; bits <= 15; bits++)
        check_window(bits);
}

/* ---- bad input -------------------------------------------------------------------------- */

static size_t compress_text(struct bytes *compressed, uint8_t **ret_data)
{
    const size_t len = 1500;
    struct leati_deflater deflater;

    *ret_data = payload_new(0, len);
    leati_deflater_init(&deflater, &deflater_plain);
    cr_assert_eq(run(stream_of_deflater(&deflater), *ret_data, len, len, 4096, compressed),
                 LEATI_DEFLATE_DONE);
    leati_deflater_done(&deflater);
    return len;
}

Test(deflate, every_truncation_is_noticed_or_a_prefix)
{
    struct bytes compressed = {0};
    uint8_t *data;
    size_t noticed = 0;
    size_t len = compress_text(&compressed, &data);

    for (size_t cut = 1; cut < compressed.len; cut++) {
        struct leati_inflater inflater;
        struct bytes out = {0};
        leati_inflater_init(&inflater, &inflater_plain);
        enum leati_deflate_result result =
            run(stream_of_inflater(&inflater), compressed.data, cut, cut, 100, &out);
        cr_assert(result == LEATI_DEFLATE_CORRUPT || result == LEATI_DEFLATE_DONE);
        cr_assert(result == LEATI_DEFLATE_CORRUPT || out.len <= len);
        noticed += result == LEATI_DEFLATE_CORRUPT;
        leati_inflater_done(&inflater);
        bytes_clear(&out);
    }
    cr_assert_gt(noticed * 10, compressed.len * 9);
    bytes_clear(&compressed);
    free(data);
}

Test(deflate, failures_stay)
{
    static const uint8_t bad[] = {0x07}; /* BTYPE 3 does not exist */
    struct leati_inflater inflater;
    uint8_t out[16];
    size_t produced = 1;

    leati_inflater_init(&inflater, &inflater_plain);
    for (int i = 0; i < 3; i++) {
        const uint8_t *data = bad;
        size_t len = sizeof(bad);
        cr_assert_eq(leati_inflater_feed(&inflater, &data, &len, out, sizeof(out), &produced),
                     LEATI_DEFLATE_CORRUPT);
        cr_assert_eq(produced, 0u);
        cr_assert_eq(leati_inflater_end(&inflater, out, sizeof(out), &produced),
                     LEATI_DEFLATE_CORRUPT);
    }
    leati_inflater_done(&inflater);
}

Test(deflate, damaged_streams)
{
    struct bytes compressed = {0};
    struct mutation mutation;
    uint8_t *data;

    compress_text(&compressed, &data);
    mutation_init(&mutation, 5);
    for (int i = 0; i < 20000; i++) {
        struct leati_inflater inflater;
        struct bytes out = {0};
        size_t len = mutation_next(&mutation, compressed.data, compressed.len);
        leati_inflater_init(&inflater,
                            &(struct leati_inflater_options){.window_bits = (uint8_t)(8 + i % 8)});
        for (int message = 0; message < 2; message++)
            run(stream_of_inflater(&inflater), mutation.bytes, len, 1 + len / 2, 300, &out);
        /* 1032:1 is the most that deflate can do. */
        cr_assert_leq(out.len, 2 * (len + 4) * 1032);
        leati_inflater_done(&inflater);
        bytes_clear(&out);
    }
    bytes_clear(&compressed);
    free(data);
}

/* 64 MiB of zeros: a receiver with a limit of 100 KiB stops within one buffer of it, and has not
 * taken more of the input than that needs. */
Test(deflate, a_bomb_is_stopped_early)
{
    const size_t chunk = 1 << 20;
    const size_t limit = 100 << 10;
    uint8_t *zeros = calloc(1, chunk);
    struct leati_deflater deflater;
    struct leati_inflater inflater;
    struct bytes bomb = {0};
    uint8_t out[4096];
    size_t total = 0;

    leati_deflater_init(&deflater, &deflater_plain);
    for (int i = 0; i < 64; i++) {
        const uint8_t *data = zeros;
        size_t len = chunk;
        size_t produced;
        enum leati_deflate_result result;
        do {
            result = leati_deflater_feed(&deflater, &data, &len, out, sizeof(out), &produced);
            bytes_append(&bomb, out, produced);
        } while (result == LEATI_DEFLATE_MORE);
    }
    cr_assert_lt(bomb.len, 100000u);

    leati_inflater_init(&inflater, &inflater_plain);
    const uint8_t *data = bomb.data;
    size_t len = bomb.len;
    while (total <= limit) {
        size_t produced;
        cr_assert_eq(leati_inflater_feed(&inflater, &data, &len, out, sizeof(out), &produced),
                     LEATI_DEFLATE_MORE);
        cr_assert_eq(produced, sizeof(out));
        total += produced;
    }
    cr_assert_leq(total, limit + sizeof(out));
    cr_assert_lt(bomb.len - len, 1000u);
    leati_inflater_done(&inflater);
    leati_deflater_done(&deflater);
    bytes_clear(&bomb);
    free(zeros);
}

/* ---- memory ----------------------------------------------------------------------------- */

static bool attempt(void)
{
    struct leati_deflater deflater;
    struct leati_inflater inflater;
    struct bytes compressed = {0};
    struct bytes out = {0};
    uint8_t *data = payload_new(0, 50000);

    leati_deflater_init(&deflater, &deflater_plain);
    leati_inflater_init(&inflater, &inflater_plain);
    enum leati_deflate_result result =
        run(stream_of_deflater(&deflater), data, 50000, 10000, 4096, &compressed);
    if (result == LEATI_DEFLATE_DONE)
        result =
            run(stream_of_inflater(&inflater), compressed.data, compressed.len, 100, 4096, &out);
    cr_assert(result == LEATI_DEFLATE_DONE || result == LEATI_DEFLATE_NO_MEMORY);
    cr_assert(result != LEATI_DEFLATE_DONE || out.len == 50000);
    leati_deflater_done(&deflater);
    leati_inflater_done(&inflater);
    bytes_clear(&compressed);
    bytes_clear(&out);
    free(data);
    return result == LEATI_DEFLATE_DONE;
}

Test(deflate, lack_of_memory)
{
    /* Five for deflate and its z_stream, two for inflate, one for its window; zlib-ng makes one for
     * each z_stream and one for each state. */
    bool is_ng = strstr(zlibVersion(), "zlib-ng") != NULL;
    cr_assert_geq(alloc_failure_run_all(attempt), is_ng ? 4 : 8);
}

Test(deflate, no_memory_before_the_first_message)
{
    struct leati_deflater deflater;
    struct leati_inflater inflater;

    leati_deflater_init(&deflater, &deflater_plain);
    leati_inflater_init(&inflater, &inflater_plain);
    cr_assert_null(deflater.stream);
    cr_assert_null(inflater.stream);
    leati_deflater_done(&deflater);
    leati_inflater_done(&inflater);
}

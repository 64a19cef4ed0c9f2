/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7692. */
#include "testing/conformance/ws_cases.h"

#include "util/alloc.h"

#include <stdio.h>
#include <string.h>
#ifdef LEAT_ZLIB
#include <zlib.h>
#endif

#ifdef LEAT_ZLIB

static const struct leati_ws_terms agreements[] = {
    {"permessage-deflate", "permessage-deflate", 15, false},
    {"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15, true},
    {"permessage-deflate; server_max_window_bits=9", "permessage-deflate; client_max_window_bits=9",
     9, false},
    {"permessage-deflate; server_max_window_bits=12; server_no_context_takeover",
     "permessage-deflate; client_max_window_bits=12; client_no_context_takeover", 12, true},
};

enum { AGREEMENTS = sizeof(agreements) / sizeof(agreements[0]) };

/* ---- compressed messages -------------------------------------------------------------------- */

/* One at a time: cases are built by one thread. */
struct packer {
    z_stream stream;
    bool is_open;
};

static void packer_begin(struct packer *packer, int level, int strategy)
{
    *packer = (struct packer){.is_open = false};
    packer->is_open = deflateInit2(&packer->stream, level, Z_DEFLATED, -15, 8, strategy) == Z_OK;
}

static void packer_end(struct packer *packer)
{
    if (packer->is_open)
        deflateEnd(&packer->stream);
}

static void packer_forget(struct packer *packer)
{
    if (packer->is_open)
        deflateReset(&packer->stream);
}

/* Section 7.2.1. To be freed. */
static struct leati_bytes pack(struct packer *packer, const void *data, size_t len)
{
    struct leati_bytes out = {.failed = !packer->is_open};
    uint8_t buf[4096];
    packer->stream.next_in = (Bytef *)(uintptr_t)data;
    packer->stream.avail_in = (unsigned)len;
    do {
        if (out.failed)
            return out;
        packer->stream.next_out = buf;
        packer->stream.avail_out = sizeof(buf);
        deflate(&packer->stream, Z_SYNC_FLUSH);
        leati_bytes_add(&out, buf, sizeof(buf) - packer->stream.avail_out);
    } while (packer->stream.avail_out == 0);
    out.len -= 4; /* 00 00 ff ff */
    return out;
}

static void send_packed(struct leati_ws_cases *cases, unsigned opcode, const void *data, size_t len)
{
    leati_ws_case_frame(cases,
                        LEATI_WS_FRAME(.opcode = opcode, .rsv = 4, .payload = data, .len = len));
}

static void message(struct leati_ws_cases *cases, struct packer *packer, unsigned opcode,
                    const void *data, size_t len)
{
    if (len == 0) {
        send_packed(cases, opcode, "", 1); /* section 7.2.3.6 */
    } else {
        struct leati_bytes packed = pack(packer, data, len);
        cases->failed = cases->failed || packed.failed;
        send_packed(cases, opcode, packed.data, packed.len);
        leati_bytes_done(&packed);
    }
    leati_ws_case_expect(cases, opcode, data, len);
}

static struct leati_ws_case *begin(struct leati_ws_cases *cases, int agreement, const char *id,
                                   const char *name)
{
    static const char *const names[AGREEMENTS] = {"plain", "no-takeover", "window-9",
                                                  "window-12-no-takeover"};
    struct leati_ws_case *now =
        leati_ws_case_begin(cases, "%1$s.%2$s|%3$s (%2$s)", id, names[agreement], name);
    now->terms = &agreements[agreement];
    return now;
}

/* ---- good ones ------------------------------------------------------------------------------ */

static uint8_t sample[131072];

static void sample_make(bool is_text)
{
    static const char words[] = "the quick brown fox jumps over a lazy dog, and then again; ";
    uint32_t random = 12345;
    for (size_t i = 0; i < sizeof(sample); ++i) {
        random = random * 1664525 + 1013904223;
        if (is_text) {
            sample[i] = (uint8_t)words[(i + (random >> 24) % 3) % (sizeof(words) - 1)];
        } else {
            sample[i] = (uint8_t)(random >> 24);
        }
    }
}

static void sizes(struct leati_ws_cases *cases, int agreement)
{
    static const size_t lengths[] = {0,    1,     16,    64,    125,   256,   1000,
                                     4096, 16384, 32768, 33000, 65536, 131072};
    struct packer packer;
    for (unsigned opcode = LEATI_WS_TEXT; opcode <= LEATI_WS_BINARY; ++opcode) {
        begin(cases, agreement, opcode == LEATI_WS_TEXT ? "texts" : "noise",
              opcode == LEATI_WS_TEXT ? "texts from 0 to 131072 bytes, thrice each"
                                      : "noise from 0 to 131072 bytes, thrice each");
        packer_begin(&packer, Z_DEFAULT_COMPRESSION, Z_DEFAULT_STRATEGY);
        sample_make(opcode == LEATI_WS_TEXT);
        for (size_t i = 0; i < 3 * sizeof(lengths) / sizeof(lengths[0]); ++i) {
            message(cases, &packer, opcode, sample, lengths[i / 3]);
            if (agreements[agreement].no_context_takeover)
                packer_forget(&packer);
        }
        packer_end(&packer);
    }
}

static void kinds_of_blocks(struct leati_ws_cases *cases, int agreement)
{
    static const struct {
        const char *id, *name;
        int level, strategy;
    } kinds[] = {{"stored", "stored blocks", 0, Z_DEFAULT_STRATEGY},
                 {"fixed", "fixed codes", 9, Z_FIXED},
                 {"huffman", "codes without distances", 6, Z_HUFFMAN_ONLY},
                 {"runs", "runs", 6, Z_RLE}};
    struct packer packer;
    sample_make(true);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        begin(cases, agreement, kinds[i].id, kinds[i].name);
        packer_begin(&packer, kinds[i].level, kinds[i].strategy);
        for (size_t len = 1; len < 100000; len *= 9) {
            message(cases, &packer, LEATI_WS_TEXT, sample, len);
            if (agreements[agreement].no_context_takeover)
                packer_forget(&packer);
        }
        packer_end(&packer);
    }
}

/* Section 7.2.3 and others that peers send. */
static const struct {
    const char *id, *name, *data;
    size_t len;
    const char *text;
} example_rows[] = {
    {"example.one-block", "section 7.2.3.1: one block", "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},
    {"example.stored", "section 7.2.3.3: a block without compression",
     "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello"},
    {"example.bfinal", "section 7.2.3.4: BFINAL", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello"},
    {"bfinal-bare", "BFINAL and nothing behind it", "\xf3\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},
    {"example.two-blocks", "section 7.2.3.5: two blocks",
     "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, "Hello"},
    {"tail", "the tail 00 00 ff ff is left on", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x00",
     12, "Hello"},
    {"empty.stored", "an empty message: 00", "\x00", 1, ""},
    {"empty.fixed", "an empty message: 02 00", "\x02\x00", 2, ""},
    {"empty.nothing", "RSV1 and no payload at all", "", 0, ""},
};

static void examples(struct leati_ws_cases *cases)
{
    for (size_t i = 0; i < sizeof(example_rows) / sizeof(example_rows[0]); ++i) {
        struct leati_ws_case *now = begin(cases, 0, example_rows[i].id, example_rows[i].name);
        if (example_rows[i].len == 0)
            now->demand = LEATI_WS_INFORMATIONAL; /* a sender has to send 00 */
        for (int again = 0; again < 2; ++again) {
            send_packed(cases, LEATI_WS_TEXT, example_rows[i].data, example_rows[i].len);
            leati_ws_case_expect(cases, LEATI_WS_TEXT, example_rows[i].text,
                                 strlen(example_rows[i].text));
        }
    }
    begin(cases, 0, "example.takeover", "section 7.2.3.2: the second message refers to the first");
    send_packed(cases, LEATI_WS_TEXT, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    leati_ws_case_expect(cases, LEATI_WS_TEXT, "Hello", 5);
    send_packed(cases, LEATI_WS_TEXT, "\xf2\x00\x11\x00\x00", 5);
    leati_ws_case_expect(cases, LEATI_WS_TEXT, "Hello", 5);

    begin(cases, 0, "mixed", "a message that is not compressed between two that are");
    send_packed(cases, LEATI_WS_TEXT, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    leati_ws_case_expect(cases, LEATI_WS_TEXT, "Hello", 5);
    leati_ws_case_message(cases, LEATI_WS_TEXT, "as it is", 8);
    send_packed(cases, LEATI_WS_TEXT, "\xf2\x00\x11\x00\x00", 5);
    leati_ws_case_expect(cases, LEATI_WS_TEXT, "Hello", 5);
}

static void fragments(struct leati_ws_cases *cases, int agreement)
{
    struct packer packer;
    begin(cases, agreement, "fragments", "a fragment for each byte, with Pings between");
    packer_begin(&packer, 9, Z_DEFAULT_STRATEGY);
    sample_make(true);
    struct leati_bytes packed = pack(&packer, sample, 500);
    packer_end(&packer);
    cases->failed = cases->failed || packed.failed;
    for (size_t at = 0; at < packed.len; ++at) {
        leati_ws_case_frame(cases,
                            LEATI_WS_FRAME(.opcode = at ? LEATI_WS_CONTINUATION : LEATI_WS_TEXT,
                                           .rsv = at ? 0 : 4, .not_fin = at + 1 < packed.len,
                                           .payload = packed.data + at, .len = 1));
        if (at % 50 == 0) {
            leati_ws_case_send(cases, LEATI_WS_PING, "within", 6);
            leati_ws_case_expect_pong(cases, "within", 6);
        }
    }
    leati_ws_case_expect(cases, LEATI_WS_TEXT, sample, 500);
    leati_bytes_done(&packed);
}

/* ---- bad ones ------------------------------------------------------------------------------- */

static void misplaced_bits(struct leati_ws_cases *cases)
{
    static const unsigned controls[] = {LEATI_WS_PING, LEATI_WS_PONG, LEATI_WS_CLOSE};
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); ++i) {
        begin(cases, 0,
              i == 0   ? "rsv1.ping"
              : i == 1 ? "rsv1.pong"
                       : "rsv1.close",
              "RSV1 on a control frame");
        send_packed(cases, controls[i], "\x03\xe8", 2);
        leati_ws_case_expect_close(cases, 1002);
    }
    begin(cases, 0, "rsv1.continuation", "RSV1 on a continuation");
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .rsv = 4, .not_fin = true,
                                              .payload = "\xf2\x48", .len = 2));
    send_packed(cases, LEATI_WS_CONTINUATION, "\xcd\xc9\xc9\x07\x00", 5);
    leati_ws_case_expect_close(cases, 1002);
    char id[8];
    for (unsigned rsv = 1; rsv < 8; ++rsv) {
        snprintf(id, sizeof(id), "rsv%u", rsv);
        begin(cases, 0, id, rsv == 4 ? "RSV1 on a reserved opcode" : "other reserved bits");
        leati_ws_case_frame(cases,
                            LEATI_WS_FRAME(.opcode = rsv == 4 ? 3u : LEATI_WS_TEXT, .rsv = rsv,
                                           .payload = "\xf2\x48\xcd\xc9\xc9\x07\x00", .len = 7));
        leati_ws_case_expect_close(cases, 1002);
    }
}

static void corrupt(struct leati_ws_cases *cases, int agreement)
{
    static const struct {
        const char *id, *name, *data;
        size_t len;
    } rows[] = {
        {"bad.block-type", "block type 3", "\x06", 1},
        {"bad.block-type-long", "block type 3, long", "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
        {"bad.stored-length", "stored length that is not its complement",
         "\x00\x05\x00\x00\x00Hello", 10},
        {"bad.stored-cut", "stored block that is cut", "\x00\x05\x00\xfa\xffHe", 7},
        {"bad.distance", "distance before the beginning", "\xf2\x00\x11\x00\x00", 5},
        {"bad.dynamic", "dynamic codes that are none", "\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff",
         10},
        {"bad.code-cut", "code that is cut", "\xf2\x48\xcd", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        struct leati_ws_case *now = begin(cases, agreement, rows[i].id, rows[i].name);
        if (rows[i].len == 3)
            now->demand = LEATI_WS_TOLERABLE; /* it might only be unfinished */
        send_packed(cases, LEATI_WS_BINARY, rows[i].data, rows[i].len);
        leati_ws_case_expect_close(cases, 1007);
    }
}

static void bad_contents(struct leati_ws_cases *cases, int agreement)
{
    static const char *const texts[] = {"not UTF-8: \xff", "cut: \xe2\x82", "\xed\xa0\x80"};
    struct packer packer;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        char id[16];
        snprintf(id, sizeof(id), "not-utf8.%zu", i + 1);
        begin(cases, agreement, id, "a text that is no UTF-8 once it is inflated");
        packer_begin(&packer, 9, Z_DEFAULT_STRATEGY);
        struct leati_bytes packed = pack(&packer, texts[i], strlen(texts[i]));
        packer_end(&packer);
        cases->failed = cases->failed || packed.failed;
        send_packed(cases, LEATI_WS_TEXT, packed.data, packed.len);
        leati_bytes_done(&packed);
        leati_ws_case_expect_close(cases, 1007);
    }
    begin(cases, agreement, "bomb", "a bomb: 8 MiB of zeros in 8 KiB")->demand =
        LEATI_WS_INFORMATIONAL;
    uint8_t *zeros = leati_calloc(1, 8 * LEATI_WS_LIMIT_BYTES);
    packer_begin(&packer, 9, Z_DEFAULT_STRATEGY);
    struct leati_bytes packed = pack(&packer, zeros, zeros ? 8 * LEATI_WS_LIMIT_BYTES : 0);
    packer_end(&packer);
    cases->failed = cases->failed || packed.failed || !zeros;
    leati_free(zeros);
    send_packed(cases, LEATI_WS_BINARY, packed.data, packed.len);
    leati_bytes_done(&packed);
    leati_ws_case_expect_close(cases, 1009);
}

void leati_ws_cases_compression(struct leati_ws_cases *cases)
{
    leati_ws_cases_group(cases, "deflate", "RFC 7692 section 7.2");
    for (int agreement = 0; agreement < AGREEMENTS; ++agreement) {
        sizes(cases, agreement);
        kinds_of_blocks(cases, agreement);
        fragments(cases, agreement);
        corrupt(cases, agreement);
        bad_contents(cases, agreement);
    }
    examples(cases);
    misplaced_bits(cases);
}

#else

void leati_ws_cases_compression(struct leati_ws_cases *cases)
{
    (void)cases; /* without zlib there is nobody who could make them */
}

#endif

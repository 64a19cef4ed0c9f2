/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7692. */
#include "rfc/cases.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const struct rfc_compression agreements[] = {
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

static z_stream packer;

static void packer_begin(int level, int strategy)
{
    packer = (z_stream){0};
    cr_assert(deflateInit2(&packer, level, Z_DEFLATED, -15, 8, strategy) == Z_OK);
}

static void packer_end(void)
{
    deflateEnd(&packer);
}

/* Section 7.2.1. To be freed. */
static struct bytes pack(const void *data, size_t len)
{
    struct bytes out = {0};
    uint8_t buf[4096];
    packer.next_in = (Bytef *)(uintptr_t)data;
    packer.avail_in = (unsigned)len;
    do {
        packer.next_out = buf;
        packer.avail_out = sizeof(buf);
        deflate(&packer, Z_SYNC_FLUSH);
        bytes_add(&out, buf, sizeof(buf) - packer.avail_out);
    } while (packer.avail_out == 0);
    cr_assert(out.len >= 4 && memcmp(out.data + out.len - 4, "\0\0\xff\xff", 4) == 0);
    out.len -= 4;
    return out;
}

static void send_packed(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len)
{
    rfc_case_frame(cases,
                   &(struct raw_frame){.opcode = opcode, .rsv = 4, .payload = data, .len = len});
}

static void message(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len)
{
    if (len == 0) {
        send_packed(cases, opcode, "", 1); /* section 7.2.3.6 */
    } else {
        struct bytes packed = pack(data, len);
        send_packed(cases, opcode, packed.data, packed.len);
        bytes_free(&packed);
    }
    rfc_case_expect(cases, opcode, data, len);
}

static struct rfc_case *begin(struct rfc_cases *cases, int agreement, const char *name)
{
    struct rfc_case *now = rfc_case_begin(cases, "%s, agreement %d", name, agreement);
    now->compression = &agreements[agreement];
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

static void sizes(struct rfc_cases *cases, int agreement)
{
    static const size_t lengths[] = {0,    1,     16,    64,    125,   256,   1000,
                                     4096, 16384, 32768, 33000, 65536, 131072};
    for (unsigned opcode = RFC_TEXT; opcode <= RFC_BINARY; ++opcode) {
        begin(cases, agreement, opcode == RFC_TEXT ? "texts that grow" : "noise that grows");
        packer_begin(Z_DEFAULT_COMPRESSION, Z_DEFAULT_STRATEGY);
        sample_make(opcode == RFC_TEXT);
        for (size_t i = 0; i < 3 * sizeof(lengths) / sizeof(lengths[0]); ++i) {
            message(cases, opcode, sample, lengths[i / 3]);
            if (agreements[agreement].no_context_takeover)
                deflateReset(&packer);
        }
        packer_end();
    }
}

static void kinds_of_blocks(struct rfc_cases *cases, int agreement)
{
    static const struct {
        const char *name;
        int level, strategy;
    } kinds[] = {{"stored blocks", 0, Z_DEFAULT_STRATEGY},
                 {"fixed codes", 9, Z_FIXED},
                 {"codes without distances", 6, Z_HUFFMAN_ONLY},
                 {"runs", 6, Z_RLE}};
    sample_make(true);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        begin(cases, agreement, kinds[i].name);
        packer_begin(kinds[i].level, kinds[i].strategy);
        for (size_t len = 1; len < 100000; len *= 9) {
            message(cases, RFC_TEXT, sample, len);
            if (agreements[agreement].no_context_takeover)
                deflateReset(&packer);
        }
        packer_end();
    }
}

/* Section 7.2.3 and others that peers send. */
static void examples(struct rfc_cases *cases)
{
    static const struct {
        const char *name, *data;
        size_t len;
        const char *text;
    } rows[] = {
        {"example: one block", "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},
        {"example: no compression", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello"},
        {"example: BFINAL", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello"},
        {"BFINAL and nothing behind", "\xf3\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},
        {"example: two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13,
         "Hello"},
        {"the tail is left on", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x00", 12, "Hello"},
        {"empty", "\x00", 1, ""},
        {"empty, as a fixed block", "\x02\x00", 2, ""},
        {"no payload at all", "", 0, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        begin(cases, 0, rows[i].name);
        for (int again = 0; again < 2; ++again) {
            send_packed(cases, RFC_TEXT, rows[i].data, rows[i].len);
            rfc_case_expect(cases, RFC_TEXT, rows[i].text, strlen(rows[i].text));
        }
    }
    begin(cases, 0, "example: the second message refers to the first");
    send_packed(cases, RFC_TEXT, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    rfc_case_expect(cases, RFC_TEXT, "Hello", 5);
    send_packed(cases, RFC_TEXT, "\xf2\x00\x11\x00\x00", 5);
    rfc_case_expect(cases, RFC_TEXT, "Hello", 5);

    begin(cases, 0, "messages that are not compressed among others");
    send_packed(cases, RFC_TEXT, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    rfc_case_expect(cases, RFC_TEXT, "Hello", 5);
    rfc_case_message(cases, RFC_TEXT, "as it is", 8);
    send_packed(cases, RFC_TEXT, "\xf2\x00\x11\x00\x00", 5);
    rfc_case_expect(cases, RFC_TEXT, "Hello", 5);
}

static void fragments(struct rfc_cases *cases, int agreement)
{
    begin(cases, agreement, "a fragment for each byte, with Pings between");
    packer_begin(9, Z_DEFAULT_STRATEGY);
    sample_make(true);
    struct bytes packed = pack(sample, 500);
    packer_end();
    for (size_t at = 0; at < packed.len; ++at) {
        rfc_case_frame(cases, &(struct raw_frame){.opcode = at ? RFC_CONTINUATION : RFC_TEXT,
                                                  .rsv = at ? 0 : 4,
                                                  .not_fin = at + 1 < packed.len,
                                                  .payload = packed.data + at,
                                                  .len = 1});
        if (at % 50 == 0) {
            rfc_case_send(cases, RFC_PING, "within", 6);
            rfc_case_expect_pong(cases, "within", 6);
        }
    }
    rfc_case_expect(cases, RFC_TEXT, sample, 500);
    bytes_free(&packed);
}

/* ---- bad ones ------------------------------------------------------------------------------- */

static void misplaced_bits(struct rfc_cases *cases)
{
    static const unsigned controls[] = {RFC_PING, RFC_PONG, RFC_CLOSE};
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); ++i) {
        begin(cases, 0, "RSV1 on a control frame");
        send_packed(cases, controls[i], "\x03\xe8", 2);
        rfc_case_expect_close(cases, 1002);
    }
    begin(cases, 0, "RSV1 on a continuation");
    rfc_case_frame(
        cases, &(struct raw_frame){
                   .opcode = RFC_TEXT, .rsv = 4, .not_fin = true, .payload = "\xf2\x48", .len = 2});
    send_packed(cases, RFC_CONTINUATION, "\xcd\xc9\xc9\x07\x00", 5);
    rfc_case_expect_close(cases, 1002);
    for (unsigned rsv = 1; rsv < 8; ++rsv) {
        begin(cases, 0, "other reserved bits");
        rfc_case_frame(cases, &(struct raw_frame){.opcode = rsv == 4 ? 3u : RFC_TEXT,
                                                  .rsv = rsv,
                                                  .payload = "\xf2\x48\xcd\xc9\xc9\x07\x00",
                                                  .len = 7});
        rfc_case_expect_close(cases, 1002);
    }
}

static void corrupt(struct rfc_cases *cases, int agreement)
{
    static const struct {
        const char *name, *data;
        size_t len;
    } rows[] = {
        {"block type 3", "\x06", 1},
        {"block type 3, long", "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
        {"stored length that is not its complement", "\x00\x05\x00\x00\x00Hello", 10},
        {"stored block that is cut", "\x00\x05\x00\xfa\xffHe", 7},
        {"distance before the beginning", "\xf2\x00\x11\x00\x00", 5},
        {"dynamic codes that are none", "\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10},
        {"code that is cut", "\xf2\x48\xcd", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        begin(cases, agreement, rows[i].name);
        send_packed(cases, RFC_BINARY, rows[i].data, rows[i].len);
        rfc_case_expect_close(cases, 1007);
    }
}

static void bad_contents(struct rfc_cases *cases, int agreement)
{
    static const char *const texts[] = {"not UTF-8: \xff", "cut: \xe2\x82", "\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        begin(cases, agreement, "text that is no UTF-8 once it is inflated");
        packer_begin(9, Z_DEFAULT_STRATEGY);
        struct bytes packed = pack(texts[i], strlen(texts[i]));
        packer_end();
        send_packed(cases, RFC_TEXT, packed.data, packed.len);
        bytes_free(&packed);
        rfc_case_expect_close(cases, 1007);
    }
    begin(cases, agreement, "bomb");
    uint8_t *zeros = calloc(1, 8 * RFC_LIMIT_BYTES);
    packer_begin(9, Z_DEFAULT_STRATEGY);
    struct bytes packed = pack(zeros, 8 * RFC_LIMIT_BYTES);
    packer_end();
    free(zeros);
    send_packed(cases, RFC_BINARY, packed.data, packed.len);
    bytes_free(&packed);
    rfc_case_expect_close(cases, 1009);
}

void rfc_cases_compression(struct rfc_cases *cases)
{
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

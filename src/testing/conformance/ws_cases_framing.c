/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 sections 5.2, 5.3 and 5.5: lengths, reserved bits, opcodes, masks, control frames. */
#include "testing/conformance/ws_cases.h"

#include <string.h>

#define HELLO "Hello, world!"

static uint8_t filler[LEATI_WS_LIMIT_BYTES + 1];

static void filler_make(void)
{
    for (size_t i = 0; i < sizeof(filler); ++i)
        filler[i] = (uint8_t)('a' + i % 26);
}

/* ---- lengths -------------------------------------------------------------------------------- */

static void sizes(struct leati_ws_cases *cases)
{
    static const size_t lengths[] = {0,   1,   124,   125,   126,   127,    128,
                                     255, 256, 65534, 65535, 65536, 100000, LEATI_WS_LIMIT_BYTES};
    for (unsigned opcode = LEATI_WS_TEXT; opcode <= LEATI_WS_BINARY; ++opcode) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
            leati_ws_case_begin(cases, "%2$s.%1$zu|a message of %1$zu bytes, %2$s", lengths[i],
                                leati_ws_opcode_name(opcode));
            leati_ws_case_message(cases, opcode, filler, lengths[i]);
        }
    }
    leati_ws_case_begin(cases, "growing|messages of 0, 1, 2 to 299 bytes in one write");
    for (size_t len = 0; len < 300; ++len)
        leati_ws_case_message(cases, len % 2 ? LEATI_WS_TEXT : LEATI_WS_BINARY, filler, len);
}

static void malformed_length(struct leati_ws_cases *cases, const char *id, const char *name,
                             unsigned opcode, enum leati_frame_form form, uint64_t announce,
                             size_t len)
{
    struct leati_ws_case *now =
        leati_ws_case_begin(cases, "%1$s.%3$s|%2$s, %3$s", id, name, leati_ws_opcode_name(opcode));
    now->demand = announce == 0 ? LEATI_WS_TOLERABLE : LEATI_WS_STRICT;
    leati_ws_case_message(cases, LEATI_WS_TEXT, "before", 6);
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = opcode, .form = form, .announce = announce,
                                              .payload = filler, .len = len));
    leati_ws_case_expect_close(cases, 1002);
}

static void malformed_lengths(struct leati_ws_cases *cases)
{
    static const unsigned opcodes[] = {LEATI_WS_TEXT, LEATI_WS_BINARY, LEATI_WS_CONTINUATION,
                                       LEATI_WS_PING, LEATI_WS_CLOSE};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        malformed_length(cases, "16-bit.0", "0 bytes with a length of 16 bits", opcodes[i],
                         LEATI_FRAME_16, 0, 0);
        malformed_length(cases, "16-bit.5", "5 bytes with a length of 16 bits", opcodes[i],
                         LEATI_FRAME_16, 0, 5);
        malformed_length(cases, "16-bit.125", "125 bytes with a length of 16 bits", opcodes[i],
                         LEATI_FRAME_16, 0, 125);
        malformed_length(cases, "64-bit.5", "5 bytes with a length of 64 bits", opcodes[i],
                         LEATI_FRAME_64, 0, 5);
        malformed_length(cases, "64-bit.126", "126 bytes with a length of 64 bits", opcodes[i],
                         LEATI_FRAME_64, 0, 126);
        malformed_length(cases, "64-bit.65535", "65535 bytes with a length of 64 bits", opcodes[i],
                         LEATI_FRAME_64, 0, 65535);
        malformed_length(cases, "highest-bit.0", "the highest bit of the length is set", opcodes[i],
                         LEATI_FRAME_64, UINT64_C(1) << 63, 0);
        malformed_length(cases, "highest-bit.5",
                         "the highest bit of the length is set, and 5 bytes come", opcodes[i],
                         LEATI_FRAME_64, (UINT64_C(1) << 63) + 5, 5);
        malformed_length(cases, "all-bits", "all bits of the length are set", opcodes[i],
                         LEATI_FRAME_64, UINT64_MAX, 10);
    }
}

static void too_long(struct leati_ws_cases *cases)
{
    static const uint64_t lengths[] = {LEATI_WS_LIMIT_BYTES + 1, UINT32_MAX, UINT64_C(1) << 62,
                                       INT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        leati_ws_case_begin(cases, "huge.%1$llu|a frame that announces %1$llu bytes",
                            (unsigned long long)lengths[i])
            ->demand = LEATI_WS_INFORMATIONAL;
        leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_BINARY, .announce = lengths[i],
                                                  .payload = filler, .len = 1000));
        leati_ws_case_expect_close(cases, 1009);
    }
    leati_ws_case_begin(cases, "huge.fragments|1 MiB and a byte, in two fragments")->demand =
        LEATI_WS_INFORMATIONAL;
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .not_fin = true,
                                              .payload = filler, .len = LEATI_WS_LIMIT_BYTES));
    leati_ws_case_send(cases, LEATI_WS_CONTINUATION, "x", 1);
    leati_ws_case_expect_close(cases, 1009);
}

/* ---- reserved bits, opcodes, masks ---------------------------------------------------------- */

static void reserved_bits(struct leati_ws_cases *cases)
{
    static const unsigned opcodes[] = {LEATI_WS_TEXT, LEATI_WS_BINARY, LEATI_WS_CLOSE,
                                       LEATI_WS_PING, LEATI_WS_PONG};
    for (unsigned rsv = 1; rsv <= 7; ++rsv) {
        for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
            leati_ws_case_begin(cases, "rsv%1$u.%2$s|reserved bits %1$u, %2$s", rsv,
                                leati_ws_opcode_name(opcodes[i]));
            leati_ws_case_message(cases, LEATI_WS_TEXT, HELLO, sizeof(HELLO) - 1);
            leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = opcodes[i], .rsv = rsv,
                                                      .payload = HELLO, .len = sizeof(HELLO) - 1));
            leati_ws_case_send(cases, LEATI_WS_PING, NULL, 0);
            leati_ws_case_expect_close(cases, 1002);
        }
    }
}

static void reserved_opcodes(struct leati_ws_cases *cases)
{
    static const unsigned opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < 2 * sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        leati_ws_case_begin(cases, "%1$u.%2$s|reserved opcode %1$u, %2$s", opcodes[i / 2],
                            i % 2 ? "payload" : "empty");
        leati_ws_case_message(cases, LEATI_WS_TEXT, HELLO, sizeof(HELLO) - 1);
        leati_ws_case_send(cases, opcodes[i / 2], HELLO, i % 2 ? sizeof(HELLO) - 1 : 0);
        leati_ws_case_send(cases, LEATI_WS_PING, NULL, 0);
        leati_ws_case_expect_close(cases, 1002);
    }
}

static void wrong_masks(struct leati_ws_cases *cases)
{
    static const unsigned opcodes[] = {LEATI_WS_TEXT, LEATI_WS_BINARY, LEATI_WS_CLOSE,
                                       LEATI_WS_PING, LEATI_WS_PONG};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        for (size_t len = 0; len < 126; len += 25) {
            leati_ws_case_begin(cases, "%1$s.%2$zu|%3$s, %1$s of %2$zu bytes",
                                leati_ws_opcode_name(opcodes[i]), len,
                                cases->masks ? "a frame of a client without a mask"
                                             : "a frame of a server with a mask");
            leati_ws_case_message(cases, LEATI_WS_BINARY, filler, 70);
            leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = opcodes[i], .masked = true,
                                                      .payload = filler, .len = len));
            leati_ws_case_expect_close(cases, 1002);
        }
    }
}

/* ---- control frames ------------------------------------------------------------------------- */

static void ping(struct leati_ws_cases *cases, const void *data, size_t len)
{
    leati_ws_case_send(cases, LEATI_WS_PING, data, len);
    leati_ws_case_expect_pong(cases, data, len);
}

static void pings(struct leati_ws_cases *cases)
{
    static const size_t lengths[] = {0, 1, 5, 124, 125};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        leati_ws_case_begin(cases, "ping.%1$zu|a Ping of %1$zu bytes", lengths[i]);
        ping(cases, filler, lengths[i]);
    }
    leati_ws_case_begin(cases, "ping.binary|a Ping of bytes that are no text");
    ping(cases, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
    leati_ws_case_begin(cases, "ping.ten|ten Pings in one write");
    for (unsigned i = 0; i < 10; ++i)
        ping(cases, &filler[i], 8);
    leati_ws_case_begin(cases, "ping.turns|Pings and messages by turns");
    for (unsigned i = 0; i < 20; ++i) {
        leati_ws_case_message(cases, LEATI_WS_TEXT, filler, i * 10);
        ping(cases, &filler[i], i);
    }
    leati_ws_case_begin(cases, "pong.unasked|Pongs that nobody has asked for");
    leati_ws_case_send(cases, LEATI_WS_PONG, NULL, 0);
    leati_ws_case_send(cases, LEATI_WS_PONG, filler, 125);
    ping(cases, "then a Ping", 11);
    leati_ws_case_send(cases, LEATI_WS_PONG, "once more", 9);
}

static void malformed_control_frames(struct leati_ws_cases *cases)
{
    static const unsigned opcodes[] = {LEATI_WS_CLOSE, LEATI_WS_PING, LEATI_WS_PONG};
    static const size_t lengths[] = {126, 127, 128, 1000, 65535, 65536};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); ++j) {
            leati_ws_case_begin(cases, "long.%1$s.%2$zu|a %1$s of %2$zu bytes",
                                leati_ws_opcode_name(opcodes[i]), lengths[j]);
            leati_ws_case_send(cases, opcodes[i], filler, lengths[j]);
            leati_ws_case_expect_close(cases, 1002);
        }
        for (size_t len = 0; len <= 125; len += 25) {
            leati_ws_case_begin(cases, "fragmented.%1$s.%2$zu|a %1$s of %2$zu bytes in fragments",
                                leati_ws_opcode_name(opcodes[i]), len);
            leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = opcodes[i], .not_fin = true,
                                                      .payload = filler, .len = len));
            leati_ws_case_send(cases, LEATI_WS_CONTINUATION, filler, len);
            leati_ws_case_expect_close(cases, 1002);
        }
    }
}

void leati_ws_cases_framing(struct leati_ws_cases *cases)
{
    filler_make();
    leati_ws_cases_group(cases, "length", "RFC 6455 section 5.2");
    sizes(cases);
    malformed_lengths(cases);
    too_long(cases);
    leati_ws_cases_group(cases, "reserved", "RFC 6455 section 5.2");
    reserved_bits(cases);
    leati_ws_cases_group(cases, "opcode", "RFC 6455 section 5.2");
    reserved_opcodes(cases);
    leati_ws_cases_group(cases, "mask", "RFC 6455 section 5.1");
    wrong_masks(cases);
    leati_ws_cases_group(cases, "control", "RFC 6455 section 5.5");
    pings(cases);
    malformed_control_frames(cases);
}

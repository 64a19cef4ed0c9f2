/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 sections 5.2, 5.3 and 5.5: lengths, reserved bits, opcodes, masks, control frames. */
#include "rfc/cases.h"

#include <stdlib.h>
#include <string.h>

#define HELLO "Hello, world!"

static uint8_t filler[RFC_LIMIT_BYTES + 1];

static void filler_make(void)
{
    for (size_t i = 0; i < sizeof(filler); ++i)
        filler[i] = (uint8_t)('a' + i % 26);
}

/* ---- lengths -------------------------------------------------------------------------------- */

static void sizes(struct rfc_cases *cases)
{
    static const size_t lengths[] = {0,   1,   124,   125,   126,   127,    128,
                                     255, 256, 65534, 65535, 65536, 100000, RFC_LIMIT_BYTES};
    for (unsigned opcode = RFC_TEXT; opcode <= RFC_BINARY; ++opcode) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
            rfc_case_begin(cases, "%zu bytes of opcode %u", lengths[i], opcode);
            rfc_case_message(cases, opcode, filler, lengths[i]);
        }
    }
    rfc_case_begin(cases, "many messages of growing length");
    for (size_t len = 0; len < 300; ++len)
        rfc_case_message(cases, len % 2 ? RFC_TEXT : RFC_BINARY, filler, len);
}

static void malformed_length(struct rfc_cases *cases, const char *name, unsigned opcode,
                             enum length_form form, uint64_t announce, size_t len)
{
    rfc_case_begin(cases, "%s, opcode %u", name, opcode);
    rfc_case_message(cases, RFC_TEXT, "before", 6);
    rfc_case_frame(
        cases,
        &(struct raw_frame){
            .opcode = opcode, .form = form, .announce = announce, .payload = filler, .len = len});
    rfc_case_expect_close(cases, 1002);
}

static void malformed_lengths(struct rfc_cases *cases)
{
    static const unsigned opcodes[] = {RFC_TEXT, RFC_BINARY, RFC_CONTINUATION, RFC_PING, RFC_CLOSE};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        malformed_length(cases, "0 bytes in 16 bits", opcodes[i], LENGTH_16, 0, 0);
        malformed_length(cases, "5 bytes in 16 bits", opcodes[i], LENGTH_16, 0, 5);
        malformed_length(cases, "125 bytes in 16 bits", opcodes[i], LENGTH_16, 0, 125);
        malformed_length(cases, "5 bytes in 64 bits", opcodes[i], LENGTH_64, 0, 5);
        malformed_length(cases, "126 bytes in 64 bits", opcodes[i], LENGTH_64, 0, 126);
        malformed_length(cases, "65535 bytes in 64 bits", opcodes[i], LENGTH_64, 0, 65535);
        malformed_length(cases, "highest bit of the length", opcodes[i], LENGTH_64,
                         UINT64_C(1) << 63, 0);
        malformed_length(cases, "highest bit and 5 bytes", opcodes[i], LENGTH_64,
                         (UINT64_C(1) << 63) + 5, 5);
        malformed_length(cases, "all bits of the length", opcodes[i], LENGTH_64, UINT64_MAX, 10);
    }
}

static void too_long(struct rfc_cases *cases)
{
    static const uint64_t lengths[] = {RFC_LIMIT_BYTES + 1, UINT32_MAX, UINT64_C(1) << 62,
                                       INT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        rfc_case_begin(cases, "%llu bytes announced", (unsigned long long)lengths[i]);
        rfc_case_frame(cases, &(struct raw_frame){.opcode = RFC_BINARY,
                                                  .announce = lengths[i],
                                                  .payload = filler,
                                                  .len = 1000});
        rfc_case_expect_close(cases, 1009);
    }
    rfc_case_begin(cases, "one byte too many in the second fragment");
    rfc_case_frame(
        cases, &(struct raw_frame){
                   .opcode = RFC_TEXT, .not_fin = true, .payload = filler, .len = RFC_LIMIT_BYTES});
    rfc_case_send(cases, RFC_CONTINUATION, "x", 1);
    rfc_case_expect_close(cases, 1009);
}

/* ---- reserved bits, opcodes, masks ---------------------------------------------------------- */

static void reserved_bits(struct rfc_cases *cases)
{
    static const unsigned opcodes[] = {RFC_TEXT, RFC_BINARY, RFC_CLOSE, RFC_PING, RFC_PONG};
    for (unsigned rsv = 1; rsv <= 7; ++rsv) {
        for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
            rfc_case_begin(cases, "reserved bits %u, opcode %u", rsv, opcodes[i]);
            rfc_case_message(cases, RFC_TEXT, HELLO, sizeof(HELLO) - 1);
            rfc_case_frame(cases, &(struct raw_frame){.opcode = opcodes[i],
                                                      .rsv = rsv,
                                                      .payload = HELLO,
                                                      .len = sizeof(HELLO) - 1});
            rfc_case_send(cases, RFC_PING, NULL, 0);
            rfc_case_expect_close(cases, 1002);
        }
    }
}

static void reserved_opcodes(struct rfc_cases *cases)
{
    static const unsigned opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < 2 * sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        rfc_case_begin(cases, "opcode %u%s", opcodes[i / 2], i % 2 ? " with a payload" : "");
        rfc_case_message(cases, RFC_TEXT, HELLO, sizeof(HELLO) - 1);
        rfc_case_send(cases, opcodes[i / 2], HELLO, i % 2 ? sizeof(HELLO) - 1 : 0);
        rfc_case_send(cases, RFC_PING, NULL, 0);
        rfc_case_expect_close(cases, 1002);
    }
}

static void wrong_masks(struct rfc_cases *cases)
{
    static const unsigned opcodes[] = {RFC_TEXT, RFC_BINARY, RFC_CLOSE, RFC_PING, RFC_PONG};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        for (size_t len = 0; len < 126; len += 25) {
            rfc_case_begin(cases, "mask the wrong way round, opcode %u, %zu bytes", opcodes[i],
                           len);
            rfc_case_message(cases, RFC_BINARY, filler, 70);
            rfc_case_frame(
                cases, &(struct raw_frame){
                           .opcode = opcodes[i], .masked = true, .payload = filler, .len = len});
            rfc_case_expect_close(cases, 1002);
        }
    }
}

/* ---- control frames ------------------------------------------------------------------------- */

static void ping(struct rfc_cases *cases, const void *data, size_t len)
{
    rfc_case_send(cases, RFC_PING, data, len);
    rfc_case_expect_pong(cases, data, len);
}

static void pings(struct rfc_cases *cases)
{
    static const size_t lengths[] = {0, 1, 5, 124, 125};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        rfc_case_begin(cases, "Ping of %zu bytes", lengths[i]);
        ping(cases, filler, lengths[i]);
    }
    rfc_case_begin(cases, "Ping of bytes that are no text");
    ping(cases, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
    rfc_case_begin(cases, "ten Pings");
    for (unsigned i = 0; i < 10; ++i)
        ping(cases, &filler[i], 8);
    rfc_case_begin(cases, "Pings and messages by turns");
    for (unsigned i = 0; i < 20; ++i) {
        rfc_case_message(cases, RFC_TEXT, filler, i * 10);
        ping(cases, &filler[i], i);
    }
    rfc_case_begin(cases, "Pongs that nobody has asked for");
    rfc_case_send(cases, RFC_PONG, NULL, 0);
    rfc_case_send(cases, RFC_PONG, filler, 125);
    ping(cases, "then a Ping", 11);
    rfc_case_send(cases, RFC_PONG, "once more", 9);
}

static void malformed_control_frames(struct rfc_cases *cases)
{
    static const unsigned opcodes[] = {RFC_CLOSE, RFC_PING, RFC_PONG};
    static const size_t lengths[] = {126, 127, 128, 1000, 65535, 65536};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); ++i) {
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); ++j) {
            rfc_case_begin(cases, "control frame %u of %zu bytes", opcodes[i], lengths[j]);
            rfc_case_send(cases, opcodes[i], filler, lengths[j]);
            rfc_case_expect_close(cases, 1002);
        }
        for (size_t len = 0; len <= 125; len += 25) {
            rfc_case_begin(cases, "fragmented control frame %u, %zu bytes", opcodes[i], len);
            rfc_case_frame(
                cases, &(struct raw_frame){
                           .opcode = opcodes[i], .not_fin = true, .payload = filler, .len = len});
            rfc_case_send(cases, RFC_CONTINUATION, filler, len);
            rfc_case_expect_close(cases, 1002);
        }
    }
}

void rfc_cases_framing(struct rfc_cases *cases)
{
    filler_make();
    sizes(cases);
    malformed_lengths(cases);
    too_long(cases);
    reserved_bits(cases);
    reserved_opcodes(cases);
    wrong_masks(cases);
    pings(cases);
    malformed_control_frames(cases);
}

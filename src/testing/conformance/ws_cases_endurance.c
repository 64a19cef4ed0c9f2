/* SPDX-License-Identifier: Apache-2.0 */
/* What no section speaks of by itself: floods, single bytes, everything in one write. */
#include "testing/conformance/ws_cases.h"

#include "util/alloc.h"

#include <stdio.h>
#include <string.h>

static void ping_flood(struct leati_ws_cases *cases, size_t len)
{
    uint8_t payload[125];
    leati_ws_case_begin(
        cases, "ping-flood.%1$zu|2000 Pings of %1$zu bytes in one write, then a message", len);
    memset(payload, 'p', sizeof(payload));
    for (unsigned i = 0; i < 2000; ++i) {
        snprintf((char *)payload, sizeof(payload), "%04u", i);
        leati_ws_case_send(cases, LEATI_WS_PING, payload, len);
        leati_ws_case_expect_pong(cases, payload, len);
    }
    leati_ws_case_message(cases, LEATI_WS_TEXT, "still there", 11);
}

static void pong_flood(struct leati_ws_cases *cases)
{
    leati_ws_case_begin(cases, "pong-flood|2000 Pongs that nobody has asked for, then a message");
    for (unsigned i = 0; i < 2000; ++i)
        leati_ws_case_send(cases, LEATI_WS_PONG, "flood", 5);
    leati_ws_case_message(cases, LEATI_WS_TEXT, "still there", 11);
}

static void message_flood(struct leati_ws_cases *cases)
{
    char text[32];
    leati_ws_case_begin(cases, "message-flood|2000 short messages in one write");
    for (unsigned i = 0; i < 2000; ++i) {
        int len = snprintf(text, sizeof(text), "message %u", i);
        leati_ws_case_message(cases, i % 2 ? LEATI_WS_BINARY : LEATI_WS_TEXT, text, (size_t)len);
    }
    leati_ws_case_begin(cases, "fragment-flood|a message of 4000 fragments, half of them empty");
    struct leati_bytes whole = {0};
    for (unsigned i = 0; i < 4000; ++i) {
        leati_ws_case_frame(cases,
                            LEATI_WS_FRAME(.opcode = i ? LEATI_WS_CONTINUATION : LEATI_WS_BINARY,
                                           .not_fin = i < 3999, .payload = "x", .len = i % 2));
        leati_bytes_add(&whole, "x", i % 2);
    }
    leati_ws_case_expect(cases, LEATI_WS_BINARY, whole.data, whole.len);
    cases->failed = cases->failed || whole.failed;
    leati_bytes_done(&whole);
}

/* A conversation whose every byte comes alone. */
static void single_bytes(struct leati_ws_cases *cases)
{
    uint8_t payload[300];
    memset(payload, 'b', sizeof(payload));
    leati_ws_case_begin(cases, "byte-by-byte.good|messages, Pings and fragments, byte for byte")
        ->chunk_bytes = 1;
    leati_ws_case_message(cases, LEATI_WS_TEXT, "\xe2\x82\xac uro", 7);
    leati_ws_case_send(cases, LEATI_WS_PING, "slow", 4);
    leati_ws_case_expect_pong(cases, "slow", 4);
    leati_ws_case_message(cases, LEATI_WS_BINARY, payload, sizeof(payload));
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .not_fin = true,
                                              .payload = "\xe2\x82", .len = 2));
    leati_ws_case_send(cases, LEATI_WS_PING, "", 0);
    leati_ws_case_expect_pong(cases, "", 0);
    leati_ws_case_send(cases, LEATI_WS_CONTINUATION, "\xac", 1);
    leati_ws_case_expect(cases, LEATI_WS_TEXT, "\xe2\x82\xac", 3);

    leati_ws_case_begin(cases, "byte-by-byte.bad|a reserved opcode behind a message, byte for byte")
        ->chunk_bytes = 1;
    leati_ws_case_message(cases, LEATI_WS_TEXT, "good", 4);
    leati_ws_case_send(cases, 3, "bad", 3);
    leati_ws_case_expect_close(cases, 1002);

    leati_ws_case_begin(cases, "byte-by-byte.long|a message of 70000 bytes, 1460 at a time")
        ->chunk_bytes = 1460;
    uint8_t *data = leati_calloc(1, 70000);
    cases->failed = cases->failed || !data;
    leati_ws_case_message(cases, LEATI_WS_BINARY, data, data ? 70000 : 0);
    leati_free(data);
}

void leati_ws_cases_endurance(struct leati_ws_cases *cases)
{
    leati_ws_cases_group(cases, "endurance", "RFC 6455, beyond its text");
    ping_flood(cases, 4);
    ping_flood(cases, 125);
    pong_flood(cases);
    message_flood(cases);
    single_bytes(cases);
}

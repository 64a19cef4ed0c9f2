/* SPDX-License-Identifier: Apache-2.0 */
/** @file Playing a case of ws_cases.h on an open WebSocket, to the end of the connection. */
#ifndef LEATI_TESTING_CONFORMANCE_WS_PLAY_H
#define LEATI_TESTING_CONFORMANCE_WS_PLAY_H

#include "testing/conformance/finding.h"
#include "testing/conformance/wire.h"
#include "testing/conformance/ws_cases.h"

/** How it is played. */
struct leati_ws_rules {
    bool masks; /**< we are the client */
    unsigned
        fail_fast_ms; /**< how long waiting is where it is not wrong; 0 = a fifth of the patience */
    size_t chunk;     /**< pieces of all that is sent; 0 = as the case says */
    bool is_exact;    /**< each Ping has its Pong */
};

void leati_ws_play(struct leati_wire *wire, const struct leati_ws_case *now,
                   const struct leati_ws_rules *rules, struct leati_finding *ret_finding);

/** "2 messages back, Close 1000" */
void leati_ws_case_describe(const struct leati_ws_case *now, char *ret_text, size_t cap);

/** Sends a text and waits for it to come back as one frame: whether a connection is well. */
bool leati_ws_echo(struct leati_wire *wire, const char *text, bool masks);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a peer has said on a WebSocket: checked frame by frame, then judged by a case. */
#ifndef LEATI_TESTING_CONFORMANCE_WS_HEARD_H
#define LEATI_TESTING_CONFORMANCE_WS_HEARD_H

#include "testing/conformance/ws_play.h"

struct leati_ws_inflater;

struct leati_ws_heard {
    bool is_masked;                     /**< it is a client */
    const struct leati_ws_terms *terms; /**< NULL = not compressed */
    struct leati_ws_inflater *inflater; /**< NULL = the same */
    struct leati_bytes message;         /**< the one that comes in */
    unsigned opcode;                    /**< of it; 0 = none */
    bool is_packed;
    struct leati_bytes messages, pongs;
    size_t message_count;
    bool is_closed;
    uint16_t close_code; /**< 0 = a Close without one */
    char reason[124];
    char problem[160]; /**< against the RFC, the first one; "" = none */
    /* What came behind. */
    enum leati_wire_end end;
    bool lingers, stays; /**< TCP was not ended by itself, not even when we had ended it */
    size_t behind;       /**< bytes behind the Close */
};

bool leati_ws_heard_init(struct leati_ws_heard *heard, const struct leati_ws_terms *terms,
                         bool is_masked);
void leati_ws_heard_done(struct leati_ws_heard *heard);
/** Takes all whole frames off `in`. */
void leati_ws_heard_take(struct leati_ws_heard *heard, struct leati_bytes *in);
/** Whether it has closed, or broken a rule. */
bool leati_ws_heard_is_over(const struct leati_ws_heard *heard);
/** Whether these Pongs answer those Pings: all of them, or, unless `is_exact`, some of them in order with
 * the last one (RFC 6455 section 5.5.3). */
bool leati_ws_pongs_do(const struct leati_bytes *pings, const struct leati_bytes *pongs,
                       bool is_exact);
void leati_ws_heard_judge(const struct leati_ws_heard *heard, const struct leati_ws_case *now,
                          const struct leati_ws_rules *rules, struct leati_finding *ret_finding);

#endif

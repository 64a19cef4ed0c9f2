/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a connection does, as it does it: every phase with its start, end and result, and every
 * change of state below it.
 */
#ifndef LEAT_TRACE_H
#define LEAT_TRACE_H

#include <leat/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an event of the trace tells. */
enum leat_trace_kind {
    LEAT_TRACE_PHASE_START, /**< a phase begins; `end_us` and `result` are 0 */
    LEAT_TRACE_PHASE_END,   /**< a phase is over, well (`result` 0) or not */
    LEAT_TRACE_STATE,       /**< a state machine moves; `text` is "OLD > NEW" */
};

/** One thing that happened. Everything it points to is borrowed until the callback returns. */
struct leat_trace_event {
    enum leat_trace_kind kind; /**< what it tells */
    enum leat_layer layer;     /**< which layer it is about */
    /** The phase: "dns", "tcp", "socks5", "tls", "websocket", "close". */
    const char *name;
    /** "host:port" of the hop that the phase talks to. */
    const char *hop;
    /** Microseconds of CLOCK_MONOTONIC. */
    uint64_t start_us;
    uint64_t end_us; /**< see start_us */
    /** 0 or the documented code with which the phase ended. */
    int result;
    /** What was found or negotiated ("TLSv1.3 TLS1-3-AES-128-GCM-SHA256, resumed"), or the text of
     * the failure. Never NULL, never a secret. */
    const char *text;
};

/** Called from dispatch. It must not call into the connection that it reports on. */
typedef void (*leat_trace_fn)(const struct leat_trace_event *event, void *user);

#ifdef __cplusplus
}
#endif

#endif

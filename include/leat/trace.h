/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a connection does, as it does it: every phase with its start, end and result, each address
 * that is dialled, each certificate of the peer, what TLS has agreed on, every change of state below
 * it, and every WebSocket frame. Nothing of it is kept, and without a trace none of it costs
 * anything.
 */
#ifndef LEAT_TRACE_H
#define LEAT_TRACE_H

#include <leat/error.h>
#include <leat/tls_info.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an event of the trace tells. */
enum leat_trace_kind {
    LEAT_TRACE_PHASE_START, /**< a phase begins; `end_us` and `result` are 0 */
    LEAT_TRACE_PHASE_END,   /**< a phase is over, well (`result` 0) or not */
    LEAT_TRACE_STATE,       /**< a state machine moves; `text` is "OLD > NEW" */
    /** The header of a WebSocket frame was read, or a frame was queued: `frame`; `name` is "frame",
     * `text` the name of the opcode. */
    LEAT_TRACE_FRAME,
    /** In the phase "tcp": dialling `address` is over. `result` is 0 for the one that is used,
     * LEAT_E_SOCKET_BASE + ECANCELED for one that another was faster than. `text` says the same. */
    LEAT_TRACE_ADDRESS,
    /** In the phase "tls": a certificate of the peer, from the top of the chain down to its own.
     * None comes when a session is resumed. Verified: the chain that was built, its root included.
     * Not verified: what the server has sent. */
    LEAT_TRACE_CERTIFICATE,
    /** In the phase "tls", at its end: what the handshake has agreed on. */
    LEAT_TRACE_TLS,
};

/** The header of a frame (RFC 6455 section 5.2). */
struct leat_trace_frame {
    bool is_sent; /**< by this end */
    bool fin;     /**< the last of its message */
    bool masked;  /**< the payload is masked: from a client */
    /** RSV1 is 4, RSV2 is 2, RSV3 is 1; 4 begins a compressed message (RFC 7692 section 6). */
    uint8_t rsv;
    uint8_t opcode;       /**< 1 text, 2 binary, 0 goes on; 8 Close, 9 Ping, 10 Pong */
    uint64_t payload_len; /**< on the wire, compressed if the message is */
};

/** One thing that happened. Everything it points to is borrowed until the callback returns. */
struct leat_trace_event {
    enum leat_trace_kind kind; /**< what it tells */
    enum leat_layer layer;     /**< which layer it is about */
    /** The phase: "dns", "tcp", "socks5", "socks4", "http-proxy", "tls", "websocket", "close"; "frame".
     * "proxy-auth", within "http-proxy" or across two of them where the proxy closes in between: a round
     * of authentication, from the proxy's 407 to its answer to our credentials. */
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
    /** NULL but for LEAT_TRACE_FRAME. */
    const struct leat_trace_frame *frame;
    /** LEAT_TRACE_ADDRESS: "192.0.2.1:443", "[2001:db8::1]:443"; NULL in all others. */
    const char *address;
    /** LEAT_TRACE_CERTIFICATE; NULL in all others. */
    const struct leat_certificate_info *certificate;
    /** LEAT_TRACE_TLS; NULL in all others. */
    const struct leat_tls_info *tls;
};

/** Called from dispatch, and for a frame that the program sends also from the call that queues it.
 * It must not call into the connection that it reports on. More kinds may come: skip what is
 * unknown. */
typedef void (*leat_trace_fn)(const struct leat_trace_event *event, void *user);

#ifdef __cplusplus
}
#endif

#endif

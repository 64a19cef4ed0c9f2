/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The server's opening handshake (RFC 6455 section 4.2) as a layer that is passthrough once OPEN.
 *
 * The layer reads the request and checks what the RFC demands; who may come in is the owner's to
 * decide:
 *
 *     code = layer->ops->connect(layer, now_ms);
 *     if (code == LEATI_AGAIN && leati_ws_accept_is_asking(layer)) {
 *         look at leati_ws_accept_request(layer), then
 *         leati_ws_accept_answer(layer, &decision);
 *         code = layer->ops->connect(layer, now_ms);
 *     }
 *
 * The owner may take its time in between; the layer then wants nothing of the lower one.
 *
 * One thread at a time per layer.
 */
#ifndef LEATI_WS_ACCEPT_H
#define LEATI_WS_ACCEPT_H

#include "core/layer.h"
#include "http/date.h"
#include "http/head.h"
#include "ws/deflate_params.h"
#include "ws/handshake.h"

/** The longest request head, unless the options say otherwise. */
#define LEATI_WS_ACCEPT_HEAD_BYTES 16384u
/** How many subprotocols a client may offer. */
#define LEATI_WS_ACCEPT_MAX_PROTOCOLS 64u
/** How long, and for how many bytes, a client that was refused is read on and ignored: if we ended
 * the connection with bytes of it unread, TCP would reset it and the client might lose the answer.
 */
#define LEATI_WS_ACCEPT_LINGER_MS    1000u
#define LEATI_WS_ACCEPT_LINGER_BYTES 262144u
/** How many requests one connection may make that are no upgrade, or are refused. */
#define LEATI_WS_ACCEPT_MAX_REQUESTS 100u

/** The time as HTTP writes it. */
typedef void leati_ws_date_fn(char ret_date[LEATI_HTTP_DATE_SIZE]);

struct leati_ws_accept_options {
    size_t max_head_bytes; /**< 0 = LEATI_WS_ACCEPT_HEAD_BYTES; at most LEATI_HTTP_HEAD_MAX_BYTES */
    /** For the whole request from the first connect on, however many bytes trickle in, and once
     * more for the client to take the answer; 0 = none but limit_ms. */
    uint32_t timeout_ms;
    leati_ws_sha1_fn *sha1;
    leati_ws_date_fn *date; /**< for answers that are no 101; NULL = they have no Date */
    /** The owner also decides about requests that are no upgrade: it may answer them with 200 to
     * 599, and the connection stays for the next one. HTTP/1.0 and the methods of RFC 9110 are
     * welcome then, but for CONNECT and TRACE; a body is not. */
    bool takes_requests;
};

/** A request that is valid by section 4.2.1. Lives as long as the layer. Header values are the
 * client's own words, which may hold bytes above 0x7f: not for a terminal as they are. */
struct leati_ws_accept_request {
    bool is_upgrade; /**< it may be answered with 101 */
    const char *method;
    const char *target;           /**< origin-form, also if the client sent the absolute form */
    const char *host;             /**< as it was sent: name or literal, perhaps with a port */
    const char *origin;           /**< NULL = none: not a browser */
    const char *const *protocols; /**< offered, in the client's order, each of them once */
    size_t protocol_count;
    const struct leati_http_head *head; /**< for all other fields */
};

struct leati_ws_accept_decision {
    int status; /**< 101, or 400 to 599; of an owner that takes requests 200 to 599 */
    /** For 101: one of those that were offered; NULL = none. */
    const char *protocol;
    /** For 101: what we want of permessage-deflate at most, if the client offers it and the build
     * has it; NULL = no compression. The first offer that fits is taken. */
    const struct leati_deflate_params *deflate;
    /** Sent behind our own, in their order. */
    const struct leati_http_field *headers;
    size_t header_count;
    /** Of another answer than 101; NULL = `text`. */
    const void *body;
    size_t body_len;
    /** Of a refusal: the body, plain text unless `headers` have a Content-Type; NULL = the reason
     * phrase of the status. */
    const char *text;
};

/**
 * Makes the layer; nothing of `options` is needed afterwards.
 *
 * What connect records when it fails:
 *  - LEAT_E_WS_CONNECT, native code = the HTTP status of the refusal, when that has been sent: the
 *    owner's decision, or the layer's own, which asks nobody: 400 (malformed head, HTTP/1.0, a
 * body, Host, Origin or Sec-WebSocket-Key missing or wrong, a broken or overlong list of
 * subprotocols), 405 (not GET) or 501 (no method that HTTP has), 414 and 431 (a request line,
 * fields above the limit), 426 (not an upgrade to websocket; another version than 13, answered with
 *    Sec-WebSocket-Version: 13) or 505 (not HTTP/1.x). HEAD is answered as GET would be, without
 *    the content;
 *  - LEAT_E_WS_CONNECT, native code 0: the end of the connection before the request is complete,
 *    the deadline (errno ETIMEDOUT, the text says what was waited for);
 *  - LEAT_E_SYSTEM_INTERNAL: no memory, no SHA-1;
 *  - the lower layer's failure, as it is.
 *
 * A refusal is recorded as soon as it has been sent. connect then stays LEATI_AGAIN until the
 * client has ended the connection, at most LEATI_WS_ACCEPT_LINGER_MS.
 *
 * Frames that came glued to the request are given out by recv.
 *
 * @return LEAT_OK; recorded in `failure`: LEAT_E_SYSTEM_INTERNAL.
 */
int leati_ws_accept_layer_new(const struct leati_ws_accept_options *options,
                              struct leati_failure *failure, struct leati_layer **ret_layer);

/** Whether connect waits for leati_ws_accept_answer(). */
bool leati_ws_accept_is_asking(const struct leati_layer *accept);

/** The request; NULL before it is complete, and for ever if it was not valid. */
const struct leati_ws_accept_request *leati_ws_accept_request(const struct leati_layer *accept);

/**
 * Decides, once, while leati_ws_accept_is_asking(). Nothing of `decision` is needed afterwards; the
 * bytes leave with the next connect.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (nothing was asked; a status that is neither 101 nor 400 to
 * 599; a subprotocol that was not offered; a header that is no field, or is one of ours:
 * leati_ws_header_is_ours()), so nothing can be injected; LEAT_E_SYSTEM_INTERNAL (no memory, no
 * SHA-1). After an error the layer still asks. Not recorded.
 */
int leati_ws_accept_answer(struct leati_layer *accept,
                           const struct leati_ws_accept_decision *decision);

#endif

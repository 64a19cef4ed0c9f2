/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of CONNECT (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3): bytes in, bytes
 * out, no I/O, no clock.
 */
#ifndef LEATI_HTTP_CONNECT_ENGINE_H
#define LEATI_HTTP_CONNECT_ENGINE_H

#include "http/body.h"
#include "http/connect.h"

enum leati_http_connect_state {
    LEATI_HTTP_CONNECT_SEND_REQUEST,
    LEATI_HTTP_CONNECT_RECV_HEAD,
    LEATI_HTTP_CONNECT_RECV_BODY, /**< of a refusal: code, status and text are final */
    LEATI_HTTP_CONNECT_DONE,
    LEATI_HTTP_CONNECT_FAILED,
};

struct leati_http_connect_engine {
    enum leati_http_connect_state state;
    const struct leati_tracer *tracer; /**< told of every change of state; may be NULL */
    const char *hop;                   /**< for the trace; may be NULL */

    char *request; /**< may hold credentials: wiped and freed once it is sent */
    size_t request_len, request_sent;
    bool sends_credentials;
    unsigned interim_count;

    bool is_refused; /**< head (and body) are those of a refusal */
    struct leati_http_head head;
    struct leati_http_body body;

    char destination[LEAT_ERROR_HOP_SIZE]; /**< "host:port" */
    int status;                            /**< of the final response, 0 before */
    int code;                              /**< of RECV_BODY and FAILED */
    int sys_errno;                         /**< ETIMEDOUT after expire() */
    unsigned retry;                        /**< LEATI_RETRY_*, likewise */
    char text[LEAT_ERROR_TEXT_SIZE];       /**< printable ASCII */
};

/** Writes the request. @return LEAT_OK; recorded in `failure`, with nothing left in the engine:
 * LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
int leati_http_connect_engine_init(struct leati_http_connect_engine *engine,
                                   const struct leati_http_connect_options *options,
                                   struct leati_failure *failure);
void leati_http_connect_engine_done(struct leati_http_connect_engine *engine);

const char *leati_http_connect_state_name(enum leati_http_connect_state state);

/** The bytes to send now; 0 = none. Valid until the next call that is not const. */
size_t leati_http_connect_engine_output(const struct leati_http_connect_engine *engine,
                                        const uint8_t **ret_data);
/** The first `len` bytes of the output are sent. */
void leati_http_connect_engine_sent(struct leati_http_connect_engine *engine, size_t len);

/**
 * Reads bytes of the proxy in RECV_HEAD and RECV_BODY. Afterwards the state says what to do.
 *
 * @param ret_used how many were the proxy's, written always; in DONE those behind them are the
 *                 upper layer's.
 */
void leati_http_connect_engine_feed(struct leati_http_connect_engine *engine, const uint8_t *data,
                                    size_t len, size_t *ret_used);

/** Nothing more will come, or nobody waits for more: FAILED, with the refusal if there is one. */
void leati_http_connect_engine_end(struct leati_http_connect_engine *engine);

/** The proxy has not taken the request, or not answered it, within `waited_ms`: FAILED. */
void leati_http_connect_engine_expire(struct leati_http_connect_engine *engine, uint64_t waited_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of CONNECT (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3): bytes in, bytes
 * out, no I/O, no clock.
 */
#ifndef LEATI_HTTP_CONNECT_ENGINE_H
#define LEATI_HTTP_CONNECT_ENGINE_H

#include "http/auth.h"
#include "http/body.h"
#include "http/connect.h"

enum leati_http_connect_state {
    LEATI_HTTP_CONNECT_SEND_REQUEST,
    LEATI_HTTP_CONNECT_RECV_HEAD,
    LEATI_HTTP_CONNECT_RECV_CHALLENGE, /**< the body of a 407 that is going to be answered */
    LEATI_HTTP_CONNECT_ASKING,         /**< leati_http_connect_engine_answered() is to come */
    LEATI_HTTP_CONNECT_VERIFYING,      /**< the same; the tunnel is open */
    LEATI_HTTP_CONNECT_RECV_BODY,      /**< of a refusal: code, status and text are final */
    LEATI_HTTP_CONNECT_DONE,
    LEATI_HTTP_CONNECT_FAILED,
};

struct leati_http_connect_engine {
    enum leati_http_connect_state state;
    const struct leati_tracer *tracer; /**< told of every change of state; may be NULL */
    const char *hop;                   /**< for the trace; may be NULL */

    char *pattern;        /**< of the request: all but Proxy-Authorization, which */
    size_t pattern_split; /**< stands here */
    char *request;        /**< may hold credentials: wiped and freed once it is sent */
    size_t request_len, request_sent;
    struct leati_http_auth *auth; /**< a reference; NULL = 407 is final */
    bool has_own_credentials;     /**< the program writes Proxy-Authorization itself */
    bool is_followup;             /**< the request that is under way answers a 407 */
    bool has_challenge;           /**< `head` is that of a 407, for leati_http_auth_resume() */
    bool is_lost;                 /**< the connection carries no further request */
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

/** Checks the options and plans the request: connect_request.c. As
 * leati_http_connect_engine_init(). */
int leati_http_connect_request_plan(struct leati_http_connect_engine *engine,
                                    const struct leati_http_connect_options *options,
                                    struct leati_failure *failure);
/** Writes the request, with that value of Proxy-Authorization (NULL = without). false without
 * memory. */
bool leati_http_connect_request_write(struct leati_http_connect_engine *engine, const char *value);

/** Writes the first request. @return LEAT_OK; recorded in `failure`, with nothing left in the engine:
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
 * Reads bytes of the proxy in RECV_HEAD, RECV_CHALLENGE and RECV_BODY. Afterwards the state says
 * what to do. FAILED with LEATI_RETRY_AGAIN: the proxy has been told nothing wrong, but this
 * connection is of no use any more; on another one the next engine of the same auth goes on.
 *
 * @param ret_used how many were the proxy's, written always; in DONE those behind them are the
 *                 upper layer's.
 */
void leati_http_connect_engine_feed(struct leati_http_connect_engine *engine, const uint8_t *data,
                                    size_t len, size_t *ret_used);

/** What auth has waited for is there: ASKING is over, or asks for something else. */
void leati_http_connect_engine_answered(struct leati_http_connect_engine *engine);

/** The connection below has failed, which another one may mend: whether it is to be made. */
bool leati_http_connect_engine_lost(struct leati_http_connect_engine *engine);

/** Nothing more will come, or nobody waits for more: FAILED, with the refusal if there is one, or
 * LEATI_RETRY_AGAIN. */
void leati_http_connect_engine_end(struct leati_http_connect_engine *engine);

/** The proxy has not taken the request, or not answered it, within `waited_ms`: FAILED. */
void leati_http_connect_engine_expire(struct leati_http_connect_engine *engine, uint64_t waited_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of CONNECT (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3): bytes in, bytes
 * out, no I/O, no clock.
 */
#ifndef LEATI_HTTP_CONNECT_ENGINE_H
#define LEATI_HTTP_CONNECT_ENGINE_H

#include "core/engine.h"
#include "http/auth.h"
#include "http/body.h"
#include "http/connect.h"
#include "http/message.h"

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
    struct leati_engine base; /**< native_code: as `status` */

    struct leati_http_message pattern; /**< of the request: all but Proxy-Authorization */
    char *request;                     /**< may hold credentials: wiped and freed once it is sent */
    size_t request_len;
    struct leati_http_auth *auth; /**< a reference; NULL = 407 is final */
    bool has_own_credentials;     /**< the program writes Proxy-Authorization itself */
    bool is_followup;             /**< the request that is under way answers a 407 */
    bool has_challenge;           /**< `head` is that of a 407, for leati_http_auth_resume() */
    bool is_lost;                 /**< the connection carries no further request */
    unsigned interim_count;

    void (*ready)(void *user); /**< leati_http_connect_options */
    void *ready_user;
    unsigned rounds; /**< of authentication that were traced */

    bool is_refused; /**< head (and body) are those of a refusal */
    struct leati_http_head head;
    struct leati_http_body body;

    char destination[LEAT_ERROR_HOP_SIZE]; /**< "host:port" */
    int status;                            /**< of the final response, 0 before */
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

/** What auth has waited for is there: ASKING is over, or asks for something else. */
void leati_http_connect_engine_answered(struct leati_http_connect_engine *engine);

/** Each round of authentication is a phase of the trace: behind whatever may have brought the
 * proxy's answer. connect_report.c. */
void leati_http_connect_trace_rounds(struct leati_http_connect_engine *engine);

#endif

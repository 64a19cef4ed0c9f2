/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The server's opening handshake (RFC 6455 section 4.2) without I/O: the check of one request, and
 * the response to it.
 */
#ifndef LEATI_WS_ACCEPT_ENGINE_H
#define LEATI_WS_ACCEPT_ENGINE_H

#include "http/message.h"
#include "ws/accept.h"

struct leati_ws_accept_engine {
    struct leati_ws_handshake common; /* its agreement has the head, once the request is valid */
    size_t max_head_bytes;
    leati_ws_sha1_fn *sha1;
    leati_ws_date_fn *date; /**< NULL = no Date */
    bool takes_requests;    /**< somebody decides also about what is no upgrade */
    bool has_rest;          /**< bytes came behind the request */
    bool keeps_alive;       /**< of the response: another request may follow */
    unsigned served;        /**< requests before this one, on the same connection */
    struct leati_ws_accept_request request;
    char *host;             /**< of a target in absolute form; NULL = the Host field counts */
    char *target;           /**< likewise: the path and what follows it */
    const char **protocols; /**< the array, with the strings behind it; NULL = none */
    struct leati_http_message response; /**< to be sent; no bytes before the decision */
    size_t lingered_bytes;
    char text[400]; /**< of the verdict */
};

void leati_ws_accept_engine_init(struct leati_ws_accept_engine *engine,
                                 const struct leati_ws_accept_options *options);
void leati_ws_accept_engine_done(struct leati_ws_accept_engine *engine);

/** Reads the next bytes of the request. `*ret_used` is written for VALID, where the bytes behind it
 * are frames, and for MORE. Nothing may be fed after another result than MORE. */
enum leati_ws_head_result leati_ws_accept_engine_feed(struct leati_ws_accept_engine *engine,
                                                      const uint8_t *data, size_t len,
                                                      size_t *ret_used);

/** As leati_ws_accept_answer(), after ASK. */
int leati_ws_accept_engine_answer(struct leati_ws_accept_engine *engine,
                                  const struct leati_ws_accept_decision *decision);

/** Answers, without asking anybody, with `error` for a text. false without memory. */
bool leati_ws_accept_refusal(struct leati_ws_accept_engine *engine, int status);
bool leati_ws_accept_is_head(const struct leati_ws_accept_engine *engine);
/** Begins anew, for the next request. */
void leati_ws_accept_engine_again(struct leati_ws_accept_engine *engine);

/** The reason phrase of a status (RFC 9110 section 15); "Refused" or "Answered" for one without a name here. */
const char *leati_ws_accept_reason(int status);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of SOCKS5 CONNECT and UDP ASSOCIATE (RFC 1928, RFC 1929): bytes in, bytes out,
 * no I/O, no clock, no memory of its own.
 *
 * In lock-step a message is sent only after the reply to the one before; pipelined, all messages
 * are the first output. The caller loops:
 *
 *     while leati_socks5_engine_output() has bytes: send them, leati_socks5_engine_sent()
 *     then read at most leati_socks5_engine_need() bytes, leati_socks5_engine_feed()
 *
 * need() is never more than what surely belongs to the reply, so a caller that obeys it cannot read
 * a byte of the layer above.
 */
#ifndef LEATI_SOCKS5_SOCKS5_ENGINE_H
#define LEATI_SOCKS5_SOCKS5_ENGINE_H

#include "socks5/socks5.h"

/** The longest of each message (RFC 1928 sections 3, 4 and 6; RFC 1929 section 2). */
enum {
    LEATI_SOCKS5_GREETING_MAX_BYTES = 5,
    LEATI_SOCKS5_AUTH_MAX_BYTES = 3 + 255 + 255,
    LEATI_SOCKS5_REQUEST_MAX_BYTES = 3 + LEATI_SOCKS5_ADDRESS_MAX_BYTES,
    LEATI_SOCKS5_MESSAGES_MAX_BYTES = LEATI_SOCKS5_GREETING_MAX_BYTES +
                                      LEATI_SOCKS5_AUTH_MAX_BYTES + LEATI_SOCKS5_REQUEST_MAX_BYTES,
    LEATI_SOCKS5_REPLY_MAX_BYTES = 3 + LEATI_SOCKS5_ADDRESS_MAX_BYTES,
    /** Of leati_socks5_engine_suspect(), with the final NUL. */
    LEATI_SOCKS5_SUSPECT_SIZE = LEAT_ERROR_HOP_SIZE + 96,
    LEATI_SOCKS5_TEXT_SIZE = LEATI_SOCKS5_SUSPECT_SIZE + 160,
};

enum leati_socks5_state {
    LEATI_SOCKS5_SEND_GREETING,
    LEATI_SOCKS5_RECV_METHOD,
    LEATI_SOCKS5_SEND_AUTH,
    LEATI_SOCKS5_RECV_AUTH_STATUS,
    /** GSS-API is spoken by somebody else (gss_negotiation.h), who says when it is over. */
    LEATI_SOCKS5_NEGOTIATING_GSS,
    LEATI_SOCKS5_SEND_REQUEST,
    LEATI_SOCKS5_RECV_REPLY,
    LEATI_SOCKS5_DONE,
    LEATI_SOCKS5_FAILED,
};

struct leati_socks5_engine {
    enum leati_socks5_state state;
    const struct leati_tracer *tracer; /**< told of every change of state; may be NULL */
    const char *hop;                   /**< for the trace; may be NULL */

    enum leati_socks5_command command;
    bool offers_none, offers_gss, offers_password;
    bool authenticated;
    bool pipelined; /**< all messages leave in SEND_GREETING */
    /** Greeting, credentials and request, one behind the other. The credentials are wiped once they
     * are sent, or not needed. */
    uint8_t messages[LEATI_SOCKS5_MESSAGES_MAX_BYTES];
    size_t greeting_len, auth_len, request_len;
    size_t sent; /**< of the message of this state */

    uint8_t reply[LEATI_SOCKS5_REPLY_MAX_BYTES];
    size_t reply_len; /**< bytes of this state's reply that have come */

    struct leati_socks5_address bound;     /**< of UDP_ASSOCIATE, once it is DONE: the relay */
    char destination[LEAT_ERROR_HOP_SIZE]; /**< "host:port", or "UDP", for texts */
    int code;                              /**< of FAILED */
    int sys_errno;                         /**< ETIMEDOUT after expire() */
    int native_code;
    unsigned retry; /**< LEATI_RETRY_* */
    char text[LEATI_SOCKS5_TEXT_SIZE + 80];
};

/** Writes all messages. @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE, recorded in `failure`: then the
 * engine holds nothing. */
int leati_socks5_engine_init(struct leati_socks5_engine *engine,
                             const struct leati_socks5_options *options,
                             struct leati_failure *failure);
/** Wipes. */
void leati_socks5_engine_done(struct leati_socks5_engine *engine);

const char *leati_socks5_state_name(enum leati_socks5_state state);
/** What the exchange is at, for a text: "greeting", "user name and password", "request". */
const char *leati_socks5_engine_step(const struct leati_socks5_engine *engine);

/** The bytes to send now; 0 = none, it is the proxy's turn or the exchange is over. Valid until the
 * next call that is not const. */
size_t leati_socks5_engine_output(const struct leati_socks5_engine *engine,
                                  const uint8_t **ret_data);
/** The first `len` bytes of the output are sent. */
void leati_socks5_engine_sent(struct leati_socks5_engine *engine, size_t len);

/** In NEGOTIATING_GSS: it is over, the request is next. */
void leati_socks5_engine_negotiated(struct leati_socks5_engine *engine);

/** How many bytes of the proxy are surely still to come; 0 = it is not the proxy's turn. */
size_t leati_socks5_engine_need(const struct leati_socks5_engine *engine);

/**
 * Reads bytes of the proxy as long as it is the proxy's turn.
 *
 * @param ret_used how many were read, written always; those behind them are not the engine's.
 * @return LEAT_OK (look at the state), or the code of FAILED, again for every later call:
 *         LEAT_E_SOCKS5_METHOD, LEAT_E_SOCKS5_AUTH, LEAT_E_SOCKS5_CONNECT_REMOTE,
 *         LEAT_E_SOCKS5_DESERIALIZE.
 */
int leati_socks5_engine_feed(struct leati_socks5_engine *engine, const uint8_t *data, size_t len,
                             size_t *ret_used);

/** LEATI_RETRY_*, should the connection break off at this point, or the answer not come. */
unsigned leati_socks5_engine_retry_if_lost(const struct leati_socks5_engine *engine);
/** What that could mean, to stand behind the text about it: "" or ": the target ...". */
void leati_socks5_engine_suspect(const struct leati_socks5_engine *engine, char *buf, size_t cap);

/** The proxy has closed. @return LEAT_E_SOCKS5_RECV before a reply, LEAT_E_SOCKS5_DESERIALIZE in
 * the middle of one, the code of FAILED if it has failed before. */
int leati_socks5_engine_eof(struct leati_socks5_engine *engine);

/** The proxy has not answered within `waited_ms`: FAILED, with LEAT_E_SOCKS5_RECV. */
void leati_socks5_engine_expire(struct leati_socks5_engine *engine, uint64_t waited_ms);

#endif

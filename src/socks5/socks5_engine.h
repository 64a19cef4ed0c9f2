/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of SOCKS5 CONNECT and UDP ASSOCIATE (RFC 1928, RFC 1929): bytes in, bytes out,
 * no I/O, no clock, no memory of its own.
 *
 * In lock-step a message is sent only after the reply to the one before; pipelined, all messages
 * are the first output. Used as core/engine.h says; need is never more than what surely belongs to
 * the reply, so a caller that obeys it cannot read a byte of the layer above.
 */
#ifndef LEATI_SOCKS5_SOCKS5_ENGINE_H
#define LEATI_SOCKS5_SOCKS5_ENGINE_H

#include "core/engine.h"
#include "socks5/gss_negotiation.h"
#include "socks5/socks5.h"

/** The longest of each message (RFC 1928 sections 3, 4 and 6; RFC 1929 section 2). */
enum {
    LEATI_SOCKS5_GREETING_MAX_BYTES = 5,
    LEATI_SOCKS5_AUTH_MAX_BYTES = 3 + 255 + 255,
    LEATI_SOCKS5_REQUEST_MAX_BYTES = 3 + LEATI_SOCKS5_ADDRESS_MAX_BYTES,
    LEATI_SOCKS5_MESSAGES_MAX_BYTES = LEATI_SOCKS5_GREETING_MAX_BYTES +
                                      LEATI_SOCKS5_AUTH_MAX_BYTES + LEATI_SOCKS5_REQUEST_MAX_BYTES,
    LEATI_SOCKS5_REPLY_MAX_BYTES = 3 + LEATI_SOCKS5_ADDRESS_MAX_BYTES,
    /** Of what is said about a loss, with the final NUL. */
    LEATI_SOCKS5_SUSPECT_SIZE = LEAT_ERROR_HOP_SIZE + 96,
    LEATI_SOCKS5_TEXT_SIZE = LEATI_SOCKS5_SUSPECT_SIZE + 160,
};

/** METHOD of greeting and answer (RFC 1928 section 3). */
enum {
    LEATI_SOCKS5_METHOD_NONE = 0x00,
    LEATI_SOCKS5_METHOD_GSS = 0x01,
    LEATI_SOCKS5_METHOD_PASSWORD = 0x02,
    LEATI_SOCKS5_METHOD_UNACCEPTABLE = 0xff,
};

enum leati_socks5_state {
    LEATI_SOCKS5_SEND_GREETING,
    LEATI_SOCKS5_RECV_METHOD,
    LEATI_SOCKS5_SEND_AUTH,
    LEATI_SOCKS5_RECV_AUTH_STATUS,
    /** GSS-API is spoken by `gss`. */
    LEATI_SOCKS5_NEGOTIATING_GSS,
    LEATI_SOCKS5_SEND_REQUEST,
    LEATI_SOCKS5_RECV_REPLY,
    LEATI_SOCKS5_DONE,
    LEATI_SOCKS5_FAILED,
};

struct leati_socks5_engine {
    struct leati_engine base;
    struct leati_socks5_gss_negotiation gss; /**< its `gss` is NULL where that is not offered */
    struct leati_layer *protection;          /**< to be told what to do; NULL = none (any more) */
    bool protection_is_told;

    enum leati_socks5_command command;
    bool offers_none, offers_gss, offers_password;
    bool authenticated; /**< by user name and password */
    bool pipelined;     /**< all messages leave in SEND_GREETING */
    /** Greeting, credentials and request, one behind the other. The credentials are wiped once they
     * are sent, or not needed. */
    uint8_t messages[LEATI_SOCKS5_MESSAGES_MAX_BYTES];
    size_t greeting_len, auth_len, request_len;

    uint8_t reply[LEATI_SOCKS5_REPLY_MAX_BYTES];
    size_t reply_len; /**< bytes of this state's reply that have come */

    struct leati_socks5_address bound;     /**< of UDP_ASSOCIATE, once it is DONE: the relay */
    char destination[LEAT_ERROR_HOP_SIZE]; /**< "host:port", or "UDP", for texts */
    char text[LEATI_SOCKS5_TEXT_SIZE + 80];
};

/** Chooses what is offered and writes it all: socks5_messages.c. As leati_socks5_engine_init(). */
int leati_socks5_messages_write(struct leati_socks5_engine *engine,
                                const struct leati_socks5_options *options,
                                struct leati_failure *failure);

/** Writes all messages; takes options->gss. @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE, recorded in
 * `failure`: then the engine holds nothing, and has taken nothing. */
int leati_socks5_engine_init(struct leati_socks5_engine *engine,
                             const struct leati_socks5_options *options,
                             struct leati_failure *failure);

#endif

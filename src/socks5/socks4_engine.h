/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of SOCKS4 and SOCKS4A CONNECT: bytes in, bytes out, no I/O, no clock, no memory
 * of its own. Used as core/engine.h says.
 */
#ifndef LEATI_SOCKS5_SOCKS4_ENGINE_H
#define LEATI_SOCKS5_SOCKS4_ENGINE_H

#include "core/engine.h"
#include "socks5/socks4.h"
#include "socks5/socks5_address.h"

enum {
    LEATI_SOCKS4_USER_MAX_BYTES = 255, /* the papers have no limit, proxies have */
    /** Version, command, port, address; the user id and the name, each with its NUL. */
    LEATI_SOCKS4_REQUEST_MAX_BYTES =
        8 + LEATI_SOCKS4_USER_MAX_BYTES + 1 + LEATI_SOCKS5_NAME_MAX_BYTES + 1,
    LEATI_SOCKS4_REPLY_BYTES = 8,
    /** Of what is said about a loss, with the final NUL. */
    LEATI_SOCKS4_SUSPECT_SIZE = LEAT_ERROR_HOP_SIZE + 128,
    LEATI_SOCKS4_TEXT_SIZE = LEATI_SOCKS4_SUSPECT_SIZE + 160,
};

enum leati_socks4_state {
    LEATI_SOCKS4_SEND_REQUEST,
    LEATI_SOCKS4_RECV_REPLY,
    LEATI_SOCKS4_DONE,
    LEATI_SOCKS4_FAILED,
};

struct leati_socks4_engine {
    struct leati_engine base;
    bool has_user;
    bool by_name; /**< SOCKS4A, which not every proxy of SOCKS4 knows */

    /** Wiped once it is sent: the user id stands in it. */
    uint8_t request[LEATI_SOCKS4_REQUEST_MAX_BYTES];
    size_t request_len;
    uint8_t reply[LEATI_SOCKS4_REPLY_BYTES];
    size_t reply_len;

    char destination[LEAT_ERROR_HOP_SIZE]; /**< "host:port", for texts */
    char text[LEATI_SOCKS4_TEXT_SIZE];
};

/** Writes the request. @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE, recorded in `failure`: then the
 * engine holds nothing. */
int leati_socks4_engine_init(struct leati_socks4_engine *engine,
                             const struct leati_socks4_options *options,
                             struct leati_failure *failure);

#endif

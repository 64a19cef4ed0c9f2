/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of SOCKS4 and SOCKS4A CONNECT: bytes in, bytes out, no I/O, no clock, no memory
 * of its own. Used as socks5_engine.h says of its own.
 */
#ifndef LEATI_SOCKS5_SOCKS4_ENGINE_H
#define LEATI_SOCKS5_SOCKS4_ENGINE_H

#include "socks5/socks4.h"
#include "socks5/socks5_address.h"

enum {
    LEATI_SOCKS4_USER_MAX_BYTES = 255, /* the papers have no limit, proxies have */
    /** Version, command, port, address; the user id and the name, each with its NUL. */
    LEATI_SOCKS4_REQUEST_MAX_BYTES =
        8 + LEATI_SOCKS4_USER_MAX_BYTES + 1 + LEATI_SOCKS5_NAME_MAX_BYTES + 1,
    LEATI_SOCKS4_REPLY_BYTES = 8,
    /** Of leati_socks4_engine_suspect(), with the final NUL. */
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
    enum leati_socks4_state state;
    const struct leati_tracer *tracer; /**< told of every change of state; may be NULL */
    const char *hop;                   /**< for the trace; may be NULL */
    bool has_user;
    bool by_name; /**< SOCKS4A, which not every proxy of SOCKS4 knows */

    /** Wiped once it is sent: the user id stands in it. */
    uint8_t request[LEATI_SOCKS4_REQUEST_MAX_BYTES];
    size_t request_len, sent;
    uint8_t reply[LEATI_SOCKS4_REPLY_BYTES];
    size_t reply_len;

    char destination[LEAT_ERROR_HOP_SIZE]; /**< "host:port", for texts */
    int code;                              /**< of FAILED */
    int sys_errno;                         /**< ETIMEDOUT after expire() */
    int native_code;
    unsigned retry; /**< LEATI_RETRY_* */
    char text[LEATI_SOCKS4_TEXT_SIZE];
};

/** Writes the request. @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE, recorded in `failure`: then the
 * engine holds nothing. */
int leati_socks4_engine_init(struct leati_socks4_engine *engine,
                             const struct leati_socks4_options *options,
                             struct leati_failure *failure);
/** Wipes. */
void leati_socks4_engine_done(struct leati_socks4_engine *engine);

/** The bytes to send now; 0 = none. Valid until the next call that is not const. */
size_t leati_socks4_engine_output(const struct leati_socks4_engine *engine,
                                  const uint8_t **ret_data);
/** The first `len` bytes of the output are sent. */
void leati_socks4_engine_sent(struct leati_socks4_engine *engine, size_t len);

/** How many bytes of the proxy are surely still to come; 0 = it is not the proxy's turn. */
size_t leati_socks4_engine_need(const struct leati_socks4_engine *engine);

/**
 * Reads bytes of the proxy as long as it is the proxy's turn.
 *
 * @param ret_used how many were read, written always; those behind them are not the engine's.
 * @return LEAT_OK (look at the state), or the code of FAILED, again for every later call:
 *         LEAT_E_SOCKS5_AUTH, LEAT_E_SOCKS5_CONNECT_REMOTE, LEAT_E_SOCKS5_DESERIALIZE.
 */
int leati_socks4_engine_feed(struct leati_socks4_engine *engine, const uint8_t *data, size_t len,
                             size_t *ret_used);

/** LEATI_RETRY_*, should the connection break off at this point, or the answer not come. */
unsigned leati_socks4_engine_retry_if_lost(const struct leati_socks4_engine *engine);
/** What that could mean, to stand behind the text about it: "" or ": the target ...". */
void leati_socks4_engine_suspect(const struct leati_socks4_engine *engine, char *buf, size_t cap);

/** The proxy has closed. @return LEAT_E_SOCKS5_RECV before the answer, LEAT_E_SOCKS5_DESERIALIZE in
 * the middle of it, the code of FAILED if it has failed before. */
int leati_socks4_engine_eof(struct leati_socks4_engine *engine);

/** The proxy has not answered within `waited_ms`: FAILED, with LEAT_E_SOCKS5_RECV. */
void leati_socks4_engine_expire(struct leati_socks4_engine *engine, uint64_t waited_ms);

#endif

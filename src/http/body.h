/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The first bytes of the body behind an HTTP/1.1 response head (RFC 9112 section 6), kept for a
 * person to read: proxies and gateways say there why they refuse. An engine: no I/O, no clock.
 *
 * Content-Length, chunked transfer coding (decoded; extensions and trailers are dropped) and "until
 * the connection ends" are known; other transfer codings and content codings stay as they came. A
 * body that breaks the rules ends there, with what came before it kept: nobody is failed for the
 * body of a refusal.
 *
 * One thread at a time per object.
 */
#ifndef LEATI_HTTP_BODY_H
#define LEATI_HTTP_BODY_H

#include "http/head.h"

/** How much of the body of a refusal is kept. */
#define LEATI_HTTP_BODY_KEPT_BYTES 4096u
/** How much is read of one whose connection is to be used again. */
#define LEATI_HTTP_BODY_DRAIN_MAX_BYTES 65536u

enum leati_http_body_state {
    LEATI_HTTP_BODY_LENGTH,     /**< `rest` bytes to come */
    LEATI_HTTP_BODY_UNTIL_END,  /**< all that comes */
    LEATI_HTTP_BODY_CHUNK_SIZE, /**< in the line with a chunk's size, RFC 9112 section 7.1 */
    LEATI_HTTP_BODY_CHUNK_EXTENSION,
    LEATI_HTTP_BODY_CHUNK_DATA, /**< `rest` bytes of the chunk to come */
    LEATI_HTTP_BODY_CHUNK_END,  /**< in the CRLF behind it */
    LEATI_HTTP_BODY_TRAILER,    /**< behind the last chunk, when the body is drained */
    LEATI_HTTP_BODY_DONE,
};

/** Embedded in its owner. The fields are private to body.c: use the functions. */
struct leati_http_body {
    enum leati_http_body_state state;
    uint64_t rest;
    unsigned size_digits; /**< of the chunk's size that is being read */
    uint8_t *bytes;       /**< NULL until there are some */
    size_t len;
    bool lacks_memory;   /**< nothing is kept */
    bool drains;         /**< to its very end */
    bool is_whole;       /**< when drained and DONE: that is where it is */
    size_t drained;      /**< bytes, framing included */
    size_t trailer_line; /**< bytes of the line of the trailer that is being read */
};

/** Looks at a complete response head for what follows it: RFC 9112 section 6.3, for a response to
 * anything but HEAD and a successful CONNECT. */
void leati_http_body_init(struct leati_http_body *body, const struct leati_http_head *head);
/**
 * The same, to be read to its end because another response follows on the connection.
 *
 * @return false: nobody can tell where it ends, or it is too long: the connection is of no use
 *         behind it. The body is initialised all the same.
 */
bool leati_http_body_init_drain(struct leati_http_body *body, const struct leati_http_head *head);
/** Frees; afterwards the body is empty. */
void leati_http_body_done(struct leati_http_body *body);

/**
 * Reads the next bytes behind the head.
 *
 * @return LEATI_HTTP_MORE; LEATI_HTTP_DONE: the body is complete, broken or as long as is kept, and
 *         what comes does not matter any more; LEATI_HTTP_NO_MEMORY.
 */
enum leati_http_result leati_http_body_feed(struct leati_http_body *body, const uint8_t *data,
                                            size_t len);

/** Whether a drained body has come to its end, and nothing behind it. */
bool leati_http_body_is_whole(const struct leati_http_body *body);

/** Whether anything that is still to come would matter. */
bool leati_http_body_is_done(const struct leati_http_body *body);

/** What is kept, with a NUL behind it that is not counted; never NULL. Raw bytes of the peer: not
 * for a terminal as they are. Valid until the next feed or done. */
const char *leati_http_body_bytes(const struct leati_http_body *body, size_t *ret_len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The streams of permessage-deflate (RFC 7692 section 7.2): messages in pieces to compressed
 * messages in pieces, and back. Engines: no frames, no limits of messages, no I/O.
 *
 * Sending a message, whose frames have RSV1 in the first one only:
 *
 *     for each piece of payload: leati_deflater_feed() until DONE; what comes out goes into frames
 *     behind the last piece:     leati_deflater_end() until DONE; the last of it is the FIN frame's
 *
 * A message that is to be one frame is compressed into a buffer first, since the frame's length
 * stands before it; whether a message is compressed at all (a threshold, say) is free for each one,
 * as long as none of it has been fed.
 *
 * Receiving a message whose first frame has RSV1; control frames between do not touch the stream:
 *
 *     for each piece of payload: leati_inflater_feed() until DONE
 *     behind the FIN frame:      leati_inflater_end() until DONE
 *
 * Every call gives out at most `cap` bytes, and takes no more input than it needs for them: the
 * caller counts them against its limit of a message (1009) and checks their UTF-8 (1007) before it
 * asks for more, so a bomb costs one `cap` beyond the limit and no time. CORRUPT ends a connection
 * with 1007 (RFC 6455 section 7.4.1: data that is not what the message claims to be).
 *
 * Memory, through util/alloc.h, none before the first message in that direction:
 *     deflater   (1 << (window_bits + 2)) + (1 << (mem_level + 9)) + 6 KiB   262 KiB at 15 and 8
 *     inflater   (1 << window_bits) + 7 KiB                                  39 KiB at 15
 * With window_bits 12 and mem_level 5 the two are 38 KiB and 11 KiB. It is kept from message to
 * message; without context takeover leati_deflater_trim() and leati_inflater_trim() give it back in
 * between.
 *
 * One thread at a time per object.
 */
#ifndef LEATI_WS_DEFLATE_H
#define LEATI_WS_DEFLATE_H

#include "ws/deflate_params.h"

/** Whether this build can compress. Without zlib deflate_none.c stands for deflate.c: nothing is
 * offered or accepted then, and the functions below are never called. */
bool leati_deflate_is_built_in(void);

/** The least room for output that leati_deflater_feed() and _end() take. */
#define LEATI_DEFLATER_MIN_OUT_BYTES 16u

struct z_stream_s;

enum leati_deflate_result {
    LEATI_DEFLATE_DONE,    /**< all input is taken, and what can be given out now is given out */
    LEATI_DEFLATE_MORE,    /**< `out` is full: take it and call again with the rest of the input */
    LEATI_DEFLATE_CORRUPT, /**< no deflate stream, or cut off; again for every later call */
    LEATI_DEFLATE_NO_MEMORY, /**< again for every later call */
};

/* ---- compressing ------------------------------------------------------------------------ */

struct leati_deflater_options {
    uint8_t window_bits;      /**< 8 to 15: ours of struct leati_deflate_params */
    bool no_context_takeover; /**< ours */
    uint8_t level;            /**< 1 (fast) to 9 (small); 0 = zlib's default, 6 */
    uint8_t mem_level;        /**< 1 to 9; 0 = zlib's default, 8 */
};

/** Embedded in its owner. The fields are private to deflate.c. */
struct leati_deflater {
    struct leati_deflater_options options;
    struct z_stream_s *stream; /**< NULL until it is needed */
    bool has_input;            /**< of this message */
    uint8_t tail[4];           /**< the last bytes, which may be those that are not sent */
    size_t tail_len;
    enum leati_deflate_result failure; /**< DONE = none */
};

/** With a window of 8 bits only repeated bytes are compressed: zlib cannot be held to 256 bytes in
 * another way. */
void leati_deflater_init(struct leati_deflater *deflater,
                         const struct leati_deflater_options *options);
void leati_deflater_done(struct leati_deflater *deflater);

/**
 * Takes payload; `*data` and `*len` move past what is taken. Much or nothing may come out: zlib
 * collects.
 *
 * @param cap at least LEATI_DEFLATER_MIN_OUT_BYTES.
 * @param ret_out_len written always.
 */
enum leati_deflate_result leati_deflater_feed(struct leati_deflater *deflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len);

/** The message ends: gives out the rest of it, without the tail 00 00 ff ff (section 7.2.1). An
 * empty message is one byte 0 (section 7.2.3.6). After DONE the next message may begin. */
enum leati_deflate_result leati_deflater_end(struct leati_deflater *deflater, uint8_t *out,
                                             size_t cap, size_t *ret_out_len);

/** Between two messages: gives the memory back unless the context is needed. */
void leati_deflater_trim(struct leati_deflater *deflater);

/* ---- decompressing ---------------------------------------------------------------------- */

struct leati_inflater_options {
    uint8_t window_bits;      /**< 8 to 15: the peer's of struct leati_deflate_params */
    bool no_context_takeover; /**< the peer's */
};

/** Embedded in its owner. The fields are private to deflate.c. */
struct leati_inflater {
    struct leati_inflater_options options;
    struct z_stream_s *stream;         /**< NULL until it is needed */
    bool has_input;                    /**< of this message */
    bool is_final;                     /**< the last byte that came ended a block with BFINAL */
    size_t tail_used;                  /**< of the tail that is put behind the message */
    enum leati_deflate_result failure; /**< DONE = none */
};

void leati_inflater_init(struct leati_inflater *inflater,
                         const struct leati_inflater_options *options);
void leati_inflater_done(struct leati_inflater *inflater);

/**
 * Takes compressed payload; `*data` and `*len` move past what is taken. After MORE it is called
 * again, also when `*len` is 0.
 *
 * @param cap at least 1.
 * @param ret_out_len written always; what came before a CORRUPT is of no use.
 */
enum leati_deflate_result leati_inflater_feed(struct leati_inflater *inflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len);

/** The message ends: puts the tail 00 00 ff ff behind it (section 7.2.2) and gives out the rest. A
 * message that is cut off is CORRUPT. After DONE the next message may begin. */
enum leati_deflate_result leati_inflater_end(struct leati_inflater *inflater, uint8_t *out,
                                             size_t cap, size_t *ret_out_len);

/** Between two messages: gives the memory back unless the context is needed. */
void leati_inflater_trim(struct leati_inflater *inflater);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * permessage-deflate in Sec-WebSocket-Extensions: what a client offers, what a server answers, what
 * both have agreed to (RFC 7692 section 7.1). Pure; the streams are in ws/deflate.h.
 */
#ifndef LEATI_WS_DEFLATE_PARAMS_H
#define LEATI_WS_DEFLATE_PARAMS_H

#include "http/head.h"

/** An LZ77 window of 1 << bits bytes. */
#define LEATI_DEFLATE_MIN_WINDOW_BITS 8
#define LEATI_DEFLATE_MAX_WINDOW_BITS 15
/** Room for the longest offer or answer, with the final NUL. */
#define LEATI_DEFLATE_HEADER_SIZE 192

/** What both ends have agreed to; of a server also what it wants at most. */
struct leati_deflate_params {
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    uint8_t server_max_window_bits; /**< 8 to 15; of what the server sends */
    uint8_t client_max_window_bits; /**< 8 to 15; of what the client sends */
};

/** What a client asks for. All zero = plain "permessage-deflate", which leaves the server no say
 * about our window. */
struct leati_deflate_offer {
    bool server_no_context_takeover; /**< saves us 1 << server_max_window_bits between messages */
    bool client_no_context_takeover; /**< a hint that we would do so anyway */
    uint8_t server_max_window_bits;  /**< 8 to 15; 0 = not asked for */
    /** The server may limit our window. Browsers say so, without a value, and there are gateways
     * that fail at anything else: true with a client_max_window_bits of 0 is the offer to start
     * from. */
    bool allows_client_max_window_bits;
    uint8_t client_max_window_bits; /**< 8 to 15: we will not use more; 0 = no value */
};

/** Writes the value of the header field that a client sends. */
void leati_deflate_offer_format(const struct leati_deflate_offer *offer,
                                char ret_header[LEATI_DEFLATE_HEADER_SIZE]);

enum leati_deflate_answer {
    LEATI_DEFLATE_DECLINED, /**< no extension in the answer: messages go as they are */
    LEATI_DEFLATE_AGREED,
    LEATI_DEFLATE_INVALID, /**< RFC 6455 section 4.1: the connection must fail (200) */
};

/** What is wrong with an answer, and with which of its extensions. */
struct leati_deflate_fault {
    const char *reason; /**< static, to be followed by the quoted extension */
    /** The extension with its parameters, as it stands in the head. */
    const char *element;
    size_t element_len;
};

/**
 * Checks all Sec-WebSocket-Extensions of a 101 response (RFC 7692 sections 5.1 and 7.1).
 *
 * Invalid are: an extension that was not offered, permessage-deflate twice, a parameter that is
 * unknown, there twice, or has a value that it cannot have, a window larger than asked for,
 * client_max_window_bits that was not allowed. An answer that leaves out server_max_window_bits or
 * server_no_context_takeover although they were asked for is taken as what it says (32 KiB, context
 * kept): everything can be decoded, it costs the memory that was to be saved, and servers do it.
 *
 * @param offer NULL = nothing was offered.
 * @param ret_params written for AGREED.
 * @param ret_fault written for INVALID.
 */
enum leati_deflate_answer leati_deflate_response_check(const struct leati_http_head *head,
                                                       const struct leati_deflate_offer *offer,
                                                       struct leati_deflate_params *ret_params,
                                                       struct leati_deflate_fault *ret_fault);

/**
 * Chooses, as a server, the first of the client's offers that can be accepted (sections 5.1, 7.1);
 * offers of other extensions, and those that are broken, are passed over.
 *
 * @param limits our own wishes: no_context_takeover is demanded of ourselves and of the client, the
 *               windows are not exceeded; only a client that allows it can be limited, another one
 *               gets 15 (sections 7.1.2.1, 7.1.2.2).
 * @param ret_params,ret_header what holds now, and what to answer; written if true.
 */
bool leati_deflate_offers_choose(const struct leati_http_head *head,
                                 const struct leati_deflate_params *limits,
                                 struct leati_deflate_params *ret_params,
                                 char ret_header[LEATI_DEFLATE_HEADER_SIZE]);

#endif

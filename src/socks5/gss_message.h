/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The messages of GSS-API within SOCKS5 (RFC 1961): version 1, a type, a length, and a token of the
 * library's. Of all types they look the same (sections 3.4, 4.3 and 5).
 */
#ifndef LEATI_SOCKS5_GSS_MESSAGE_H
#define LEATI_SOCKS5_GSS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum leati_socks5_gss_type {
    LEATI_SOCKS5_GSS_AUTHENTICATION = 1,
    LEATI_SOCKS5_GSS_PROTECTION = 2,
    LEATI_SOCKS5_GSS_DATA = 3,
    LEATI_SOCKS5_GSS_ABORT = 0xff, /**< has no length and no token (section 3.8) */
};

enum { LEATI_SOCKS5_GSS_HEAD_BYTES = 4 };

/** Writes the head of a message with a token of `len` bytes, at most LEATI_GSS_TOKEN_MAX_BYTES. */
void leati_socks5_gss_head(enum leati_socks5_gss_type type, size_t len,
                           uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES]);

/** One message that comes in. All zero = a new one. */
struct leati_socks5_gss_message {
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES];
    size_t head_len; /**< bytes that have come */
    uint8_t *token;
    size_t token_len; /**< bytes that have come */
};

enum leati_socks5_gss_read {
    LEATI_SOCKS5_GSS_MORE,
    LEATI_SOCKS5_GSS_COMPLETE, /**< token and token_len are there */
    LEATI_SOCKS5_GSS_ABORTED,
    LEATI_SOCKS5_GSS_BAD_VERSION,
    LEATI_SOCKS5_GSS_BAD_TYPE,
    LEATI_SOCKS5_GSS_NO_MEMORY,
};

/** How many bytes surely belong to the message; 0 = it is complete. */
size_t leati_socks5_gss_need(const struct leati_socks5_gss_message *message);
/** Takes at most leati_socks5_gss_need() bytes. */
enum leati_socks5_gss_read leati_socks5_gss_feed(struct leati_socks5_gss_message *message,
                                                 enum leati_socks5_gss_type expected,
                                                 const uint8_t *data, size_t len);
/** Whether nothing of it has come. */
bool leati_socks5_gss_is_empty(const struct leati_socks5_gss_message *message);
/** Wipes and frees; a new one can be read. */
void leati_socks5_gss_message_done(struct leati_socks5_gss_message *message);

#endif

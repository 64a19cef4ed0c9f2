/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/gss_message.h"

#include "util/alloc.h"

#include <string.h>

/* Of SOCKS/GSS-API (RFC 1961 section 3.4). */
#define GSS_VERSION 1

/* Where the fields of a head stand. */
enum {
    HEAD_VERSION = 0,
    HEAD_TYPE = 1,
    HEAD_LENGTH = 2,
};

void leati_socks5_gss_head(enum leati_socks5_gss_type type, size_t len,
                           uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES])
{
    head[HEAD_VERSION] = GSS_VERSION;
    head[HEAD_TYPE] = (uint8_t)type;
    head[HEAD_LENGTH] = (uint8_t)(len >> 8);
    head[HEAD_LENGTH + 1] = (uint8_t)len;
}

static size_t announced_len(const struct leati_socks5_gss_message *message)
{
    return (size_t)message->head[HEAD_LENGTH] << 8 | message->head[HEAD_LENGTH + 1];
}

/* Two bytes are enough to see an abort, behind which nothing comes. */
size_t leati_socks5_gss_need(const struct leati_socks5_gss_message *message)
{
    if (message->head_len < HEAD_LENGTH)
        return HEAD_LENGTH - message->head_len;
    if (message->head_len < LEATI_SOCKS5_GSS_HEAD_BYTES)
        return LEATI_SOCKS5_GSS_HEAD_BYTES - message->head_len;
    return announced_len(message) - message->token_len;
}

static enum leati_socks5_gss_read type_check(const struct leati_socks5_gss_message *message,
                                             enum leati_socks5_gss_type expected)
{
    if (message->head_len > HEAD_VERSION && message->head[HEAD_VERSION] != GSS_VERSION)
        return LEATI_SOCKS5_GSS_BAD_VERSION;
    if (message->head_len <= HEAD_TYPE)
        return LEATI_SOCKS5_GSS_MORE;
    if (message->head[HEAD_TYPE] == LEATI_SOCKS5_GSS_ABORT)
        return LEATI_SOCKS5_GSS_ABORTED;
    return message->head[HEAD_TYPE] == expected ? LEATI_SOCKS5_GSS_MORE : LEATI_SOCKS5_GSS_BAD_TYPE;
}

/* The head is there: room for what it announces. */
static enum leati_socks5_gss_read token_begin(struct leati_socks5_gss_message *message)
{
    size_t len = announced_len(message);

    message->token = leati_malloc(len > 0 ? len : 1);
    if (!message->token)
        return LEATI_SOCKS5_GSS_NO_MEMORY;
    return len > 0 ? LEATI_SOCKS5_GSS_MORE : LEATI_SOCKS5_GSS_COMPLETE;
}

enum leati_socks5_gss_read leati_socks5_gss_feed(struct leati_socks5_gss_message *message,
                                                 enum leati_socks5_gss_type expected,
                                                 const uint8_t *data, size_t len)
{
    if (message->head_len < LEATI_SOCKS5_GSS_HEAD_BYTES) {
        memcpy(message->head + message->head_len, data, len);
        message->head_len += len;
        if (message->head_len < LEATI_SOCKS5_GSS_HEAD_BYTES)
            return type_check(message, expected);
        return token_begin(message);
    }
    memcpy(message->token + message->token_len, data, len);
    message->token_len += len;
    return leati_socks5_gss_need(message) > 0 ? LEATI_SOCKS5_GSS_MORE : LEATI_SOCKS5_GSS_COMPLETE;
}

bool leati_socks5_gss_is_empty(const struct leati_socks5_gss_message *message)
{
    return message->head_len == 0;
}

void leati_socks5_gss_message_done(struct leati_socks5_gss_message *message)
{
    leati_wipe(message->token, message->token_len);
    leati_free(message->token);
    *message = (struct leati_socks5_gss_message){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/handshake.h"

#include "core/exchange.h"
#include "util/readable.h"
#include "util/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHA1_BYTES  20u
#define KEY_MAX_LEN 24u

/* Section 1.3: what turns the key into the answer that only a WebSocket server gives. */
static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool leati_ws_accept_value(const char *key, leati_ws_sha1_fn *sha1,
                           char ret_accept[LEATI_WS_ACCEPT_SIZE])
{
    char text[KEY_MAX_LEN + sizeof(accept_guid)];
    uint8_t digest[SHA1_BYTES];
    size_t key_len = strnlen(key, KEY_MAX_LEN);

    memcpy(text, key, key_len);
    memcpy(text + key_len, accept_guid, sizeof(accept_guid));
    return sha1(text, key_len + strlen(accept_guid), digest) &&
           leati_text_base64_encode(digest, sizeof(digest), ret_accept, LEATI_WS_ACCEPT_SIZE);
}

bool leati_ws_header_is_ours(const char *name)
{
    static const char prefix[] = "Sec-WebSocket-";
    size_t prefix_len = strlen(prefix);

    return leati_http_field_frames(name) ||
           (strlen(name) >= prefix_len &&
            leati_text_equal_nocase(name, prefix_len, prefix, prefix_len));
}

void leati_ws_handshake_init(struct leati_ws_handshake *handshake, enum leati_http_kind peers_head)
{
    handshake->agreement = (struct leati_ws_agreement){.protocol = ""};
    leati_http_head_init(&handshake->head, peers_head);
}

enum leati_ws_head_result leati_ws_refuse(struct leati_ws_handshake *handshake, const char *format,
                                          ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(handshake->error, sizeof(handshake->error), format, args);
    va_end(args);
    for (char *c = handshake->error; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return LEATI_WS_HEAD_REFUSED;
}

void leati_ws_fail_memory(struct leati_ws_handshake *handshake)
{
    handshake->base.sys_errno = ENOMEM;
    leati_engine_fail(&handshake->base, LEAT_E_SYSTEM_INTERNAL, handshake->agreement.status,
                      "no memory for the WebSocket handshake");
}

void leati_ws_handshake_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct leati_ws_agreement *agreed = &((const struct leati_ws_handshake *)e)->agreement;

    snprintf(buf, cap, "HTTP %d%s%s%s", agreed->status, *agreed->protocol ? ", subprotocol " : "",
             agreed->protocol, agreed->deflate ? ", permessage-deflate" : "");
}

const struct leati_ws_agreement *leati_ws_agreement(const struct leati_layer *layer)
{
    return &((const struct leati_ws_handshake *)leati_exchange_engine(layer))->agreement;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/handshake.h"

#include "http/head.h"
#include "util/alloc.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define SHA1_BYTES 20u

/* Section 1.3: what turns the key into the answer that only a WebSocket server gives. */
static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool leati_ws_accept_value(const char *key, leati_ws_sha1_fn *sha1,
                           char ret_accept[LEATI_WS_ACCEPT_SIZE])
{
    char text[24 + sizeof(accept_guid)];
    uint8_t digest[SHA1_BYTES];

    int len = snprintf(text, sizeof(text), "%.24s%s", key, accept_guid);
    return sha1(text, (size_t)len, digest) &&
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

void leati_ws_make_printable(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

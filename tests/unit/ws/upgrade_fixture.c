/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade_fixture.h"

#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t example_nonce[LEATI_WS_NONCE_BYTES] = {'t', 'h', 'e', ' ', 's', 'a', 'm', 'p',
                                                     'l', 'e', ' ', 'n', 'o', 'n', 'c', 'e'};

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void sha1_block(uint32_t h[5], const uint8_t block[64])
{
    uint32_t w[80];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
    for (int t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);

    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 80; t++) {
        uint32_t f = t < 20   ? (b & c) | (~b & d)
                     : t < 40 ? b ^ c ^ d
                     : t < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
        uint32_t next = rotate(a, 5) + f + e + k[t / 20] + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

bool reference_sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    size_t padded = (len + 9 + 63) / 64 * 64;
    uint8_t *message = calloc(1, padded);

    cr_assert_not_null(message);
    memcpy(message, data, len);
    message[len] = 0x80;
    for (size_t i = 0; i < 8; i++)
        message[padded - 1 - i] = (uint8_t)((uint64_t)len * 8 >> (8 * i));
    for (size_t pos = 0; pos < padded; pos += 64)
        sha1_block(h, message + pos);
    free(message);
    for (size_t i = 0; i < 20; i++)
        ret_digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
    return true;
}

bool broken_sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
    (void)data;
    (void)len;
    (void)ret_digest;
    return false;
}

void accept_of(const char *key, char ret_accept[29])
{
    char text[128];
    uint8_t digest[20];

    int len = snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    reference_sha1(text, (size_t)len, digest);
    cr_assert(leati_text_base64_encode(digest, sizeof(digest), ret_accept, 29));
}

struct leati_ws_upgrade_options example_options(void)
{
    static const char *const protocols[] = {"chat", "superchat"};

    return (struct leati_ws_upgrade_options){
        .host_field = "server.example.com",
        .target = "/chat?room=1",
        .protocols = protocols,
        .protocol_count = 2,
        .timeout_ms = 5000,
        .sha1 = reference_sha1,
    };
}

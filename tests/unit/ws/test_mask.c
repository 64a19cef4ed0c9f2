/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include "ws_stream.h"

#include <string.h>

static void mask_byte_by_byte(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t key[4],
                              size_t offset)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = src[i] ^ key[(offset + i) % 4];
}

Test(mask, equals_its_scalar_twin, .timeout = 60)
{
    static const uint8_t key[4] = {0x01, 0x80, 0xa5, 0xff};
    uint8_t src[800], expected[800], got[800], plain[800];
    uint64_t state = 88172645463325252u;

    for (size_t i = 0; i < sizeof(src); i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        src[i] = (uint8_t)(state >> 56);
    }
    for (size_t len = 0; len <= 700; len += len < 300 || len % 128 > 125 ? 1 : 7)
        for (size_t align = 0; align < 33; align += len < 80 ? 1 : 4)
            for (size_t offset = 0; offset < 5; offset++) {
                const uint8_t *from = src + 32 - align;
                memset(got, 0xee, sizeof(got));
                memset(plain, 0xee, sizeof(plain));
                memset(expected, 0xee, sizeof(expected));
                mask_byte_by_byte(expected + align, from, len, key, offset);
                leati_ws_mask_copy(got + align, from, len, key, offset);
                leati_ws_mask_copy_plain(plain + align, from, len, key, offset);
                must(memcmp(got, expected, sizeof(got)) == 0, "len %zu, align %zu, offset %zu", len,
                     align, offset);
                must(memcmp(plain, expected, sizeof(plain)) == 0,
                     "plain: len %zu, align %zu, offset %zu", len, align, offset);
            }
}

/* Where it lies: a server unmasks so. */
Test(mask, may_stay_where_it_is, .timeout = 10)
{
    static const uint8_t key[4] = {1, 2, 3, 4};
    uint8_t bytes[700], expected[700];

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        memset(bytes, 0x55, sizeof(bytes));
        memset(expected, 0x55, sizeof(expected));
        mask_byte_by_byte(expected, expected, len, key, 3);
        leati_ws_mask_copy(bytes, bytes, len, key, 3);
        must(memcmp(bytes, expected, sizeof(bytes)) == 0, "len %zu", len);
    }
}

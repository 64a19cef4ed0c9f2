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

Test(mask, equals_its_scalar_twin, .timeout = 30)
{
    static const uint8_t key[4] = {0x01, 0x80, 0xa5, 0xff};
    uint8_t src[300], expected[300], got[300];
    for (size_t i = 0; i < sizeof(src); i++)
        src[i] = (uint8_t)(i * 7 + 3);

    for (size_t len = 0; len <= 200; len++)
        for (size_t align = 0; align < 9; align++)
            for (size_t offset = 0; offset < 5; offset++) {
                memset(got, 0xee, sizeof(got));
                memset(expected, 0xee, sizeof(expected));
                mask_byte_by_byte(expected + align, src + 8 - align % 8, len, key, offset);
                leati_ws_mask_copy(got + align, src + 8 - align % 8, len, key, offset);
                must(memcmp(got, expected, sizeof(got)) == 0, "len %zu, align %zu, offset %zu", len,
                     align, offset);
            }
}

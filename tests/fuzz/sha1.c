/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

bool fuzz_sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
    const uint8_t *bytes = data;
    memset(ret_digest, 0, 20);
    for (size_t i = 0; i < len; i++)
        ret_digest[i % 20] = (uint8_t)(ret_digest[i % 20] * 31 + bytes[i]);
    return true;
}

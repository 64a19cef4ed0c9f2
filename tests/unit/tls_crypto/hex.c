/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls_crypto/hex.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/random.h>

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

    cr_assert(at, "'%c' in a vector", c);
    return (int)(at - digits);
}

size_t hex_read_some(const char *hex, uint8_t *ret_bytes, size_t cap)
{
    size_t len = strlen(hex) / 2;

    cr_assert(strlen(hex) % 2 == 0 && len <= cap, "a vector has %zu digits", strlen(hex));
    for (size_t i = 0; i < len; i++)
        ret_bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return len;
}

void hex_read(const char *hex, uint8_t *ret_bytes, size_t len)
{
    cr_assert(hex_read_some(hex, ret_bytes, len) == len);
}

int hex_rng(void *user, unsigned char *out, size_t len)
{
    (void)user;
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

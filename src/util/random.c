/* SPDX-License-Identifier: Apache-2.0 */
#include "util/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>

bool leati_random_bytes(void *buf, size_t len)
{
    uint8_t *pos = buf;

    while (len > 0) {
        ssize_t n = getrandom(pos, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        pos += n;
        len -= (size_t)n;
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "util/random.h"

#include "util/alloc.h"
#include "util/fork.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
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

bool leati_random_pool_take(struct leati_random_pool *pool, void *buf, size_t len)
{
    if (!pool)
        return leati_random_bytes(buf, len);
    assert(len <= sizeof(pool->bytes));
    if (pool->left > 0 && pool->fork_count != leati_fork_count())
        leati_random_pool_wipe(pool);
    if (pool->left < len) {
        if (!leati_random_bytes(pool->bytes, sizeof(pool->bytes)))
            return false;
        pool->left = sizeof(pool->bytes);
        pool->fork_count = leati_fork_count();
    }
    pool->left -= len;
    memcpy(buf, pool->bytes + pool->left, len);
    leati_wipe(pool->bytes + pool->left, len);
    return true;
}

bool leati_random_pool_take_word(struct leati_random_pool *pool, uint8_t ret_bytes[4])
{
    if (pool->left < 4 || pool->fork_count != leati_fork_count())
        return leati_random_pool_take(pool, ret_bytes, 4);
    pool->left -= 4;
    uint8_t *bytes = pool->bytes + pool->left;
    memcpy(ret_bytes, bytes, 4);
    memset(bytes, 0, 4);
    /* The compiler does not know that nobody reads them: they are wiped. */
    __asm__ volatile("" : : "r"(bytes) : "memory");
    return true;
}

void leati_random_pool_wipe(struct leati_random_pool *pool)
{
    leati_wipe(pool, sizeof(*pool));
}

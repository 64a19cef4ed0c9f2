/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/session_pool.h"

#include "loop/loop.h"
#include "util/alloc.h"

/** What the pool keeps between messages. */
#define POOL_BYTES ((size_t)2 << 20)

static const char session_pool_key;

static void session_pool_destroy(void *object)
{
    leati_ws_pool_done(object);
    leati_free(object);
}

struct leati_ws_pool *leati_session_pool_of(leat_loop *loop)
{
    struct leati_ws_pool *pool = leati_loop_attachment_get(loop, &session_pool_key);
    if (pool)
        return pool;
    pool = leati_malloc(sizeof(*pool));
    if (!pool)
        return NULL;
    leati_ws_pool_init(pool, POOL_BYTES);
    if (leati_loop_attachment_set(loop, &session_pool_key, pool, session_pool_destroy) != LEAT_OK) {
        leati_free(pool);
        return NULL;
    }
    return pool;
}

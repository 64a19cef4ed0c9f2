/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/workspace.h"

#include "util/alloc.h"

#include <assert.h>
#include <string.h>

#define MESSAGE_MIN_CAP 8192u

/* ---- the pool ------------------------------------------------------------------------------- */

void leati_ws_pool_init(struct leati_ws_pool *pool, size_t limit_bytes)
{
    *pool = (struct leati_ws_pool){.limit_bytes = limit_bytes};
}

static void workspace_free(struct leati_ws_workspace *workspace)
{
    leati_ws_frame_reader_done(&workspace->reader);
    leati_free(workspace->message);
    leati_free(workspace);
}

void leati_ws_pool_done(struct leati_ws_pool *pool)
{
    while (pool->free) {
        struct leati_ws_workspace *workspace = pool->free;
        pool->free = workspace->next_free;
        workspace_free(workspace);
    }
    pool->bytes = 0;
}

static size_t workspace_bytes(const struct leati_ws_workspace *workspace)
{
    return LEATI_WS_FRAME_READER_BYTES + sizeof(*workspace) + workspace->message_cap;
}

static struct leati_ws_workspace *workspace_new(void)
{
    struct leati_ws_workspace *workspace = leati_calloc(1, sizeof(*workspace));

    if (!workspace)
        return NULL;
    if (!leati_ws_frame_reader_init(&workspace->reader)) {
        leati_free(workspace);
        return NULL;
    }
    return workspace;
}

struct leati_ws_workspace *leati_ws_workspace_acquire(struct leati_ws_pool *pool)
{
    if (!pool || !pool->free)
        return workspace_new();

    struct leati_ws_workspace *workspace = pool->free;
    pool->free = workspace->next_free;
    pool->bytes -= workspace_bytes(workspace);
    return workspace;
}

bool leati_ws_workspace_is_idle(const struct leati_ws_workspace *workspace)
{
    return leati_ws_frame_reader_is_idle(&workspace->reader) && workspace->message_len == 0;
}

static size_t pool_room(const struct leati_ws_pool *pool)
{
    return pool->limit_bytes - pool->bytes;
}

void leati_ws_workspace_release(struct leati_ws_workspace *workspace, struct leati_ws_pool *pool)
{
    if (!workspace)
        return;
    if (!pool || workspace->has_failed || !leati_ws_workspace_is_idle(workspace)) {
        workspace_free(workspace);
        return;
    }
    if (workspace_bytes(workspace) > pool_room(pool)) {
        leati_free(workspace->message);
        workspace->message = NULL;
        workspace->message_cap = 0;
    }
    if (workspace_bytes(workspace) > pool_room(pool)) {
        workspace_free(workspace);
        return;
    }
    pool->bytes += workspace_bytes(workspace);
    workspace->next_free = pool->free;
    pool->free = workspace;
}

/* ---- the message ---------------------------------------------------------------------------- */

static bool message_grow(struct leati_ws_workspace *workspace, size_t need, size_t max_len)
{
    size_t cap = workspace->message_cap;

    /* Twice as much each time, so that a byte is moved about once, but not past what can come. */
    cap = cap > max_len / 2 ? max_len : cap * 2;
    if (cap < MESSAGE_MIN_CAP)
        cap = max_len < MESSAGE_MIN_CAP ? max_len : MESSAGE_MIN_CAP;
    if (cap < need)
        cap = need;

    uint8_t *message = leati_realloc(workspace->message, cap);
    if (!message)
        return false;
    workspace->message = message;
    workspace->message_cap = cap;
    return true;
}

uint8_t *leati_ws_workspace_reserve(struct leati_ws_workspace *workspace, size_t len,
                                    size_t max_len)
{
    assert(len <= max_len && workspace->message_len <= max_len - len);
    size_t need = workspace->message_len + len;

    if (need > workspace->message_cap && !message_grow(workspace, need, max_len))
        return NULL;
    return workspace->message + workspace->message_len;
}

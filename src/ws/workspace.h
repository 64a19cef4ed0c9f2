/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a session needs only while bytes of a frame or a message are on their way: wslay's context
 * (4.2 KiB) and the buffers that collect. An idle session owns none; a pool keeps some for the
 * sessions of one loop (struct leati_ws_pool in ws.h).
 */
#ifndef LEATI_WS_WORKSPACE_H
#define LEATI_WS_WORKSPACE_H

#include "ws/frame_reader.h"
#include "ws/session.h"

#define LEATI_WS_CONTROL_MAX_BYTES 125u /**< RFC 6455 section 5.5 */

struct leati_ws_workspace {
    struct leati_ws_workspace *next_free;
    bool has_failed; /**< its content is broken: it must not be used again */
    struct leati_ws_frame_reader reader;
    uint8_t control[LEATI_WS_CONTROL_MAX_BYTES]; /**< a control frame that comes in parts */
    size_t control_len;
    uint8_t *message; /**< what is collected of a message, or made of a part of it */
    size_t message_len;
    size_t message_cap;
};

/** From the pool, or fresh. `pool` may be NULL. NULL without memory. */
struct leati_ws_workspace *leati_ws_workspace_acquire(struct leati_ws_pool *pool);
/** Into the pool if there is room, the workspace is idle and it has not failed; else it is freed.
 * NULL is allowed. */
void leati_ws_workspace_release(struct leati_ws_workspace *workspace, struct leati_ws_pool *pool);

/** Whether it holds nothing of a frame or a message. */
bool leati_ws_workspace_is_idle(const struct leati_ws_workspace *workspace);

/** Room for `len` bytes more behind the message, which the caller writes and counts. The buffer
 * grows with what has arrived, not with what was announced, and never beyond `max_len`, which the
 * caller has checked. NULL without memory. */
uint8_t *leati_ws_workspace_reserve(struct leati_ws_workspace *workspace, size_t len,
                                    size_t max_len);

#endif

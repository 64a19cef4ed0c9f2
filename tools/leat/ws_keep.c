/* SPDX-License-Identifier: Apache-2.0 */
/* leat ws --keep: messages that were queued and not written when the connection was lost are sent
 * again in the next one. One that was written in part goes twice. */
#include "ws.h"

#include <stdlib.h>
#include <string.h>

struct ws_kept {
    struct ws_kept *next;
    enum leat_message_type type;
    size_t len;
    uint8_t data[];
};

static void kept_drop_first(struct ws *s)
{
    struct ws_kept *first = s->kept;
    s->kept = first->next;
    s->kept_bytes -= first->len;
    free(first);
}

void ws_keep_add(struct ws *s, enum leat_message_type type, const void *data, size_t len)
{
    struct ws_kept **end = s->kept ? s->kept_end : &s->kept;
    if (!s->options.keep)
        return;
    struct ws_kept *kept = malloc(sizeof(*kept) + len);
    if (!kept) {
        ws_fail(s, "out of memory");
        return;
    }
    kept->next = NULL;
    kept->type = type;
    kept->len = len;
    memcpy(kept->data, data, len);
    *end = kept;
    s->kept_end = &kept->next;
    s->kept_bytes += len;
}

/* A frame is never shorter than its payload (nothing is compressed). So when those behind the first
 * have as many bytes as wait in the queue, the first one has left it. */
void ws_keep_settle(struct ws *s)
{
    if (!s->kept || !s->open)
        return;
    size_t waiting = leat_websocket_get_buffered_bytes(s->ws);
    while (s->kept && (waiting == 0 || s->kept_bytes - s->kept->len >= waiting))
        kept_drop_first(s);
}

void ws_keep_resend(struct ws *s)
{
    size_t count = 0;
    for (struct ws_kept *kept = s->kept; kept; kept = kept->next, count++)
        if (leat_websocket_send(s->ws, kept->type, kept->data, kept->len) != LEAT_OK)
            break; /* as many as were queued before fit again, unless it has ended */
    if (count > 0)
        ws_tell(s, "sending %zu messages again", count);
}

void ws_keep_done(struct ws *s)
{
    while (s->kept)
        kept_drop_first(s);
}

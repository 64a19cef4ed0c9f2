/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages from other threads on their way to a websocket: the one door through which another
 * thread reaches it. Locked inside.
 */
#ifndef LEATI_WEBSOCKET_MAILBOX_H
#define LEATI_WEBSOCKET_MAILBOX_H

#include <leat/loop.h>
#include <leat/websocket.h>

#include <stdatomic.h>

struct leati_letters;

/** Embedded in its websocket. Few are ever written to: there is no memory before the first letter. */
struct leati_mailbox {
    _Atomic(struct leati_letters *) letters; /**< NULL = nobody has ever written */
};

void leati_mailbox_init(struct leati_mailbox *mailbox);

/** Drops what waits. No other thread may use it any more. */
void leati_mailbox_done(struct leati_mailbox *mailbox);

/** @return LEAT_OK; LEAT_E_SOCKET_BASE + EAGAIN (full); LEAT_E_SYSTEM_INTERNAL. @thread any. */
int leati_mailbox_put(struct leat_websocket *ws, enum leat_message_type type, const void *data,
                      size_t len);

/** Hands what waits to leat_websocket_send(), in order, until one is refused because the connection
 * is not open yet, its queue is full, or a message in parts is open. What comes too late is
 * dropped; without memory the connection ends. */
void leati_mailbox_deliver(struct leati_mailbox *mailbox);

/** Drops what waits, because the connection that it was for has ended. */
void leati_mailbox_clear(struct leati_mailbox *mailbox);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file Messages for many connections, and who of them waits for what: topics. */
#ifndef LEATI_WEBSOCKET_PREPARED_H
#define LEATI_WEBSOCKET_PREPARED_H

#include <leat/broadcast.h>

#include "ws/prepared.h"

/** As leat_websocket_send_prepared(). */
int leati_websocket_send_prepared(struct leat_websocket *ws, struct leati_ws_prepared *message);

/** The same, but what the kernel takes at once is neither queued nor pumped. */
int leati_websocket_publish(struct leat_websocket *ws, struct leati_ws_prepared *message);

/** From the pump, when all was sent that could be: what topics kept back may follow. @return whether
 * something was queued. */
bool leati_topics_release(struct leat_websocket *ws);
/** The connection ends: it leaves all topics. */
void leati_topics_leave(struct leat_websocket *ws);

#endif

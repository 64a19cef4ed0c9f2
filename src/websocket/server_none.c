/* SPDX-License-Identifier: Apache-2.0 */
/* A build without servers (LEAT_SERVER): no connection has been accepted, and none has topics. */
#include "websocket/prepared.h"
#include "websocket/websocket.h"

void leati_server_on_asked(leat_websocket *ws, struct leati_layer *accept, void *user)
{
    (void)ws, (void)accept, (void)user;
}

bool leati_topics_release(struct leat_websocket *ws)
{
    (void)ws;
    return false;
}

void leati_topics_leave(struct leat_websocket *ws)
{
    (void)ws;
}

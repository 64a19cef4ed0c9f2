/* SPDX-License-Identifier: Apache-2.0 */
/** @file The pool of session workspaces that the connections of one loop share. */
#ifndef LEATI_WEBSOCKET_SESSION_POOL_H
#define LEATI_WEBSOCKET_SESSION_POOL_H

#include <leat/loop.h>

#include "ws/ws.h"

/** The pool of this loop, made the first time; lives as long as the loop. NULL without memory,
 * which sessions can do with. */
struct leati_ws_pool *leati_session_pool_of(leat_loop *loop);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The door of this folder: WebSocket (RFC 6455). The opening handshake is a layer, one for each
 * end; what follows it is a session, an engine of frames and messages that stands above the chain.
 *
 * The only folder that sees wslay.
 */
#ifndef LEATI_WS_WS_H
#define LEATI_WS_WS_H

#include "ws/accept.h"
#include "ws/session.h"
#include "ws/upgrade.h"

#endif

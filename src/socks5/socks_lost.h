/* SPDX-License-Identifier: Apache-2.0 */
/** @file What both versions of SOCKS say when the layer below fails under their handshake. */
#ifndef LEATI_SOCKS5_SOCKS_LOST_H
#define LEATI_SOCKS5_SOCKS_LOST_H

#include "core/engine.h"

/** For `lost`. @param step where the handshake was: "request"
 * @param suspect what the loss could mean, to stand behind the text: "" or ": ..."
 * @return LEAT_E_SOCKS5_SEND, LEAT_E_SOCKS5_RECV */
int leati_socks_lost(struct leati_engine *e, const char *step, const char *suspect);

#endif

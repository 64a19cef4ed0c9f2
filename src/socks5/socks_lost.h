/* SPDX-License-Identifier: Apache-2.0 */
/** @file What both versions of SOCKS record when the layer below fails under their handshake. */
#ifndef LEATI_SOCKS5_SOCKS_LOST_H
#define LEATI_SOCKS5_SOCKS_LOST_H

#include "core/exchange.h"

/** Where the handshake was. */
struct leati_socks_lost {
    bool is_sending;
    const char *step;    /**< "request" */
    const char *suspect; /**< what the loss could mean, to stand behind the text: "" or ": ..." */
    unsigned retry;      /**< LEATI_RETRY_* */
};

/** For lower_failed. @return LEAT_E_SOCKS5_SEND, LEAT_E_SOCKS5_RECV; LEAT_E_SYSTEM_INTERNAL as it is. */
int leati_socks_lost(struct leati_exchange *x, int code, const struct leati_socks_lost *lost);

#endif

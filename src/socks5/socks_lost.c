/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks_lost.h"

#include "socks5/socks4_engine.h"

#include <stdio.h>

int leati_socks_lost(struct leati_exchange *x, int code, const struct leati_socks_lost *lost)
{
    char what[LEATI_SOCKS4_SUSPECT_SIZE + 96];

    /* Lack of memory has nothing to do with the proxy; the lower layer's record says it all. */
    if (code == LEAT_E_SYSTEM_INTERNAL)
        return leati_exchange_keep_lower(x, code);
    snprintf(what, sizeof(what), "%s the %s failed%s",
             lost->is_sending ? "sending" : "receiving the answer to", lost->step, lost->suspect);
    x->base.retry = lost->retry;
    return leati_layer_relabel(&x->base, lost->is_sending ? LEAT_E_SOCKS5_SEND : LEAT_E_SOCKS5_RECV,
                               what);
}

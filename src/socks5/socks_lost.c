/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks_lost.h"

#include <stdio.h>

int leati_socks_lost(struct leati_engine *e, const char *step, const char *suspect)
{
    bool is_sending = leati_engine_turn(e) == LEATI_EXCHANGE_OURS;

    snprintf(e->text, e->text_size, "%s the %s failed%s",
             is_sending ? "sending" : "receiving the answer to", step, suspect);
    return is_sending ? LEAT_E_SOCKS5_SEND : LEAT_E_SOCKS5_RECV;
}

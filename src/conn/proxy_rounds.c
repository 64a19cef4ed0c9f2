/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/proxy_rounds.h"

#include "http/auth.h"
#include "http/connect.h"
#include "tcp/tcp.h"

bool leati_chain_ask_program(struct leati_chain *chain, const struct leati_layer *connecting)
{
    (void)chain;
    if (!connecting || connecting->ops->layer != LEAT_LAYER_HTTP_PROXY)
        return false;
    struct leati_http_auth *auth = leati_http_connect_question(connecting);
    if (!auth)
        return false;
    /* The program may end the connection meanwhile. */
    leati_http_auth_ref(auth);
    leati_http_auth_ask(auth);
    leati_http_auth_unref(auth);
    return true;
}

bool leati_layer_wants_redial(const struct leati_layer *layer)
{
    return (layer->retry & LEATI_RETRY_AGAIN) != 0;
}

bool leati_chain_is_to_redial(const struct leati_chain *chain)
{
    for (const struct leati_layer *l = chain->top; l; l = l->lower)
        if (leati_layer_wants_redial(l))
            return chain->failure.code != LEAT_E_SYSTEM_INTERNAL;
    return false;
}

void leati_chain_redial(struct leati_chain *chain)
{
    leati_failure_done(&chain->failure);
    /* As for the next address: a socket that is bound must be gone before the next one is. */
    if (chain->route->opener)
        leati_tcp_layer_reset(chain->tcp);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Our client's handshake against our server's, and what they agree to. */
#include "accept_fixture.h"

#include "support/leak_check.h"
#include "ws/deflate.h"

#include <stdio.h>
#include <string.h>

TestSuite(handshake_pair, .fini = leak_check);

struct pair {
    struct leati_ws_upgrade_engine client;
    struct leati_ws_accept_engine server;
};

/* The request reaches the server. */
static void pair_ask(struct pair *pair, const struct leati_deflate_offer *offer)
{
    struct leati_ws_upgrade_options options = example_options();
    struct leati_ws_accept_options accept_options = example_accept_options();
    size_t used = 0;

    options.deflate = offer;
    cr_assert(leati_ws_upgrade_engine_init(&pair->client, &options, example_nonce));
    leati_ws_accept_engine_init(&pair->server, &accept_options);
    cr_assert_eq(leati_ws_accept_engine_feed(&pair->server, (uint8_t *)pair->client.request.bytes,
                                             pair->client.request.len, &used),
                 LEATI_WS_HEAD_VALID);
    cr_assert_eq(used, pair->client.request.len);
}

/* The response reaches the client. */
static void pair_answer(struct pair *pair, const struct leati_ws_accept_decision *decision)
{
    size_t used = 0;

    cr_assert_eq(leati_ws_accept_engine_answer(&pair->server, decision), LEAT_OK);
    cr_assert_eq(leati_ws_upgrade_engine_feed(&pair->client, (uint8_t *)pair->server.response.bytes,
                                              pair->server.response.len, &used),
                 LEATI_WS_HEAD_VALID, "%s", pair->client.common.error);
    cr_assert_eq(used, pair->server.response.len);
}

static void pair_done(struct pair *pair)
{
    leati_ws_upgrade_engine_done(&pair->client);
    leati_ws_accept_engine_done(&pair->server);
}

Test(handshake_pair, subprotocol, .timeout = 10)
{
    struct pair pair;
    const struct leati_ws_accept_decision decision = {.status = 101, .protocol = "superchat"};

    pair_ask(&pair, NULL);
    cr_assert_eq(pair.server.request.protocol_count, 2);
    cr_assert_null(strstr(pair.client.request.bytes, "Extensions"));
    pair_answer(&pair, &decision);
    cr_assert_str_eq(pair.client.protocol, "superchat");
    cr_assert_not(pair.client.common.agreement.deflate);
    pair_done(&pair);
}

static const struct leati_deflate_params wishes[] = {
    {.server_max_window_bits = 15, .client_max_window_bits = 15},
    {.server_max_window_bits = 8, .client_max_window_bits = 8},
    {.server_max_window_bits = 10,
     .client_max_window_bits = 12,
     .server_no_context_takeover = true},
    {.server_max_window_bits = 15, .client_max_window_bits = 9, .client_no_context_takeover = true},
};

static const struct leati_deflate_offer offers[] = {
    {.server_max_window_bits = 0},
    {.allows_client_max_window_bits = true},
    {.allows_client_max_window_bits = true, .client_max_window_bits = 11},
    {.server_max_window_bits = 9, .server_no_context_takeover = true},
    {.client_no_context_takeover = true, .server_max_window_bits = 8},
};

static void check_agreement(const struct pair *pair, const struct leati_deflate_params *wish,
                            const struct leati_deflate_offer *offer)
{
    const struct leati_deflate_params *ours = pair->client.common.agreement.deflate;
    const struct leati_deflate_params *theirs = pair->server.common.agreement.deflate;

    cr_assert_eq(!ours, !theirs);
    if (!ours)
        return;
    cr_assert_eq(ours->server_max_window_bits, theirs->server_max_window_bits);
    cr_assert_eq(ours->client_max_window_bits, theirs->client_max_window_bits);
    cr_assert_eq(ours->server_no_context_takeover, theirs->server_no_context_takeover);
    cr_assert_eq(ours->client_no_context_takeover, theirs->client_no_context_takeover);
    cr_assert_leq(ours->server_max_window_bits, wish->server_max_window_bits);
    if (offer->server_max_window_bits != 0)
        cr_assert_leq(ours->server_max_window_bits, offer->server_max_window_bits);
    if (offer->server_no_context_takeover || wish->server_no_context_takeover)
        cr_assert(ours->server_no_context_takeover);
    if (offer->allows_client_max_window_bits)
        cr_assert_leq(ours->client_max_window_bits, wish->client_max_window_bits);
}

Test(handshake_pair, every_offer_and_every_wish, .timeout = 10)
{
    size_t agreed = 0;

    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        for (size_t k = 0; k < sizeof(wishes) / sizeof(wishes[0]); k++) {
            struct pair pair;
            const struct leati_ws_accept_decision decision = {.status = 101, .deflate = &wishes[k]};
            pair_ask(&pair, &offers[i]);
            pair_answer(&pair, &decision);
            check_agreement(&pair, &wishes[k], &offers[i]);
            agreed += pair.client.common.agreement.deflate != NULL;
            pair_done(&pair);
        }
    cr_assert_eq(agreed > 0, leati_deflate_is_built_in());
}

Test(handshake_pair, one_end_does_not_want_compression, .timeout = 10)
{
    struct pair pair;
    struct leati_ws_accept_decision decision = {.status = 101};

    pair_ask(&pair, &offers[1]);
    pair_answer(&pair, &decision);
    cr_assert_not(pair.client.common.agreement.deflate);
    cr_assert_not(pair.server.common.agreement.deflate);
    pair_done(&pair);

    decision.deflate = &wishes[0];
    pair_ask(&pair, NULL);
    pair_answer(&pair, &decision);
    cr_assert_not(pair.client.common.agreement.deflate);
    cr_assert_not(pair.server.common.agreement.deflate);
    pair_done(&pair);
}

/* The response of a server that answers what it was not offered. */
Test(handshake_pair, answers_that_break_the_offer, .timeout = 10)
{
    static const char *const answers[] = {
        "permessage-bzip2",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; client_max_window_bits=9",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; x",
        "permessage-deflate; server_no_context_takeover=1",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct pair pair;
        char response[512];
        size_t used = 0;
        int len = snprintf(response, sizeof(response),
                           "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                           "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n"
                           "Sec-WebSocket-Extensions: %s\r\n\r\n",
                           answers[i]);
        pair_ask(&pair, &offers[0]);
        cr_assert_eq(
            leati_ws_upgrade_engine_feed(&pair.client, (uint8_t *)response, (size_t)len, &used),
            LEATI_WS_HEAD_REFUSED);
        cr_assert_eq(strncmp(pair.client.common.error, "the server chose ", 17), 0);
        cr_assert_not_null(strstr(pair.client.common.error, answers[i]));
        cr_assert_not(pair.client.common.agreement.deflate);
        pair_done(&pair);
    }
}

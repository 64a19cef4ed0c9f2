/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 early data: the upgrade request with the first bytes of a connection. */
#include "early_server.h"

#include <mbedtls/build_info.h>

/* A system mbedTLS may have been built without it. */
#ifdef MBEDTLS_SSL_EARLY_DATA
#define IF_SENT(status) (status)
#else
#define IF_SENT(status) SSL_EARLY_DATA_NOT_SENT
#endif

INTEGRATION_SUITE(early_data);

/* Connects twice, with a message that comes back each time; gives what the server saw. */
static void connect_twice(struct early_server *server, bool early_data, unsigned early_max)
{
    struct client_run run;

    server->count = 2;
    early_server_start_tls(server, early_max);
    client_run_init(&run);
    cr_assert_eq(leat_config_set_early_data(run.config, early_data), LEAT_OK);
    const char *url = url_of("wss", server->port, "/");
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url);
        client_run_echo(&run, "hello");
        client_run_close(&run);
    }
    bool is_accepted = trace_has(&run, "early data accepted");
    client_run_done(&run);
    early_server_done(server);
    cr_expect_eq(is_accepted, server->seen[1].early_status == SSL_EARLY_DATA_ACCEPTED,
                 "the trace says what the server says");
    cr_expect_eq(server->seen[0].early_len, 0, "nothing is early without a ticket");
    cr_expect(server->seen[1].is_resumed);
    cr_expect_eq(server->seen[0].heads, 1);
    cr_expect_eq(server->seen[1].heads, 1, "the request comes once, whatever happens to it");
}

Test(early_data, upgrade_request_as_early_data)
{
    struct early_server server = {.modes = {EARLY_TAKE, EARLY_TAKE}};

    connect_twice(&server, true, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_ACCEPTED));
    cr_expect((server.seen[1].early_len > 100) ==
              (server.seen[1].early_status == SSL_EARLY_DATA_ACCEPTED));
}

Test(early_data, only_when_it_was_asked_for)
{
    struct early_server server = {.modes = {EARLY_TAKE, EARLY_TAKE}};

    connect_twice(&server, false, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_NOT_SENT);
}

Test(early_data, refused_early_data_is_sent_again)
{
    struct early_server server = {.modes = {EARLY_TAKE, EARLY_REFUSE}};

    connect_twice(&server, true, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_REJECTED));
    cr_expect_eq(server.seen[1].early_len, 0);
}

Test(early_data, hello_retry_request_refuses_it)
{
    struct early_server server = {.modes = {EARLY_TAKE, EARLY_RETRY}};

    connect_twice(&server, true, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_REJECTED));
}

Test(early_data, tickets_without_early_data)
{
    struct early_server server = {.modes = {EARLY_TAKE, EARLY_TAKE}};

    connect_twice(&server, true, 0);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_NOT_SENT);
}

/* The rest comes behind the handshake. */
Test(early_data, ticket_for_a_part_of_the_request)
{
    struct early_server server = {.modes = {EARLY_TAKE, EARLY_TAKE}};

    connect_twice(&server, true, 20);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_ACCEPTED));
    cr_expect_leq(server.seen[1].early_len, 20);
}

#ifdef MBEDTLS_SSL_EARLY_DATA
/* Connects once, so that there is a ticket. */
static void ticket_get(struct early_server *server, struct client_run *run)
{
    early_server_start_tls(server, EARLY_MAX_BYTES);
    client_run_init(run);
    cr_assert_eq(leat_config_set_early_data(run->config, true), LEAT_OK);
    client_run_open(run, url_of("wss", server->port, "/"));
    client_run_echo(run, "hello");
    client_run_close(run);
}

/* Connects to a server that does not want early data, and then once more. */
static void too_early_expect(enum early_mode mode)
{
    struct early_server server = {.modes = {EARLY_TAKE, mode, mode, mode}, .count = 4};
    struct client_run run;

    ticket_get(&server, &run);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url_of("wss", server.port, "/"));
        client_run_echo(&run, "hello");
        client_run_close(&run);
    }
    cr_expect(trace_has(&run, "end websocket 200 the server answered HTTP 425 Too Early: the "
                              "request is sent again, not as early data"),
              "%s", run.trace);
    client_run_done(&run);
    early_server_done(&server);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_ACCEPTED);
    cr_expect_gt(server.seen[1].early_len, 100);
    for (int i = 2; i < 4; ++i) {
        cr_expect_eq(server.seen[i].early_status, SSL_EARLY_DATA_NOT_SENT, "connection %d", i);
        cr_expect_eq(server.seen[i].heads, 1, "connection %d", i);
        cr_expect(server.seen[i].is_resumed, "connection %d", i);
    }
}

Test(early_data, too_early_is_asked_again_by_itself)
{
    too_early_expect(EARLY_IS_TOO_EARLY);
}

Test(early_data, too_early_without_the_rest_of_its_body)
{
    too_early_expect(EARLY_WITHOUT_BODY);
}

/* It may be on the way that the request was marked as early: what is late and refused is refused.
 */
Test(early_data, too_early_is_asked_again_only_once)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, ALL_IS_TOO_EARLY, ALL_IS_TOO_EARLY, EARLY_TAKE}, .count = 4};
    struct client_run run;

    ticket_get(&server, &run);
    run.opened_count = run.closed_count = 0;
    cr_expect_eq(client_run_refused(&run, url_of("wss", server.port, "/")), LEAT_E_WS_CONNECT);
    cr_expect_eq(run.close.error.native_code, 425);
    cr_expect_str_eq(run.close.error.text, "the server answered HTTP 425 Too Early, although the "
                                           "request was not early data");
    cr_expect_eq(leat_websocket_get_http_status(run.ws), 425);
    client_run_done(&run);
    early_server_done(&server);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_ACCEPTED);
    cr_expect_eq(server.seen[2].early_status, SSL_EARLY_DATA_NOT_SENT);
    cr_expect_eq(server.seen[3].heads, 0);
}

/* Early data that the server does not take is no early data when it is answered. */
Test(early_data, too_early_behind_early_data_that_was_refused)
{
    struct early_server server = {.modes = {EARLY_TAKE, LATE_IS_TOO_EARLY, EARLY_TAKE}, .count = 3};
    struct client_run run;

    ticket_get(&server, &run);
    run.opened_count = run.closed_count = 0;
    cr_expect_eq(client_run_refused(&run, url_of("wss", server.port, "/")), LEAT_E_WS_CONNECT);
    cr_expect_str_eq(run.close.error.text, "the server answered HTTP 425 Too Early, although the "
                                           "request was not early data");
    client_run_done(&run);
    early_server_done(&server);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_REJECTED);
    cr_expect_eq(server.seen[2].heads, 0);
}
#endif

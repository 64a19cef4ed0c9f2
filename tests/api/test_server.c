/* SPDX-License-Identifier: Apache-2.0 */
/* leat_websocket_server: starting and its errors, requests and their answers, subprotocols, and the
 * connections. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

INTEGRATION_SUITE(server);

/* ---- starting
 * ------------------------------------------------------------------------------------ */

static void start_expect(leat_websocket_server *server, const char *ip, unsigned port,
                         const leat_config *config, int expected)
{
    struct leat_error error;
    int code = leat_websocket_server_start(server, ip, port, config);
    leat_websocket_server_get_error(server, &error);
    cr_expect(code == expected, "%s %u: %d instead of %d: %s", ip ? ip : "NULL", port, code,
              expected, error.text);
    cr_expect(error.code == code, "%d", error.code);
    cr_expect(code == LEAT_OK || error.text[0] != '\0');
    cr_expect((leat_websocket_server_get_port(server) != 0) == (code == LEAT_OK));
}

Test(server, addresses)
{
    static const char *const bad[] = {"localhost", "nonsense",  "127.0.0.1:80", "256.0.0.1",
                                      "[::1]",     "192.0.2.1", "2001:db8::1"};
    static const char *const good[] = {"127.0.0.1", "127.9.9.9", "0.0.0.0", "", NULL};
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i)
        start_expect(ends.server, bad[i], 0, NULL, LEAT_E_WS_NIC);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        start_expect(ends.server, good[i], 0, NULL, LEAT_OK);
        cr_expect(leat_websocket_server_stop(ends.server) == LEAT_OK);
        cr_expect(leat_websocket_server_get_port(ends.server) == 0);
    }
    if (machine_has_ipv6())
        start_expect(ends.server, "::1", 0, NULL, LEAT_OK);
    both_ends_done(&ends);
}

Test(server, ports)
{
    struct both_ends ends;
    struct leat_error error;
    uint16_t taken;
    int fd = raw_listen(&taken);
    both_ends_init(&ends);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    start_expect(ends.server, "127.0.0.1", taken, NULL, LEAT_E_WS_PORT);
    leat_websocket_server_get_error(ends.server, &error);
    cr_expect(error.sys_errno == EADDRINUSE, "%d", error.sys_errno);
    start_expect(ends.server, "127.0.0.1", 65536, NULL, LEAT_E_WS_PORT);
    start_expect(ends.server, "127.0.0.1", UINT32_MAX, NULL, LEAT_E_WS_PORT);
    close(fd);
    /* What failed has left nothing behind. */
    start_expect(ends.server, "127.0.0.1", taken, NULL, LEAT_OK);
    cr_expect(leat_websocket_server_get_port(ends.server) == taken);
    both_ends_done(&ends);
}

Test(server, started_twice)
{
    struct both_ends ends;
    struct leat_error error;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    int code = leat_websocket_server_start(ends.server, "127.0.0.1", 0, NULL);
    leat_websocket_server_get_error(ends.server, &error);
    cr_expect(code == LEAT_E_WS_EXISTS && error.code == LEAT_E_WS_EXISTS, "%d", code);
    cr_expect(leat_websocket_server_get_port(ends.server) == ends.port, "it listens on");
    both_ends_done(&ends);
}

Test(server, certificates_that_cannot_be_used)
{
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    leat_config *config = ends.server_config;
    cr_assert(leat_config_set_server_cert(config, "/nowhere/c.pem", "/nowhere/k.pem", NULL) ==
              LEAT_OK);
    start_expect(ends.server, "127.0.0.1", 0, config, LEAT_E_WS_CERT_FILE);
    cr_assert(leat_config_set_server_cert(config, certificate_path("server.pem"),
                                          certificate_path("client.key"), NULL) == LEAT_OK);
    start_expect(ends.server, "127.0.0.1", 0, config, LEAT_E_TLS_VERIFY);
    cr_assert(leat_config_set_server_cert(config, certificate_path("server.key"),
                                          certificate_path("server.key"), NULL) == LEAT_OK);
    start_expect(ends.server, "127.0.0.1", 0, config, LEAT_E_TLS_VERIFY);
    cr_expect(leat_config_set_server_cert(config, "/a", NULL, NULL) == LEAT_E_PARAMETER);
    cr_assert(leat_config_set_server_cert(config, NULL, NULL, NULL) == LEAT_OK);
    start_expect(ends.server, "127.0.0.1", 0, config, LEAT_OK);
    both_ends_done(&ends);
}

Test(server, arguments_are_checked)
{
    static const struct leat_websocket_server_callbacks size_0;
    static const struct leat_websocket_server_callbacks none = {.size = sizeof(none)};
    struct both_ends ends;
    leat_websocket_server *server = NULL;
    both_ends_init(&ends);
    cr_expect(leat_websocket_server_new(NULL, &none, NULL, &server) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_server_new(ends.loop, NULL, NULL, &server) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_server_new(ends.loop, &size_0, NULL, &server) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_server_new(ends.loop, &none, NULL, NULL) == LEAT_E_PARAMETER);
    cr_expect(!server);
    cr_expect(leat_websocket_server_start(NULL, NULL, 0, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_server_stop(NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_server_get_port(NULL) == 0);
    cr_expect(leat_websocket_server_list(NULL, NULL, 0) == 0);
    cr_expect(leat_config_set_max_concurrent_clients_number(ends.server_config, 0) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_config_set_reuse_port(NULL, true) == LEAT_E_PARAMETER);
    leat_websocket_server_free(NULL);
    both_ends_done(&ends);
}

/* All slots are NULL: it still serves. */
Test(server, without_callbacks)
{
    static const struct leat_websocket_server_callbacks none = {.size = sizeof(none)};
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(leat_websocket_server_new(ends.loop, &none, NULL, &ends.server) == LEAT_OK);
    both_ends_listen(&ends);
    both_ends_connect(&ends, "/");
    while (ends.opened == 0 && ends.closed == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK, "%s", ends.client_close.error.text);
    both_ends_done(&ends);
}

/* ---- requests
 * ------------------------------------------------------------------------------------ */

static void answered_expect(int answer, int status)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.request_answer = answer;
    both_ends_listen(&ends);
    both_ends_connect(&ends, "/");
    both_ends_until_closed(&ends);
    cr_expect(leat_websocket_get_http_status(ends.client) == status, "%d -> %d", answer,
              leat_websocket_get_http_status(ends.client));
    cr_expect(leat_websocket_get_http_body(ends.client, NULL)[0] != '\0', "a body for people");
    while (ends.errors == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(ends.error.code == LEAT_E_WS_CONNECT && ends.error.native_code == status, "%d %d: %s",
              ends.error.code, ends.error.native_code, ends.error.text);
    cr_expect(strncmp(ends.error.hop, "127.0.0.1:", 10) == 0, "%s", ends.error.hop);
    cr_expect(ends.requests == 1 && ends.connected == 0 && ends.server_closed == 0);
    both_ends_done(&ends);
}

Test(server, answers_of_the_program)
{
    static const int statuses[] = {400, 401, 403, 404, 426, 429, 500, 503, 599};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); ++i)
        answered_expect(statuses[i], statuses[i]);
}

Test(server, answers_that_are_none)
{
    static const int statuses[] = {-1, 1, 100, 102, 200, 302, 399, 600, 1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); ++i)
        answered_expect(statuses[i], 500);
}

static void request_look(struct both_ends *ends, const char *callback)
{
    const struct leat_upgrade_request *request = ends->request;
    if (strcmp(callback, "request") != 0)
        return;
    cr_expect(strcmp(request->target, "/path?query=1&x") == 0, "%s", request->target);
    cr_expect(strcmp(request->host, sandbox_format("127.0.0.1:%u", ends->port)) == 0, "%s",
              request->host);
    cr_expect(strcmp(request->origin, "https://a.test") == 0, "%s", request->origin);
    cr_expect(strcmp(request->client->address, "127.0.0.1") == 0 && request->client->port != 0 &&
              request->client->port != ends->port);
    cr_expect(strcmp(request->subprotocol, "mine") == 0, "%s", request->subprotocol);
    const char *value = request->header(request, "x-OWN");
    cr_expect(value && strcmp(value, "value") == 0);
    cr_expect(!request->header(request, "X-Absent"));
    ends->user = ends;
}

Test(server, request_as_the_program_sees_it)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.on_event = request_look;
    cr_assert(leat_config_add_subprotocol(ends.server_config, "mine") == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(ends.client_config, "other") == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(ends.client_config, "mine") == LEAT_OK);
    cr_assert(leat_config_add_header(ends.client_config, "Origin", "https://a.test") == LEAT_OK);
    cr_assert(leat_config_add_header(ends.client_config, "X-Own", "value") == LEAT_OK);
    both_ends_listen(&ends);
    both_ends_connect(&ends, "/path?query=1&x");
    while (ends.opened == 0 && ends.closed == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(ends.opened == 1 && ends.user);
    both_ends_done(&ends);
}

/* Lists end with NULL. */
static void protocol_expect(const char *const *server, const char *const *client,
                            const char *expected)
{
    struct both_ends ends;
    both_ends_init(&ends);
    for (; *server; ++server)
        cr_assert(leat_config_add_subprotocol(ends.server_config, *server) == LEAT_OK);
    for (; *client; ++client)
        cr_assert(leat_config_add_subprotocol(ends.client_config, *client) == LEAT_OK);
    both_ends_open(&ends);
    cr_expect(strcmp(leat_websocket_get_subprotocol(ends.client), expected) == 0,
              "%s instead of %s", leat_websocket_get_subprotocol(ends.client), expected);
    cr_expect(strcmp(leat_websocket_get_subprotocol(ends.connection), expected) == 0, "%s",
              leat_websocket_get_subprotocol(ends.connection));
    both_ends_done(&ends);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const empty[] = {NULL};

Test(server, subprotocols)
{
    protocol_expect(empty, empty, "");
    protocol_expect(LIST("a"), empty, "");
    protocol_expect(empty, LIST("a"), "");
    protocol_expect(LIST("a"), LIST("b"), "");
    protocol_expect(LIST("a"), LIST("A"), "");
    protocol_expect(LIST("a", "b"), LIST("b", "a"), "a"); /* the server's preference */
    protocol_expect(LIST("x", "b", "a"), LIST("a", "b"), "b");
}

/* ---- connections
 * --------------------------------------------------------------------------------- */

#define CLIENTS 5

Test(server, list)
{
    struct both_ends ends;
    leat_websocket *list[CLIENTS + 1] = {NULL};
    int fds[CLIENTS];
    both_ends_init(&ends);
    both_ends_listen(&ends);
    int idle = raw_connect(NULL, ends.port); /* in its handshake: not listed */
    for (size_t i = 0; i < CLIENTS; ++i) {
        cr_expect(leat_websocket_server_list(ends.server, NULL, 0) == i);
        fds[i] = both_ends_raw_open(&ends);
    }
    cr_expect(leat_websocket_server_list(ends.server, NULL, 0) == CLIENTS);
    cr_expect(leat_websocket_server_list(ends.server, list, 2) == CLIENTS);
    cr_expect(list[0] && list[1] && list[0] != list[1] && !list[2], "at most as many as fit");
    cr_expect(leat_websocket_server_list(ends.server, list, CLIENTS + 1) == CLIENTS);
    cr_expect(list[CLIENTS - 1] && !list[CLIENTS]);
    for (size_t i = 0; i < CLIENTS; ++i)
        cr_expect(leat_websocket_send(list[i], LEAT_MESSAGE_TEXT, "to all", 6) == LEAT_OK);
    cr_expect(leat_websocket_close(list[1], 4000, "you") == LEAT_OK);
    cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    for (size_t i = 0; i < CLIENTS; ++i) {
        char buf[4096];
        cr_expect(raw_recv_until(fds[i], "to all", buf, sizeof(buf)));
        close(fds[i]);
    }
    while (ends.server_closed < CLIENTS)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(leat_websocket_server_list(ends.server, NULL, 0) == 0);
    close(idle);
    both_ends_done(&ends);
}

Test(server, stop_and_start_again)
{
    struct both_ends ends;
    struct leat_error error;
    both_ends_init(&ends);
    both_ends_open(&ends);
    uint16_t port = ends.port;
    int waiting = raw_connect(NULL, port);
    cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    cr_expect(leat_websocket_server_stop(ends.server) == LEAT_OK);
    cr_expect(leat_websocket_server_stop(ends.server) == LEAT_OK, "again");
    cr_expect(leat_websocket_server_get_port(ends.server) == 0);
    int end = raw_recv_end(waiting);
    cr_expect(end == 0 || end == ECONNRESET, "a handshake is dropped: %s", strerror(end));
    /* Too early: connections of the last start are still closing. */
    int code = leat_websocket_server_start(ends.server, "127.0.0.1", port, NULL);
    leat_websocket_server_get_error(ends.server, &error);
    cr_expect(code == LEAT_E_WS_EXISTS && error.code == code, "%d: %s", code, error.text);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.close_code == 1001 && ends.client_close.error.code == LEAT_OK);
    cr_expect(ends.client_close.closed_by == LEAT_CLOSED_BY_REMOTE);
    both_ends_until_server_closed(&ends);
    cr_expect(ends.server_close.closed_by == LEAT_CLOSED_BY_LOCAL &&
              ends.server_close.error.code == LEAT_OK);
    start_expect(ends.server, "127.0.0.1", port, ends.server_config, LEAT_OK);
    ends.opened = ends.connected = ends.closed = ends.server_closed = 0;
    both_ends_connect(&ends, "/");
    both_ends_until_counted(&ends, &ends.connected, 1);
    close(waiting);
    both_ends_done(&ends);
}

/* The 1001 goes to a client that never answers: the deadline ends it. */
Test(server, stop_towards_a_client_that_does_not_answer)
{
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(leat_config_set_phase_timeout(ends.server_config, LEAT_PHASE_CLOSE, 100) == LEAT_OK);
    both_ends_listen(&ends);
    int fd = both_ends_raw_open(&ends);
    cr_expect(leat_websocket_server_stop(ends.server) == LEAT_OK);
    both_ends_until_server_closed(&ends);
    cr_expect(ends.server_close.error.code == LEAT_E_WS_CONNECT &&
                  ends.server_close.error.sys_errno == ETIMEDOUT,
              "%d: %s", ends.server_close.error.code, ends.server_close.error.text);
    cr_expect(ends.server_close.close_code == 1006);
    close(fd);
    start_expect(ends.server, "127.0.0.1", 0, ends.server_config, LEAT_OK);
    both_ends_done(&ends);
}

/* leat_websocket_free() ends a server's connection; the object goes behind `closed`. */
Test(server, free_of_a_connection)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    leat_websocket_free(ends.connection);
    leat_websocket_free(ends.connection);
    cr_expect(ends.server_closed == 0, "not inside the call");
    both_ends_until_server_closed(&ends);
    cr_expect(ends.server_close.close_code == 1006, "%u", ends.server_close.close_code);
    cr_expect(ends.server_close.error.code == LEAT_E_SOCKET_BASE + ECANCELED,
              "LEAT_OK would say that the close handshake was done: %d: %s",
              ends.server_close.error.code, ends.server_close.error.text);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.close_code == 1006);
    cr_expect(leat_websocket_server_list(ends.server, NULL, 0) == 0);
    both_ends_done(&ends);
}

Test(server, client_writes_byte_by_byte)
{
    static const char head[] = RAW_UPGRADE("/");
    static const uint8_t frames[] = {0x81, 0x85, 0,    0, 0, 0, 'h', 'e', 'l', 'l',
                                     'o',  0x88, 0x82, 0, 0, 0, 0,   3,   0xe8};
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = true;
    both_ends_listen(&ends);
    int fd = raw_connect(NULL, ends.port);
    for (size_t i = 0; i < sizeof(head) - 1; ++i) {
        cr_assert(ends.connected == 0, "before the head is complete");
        cr_assert(raw_send(fd, head + i, 1));
        cr_assert(leat_loop_dispatch(ends.loop, 20) == LEAT_OK);
    }
    both_ends_until_counted(&ends, &ends.connected, 1);
    for (size_t i = 0; i < sizeof(frames); ++i) {
        cr_assert(raw_send(fd, frames + i, 1));
        cr_assert(leat_loop_dispatch(ends.loop, 20) == LEAT_OK);
    }
    both_ends_until_server_closed(&ends);
    cr_expect(ends.at_server.messages == 1 && strcmp(ends.at_server.data, "hello") == 0);
    cr_expect(ends.server_close.error.code == LEAT_OK && ends.server_close.close_code == 1000);
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    both_ends_done(&ends);
}

Test(server, plain_tcp_has_no_tls)
{
    struct both_ends ends;
    struct leat_tls_info info = {.protocol = "untouched"};
    both_ends_init(&ends);
    both_ends_open(&ends);
    cr_expect(!leat_websocket_get_tls_info(ends.client, &info));
    cr_expect(!leat_websocket_get_tls_info(ends.connection, &info));
    cr_expect_str_eq(info.protocol, "untouched");
    cr_expect(!leat_websocket_get_tls_info(NULL, &info));
    cr_expect(!leat_websocket_get_tls_info(ends.client, NULL));
    both_ends_done(&ends);
}

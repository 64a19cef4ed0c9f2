/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends are told of an open connection: status, headers, subprotocol, compression, who is
 * at the other end. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/net_namespace.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

INTEGRATION_SUITE(opened);

/* What the two callbacks have seen; headers are there only inside of them. */
struct seen {
    struct leat_websocket_opened_info client, server;
    char user_agent[64], accept[64];
};

static size_t headers_count(const leat_websocket *ws)
{
    const char *name, *value;
    size_t count = 0;
    while (leat_websocket_get_http_header_at(ws, count, &name, &value))
        count++;
    return count;
}

static void opened_note(struct both_ends *ends, const char *callback)
{
    struct seen *seen = ends->user;
    if (strcmp(callback, "connected") == 0) {
        cr_expect(leat_websocket_get_opened_info(ends->connection, &seen->server));
        cr_expect_eq(seen->server.header_count, headers_count(ends->connection));
        const char *value = leat_websocket_get_http_header(ends->connection, "user-AGENT");
        snprintf(seen->user_agent, sizeof(seen->user_agent), "%s", value ? value : "");
    }
    if (strcmp(callback, "opened") == 0) {
        cr_expect(leat_websocket_get_opened_info(ends->client, &seen->client));
        cr_expect_eq(seen->client.header_count, headers_count(ends->client));
        const char *value = leat_websocket_get_http_header(ends->client, "Sec-WebSocket-Accept");
        snprintf(seen->accept, sizeof(seen->accept), "%s", value ? value : "");
    }
}

Test(opened, both_ends_know_what_was_agreed)
{
    struct both_ends ends;
    struct seen seen = {0};
    struct leat_websocket_opened_info info;
    both_ends_init(&ends);
    ends.on_event = opened_note;
    ends.user = &seen;
    cr_assert_eq(leat_config_add_subprotocol(ends.client_config, "chat"), LEAT_OK);
    cr_assert_eq(leat_config_add_subprotocol(ends.server_config, "chat"), LEAT_OK);
    cr_assert_eq(leat_config_set_user_agent(ends.client_config, "mine/1"), LEAT_OK);
    const struct leat_compression wish = {
        .size = sizeof(wish), .client_max_window_bits = 11, .server_no_context_takeover = true};
    cr_assert_eq(leat_config_set_compression(ends.client_config, &wish), LEAT_OK);
    cr_assert_eq(leat_config_set_compression(ends.server_config,
                                             &(struct leat_compression){.size = sizeof(wish)}),
                 LEAT_OK);
    both_ends_listen(&ends);
    both_ends_connect(&ends, "/room?x=1");
    cr_expect(!leat_websocket_get_opened_info(ends.client, &info));
    both_ends_until_connected(&ends);
    cr_expect_eq(seen.client.http_status, 101);
    cr_expect_eq(seen.server.http_status, 101);
    cr_expect_str_eq(seen.client.subprotocol, "chat");
    cr_expect_str_eq(seen.server.subprotocol, "chat");
    cr_expect_str_eq(seen.server.target, "/room?x=1");
    cr_expect_str_eq(seen.client.target, "");
    cr_expect_str_eq(seen.user_agent, "mine/1");
    cr_expect_eq(strlen(seen.accept), 28u);
    cr_expect(seen.client.is_compressed && seen.server.is_compressed);
    cr_expect(seen.client.compression.server_no_context_takeover &&
              seen.server.compression.server_no_context_takeover);
    cr_expect_eq(seen.client.compression.client_max_window_bits, 11);
    cr_expect_eq(seen.server.compression.client_max_window_bits, 11);
    cr_expect_eq(seen.client.compression.server_max_window_bits, 15);
    cr_assert(leat_websocket_get_opened_info(ends.client, &info));
    cr_expect_eq(info.header_count, 0u); /* behind `opened` there are none any more */
    cr_expect_str_eq(info.subprotocol, "chat");
    cr_assert_eq(leat_websocket_close(ends.client, 1000, NULL), LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(!leat_websocket_get_opened_info(ends.client, &info));
    cr_expect(!leat_websocket_get_opened_info(NULL, &info));
    both_ends_done(&ends);
}

Test(opened, addresses)
{
    struct both_ends ends;
    struct leat_net_address client_local, client_remote, server_local, server_remote;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    both_ends_connect(&ends, "/");
    cr_expect_eq(leat_websocket_get_remote_address(ends.client, &client_remote),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_expect_eq(leat_websocket_get_socket_fd(ends.client), -1);
    both_ends_until_connected(&ends);
    cr_assert_eq(leat_websocket_get_local_address(ends.client, &client_local), LEAT_OK);
    cr_assert_eq(leat_websocket_get_remote_address(ends.client, &client_remote), LEAT_OK);
    cr_assert_eq(leat_websocket_get_local_address(ends.connection, &server_local), LEAT_OK);
    cr_assert_eq(leat_websocket_get_remote_address(ends.connection, &server_remote), LEAT_OK);
    cr_expect_str_eq(client_local.address, "127.0.0.1");
    cr_expect_eq(client_local.family, LEAT_ADDRESS_IPV4);
    cr_expect_eq(client_remote.port, ends.port);
    cr_expect(memcmp(&client_local.port, &server_remote.port, sizeof(uint16_t)) == 0);
    cr_expect_str_eq(server_remote.address, "127.0.0.1");
    cr_expect_eq(server_local.port, ends.port);
    cr_expect_geq(leat_websocket_get_socket_fd(ends.client), 0);
    cr_assert_eq(leat_websocket_close(ends.client, 1000, NULL), LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect_eq(leat_websocket_get_remote_address(ends.client, &client_remote),
                 LEAT_E_SOCKET_BASE + EBADF);
    both_ends_done(&ends);
}

/* Through a proxy it is the name that the proxy was asked for. */
Test(opened, addresses_through_a_proxy)
{
    struct client_run c;
    struct leat_net_address remote;
    client_run_init(&c);
    uint16_t port = python_server_start(&(struct server_options){0});
    const char *proxy = sandbox_format("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL));
    cr_assert_eq(leat_config_set_proxy(c.config, proxy), LEAT_OK);
    client_run_open(&c, sandbox_format("ws://localhost:%u/echo", port));
    cr_assert_eq(leat_websocket_get_remote_address(c.ws, &remote), LEAT_OK);
    cr_expect_str_eq(remote.address, "localhost");
    cr_expect_eq(remote.family, LEAT_ADDRESS_DOMAIN);
    cr_expect_eq(remote.port, port);
    client_run_done(&c);
}

static int note_descriptor(int fd, const struct leat_net_address *address, void *user)
{
    *(int *)user = fd;
    cr_expect_str_eq(address->address, "127.0.0.1");
    return 0;
}

/* A WebSocket's descriptor is seen before it connects, and set as a socket's is. */
Test(opened, descriptor)
{
    struct both_ends ends;
    int noted = -1, idle_s = 0, field = 0;
    socklen_t size = sizeof(int);
    both_ends_init(&ends);
    cr_assert_eq(leat_config_set_descriptor_hook(ends.client_config, note_descriptor, &noted),
                 LEAT_OK);
    cr_assert_eq(leat_config_set_tcp_keep_alive(ends.client_config, true, 99, 0, 0), LEAT_OK);
    cr_assert_eq(leat_config_set_dscp(ends.server_config, 10), LEAT_OK);
    both_ends_open(&ends);
    int fd = leat_websocket_get_socket_fd(ends.client);
    cr_expect_eq(fd, noted);
    cr_expect_eq(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, &size), 0);
    cr_expect_eq(idle_s, 99);
    fd = leat_websocket_get_socket_fd(ends.connection);
    cr_expect_eq(getsockopt(fd, IPPROTO_IP, IP_TOS, &field, &size), 0);
    cr_expect_eq(field, 10 << 2);
    both_ends_done(&ends);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    cr_expect_eq(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void descriptor_set(leat_config *config)
{
    cr_assert_eq(leat_config_set_tcp_user_timeout(config, 12345), LEAT_OK);
    cr_assert_eq(leat_config_set_tcp_keep_alive(config, true, 77, 7, 5), LEAT_OK);
    cr_assert_eq(leat_config_set_dscp(config, 46), LEAT_OK);
    cr_assert_eq(leat_config_set_mark(config, 0x1234), LEAT_OK);
}

static void descriptor_expect(int fd)
{
    cr_assert_geq(fd, 0);
    cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
    cr_expect_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
    cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 5);
    cr_expect_eq(option_of(fd, IPPROTO_IP, IP_TOS), 46 << 2);
    cr_expect_eq(option_of(fd, SOL_SOCKET, SO_MARK), 0x1234);
}

/* Everything at both ends, the mark too: in a network of its own the test may set it. */
Test(opened, descriptor_with_a_mark)
{
    struct both_ends ends;
    if (!net_alone())
        cr_skip_test("left out: SO_MARK of WebSockets: no network namespace of its own");
    both_ends_init(&ends);
    descriptor_set(ends.client_config);
    descriptor_set(ends.server_config);
    both_ends_open(&ends);
    descriptor_expect(leat_websocket_get_socket_fd(ends.client));
    descriptor_expect(leat_websocket_get_socket_fd(ends.connection));
    both_ends_done(&ends);
}

/* A queue that is full is told from everything else by one function. */
Test(opened, a_full_queue)
{
    static const char filling[1 << 16];
    struct both_ends ends;
    int code;
    both_ends_init(&ends);
    cr_assert_eq(leat_config_set_send_queue_limit(ends.client_config, 1 << 20), LEAT_OK);
    cr_expect(!leat_is_queue_full(LEAT_OK));
    both_ends_open(&ends);
    do {
        code = leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, filling, sizeof(filling));
    } while (code == LEAT_OK);
    cr_expect(leat_is_queue_full(code), "%d", code);
    code = leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "\xff", 1);
    cr_expect(code == LEAT_E_PARAMETER && !leat_is_queue_full(code));
    both_ends_done(&ends);
}

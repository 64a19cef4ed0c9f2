/* SPDX-License-Identifier: Apache-2.0 */
/* ws+unix: URLs: WebSockets over local sockets, at both ends. */
#include "both_ends.h"
#include "integration/common.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

INTEGRATION_SUITE(local);

static int local_start(struct both_ends *ends, const char *url)
{
    if (!ends->server)
        cr_assert_eq(both_ends_make_server(ends), LEAT_OK);
    return leat_websocket_server_start(ends->server, url, 0, ends->server_config);
}

static int local_connect(struct both_ends *ends, const char *url)
{
    if (!ends->client)
        cr_assert_eq(both_ends_make_client(ends), LEAT_OK);
    return leat_websocket_connect(ends->client, url, ends->client_config);
}

static void echo_expect(struct both_ends *ends, unsigned count)
{
    cr_assert_eq(leat_websocket_send(ends->client, LEAT_MESSAGE_TEXT, "hello", 5), LEAT_OK);
    both_ends_until_received(ends, &ends->at_client, count);
}

Test(local, a_path_at_both_ends)
{
    struct both_ends ends;
    struct leat_net_address address;
    struct stat status;
    const char *path = sandbox_path("a:b");
    const char *server_url = sandbox_format("ws+unix:%s", sandbox_path("a%3Ab"));
    both_ends_init(&ends);
    ends.echo = true;
    cr_assert_eq(leat_config_set_proxy(ends.client_config, "socks5h://127.0.0.1:1"), LEAT_OK);
    cr_assert_eq(leat_config_set_compression(
                     ends.client_config,
                     &(struct leat_compression){.size = sizeof(struct leat_compression)}),
                 LEAT_OK);
    cr_assert_eq(local_start(&ends, server_url), LEAT_OK);
    cr_expect(stat(path, &status) == 0 && S_ISSOCK(status.st_mode));
    cr_expect_eq(leat_websocket_server_get_port(ends.server), 0);
    cr_assert_eq(local_connect(&ends, sandbox_format("%s:/chat?room=1", server_url)), LEAT_OK);
    both_ends_until_connected(&ends);
    cr_expect_str_eq(leat_websocket_get_target(ends.connection), "/chat?room=1");
    echo_expect(&ends, 1);
    cr_assert_eq(leat_websocket_get_remote_address(ends.client, &address), LEAT_OK);
    cr_expect_eq(address.family, LEAT_ADDRESS_LOCAL);
    cr_expect_str_eq(address.address, path);
    cr_assert_eq(leat_websocket_get_remote_address(ends.connection, &address), LEAT_OK);
    cr_expect_eq(address.family, LEAT_ADDRESS_LOCAL);
    cr_expect_str_eq(address.address, "");
    cr_assert_eq(leat_websocket_close(ends.client, 1000, NULL), LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect_eq(ends.client_close.error.code, LEAT_OK, "%s", ends.client_close.error.text);
    both_ends_until_server_closed(&ends);
    cr_assert_eq(leat_websocket_server_stop(ends.server), LEAT_OK);
    cr_expect_neq(stat(path, &status), 0); /* the file goes with the server */
    both_ends_done(&ends);
}

Test(local, an_abstract_name_and_no_target)
{
    struct both_ends ends;
    const char *url = sandbox_format("WS+Unix:@leat-test-%d", (int)getpid());
    both_ends_init(&ends);
    ends.echo = true;
    cr_assert_eq(local_start(&ends, url), LEAT_OK);
    cr_assert_eq(local_connect(&ends, url), LEAT_OK);
    both_ends_until_connected(&ends);
    cr_expect_str_eq(leat_websocket_get_target(ends.connection), "/");
    echo_expect(&ends, 1);
    both_ends_done(&ends);
}

static void refused_expect(struct both_ends *ends, const char *url, int code, const char *text)
{
    struct leat_error error;
    cr_expect_eq(local_connect(ends, url), code, "%s", url);
    leat_websocket_get_error(ends->client, &error);
    cr_expect_eq(error.code, code, "%s: %d", url, error.code);
    cr_expect(strstr(error.text, text), "%s: %s", url, error.text);
}

Test(local, clients_that_are_refused)
{
    struct both_ends ends;
    const char *nobody = sandbox_format("ws+unix:%s", sandbox_path("nobody"));
    both_ends_init(&ends);
    refused_expect(&ends, "ws+unix:", LEAT_E_WS_URL, "ws+unix:/path");
    refused_expect(&ends, "ws+unix::/x", LEAT_E_WS_URL, "ws+unix:/path");
    refused_expect(&ends, "ws+unix://host/x", LEAT_E_WS_URL, "ws+unix:/path");
    refused_expect(&ends, "ws+unix:/a%00b", LEAT_E_WS_URL, "NUL");
    refused_expect(&ends, "ws+unix:@:/x", LEAT_E_WS_URL, "abstract");
    refused_expect(&ends, "ws+unix:/tmp/x:/a b", LEAT_E_WS_URL, "");
    refused_expect(&ends, "ws+unix:/tmp/x:/a#b", LEAT_E_WS_URL, "fragment");
    refused_expect(&ends, nobody, LEAT_E_SOCKET_BASE + ENOENT, "nobody");
    refused_expect(&ends, sandbox_format("ws+unix:/tmp/%0200d", 1),
                   LEAT_E_SOCKET_BASE + ENAMETOOLONG, "ENAMETOOLONG");
    cr_expect_eq(leat_websocket_check_url("ws+unix:/tmp/x:/y", NULL), LEAT_OK);
    cr_expect_eq(leat_websocket_check_url("ws+unix:", NULL), LEAT_E_WS_URL);
    cr_expect_eq(leat_websocket_check_url("wss+unix:/tmp/x", NULL), LEAT_E_WS_URL);
    cr_assert_eq(leat_config_add_allowed_domain(ends.client_config, "a.example"), LEAT_OK);
    refused_expect(&ends, nobody, LEAT_E_WS_DOMAIN, "localhost");
    both_ends_done(&ends);
}

/* ---- a server whose queue is full ------------------------------------------------------ */

/* The kernel takes backlog + 1: nobody else gets in. */
static int full_listener(const char *path, int *ret_first)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    cr_assert_eq(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
    cr_assert_eq(listen(listener, 0), 0);
    *ret_first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(*ret_first, (struct sockaddr *)&un, sizeof(un)), 0);
    return listener;
}

/* By the URL, or instead of the URL's host. */
static int full_connect(struct both_ends *ends, const char *path, bool by_url)
{
    const char *url =
        by_url ? sandbox_format("ws+unix:%s:/x", path) : "ws://there-is-no-such-host.invalid/x";

    cr_assert_eq(leat_config_set_unix_socket(ends->client_config, by_url ? NULL : path), LEAT_OK);
    return local_connect(ends, url);
}

Test(local, waits_for_a_server_that_is_busy)
{
    for (int by_url = 0; by_url < 2; by_url++) {
        struct both_ends ends;
        const char *path = sandbox_path(by_url ? "busy_url" : "busy");
        char request[sizeof("GET /x HTTP/1.1") - 1];
        int first;
        int listener = full_listener(path, &first);

        both_ends_init(&ends);
        cr_assert_eq(full_connect(&ends, path, by_url), LEAT_OK);
        for (int i = 0; i < 5; i++)
            cr_assert_eq(leat_loop_dispatch(ends.loop, 20), LEAT_OK);
        cr_expect_eq(ends.closed, 0);
        close(accept(listener, NULL, NULL));
        struct pollfd waited = {.fd = listener, .events = POLLIN};
        while (poll(&waited, 1, 0) == 0)
            cr_assert_eq(leat_loop_dispatch(ends.loop, 20), LEAT_OK);
        int peer = accept(listener, NULL, NULL);
        waited.fd = peer;
        while (poll(&waited, 1, 0) == 0)
            cr_assert_eq(leat_loop_dispatch(ends.loop, 20), LEAT_OK);
        cr_assert_eq(recv(peer, request, sizeof(request), MSG_WAITALL), (ssize_t)sizeof(request));
        cr_expect(memcmp(request, "GET /x HTTP/1.1", sizeof(request)) == 0);
        close(peer);
        both_ends_until_closed(&ends);
        close(first);
        close(listener);
        both_ends_done(&ends);
    }
}

Test(local, gives_up_in_time_or_when_the_server_goes)
{
    for (int i = 0; i < 4; i++) {
        struct both_ends ends;
        bool goes = i >= 2;
        const char *path = sandbox_format("%s/full%d", sandbox_path(""), i);
        int first;
        int listener = full_listener(path, &first);

        both_ends_init(&ends);
        cr_assert_eq(leat_config_set_connect_timeout(ends.client_config, goes ? 60000 : 60),
                     LEAT_OK);
        cr_assert_eq(full_connect(&ends, path, i % 2), LEAT_OK);
        if (goes)
            close(listener);
        both_ends_until_closed(&ends);
        cr_expect_eq(ends.client_close.error.code,
                     LEAT_E_SOCKET_BASE + (goes ? ECONNREFUSED : ETIMEDOUT), "%d: %s", i,
                     ends.client_close.error.text);
        cr_expect(strstr(ends.client_close.error.text, goes ? "ECONNREFUSED" : "queue stayed full"),
                  "%s", ends.client_close.error.text);
        if (!goes)
            close(listener);
        close(first);
        both_ends_done(&ends);
    }
}

Test(local, is_freed_while_it_waits)
{
    struct both_ends ends;
    int first;
    int listener = full_listener(sandbox_path("freed"), &first);

    both_ends_init(&ends);
    cr_assert_eq(full_connect(&ends, sandbox_path("freed"), true), LEAT_OK);
    cr_assert_eq(leat_loop_dispatch(ends.loop, 0), LEAT_OK);
    both_ends_done(&ends);
    close(first);
    close(listener);
}

Test(local, servers_that_are_refused)
{
    struct both_ends ends;
    struct leat_error error;
    struct stat status;
    const char *path = sandbox_path("taken");
    both_ends_init(&ends);
    FILE *taken = fopen(path, "w");
    cr_assert(taken);
    fclose(taken);
    cr_expect_eq(local_start(&ends, sandbox_format("ws+unix:%s", path)), LEAT_E_WS_PORT);
    leat_websocket_server_get_error(ends.server, &error);
    cr_expect_eq(error.sys_errno, EADDRINUSE);
    cr_expect(stat(path, &status) == 0 && S_ISREG(status.st_mode));
    cr_expect_eq(local_start(&ends, "ws+unix:"), LEAT_E_WS_NIC);
    cr_expect_eq(local_start(&ends, "ws+unix:/tmp/x:/target"), LEAT_E_WS_NIC);
    cr_expect_eq(local_start(&ends, "ws+unix:/no/such/folder"), LEAT_E_SOCKET_BASE + ENOENT);
    both_ends_done(&ends);
}

/* One client cannot take the server by its address, which it has not: only the total counts. */
Test(local, the_number_of_clients)
{
    struct both_ends ends;
    const char *url = sandbox_format("ws+unix:%s", sandbox_path("s"));
    both_ends_init(&ends);
    cr_assert_eq(leat_config_set_max_connections_for_one_client(ends.server_config, 1), LEAT_OK);
    cr_assert_eq(local_start(&ends, url), LEAT_OK);
    cr_assert_eq(local_connect(&ends, url), LEAT_OK);
    both_ends_until_connected(&ends);
    leat_websocket *first = ends.client;
    ends.client = NULL;
    ends.opened = ends.connected = 0;
    cr_assert_eq(local_connect(&ends, url), LEAT_OK);
    both_ends_until_connected(&ends);
    leat_websocket_free(first);
    both_ends_done(&ends);
}

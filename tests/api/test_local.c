/* SPDX-License-Identifier: Apache-2.0 */
/* ws+unix: URLs: WebSockets over local sockets, at both ends. */
#include "both_ends.h"
#include "integration/common.h"

#include <stdio.h>
#include <sys/stat.h>
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

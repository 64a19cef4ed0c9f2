/* SPDX-License-Identifier: Apache-2.0 */
/* Literals in every form that sockets are given them, and the form in which they give them back. */
#include "sockets/stream_run.h"
#include "sockets/udp_run.h"

#include "support/dns_server.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(addresses, .init = run_init, .fini = run_done, .timeout = 50);

#define SOCKET_CODE(e) (LEAT_E_SOCKET_BASE + (e))
#define BYTES(s)       (s), sizeof(s) - 1

static void address_expect(const struct leat_net_address *address, const char *text,
                           enum leat_address_family family)
{
    cr_expect_str_eq(address->address, text);
    cr_expect_eq(address->family, family, "%s", address->address);
}

/* ---- IPv4 in IPv6 ----------------------------------------------------------------------- */

/* A server on "::" has connections over IPv4 as ::ffff:127.0.0.1. */
Test(addresses, both_ends_of_a_dual_stack_connection_are_ipv4)
{
    struct leat_net_address local, remote;
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    uint16_t port = run_new_server("::");
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("client 1");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.connection, &local), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.connection, &remote), LEAT_OK);
    address_expect(&local, "127.0.0.1", LEAT_ADDRESS_IPV4);
    address_expect(&remote, "127.0.0.1", LEAT_ADDRESS_IPV4);
    cr_expect_eq(local.port, port);
}

/* Also for a socket that is bound to IPv4, and where there is no IPv6 at all. */
Test(addresses, a_mapped_literal_is_dialled_and_bound_as_ipv4)
{
    struct leat_net_address local, remote;
    uint16_t port = run_new_server("127.0.0.1");
    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "::ffff:0.0.0.0", 0), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    address_expect(&local, "0.0.0.0", LEAT_ADDRESS_IPV4);
    run_connect("::ffff:127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &remote), LEAT_OK);
    address_expect(&local, "127.0.0.1", LEAT_ADDRESS_IPV4);
    address_expect(&remote, "127.0.0.1", LEAT_ADDRESS_IPV4);
}

Test(addresses, datagrams_to_mapped_literals)
{
    struct udp_run udp;
    uint16_t port = udp_echo_start("127.0.0.1");
    udp_run_init(&udp);
    udp_run_listen(&udp, "::ffff:127.0.0.1");
    udp_run_send(&udp, "one", "::ffff:127.0.0.1", port);
    udp_run_send(&udp, "two", "127.1", port);
    udp_run_send(&udp, "three", "0x7f000001", port);
    udp_run_until_messages(&udp, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_str_eq(udp.messages[i].address, "127.0.0.1");
        cr_expect_str_eq(udp.messages[i].family, "IPv4");
    }
    udp_run_done(&udp);
}

/* ATYP 4 with ::ffff:127.0.0.1, as dual-stack proxies write it: their relay, and whose datagrams it
 * carries. */
Test(addresses, relays_and_sources_that_are_mapped)
{
#define MAPPED "\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01"
    static uint8_t reply[] = "\x05\x00\x00" MAPPED "\0"; /* and a port to come */
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_SEND, .data = reply, .len = sizeof(reply)},
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_CLOSE},
    };
    struct udp_run udp;
    uint16_t relay_port, from;
    uint8_t received[64];
    int relay = udp_plain_open("127.0.0.1", &relay_port);
    reply[20] = (uint8_t)(relay_port >> 8);
    reply[21] = (uint8_t)(relay_port & 0xff);
    leat_testing_server *proxy = script_server_start(script);
    udp_run_init(&udp);
    cr_assert_eq(
        leat_config_set_proxy(udp.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                         leat_testing_server_get_port(proxy))),
        LEAT_OK);
    udp_run_listen(&udp, "127.0.0.1");
    udp_run_send(&udp, "a", "::ffff:127.0.0.1", 9);
    cr_expect_eq(udp_plain_recv(relay, received, sizeof(received), &from), 11);
    cr_expect_eq(memcmp(received,
                        "\0\0\0\x01\x7f\0\0\x01\0\x09"
                        "a",
                        11),
                 0);
    udp_plain_send(relay,
                   BYTES("\0\0\0" MAPPED "\0\x09"
                         "b"),
                   "127.0.0.1", from);
    udp_run_until_messages(&udp, 1);
    udp_run_expect(&udp, 0, "b", "127.0.0.1", "IPv4", 9);
    udp_run_done(&udp);
    leat_testing_server_free(proxy);
    close(relay);
}

/* ---- other forms of IPv4 ---------------------------------------------------------------- */

/* As inet_aton(3), curl and the URL standard read them. None of them is a name to ask DNS for. */
Test(addresses, short_and_hexadecimal_ipv4)
{
    static const char *const hosts[] = {"127.1", "0x7f.1", "127.0.0.1.", "2130706433", "0177.1"};
    static const struct dns_record records[] = {{NULL}};
    struct dns_server *dns = dns_server_start(records);
    struct udp_run udp;
    uint16_t port = run_new_server("127.0.0.1"), udp_port = udp_echo_start("127.0.0.1");
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    udp_run_init(&udp);
    cr_assert_eq(leat_config_set_dns_servers(udp.config, dns_server_address(dns)), LEAT_OK);
    cr_assert_eq(leat_config_add_denied_domain(udp.config, "127.0.0.2"), LEAT_OK);
    udp_run_listen(&udp, "127.0.0.1");
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        run_new_client();
        run_connect(hosts[i], port);
        run_until("connected");
        cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
        run_until("; closed");
        run.log[run.log_len = 0] = '\0';
        leat_tcp_socket_free(run.tcp);
        run.tcp = NULL;
        udp_run_send(&udp, hosts[i], hosts[i], udp_port);
        udp_run_until_messages(&udp, i + 1);
        udp_run_expect(&udp, i, hosts[i], "127.0.0.1", "IPv4", udp_port);
    }
    udp_run_send_refused(&udp, "127.2", 9, LEAT_E_WS_DOMAIN, "127.0.0.2");
    udp_run_send_refused(&udp, "127.256.1", 9, LEAT_E_PARAMETER, "not an IPv4 address");
    cr_expect_eq(dns_server_query_count(dns), 0);
    udp_run_done(&udp);
    dns_server_free(dns);
}

/* ---- zones ------------------------------------------------------------------------------ */

static void tcp_error_expect(int code, const char *text)
{
    struct leat_error error;
    leat_tcp_socket_get_error(run.tcp, &error);
    cr_expect_eq(error.code, code, "%d %s", error.code, error.text);
    cr_expect_not_null(strstr(error.text, text), "%s", error.text);
}

Test(addresses, a_zone_that_is_no_interface_of_this_machine)
{
    static const char text[] = "this machine has no interface \"gone0\": ENODEV";
    struct udp_run udp;
    run_new_client();
    cr_expect_eq(leat_tcp_socket_bind(run.tcp, "fe80::1%gone0", 0), SOCKET_CODE(ENODEV));
    tcp_error_expect(SOCKET_CODE(ENODEV), text);
    cr_expect_eq(leat_tcp_socket_bind(run.tcp, "::1%lo", 0), SOCKET_CODE(EINVAL));
    tcp_error_expect(SOCKET_CODE(EINVAL), "only a link-local address has a zone");
    run_connect("fe80::1%gone0", 9);
    run_until("closed");
    run_check_log("error 2301019; closed");
    cr_expect_not_null(strstr(run.error.text, text), "%s", run.error.text);
    cr_expect_eq(leat_tcp_socket_connect(run.tcp, "fe80::1%a b", 9, run.config), LEAT_E_PARAMETER);

    udp_run_init(&udp);
    cr_expect_eq(leat_udp_socket_bind(udp.udp, "fe80::1%gone0", 0, udp.config),
                 SOCKET_CODE(ENODEV));
    if (machine_has_ipv6()) {
        udp_run_listen(&udp, "::1");
        udp_run_send_refused(&udp, "fe80::1%gone0", 9, SOCKET_CODE(ENODEV), text);
    }
    udp_run_done(&udp);
}

Test(addresses, a_missing_zone_is_said_to_be_missing)
{
    struct udp_run udp;
    struct leat_error error;
    if (!machine_has_ipv6())
        cr_skip_test("no IPv6");
    run_new_client();
    cr_expect_eq(leat_tcp_socket_bind(run.tcp, "fe80::1", 0), SOCKET_CODE(EINVAL));
    tcp_error_expect(SOCKET_CODE(EINVAL), "the zone is missing");
    run_connect("fe80::1", 9);
    run_until("closed");
    run_check_log("error 2301022; closed");
    cr_expect_not_null(strstr(run.error.text, "the zone is missing"), "%s", run.error.text);
    udp_run_init(&udp);
    cr_expect_eq(leat_udp_socket_bind(udp.udp, "fe80::1", 0, udp.config), SOCKET_CODE(EINVAL));
    leat_udp_socket_get_error(udp.udp, &error);
    cr_expect_not_null(strstr(error.text, "the zone is missing"), "%s", error.text);
    udp_run_done(&udp);
}

/* What the zone means is nothing to a proxy, so that it need not mean anything here. */
Test(addresses, zones_do_not_go_to_a_proxy)
{
    struct leat_testing_seen seen;
    leat_testing_server *proxy;
    const struct leat_testing_options options = {.size = sizeof(options),
                                                 .kind = LEAT_TESTING_SOCKS5};
    cr_assert_eq(leat_testing_server_new(&options, &proxy, NULL), LEAT_OK);
    cr_assert_eq(
        leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                         leat_testing_server_get_port(proxy))),
        LEAT_OK);
    run_new_client();
    run_connect("fe80::1%gone0", 9);
    run_until("closed");
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect_str_eq(seen.host, "fe80::1");
    cr_expect_eq(seen.address_type, 4);
    leat_testing_server_free(proxy);
}

/* ---- names ------------------------------------------------------------------------------ */

static const struct dns_record names[] = {
    {.name = "echo.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}},
    {.name = "nobody.test.corp.test", .v4 = {"127.0.0.1"}},
    {.name = "silent.test", .v4 = {"127.0.0.1", "127.0.0.2"}},
    {.name = "late.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}, .v4_behaviour = DNS_HELD},
    {0},
};

static struct dns_server *dns_for(leat_config *config)
{
    struct dns_server *server = dns_server_start(names);
    cr_assert(server);
    cr_assert_eq(leat_config_set_dns_servers(config, dns_server_address(server)), LEAT_OK);
    return server;
}

/* "echo.test" may stand for another name, by the search list: they are two destinations. */
Test(addresses, datagrams_to_a_name_with_a_final_dot_is_absolute)
{
    struct udp_run udp;
    char asked[4096];
    uint16_t port = udp_echo_start("127.0.0.1");
    cr_assert_eq(setenv("LOCALDOMAIN", "corp.test", 1), 0);
    cr_assert_eq(setenv("RES_OPTIONS", "ndots:5", 1), 0);
    udp_run_init(&udp);
    struct dns_server *server = dns_for(udp.config);
    udp_run_listen(&udp, "127.0.0.1");
    udp_run_send(&udp, "one", "ECHO.test.", port);
    udp_run_until_messages(&udp, 1);
    dns_server_questions(server, asked, sizeof(asked));
    cr_expect_str_eq(asked, "A echo.test\n", "and no AAAA, which is of no use");
    udp_run_send(&udp, "lost", "nobody.test.", port);
    udp_run_send(&udp, "two", "nobody.test", port);
    udp_run_until_messages(&udp, 2);
    udp_run_expect(&udp, 1, "two", "127.0.0.1", "IPv4", port);
    udp_run_until_error(&udp, 1, SOCKET_CODE(EHOSTUNREACH), "nobody.test");
    udp_run_done(&udp);
    dns_server_free(server);
}

/* Only that family is asked for, so the other one is neither waited for nor taken for an answer. */
Test(addresses, datagrams_wait_for_the_late_address_of_their_family)
{
    struct udp_run udp;
    uint16_t port = udp_echo_start("127.0.0.1");
    udp_run_init(&udp);
    struct dns_server *server = dns_for(udp.config);
    udp_run_listen(&udp, "0.0.0.0");
    udp_run_send(&udp, "late", "late.test", port);
    udp_run_settle(&udp);
    cr_expect_eq(udp.error_count, 0);
    dns_server_release(server);
    udp_run_until_messages(&udp, 1);
    udp_run_expect(&udp, 0, "late", "127.0.0.1", "IPv4", port);
    udp_run_done(&udp);
    dns_server_free(server);
}

/* ---- bound ------------------------------------------------------------------------------ */

static int listen_at(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
              bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 4) == 0);
    return fd;
}

/* RFC 8305 section 5, from the one local port that the program was told. */
static void silent_first_address_expect(bool own_port)
{
    struct leat_net_address told, local;
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    int reuse = -1;
    uint16_t port = unanswering_port();
    int listener = listen_at("127.0.0.2", port);
    struct dns_server *dns = dns_for(run.config);
    run_new_client();
    int code;
    do /* another process may have taken the port meanwhile */
        code = leat_tcp_socket_bind(run.tcp, "0.0.0.0", own_port ? free_port() : 0);
    while (code == SOCKET_CODE(EADDRINUSE));
    cr_assert_eq(code, LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &told), LEAT_OK);
    run_connect("silent.test", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_expect_eq(local.port, told.port);
    int peer = accept(listener, (struct sockaddr *)&from, &size);
    cr_expect_eq(ntohs(from.sin_port), told.port);
    size = sizeof(reuse);
    cr_expect_eq(
        getsockopt(leat_tcp_socket_get_socket_fd(run.tcp), SOL_SOCKET, SO_REUSEADDR, &reuse, &size),
        0);
    cr_expect_eq(reuse, 0, "as the options have it");
    close(peer);
    run_until("closed");
    run_check_log("connected; closed");
    leat_tcp_socket_free(run.tcp);
    run.tcp = NULL;
    close(listener);
    dns_server_free(dns);
}

Test(addresses, a_bound_socket_reaches_the_second_address)
{
    silent_first_address_expect(false);
    silent_first_address_expect(true);
}

/* The AAAA is there at once, and of no use. */
Test(addresses, a_bound_socket_waits_for_its_family)
{
    char asked[4096];
    uint16_t port = run_new_server("127.0.0.1");
    struct dns_server *dns = dns_for(run.config);
    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK);
    run_connect("late.test", port);
    run_some();
    cr_expect_eq(run.log_len, 0, "%s", run.log);
    dns_server_release(dns);
    run_until("connected");
    dns_server_questions(dns, asked, sizeof(asked));
    cr_expect_str_eq(asked, "A late.test\n");
    dns_server_free(dns);
}

Test(addresses, a_bound_socket_says_which_family_is_missing)
{
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    struct dns_server *dns = dns_for(run.config);
    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "::1", 0), LEAT_OK);
    run_connect("silent.test", 9);
    run_until("closed");
    run_check_log("error 2301097; closed");
    cr_expect_str_eq(run.error.text,
                     "silent.test has no IPv6 address, which the socket is bound to");
    cr_assert_eq(leat_config_set_proxy(run.config, "socks5h://silent.test:9"), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "::1", 0), LEAT_OK);
    run_connect("silent.test", 9);
    run_until("closed");
    run_check_log("error 2301212; closed");
    dns_server_free(dns);
}

Test(addresses, a_family_that_was_asked_for_is_called_so)
{
    struct dns_server *dns = dns_for(run.config);
    cr_assert_eq(leat_config_set_ip_version(run.config, LEAT_IP_V6), LEAT_OK);
    run_new_client();
    run_connect("silent.test", 9);
    run_until("closed");
    run_check_log("error 2301097; closed");
    cr_expect_str_eq(run.error.text,
                     "silent.test has no IPv6 address, which is all that was asked for");
    dns_server_free(dns);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A program that does not look whether its options were taken must not connect, bind or listen
 * without them. */
#include <leat/local_socket.h>
#include <leat/tls_socket.h>
#include <leat/udp_socket.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static leat_loop *loop;
static const struct leat_tcp_extra_options good = {.size = sizeof(good)};
static const struct leat_tcp_extra_options bad = {.size = sizeof(bad),
                                                  .receive_buffer_size = 1u << 31};

static void rig_init(void)
{
    cr_assert_eq(leat_loop_new(&loop), LEAT_OK);
}

static void rig_done(void)
{
    leat_loop_free(loop);
}

TestSuite(refused_setters, .init = rig_init, .fini = rig_done, .timeout = 20);

static void check_refused(int code, const struct leat_error *error, const char *setter,
                          const char *reason)
{
    char text[LEAT_ERROR_TEXT_SIZE];
    snprintf(text, sizeof(text), "%s() was refused before: %s", setter, reason);
    cr_expect_eq(code, LEAT_E_PARAMETER, "%s: %d", setter, code);
    cr_expect_eq(error->code, LEAT_E_PARAMETER);
    cr_expect_str_eq(error->text, text);
}

static const char receive_buffer[] = "receive_buffer_size is more than INT_MAX bytes";

Test(refused_setters, tcp)
{
    static const struct leat_tcp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    const char *setter = "leat_tcp_socket_set_extra_options";
    struct leat_error error;
    leat_tcp_socket *tcp;
    cr_assert_eq(leat_tcp_socket_new(loop, &callbacks, NULL, &tcp), LEAT_OK);
    cr_expect_eq(leat_tcp_socket_set_extra_options(tcp, &bad), LEAT_E_PARAMETER);
    int code = leat_tcp_socket_connect(tcp, "127.0.0.1", 1, NULL);
    leat_tcp_socket_get_error(tcp, &error);
    check_refused(code, &error, setter, receive_buffer);
    /* Until the setter has succeeded. */
    code = leat_tcp_socket_bind(tcp, "127.0.0.1", 0);
    leat_tcp_socket_get_error(tcp, &error);
    check_refused(code, &error, setter, receive_buffer);
    cr_expect_eq(leat_tcp_socket_set_extra_options(tcp, &good), LEAT_OK);
    cr_expect_eq(leat_tcp_socket_bind(tcp, "127.0.0.1", 0), LEAT_OK);
    /* While it is bound, too. */
    cr_expect_eq(leat_tcp_socket_set_extra_options(tcp, NULL), LEAT_E_PARAMETER);
    code = leat_tcp_socket_connect(tcp, "127.0.0.1", 1, NULL);
    leat_tcp_socket_get_error(tcp, &error);
    check_refused(code, &error, setter, "the options, or their size, are missing");
    cr_expect_eq(leat_tcp_socket_set_extra_options(tcp, &good), LEAT_OK);
    cr_expect_eq(leat_tcp_socket_connect(tcp, "127.0.0.1", 1, NULL), LEAT_OK);
    leat_tcp_socket_free(tcp);
}

Test(refused_setters, tcp_server)
{
    static const struct leat_tcp_socket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    struct leat_error error;
    leat_tcp_socket_server *server;
    cr_assert_eq(leat_tcp_socket_server_new(loop, &callbacks, NULL, &server), LEAT_OK);
    struct leat_tcp_extra_options slow = good;
    slow.socket_linger = (struct leat_socket_linger){.on = true, .linger_ms = 65536};
    cr_expect_eq(leat_tcp_socket_server_set_extra_options(server, &slow), LEAT_E_PARAMETER);
    int code = leat_tcp_socket_server_listen(server, "127.0.0.1", 0, NULL);
    leat_tcp_socket_server_get_error(server, &error);
    check_refused(code, &error, "leat_tcp_socket_server_set_extra_options",
                  "socket_linger.linger_ms is more than 65,535");
    cr_expect_eq(leat_tcp_socket_server_set_extra_options(server, &good), LEAT_OK);
    cr_expect_eq(leat_tcp_socket_server_listen(server, "127.0.0.1", 0, NULL), LEAT_OK);
    leat_tcp_socket_server_free(server);
}

Test(refused_setters, tls)
{
    static const struct leat_tls_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    struct leat_error error;
    leat_tls_socket *tls;
    cr_assert_eq(leat_tls_socket_new(loop, &callbacks, NULL, &tls), LEAT_OK);
    cr_expect_eq(leat_tls_socket_set_extra_options(tls, &bad), LEAT_E_PARAMETER);
    int code = leat_tls_socket_connect(tls, "127.0.0.1", 1, NULL, NULL);
    leat_tls_socket_get_error(tls, &error);
    check_refused(code, &error, "leat_tls_socket_set_extra_options", receive_buffer);
    cr_expect_eq(leat_tls_socket_bind(tls, "127.0.0.1", 0), LEAT_E_PARAMETER);
    cr_expect_eq(leat_tls_socket_set_extra_options(tls, &good), LEAT_OK);
    cr_expect_eq(leat_tls_socket_bind(tls, "127.0.0.1", 0), LEAT_OK);
    leat_tls_socket_free(tls);
}

Test(refused_setters, tls_server)
{
    static const struct leat_tls_socket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    struct leat_error error;
    leat_tls_socket_server *server;
    leat_tls_options *options;
    cr_assert_eq(leat_tls_options_new(&options), LEAT_OK);
    cr_assert_eq(leat_tls_socket_server_new(loop, &callbacks, NULL, &server), LEAT_OK);
    cr_expect_eq(leat_tls_socket_server_set_extra_options(server, &bad), LEAT_E_PARAMETER);
    int code = leat_tls_socket_server_listen(server, "127.0.0.1", 0, options, NULL);
    leat_tls_socket_server_get_error(server, &error);
    check_refused(code, &error, "leat_tls_socket_server_set_extra_options", receive_buffer);
    /* What is missing now is a certificate. */
    cr_expect_eq(leat_tls_socket_server_set_extra_options(server, &good), LEAT_OK);
    cr_expect_neq(leat_tls_socket_server_listen(server, "127.0.0.1", 0, options, NULL), LEAT_OK);
    leat_tls_socket_server_get_error(server, &error);
    cr_expect(!strstr(error.text, "was refused before"), "%s", error.text);
    leat_tls_socket_server_free(server);
    leat_tls_options_free(options);
}

Test(refused_setters, local_and_its_server)
{
    static const struct leat_local_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    static const struct leat_local_socket_server_callbacks server_callbacks = {
        .size = sizeof(server_callbacks)};
    const struct leat_extra_options fine = {.size = sizeof(fine)};
    const struct leat_extra_options large = {.size = sizeof(large), .send_buffer_size = UINT32_MAX};
    const char *send_buffer = "send_buffer_size is more than INT_MAX bytes";
    struct leat_error error;
    leat_local_socket *local;
    leat_local_socket_server *server;
    char address[64];
    snprintf(address, sizeof(address), "@refused-%ld", (long)getpid());

    cr_assert_eq(leat_local_socket_server_new(loop, &server_callbacks, NULL, &server), LEAT_OK);
    cr_expect_eq(leat_local_socket_server_set_extra_options(server, &large), LEAT_E_PARAMETER);
    int code = leat_local_socket_server_listen(server, address, NULL);
    leat_local_socket_server_get_error(server, &error);
    check_refused(code, &error, "leat_local_socket_server_set_extra_options", send_buffer);
    cr_expect_eq(leat_local_socket_server_set_extra_options(server, &fine), LEAT_OK);
    cr_expect_eq(leat_local_socket_server_listen(server, address, NULL), LEAT_OK);

    cr_assert_eq(leat_local_socket_new(loop, &callbacks, NULL, &local), LEAT_OK);
    cr_expect_eq(leat_local_socket_set_extra_options(local, &large), LEAT_E_PARAMETER);
    code = leat_local_socket_connect(local, address, NULL);
    leat_local_socket_get_error(local, &error);
    check_refused(code, &error, "leat_local_socket_set_extra_options", send_buffer);
    code = leat_local_socket_bind(local, "@refused-too");
    leat_local_socket_get_error(local, &error);
    check_refused(code, &error, "leat_local_socket_set_extra_options", send_buffer);
    cr_expect_eq(leat_local_socket_set_extra_options(local, &fine), LEAT_OK);
    cr_expect_eq(leat_local_socket_connect(local, address, NULL), LEAT_OK);
    leat_local_socket_free(local);
    leat_local_socket_server_free(server);
}

static leat_udp_socket *udp_new(void)
{
    static const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_udp_socket *udp;
    cr_assert_eq(leat_udp_socket_new(loop, &callbacks, NULL, &udp), LEAT_OK);
    return udp;
}

Test(refused_setters, udp)
{
    const struct leat_udp_extra_options fine = {.size = sizeof(fine)};
    const struct leat_udp_extra_options large = {.size = sizeof(large),
                                                 .receive_buffer_size = 1u << 31};
    struct leat_error error;
    leat_udp_socket *udp = udp_new();
    cr_expect_eq(leat_udp_socket_set_extra_options(udp, &large), LEAT_E_PARAMETER);
    int code = leat_udp_socket_bind(udp, "127.0.0.1", 0, NULL);
    leat_udp_socket_get_error(udp, &error);
    check_refused(code, &error, "leat_udp_socket_set_extra_options", receive_buffer);
    cr_expect_eq(leat_udp_socket_set_extra_options(udp, &fine), LEAT_OK);
    cr_expect_eq(leat_udp_socket_bind(udp, "127.0.0.1", 0, NULL), LEAT_OK);
    leat_udp_socket_free(udp);
}

/* A group that were joined by way of another interface would hear and tell the wrong ones. */
Test(refused_setters, multicast)
{
    struct leat_error error;
    leat_multicast_socket *multicast = udp_new();
    cr_expect_eq(leat_multicast_socket_set_multicast_ttl(multicast, 256), LEAT_E_PARAMETER);
    int code = leat_multicast_socket_add_membership(multicast, "239.1.2.3", 0, NULL);
    leat_udp_socket_get_error(multicast, &error);
    check_refused(code, &error, "leat_multicast_socket_set_multicast_ttl", "a TTL is 0 to 255");
    cr_expect_eq(leat_multicast_socket_set_multicast_ttl(multicast, 255), LEAT_OK);

    cr_expect_eq(leat_multicast_socket_set_multicast_interface(multicast, "none0"),
                 LEAT_E_SOCKET_BASE + ENODEV);
    cr_expect_eq(leat_multicast_socket_add_membership(multicast, "239.1.2.3", 0, NULL),
                 LEAT_E_SOCKET_BASE + ENODEV);
    leat_udp_socket_get_error(multicast, &error);
    cr_expect_eq(error.sys_errno, ENODEV);
    cr_expect_str_eq(error.text, "leat_multicast_socket_set_multicast_interface() was refused "
                                 "before: there is no such network interface: ENODEV (No such "
                                 "device)");
    cr_expect_eq(leat_multicast_socket_set_multicast_interface(multicast, "lo"), LEAT_OK);
    cr_expect_eq(leat_udp_socket_bind(multicast, "127.0.0.1", 0, NULL), LEAT_OK);
    leat_udp_socket_free(multicast);
}

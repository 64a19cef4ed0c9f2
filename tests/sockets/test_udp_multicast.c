/* SPDX-License-Identifier: Apache-2.0 */
/* Multicast on the loopback interface: nothing leaves this machine. */
#include "sockets/udp_run.h"

#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(udp_multicast, .fini = sandbox_done, .timeout = 50);

#define SOCKET_CODE(e) (LEAT_E_SOCKET_BASE + (e))
#define GROUP4         "239.255.77.1"
#define OTHER_GROUP4   "239.255.77.2"
#define GROUP6         "ff02::4c45"

static int option_of(const struct udp_run *run, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    cr_assert_eq(getsockopt(leat_udp_socket_get_socket_fd(run->udp), level, name, &value, &size),
                 0);
    return value;
}

static void sender_init(struct udp_run *run, const char *any, const char *interface)
{
    udp_run_init(run);
    udp_run_listen(run, any);
    cr_assert_eq(leat_multicast_socket_set_multicast_interface(run->udp, interface), LEAT_OK);
}

static void membership_expect(const char *any, const char *group, const char *own,
                              const char *interface)
{
    struct udp_run run, sender;
    udp_run_init(&run);
    sender_init(&sender, any, interface);
    udp_run_listen(&run, any);
    uint16_t port = udp_run_port(&run);
    cr_assert_eq(leat_multicast_socket_add_membership(run.udp, group, 0, interface), LEAT_OK);
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, group, 0, interface),
                 SOCKET_CODE(EADDRINUSE));
    udp_run_send(&sender, "to the group", group, port);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "to the group");

    /* What is sent after the group was left does not come: the next message is another one. */
    cr_assert_eq(leat_multicast_socket_drop_membership(run.udp, group, interface), LEAT_OK);
    cr_expect_eq(leat_multicast_socket_drop_membership(run.udp, group, interface),
                 SOCKET_CODE(EADDRNOTAVAIL));
    udp_run_send(&sender, "too late", group, port);
    udp_run_send(&sender, "to the socket", own, port);
    udp_run_until_messages(&run, 2);
    cr_expect_str_eq(run.messages[1].data, "to the socket");
    udp_run_done(&sender);
    udp_run_done(&run);
}

Test(udp_multicast, membership_over_ipv4)
{
    membership_expect("0.0.0.0", GROUP4, "127.0.0.1", "lo");
}

Test(udp_multicast, membership_over_ipv6)
{
    if (!machine_has_ipv6() || !udp_own_network())
        cr_skip_test("no ::1, or the kernel gives no network of its own");
    membership_expect("::", GROUP6, "::1", UDP_OWN_INTERFACE);
}

/* The interface of a link-local group can stand with its address. */
Test(udp_multicast, the_zone_of_a_group_is_its_interface)
{
    struct udp_run run, sender;
    if (!machine_has_ipv6() || !udp_own_network())
        cr_skip_test("no ::1, or the kernel gives no network of its own");
    udp_run_init(&run);
    udp_run_init(&sender);
    udp_run_listen(&run, "::");
    udp_run_listen(&sender, "::");
    cr_assert_eq(
        leat_multicast_socket_add_membership(run.udp, GROUP6 "%" UDP_OWN_INTERFACE, 0, NULL),
        LEAT_OK);
    udp_run_send(&sender, "to the zone", GROUP6 "%" UDP_OWN_INTERFACE, udp_run_port(&run));
    udp_run_until_messages(&run, 1);
    udp_run_expect(&run, 0, "to the zone", "fe80::1%" UDP_OWN_INTERFACE, "IPv6",
                   udp_run_port(&sender));
    cr_expect_eq(leat_multicast_socket_drop_membership(run.udp, GROUP6 "%" UDP_OWN_INTERFACE, NULL),
                 LEAT_OK);
    udp_run_done(&sender);
    udp_run_done(&run);
}

Test(udp_multicast, groups_of_others_are_not_heard)
{
    struct udp_run run, other, sender;
    udp_run_init(&run);
    udp_run_init(&other);
    sender_init(&sender, "0.0.0.0", "lo");
    udp_run_listen(&run, "0.0.0.0");
    udp_run_listen(&other, "0.0.0.0");
    uint16_t port = udp_run_port(&run);
    cr_assert_eq(leat_multicast_socket_add_membership(run.udp, GROUP4, 0, "lo"), LEAT_OK);
    cr_assert_eq(leat_multicast_socket_add_membership(other.udp, OTHER_GROUP4, 0, "lo"), LEAT_OK);
    udp_run_send(&sender, "to others", OTHER_GROUP4, port);
    udp_run_send(&sender, "to us", GROUP4, port);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "to us");
    udp_run_done(&sender);
    udp_run_done(&other);
    udp_run_done(&run);
}

Test(udp_multicast, a_join_that_fails_leaves_nothing_open)
{
    struct udp_run run;
    if (!udp_own_network())
        cr_skip_test("the kernel gives no network of its own");
    udp_run_init(&run);
    /* No route says on which interface. */
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, "232.1.1.1", 0, NULL),
                 SOCKET_CODE(ENODEV));
    cr_expect_eq(leat_udp_socket_get_socket_fd(run.udp), -1);
    udp_run_settle(&run);
    cr_expect_eq(run.listening_count + run.closed_count, 0);
    udp_run_done(&run);
}

Test(udp_multicast, an_interface_is_kept_for_bind)
{
    struct udp_run run;
    udp_run_init(&run);
    cr_assert_eq(leat_multicast_socket_set_multicast_interface(run.udp, "lo"), LEAT_OK);
    udp_run_listen(&run, "0.0.0.0");
    uint16_t port = udp_run_port(&run);
    cr_assert_eq(leat_multicast_socket_add_membership(run.udp, GROUP4, 0, "lo"), LEAT_OK);
    udp_run_send(&run, "by lo", GROUP4, port);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "by lo");
    udp_run_done(&run);
}

/* As a program for HarmonyOS does it: no bind, the port stands with the group. */
Test(udp_multicast, joining_binds)
{
    struct udp_run one, two, sender;
    struct leat_net_address local;
    udp_run_init(&one);
    udp_run_init(&two);
    sender_init(&sender, "0.0.0.0", "lo");
    cr_assert_eq(leat_multicast_socket_add_membership(one.udp, GROUP4, 0, "lo"), LEAT_OK);
    cr_assert_eq(leat_udp_socket_get_local_address(one.udp, &local), LEAT_OK);
    cr_expect_str_eq(local.address, "0.0.0.0");
    cr_assert_eq(leat_multicast_socket_add_membership(two.udp, GROUP4, local.port, "lo"), LEAT_OK);
    udp_run_send(&sender, "to both", GROUP4, local.port);
    udp_run_until_messages(&one, 1);
    udp_run_until_messages(&two, 1);
    cr_expect_eq(one.listening_count, 1);
    cr_assert_eq(leat_udp_socket_close(one.udp), LEAT_OK);
    cr_expect_eq(leat_multicast_socket_add_membership(one.udp, GROUP4, 0, "lo"),
                 SOCKET_CODE(EINVAL));
    udp_run_until_closed(&one);
    udp_run_done(&sender);
    udp_run_done(&two);
    udp_run_done(&one);
}

Test(udp_multicast, loopback_mode)
{
    struct udp_run run, sender;
    bool loopback;
    udp_run_init(&run);
    sender_init(&sender, "0.0.0.0", "lo");
    udp_run_listen(&run, "0.0.0.0");
    uint16_t port = udp_run_port(&run);
    cr_assert_eq(leat_multicast_socket_add_membership(run.udp, GROUP4, 0, "lo"), LEAT_OK);
    cr_assert_eq(leat_multicast_socket_get_loopback_mode(sender.udp, &loopback), LEAT_OK);
    cr_expect(loopback);
    cr_assert_eq(leat_multicast_socket_set_loopback_mode(sender.udp, false), LEAT_OK);
    cr_expect_eq(option_of(&sender, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
    cr_assert_eq(leat_multicast_socket_get_loopback_mode(sender.udp, &loopback), LEAT_OK);
    cr_expect(!loopback);
    cr_assert_eq(leat_multicast_socket_set_loopback_mode(sender.udp, true), LEAT_OK);
    cr_expect_eq(option_of(&sender, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
    udp_run_send(&sender, "heard", GROUP4, port);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "heard");
    udp_run_done(&sender);
    udp_run_done(&run);
}

static void ttl_expect(const char *any, int level, int name)
{
    struct udp_run run;
    int ttl = -1;
    udp_run_init(&run);
    cr_assert_eq(leat_multicast_socket_get_multicast_ttl(run.udp, &ttl), LEAT_OK);
    cr_expect_eq(ttl, 1);
    cr_assert_eq(leat_multicast_socket_set_multicast_ttl(run.udp, 7), LEAT_OK);
    udp_run_listen(&run, any);
    cr_expect_eq(option_of(&run, level, name), 7);
    cr_assert_eq(leat_multicast_socket_set_multicast_ttl(run.udp, 0), LEAT_OK);
    cr_expect_eq(option_of(&run, level, name), 0);
    cr_assert_eq(leat_multicast_socket_set_multicast_ttl(run.udp, 255), LEAT_OK);
    cr_expect_eq(option_of(&run, level, name), 255);
    cr_expect_eq(leat_multicast_socket_set_multicast_ttl(run.udp, 256), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_set_multicast_ttl(run.udp, -1), LEAT_E_PARAMETER);
    cr_assert_eq(leat_multicast_socket_get_multicast_ttl(run.udp, &ttl), LEAT_OK);
    cr_expect_eq(ttl, 255);
    udp_run_done(&run);
}

Test(udp_multicast, ttl_of_ipv4)
{
    ttl_expect("127.0.0.1", IPPROTO_IP, IP_MULTICAST_TTL);
}

Test(udp_multicast, hops_of_ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    ttl_expect("::1", IPPROTO_IPV6, IPV6_MULTICAST_HOPS);
}

Test(udp_multicast, what_cannot_be_joined)
{
    struct udp_run run;
    struct leat_error error;
    bool loopback;
    int ttl;
    udp_run_init(&run);
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, "127.0.0.1", 0, NULL),
                 LEAT_E_PARAMETER);
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect_str_eq(error.text, "\"127.0.0.1\" is not a multicast address");
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, "::1", 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, "group", 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, NULL, 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, GROUP4, 0, "none0"),
                 SOCKET_CODE(ENODEV));
    cr_expect_eq(leat_multicast_socket_set_multicast_interface(run.udp, "none0"),
                 SOCKET_CODE(ENODEV));
    cr_expect_eq(leat_multicast_socket_set_multicast_interface(run.udp, NULL), LEAT_OK);
    cr_expect_eq(leat_multicast_socket_drop_membership(run.udp, GROUP4, NULL), SOCKET_CODE(EBADF));
    udp_run_listen(&run, "127.0.0.1");
    cr_expect_eq(leat_multicast_socket_add_membership(run.udp, "ff02::1", 0, "lo"),
                 SOCKET_CODE(EAFNOSUPPORT));
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect(strstr(error.text, "an IPv6 group, and the socket is bound to IPv4"), "%s",
              error.text);
    cr_expect_eq(leat_multicast_socket_add_membership(NULL, GROUP4, 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_drop_membership(NULL, GROUP4, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_set_multicast_ttl(NULL, 1), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_get_multicast_ttl(run.udp, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_get_multicast_ttl(NULL, &ttl), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_set_loopback_mode(NULL, true), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_get_loopback_mode(NULL, &loopback), LEAT_E_PARAMETER);
    cr_expect_eq(leat_multicast_socket_set_multicast_interface(NULL, NULL), LEAT_E_PARAMETER);
    udp_run_done(&run);
}

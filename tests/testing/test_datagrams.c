/* SPDX-License-Identifier: Apache-2.0 */
/* UDP ASSOCIATE with leat, and its faults. */
#include "testing/rig.h"

#include "sockets/udp_run.h"

#include <netinet/in.h>
#include <sys/socket.h>

TestSuite(datagrams, .fini = sandbox_done, .timeout = 60);

static const struct leat_testing_name names[] = {
    {"echo.test", "127.0.0.1"},
    {"gone.test", ""},
    {NULL, NULL},
};

static leat_testing_server *proxy_for(struct udp_run *run, const char *faults)
{
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .names = names, .user = "u",
                                       .password = "p", .faults = faults));
    udp_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, leat_testing_server_get_url(proxy)) == LEAT_OK);
    udp_run_listen(run, "127.0.0.1");
    return proxy;
}

Test(datagrams, are_carried_to_addresses_and_names)
{
    struct udp_run run;
    uint16_t echo = udp_echo_start("127.0.0.1"), echo6 = udp_echo_start("::1");
    leat_testing_server *proxy = proxy_for(&run, NULL);
    udp_run_send(&run, "one", "127.0.0.1", echo);
    udp_run_until_messages(&run, 1);
    udp_run_expect(&run, 0, "one", "127.0.0.1", "IPv4", echo);
    udp_run_send(&run, "two", "echo.test", echo);
    udp_run_until_messages(&run, 2);
    udp_run_expect(&run, 1, "two", "127.0.0.1", "IPv4", echo);
    udp_run_send(&run, "six", "::1", echo6);
    udp_run_until_messages(&run, 3);
    udp_run_expect(&run, 2, "six", "::1", "IPv6", echo6);
    udp_run_send(&run, "", "127.0.0.1", echo);
    udp_run_until_messages(&run, 4);
    udp_run_expect(&run, 3, "", "127.0.0.1", "IPv4", echo);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.datagrams_in == 4 && seen.datagrams_out == 4);
    cr_expect(seen.connections == 1 && seen.problem[0] == '\0', "%s", seen.problem);
    cr_expect(leat_testing_server_wait_step(proxy, "datagram", 8, 0));
    udp_run_done(&run);
    cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS),
              "an association ends with its connection");
    leat_testing_server_free(proxy);
}

Test(datagrams, meet_faults)
{
    static const struct {
        const char *faults;
        const char *got; /* for "hello", the first that comes back */
    } cases[] = {
        {"datagram=delay 1", "hello"},
        {"datagram#1=truncate 13", "hel"}, /* the header has 10 bytes on the way back only */
        {"datagram#1=\"other\"", "other"},
        {"datagram#2=00*3,01,7f,00,00,01,00,09,\"lie\"", "lie"},
    };
    uint16_t echo = udp_echo_start("127.0.0.1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct udp_run run;
        leat_testing_server *proxy = proxy_for(&run, cases[i].faults);
        udp_run_send(&run, "hello", "127.0.0.1", echo);
        udp_run_until_messages(&run, 1);
        if (strstr(cases[i].faults, "truncate")) {
            cr_expect(strcmp(run.messages[0].data, "hello") == 0, "13 bytes are more than 5");
        } else {
            cr_expect(strcmp(run.messages[0].data, cases[i].got) == 0, "%s: %s", cases[i].faults,
                      run.messages[0].data);
        }
        udp_run_done(&run);
        leat_testing_server_free(proxy);
    }
}

Test(datagrams, are_lost_as_asked)
{
    struct udp_run run;
    uint16_t echo = udp_echo_start("127.0.0.1");
    leat_testing_server *proxy = proxy_for(&run, "datagram#1=skip;datagram#3=truncate 12");
    udp_run_send(&run, "lost", "127.0.0.1", echo);
    cr_assert(leat_testing_server_wait_step(proxy, "datagram", 1, RIG_WAIT_MS));
    udp_run_send(&run, "found", "127.0.0.1", echo);
    udp_run_until_messages(&run, 1);
    udp_run_expect(&run, 0, "fo", "127.0.0.1", "IPv4", echo);
    udp_run_done(&run);
    leat_testing_server_free(proxy);
}

Test(datagrams, end_the_association)
{
    struct udp_run run;
    uint16_t echo = udp_echo_start("127.0.0.1");
    leat_testing_server *proxy = proxy_for(&run, "datagram#3=reset");
    udp_run_send(&run, "one", "127.0.0.1", echo);
    udp_run_until_messages(&run, 1);
    udp_run_send(&run, "two", "127.0.0.1", echo);
    while (run.error_count == 0 && run.closed_count == 0)
        cr_assert(leat_loop_dispatch(run.loop, RIG_WAIT_MS) == LEAT_OK);
    cr_expect(run.message_count == 1);
    udp_run_done(&run);
    leat_testing_server_free(proxy);
}

/* A client of another address, a fragment, and what is no datagram. */
Test(datagrams, others_are_dropped)
{
    uint8_t reply[10];
    static const char *const bad[] = {"\0\0\1\1\x7f\0\0\1\0\x09x", "\0\0\0\1\x7f\0", "\0\0\0\x09xx",
                                      "\0\0\0\3\x09gone.test\0\x09x"};
    static const size_t lens[] = {11, 6, 6, 17};
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .names = names));
    uint16_t echo = udp_echo_start("127.0.0.1");
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    RIG_SEND(fd, "\x05\x01\x00");
    RIG_EXPECT(fd, "\x05\x00");
    RIG_SEND(fd, "\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00");
    cr_assert(recv(fd, reply, 10, MSG_WAITALL) == 10);
    struct sockaddr_in relay = {.sin_family = AF_INET};
    memcpy(&relay.sin_addr, reply + 4, 4);
    memcpy(&relay.sin_port, reply + 8, 2);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(udp, (struct sockaddr *)&relay, sizeof(relay)) == 0);
    for (size_t i = 0; i < 4; ++i)
        cr_assert(send(udp, bad[i], lens[i], 0) == (ssize_t)lens[i]);
    uint8_t good[] = {0, 0, 0, 1, 127, 0, 0, 1, (uint8_t)(echo >> 8), (uint8_t)echo, 'x'};
    uint8_t back[64];
    cr_assert(send(udp, good, sizeof(good), 0) == sizeof(good));
    cr_assert(recv(udp, back, sizeof(back), 0) == sizeof(good));
    cr_expect(memcmp(back, good, sizeof(good)) == 0);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.datagrams_in == 1 && strstr(seen.problem, "goes nowhere"), "%s", seen.problem);
    close(udp);
    close(fd);
    leat_testing_server_free(proxy);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Faults by amount: pieces, times, bytes, connections. */
#include "testing/rig.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

TestSuite(amounts, .fini = sandbox_done, .timeout = 120);

static leat_testing_server *destination;

/* A proxy whose answers are 2, 2 and 10 bytes, and then the greeting of `destination`. */
static leat_testing_server *asking_proxy(const char *faults)
{
    return rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "a", .password = "b",
                                          .faults = faults));
}

/* A client that has said everything. */
static int asked(const leat_testing_server *proxy)
{
    unsigned port = leat_testing_server_get_port(destination);
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    cr_assert(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
    RIG_SEND(fd, "\x05\x01\x02\x01\x01"
                 "a\x01"
                 "b\x05\x01\x00\x01\x7f\x00\x00\x01");
    cr_assert(raw_send(fd, (uint8_t[]){(uint8_t)(port >> 8), (uint8_t)port}, 2));
    return fd;
}

static bool is_silent(int fd)
{
    struct pollfd events = {.fd = fd, .events = POLLIN};
    return poll(&events, 1, 0) == 0;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

Test(amounts, split_makes_segments)
{
    static struct rig_output output;
    static const struct {
        const char *faults;
        unsigned segments; /* three are those of the other answers */
    } cases[] = {
        {"reply=split 1", 3 + 10},
        {"reply=split 4", 3 + 3},
        {"reply=split-at 9", 3 + 2},
        {"reply=05,00,00,01*7", 3 + 1},
        {"reply=05,delay 1,00,00,01*7", 3 + 2},
        {"relay=split 1", 3 + 5},
        {"relay=split-at 2", 3 + 2},
    };
    destination = rig_greeter();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *server = asking_proxy(cases[i].faults);
        int fd = asked(server);
        rig_read(fd, &output);
        cr_expect(output.len == 2 + 2 + 10 + 5, "%s: %zu bytes", cases[i].faults, output.len);
        unsigned found = rig_segments_in(fd);
        cr_expect(found >= cases[i].segments, "%s: %u segments, not %u", cases[i].faults, found,
                  cases[i].segments);
        close(fd);
        leat_testing_server_free(server);
    }
    leat_testing_server_free(destination);
}

/* ---- time: what a step takes at least -------------------------------------------------------- */

static uint64_t event_time_us(leat_testing_server *server, const char *step)
{
    struct leat_testing_event event;
    for (size_t i = 0; leat_testing_server_get_event(server, i, &event); ++i) {
        if (strcmp(event.step, step) == 0)
            return event.time_us;
    }
    cr_assert_fail("no event %s", step);
    return 0;
}

Test(amounts, delay_and_gap_take_their_time)
{
    static struct rig_output output;
    static const struct {
        const char *faults;
        uint64_t least_us;
    } cases[] = {
        {"reply=delay 60", 60000},
        {"reply=split 1 6", 54000},
        {"reply=split-at 1 60", 60000},
        {"reply=truncate 9,split 1 7", 56000},
        {"reply=delay 30;then=delay 30", 60000},
    };
    destination = rig_greeter();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *server = asking_proxy(cases[i].faults);
        int fd = asked(server);
        rig_read(fd, &output);
        uint64_t took = event_time_us(server, "relay") - event_time_us(server, "reply");
        cr_expect(took >= cases[i].least_us, "%s: %llu us", cases[i].faults,
                  (unsigned long long)took);
        close(fd);
        leat_testing_server_free(server);
    }
    leat_testing_server_free(destination);
}

/* ---- amounts --------------------------------------------------------------------------------- */

/* A destination that sends 200000 bytes at once. */
static leat_testing_server *source(void)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("0123456789"), .repeat = 20000},
        {LEAT_SCRIPT_CLOSE},
    };
    return script_server_start(script);
}

static size_t count_until_end(int fd, int *ret_end)
{
    char buf[65536];
    size_t len = 0;
    ssize_t got;
    while ((got = recv(fd, buf, sizeof(buf), 0)) > 0)
        len += (size_t)got;
    *ret_end = got == 0 ? 0 : errno;
    return len;
}

Test(amounts, drop_after_counts_what_goes_to_the_client)
{
    static const struct {
        const char *faults;
        size_t len;
        int end;
    } cases[] = {
        {"relay=drop-after 4096,reset", 4096, ECONNRESET},
        {"relay=drop-after 4096", 4096, 0},
        {"relay=drop-after 1,\"xyz\",close", 4, 0},
        {"relay=drop-after 70000,delay 1,reset", 70000, ECONNRESET},
        {"relay=drop-after 199999,reset", 199999, ECONNRESET},
        {"relay=drop-after 200001,reset", 200000, 0},
        {"relay=rate 10000000,drop-after 5000", 5000, 0},
        {"relay=split 1000,drop-after 5500", 5500, 0},
        {"accept=drop-after 12,reset", 0, ECONNRESET}, /* at the end of the reply */
    };
    leat_testing_server *from = source();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *proxy =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = cases[i].faults));
        int end = -1;
        int fd = rig_socks5(proxy, leat_testing_server_get_port(from), 0);
        size_t len = count_until_end(fd, &end);
        cr_expect(len == cases[i].len && end == cases[i].end, "%s: %zu bytes, end %d",
                  cases[i].faults, len, end);
        close(fd);
        leat_testing_server_free(proxy);
    }
    leat_testing_server_free(from);
}

Test(amounts, drop_after_received_counts_what_comes_from_the_client)
{
    static const struct leat_script_row sink[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    static const char *const faults[] = {"relay=drop-after-received 1000,reset",
                                         "accept=drop-after-received 1013,reset"};
    leat_testing_server *to = script_server_start(sink);
    for (size_t i = 0; i < 2; ++i) {
        leat_testing_server *proxy =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = faults[i]));
        int fd = rig_socks5(proxy, leat_testing_server_get_port(to), 0);
        char bytes[999] = {0};
        cr_assert(raw_send(fd, bytes, sizeof(bytes)));
        cr_expect(is_silent(fd));
        cr_assert(raw_send(fd, bytes, 1));
        cr_expect(raw_recv_end(fd) == ECONNRESET, "%s", faults[i]);
        cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
        struct leat_testing_seen seen;
        leat_testing_server_get_seen(proxy, &seen);
        cr_expect(seen.bytes_in == 1013, "%llu", (unsigned long long)seen.bytes_in);
        close(fd);
        leat_testing_server_free(proxy);
    }
    leat_testing_server_free(to);
}

Test(amounts, a_rate_is_not_exceeded)
{
    static const char *const faults[] = {"relay=rate 2000000", "accept=rate 2000000"};
    leat_testing_server *from = source();
    for (size_t i = 0; i < 2; ++i) {
        leat_testing_server *proxy =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = faults[i]));
        int end = -1;
        int fd = rig_socks5(proxy, leat_testing_server_get_port(from), 0);
        cr_expect(count_until_end(fd, &end) == 200000 && end == 0);
        close(fd);
        cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
        uint64_t took = event_time_us(proxy, "end") - event_time_us(proxy, "relay");
        /* The first part, a 50th of a second, needs no waiting. */
        cr_expect(took >= 80000, "%s: %llu us", faults[i], (unsigned long long)took);
        leat_testing_server_free(proxy);
    }
    leat_testing_server_free(from);
}

/* ---- connections ----------------------------------------------------------------------------- */

Test(amounts, belong_to_connections)
{
    leat_testing_server *server = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5,
                             .faults =
                                 "connection=2;accept=reset;connection=3-4;accept=\"!\",close"));
    for (int i = 1; i <= 5; ++i) {
        static struct rig_output output;
        if (i == 2) {
            raw_expect_reset(leat_testing_server_get_port(server));
            continue;
        }
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        if (i == 1 || i == 5) {
            RIG_SEND(fd, "\x05\x01\x00");
            RIG_EXPECT(fd, "\x05\x00");
        } else {
            rig_read(fd, &output);
            cr_expect(output.len == 1 && output.end == 0, "%d: %zu bytes, end %d", i, output.len,
                      output.end);
        }
        close(fd);
    }
    leat_testing_server_free(server);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Getting a connection: one address, several, none that answers. */
#include "tcp_fixture.h"

#include "support/alloc_failure.h"
#include "support/sandbox.h"
#include "tcp/tcp_private.h"
#include "util/clock.h"
#include "util/errno_text.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void check_text_has(const struct tcp_fixture *f, const char *part)
{
    cr_assert_not_null(strstr(f->error.text, part), "\"%s\" in \"%s\"", part, f->error.text);
}

Test(tcp_dial, one_address, .timeout = 10)
{
    size_t before = open_descriptor_count();
    struct leati_address address;
    struct tcp_fixture f;
    char text[128], expected[64];
    int listener = listener_make("127.0.0.1", &address);

    fixture_init(&f, &address, 1, 1000);
    cr_assert_eq(leati_tcp_layer_fd(f.layer), -1);
    cr_assert_eq(f.layer->ops->connect(f.layer, leati_clock_ms()), LEATI_AGAIN);
    cr_assert_eq(f.layer->state, LEATI_LAYER_CONNECTING);
    cr_assert_neq(f.layer->deadline_ms, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    cr_assert_eq(f.layer->state, LEATI_LAYER_OPEN);
    cr_assert_eq(f.layer->deadline_ms, 0);
    cr_assert_eq(memcmp(leati_tcp_layer_remote(f.layer), &address, sizeof(address.v4)), 0);
    f.layer->ops->describe(f.layer, text, sizeof(text));
    leati_address_format(&address, expected, sizeof(expected));
    cr_assert_str_eq(text, expected);

    int fd = leati_tcp_layer_fd(f.layer), nodelay = 0;
    socklen_t size = sizeof(nodelay);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
    cr_assert_neq(nodelay, 0);
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    fixture_done(&f);
    close(listener);
    cr_assert_eq(open_descriptor_count(), before);
}

/* ---- what the trace hears -------------------------------------------------------------- */

static char told[512];

static void tell_addresses(const struct leat_trace_event *event, void *user)
{
    size_t len = strlen(told);

    (void)user;
    if (event->kind != LEAT_TRACE_ADDRESS)
        return;
    cr_assert(event->layer == LEAT_LAYER_TCP);
    cr_assert(event->start_us <= event->end_us && event->end_us <= leati_clock_us());
    cr_assert(event->end_us - event->start_us < 10000000, "%llu us",
              (unsigned long long)(event->end_us - event->start_us));
    snprintf(told + len, sizeof(told) - len, "%s %d %s\n", event->address, event->result,
             event->text);
}

static void check_told(const struct leati_address *addresses, size_t count,
                       const char *const *expected)
{
    char text[512] = "";

    for (size_t i = 0; i < count; i++) {
        char address[LEATI_ADDRESS_TEXT_SIZE];
        size_t len = strlen(text);
        leati_address_format(&addresses[i], address, sizeof(address));
        snprintf(text + len, sizeof(text) - len, "%s %s\n", address, expected[i]);
    }
    cr_assert_str_eq(told, text);
}

Test(tcp_dial, trace_of_a_refused_and_a_used_address, .timeout = 10)
{
    static const char *const expected[] = {"2301111 ECONNREFUSED (Connection refused)",
                                           "0 connected"};
    struct leati_address addresses[2];
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &addresses[1]);

    addresses[0] = address_make("::1", refusing_port_v6());
    fixture_init(&f, addresses, 2, 0);
    f.tracer.fn = tell_addresses;
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    check_told(addresses, 2, expected);
    fixture_done(&f);
    close(listener);
}

Test(tcp_dial, trace_of_a_race_and_of_the_deadline, .timeout = 20)
{
    static const char *const won[] = {"0 connected", "2301125 another address was faster"};
    char silent[64];
    struct leati_address addresses[2];
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &addresses[0]);
    int result;

    addresses[1] = address_make("127.0.0.1", unanswering_port());
    fixture_init(&f, (struct leati_address[]){addresses[1], addresses[0]}, 2, 5000);
    f.tracer.fn = tell_addresses;
    cr_assert_eq(f.layer->ops->connect(f.layer, 1000), LEATI_AGAIN);
    cr_assert_str_eq(told, "");
    while ((result = f.layer->ops->connect(f.layer, 1250)) == LEATI_AGAIN)
        cr_assert_eq(leat_loop_dispatch(f.loop, -1), 0);
    cr_assert_eq(result, LEAT_OK);
    check_told(addresses, 2, won);
    fixture_done(&f);
    close(listener);

    told[0] = '\0';
    fixture_init(&f, &addresses[1], 1, 5000);
    f.tracer.fn = tell_addresses;
    cr_assert_eq(f.layer->ops->connect(f.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->connect(f.layer, 6000), LEAT_E_SOCKET_BASE + ETIMEDOUT);
    snprintf(silent, sizeof(silent), "2301110 ETIMEDOUT (%s)", leati_errno_text(ETIMEDOUT));
    check_told(&addresses[1], 1, (const char *const[]){silent});
    fixture_done(&f);
}

Test(tcp_dial, refused, .timeout = 10)
{
    struct leati_address address = address_make("127.0.0.1", refusing_port());
    struct tcp_fixture f;
    char expected[128], text[LEATI_ADDRESS_TEXT_SIZE];

    fixture_init(&f, &address, 1, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_E_SOCKET_BASE + ECONNREFUSED);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ECONNREFUSED);
    leati_address_format(&address, text, sizeof(text));
    snprintf(expected, sizeof(expected), "%s: ECONNREFUSED (Connection refused)", text);
    cr_assert_str_eq(f.error.text, expected);
    fixture_done(&f);
}

Test(tcp_dial, the_next_one_at_once_when_one_is_refused, .timeout = 10)
{
    struct leati_address addresses[2];
    struct tcp_fixture f;
    char text[128];
    int listener = listener_make("127.0.0.1", &addresses[1]);

    addresses[0] = address_make("127.0.0.1", refusing_port());
    fixture_init(&f, addresses, 2, 0);
    /* The time stands still: no delay can pass. */
    int result;
    while ((result = f.layer->ops->connect(f.layer, 1000)) == LEATI_AGAIN)
        cr_assert_eq(leat_loop_dispatch(f.loop, -1), 0);
    cr_assert_eq(result, LEAT_OK);
    f.layer->ops->describe(f.layer, text, sizeof(text));
    cr_assert_not_null(strstr(text, ", 2 attempts"), "%s", text);
    fixture_done(&f);
    close(listener);
}

Test(tcp_dial, the_next_one_after_the_delay_when_one_is_silent, .timeout = 20)
{
    size_t before;
    struct leati_address addresses[2];
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &addresses[1]);

    addresses[0] = address_make("127.0.0.1", unanswering_port());
    before = open_descriptor_count();
    fixture_init(&f, addresses, 2, 5000);
    size_t with_loop = open_descriptor_count();
    cr_assert_eq(f.layer->ops->connect(f.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->deadline_ms, 1000 + LEATI_TCP_ATTEMPT_DELAY_MS);
    cr_assert_eq(f.layer->ops->connect(f.layer, 1249), LEATI_AGAIN);
    cr_assert_eq(open_descriptor_count(), with_loop + 1, "not yet");
    cr_assert_eq(f.layer->ops->connect(f.layer, 1250), LEATI_AGAIN);
    cr_assert_eq(open_descriptor_count(), with_loop + 2);
    cr_assert_eq(f.layer->deadline_ms, 6000, "nothing is left to be started");
    int result;
    while ((result = f.layer->ops->connect(f.layer, 1251)) == LEATI_AGAIN)
        cr_assert_eq(leat_loop_dispatch(f.loop, -1), 0);
    cr_assert_eq(result, LEAT_OK);
    cr_assert_eq(leati_address_port(leati_tcp_layer_remote(f.layer)),
                 leati_address_port(&addresses[1]));
    cr_assert_eq(open_descriptor_count(), with_loop + 1, "the loser is closed");
    fixture_done(&f);
    cr_assert_eq(open_descriptor_count(), before);
    close(listener);
}

Test(tcp_dial, a_refusal_does_not_wait_for_the_delay_of_a_silent_one, .timeout = 20)
{
    struct leati_address addresses[3], left[3];
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &addresses[2]);

    addresses[0] = address_make("127.0.0.1", unanswering_port());
    addresses[1] = address_make("127.0.0.1", refusing_port());
    fixture_init(&f, addresses, 3, 0);
    cr_assert_eq(f.layer->ops->connect(f.layer, 1000), LEATI_AGAIN);
    int result;
    cr_assert_eq(leati_tcp_layer_remaining(f.layer, false, left), 0, "it is not open");
    while ((result = f.layer->ops->connect(f.layer, 1250)) == LEATI_AGAIN)
        cr_assert_eq(leat_loop_dispatch(f.loop, 5000), 0);
    cr_assert_eq(result, LEAT_OK);
    /* Whoever dials again needs not meet the refusal again. */
    cr_assert_eq(leati_tcp_layer_remaining(f.layer, false, left), 2);
    cr_assert_eq(leati_address_port(&left[0]), leati_address_port(&addresses[2]));
    cr_assert_eq(leati_address_port(&left[1]), leati_address_port(&addresses[0]));
    cr_assert_eq(leati_tcp_layer_remaining(f.layer, true, left), 1);
    cr_assert_eq(leati_address_port(&left[0]), leati_address_port(&addresses[0]));
    fixture_done(&f);
    close(listener);
}

Test(tcp_dial, families_take_turns, .timeout = 10)
{
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    uint16_t v4 = refusing_port(), v6 = refusing_port_v6();
    struct leati_address addresses[] = {
        address_make("127.0.0.1", v4), address_make("127.0.0.2", v4), address_make("127.0.0.3", v4),
        address_make("::1", v6),       address_make("127.0.0.4", v4),
    };
    struct tcp_fixture f;
    char expected[LEAT_ERROR_TEXT_SIZE];

    fixture_init(&f, addresses, 5, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_E_SOCKET_BASE + ECONNREFUSED);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ECONNREFUSED);
    snprintf(expected, sizeof(expected),
             "127.0.0.1:%u: ECONNREFUSED (Connection refused), "
             "[::1]:%u: ECONNREFUSED (Connection refused), "
             "127.0.0.2:%u: ECONNREFUSED (Connection refused), "
             "127.0.0.3:%u: ECONNREFUSED (Connection refused), "
             "127.0.0.4:%u: ECONNREFUSED (Connection refused)",
             v4, v6, v4, v4, v4);
    cr_assert_str_eq(f.error.text, expected);
    fixture_done(&f);
}

Test(tcp_dial, the_first_family_is_preferred, .timeout = 10)
{
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    struct leati_address addresses[2];
    struct tcp_fixture f;
    int v6 = listener_make("::1", &addresses[0]);
    int v4 = listener_make("127.0.0.1", &addresses[1]);

    fixture_init(&f, addresses, 2, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    cr_assert_eq(leati_tcp_layer_remote(f.layer)->any.sa_family, AF_INET6);
    fixture_done(&f);
    close(v6);
    close(v4);
}

Test(tcp_dial, what_fails_in_connect_itself_is_an_attempt, .timeout = 10)
{
    struct leati_address addresses[2];
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &addresses[1]);

    /* The kernel refuses TCP to a multicast address without sending anything. */
    addresses[0] = address_make("224.0.0.1", 9);
    fixture_init(&f, addresses, 2, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    fixture_done(&f);
    close(listener);

    fixture_init(&f, addresses, 1, 0);
    cr_assert_eq(f.layer->ops->connect(f.layer, 1), LEAT_E_SOCKET_BASE + ENETUNREACH);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ENETUNREACH);
    check_text_has(&f, "224.0.0.1:9: ENETUNREACH");
    fixture_done(&f);
}

Test(tcp_dial, the_deadline_names_who_did_not_answer, .timeout = 10)
{
    struct leati_address addresses[3] = {
        address_make("127.0.0.1", refusing_port()),
        address_make("127.0.0.1", unanswering_port()),
        address_make("127.0.0.1", 9),
    };
    struct tcp_fixture f;
    size_t before = open_descriptor_count();

    fixture_init(&f, addresses + 1, 2, 100);
    cr_assert_eq(f.layer->ops->connect(f.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->deadline_ms, 1100, "before the attempt delay");
    fixture_done(&f);

    fixture_init(&f, addresses, 3, 100);
    cr_assert_eq(fixture_connect(&f), LEAT_E_SOCKET_BASE + ETIMEDOUT);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ETIMEDOUT);
    check_text_has(&f, "no connection in time: ");
    check_text_has(&f, "ECONNREFUSED");
    check_text_has(&f, ": no answer");
    check_text_has(&f, "127.0.0.1:9: not tried");
    fixture_done(&f);
    cr_assert_eq(open_descriptor_count(), before);
}

Test(tcp_dial, the_chain_s_limit_is_a_deadline_too, .timeout = 10)
{
    struct leati_address address = address_make("127.0.0.1", unanswering_port());
    struct tcp_fixture f;

    fixture_init(&f, &address, 1, 0);
    f.layer->limit_ms = 5000;
    cr_assert_eq(f.layer->ops->connect(f.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->deadline_ms, 5000);
    cr_assert_eq(f.layer->ops->connect(f.layer, 4999), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->connect(f.layer, 5000), LEAT_E_SOCKET_BASE + ETIMEDOUT);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ETIMEDOUT);
    fixture_done(&f);
}

Test(tcp_dial, no_descriptor_left, .timeout = 10)
{
    struct leati_address address = address_make("127.0.0.1", refusing_port());
    struct tcp_fixture f;
    struct rlimit limit;

    fixture_init(&f, &address, 1, 0);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t old = limit.rlim_cur;
    limit.rlim_cur = 3;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int result = fixture_connect(&f);
    limit.rlim_cur = old;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(result, LEAT_E_SOCKET_BASE + EMFILE);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + EMFILE);
    fixture_done(&f);
}

Test(tcp_dial, destroyed_in_each_state, .timeout = 10)
{
    struct leati_address address, silent[2];
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &address);

    silent[0] = address_make("127.0.0.1", unanswering_port());
    silent[1] = silent[0];
    size_t before = open_descriptor_count();
    for (int steps = 0; steps < 3; steps++) { /* NEW, one in flight, two in flight */
        fixture_init(&f, silent, 2, 0);
        for (int i = 0; i < steps; i++)
            cr_assert_eq(f.layer->ops->connect(f.layer, 1000 + 250u * (unsigned)i), LEATI_AGAIN);
        fixture_done(&f);
        cr_assert_eq(open_descriptor_count(), before);
    }
    for (int steps = 0; steps < 2; steps++) { /* OPEN, CLOSING */
        fixture_init(&f, &address, 1, 0);
        cr_assert_eq(fixture_connect(&f), LEAT_OK);
        if (steps == 1)
            cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEATI_AGAIN);
        fixture_done(&f);
        cr_assert_eq(open_descriptor_count(), before);
    }
    close(listener);
}

Test(tcp_dial, shutdown_while_connecting_gives_up, .timeout = 10)
{
    struct leati_address address = address_make("127.0.0.1", unanswering_port());
    struct tcp_fixture f;

    fixture_init(&f, &address, 1, 0);
    size_t before = open_descriptor_count();
    cr_assert_eq(f.layer->ops->connect(f.layer, 1), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 2), LEAT_OK);
    cr_assert_eq(f.layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(open_descriptor_count(), before);
    fixture_done(&f);
}

Test(tcp_dial, no_memory, .timeout = 10)
{
    struct leati_address address = address_make("127.0.0.1", 1);
    struct leati_layer *layer = NULL;

    alloc_failure_countdown = 1;
    leati_alloc_fail_hook = alloc_failure_hook;
    struct leati_tcp_options options = {.addresses = &address, .count = 1};
    cr_assert_eq(leati_tcp_layer_new(&options, &layer), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert_null(layer);
}

/* A network of this process alone, with two ephemeral ports; false if that is not permitted. */
static bool tiny_network_enter(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd;

    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_up = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    close(fd);
    fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
    bool is_set = fd >= 0 && write(fd, "40000 40001", 11) == 11;
    close(fd);
    return is_up && is_set;
}

Test(tcp_dial, a_connection_to_itself_is_a_refusal, .timeout = 20)
{
    if (!tiny_network_enter())
        cr_skip_test("no network namespace");
    for (int i = 0; i < 20; i++) {
        struct leati_address address = address_make("127.0.0.1", (uint16_t)(40000 + i % 2));
        struct tcp_fixture f;
        fixture_init(&f, &address, 1, 0);
        cr_assert_eq(fixture_connect(&f), LEAT_E_SOCKET_BASE + ECONNREFUSED, "dial %d", i);
        fixture_done(&f);
    }
}

/* ---- descriptors of the owner ------------------------------------------------------------ */

struct opening {
    int calls;
    int sys_errno; /* of the first call; 0 = none */
};

static int open_counted(int family, void *user)
{
    struct opening *opening = user;

    if (opening->calls++ == 0 && opening->sys_errno != 0)
        return -opening->sys_errno;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    return fd;
}

static void fixture_init_opener(struct tcp_fixture *f, const struct leati_tcp_opener *opener,
                                const struct leati_address *addresses, size_t count,
                                uint32_t timeout_ms)
{
    fixture_init(f, addresses, count, timeout_ms);
    ((struct leati_tcp_layer *)f->layer)->dialling->opener = opener;
}

Test(tcp_dial, descriptors_of_the_owner, .timeout = 10)
{
    struct opening opening = {.sys_errno = EADDRINUSE};
    struct leati_tcp_opener opener = {.open = open_counted, .user = &opening};
    struct tcp_fixture f;
    struct leati_address addresses[2];
    int listener = listener_make("127.0.0.1", &addresses[0]);
    int on = 1;
    socklen_t size = sizeof(on);

    addresses[1] = addresses[0];
    fixture_init_opener(&f, &opener, addresses, 2, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    cr_assert_eq(opening.calls, 2, "what the opener cannot do is an attempt that failed");
    cr_assert_eq(getsockopt(leati_tcp_layer_fd(f.layer), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    cr_assert_eq(on, 0, "its options are the owner's");
    fixture_done(&f);

    opening = (struct opening){.sys_errno = EADDRINUSE};
    fixture_init_opener(&f, &opener, addresses, 1, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_E_SOCKET_BASE + EADDRINUSE);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + EADDRINUSE);
    fixture_done(&f);
    close(listener);
}

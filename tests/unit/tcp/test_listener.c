/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, and the layer of what they accept. */
#include "tcp_fixture.h"

#include "support/alloc_failure.h"
#include "tcp/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FDS 128
#define PUBLIC  __attribute__((visibility("default")))

struct listening {
    leat_loop *loop;
    struct leati_tcp_listener *listener;
    struct leati_failure failure;
    int fds[MAX_FDS];
    struct leati_address remotes[MAX_FDS];
    int count;
    int paused; /* times */
    int sys_errno;
    bool free_in_callback;
};

static void on_accepted(int fd, const struct leati_address *remote, void *user)
{
    struct listening *l = user;

    cr_assert_lt(l->count, MAX_FDS);
    l->remotes[l->count] = *remote;
    l->fds[l->count++] = fd;
    if (l->free_in_callback) {
        leati_tcp_listener_free(l->listener);
        l->listener = NULL;
    }
}

static void on_paused(int sys_errno, void *user)
{
    struct listening *l = user;

    l->paused++;
    l->sys_errno = sys_errno;
    if (l->free_in_callback) {
        leati_tcp_listener_free(l->listener);
        l->listener = NULL;
    }
}

static int listening_try(struct listening *l, const struct leati_address *address, bool reuse_port)
{
    struct leati_tcp_listener_options options = {
        .loop = l->loop,
        .address = address,
        .reuse_port = reuse_port,
        .accepted = on_accepted,
        .paused = on_paused,
        .user = l,
    };

    return leati_tcp_listener_new(&options, &l->failure, &l->listener);
}

static void listening_init(struct listening *l, const char *host)
{
    struct leati_address address = address_make(host, 0);

    memset(l, 0, sizeof(*l));
    leati_failure_init(&l->failure);
    cr_assert_eq(leat_loop_new(&l->loop), 0);
    cr_assert_eq(listening_try(l, &address, false), LEAT_OK, "%s", l->failure.text);
}

static void listening_done(struct listening *l)
{
    leati_tcp_listener_free(l->listener);
    for (int i = 0; i < l->count; i++)
        close(l->fds[i]);
    leati_failure_done(&l->failure);
    leat_loop_free(l->loop);
}

static void listening_until(struct listening *l, int count)
{
    while (l->count < count)
        cr_assert_eq(leat_loop_dispatch(l->loop, -1), 0);
}

static int dial(const char *host, uint16_t port)
{
    struct leati_address address = address_make(host, port);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, &address.any, leati_address_size(&address)), 0);
    return fd;
}

static uint16_t port_of(const struct listening *l)
{
    return leati_address_port(leati_tcp_listener_local(l->listener));
}

Test(tcp_listener, hands_out_the_connection_and_its_peer, .timeout = 10)
{
    struct listening l;
    struct leati_address local;
    socklen_t size = sizeof(local);

    listening_init(&l, "127.0.0.1");
    cr_assert_neq(port_of(&l), 0);
    cr_assert_geq(leati_tcp_listener_fd(l.listener), 0);
    int fd = dial("127.0.0.1", port_of(&l));
    listening_until(&l, 1);
    cr_assert_eq(getsockname(fd, &local.any, &size), 0);
    cr_assert_eq(l.remotes[0].any.sa_family, AF_INET);
    cr_assert_eq(leati_address_port(&l.remotes[0]), leati_address_port(&local));
    cr_assert(fcntl(l.fds[0], F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(l.fds[0], F_GETFD) & FD_CLOEXEC);
    close(fd);
    listening_done(&l);
}

Test(tcp_listener, unspecified_v6_takes_v4_as_v4, .timeout = 10)
{
    struct listening l;
    char text[LEATI_ADDRESS_TEXT_SIZE];

    listening_init(&l, "::");
    int v4 = dial("127.0.0.1", port_of(&l));
    listening_until(&l, 1);
    leati_address_format_host(&l.remotes[0], text, sizeof(text));
    cr_assert_str_eq(text, "127.0.0.1");
    int v6 = dial("::1", port_of(&l));
    listening_until(&l, 2);
    leati_address_format_host(&l.remotes[1], text, sizeof(text));
    cr_assert_str_eq(text, "::1");
    close(v4);
    close(v6);
    listening_done(&l);
}

Test(tcp_listener, a_port_in_use_is_reported, .timeout = 10)
{
    struct listening l, second = {0};
    char expected[LEATI_ADDRESS_TEXT_SIZE];

    listening_init(&l, "127.0.0.1");
    leati_address_format(leati_tcp_listener_local(l.listener), expected, sizeof(expected));
    leati_failure_init(&second.failure);
    second.loop = l.loop;
    cr_assert_eq(listening_try(&second, leati_tcp_listener_local(l.listener), false),
                 LEAT_E_SOCKET_BASE + EADDRINUSE);
    cr_assert_null(second.listener);
    cr_assert_eq(second.failure.sys_errno, EADDRINUSE);
    cr_assert_eq(second.failure.layer, LEAT_LAYER_TCP);
    cr_assert_str_eq(second.failure.hop, expected);
    cr_assert_not_null(strstr(second.failure.text, "EADDRINUSE"));
    leati_failure_done(&second.failure);
    listening_done(&l);
}

Test(tcp_listener, a_foreign_address_is_reported, .timeout = 10)
{
    struct listening l = {0};
    struct leati_address address = address_make("192.0.2.1", 0); /* RFC 5737: nobody's */

    leati_failure_init(&l.failure);
    cr_assert_eq(leat_loop_new(&l.loop), 0);
    cr_assert_eq(listening_try(&l, &address, false), LEAT_E_SOCKET_BASE + EADDRNOTAVAIL);
    listening_done(&l);
}

Test(tcp_listener, a_port_can_be_shared_when_all_want_it, .timeout = 10)
{
    struct listening l = {0};
    struct leati_tcp_listener *first;
    struct leati_address address = address_make("127.0.0.1", 0);

    leati_failure_init(&l.failure);
    cr_assert_eq(leat_loop_new(&l.loop), 0);
    cr_assert_eq(listening_try(&l, &address, true), LEAT_OK);
    first = l.listener;
    cr_assert_eq(listening_try(&l, leati_tcp_listener_local(first), true), LEAT_OK);
    leati_tcp_listener_free(first);
    listening_done(&l);
}

/* Connections of the last listener in TIME_WAIT do not keep the next one from the port. */
Test(tcp_listener, a_restart_gets_the_same_port, .timeout = 10)
{
    struct listening l;

    listening_init(&l, "127.0.0.1");
    int fd = dial("127.0.0.1", port_of(&l));
    listening_until(&l, 1);
    close(l.fds[0]); /* first to close: TIME_WAIT is here */
    l.count = 0;
    close(fd);
    struct leati_address address = *leati_tcp_listener_local(l.listener);
    leati_tcp_listener_free(l.listener);
    l.listener = NULL;
    cr_assert_eq(listening_try(&l, &address, false), LEAT_OK, "%s", l.failure.text);
    listening_done(&l);
}

Test(tcp_listener, one_round_takes_so_many, .timeout = 10)
{
    struct listening l;
    int fds[LEATI_TCP_ACCEPTS_PER_ROUND + 5];
    int count = (int)(sizeof(fds) / sizeof(fds[0]));

    listening_init(&l, "127.0.0.1");
    for (int i = 0; i < count; i++)
        fds[i] = dial("127.0.0.1", port_of(&l));
    cr_assert_eq(leat_loop_dispatch(l.loop, -1), 0);
    cr_assert_eq(l.count, LEATI_TCP_ACCEPTS_PER_ROUND);
    listening_until(&l, count);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    listening_done(&l);
}

Test(tcp_listener, may_be_freed_by_what_it_calls, .timeout = 10)
{
    struct listening l;

    listening_init(&l, "127.0.0.1");
    int first = dial("127.0.0.1", port_of(&l));
    int second = dial("127.0.0.1", port_of(&l));
    l.free_in_callback = true;
    listening_until(&l, 1);
    cr_assert_null(l.listener);
    cr_assert_eq(leat_loop_dispatch(l.loop, 0), 0);
    cr_assert_eq(l.count, 1);
    close(first);
    close(second);
    listening_done(&l);
}

/* Leaves no descriptor free; what was taken is in the rlimit, which the test's process keeps. */
static void descriptors_use_up(void)
{
    int next = dup(0);
    struct rlimit limit;

    cr_assert_geq(next, 0);
    close(next);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)next;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void descriptors_give_back(void)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(tcp_listener, waits_while_there_are_no_descriptors, .timeout = 10)
{
    struct listening l;

    listening_init(&l, "127.0.0.1");
    int fd = dial("127.0.0.1", port_of(&l));
    descriptors_use_up();
    while (l.paused == 0)
        cr_assert_eq(leat_loop_dispatch(l.loop, -1), 0);
    cr_assert_eq(l.sys_errno, EMFILE);
    /* The connection is still there, and the loop does not look at it. */
    cr_assert_eq(leat_loop_dispatch(l.loop, 0), 0);
    cr_assert_eq(l.paused, 1);
    while (l.paused == 1)
        cr_assert_eq(leat_loop_dispatch(l.loop, -1), 0);
    descriptors_give_back();
    listening_until(&l, 1);
    close(fd);
    listening_done(&l);
}

Test(tcp_listener, may_be_freed_while_there_are_no_descriptors, .timeout = 10)
{
    struct listening l;

    listening_init(&l, "127.0.0.1");
    int fd = dial("127.0.0.1", port_of(&l));
    descriptors_use_up();
    l.free_in_callback = true;
    while (l.paused == 0)
        cr_assert_eq(leat_loop_dispatch(l.loop, -1), 0);
    descriptors_give_back();
    close(fd);
    listening_done(&l);
}

/* ---- TCP_NODELAY ----------------------------------------------------------------------- */

static int no_delay_of(int fd)
{
    int on = 0;
    socklen_t size = sizeof(on);

    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    return on != 0;
}

/* How often the listener asks for the option, or sets it, is what it saves. */
static int option_calls;

PUBLIC int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    option_calls++;
    return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

PUBLIC int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
    option_calls++;
    return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
}

/* So many connections have come, and all have it. @return the calls that were made for them. */
static int no_delay_calls(struct listening *l, int count)
{
    int peers[MAX_FDS];
    int first = l->count;

    for (int i = 0; i < count; i++)
        peers[i] = dial("127.0.0.1", port_of(l));
    option_calls = 0;
    listening_until(l, first + count);
    int calls = option_calls;
    for (int i = first; i < first + count; i++)
        cr_assert(no_delay_of(l->fds[i]));
    for (int i = 0; i < count; i++)
        close(peers[i]);
    return calls;
}

Test(tcp_listener, connections_inherit_no_delay, .timeout = 10)
{
    struct listening l;

    listening_init(&l, "127.0.0.1");
    cr_assert(no_delay_of(leati_tcp_listener_fd(l.listener)));
    cr_assert_eq(no_delay_calls(&l, 1), 1, "whether it was inherited is asked once");
    cr_assert_eq(no_delay_calls(&l, 20), 0);
    listening_done(&l);
}

/* A kernel that does not pass it on: what says so is the first connection. */
Test(tcp_listener, no_delay_that_is_not_inherited, .timeout = 10)
{
    struct listening l;
    int off = 0;

    listening_init(&l, "127.0.0.1");
    cr_assert_eq(
        setsockopt(leati_tcp_listener_fd(l.listener), IPPROTO_TCP, TCP_NODELAY, &off, sizeof(off)),
        0);
    cr_assert_eq(no_delay_calls(&l, 1), 2);
    cr_assert_eq(no_delay_calls(&l, 20), 20);
    listening_done(&l);
}

/* Takes over what listens already, for which connections wait. */
static void listening_adopt(struct listening *l, bool no_delay, int *ret_waiting)
{
    struct leati_address local;
    socklen_t size = sizeof(local);
    int on = no_delay;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(l, 0, sizeof(*l));
    leati_failure_init(&l->failure);
    cr_assert_eq(leat_loop_new(&l->loop), 0);
    cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    cr_assert_eq(listen(fd, 64), 0);
    cr_assert_eq(getsockname(fd, &local.any, &size), 0);
    *ret_waiting = dial("127.0.0.1", leati_address_port(&local));
    const struct leati_tcp_listener_options options = {
        .loop = l->loop, .adopted_fd = &fd, .accepted = on_accepted, .user = l};
    cr_assert_eq(leati_tcp_listener_new(&options, &l->failure, &l->listener), LEAT_OK);
}

Test(tcp_listener, adopted_ones_have_no_delay_as_well, .timeout = 10)
{
    for (int had_it = 0; had_it <= 1; had_it++) {
        struct listening l;
        int waiting;

        listening_adopt(&l, had_it, &waiting);
        listening_until(&l, 1);
        cr_assert(no_delay_of(l.fds[0]), "it came before the listener was taken over");
        cr_assert_eq(no_delay_calls(&l, 20), had_it ? 0 : 20);
        close(waiting);
        listening_done(&l);
    }
}

static bool attempt_listening(void)
{
    struct listening l = {0};
    struct leati_address address = address_make("127.0.0.1", 0);

    leati_failure_init(&l.failure);
    if (leat_loop_new(&l.loop) != LEAT_OK)
        return false;
    int code = listening_try(&l, &address, false);
    if (code != LEAT_OK)
        cr_assert_eq(code, LEAT_E_SYSTEM_INTERNAL);
    listening_done(&l);
    return code == LEAT_OK;
}

Test(tcp_listener, without_memory, .timeout = 30)
{
    cr_assert_gt(alloc_failure_run_all(attempt_listening), 0);
}

/* ---- the layer ------------------------------------------------------------------------- */

static void on_ready(void *user)
{
    int *calls = user;

    (*calls)++;
}

Test(tcp_accepted, is_open_at_once_and_speaks, .timeout = 10)
{
    struct listening l;
    struct tcp_fixture f = {0};
    char buf[8];
    size_t len;
    int on = 0;
    socklen_t size = sizeof(on);

    listening_init(&l, "127.0.0.1");
    int peer = dial("127.0.0.1", port_of(&l));
    listening_until(&l, 1);
    const struct leati_tcp_accepted accepted = {.loop = l.loop,
                                                .fd = l.fds[0],
                                                .remote = &l.remotes[0],
                                                .ready = on_ready,
                                                .user = &f.ready_calls};
    l.count = 0; /* the layer's now */
    cr_assert_eq(leati_tcp_layer_accepted(&accepted, &f.layer), LEAT_OK);
    leati_failure_init(&f.failure);
    f.loop = l.loop;
    f.layer->failure = &f.failure;
    f.layer->tracer = &f.tracer;
    f.layer->hop = "peer";
    cr_assert_eq(f.layer->ops->connect(f.layer, 1), LEAT_OK);
    cr_assert_eq(f.layer->state, LEATI_LAYER_OPEN);
    cr_assert_eq(f.layer->deadline_ms, 0);
    cr_assert_eq(leati_address_port(leati_tcp_layer_remote(f.layer)),
                 leati_address_port(&l.remotes[0]));
    cr_assert_eq(getsockopt(leati_tcp_layer_fd(f.layer), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    cr_assert_neq(on, 0);

    cr_assert_eq(fixture_send(&f, "hello", 5, &len), LEAT_OK);
    cr_assert_eq(read(peer, buf, sizeof(buf)), 5);
    fixture_recv_calls = 0;
    cr_assert_eq(f.layer->ops->recv(f.layer, (uint8_t *)buf, sizeof(buf), &len), LEATI_AGAIN);
    cr_assert_eq(fixture_recv_calls, 0, "epoll tells when there is something");
    cr_assert_eq(write(peer, "abc", 3), 3);
    cr_assert_eq(fixture_recv(&f, buf, sizeof(buf), &len), LEAT_OK);
    cr_assert_eq(len, 3);
    cr_assert_gt(f.ready_calls, 0);
    f.layer->ops->destroy(f.layer);
    cr_assert_eq(read(peer, buf, sizeof(buf)), 0);
    close(peer);
    leati_failure_done(&f.failure);
    listening_done(&l);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <leat/error_codes.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

struct watched {
    struct leati_io io;
    int fd, peer;
    unsigned events;
    int calls;
    struct watched *victim; /* destroyed in the callback */
};

static void watched_destroy(struct watched *w)
{
    leati_io_done(&w->io);
    close(w->fd);
    close(w->peer);
    w->fd = -1;
}

static void on_event(struct leati_io *io, unsigned events, void *user)
{
    struct watched *w = user;

    cr_assert_eq(io, &w->io);
    cr_assert_geq(w->fd, 0, "called after it was destroyed");
    w->events |= events;
    w->calls++;
    if (w->victim)
        watched_destroy(w->victim);
}

static void watched_make(struct watched *w, leat_loop *loop)
{
    int fds[2];

    memset(w, 0, sizeof(*w));
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    w->fd = fds[0];
    w->peer = fds[1];
    leati_io_init(&w->io, loop, w->fd, on_event, w);
}

Test(io, shows_in_the_descriptor_of_the_loop, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct watched w;

    watched_make(&w, loop);
    cr_assert_eq(leati_io_set(&w.io, LEATI_IO_READ), 0);
    cr_assert_not(loop_is_readable(loop, 0));
    cr_assert_eq(write(w.peer, "x", 1), 1);
    cr_assert(loop_is_readable(loop, 1000));
    loop_turn(loop);
    cr_assert_eq(w.events, LEATI_IO_READ);
    cr_assert(loop_is_readable(loop, 0), "level-triggered: it was not read");
    watched_destroy(&w);
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}

Test(io, reports_what_is_asked_for, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct watched w;

    watched_make(&w, loop);
    cr_assert_eq(write(w.peer, "x", 1), 1);
    loop_turn(loop);
    cr_assert_eq(w.calls, 0, "nothing is asked for");
    cr_assert_eq(leati_io_set(&w.io, LEATI_IO_WRITE), 0);
    loop_turn(loop);
    cr_assert_eq(w.events, LEATI_IO_WRITE);
    w.events = 0;
    cr_assert_eq(leati_io_set(&w.io, LEATI_IO_READ | LEATI_IO_WRITE), 0);
    loop_turn(loop);
    cr_assert_eq(w.events, LEATI_IO_READ | LEATI_IO_WRITE);
    cr_assert_eq(w.calls, 2, "one call for both");
    cr_assert_eq(leati_io_set(&w.io, 0), 0);
    loop_turn(loop);
    cr_assert_eq(w.calls, 2);
    watched_destroy(&w);
    leat_loop_free(loop);
}

Test(io, hang_up_is_reported_whatever_is_asked_for, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct watched w;

    watched_make(&w, loop);
    cr_assert_eq(leati_io_set(&w.io, LEATI_IO_WRITE), 0);
    cr_assert_eq(shutdown(w.fd, SHUT_RDWR), 0);
    loop_turn(loop);
    cr_assert(w.events & LEATI_IO_HANGUP);
    cr_assert_not(w.events & LEATI_IO_READ);
    watched_destroy(&w);
    leat_loop_free(loop);
}

Test(io, errors_of_the_kernel_are_codes, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct leati_io io;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    leati_io_init(&io, loop, file, on_event, NULL);
    cr_assert_eq(leati_io_set(&io, LEATI_IO_READ), LEAT_E_SOCKET_BASE + EPERM);
    cr_assert_eq(io.mask, 0);
    leati_io_done(&io);
    close(file);
    leati_io_init(&io, loop, file, on_event, NULL);
    cr_assert_eq(leati_io_set(&io, LEATI_IO_READ), LEAT_E_SOCKET_BASE + EBADF);
    leat_loop_free(loop);
}

Test(io, destroyed_in_its_own_callback, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct watched w;

    watched_make(&w, loop);
    w.victim = &w;
    cr_assert_eq(leati_io_set(&w.io, LEATI_IO_WRITE), 0);
    loop_turn(loop);
    cr_assert_eq(w.calls, 1);
    loop_turn(loop);
    cr_assert_eq(w.calls, 1);
    leat_loop_free(loop);
}

/* Each of two ready watchers destroys the other one: whichever comes first is the only one. */
Test(io, destroyed_by_another_callback_of_the_same_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct watched a, b;

    watched_make(&a, loop);
    watched_make(&b, loop);
    a.victim = &b;
    b.victim = &a;
    cr_assert_eq(leati_io_set(&a.io, LEATI_IO_WRITE), 0);
    cr_assert_eq(leati_io_set(&b.io, LEATI_IO_WRITE), 0);
    loop_turn(loop);
    cr_assert_eq(a.calls + b.calls, 1);
    watched_destroy(a.calls == 1 ? &a : &b);
    leat_loop_free(loop);
}

static void on_event_narrow_other(struct leati_io *io, unsigned events, void *user)
{
    struct watched *w = user;

    (void)io;
    (void)events;
    w->calls++;
    cr_assert_eq(leati_io_set(&w->victim->io, LEATI_IO_READ), 0);
}

Test(io, what_is_not_asked_for_any_more_is_not_reported, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct watched a, b;

    watched_make(&a, loop);
    watched_make(&b, loop);
    a.io.fn = b.io.fn = on_event_narrow_other;
    a.victim = &b;
    b.victim = &a;
    cr_assert_eq(leati_io_set(&a.io, LEATI_IO_WRITE), 0);
    cr_assert_eq(leati_io_set(&b.io, LEATI_IO_WRITE), 0);
    loop_turn(loop);
    cr_assert_eq(a.calls + b.calls, 1);
    watched_destroy(&a);
    watched_destroy(&b);
    leat_loop_free(loop);
}

static struct watched recycled;

static void on_event_recycle(struct leati_io *io, unsigned events, void *user)
{
    leat_loop *loop = io->loop;

    (void)events;
    (void)user;
    leati_io_done(io);
    /* The same struct (and the same descriptor number) for something else. */
    watched_destroy(&recycled);
    watched_make(&recycled, loop);
    cr_assert_eq(leati_io_set(&recycled.io, LEATI_IO_READ), 0);
}

Test(io, an_old_event_does_not_reach_a_new_watcher_at_the_same_place, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct leati_io first;
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    leati_io_init(&first, loop, fds[0], on_event_recycle, NULL);
    cr_assert_eq(leati_io_set(&first, LEATI_IO_WRITE), 0);
    watched_make(&recycled, loop);
    cr_assert_eq(write(recycled.peer, "x", 1), 1);
    cr_assert_eq(leati_io_set(&recycled.io, LEATI_IO_READ), 0);
    loop_turn(loop);
    cr_assert_eq(recycled.calls, 0);
    watched_destroy(&recycled);
    close(fds[0]);
    close(fds[1]);
    leat_loop_free(loop);
}

/* More ready descriptors than one batch holds: all get their turn. */
Test(io, more_than_one_batch, .timeout = 10)
{
    enum { COUNT = 300 };
    static struct watched all[COUNT];
    leat_loop *loop = loop_make();

    for (int i = 0; i < COUNT; i++) {
        watched_make(&all[i], loop);
        cr_assert_eq(leati_io_set(&all[i].io, LEATI_IO_WRITE), 0);
    }
    for (int round = 0; round < 3; round++)
        loop_turn(loop);
    for (int i = 0; i < COUNT; i++) {
        cr_assert(all[i].calls == 1 || all[i].calls == 2, "no. %d: %d", i, all[i].calls);
        watched_destroy(&all[i]);
    }
    leat_loop_free(loop);
}

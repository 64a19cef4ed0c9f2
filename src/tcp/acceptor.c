/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/acceptor.h"

#include "tcp/listener.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

/* What accept(2) reports of a connection that is already broken: the next one may be fine. */
static bool errno_is_of_the_connection(int sys_errno)
{
    switch (sys_errno) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EOPNOTSUPP:
        return true;
    default:
        return false;
    }
}

static void acceptor_pause(struct leati_acceptor *acceptor, int sys_errno)
{
    /* Without memory for the timer the descriptor stays watched: better to spin than to be deaf. */
    if (leati_timer_set(&acceptor->retry, leati_clock_ms() + LEATI_TCP_ACCEPT_RETRY_MS) == LEAT_OK)
        (void)leati_io_set(&acceptor->io, 0);
    if (acceptor->paused)
        acceptor->paused(sys_errno, acceptor->user);
}

static void acceptor_on_event(struct leati_io *io, unsigned events, void *user)
{
    struct leati_acceptor *acceptor = user;
    bool gone = false;

    (void)events;
    /* A child that was forked in a callback leaves the parent's connections alone. */
    for (int i = 0; i < LEATI_TCP_ACCEPTS_PER_ROUND && !leati_loop_is_inherited(io->loop); i++) {
        struct sockaddr_storage remote;
        socklen_t size = sizeof(remote);
        memset(&remote, 0, sizeof(remote));
        int fd = accept4(io->fd, (struct sockaddr *)&remote, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd < 0 && errno_is_of_the_connection(errno))
            continue;
        if (fd < 0) {
            acceptor_pause(acceptor, errno);
            return;
        }
        acceptor->gone = &gone;
        acceptor->accepted(fd, &remote, acceptor->user);
        if (gone)
            return;
        acceptor->gone = NULL;
    }
}

static void acceptor_on_retry(struct leati_timer *timer, void *user)
{
    struct leati_acceptor *acceptor = user;

    (void)timer;
    int result = leati_io_set(&acceptor->io, LEATI_IO_READ);
    if (result != LEAT_OK)
        acceptor_pause(acceptor, result - LEAT_E_SOCKET_BASE);
}

int leati_acceptor_init(struct leati_acceptor *acceptor, leat_loop *loop, int fd,
                        void (*accepted)(int fd, const struct sockaddr_storage *remote, void *user),
                        void (*paused)(int sys_errno, void *user), void *user)
{
    *acceptor = (struct leati_acceptor){.accepted = accepted, .paused = paused, .user = user};
    leati_io_init(&acceptor->io, loop, fd, acceptor_on_event, acceptor);
    leati_timer_init(&acceptor->retry, loop, acceptor_on_retry, acceptor);
    return leati_io_set(&acceptor->io, LEATI_IO_READ);
}

void leati_acceptor_done(struct leati_acceptor *acceptor)
{
    if (acceptor->gone)
        *acceptor->gone = true;
    leati_timer_stop(&acceptor->retry);
    leati_io_done(&acceptor->io);
}

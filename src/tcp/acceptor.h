/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The accept loop of a listening descriptor of any family: a bound for each round, and a pause when
 * the kernel is short of descriptors or memory.
 */
#ifndef LEATI_TCP_ACCEPTOR_H
#define LEATI_TCP_ACCEPTOR_H

#include "loop/loop.h"

#include <sys/socket.h>

struct leati_acceptor {
    struct leati_io io;
    struct leati_timer retry;
    /** Both may end the acceptor and free what holds it. */
    void (*accepted)(int fd, const struct sockaddr_storage *remote, void *user);
    void (*paused)(int sys_errno, void *user); /**< may be NULL */
    void *user;
    bool *gone; /**< inside of a callback: to be set when the acceptor ends */
};

/** Fills in and watches; `fd` stays the caller's and must be non-blocking.
 * @return LEAT_OK or LEAT_E_SOCKET_BASE + errno of epoll_ctl. */
int leati_acceptor_init(struct leati_acceptor *acceptor, leat_loop *loop, int fd,
                        void (*accepted)(int fd, const struct sockaddr_storage *remote, void *user),
                        void (*paused)(int sys_errno, void *user), void *user);

/** Ends it, also inside of its callbacks; close(2) comes after it. */
void leati_acceptor_done(struct leati_acceptor *acceptor);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A listening TCP socket: what connects to it is handed out as a descriptor.
 *
 * When the kernel has no descriptor or memory left for a connection, accepting pauses and is tried
 * again LEATI_TCP_ACCEPT_RETRY_MS later: the connection waits in the backlog, and the loop does not
 * spin on a descriptor that stays readable.
 */
#ifndef LEATI_TCP_LISTENER_H
#define LEATI_TCP_LISTENER_H

#include <leat/loop.h>

#include "core/address.h"
#include "core/descriptor.h"
#include "core/failure.h"
#include "tcp/local_address.h"

/** Connections that are accepted before the other events of the loop have their turn. */
#define LEATI_TCP_ACCEPTS_PER_ROUND 32
#define LEATI_TCP_ACCEPT_RETRY_MS   100
/** The backlog for those who name none; the kernel cuts it to net.core.somaxconn. */
#define LEATI_TCP_BACKLOG 4096

struct leati_tcp_listener;

struct leati_tcp_listener_options {
    leat_loop *loop;
    const struct leati_address *address; /**< port 0 = any free one; "::" takes IPv4 as well */
    /** Instead of it a local socket: its file is removed with the listener. NULL = none. The remote of
     * connections is then of AF_UNIX. */
    const struct leati_local_address *path;
    /** Instead of both a descriptor that listens: taken in every case; NULL = none. */
    const int *adopted_fd;
    int backlog;     /**< 0 = LEATI_TCP_BACKLOG */
    bool reuse_port; /**< SO_REUSEPORT: several listeners share address and port */
    /** Connections inherit them, but for the hook; may be NULL. */
    const struct leati_descriptor_options *descriptor;
    /** A connection: `fd` (non-blocking, close-on-exec, TCP_NODELAY) is the callee's. An IPv4 peer is
     * AF_INET, whatever the listener is. The listener may be freed in here. From dispatch only. */
    void (*accepted)(int fd, const struct leati_address *remote, void *user);
    /** Accepting has paused, and goes on by itself; may be NULL. The listener may be freed in here.
     * From dispatch only. */
    void (*paused)(int sys_errno, void *user);
    void *user;
};

/**
 * Binds and listens, with SO_REUSEADDR, so that connections of an earlier listener in TIME_WAIT are
 * not in the way. A port that is in use is a failure, never another port.
 *
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + errno (EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE ...),
 *         LEAT_E_SYSTEM_INTERNAL (no memory); both recorded in `failure`.
 */
int leati_tcp_listener_new(const struct leati_tcp_listener_options *options,
                           struct leati_failure *failure, struct leati_tcp_listener **ret_listener);

/** Stops listening; what waits in the backlog is reset by the kernel. NULL is allowed. */
void leati_tcp_listener_free(struct leati_tcp_listener *listener);

/** The same, but the descriptor, which goes on listening, is the caller's then. */
int leati_tcp_listener_release(struct leati_tcp_listener *listener);

/** The address it is bound to, with the port that the kernel chose. */
const struct leati_address *leati_tcp_listener_local(const struct leati_tcp_listener *listener);

int leati_tcp_listener_fd(const struct leati_tcp_listener *listener);

#endif

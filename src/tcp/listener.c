/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/listener.h"

#include "tcp/acceptor.h"
#include "tcp/tcp_private.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* How connections come to have TCP_NODELAY. */
enum no_delay {
    NO_DELAY_INHERITED, /* from the listener; or they are not of TCP, and there is nothing to delay */
    NO_DELAY_TO_CHECK, /* the listener has it: the first one shows whether the kernel passes it on */
    NO_DELAY_FOR_EACH,
};

struct leati_tcp_listener {
    struct leati_acceptor acceptor;
    int fd;
    struct leati_address local;
    enum no_delay no_delay;
    struct leati_local_file file; /* of a local socket */
    void (*accepted)(int fd, const struct leati_address *remote, void *user);
    void (*paused)(int sys_errno, void *user);
    void *user;
};

static int listener_fail(const struct leati_address *address, const char *what, int sys_errno,
                         struct leati_failure *failure)
{
    char hop[LEATI_ADDRESS_TEXT_SIZE];

    leati_address_format(address, hop, sizeof(hop));
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_TCP, sys_errno, hop);
    return leati_failure_set(failure, &fault, "cannot %s %s: %s", what, hop,
                             leati_address_reason(address, sys_errno).text);
}

static bool no_delay_is_on(int fd)
{
    int on = 0;
    socklen_t size = sizeof(on);

    return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on != 0;
}

static bool no_delay_set(int fd)
{
    int on = 1;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

/* Linux copies it from the listener; what imitates Linux may not. */
static void no_delay_ensure(struct leati_tcp_listener *listener, int fd)
{
    if (listener->no_delay == NO_DELAY_TO_CHECK)
        listener->no_delay = no_delay_is_on(fd) ? NO_DELAY_INHERITED : NO_DELAY_FOR_EACH;
    if (listener->no_delay == NO_DELAY_FOR_EACH)
        (void)no_delay_set(fd);
}

static void listener_accepted(int fd, const struct sockaddr_storage *storage, void *user)
{
    struct leati_tcp_listener *listener = user;
    struct leati_address remote;

    no_delay_ensure(listener, fd);
    memcpy(&remote, storage, sizeof(remote));
    leati_address_unmap(&remote); /* a dual-stack socket sees IPv4 peers so */
    listener->accepted(fd, &remote, listener->user);
}

static void listener_paused(int sys_errno, void *user)
{
    const struct leati_tcp_listener *listener = user;

    if (listener->paused)
        listener->paused(sys_errno, listener->user);
}

static bool socket_prepare(int fd, const struct leati_tcp_listener_options *options)
{
    int on = 1, off = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return false;
    int sys_errno =
        options->descriptor
            ? leati_descriptor_set(options->descriptor, fd, options->address->any.sa_family, true)
            : 0;
    if (sys_errno != 0) {
        errno = sys_errno;
        return false;
    }
    if (options->reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        return false;
    /* Not what net.ipv6.bindv6only happens to say. */
    return options->address->any.sa_family != AF_INET6 ||
           setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0;
}

/* A path that is there is a failure, and whatever it is stays. */
static int local_listen(struct leati_tcp_listener *listener,
                        const struct leati_tcp_listener_options *options)
{
    listener->local.any.sa_family = AF_UNIX;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return errno;
    int sys_errno = leati_local_bind(listener->fd, options->path, &listener->file);
    if (sys_errno == 0 && listen(listener->fd, LEATI_TCP_BACKLOG) < 0)
        sys_errno = errno;
    return sys_errno;
}

static int local_open(struct leati_tcp_listener *listener,
                      const struct leati_tcp_listener_options *options,
                      struct leati_failure *failure)
{
    char path[LEAT_LOCAL_ADDRESS_SIZE];
    int sys_errno = local_listen(listener, options);
    int code = sys_errno == 0
                   ? leati_acceptor_init(&listener->acceptor, options->loop, listener->fd,
                                         listener_accepted, listener_paused, listener)
                   : LEAT_E_SOCKET_BASE + sys_errno;
    if (code == LEAT_OK)
        return LEAT_OK;
    leati_local_address_format(options->path, path, sizeof(path));
    const struct leati_fault fault =
        leati_errno_fault(LEAT_LAYER_TCP, code - LEAT_E_SOCKET_BASE, path);
    return leati_failure_set(failure, &fault, "cannot listen on %s: %s", path,
                             leati_errno_reason(fault.sys_errno).text);
}

static int listener_open(struct leati_tcp_listener *listener,
                         const struct leati_tcp_listener_options *options,
                         struct leati_failure *failure)
{
    const struct leati_address *address = options->address;
    int backlog = options->backlog > 0 ? options->backlog : LEATI_TCP_BACKLOG;
    socklen_t size = sizeof(listener->local);

    listener->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 || !socket_prepare(listener->fd, options))
        return listener_fail(address, "make a socket for", errno, failure);
    listener->no_delay = no_delay_set(listener->fd) ? NO_DELAY_TO_CHECK : NO_DELAY_FOR_EACH;
    if (bind(listener->fd, &address->any, leati_address_size(address)) < 0)
        return listener_fail(address, "bind to", errno, failure);
    if (listen(listener->fd, backlog) < 0 ||
        getsockname(listener->fd, &listener->local.any, &size) < 0)
        return listener_fail(address, "listen on", errno, failure);
    int result = leati_acceptor_init(&listener->acceptor, options->loop, listener->fd,
                                     listener_accepted, listener_paused, listener);
    return result == LEAT_OK
               ? LEAT_OK
               : listener_fail(address, "watch", result - LEAT_E_SOCKET_BASE, failure);
}

/* Whether it is a socket of a stream that listens; else errno says what it is. */
static bool descriptor_listens(int fd)
{
    int on = 0, type = 0;
    socklen_t size = sizeof(on), type_size = sizeof(type);

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0)
        return false;
    errno = EINVAL;
    return on != 0 && type == SOCK_STREAM;
}

/* Connections may wait that came before any option that were set now: they would be without it. */
static enum no_delay no_delay_of_adopted(int fd, const struct sockaddr_storage *local)
{
    if (local->ss_family != AF_INET && local->ss_family != AF_INET6)
        return NO_DELAY_INHERITED;
    return no_delay_is_on(fd) ? NO_DELAY_TO_CHECK : NO_DELAY_FOR_EACH;
}

static int adopted_open(struct leati_tcp_listener *listener,
                        const struct leati_tcp_listener_options *options,
                        struct leati_failure *failure)
{
    struct sockaddr_storage local;
    socklen_t size = sizeof(local);
    int code = LEAT_OK;

    memset(&local, 0, sizeof(local));
    listener->fd = *options->adopted_fd;
    if (!descriptor_listens(listener->fd) ||
        getsockname(listener->fd, (struct sockaddr *)&local, &size) < 0 ||
        fcntl(listener->fd, F_SETFL, fcntl(listener->fd, F_GETFL) | O_NONBLOCK) < 0 ||
        fcntl(listener->fd, F_SETFD, FD_CLOEXEC) < 0)
        code = LEAT_E_SOCKET_BASE + errno;
    memcpy(&listener->local, &local, sizeof(listener->local));
    listener->no_delay = no_delay_of_adopted(listener->fd, &local);
    if (code == LEAT_OK)
        code = leati_acceptor_init(&listener->acceptor, options->loop, listener->fd,
                                   listener_accepted, listener_paused, listener);
    if (code == LEAT_OK)
        return LEAT_OK;
    const struct leati_fault fault =
        leati_errno_fault(LEAT_LAYER_TCP, code - LEAT_E_SOCKET_BASE, NULL);
    return leati_failure_set(failure, &fault, "the descriptor does not listen: %s",
                             leati_errno_reason(fault.sys_errno).text);
}

int leati_tcp_listener_new(const struct leati_tcp_listener_options *options,
                           struct leati_failure *failure, struct leati_tcp_listener **ret_listener)
{
    struct leati_tcp_listener *listener = leati_calloc(1, sizeof(*listener));

    if (!listener && options->adopted_fd)
        close(*options->adopted_fd);
    if (!listener)
        return leati_failure_set(failure, &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL},
                                 "out of memory");
    listener->accepted = options->accepted;
    listener->paused = options->paused;
    listener->user = options->user;
    int code = options->adopted_fd ? adopted_open(listener, options, failure)
               : options->path     ? local_open(listener, options, failure)
                                   : listener_open(listener, options, failure);
    if (code != LEAT_OK) {
        leati_local_file_remove(&listener->file);
        if (listener->fd >= 0)
            close(listener->fd);
        leati_free(listener);
        return code;
    }
    *ret_listener = listener;
    return LEAT_OK;
}

void leati_tcp_listener_free(struct leati_tcp_listener *listener)
{
    if (!listener)
        return;
    leati_acceptor_done(&listener->acceptor);
    leati_local_file_remove(&listener->file);
    close(listener->fd);
    leati_free(listener);
}

int leati_tcp_listener_release(struct leati_tcp_listener *listener)
{
    int fd = listener->fd;

    leati_acceptor_done(&listener->acceptor);
    leati_free(listener);
    return fd;
}

const struct leati_address *leati_tcp_listener_local(const struct leati_tcp_listener *listener)
{
    return &listener->local;
}

int leati_tcp_listener_fd(const struct leati_tcp_listener *listener)
{
    return listener->fd;
}

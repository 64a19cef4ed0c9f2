/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/syscall_shim.h"

#include "util/alloc.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

static _Thread_local struct shim_fault armed;
static _Thread_local unsigned hits;

/* Whether this call fails; then errno is set. */
static bool fails(enum shim_call call)
{
    if (armed.call != call)
        return false;
    if (armed.skip > 0) {
        --armed.skip;
        return false;
    }
    if (armed.once && hits > 0)
        return false;
    ++hits;
    errno = armed.sys_errno;
    return true;
}

static bool allocation_fails(void)
{
    return fails(SHIM_ALLOCATION);
}

void shim_arm(const struct shim_fault *fault)
{
    armed = fault ? *fault : (struct shim_fault){.call = SHIM_NONE};
    hits = 0;
    leati_alloc_fail_hook = armed.call == SHIM_ALLOCATION ? allocation_fails : NULL;
}

unsigned shim_hits(void)
{
    return hits;
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return fails(SHIM_SOCKET) ? -1 : __real_socket(domain, type, protocol);
}

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    return fails(SHIM_SETSOCKOPT) ? -1 : __real_setsockopt(fd, level, name, value, size);
}

int __real_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    return fails(SHIM_BIND) ? -1 : __real_bind(fd, address, size);
}

int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog)
{
    return fails(SHIM_LISTEN) ? -1 : __real_listen(fd, backlog);
}

int __real_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    return fails(SHIM_GETSOCKNAME) ? -1 : __real_getsockname(fd, address, size);
}

int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return fails(SHIM_CONNECT) ? -1 : __real_connect(fd, address, size);
}

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    if (level == SOL_SOCKET && name == SO_ERROR && fails(SHIM_SO_ERROR)) {
        *(int *)value = errno;
        return 0;
    }
    return __real_getsockopt(fd, level, name, value, size);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails(SHIM_SENDMSG) ? -1 : __real_sendmsg(fd, message, flags);
}

ssize_t __real_recv(int fd, void *buf, size_t cap, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t cap, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t cap, int flags)
{
    return fails(SHIM_RECV) ? -1 : __real_recv(fd, buf, cap, flags);
}

int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return fails(SHIM_EPOLL_CTL) ? -1 : __real_epoll_ctl(epoll, operation, fd, event);
}

int __real_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    if (fails(SHIM_EPOLL_WAIT))
        return -1;
    int count = __real_epoll_wait(epoll, events, max, timeout_ms);
    /* An error that a socket has shows beside what it is watched for. */
    for (int i = 0; armed.call == SHIM_SO_ERROR && i < count; i++)
        if (events[i].events & EPOLLOUT)
            events[i].events |= EPOLLERR;
    return count;
}

ssize_t __real_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
    return fails(SHIM_GETRANDOM) ? -1 : __real_getrandom(buf, len, flags);
}

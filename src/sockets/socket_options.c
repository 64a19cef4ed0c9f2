/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/socket_options.h"

#include "core/failure.h"
#include "tcp/tcp.h"
#include "util/known.h"
#include "util/readable.h"

#include <leat/error_codes.h>

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define LINGER_MAX_MS 65535u

int leati_setter_refusal_format(const struct leati_setter_refusal *refusal,
                                char buf[LEATI_SETTER_REFUSAL_TEXT_SIZE])
{
    if (!refusal->setter)
        return LEAT_OK;
    leati_readable_format(buf, LEATI_SETTER_REFUSAL_TEXT_SIZE, "%s() was refused before: %s%s%s",
                          refusal->setter, refusal->reason, refusal->sys_errno ? ": " : "",
                          refusal->sys_errno ? leati_errno_reason(refusal->sys_errno).text : "");
    return refusal->code;
}

/* ---- checking ---------------------------------------------------------------------- */

/* Why buffers cannot have these sizes; NULL = they can. */
static const char *buffers_problem(uint32_t receive_bytes, uint32_t send_bytes)
{
    if (receive_bytes > INT_MAX)
        return "receive_buffer_size is more than INT_MAX bytes";
    return send_bytes > INT_MAX ? "send_buffer_size is more than INT_MAX bytes" : NULL;
}

int leati_extra_options_check(const struct leat_extra_options *options, const char **ret_reason,
                              struct leat_extra_options *ret_options)
{
    struct leat_extra_options copy = {0};
    *ret_reason = "the options, or their size, are missing";
    if (!options || options->size == 0)
        return LEAT_E_PARAMETER;
    leati_copy_known(&copy, sizeof(copy), options, options->size);
    *ret_reason = buffers_problem(copy.receive_buffer_size, copy.send_buffer_size);
    if (*ret_reason)
        return LEAT_E_PARAMETER;
    copy.size = sizeof(copy);
    *ret_options = copy;
    return LEAT_OK;
}

int leati_tcp_extra_options_check(const struct leat_tcp_extra_options *options,
                                  const char **ret_reason,
                                  struct leat_tcp_extra_options *ret_options)
{
    struct leat_tcp_extra_options copy = {0};
    *ret_reason = "the options, or their size, are missing";
    if (!options || options->size == 0)
        return LEAT_E_PARAMETER;
    leati_copy_known(&copy, sizeof(copy), options, options->size);
    *ret_reason = buffers_problem(copy.receive_buffer_size, copy.send_buffer_size);
    if (!*ret_reason && copy.socket_linger.on && copy.socket_linger.linger_ms > LINGER_MAX_MS)
        *ret_reason = "socket_linger.linger_ms is more than 65,535";
    if (*ret_reason)
        return LEAT_E_PARAMETER;
    copy.size = sizeof(copy);
    *ret_options = copy;
    return LEAT_OK;
}

/* ---- applying ---------------------------------------------------------------------- */

struct int_option {
    int level, name, value;
};

/* 0 or errno. */
static int set_ints(int fd, const struct int_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct int_option *option = &options[i];
        if (setsockopt(fd, option->level, option->name, &option->value, sizeof(option->value)) < 0)
            return errno;
    }
    return 0;
}

/* 0 bytes = the kernel's choice, which it adapts as long as nobody sets one. */
static int set_buffers(int fd, uint32_t receive_bytes, uint32_t send_bytes)
{
    struct int_option options[2];
    size_t count = 0;
    if (receive_bytes > 0)
        options[count++] = (struct int_option){SOL_SOCKET, SO_RCVBUF, (int)receive_bytes};
    if (send_bytes > 0)
        options[count++] = (struct int_option){SOL_SOCKET, SO_SNDBUF, (int)send_bytes};
    return set_ints(fd, options, count);
}

int leati_extra_options_apply(const struct leat_extra_options *options, int fd)
{
    const struct int_option reuse = {SOL_SOCKET, SO_REUSEADDR, options->reuse_address};
    int sys_errno = set_ints(fd, &reuse, 1);
    return sys_errno != 0
               ? sys_errno
               : set_buffers(fd, options->receive_buffer_size, options->send_buffer_size);
}

/* A linger time for the kernel would make close(2) wait for it, and the loop with it: the stream
 * counts the time. The kernel is only told to throw away. */
static int set_linger(int fd, const struct leat_socket_linger *socket_linger)
{
    struct linger linger = {.l_onoff = socket_linger->on && socket_linger->linger_ms == 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ? errno : 0;
}

int leati_tcp_extra_options_apply(const struct leat_tcp_extra_options *options, int fd)
{
    const struct int_option ints[] = {
        {SOL_SOCKET, SO_REUSEADDR, options->reuse_address},
        {SOL_SOCKET, SO_KEEPALIVE, options->keep_alive},
        {SOL_SOCKET, SO_OOBINLINE, options->oob_inline},
        {IPPROTO_TCP, TCP_NODELAY, options->tcp_no_delay},
    };
    int sys_errno = set_ints(fd, ints, sizeof(ints) / sizeof(ints[0]));
    if (sys_errno == 0)
        sys_errno = set_buffers(fd, options->receive_buffer_size, options->send_buffer_size);
    return sys_errno != 0 ? sys_errno : set_linger(fd, &options->socket_linger);
}

int leati_tcp_socket_open(const struct leat_tcp_extra_options *options, int family,
                          const struct leati_address *local)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int sys_errno = leati_tcp_extra_options_apply(options, fd);
    if (sys_errno == 0 && options->tcp_fast_open)
        leati_tcp_set_fast_open(fd);
    if (sys_errno == 0 && local->any.sa_family != AF_UNSPEC &&
        bind(fd, &local->any, leati_address_size(local)) < 0)
        sys_errno = errno;
    if (sys_errno == 0)
        return fd;
    close(fd);
    return -sys_errno;
}

int leati_local_open(const struct leat_extra_options *options)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int sys_errno = leati_extra_options_apply(options, fd);
    if (sys_errno == 0)
        return fd;
    close(fd);
    return -sys_errno;
}

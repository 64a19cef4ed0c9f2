/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/tcp_private.h"

#include "sockets/faces.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"
#include "util/known.h"

#include <errno.h>
#include <stdio.h>

static struct leat_tcp_socket *tcp_of(struct leati_stream_socket *s)
{
    return (struct leat_tcp_socket *)s;
}

/* ---- life -------------------------------------------------------------------------- */

void leati_tcp_socket_unbind(struct leati_stream_socket *s)
{
    tcp_of(s)->bound.any.sa_family = AF_UNSPEC;
}

void leati_tcp_socket_done(struct leati_stream_socket *s)
{
    leati_tls_setup_done(&tcp_of(s)->setup);
}

int leati_tcp_socket_new(leat_loop *loop, const struct leati_stream_face *face, void *user,
                         struct leat_tcp_socket **ret_tcp)
{
    struct leat_tcp_socket *tcp = leati_calloc(1, sizeof(*tcp));
    if (!tcp)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_stream_socket_init(&tcp->base, loop, face, user);
    tcp->options.size = sizeof(tcp->options);
    *ret_tcp = tcp;
    return LEAT_OK;
}

/* ---- what its faces need ----------------------------------------------------------- */

struct leat_remote_info leati_tcp_socket_remote_info(const struct leat_tcp_socket *tcp, size_t len)
{
    return (struct leat_remote_info){
        .address = tcp->remote.address,
        .family = leati_net_family_name(tcp->remote.family),
        .port = tcp->remote.port,
        .size = len,
    };
}

static void reuse_set(int fd, bool on)
{
    int value = on;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value));
}

void leati_tcp_socket_opened(struct leat_tcp_socket *tcp)
{
    const struct leati_stream *stream = &tcp->base.stream;
    if (tcp->bound.any.sa_family != AF_UNSPEC)
        reuse_set(leati_stream_fd(stream), tcp->options.reuse_address);
    /* Straight, the name has become an address. */
    if (!leati_stream_has_proxy(stream))
        (void)leati_net_address_of(leati_stream_fd(stream), getpeername, &tcp->remote);
}

int leat_tcp_socket_new(leat_loop *loop, const struct leat_tcp_socket_callbacks *callbacks,
                        void *user, leat_tcp_socket **ret_tcp)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_tcp)
        return LEAT_E_PARAMETER;
    leat_tcp_socket *tcp;
    int code = leati_tcp_socket_new(loop, &leati_tcp_face, user, &tcp);
    if (code != LEAT_OK)
        return code;
    leati_copy_known(&tcp->callbacks.tcp, sizeof(tcp->callbacks.tcp), callbacks, callbacks->size);
    *ret_tcp = tcp;
    return LEAT_OK;
}

/* ---- binding ----------------------------------------------------------------------- */

int leat_tcp_socket_bind(leat_tcp_socket *tcp, const char *address, uint16_t port)
{
    struct leati_address local;
    if (!tcp || !address)
        return LEAT_E_PARAMETER;
    if (tcp->base.fd >= 0 || leati_stream_socket_is_busy(&tcp->base))
        return leati_stream_socket_refuse_errno(&tcp->base, EINVAL,
                                                "it is bound or connected already");
    int code = leati_stream_socket_check_setter(&tcp->base);
    if (code != LEAT_OK)
        return code;
    int sys_errno = leati_address_read(address, port, &local);
    if (sys_errno == ENOENT)
        return leati_stream_socket_refuse(&tcp->base,
                                          "the local address is not an IPv4 or IPv6 literal");
    if (sys_errno != 0)
        return leati_stream_refuse(&tcp->base.stream, LEAT_E_SOCKET_BASE + sys_errno, sys_errno,
                                   "%s", leati_literal_reason(address, sys_errno).text);
    int fd = leati_tcp_socket_open(&tcp->options, local.any.sa_family, &local);
    if (fd < 0) {
        char hop[LEATI_ADDRESS_TEXT_SIZE];
        leati_address_format(&local, hop, sizeof(hop));
        return leati_stream_refuse(&tcp->base.stream, LEAT_E_SOCKET_BASE - fd, -fd,
                                   "cannot bind to %s: %s", hop,
                                   leati_address_reason(&local, -fd).text);
    }
    tcp->base.fd = fd;
    tcp->bound = local;
    return LEAT_OK;
}

/* The first address gets the bound descriptor. Others are dialled beside it or after it, from the
 * same port, which the program may have told somebody: their destinations differ. The kernel allows
 * that if all of them say SO_REUSEADDR. */
static int tcp_open(int family, void *user)
{
    struct leat_tcp_socket *tcp = user;
    int fd = tcp->base.fd;
    if (tcp->bound.any.sa_family == AF_UNSPEC)
        return leati_tcp_socket_open(&tcp->options, family, &tcp->bound);
    if (fd < 0) {
        struct leat_tcp_extra_options options = tcp->options;
        options.reuse_address = true;
        return leati_tcp_socket_open(&options, family, &tcp->bound);
    }
    /* The port that the kernel chose is the one to keep. */
    socklen_t size = sizeof(tcp->bound);
    tcp->base.fd = -1;
    (void)getsockname(fd, &tcp->bound.any, &size);
    reuse_set(fd, true);
    return fd;
}

/* ---- connecting, sending, closing -------------------------------------------------- */

int leat_tcp_socket_connect(leat_tcp_socket *tcp, const char *address, uint16_t port,
                            const leat_config *config)
{
    if (!tcp || !address)
        return LEAT_E_PARAMETER;
    if (leati_stream_socket_is_busy(&tcp->base))
        return leati_stream_socket_refuse_errno(&tcp->base, EISCONN,
                                                "it is connecting or connected already");
    int code = leati_stream_socket_check_setter(&tcp->base);
    if (code != LEAT_OK)
        return code;
    leati_failure_done(&tcp->base.stream.failure);
    tcp->opener = (struct leati_tcp_opener){.open = tcp_open, .user = tcp};
    const struct leati_route_socket target = {
        .host = address,
        .port = port,
        .family = tcp->bound.any.sa_family,
        .opener = &tcp->opener,
    };
    struct leati_route *route;
    code = leati_route_new_socket(&target, config, &tcp->base.stream.failure, &route);
    if (code != LEAT_OK)
        return code;
    if (tcp->has_tls)
        route->tls = &tcp->setup.options;
    leati_net_address_of_host(address, port, &tcp->remote);
    tcp->base.limits = leati_stream_limits_of(route->settings);
    tcp->base.limits.stall_timeout_ms = tcp->options.socket_timeout_ms;
    tcp->base.limits.linger = tcp->options.socket_linger;
    tcp->base.limits.has_nagle = !tcp->options.tcp_no_delay;
    return leati_stream_start(&tcp->base.stream, route, &route->settings->tracer,
                              &tcp->base.limits);
}

int leat_tcp_socket_send(leat_tcp_socket *tcp, const void *data, size_t len)
{
    return leati_stream_socket_send(tcp ? &tcp->base : NULL, data, len);
}

int leat_tcp_socket_close(leat_tcp_socket *tcp)
{
    return leati_stream_socket_close(tcp ? &tcp->base : NULL);
}

/* ---- asking ------------------------------------------------------------------------ */

static bool tcp_is_open(const struct leat_tcp_socket *tcp)
{
    return tcp->base.stream.state == LEATI_STREAM_OPEN;
}

void leat_tcp_socket_get_state(const leat_tcp_socket *tcp, struct leat_socket_state *ret_state)
{
    if (tcp && ret_state)
        *ret_state = leati_stream_socket_state(&tcp->base, tcp->base.fd >= 0);
}

int leat_tcp_socket_get_local_address(const leat_tcp_socket *tcp,
                                      struct leat_net_address *ret_address)
{
    if (!tcp || !ret_address)
        return LEAT_E_PARAMETER;
    int fd = leat_tcp_socket_get_socket_fd(tcp);
    if (fd < 0)
        return leati_stream_not_open(&tcp->base.stream);
    int sys_errno = leati_net_address_of(fd, getsockname, ret_address);
    return sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
}

int leat_tcp_socket_get_remote_address(const leat_tcp_socket *tcp,
                                       struct leat_net_address *ret_address)
{
    if (!tcp || !ret_address)
        return LEAT_E_PARAMETER;
    if (!tcp_is_open(tcp))
        return leati_stream_not_open(&tcp->base.stream);
    *ret_address = tcp->remote;
    return LEAT_OK;
}

int leat_tcp_socket_set_extra_options(leat_tcp_socket *tcp,
                                      const struct leat_tcp_extra_options *options)
{
    struct leat_tcp_extra_options checked;
    const char *reason;
    if (!tcp)
        return LEAT_E_PARAMETER;
    const char *setter =
        tcp->has_tls ? "leat_tls_socket_set_extra_options" : "leat_tcp_socket_set_extra_options";
    if (leati_tcp_extra_options_check(options, &reason, &checked) != LEAT_OK)
        return leati_stream_socket_refuse_setter(&tcp->base, setter, 0, reason);
    checked.reuse_address |= tcp->base.client.id != 0; /* as the server has set it */
    int fd = leat_tcp_socket_get_socket_fd(tcp);
    int sys_errno = fd >= 0 ? leati_tcp_extra_options_apply(&checked, fd) : 0;
    if (sys_errno != 0) {
        (void)leati_tcp_extra_options_apply(&tcp->options, fd);
        return leati_stream_socket_refuse_setter(&tcp->base, setter, sys_errno,
                                                 "cannot set the options");
    }
    tcp->base.refusal.setter = NULL;
    tcp->options = checked;
    tcp->base.limits.stall_timeout_ms = checked.socket_timeout_ms;
    tcp->base.limits.linger = checked.socket_linger;
    tcp->base.limits.has_nagle = !checked.tcp_no_delay;
    return LEAT_OK;
}

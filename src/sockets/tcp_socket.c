/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/tcp_private.h"

#include "core/failure.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct leati_stream_owner tcp_stream_owner;

/* ---- life -------------------------------------------------------------------------- */

static void tcp_unbind(struct leat_tcp_socket *tcp)
{
    if (tcp->bound_fd >= 0)
        close(tcp->bound_fd);
    tcp->bound_fd = -1;
    tcp->bound.any.sa_family = AF_UNSPEC;
}

struct leat_tcp_socket *leati_tcp_socket_alloc(leat_loop *loop,
                                               const struct leati_stream_owner *owner)
{
    struct leat_tcp_socket *tcp = leati_calloc(1, sizeof(*tcp));
    if (!tcp)
        return NULL;
    leati_stream_init(&tcp->stream, loop, owner, tcp);
    tcp->options.size = sizeof(tcp->options);
    tcp->bound_fd = -1;
    return tcp;
}

void leati_tcp_socket_dispose(struct leat_tcp_socket *tcp)
{
    tcp->callbacks = (struct leat_tcp_socket_callbacks){0};
    tcp->server = NULL;
    tcp_unbind(tcp);
    if (leati_stream_release(&tcp->stream))
        leati_free(tcp);
}

void leati_tcp_socket_left(struct leati_stream *stream, void *user)
{
    (void)stream;
    leati_free(user);
}

int leat_tcp_socket_new(leat_loop *loop, const struct leat_tcp_socket_callbacks *callbacks,
                        void *user, leat_tcp_socket **ret_tcp)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_tcp)
        return LEAT_E_PARAMETER;
    leat_tcp_socket *tcp = leati_tcp_socket_alloc(loop, &tcp_stream_owner);
    if (!tcp)
        return LEAT_E_SYSTEM_INTERNAL;
    size_t known = sizeof(tcp->callbacks);
    memcpy(&tcp->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    tcp->user = user;
    *ret_tcp = tcp;
    return LEAT_OK;
}

void leat_tcp_socket_free(leat_tcp_socket *tcp)
{
    if (!tcp)
        return;
    if (tcp->server)
        leati_stream_abort(&tcp->stream);
    else
        leati_tcp_socket_dispose(tcp);
}

/* ---- refusing ---------------------------------------------------------------------- */

static int tcp_refuse_errno(struct leat_tcp_socket *tcp, int sys_errno, const char *what)
{
    char reason[128];
    char text[256];
    leati_errno_format(sys_errno, reason, sizeof(reason));
    leati_readable_format(text, sizeof(text), "%s: %s", what, reason);
    return leati_stream_refuse(&tcp->stream, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, text);
}

static int tcp_refuse_parameter(struct leat_tcp_socket *tcp, const char *text)
{
    return leati_stream_refuse(&tcp->stream, LEAT_E_PARAMETER, 0, text);
}

/* ---- binding ----------------------------------------------------------------------- */

int leat_tcp_socket_bind(leat_tcp_socket *tcp, const char *address, uint16_t port)
{
    struct leati_address local;
    char text[256];
    if (!tcp || !address)
        return LEAT_E_PARAMETER;
    if (tcp->bound_fd >= 0 || leati_stream_is_running(&tcp->stream) || tcp->server)
        return tcp_refuse_errno(tcp, EINVAL, "it is bound or connected already");
    int sys_errno = leati_address_read(address, port, &local);
    if (sys_errno == ENOENT)
        return tcp_refuse_parameter(tcp, "the local address is not an IPv4 or IPv6 literal");
    if (sys_errno != 0) {
        leati_address_fault_format(address, sys_errno, text, sizeof(text));
        return leati_stream_refuse(&tcp->stream, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, text);
    }
    int fd = leati_tcp_socket_open(&tcp->options, local.any.sa_family, &local);
    if (fd < 0) {
        char hop[LEATI_ADDRESS_TEXT_SIZE], reason[128];
        leati_address_format(&local, hop, sizeof(hop));
        leati_address_errno_format(&local, -fd, reason, sizeof(reason));
        snprintf(text, sizeof(text), "cannot bind to %s: %s", hop, reason);
        return leati_stream_refuse(&tcp->stream, LEAT_E_SOCKET_BASE - fd, -fd, text);
    }
    tcp->bound_fd = fd;
    tcp->bound = local;
    return LEAT_OK;
}

static void reuse_set(int fd, bool on)
{
    int value = on;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value));
}

/* The first address gets the bound descriptor. Others are dialled beside it or after it, from the
 * same port, which the program may have told somebody: their destinations differ. The kernel allows
 * that if all of them say SO_REUSEADDR. */
static int tcp_open(int family, void *user)
{
    struct leat_tcp_socket *tcp = user;
    int fd = tcp->bound_fd;
    if (tcp->bound.any.sa_family == AF_UNSPEC)
        return leati_tcp_socket_open(&tcp->options, family, &tcp->bound);
    if (fd < 0) {
        struct leat_tcp_extra_options options = tcp->options;
        options.reuse_address = true;
        return leati_tcp_socket_open(&options, family, &tcp->bound);
    }
    /* The port that the kernel chose is the one to keep. */
    socklen_t size = sizeof(tcp->bound);
    tcp->bound_fd = -1;
    (void)getsockname(fd, &tcp->bound.any, &size);
    reuse_set(fd, true);
    return fd;
}

/* ---- connecting, sending, closing -------------------------------------------------- */

void leati_tcp_socket_limits(const struct leati_settings *settings,
                             const struct leat_tcp_extra_options *options,
                             struct leati_stream_limits *ret_limits)
{
    *ret_limits = (struct leati_stream_limits){
        .queue_bytes = settings->send_queue_limit_bytes,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE],
        .stall_timeout_ms = options->socket_timeout_ms,
        .linger = options->socket_linger,
    };
}

static void tcp_note_remote(struct leat_tcp_socket *tcp, const char *address, uint16_t port)
{
    struct leati_address literal;
    if (leati_address_parse(address, port, &literal)) {
        leati_net_address_from(&literal, &tcp->remote);
        return;
    }
    tcp->remote = (struct leat_net_address){.family = LEAT_ADDRESS_DOMAIN, .port = port};
    snprintf(tcp->remote.address, sizeof(tcp->remote.address), "%s", address);
}

int leat_tcp_socket_connect(leat_tcp_socket *tcp, const char *address, uint16_t port,
                            const leat_config *config)
{
    if (!tcp || !address)
        return LEAT_E_PARAMETER;
    if (leati_stream_is_running(&tcp->stream) || tcp->in_error || tcp->server)
        return tcp_refuse_errno(tcp, EISCONN, "it is connecting or connected already");
    leati_failure_done(&tcp->stream.failure);
    tcp->opener = (struct leati_tcp_opener){.open = tcp_open, .user = tcp};
    const struct leati_route_socket target = {
        .host = address,
        .port = port,
        .family = tcp->bound.any.sa_family,
        .opener = &tcp->opener,
    };
    struct leati_route *route;
    struct leati_stream_limits limits;
    int code = leati_route_new_socket(&target, config, &tcp->stream.failure, &route);
    if (code != LEAT_OK)
        return code;
    route->tls = tcp->tls;
    tcp_note_remote(tcp, address, port);
    leati_tcp_socket_limits(route->settings, &tcp->options, &limits);
    return leati_stream_start(&tcp->stream, route, &route->settings->tracer, &limits);
}

int leat_tcp_socket_send(leat_tcp_socket *tcp, const void *data, size_t len)
{
    if (!tcp || (!data && len > 0))
        return LEAT_E_PARAMETER;
    return leati_stream_send(&tcp->stream, data, len);
}

int leat_tcp_socket_close(leat_tcp_socket *tcp)
{
    if (!tcp)
        return LEAT_E_PARAMETER;
    if (tcp->bound_fd < 0 || leati_stream_is_running(&tcp->stream))
        return leati_stream_close(&tcp->stream);
    tcp_unbind(tcp);
    tcp->stream.state = LEATI_STREAM_CLOSED;
    return LEAT_OK;
}

void leat_tcp_socket_pause(leat_tcp_socket *tcp)
{
    if (tcp)
        leati_stream_pause(&tcp->stream);
}

void leat_tcp_socket_resume(leat_tcp_socket *tcp)
{
    if (tcp)
        leati_stream_resume(&tcp->stream);
}

/* ---- what the stream calls --------------------------------------------------------- */

void leati_tcp_socket_remote_info(const struct leat_tcp_socket *tcp, size_t len,
                                  struct leat_remote_info *ret_info)
{
    *ret_info = (struct leat_remote_info){
        .address = tcp->remote.address,
        .family = leati_net_family_name(tcp->remote.family),
        .port = tcp->remote.port,
        .size = len,
    };
}

static void tcp_opened(struct leati_stream *stream, void *user)
{
    struct leat_tcp_socket *tcp = user;
    if (tcp->bound.any.sa_family != AF_UNSPEC)
        reuse_set(leati_stream_fd(stream), tcp->options.reuse_address);
    /* Straight, the name has become an address. */
    if (!leati_stream_has_proxy(stream))
        (void)leati_net_address_of(leati_stream_fd(stream), getpeername, &tcp->remote);
    if (tcp->callbacks.connected)
        tcp->callbacks.connected(tcp, tcp->user);
}

static void tcp_received(struct leati_stream *stream, const uint8_t *data, size_t len, void *user)
{
    struct leat_tcp_socket *tcp = user;
    struct leat_remote_info info;
    (void)stream;
    if (!tcp->callbacks.message)
        return;
    leati_tcp_socket_remote_info(tcp, len, &info);
    tcp->callbacks.message(tcp, data, len, &info, tcp->user);
}

static void tcp_writable(struct leati_stream *stream, void *user)
{
    struct leat_tcp_socket *tcp = user;
    (void)stream;
    if (tcp->callbacks.writable)
        tcp->callbacks.writable(tcp, tcp->user);
}

/* Between `error` and `closed` the object may be freed, but not connect again. */
static void tcp_ended(struct leati_stream *stream, void *user)
{
    struct leat_tcp_socket *tcp = user;
    struct leat_error error;
    tcp_unbind(tcp);
    leati_failure_get(&stream->failure, &error);
    if (error.code != LEAT_OK && tcp->callbacks.error) {
        tcp->in_error = true;
        tcp->callbacks.error(tcp, &error, tcp->user);
        tcp->in_error = false;
    }
    if (tcp->callbacks.closed)
        tcp->callbacks.closed(tcp, tcp->user);
}

static const struct leati_stream_owner tcp_stream_owner = {
    .opened = tcp_opened,
    .received = tcp_received,
    .writable = tcp_writable,
    .ended = tcp_ended,
    .left = leati_tcp_socket_left,
};

/* ---- asking ------------------------------------------------------------------------ */

static bool tcp_is_open(const struct leat_tcp_socket *tcp)
{
    return tcp->stream.state == LEATI_STREAM_OPEN;
}

int leat_tcp_socket_get_socket_fd(const leat_tcp_socket *tcp)
{
    if (!tcp)
        return -1;
    return tcp->bound_fd >= 0 ? tcp->bound_fd : leati_stream_fd(&tcp->stream);
}

void leat_tcp_socket_get_state(const leat_tcp_socket *tcp, struct leat_socket_state *ret_state)
{
    if (!tcp || !ret_state)
        return;
    bool connecting = tcp->stream.state == LEATI_STREAM_CONNECTING;
    *ret_state = (struct leat_socket_state){
        .is_bound = tcp->bound_fd >= 0 || tcp_is_open(tcp),
        .is_connected = tcp_is_open(tcp),
        .is_close = tcp->bound_fd < 0 && !connecting && !tcp_is_open(tcp),
    };
}

int leat_tcp_socket_get_local_address(const leat_tcp_socket *tcp,
                                      struct leat_net_address *ret_address)
{
    if (!tcp || !ret_address)
        return LEAT_E_PARAMETER;
    int fd = leat_tcp_socket_get_socket_fd(tcp);
    if (fd < 0)
        return leati_stream_not_open(&tcp->stream);
    int sys_errno = leati_net_address_of(fd, getsockname, ret_address);
    return sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
}

int leat_tcp_socket_get_remote_address(const leat_tcp_socket *tcp,
                                       struct leat_net_address *ret_address)
{
    if (!tcp || !ret_address)
        return LEAT_E_PARAMETER;
    if (!tcp_is_open(tcp))
        return leati_stream_not_open(&tcp->stream);
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
    if (leati_tcp_extra_options_check(options, &reason, &checked) != LEAT_OK)
        return tcp_refuse_parameter(tcp, reason);
    checked.reuse_address |= tcp->connection.id != 0; /* as the server has set it */
    int fd = leat_tcp_socket_get_socket_fd(tcp);
    int sys_errno = fd >= 0 ? leati_tcp_extra_options_apply(&checked, fd) : 0;
    if (sys_errno != 0) {
        (void)leati_tcp_extra_options_apply(&tcp->options, fd);
        return tcp_refuse_errno(tcp, sys_errno, "cannot set the options");
    }
    tcp->options = checked;
    tcp->stream.limits.stall_timeout_ms = checked.socket_timeout_ms;
    tcp->stream.limits.linger = checked.socket_linger;
    return LEAT_OK;
}

void leat_tcp_socket_get_extra_options(const leat_tcp_socket *tcp,
                                       struct leat_tcp_extra_options *ret_options)
{
    if (tcp && ret_options)
        *ret_options = tcp->options;
}

size_t leat_tcp_socket_buffered_bytes(const leat_tcp_socket *tcp)
{
    return tcp ? tcp->stream.out.len : 0;
}

void leat_tcp_socket_get_error(const leat_tcp_socket *tcp, struct leat_error *ret_error)
{
    if (tcp && ret_error)
        leati_failure_get(&tcp->stream.failure, ret_error);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a UDP socket, and what it tells about itself. */
#include "sockets/udp_private.h"

#include "config/settings.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"
#include "util/known.h"
#include "util/readable.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define FLUSHES_PER_LEAVE 4

/* ---- being called back ------------------------------------------------------------------- */

static void udp_destroy(struct leat_udp_socket *udp)
{
    leati_failure_done(&udp->failure);
    leati_free(udp);
}

void leati_udp_enter(struct leat_udp_socket *udp)
{
    udp->depth++;
}

/* Told of a failure the program may send again, and so on: that is for other rounds. */
static void flush_at_leave(struct leat_udp_socket *udp)
{
    for (int i = 0; i < FLUSHES_PER_LEAVE && udp->flush_due && leati_udp_may_read(udp); i++)
        leati_udp_flush(udp);
    if (udp->flush_due && leati_udp_may_read(udp))
        leati_udp_queue_watch(udp);
    udp->flush_due = false;
}

bool leati_udp_leave(struct leat_udp_socket *udp)
{
    if (udp->depth == 1 && udp->flush_due)
        flush_at_leave(udp);
    udp->depth--;
    if (!udp->freed)
        return true;
    if (udp->depth == 0)
        udp_destroy(udp);
    return false;
}

static void udp_on_task(struct leati_task *task, void *user)
{
    struct leat_udp_socket *udp = user;
    (void)task;
    leati_udp_enter(udp);
    if (udp->state == LEATI_UDP_OPEN && udp->callbacks.listening) {
        udp->callbacks.listening(udp, udp->user);
    } else if (udp->state == LEATI_UDP_CLOSING) {
        leati_udp_set_state(udp, LEATI_UDP_CLOSED);
        if (udp->callbacks.closed)
            udp->callbacks.closed(udp, udp->user);
    }
    leati_udp_leave(udp);
}

static void udp_on_io(struct leati_io *io, unsigned events, void *user)
{
    struct leat_udp_socket *udp = user;
    (void)io;
    leati_udp_enter(udp);
    if (events & LEATI_IO_HANGUP)
        leati_udp_receive_errors(udp);
    if (leati_udp_is_bound(udp) && (events & LEATI_IO_READ))
        leati_udp_receive(udp);
    if (leati_udp_is_bound(udp) && (events & LEATI_IO_WRITE))
        leati_udp_flush(udp);
    leati_udp_leave(udp);
}

/* ---- failures ---------------------------------------------------------------------------- */

int leati_udp_refuse(struct leat_udp_socket *udp, const struct leati_fault *fault,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = leati_failure_replacev(&udp->failure, fault, format, args);
    va_end(args);
    return code;
}

int leati_udp_refuse_errno(struct leat_udp_socket *udp, int sys_errno, const char *what)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_UDP, sys_errno, NULL);
    return leati_udp_refuse(udp, &fault, "%s: %s", what, leati_errno_reason(sys_errno).text);
}

int leati_udp_refuse_literal(struct leat_udp_socket *udp, const char *literal, int sys_errno)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_UDP, sys_errno, NULL);
    return leati_udp_refuse(udp, &fault, "%s", leati_literal_reason(literal, sys_errno).text);
}

int leati_udp_refuse_address(struct leat_udp_socket *udp, const struct leati_address *address,
                             int sys_errno, const char *what)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_UDP, sys_errno, NULL);
    char hop[LEATI_ADDRESS_TEXT_SIZE];
    leati_address_format(address, hop, sizeof(hop));
    return leati_udp_refuse(udp, &fault, "%s %s: %s", what, hop,
                            leati_address_reason(address, sys_errno).text);
}

int leati_udp_no_memory(struct leat_udp_socket *udp)
{
    const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_UDP};
    return leati_udp_refuse(udp, &fault, "out of memory");
}

void leati_udp_report(struct leat_udp_socket *udp, const struct leati_fault *fault,
                      const char *format, ...)
{
    struct leat_error error = {
        .code = fault->code,
        .layer = fault->layer,
        .sys_errno = fault->sys_errno,
        .native_code = fault->native_code,
    };
    va_list args;
    if (!udp->callbacks.error)
        return;
    va_start(args, format);
    leati_readable_vformat(error.text, sizeof(error.text), format, args);
    va_end(args);
    leati_readable_format(error.hop, sizeof(error.hop), "%s", fault->hop ? fault->hop : "");
    udp->callbacks.error(udp, &error, udp->user);
}

/* ---- opening and closing ----------------------------------------------------------------- */

static const char *state_name(enum leati_udp_state state)
{
    static const char *const names[] = {
        [LEATI_UDP_CLOSED] = "CLOSED",
        [LEATI_UDP_ASSOCIATING] = "ASSOCIATING",
        [LEATI_UDP_OPEN] = "OPEN",
        [LEATI_UDP_CLOSING] = "CLOSING",
    };
    return names[state];
}

void leati_udp_set_state(struct leat_udp_socket *udp, enum leati_udp_state state)
{
    leati_trace_state(&udp->tracer, LEAT_LAYER_UDP, "udp", "", state_name(udp->state),
                      state_name(state));
    udp->state = state;
}

bool leati_udp_may_read(const struct leat_udp_socket *udp)
{
    return leati_udp_is_bound(udp) && !leati_loop_is_inherited(udp->loop);
}

bool leati_udp_is_bound(const struct leat_udp_socket *udp)
{
    return udp->fd >= 0;
}

int leat_udp_socket_new(leat_loop *loop, const struct leat_udp_socket_callbacks *callbacks,
                        void *user, leat_udp_socket **ret_udp)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_udp)
        return LEAT_E_PARAMETER;
    leat_udp_socket *udp = leati_calloc(1, sizeof(*udp));
    if (!udp)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_copy_known(&udp->callbacks, sizeof(udp->callbacks), callbacks, callbacks->size);
    udp->loop = loop;
    udp->user = user;
    udp->fd = -1;
    leati_udp_options_init(&udp->options);
    leati_failure_init(&udp->failure);
    leati_task_init(&udp->events, loop, udp_on_task, udp);
    leati_timer_init(&udp->timer, loop, leati_udp_timer_fired, udp);
    *ret_udp = udp;
    return LEAT_OK;
}

int leat_udp_socket_set_callbacks(leat_udp_socket *udp,
                                  const struct leat_udp_socket_callbacks *callbacks, void *user)
{
    if (!udp || udp->freed)
        return LEAT_E_PARAMETER;
    if (!leati_replace_known(&udp->callbacks, sizeof(udp->callbacks), callbacks))
        return LEAT_E_PARAMETER;
    udp->user = user;
    return LEAT_OK;
}

static void udp_release(struct leat_udp_socket *udp)
{
    leati_udp_send_last(udp);
    leati_udp_drop_waiting(udp);
    leati_timer_stop(&udp->timer);
    leati_task_cancel(&udp->events);
    if (udp->association)
        leati_udp_association_release(udp->association);
    udp->association = NULL;
    if (udp->fd >= 0) {
        leati_io_done(&udp->io);
        close(udp->fd);
    }
    udp->fd = -1;
    udp->send_refused = false;
    leati_settings_unref(udp->settings);
    udp->settings = NULL;
}

void leati_udp_close(struct leat_udp_socket *udp)
{
    udp_release(udp);
    if (udp->state != LEATI_UDP_CLOSED)
        leati_udp_set_state(udp, LEATI_UDP_CLOSED);
}

void leati_udp_end(struct leat_udp_socket *udp)
{
    udp_release(udp);
    leati_udp_set_state(udp, LEATI_UDP_CLOSING);
    leati_task_schedule(&udp->events);
}

void leat_udp_socket_free(leat_udp_socket *udp)
{
    if (!udp || udp->freed)
        return;
    udp->callbacks = (struct leat_udp_socket_callbacks){0};
    leati_udp_close(udp);
    if (udp->depth == 0)
        udp_destroy(udp);
    else
        udp->freed = true;
}

/* ---- bind -------------------------------------------------------------------------------- */

static int udp_take_settings(struct leat_udp_socket *udp, const leat_config *config)
{
    leati_failure_done(&udp->failure);
    int code = leati_settings_of(config, &udp->failure, &udp->settings);
    if (code != LEAT_OK)
        return code;
    udp->tracer = udp->settings->tracer;
    return LEAT_OK;
}

static int udp_open_descriptor(struct leat_udp_socket *udp, const struct leati_address *local,
                               bool reuse)
{
    udp->family = local->any.sa_family;
    udp->fd = socket(udp->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd < 0)
        return leati_udp_refuse_errno(udp, errno, "making a UDP socket");
    leati_io_init(&udp->io, udp->loop, udp->fd, udp_on_io, udp);
    int code = leati_udp_options_apply(udp, reuse);
    if (code != LEAT_OK)
        return code;
    const char *interface = udp->settings->dial.interface;
    if (interface && setsockopt(udp->fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
                                (socklen_t)strlen(interface) + 1) < 0)
        return leati_udp_refuse_errno(udp, errno, "binding to the network interface");
    int sys_errno = leati_descriptor_prepare(&udp->settings->descriptor, udp->fd, local, false);
    if (sys_errno != 0)
        return leati_udp_refuse_errno(udp, sys_errno, "preparing the descriptor");
    if (bind(udp->fd, &local->any, leati_address_size(local)) < 0)
        return leati_udp_refuse_address(udp, local, errno, "binding");
    code = leati_io_set(&udp->io, LEATI_IO_READ);
    return code == LEAT_OK ? LEAT_OK
                           : leati_udp_refuse_errno(udp, code - LEAT_E_SOCKET_BASE, "watching");
}

int leati_udp_open(struct leat_udp_socket *udp, const struct leati_address *local, bool reuse,
                   const leat_config *config)
{
    udp->drops = (struct leat_udp_drops){0};
    udp->from.address.any.sa_family = udp->to.address.any.sa_family = AF_UNSPEC;
    udp->proven.any.sa_family = AF_UNSPEC;
    udp->receives_long = false;
    udp->cutting = LEATI_UDP_CUTTING_UNKNOWN;
    int code = leati_udp_check_setters(udp);
    if (code == LEAT_OK)
        code = udp_take_settings(udp, config);
    bool has_proxy =
        code == LEAT_OK && (udp->settings->proxy_count > 0 || udp->settings->system_proxy);
    if (code == LEAT_OK)
        code = udp_open_descriptor(udp, local, reuse);
    if (code == LEAT_OK && has_proxy)
        code = leati_udp_associate(udp);
    if (code != LEAT_OK) {
        leati_udp_close(udp);
        return code;
    }
    leati_udp_set_state(udp, has_proxy ? LEATI_UDP_ASSOCIATING : LEATI_UDP_OPEN);
    if (!has_proxy)
        leati_task_schedule(&udp->events);
    return LEAT_OK;
}

int leat_udp_socket_bind(leat_udp_socket *udp, const char *address, uint16_t port,
                         const leat_config *config)
{
    struct leati_address local;
    if (!udp || udp->freed)
        return LEAT_E_PARAMETER;
    if (udp->state != LEATI_UDP_CLOSED)
        return leati_udp_refuse_errno(udp, EINVAL,
                                      udp->state == LEATI_UDP_CLOSING
                                          ? "bind before the closed event"
                                          : "bind of a socket that is bound");
    int sys_errno = address ? leati_address_read(address, port, &local) : ENOENT;
    if (sys_errno == ENOENT)
        return leati_udp_refuse(
            udp, &(struct leati_fault){.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_UDP},
            "\"%s\" is not an IPv4 or IPv6 address to bind to", address ? address : "");
    if (sys_errno != 0)
        return leati_udp_refuse_literal(udp, address, sys_errno);
    leati_failure_done(&udp->failure);
    return leati_udp_open(udp, &local, udp->options.extra.reuse_address, config);
}

int leat_udp_socket_close(leat_udp_socket *udp)
{
    if (!udp || udp->freed)
        return LEAT_E_PARAMETER;
    if (!leati_udp_is_bound(udp))
        return leati_udp_refuse_errno(udp, EBADF, "close of a socket that is not bound");
    leati_udp_end(udp);
    return LEAT_OK;
}

/* ---- what it tells about itself ---------------------------------------------------------- */

void leat_udp_socket_get_state(const leat_udp_socket *udp, struct leat_socket_state *ret_state)
{
    if (udp && ret_state)
        *ret_state = (struct leat_socket_state){
            .is_bound = leati_udp_is_bound(udp),
            .is_close = !leati_udp_is_bound(udp),
        };
}

int leat_udp_socket_get_socket_fd(const leat_udp_socket *udp)
{
    return udp ? udp->fd : -1;
}

int leat_udp_socket_get_local_address(const leat_udp_socket *udp,
                                      struct leat_net_address *ret_address)
{
    if (!udp || !ret_address)
        return LEAT_E_PARAMETER;
    int sys_errno = leati_net_address_of(udp->fd, getsockname, ret_address);
    return sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
}

void leat_udp_socket_get_error(const leat_udp_socket *udp, struct leat_error *ret_error)
{
    if (udp && ret_error)
        leati_failure_get(&udp->failure, ret_error);
}

size_t leat_udp_socket_get_buffered_bytes(const leat_udp_socket *udp)
{
    return udp ? udp->buffered_bytes : 0;
}

void leat_udp_socket_get_drops(const leat_udp_socket *udp, struct leat_udp_drops *ret_drops)
{
    if (udp && ret_drops)
        *ret_drops = udp->drops;
}

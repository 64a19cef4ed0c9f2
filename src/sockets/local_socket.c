/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/local_private.h"

#include "config/settings.h"
#include "sockets/faces.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"
#include "util/known.h"
#include "util/readable.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void local_on_retry(struct leati_timer *timer, void *user);

static struct leat_local_socket *local_of(struct leati_stream_socket *s)
{
    return (struct leat_local_socket *)s;
}

/* ---- life -------------------------------------------------------------------------- */

void leati_local_socket_unbind(struct leati_stream_socket *s)
{
    struct leat_local_socket *local = local_of(s);
    leati_timer_stop(&local->retry);
    leati_local_file_remove(&local->file);
}

int leati_local_socket_new(leat_loop *loop, const struct leati_stream_face *face, void *user,
                           struct leat_local_socket **ret_local)
{
    struct leat_local_socket *local = leati_calloc(1, sizeof(*local));
    if (!local)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_stream_socket_init(&local->base, loop, face, user);
    leati_timer_init(&local->retry, loop, local_on_retry, local);
    local->options.size = sizeof(local->options);
    *ret_local = local;
    return LEAT_OK;
}

int leat_local_socket_new(leat_loop *loop, const struct leat_local_socket_callbacks *callbacks,
                          void *user, leat_local_socket **ret_local)
{
    leat_local_socket *local;
    if (!loop || !callbacks || callbacks->size == 0 || !ret_local)
        return LEAT_E_PARAMETER;
    int code = leati_local_socket_new(loop, &leati_local_face, user, &local);
    if (code != LEAT_OK)
        return code;
    leati_copy_known(&local->callbacks, sizeof(local->callbacks), callbacks, callbacks->size);
    *ret_local = local;
    return LEAT_OK;
}

/* ---- refusing ---------------------------------------------------------------------- */

static int local_refuse_path(struct leat_local_socket *local, int sys_errno, const char *what,
                             const char *address)
{
    char text[256];
    leati_readable_format(text, sizeof(text), "%s %s", what, address);
    return leati_stream_socket_refuse_errno(&local->base, sys_errno, text);
}

static int local_parse(struct leat_local_socket *local, const char *text,
                       struct leati_local_address *ret_address)
{
    int code = leati_local_address_parse(text, ret_address);
    if (code == LEAT_E_PARAMETER)
        return leati_stream_socket_refuse(&local->base, "the address is empty");
    return code == LEAT_OK ? LEAT_OK : local_refuse_path(local, ENAMETOOLONG, "the address", text);
}

/* ---- binding and connecting -------------------------------------------------------- */

static bool local_is_connecting(const struct leat_local_socket *local)
{
    return local->base.stream.state == LEATI_STREAM_CONNECTING;
}

int leat_local_socket_bind(leat_local_socket *local, const char *address)
{
    struct leati_local_address parsed;
    if (!local)
        return LEAT_E_PARAMETER;
    if (local->base.fd >= 0 || leati_stream_socket_is_busy(&local->base))
        return leati_stream_socket_refuse_errno(&local->base, EINVAL,
                                                "it is bound or connected already");
    int code = leati_stream_socket_check_setter(&local->base);
    if (code == LEAT_OK)
        code = local_parse(local, address, &parsed);
    if (code != LEAT_OK)
        return code;
    int fd = leati_local_open(&local->options);
    if (fd < 0)
        return leati_stream_socket_refuse_errno(&local->base, -fd, "cannot make a socket");
    int sys_errno = leati_local_bind(fd, &parsed, &local->file);
    if (sys_errno != 0) {
        close(fd);
        return local_refuse_path(local, sys_errno, "cannot bind to", address);
    }
    local->base.fd = fd;
    return LEAT_OK;
}

void leati_local_socket_take_settings(struct leat_local_socket *local,
                                      const struct leati_settings *settings)
{
    local->limits = leati_stream_limits_of(settings);
    local->limits.stall_timeout_ms = local->options.socket_timeout_ms;
    local->tracer = settings->tracer;
}

static int local_take_config(struct leat_local_socket *local, const leat_config *config)
{
    const struct leati_settings *settings;
    leati_failure_done(&local->base.stream.failure);
    int code = leati_settings_of(config, &local->base.stream.failure, &settings);
    if (code != LEAT_OK)
        return code;
    leati_local_socket_take_settings(local, settings);
    leati_settings_unref(settings);
    return LEAT_OK;
}

int leati_local_socket_start(struct leat_local_socket *local, int fd)
{
    const struct leati_address remote = {.any.sa_family = AF_UNIX};
    struct leati_route *route;
    int code = leati_route_new_stream(fd, &remote, local->address, &route);
    if (code != LEAT_OK)
        return leati_stream_refuse(&local->base.stream, code, 0, "out of memory");
    local->base.limits = local->limits;
    return leati_stream_start(&local->base.stream, route, &local->tracer, &local->base.limits);
}

/* connect(2) on the descriptor at hand. 0: the stream has started or failed to, `*ret_code` tells;
 * else errno, and the descriptor is where it was. */
static int local_dial(struct leat_local_socket *local, int *ret_code)
{
    int fd = local->base.fd;
    if (connect(fd, (const struct sockaddr *)&local->peer.un, local->peer.size) < 0)
        return errno;
    local->base.fd = -1;
    *ret_code = leati_local_socket_start(local, fd);
    return 0;
}

static int local_wait_for_room(struct leat_local_socket *local)
{
    uint64_t now_ms = leati_clock_ms();
    uint32_t timeout_ms = local->limits.connect_timeout_ms;
    local->deadline_ms = timeout_ms ? now_ms + timeout_ms : 0;
    local->cancelled = false;
    if (leati_timer_set(&local->retry, now_ms + LEATI_LOCAL_RETRY_MS) != LEAT_OK)
        return leati_stream_refuse(&local->base.stream, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    local->base.stream.state = LEATI_STREAM_CONNECTING;
    return LEAT_OK;
}

/* From dispatch: success leads on, everything else ends it. */
static void local_on_retry(struct leati_timer *timer, void *user)
{
    struct leat_local_socket *local = user;
    uint64_t now_ms = leati_clock_ms();
    int code = LEAT_OK;
    int sys_errno = local->cancelled ? 0 : local_dial(local, &code);
    if (sys_errno == 0 && code == LEAT_OK && !local->cancelled)
        return;
    if (sys_errno == EAGAIN && (local->deadline_ms == 0 || now_ms < local->deadline_ms) &&
        leati_timer_set(timer, now_ms + LEATI_LOCAL_RETRY_MS) == LEAT_OK)
        return;
    if (sys_errno != 0)
        local_refuse_path(local, sys_errno == EAGAIN ? ETIMEDOUT : sys_errno, "cannot connect to",
                          local->address);
    leati_stream_give_up(&local->base.stream);
}

int leat_local_socket_connect(leat_local_socket *local, const char *address,
                              const leat_config *config)
{
    if (!local)
        return LEAT_E_PARAMETER;
    if (leati_stream_socket_is_busy(&local->base))
        return leati_stream_socket_refuse_errno(&local->base, EISCONN,
                                                "it is connecting or connected already");
    int code = leati_stream_socket_check_setter(&local->base);
    if (code == LEAT_OK)
        code = local_parse(local, address, &local->peer);
    if (code == LEAT_OK)
        code = local_take_config(local, config);
    if (code != LEAT_OK)
        return code;
    bool is_bound = local->base.fd >= 0;
    if (!is_bound)
        local->base.fd = leati_local_open(&local->options);
    if (local->base.fd < 0) {
        int sys_errno = -local->base.fd;
        local->base.fd = -1;
        return leati_stream_socket_refuse_errno(&local->base, sys_errno, "cannot make a socket");
    }
    leati_failure_done(&local->base.stream.failure);
    snprintf(local->address, sizeof(local->address), "%s", address);
    int sys_errno = local_dial(local, &code);
    if (sys_errno == EAGAIN)
        code = local_wait_for_room(local);
    else if (sys_errno != 0)
        code = local_refuse_path(local, sys_errno, "cannot connect to", address);
    if (code != LEAT_OK && !is_bound)
        leati_stream_socket_unbind(&local->base);
    return code;
}

/* ---- sending, closing -------------------------------------------------------------- */

int leat_local_socket_send(leat_local_socket *local, const void *data, size_t len)
{
    return leati_stream_socket_send(local ? &local->base : NULL, data, len);
}

int leat_local_socket_close(leat_local_socket *local)
{
    if (!local)
        return LEAT_E_PARAMETER;
    if (!local_is_connecting(local) || leati_stream_is_running(&local->base.stream))
        return leati_stream_socket_close(&local->base);
    local->cancelled = true;
    /* It is running: moving it needs no memory. */
    (void)leati_timer_set(&local->retry, leati_clock_ms());
    return LEAT_OK;
}

/* ---- asking ------------------------------------------------------------------------ */

void leat_local_socket_get_state(const leat_local_socket *local,
                                 struct leat_socket_state *ret_state)
{
    if (!local || !ret_state)
        return;
    bool is_bound =
        local->file.path[0] != '\0' || (local->base.fd >= 0 && !local_is_connecting(local));
    *ret_state = leati_stream_socket_state(&local->base, is_bound);
}

int leat_local_socket_get_local_address(const leat_local_socket *local,
                                        char ret_address[LEAT_LOCAL_ADDRESS_SIZE])
{
    if (!local || !ret_address)
        return LEAT_E_PARAMETER;
    int fd = leat_local_socket_get_socket_fd(local);
    if (fd < 0)
        return leati_stream_not_open(&local->base.stream);
    int sys_errno = leati_local_address_of(fd, ret_address, LEAT_LOCAL_ADDRESS_SIZE);
    return sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
}

int leat_local_socket_set_extra_options(leat_local_socket *local,
                                        const struct leat_extra_options *options)
{
    struct leat_extra_options checked;
    const char *reason;
    if (!local)
        return LEAT_E_PARAMETER;
    if (leati_extra_options_check(options, &reason, &checked) != LEAT_OK)
        return leati_stream_socket_refuse_setter(&local->base, __func__, 0, reason);
    int fd = leat_local_socket_get_socket_fd(local);
    int sys_errno = fd >= 0 ? leati_extra_options_apply(&checked, fd) : 0;
    if (sys_errno != 0)
        return leati_stream_socket_refuse_setter(&local->base, __func__, sys_errno,
                                                 "cannot set the options");
    local->base.refusal.setter = NULL;
    local->options = checked;
    local->base.limits.stall_timeout_ms = checked.socket_timeout_ms;
    local->limits.stall_timeout_ms =
        checked.socket_timeout_ms; /* of a connection that waits for room */
    return LEAT_OK;
}

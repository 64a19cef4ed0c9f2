/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/local_private.h"

#include "config/settings.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** How long to wait for a server whose backlog is full: connect(2) gives no event for that. */
#define RETRY_MS 10

static const struct leati_stream_owner local_stream_owner;
static void local_on_retry(struct leati_timer *timer, void *user);

/* ---- life -------------------------------------------------------------------------- */

static void local_unbind(struct leat_local_socket *local)
{
    leati_local_file_remove(&local->file);
    if (local->fd >= 0)
        close(local->fd);
    local->fd = -1;
}

struct leat_local_socket *leati_local_socket_alloc(leat_loop *loop,
                                                   const struct leati_stream_owner *owner)
{
    struct leat_local_socket *local = leati_calloc(1, sizeof(*local));
    if (!local)
        return NULL;
    leati_stream_init(&local->stream, loop, owner, local);
    leati_timer_init(&local->retry, loop, local_on_retry, local);
    local->options.size = sizeof(local->options);
    local->fd = -1;
    return local;
}

void leati_local_socket_dispose(struct leat_local_socket *local)
{
    local->callbacks = (struct leat_local_socket_callbacks){0};
    local->server = NULL;
    leati_timer_stop(&local->retry);
    local_unbind(local);
    if (leati_stream_release(&local->stream))
        leati_free(local);
}

void leati_local_socket_left(struct leati_stream *stream, void *user)
{
    (void)stream;
    leati_free(user);
}

int leat_local_socket_new(leat_loop *loop, const struct leat_local_socket_callbacks *callbacks,
                          void *user, leat_local_socket **ret_local)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_local)
        return LEAT_E_PARAMETER;
    leat_local_socket *local = leati_local_socket_alloc(loop, &local_stream_owner);
    if (!local)
        return LEAT_E_SYSTEM_INTERNAL;
    size_t known = sizeof(local->callbacks);
    memcpy(&local->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    local->user = user;
    *ret_local = local;
    return LEAT_OK;
}

void leat_local_socket_free(leat_local_socket *local)
{
    if (!local)
        return;
    if (local->server)
        leati_stream_abort(&local->stream);
    else
        leati_local_socket_dispose(local);
}

/* ---- refusing ---------------------------------------------------------------------- */

static int local_refuse_errno(struct leat_local_socket *local, int sys_errno, const char *what)
{
    char reason[128];
    char text[512];
    leati_errno_format(sys_errno, reason, sizeof(reason));
    leati_readable_format(text, sizeof(text), "%s: %s", what, reason);
    return leati_stream_refuse(&local->stream, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, text);
}

static int local_refuse_path(struct leat_local_socket *local, int sys_errno, const char *what,
                             const char *address)
{
    char text[256];
    leati_readable_format(text, sizeof(text), "%s %s", what, address);
    return local_refuse_errno(local, sys_errno, text);
}

static int local_parse(struct leat_local_socket *local, const char *text,
                       struct leati_local_address *ret_address)
{
    int code = leati_local_address_parse(text, ret_address);
    if (code == LEAT_E_PARAMETER)
        return leati_stream_refuse(&local->stream, code, 0, "the address is empty");
    return code == LEAT_OK ? LEAT_OK : local_refuse_path(local, ENAMETOOLONG, "the address", text);
}

/* ---- binding and connecting -------------------------------------------------------- */

static bool local_is_connecting(const struct leat_local_socket *local)
{
    return local->stream.state == LEATI_STREAM_CONNECTING;
}

static bool local_is_busy(const struct leat_local_socket *local)
{
    return leati_stream_is_running(&local->stream) || local_is_connecting(local) ||
           local->in_error || local->server;
}

int leat_local_socket_bind(leat_local_socket *local, const char *address)
{
    struct leati_local_address parsed;
    if (!local)
        return LEAT_E_PARAMETER;
    if (local->fd >= 0 || local_is_busy(local))
        return local_refuse_errno(local, EINVAL, "it is bound or connected already");
    int code = local_parse(local, address, &parsed);
    if (code != LEAT_OK)
        return code;
    int fd = leati_local_open(&local->options);
    if (fd < 0)
        return local_refuse_errno(local, -fd, "cannot make a socket");
    int sys_errno = leati_local_bind(fd, &parsed, &local->file);
    if (sys_errno != 0) {
        close(fd);
        return local_refuse_path(local, sys_errno, "cannot bind to", address);
    }
    local->fd = fd;
    return LEAT_OK;
}

void leati_local_socket_limits(const struct leati_settings *settings,
                               const struct leat_extra_options *options,
                               struct leati_stream_limits *ret_limits)
{
    *ret_limits = (struct leati_stream_limits){
        .queue_bytes = settings->send_queue_limit_bytes,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE],
        .stall_timeout_ms = options->socket_timeout_ms,
    };
}

static int local_take_config(struct leat_local_socket *local, const leat_config *config)
{
    const struct leati_settings *settings;
    if (leati_settings_of(config, &settings) != LEAT_OK)
        return leati_stream_refuse(&local->stream, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    leati_local_socket_limits(settings, &local->options, &local->limits);
    local->tracer = settings->tracer;
    leati_settings_unref(settings);
    return LEAT_OK;
}

int leati_local_socket_start(struct leat_local_socket *local, int fd)
{
    const struct leati_address remote = {.any.sa_family = AF_UNIX};
    struct leati_route *route;
    int code = leati_route_new_stream(fd, &remote, local->address, &route);
    if (code != LEAT_OK)
        return leati_stream_refuse(&local->stream, code, 0, "out of memory");
    return leati_stream_start(&local->stream, route, &local->tracer, &local->limits);
}

/* connect(2) on the descriptor at hand. 0: the stream has started or failed to, `*ret_code` tells;
 * else errno, and the descriptor is where it was. */
static int local_dial(struct leat_local_socket *local, int *ret_code)
{
    int fd = local->fd;
    if (connect(fd, (const struct sockaddr *)&local->peer.un, local->peer.size) < 0)
        return errno;
    local->fd = -1;
    *ret_code = leati_local_socket_start(local, fd);
    return 0;
}

static int local_wait_for_room(struct leat_local_socket *local)
{
    uint64_t now_ms = leati_clock_ms();
    uint32_t timeout_ms = local->limits.connect_timeout_ms;
    local->deadline_ms = timeout_ms ? now_ms + timeout_ms : 0;
    local->cancelled = false;
    if (leati_timer_set(&local->retry, now_ms + RETRY_MS) != LEAT_OK)
        return leati_stream_refuse(&local->stream, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    local->stream.state = LEATI_STREAM_CONNECTING;
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
        leati_timer_set(timer, now_ms + RETRY_MS) == LEAT_OK)
        return;
    if (sys_errno != 0)
        local_refuse_path(local, sys_errno == EAGAIN ? ETIMEDOUT : sys_errno, "cannot connect to",
                          local->address);
    leati_stream_give_up(&local->stream);
}

int leat_local_socket_connect(leat_local_socket *local, const char *address,
                              const leat_config *config)
{
    if (!local)
        return LEAT_E_PARAMETER;
    if (local_is_busy(local))
        return local_refuse_errno(local, EISCONN, "it is connecting or connected already");
    int code = local_parse(local, address, &local->peer);
    if (code == LEAT_OK)
        code = local_take_config(local, config);
    if (code != LEAT_OK)
        return code;
    bool is_bound = local->fd >= 0;
    if (!is_bound)
        local->fd = leati_local_open(&local->options);
    if (local->fd < 0) {
        int sys_errno = -local->fd;
        local->fd = -1;
        return local_refuse_errno(local, sys_errno, "cannot make a socket");
    }
    leati_failure_done(&local->stream.failure);
    snprintf(local->address, sizeof(local->address), "%s", address);
    int sys_errno = local_dial(local, &code);
    if (sys_errno == EAGAIN)
        code = local_wait_for_room(local);
    else if (sys_errno != 0)
        code = local_refuse_path(local, sys_errno, "cannot connect to", address);
    if (code != LEAT_OK && !is_bound)
        local_unbind(local);
    return code;
}

/* ---- sending, closing -------------------------------------------------------------- */

int leat_local_socket_send(leat_local_socket *local, const void *data, size_t len)
{
    if (!local || (!data && len > 0))
        return LEAT_E_PARAMETER;
    return leati_stream_send(&local->stream, data, len);
}

int leat_local_socket_close(leat_local_socket *local)
{
    if (!local)
        return LEAT_E_PARAMETER;
    if (leati_stream_is_running(&local->stream) || local->fd < 0)
        return leati_stream_close(&local->stream);
    if (local_is_connecting(local)) {
        local->cancelled = true;
        /* It is running: moving it needs no memory. */
        (void)leati_timer_set(&local->retry, leati_clock_ms());
        return LEAT_OK;
    }
    local_unbind(local);
    local->stream.state = LEATI_STREAM_CLOSED;
    return LEAT_OK;
}

void leat_local_socket_pause(leat_local_socket *local)
{
    if (local)
        leati_stream_pause(&local->stream);
}

void leat_local_socket_resume(leat_local_socket *local)
{
    if (local)
        leati_stream_resume(&local->stream);
}

/* ---- what the stream calls --------------------------------------------------------- */

static void local_opened(struct leati_stream *stream, void *user)
{
    struct leat_local_socket *local = user;
    (void)stream;
    if (local->callbacks.connected)
        local->callbacks.connected(local, local->user);
}

static void local_received(struct leati_stream *stream, const uint8_t *data, size_t len, void *user)
{
    struct leat_local_socket *local = user;
    (void)stream;
    if (local->callbacks.message)
        local->callbacks.message(local, data, len, local->address, local->user);
}

static void local_writable(struct leati_stream *stream, void *user)
{
    struct leat_local_socket *local = user;
    (void)stream;
    if (local->callbacks.writable)
        local->callbacks.writable(local, local->user);
}

/* Between `error` and `closed` the object may be freed, but not connect again. */
static void local_ended(struct leati_stream *stream, void *user)
{
    struct leat_local_socket *local = user;
    struct leat_error error;
    local_unbind(local);
    leati_failure_get(&stream->failure, &error);
    if (error.code != LEAT_OK && local->callbacks.error) {
        local->in_error = true;
        local->callbacks.error(local, &error, local->user);
        local->in_error = false;
    }
    if (local->callbacks.closed)
        local->callbacks.closed(local, local->user);
}

static const struct leati_stream_owner local_stream_owner = {
    .opened = local_opened,
    .received = local_received,
    .writable = local_writable,
    .ended = local_ended,
    .left = leati_local_socket_left,
};

/* ---- asking ------------------------------------------------------------------------ */

int leat_local_socket_get_socket_fd(const leat_local_socket *local)
{
    if (!local)
        return -1;
    return local->fd >= 0 ? local->fd : leati_stream_fd(&local->stream);
}

void leat_local_socket_get_state(const leat_local_socket *local,
                                 struct leat_socket_state *ret_state)
{
    if (!local || !ret_state)
        return;
    bool is_open = local->stream.state == LEATI_STREAM_OPEN;
    *ret_state = (struct leat_socket_state){
        .is_bound = local->file.path[0] != '\0' || is_open ||
                    (local->fd >= 0 && !local_is_connecting(local)),
        .is_connected = is_open,
        .is_close = local->fd < 0 && !is_open && !local_is_connecting(local),
    };
}

int leat_local_socket_get_local_address(const leat_local_socket *local,
                                        char ret_address[LEAT_LOCAL_ADDRESS_SIZE])
{
    if (!local || !ret_address)
        return LEAT_E_PARAMETER;
    int fd = leat_local_socket_get_socket_fd(local);
    if (fd < 0)
        return leati_stream_not_open(&local->stream);
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
        return leati_stream_refuse(&local->stream, LEAT_E_PARAMETER, 0, reason);
    int fd = leat_local_socket_get_socket_fd(local);
    int sys_errno = fd >= 0 ? leati_extra_options_apply(&checked, fd) : 0;
    if (sys_errno != 0)
        return local_refuse_errno(local, sys_errno, "cannot set the options");
    local->options = checked;
    local->stream.limits.stall_timeout_ms = checked.socket_timeout_ms;
    return LEAT_OK;
}

void leat_local_socket_get_extra_options(const leat_local_socket *local,
                                         struct leat_extra_options *ret_options)
{
    if (local && ret_options)
        *ret_options = local->options;
}

size_t leat_local_socket_buffered_bytes(const leat_local_socket *local)
{
    return local ? local->stream.out.len : 0;
}

void leat_local_socket_get_error(const leat_local_socket *local, struct leat_error *ret_error)
{
    if (local && ret_error)
        leati_failure_get(&local->stream.failure, ret_error);
}

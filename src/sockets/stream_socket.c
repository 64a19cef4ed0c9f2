/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/stream_socket.h"

#include "sockets/stream_server_private.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>

static const struct leati_stream_owner socket_owner;

/* ---- life -------------------------------------------------------------------------- */

void leati_stream_socket_init(struct leati_stream_socket *s, leat_loop *loop,
                              const struct leati_stream_face *face, void *user)
{
    *s = (struct leati_stream_socket){.face = face, .user = user};
    leati_stream_init(&s->stream, loop, &socket_owner, s);
}

static void socket_left(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    (void)stream;
    s->face->done(s);
    leati_free(s);
}

void leati_stream_socket_dispose(struct leati_stream_socket *s)
{
    s->server = NULL;
    s->face->unbind(s);
    if (leati_stream_release(&s->stream))
        socket_left(&s->stream, s);
}

void leati_stream_socket_free(struct leati_stream_socket *s)
{
    if (!s)
        return;
    if (s->server)
        leati_stream_abort(&s->stream);
    else
        leati_stream_socket_dispose(s);
}

bool leati_stream_socket_is_busy(const struct leati_stream_socket *s)
{
    return leati_stream_is_running(&s->stream) || s->stream.state == LEATI_STREAM_CONNECTING ||
           s->in_error || s->server;
}

/* ---- what the stream calls --------------------------------------------------------- */

static void socket_opened(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    (void)stream;
    if (s->server && !leati_stream_server_opened(s->server, s))
        return;
    s->face->connected(s);
}

static size_t socket_received(struct leati_stream *stream, const uint8_t *data, size_t len,
                              void *user)
{
    struct leati_stream_socket *s = user;
    (void)stream;
    s->face->message(s, data, len);
    return len;
}

static void socket_peer_ended(struct leati_stream *stream, void *user)
{
    (void)user;
    stream->peer_ended = true;
    leati_stream_finish(stream, leati_stream_close_timeout(stream));
}

/* Over TLS a peer that has said its goodbye and then takes nothing has one of its own codes. */
static void socket_stuck(struct leati_stream *stream, void *user)
{
    struct leati_chain *chain = stream->chain;
    bool closing = stream->state == LEATI_STREAM_CLOSING;
    (void)user;
    if (!stream->peer_ended || chain->top->ops->layer != LEAT_LAYER_TLS) {
        leati_stream_record(stream, LEAT_E_SOCKET_BASE + ETIMEDOUT, ETIMEDOUT, 0,
                            closing ? "the peer did not take what was queued in time"
                                    : "the peer has taken nothing for too long");
        return;
    }
    const struct leati_fault fault = {
        .code = LEAT_E_TLS_CLOSED,
        .layer = LEAT_LAYER_TLS,
        .sys_errno = ETIMEDOUT,
        .hop = leati_route_origin_text(chain->route),
    };
    leati_failure_set(&chain->failure, &fault,
                      "the peer has said close_notify and did not take what was queued in time");
}

static void socket_writable(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    (void)stream;
    s->face->writable(s);
}

/* Between `error` and `closed` the object may be freed, but not connect again. */
static void socket_ended(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    struct leat_error error;
    if (s->server) {
        leati_stream_server_ended(s->server, s);
        return;
    }
    s->face->unbind(s);
    leati_failure_get(&stream->failure, &error);
    if (error.code != LEAT_OK) {
        s->in_error = true;
        s->face->error(s, &error);
        s->in_error = false;
    }
    if (!stream->released)
        s->face->closed(s);
}

static const struct leati_stream_owner socket_owner = {
    .layer = LEAT_LAYER_TCP,
    .opened = socket_opened,
    .received = socket_received,
    .peer_ended = socket_peer_ended,
    .stuck = socket_stuck,
    .writable = socket_writable,
    .ended = socket_ended,
    .left = socket_left,
};

/* ---- what a program asks for ------------------------------------------------------- */

int leati_stream_socket_refuse_errno(struct leati_stream_socket *s, int sys_errno, const char *what)
{
    char reason[128];
    char text[512];
    leati_errno_format(sys_errno, reason, sizeof(reason));
    leati_readable_format(text, sizeof(text), "%s: %s", what, reason);
    return leati_stream_refuse(&s->stream, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, text);
}

int leati_stream_socket_refuse(struct leati_stream_socket *s, const char *text)
{
    return leati_stream_refuse(&s->stream, LEAT_E_PARAMETER, 0, text);
}

int leati_stream_socket_send(struct leati_stream_socket *s, const void *data, size_t len)
{
    if (!s || (!data && len > 0))
        return LEAT_E_PARAMETER;
    return leati_stream_send(&s->stream, data, len);
}

void leati_stream_socket_pause(struct leati_stream_socket *s)
{
    if (s)
        leati_stream_pause(&s->stream);
}

void leati_stream_socket_resume(struct leati_stream_socket *s)
{
    if (s)
        leati_stream_resume(&s->stream);
}

size_t leati_stream_socket_buffered_bytes(const struct leati_stream_socket *s)
{
    return s ? s->stream.out.len : 0;
}

void leati_stream_socket_get_error(const struct leati_stream_socket *s,
                                   struct leat_error *ret_error)
{
    if (s && ret_error)
        leati_failure_get(&s->stream.failure, ret_error);
}

uint64_t leati_stream_socket_get_client_id(const struct leati_stream_socket *s)
{
    return s ? s->id : 0;
}

void leati_stream_socket_set_client_data(struct leati_stream_socket *s, void *data)
{
    if (s)
        s->client_data = data;
}

void *leati_stream_socket_get_client_data(const struct leati_stream_socket *s)
{
    return s ? s->client_data : NULL;
}

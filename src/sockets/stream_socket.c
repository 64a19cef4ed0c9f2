/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/stream_socket.h"

#include "util/alloc.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static const struct leati_stream_owner socket_owner;

/* ---- life -------------------------------------------------------------------------- */

void leati_stream_socket_init(struct leati_stream_socket *s, leat_loop *loop,
                              const struct leati_stream_face *face, void *user)
{
    *s = (struct leati_stream_socket){.face = face, .user = user, .fd = -1};
    leati_stream_init(&s->stream, loop, &socket_owner, s);
}

static void socket_left(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    (void)stream;
    if (s->face->done)
        s->face->done(s);
    leati_free(s);
}

void leati_stream_socket_unbind(struct leati_stream_socket *s)
{
    s->face->unbind(s);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void leati_stream_socket_dispose(struct leati_stream_socket *s)
{
    s->client.server = NULL;
    leati_stream_socket_unbind(s);
    if (leati_stream_release(&s->stream))
        socket_left(&s->stream, s);
}

void leati_stream_socket_free(struct leati_stream_socket *s)
{
    if (!s)
        return;
    if (s->client.server)
        leati_stream_abort(&s->stream);
    else
        leati_stream_socket_dispose(s);
}

bool leati_stream_socket_is_busy(const struct leati_stream_socket *s)
{
    return leati_stream_is_running(&s->stream) || s->stream.state == LEATI_STREAM_CONNECTING ||
           s->in_error || s->client.server;
}

/* ---- what the stream calls --------------------------------------------------------- */

/* A server's connection whose handshake is done finds the server full, perhaps. */
static bool client_is_let_in(struct leati_stream_socket *s)
{
    if (s->client.guest.state == LEATI_GUEST_HANDSHAKE) {
        enum leati_admission_verdict verdict = leati_client_judge(&s->client);
        if (verdict != LEATI_ADMISSION_OK) {
            leati_stream_break(&s->stream, LEAT_E_SOCKET_BASE + EUSERS, EUSERS,
                               leati_admission_verdict_text(verdict));
            return false;
        }
        leati_client_open(&s->client);
    }
    leati_client_set_reported(&s->client, true);
    return true;
}

static void socket_opened(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    (void)stream;
    if (!s->client.server || client_is_let_in(s))
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

/* That of the queue, too. */
static uint64_t socket_close_deadline(struct leati_stream *stream, void *user)
{
    (void)user;
    return stream->chain->owner_deadline_ms;
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
        .hop = leati_chain_origin(chain),
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

/* Stops counting it before the program is told. The callbacks may free the server. */
static void client_ended(struct leati_stream_socket *s)
{
    struct leati_clients *server = s->client.server;
    struct leat_error error;
    bool reported = s->client.guest.reported;
    leati_failure_get(&s->stream.failure, &error);
    leati_client_leave(&s->client);
    leati_client_set_reported(&s->client, false);
    if (error.code != LEAT_OK && reported)
        s->face->error(s, &error);
    else if (error.code != LEAT_OK)
        server->owner->error(server, &error);
    if (s->client.server && reported)
        s->face->closed(s);
    if (!s->client.server)
        return;
    leati_client_remove(&s->client);
    leati_stream_socket_dispose(s);
}

/* Between `error` and `closed` the object may be freed, but not connect again. */
static void socket_ended(struct leati_stream *stream, void *user)
{
    struct leati_stream_socket *s = user;
    struct leat_error error;
    if (s->client.server) {
        client_ended(s);
        return;
    }
    leati_stream_socket_unbind(s);
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
    .close_deadline = socket_close_deadline,
    .stuck = socket_stuck,
    .writable = socket_writable,
    .ended = socket_ended,
    .left = socket_left,
};

/* ---- what a program asks for ------------------------------------------------------- */

int leati_stream_socket_refuse_errno(struct leati_stream_socket *s, int sys_errno, const char *what)
{
    return leati_stream_refuse(&s->stream, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, "%s: %s",
                               what, leati_errno_reason(sys_errno).text);
}

int leati_stream_socket_refuse(struct leati_stream_socket *s, const char *text)
{
    return leati_stream_refuse(&s->stream, LEAT_E_PARAMETER, 0, "%s", text);
}

int leati_stream_socket_refuse_setter(struct leati_stream_socket *s, const char *setter,
                                      int sys_errno, const char *text)
{
    int code = sys_errno != 0 ? leati_stream_socket_refuse_errno(s, sys_errno, text)
                              : leati_stream_socket_refuse(s, text);
    s->refusal = (struct leati_setter_refusal){
        .setter = setter, .reason = text, .code = code, .sys_errno = sys_errno};
    return code;
}

int leati_stream_socket_check_setter(struct leati_stream_socket *s)
{
    char text[LEATI_SETTER_REFUSAL_TEXT_SIZE];
    int code = leati_setter_refusal_format(&s->refusal, text);
    return code == LEAT_OK
               ? LEAT_OK
               : leati_stream_refuse(&s->stream, code, s->refusal.sys_errno, "%s", text);
}

int leati_stream_socket_close(struct leati_stream_socket *s)
{
    if (!s)
        return LEAT_E_PARAMETER;
    if (s->fd < 0 || leati_stream_is_running(&s->stream))
        return leati_stream_close(&s->stream);
    leati_stream_socket_unbind(s);
    s->stream.state = LEATI_STREAM_CLOSED;
    return LEAT_OK;
}

int leati_stream_socket_send(struct leati_stream_socket *s, const void *data, size_t len)
{
    if (!s || (!data && len > 0))
        return LEAT_E_PARAMETER;
    return leati_stream_send(&s->stream, data, len);
}

int leati_stream_socket_get_fd(const struct leati_stream_socket *s)
{
    if (!s)
        return -1;
    return s->fd >= 0 ? s->fd : leati_stream_fd(&s->stream);
}

struct leat_socket_state leati_stream_socket_state(const struct leati_stream_socket *s,
                                                   bool is_bound)
{
    bool is_open = s->stream.state == LEATI_STREAM_OPEN;
    bool connecting = s->stream.state == LEATI_STREAM_CONNECTING;
    return (struct leat_socket_state){
        .is_bound = is_bound || is_open,
        .is_connected = is_open,
        .is_close = s->fd < 0 && !connecting && !is_open,
    };
}

/* ---- of a server ------------------------------------------------------------------- */

struct leati_stream_socket *leati_stream_socket_of(struct leati_client *client)
{
    return client ? (struct leati_stream_socket *)((char *)client -
                                                   offsetof(struct leati_stream_socket, client))
                  : NULL;
}

struct leati_stream *leati_stream_socket_stream_of(struct leati_client *client)
{
    return &leati_stream_socket_of(client)->stream;
}

void leati_stream_socket_dispose_client(struct leati_client *client)
{
    struct leati_stream_socket *s = leati_stream_socket_of(client);
    if (s)
        leati_stream_socket_dispose(s);
}

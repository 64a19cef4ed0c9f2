/* SPDX-License-Identifier: Apache-2.0 */
/* The core of every stream server: its connections, their numbers, and who comes in. */
#include "sockets/stream_server_private.h"

#include <errno.h>
#include <stddef.h>

/* ---- life -------------------------------------------------------------------------- */

void leati_stream_server_init(struct leati_stream_server *server, leat_loop *loop,
                              const struct leati_stream_server_face *face, void *user)
{
    *server = (struct leati_stream_server){.loop = loop, .face = face, .user = user};
    leati_failure_init(&server->failure);
}

static void connection_unlink(struct leati_stream_server *server, struct leati_stream_socket *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        server->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    leati_admission_leave(&server->admission, &s->guest);
    server->count--;
}

void leati_stream_server_done(struct leati_stream_server *server)
{
    while (server->first) {
        struct leati_stream_socket *s = server->first;
        connection_unlink(server, s);
        leati_stream_socket_dispose(s);
    }
    leati_admission_done(&server->admission);
    leati_settings_unref(server->settings);
    leati_failure_done(&server->failure);
}

int leati_stream_server_refuse(struct leati_stream_server *server, int code, int sys_errno,
                               const char *text)
{
    const struct leati_fault fault = {
        .code = code, .layer = LEAT_LAYER_TCP, .sys_errno = sys_errno};
    leati_failure_done(&server->failure);
    return leati_failure_set(&server->failure, &fault, "%s", text);
}

int leati_stream_server_take_settings(struct leati_stream_server *server, const leat_config *config)
{
    const struct leati_settings *settings;
    leati_failure_done(&server->failure);
    int code = leati_settings_of(config, &server->failure, &settings);
    if (code != LEAT_OK)
        return code;
    leati_settings_unref(server->settings);
    server->settings = settings;
    return LEAT_OK;
}

/* ---- who comes in ------------------------------------------------------------------ */

void leati_stream_server_report(struct leati_stream_server *server, int code, const char *hop,
                                const char *text)
{
    struct leati_failure failure;
    struct leat_error error;
    const struct leati_fault fault = {
        .code = code,
        .layer = LEAT_LAYER_TCP,
        .sys_errno = code == LEAT_E_SYSTEM_INTERNAL ? 0 : code - LEAT_E_SOCKET_BASE,
        .hop = hop,
    };
    leati_failure_init(&failure);
    leati_failure_set(&failure, &fault, "%s", text);
    leati_failure_get(&failure, &error);
    leati_failure_done(&failure);
    server->face->server_error(server, &error);
}

/* Ends a handshake to make room; the stream's `ended` follows. */
static void guest_give_up(struct leati_stream_server *server, struct leati_guest *guest)
{
    struct leati_stream_socket *s =
        (struct leati_stream_socket *)((char *)guest - offsetof(struct leati_stream_socket, guest));
    leati_admission_leave(&server->admission, guest);
    leati_stream_break(&s->stream, LEAT_E_SOCKET_BASE + EUSERS, EUSERS,
                       leati_admission_excess_text);
}

void leati_stream_server_paused(struct leati_stream_server *server, int sys_errno, const char *hop)
{
    unsigned victims =
        leati_admission_is_shortage(sys_errno) ? LEATI_ADMISSION_SHORTAGE_VICTIMS : 0;
    for (; victims > 0 && server->admission.oldest; victims--)
        guest_give_up(server, server->admission.oldest);
    leati_stream_server_report(server, LEAT_E_SOCKET_BASE + sys_errno, hop,
                               "connections cannot be accepted for now");
}

static enum leati_admission_verdict client_judge(const struct leati_stream_server *server,
                                                 const struct leati_address *remote)
{
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    if (remote)
        return leati_admission_judge(&server->admission, &limits, remote);
    return server->count < server->settings->max_clients ? LEATI_ADMISSION_OK
                                                         : LEATI_ADMISSION_FULL;
}

bool leati_stream_server_lets_in(struct leati_stream_server *server,
                                 const struct leati_address *remote, const char *hop)
{
    enum leati_admission_verdict verdict = client_judge(server, remote);
    if (verdict != LEATI_ADMISSION_OK)
        leati_stream_server_report(server, LEAT_E_SOCKET_BASE + EUSERS, hop,
                                   leati_admission_verdict_text(verdict));
    return verdict == LEATI_ADMISSION_OK;
}

int leati_stream_server_add(struct leati_stream_server *server, struct leati_stream_socket *s,
                            const struct leati_address *remote)
{
    if (remote && !leati_admission_enter(&server->admission, &s->guest, remote)) {
        leati_stream_socket_dispose(s);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    s->server = server;
    s->id = ++server->last_id;
    s->next = server->first;
    if (s->next)
        s->next->prev = s;
    server->first = s;
    server->count++;
    if (!remote)
        return LEAT_OK;
    if (!server->has_handshake) {
        leati_admission_open(&server->admission, &s->guest);
        return LEAT_OK;
    }
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    struct leati_guest *excess = leati_admission_excess(&server->admission, &limits, &s->guest);
    if (excess)
        guest_give_up(server, excess);
    return LEAT_OK;
}

/* ---- what a connection tells ------------------------------------------------------- */

static void connection_set_reported(struct leati_stream_socket *s, bool reported)
{
    if (s->reported == reported)
        return;
    s->reported = reported;
    s->server->reported_count += reported ? 1 : (size_t)-1;
}

/* A connection whose handshake is done finds the server full, perhaps. */
bool leati_stream_server_opened(struct leati_stream_server *server, struct leati_stream_socket *s)
{
    if (s->guest.state == LEATI_GUEST_HANDSHAKE) {
        const struct leati_admission_limits limits =
            leati_settings_admission_limits(server->settings);
        enum leati_admission_verdict verdict =
            leati_admission_judge_guest(&server->admission, &limits, &s->guest);
        if (verdict != LEATI_ADMISSION_OK) {
            leati_stream_break(&s->stream, LEAT_E_SOCKET_BASE + EUSERS, EUSERS,
                               leati_admission_verdict_text(verdict));
            return false;
        }
        leati_admission_open(&server->admission, &s->guest);
    }
    connection_set_reported(s, true);
    return true;
}

void leati_stream_server_ended(struct leati_stream_server *server, struct leati_stream_socket *s)
{
    struct leat_error error;
    leati_failure_get(&s->stream.failure, &error);
    bool reported = s->reported;
    /* It counts no more before the program hears of it. */
    leati_admission_leave(&server->admission, &s->guest);
    connection_set_reported(s, false);
    if (error.code != LEAT_OK && reported)
        s->face->error(s, &error);
    else if (error.code != LEAT_OK)
        server->face->server_error(server, &error);
    if (s->server && reported)
        s->face->closed(s);
    if (!s->server)
        return;
    connection_unlink(server, s);
    leati_stream_socket_dispose(s);
}

/* ---- what a program asks for ------------------------------------------------------- */

void leati_stream_server_close_all(struct leati_stream_server *server)
{
    for (struct leati_stream_socket *s = server->first; s; s = s->next)
        (void)leati_stream_close(&s->stream);
}

struct leati_stream_socket *leati_stream_server_find(const struct leati_stream_server *server,
                                                     uint64_t client_id)
{
    for (struct leati_stream_socket *s = server->first; s; s = s->next)
        if (s->id == client_id && s->reported)
            return s;
    return NULL;
}

int leati_stream_server_send_all(struct leati_stream_server *server, const void *data, size_t len)
{
    int first = LEAT_OK;
    if (!data && len > 0)
        return LEAT_E_PARAMETER;
    for (struct leati_stream_socket *s = server->first; s; s = s->next) {
        int code = s->reported ? leati_stream_send(&s->stream, data, len) : LEAT_OK;
        if (first == LEAT_OK)
            first = code;
    }
    return first;
}

void leati_stream_server_get_error(const struct leati_stream_server *server,
                                   struct leat_error *ret_error)
{
    if (ret_error)
        leati_failure_get(&server->failure, ret_error);
}

struct leat_socket_state leati_stream_server_state(const struct leati_stream_server *server,
                                                   bool listens)
{
    return (struct leat_socket_state){
        .is_bound = listens,
        .is_connected = server->reported_count > 0,
        .is_close = !listens,
    };
}

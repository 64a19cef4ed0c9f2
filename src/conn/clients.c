/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/clients.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

/* ---- life -------------------------------------------------------------------------- */

static struct leati_stream *client_stream(struct leati_client *client)
{
    return client->server->owner->stream(client);
}

void leati_clients_init(struct leati_clients *server, leat_loop *loop,
                        const struct leati_clients_owner *owner, void *user)
{
    *server = (struct leati_clients){.loop = loop, .owner = owner, .user = user};
    leati_failure_init(&server->failure);
}

void leati_client_leave(struct leati_client *client)
{
    leati_admission_leave(&client->server->admission, &client->guest);
}

void leati_client_remove(struct leati_client *client)
{
    struct leati_clients *server = client->server;
    if (client->prev)
        client->prev->next = client->next;
    else
        server->first = client->next;
    if (client->next)
        client->next->prev = client->prev;
    leati_client_leave(client);
    server->count--;
    client->server = NULL;
}

void leati_clients_done(struct leati_clients *server)
{
    while (server->first) {
        struct leati_client *client = server->first;
        leati_client_remove(client);
        server->owner->dispose(client);
    }
    leati_admission_done(&server->admission);
    leati_settings_unref(server->settings);
    leati_failure_done(&server->failure);
}

int leati_clients_refuse(struct leati_clients *server, int code, int sys_errno, const char *format,
                         ...)
{
    const struct leati_fault fault = {
        .code = code, .layer = server->owner->layer, .sys_errno = sys_errno};
    va_list args;
    va_start(args, format);
    leati_failure_replacev(&server->failure, &fault, format, args);
    va_end(args);
    return code;
}

int leati_clients_take_settings(struct leati_clients *server, const leat_config *config)
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

void leati_clients_report(struct leati_clients *server, int code, const char *hop, const char *text)
{
    struct leati_failure failure;
    struct leat_error error;
    bool is_ours = code == LEAT_E_SYSTEM_INTERNAL;
    const struct leati_fault fault = {
        .code = code,
        .layer = is_ours ? server->owner->layer : LEAT_LAYER_TCP,
        .sys_errno = is_ours ? 0 : code - LEAT_E_SOCKET_BASE,
        .hop = hop,
    };
    leati_failure_init(&failure);
    leati_failure_set(&failure, &fault, "%s", text);
    leati_failure_get(&failure, &error);
    leati_failure_done(&failure);
    server->owner->error(server, &error);
}

/* Ends a handshake to make room; the stream's `ended` follows. */
static void guest_give_up(struct leati_clients *server, struct leati_guest *guest)
{
    struct leati_client *client =
        (struct leati_client *)((char *)guest - offsetof(struct leati_client, guest));
    leati_admission_leave(&server->admission, guest);
    leati_stream_break(client_stream(client), LEAT_E_SOCKET_BASE + EUSERS, EUSERS,
                       leati_admission_excess_text);
}

void leati_clients_paused(struct leati_clients *server, int sys_errno, const char *hop)
{
    unsigned victims =
        leati_admission_is_shortage(sys_errno) ? LEATI_ADMISSION_SHORTAGE_VICTIMS : 0;
    for (; victims > 0 && server->admission.oldest; victims--)
        guest_give_up(server, server->admission.oldest->guest);
    char text[300];
    snprintf(text, sizeof(text), "clients cannot be accepted for now: %s",
             leati_errno_reason(sys_errno).text);
    leati_clients_report(server, LEAT_E_SOCKET_BASE + sys_errno, hop, text);
}

static enum leati_admission_verdict newcomer_judge(const struct leati_clients *server,
                                                   const struct leati_address *remote)
{
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    if (remote)
        return leati_admission_judge(&server->admission, &limits, remote);
    return server->count < server->settings->max_clients ? LEATI_ADMISSION_OK
                                                         : LEATI_ADMISSION_FULL;
}

bool leati_clients_let_in(struct leati_clients *server, const struct leati_address *remote,
                          const char *hop)
{
    enum leati_admission_verdict verdict = newcomer_judge(server, remote);
    if (verdict != LEATI_ADMISSION_OK)
        leati_clients_report(server, LEAT_E_SOCKET_BASE + EUSERS, hop,
                             leati_admission_verdict_text(verdict));
    return verdict == LEATI_ADMISSION_OK;
}

int leati_clients_add(struct leati_clients *server, struct leati_client *client,
                      const struct leati_address *remote)
{
    if (remote && !leati_admission_enter(&server->admission, &client->guest, remote)) {
        server->owner->dispose(client);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    client->server = server;
    client->id = ++server->last_id;
    client->next = server->first;
    if (client->next)
        client->next->prev = client;
    server->first = client;
    server->count++;
    if (!remote)
        return LEAT_OK;
    if (!server->has_handshake) {
        leati_client_open(client);
        return LEAT_OK;
    }
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    struct leati_guest *excess =
        leati_admission_excess(&server->admission, &limits, &client->guest);
    if (excess)
        guest_give_up(server, excess);
    return LEAT_OK;
}

bool leati_client_rename(struct leati_client *client, const struct leati_address *address)
{
    struct leati_admission *admission = &client->server->admission;
    leati_admission_leave(admission, &client->guest);
    return leati_admission_enter(admission, &client->guest, address);
}

enum leati_admission_verdict leati_client_judge(const struct leati_client *client)
{
    const struct leati_admission_limits limits =
        leati_settings_admission_limits(client->server->settings);
    return leati_admission_judge_guest(&client->server->admission, &limits, &client->guest);
}

void leati_client_open(struct leati_client *client)
{
    leati_admission_open(&client->server->admission, &client->guest);
}

void leati_client_set_reported(struct leati_client *client, bool reported)
{
    if (client->guest.reported == reported)
        return;
    client->guest.reported = reported;
    client->server->reported_count += reported ? 1 : (size_t)-1;
}

/* ---- what a program asks for ------------------------------------------------------- */

void leati_clients_close_all(struct leati_clients *server)
{
    for (struct leati_client *client = server->first; client; client = client->next)
        (void)leati_stream_close(client_stream(client));
}

struct leati_client *leati_clients_find(const struct leati_clients *server, uint64_t client_id)
{
    for (struct leati_client *client = server->first; client; client = client->next)
        if (client->id == client_id && client->guest.reported)
            return client;
    return NULL;
}

int leati_clients_send_all(struct leati_clients *server, const void *data, size_t len,
                           int (*code_of)(const struct leati_stream *stream, int code))
{
    int first = LEAT_OK;
    if (!data && len > 0)
        return LEAT_E_PARAMETER;
    for (struct leati_client *client = server->first; client; client = client->next) {
        struct leati_stream *stream = client_stream(client);
        int code = client->guest.reported ? leati_stream_send(stream, data, len) : LEAT_OK;
        if (first == LEAT_OK && code != LEAT_OK)
            first = code_of ? code_of(stream, code) : code;
    }
    return first;
}

struct leat_socket_state leati_clients_state(const struct leati_clients *server, bool listens)
{
    return (struct leat_socket_state){
        .is_bound = listens,
        .is_connected = server->reported_count > 0,
        .is_close = !listens,
    };
}

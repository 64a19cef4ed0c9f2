/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/connections.h"

#include <errno.h>
#include <stddef.h>

void leati_connections_add(struct leati_connections *list, struct leati_connection *connection,
                           struct leati_stream *stream, void *socket)
{
    *connection = (struct leati_connection){
        .next = list->first, .stream = stream, .socket = socket, .id = ++list->last_id};
    if (list->first)
        list->first->prev = connection;
    list->first = connection;
    list->count++;
}

void leati_connections_remove(struct leati_connections *list, struct leati_connection *connection)
{
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        list->first = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    list->count--;
    leati_admission_leave(&list->admission, &connection->guest);
}

void leati_connections_done(struct leati_connections *list)
{
    leati_admission_done(&list->admission);
}

void leati_connections_give_up(struct leati_connections *list, struct leati_guest *guest)
{
    struct leati_connection *connection =
        (struct leati_connection *)((char *)guest - offsetof(struct leati_connection, guest));
    leati_admission_leave(&list->admission, guest);
    leati_stream_break(connection->stream, EUSERS, leati_admission_excess_text);
}

void leati_connections_set_reported(struct leati_connections *list,
                                    struct leati_connection *connection, bool reported)
{
    if (connection->reported == reported)
        return;
    connection->reported = reported;
    list->reported_count += reported ? 1 : (size_t)-1;
}

void *leati_connections_find(const struct leati_connections *list, uint64_t id)
{
    for (struct leati_connection *c = list->first; c; c = c->next)
        if (c->id == id && c->reported)
            return c->socket;
    return NULL;
}

int leati_connections_send(const struct leati_connections *list, const void *data, size_t len)
{
    int first = LEAT_OK;
    for (struct leati_connection *c = list->first; c; c = c->next) {
        int code = c->reported ? leati_stream_send(c->stream, data, len) : LEAT_OK;
        if (first == LEAT_OK)
            first = code;
    }
    return first;
}

void leati_connections_close(const struct leati_connections *list)
{
    for (struct leati_connection *c = list->first; c; c = c->next)
        (void)leati_stream_close(c->stream);
}

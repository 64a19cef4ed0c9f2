/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of a WebSocket server, which server.c and server_request.c share. */
#ifndef LEATI_WEBSOCKET_SERVER_PRIVATE_H
#define LEATI_WEBSOCKET_SERVER_PRIVATE_H

#include <leat/websocket_server.h>

#include "conn/clients.h"
#include "tcp/listener.h"
#include "websocket/websocket.h"
#include "ws/accept.h"

#include <stddef.h>

struct server_client {
    struct leat_websocket ws;          /* first: it is freed with it */
    struct leati_client base;          /* `server` is NULL when it has ended, or its server */
    struct leat_http_request *request; /* that the program has not answered yet; NULL = none */
    struct leati_address *forwarded;   /* whom a trusted proxy names; NULL = nobody */
};

struct leat_websocket_server {
    struct leati_clients base;
    struct leat_websocket_server_callbacks callbacks;
    struct leati_stream_budget budget;              /* of all queues */
    struct leati_websocket_terms terms, part_terms; /* of messages that come whole, and in parts */
    struct leati_tls_credentials *credentials;      /* NULL = ws */
    struct leati_tcp_listener *listener;            /* NULL = it does not listen */
    struct leati_timer drain_timer;                 /* who is still there then is cut off */
    struct leat_websocket_server_counters counters; /* of what has happened; not of what is now */
};

static inline struct server_client *client_of(struct leati_client *base)
{
    return (struct server_client *)(void *)((char *)base - offsetof(struct server_client, base));
}

/** Listens, on one of the three. @return LEAT_OK or as leat_websocket_server_start(), recorded. */
int leati_server_listen(leat_websocket_server *server, const struct leati_address *address,
                        const struct leati_local_address *path, const int *adopted_fd,
                        const leat_config *config);
/** The queues of all connections are full: ends those with the longest ones. */
void leati_server_make_room(struct leati_stream_budget *budget, size_t size);
/** The time of leat_websocket_server_drain() is over. */
void leati_server_drain_over(struct leati_timer *timer, void *user);

/** NULL once the client is none of a server any more. */
static inline leat_websocket_server *server_of(const struct server_client *client)
{
    return (leat_websocket_server *)client->base.server;
}

/** The client goes: what it has asked for will not be answered. */
void leati_server_forget_request(struct server_client *client);

#endif

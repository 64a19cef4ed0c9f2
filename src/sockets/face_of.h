/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two faces of one kind of stream socket, of a socket and of a server and its connections, and
 * those of its public functions that are the same for all kinds: CALL(pause) is
 * leat_tcp_socket_pause() and its likes. faces.c includes this once for each kind; there stands what
 * differs:
 *
 *   KIND            names leati_KIND_face, leati_KIND_connection_face and leati_KIND_server_owner
 *   SOCKET, SERVER  the public types
 *   OBJECT, HOST    the structs behind them
 *   CALLS           where both keep the program's callbacks
 *   OPTIONS         the type of their `options`
 *   LISTENS(host)   whether a server does
 *   OPENED(o)       what is noted of a socket that is connected
 *   REMOTE(o, len)  from where a message is, for the callback
 *   TRANSLATE(e, was_open)  makes an error one of this kind
 */
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c)  JOIN_(a, b, c)
#define OWN(name)      JOIN(KIND, _, name)
#define CALL(name)     JOIN(leat_, KIND, _socket_##name)

/* ---- a socket ---------------------------------------------------------------------- */

static void OWN(connected)(struct leati_stream_socket *s)
{
    OBJECT *o = (OBJECT *)s;
    OPENED(o);
    if (o->CALLS.connected)
        o->CALLS.connected((SOCKET *)o, s->user);
}

static void OWN(message)(struct leati_stream_socket *s, const uint8_t *data, size_t len)
{
    OBJECT *o = (OBJECT *)s;
    if (o->CALLS.message)
        o->CALLS.message((SOCKET *)o, data, len, REMOTE(o, len), s->user);
}

static void OWN(writable)(struct leati_stream_socket *s)
{
    OBJECT *o = (OBJECT *)s;
    if (o->CALLS.writable)
        o->CALLS.writable((SOCKET *)o, s->user);
}

static void OWN(error)(struct leati_stream_socket *s, const struct leat_error *error)
{
    OBJECT *o = (OBJECT *)s;
    struct leat_error told = *error;
    TRANSLATE(&told, o->was_open);
    if (o->CALLS.error)
        o->CALLS.error((SOCKET *)o, &told, s->user);
}

static void OWN(closed)(struct leati_stream_socket *s)
{
    OBJECT *o = (OBJECT *)s;
    if (o->CALLS.closed)
        o->CALLS.closed((SOCKET *)o, s->user);
}

const struct leati_stream_face JOIN(leati_, KIND, _face) = {
    .connected = OWN(connected),
    .message = OWN(message),
    .writable = OWN(writable),
    .error = OWN(error),
    .closed = OWN(closed),
    .unbind = UNBIND,
    .done = DONE,
};

int CALL(set_callbacks)(SOCKET *socket, const struct CALL(callbacks) * callbacks, void *user)
{
    OBJECT *o = (OBJECT *)socket;
    if (!o || o->base.face != &JOIN(leati_, KIND, _face) ||
        !leati_replace_known(&o->CALLS, sizeof(o->CALLS), callbacks))
        return LEAT_E_PARAMETER;
    o->base.user = user;
    return LEAT_OK;
}

void CALL(free)(SOCKET *socket)
{
    leati_stream_socket_free((struct leati_stream_socket *)socket);
}

void CALL(pause)(SOCKET *socket)
{
    if (socket)
        leati_stream_pause(&((OBJECT *)socket)->base.stream);
}

void CALL(resume)(SOCKET *socket)
{
    if (socket)
        leati_stream_resume(&((OBJECT *)socket)->base.stream);
}

int CALL(get_socket_fd)(const SOCKET *socket)
{
    return leati_stream_socket_get_fd((const struct leati_stream_socket *)socket);
}

void CALL(get_extra_options)(const SOCKET *socket, OPTIONS *ret_options)
{
    if (socket && ret_options)
        *ret_options = ((const OBJECT *)socket)->options;
}

size_t CALL(get_buffered_bytes)(const SOCKET *socket)
{
    return socket ? ((const OBJECT *)socket)->base.stream.out.len : 0;
}

void CALL(get_error)(const SOCKET *socket, struct leat_error *ret_error)
{
    if (!socket || !ret_error)
        return;
    leati_failure_get(&((const OBJECT *)socket)->base.stream.failure, ret_error);
    TRANSLATE(ret_error, ((const OBJECT *)socket)->was_open);
}

uint64_t CALL(get_client_id)(const SOCKET *socket)
{
    return socket ? ((const OBJECT *)socket)->base.client.id : 0;
}

void CALL(set_client_data)(SOCKET *socket, void *data)
{
    if (socket)
        ((OBJECT *)socket)->base.client_data = data;
}

void *CALL(get_client_data)(const SOCKET *socket)
{
    return socket ? ((const OBJECT *)socket)->base.client_data : NULL;
}

/* ---- a server ---------------------------------------------------------------------- */

static HOST *OWN(host)(const struct leati_stream_socket *s)
{
    return (HOST *)s->client.server;
}

static void OWN(client_connected)(struct leati_stream_socket *s)
{
    HOST *host = OWN(host)(s);
    if (host->CALLS.connected)
        host->CALLS.connected((SERVER *)host, (SOCKET *)s, host->base.user);
}

static void OWN(client_message)(struct leati_stream_socket *s, const uint8_t *data, size_t len)
{
    HOST *host = OWN(host)(s);
    if (host->CALLS.message)
        host->CALLS.message((SERVER *)host, (SOCKET *)s, data, len, REMOTE((OBJECT *)s, len),
                            host->base.user);
}

static void OWN(client_writable)(struct leati_stream_socket *s)
{
    HOST *host = OWN(host)(s);
    if (host->CALLS.writable)
        host->CALLS.writable((SERVER *)host, (SOCKET *)s, host->base.user);
}

static void OWN(host_error)(HOST *host, struct leati_stream_socket *s,
                            const struct leat_error *error)
{
    struct leat_error told = *error;
    TRANSLATE(&told, s);
    if (host->CALLS.error)
        host->CALLS.error((SERVER *)host, (SOCKET *)s, &told, host->base.user);
}

static void OWN(client_error)(struct leati_stream_socket *s, const struct leat_error *error)
{
    OWN(host_error)(OWN(host)(s), s, error);
}

static void OWN(client_closed)(struct leati_stream_socket *s)
{
    HOST *host = OWN(host)(s);
    if (host->CALLS.closed)
        host->CALLS.closed((SERVER *)host, (SOCKET *)s, host->base.user);
}

static void OWN(server_error)(struct leati_clients *base, const struct leat_error *error)
{
    OWN(host_error)((HOST *)base, NULL, error);
}

const struct leati_stream_face JOIN(leati_, KIND, _connection_face) = {
    .connected = OWN(client_connected),
    .message = OWN(client_message),
    .writable = OWN(client_writable),
    .error = OWN(client_error),
    .closed = OWN(client_closed),
    .unbind = UNBIND,
    .done = DONE,
};

const struct leati_clients_owner JOIN(leati_, KIND, _server_owner) = {
    .layer = LEAT_LAYER_TCP,
    .error = OWN(server_error),
    .stream = leati_stream_socket_stream_of,
    .dispose = leati_stream_socket_dispose_client,
};

int CALL(server_set_callbacks)(SERVER *server, const struct CALL(server_callbacks) * callbacks,
                               void *user)
{
    HOST *host = (HOST *)server;
    if (!host || !leati_replace_known(&host->CALLS, sizeof(host->CALLS), callbacks))
        return LEAT_E_PARAMETER;
    host->base.user = user;
    return LEAT_OK;
}

void CALL(server_get_state)(const SERVER *server, struct leat_socket_state *ret_state)
{
    const HOST *host = (const HOST *)server;
    if (host && ret_state)
        *ret_state = leati_clients_state(&host->base, LISTENS(host));
}

void CALL(server_get_extra_options)(const SERVER *server, OPTIONS *ret_options)
{
    if (server && ret_options)
        *ret_options = ((const HOST *)server)->options;
}

size_t CALL(server_get_connection_count)(const SERVER *server)
{
    return server ? ((const struct leati_clients *)server)->reported_count : 0;
}

SOCKET *CALL(server_find)(const SERVER *server, uint64_t client_id)
{
    const struct leati_clients *clients = (const struct leati_clients *)server;
    return clients ? (SOCKET *)leati_stream_socket_of(leati_clients_find(clients, client_id))
                   : NULL;
}

void CALL(server_get_error)(const SERVER *server, struct leat_error *ret_error)
{
    if (!server || !ret_error)
        return;
    leati_failure_get(&((const struct leati_clients *)server)->failure, ret_error);
    TRANSLATE(ret_error, false);
}

#undef JOIN_
#undef JOIN
#undef OWN
#undef CALL
#undef KIND
#undef SOCKET
#undef SERVER
#undef OBJECT
#undef HOST
#undef CALLS
#undef OPTIONS
#undef LISTENS
#undef OPENED
#undef REMOTE
#undef TRANSLATE
#undef UNBIND
#undef DONE

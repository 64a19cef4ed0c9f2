/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two faces of one kind of stream socket: of a socket, and of a server and its connections.
 * faces.c includes this once for each kind; there stands what differs:
 *
 *   KIND            names leati_KIND_face, leati_KIND_connection_face and leati_KIND_server_owner
 *   SOCKET, SERVER  the public types
 *   OBJECT, HOST    the structs behind them
 *   CALLS           where both keep the program's callbacks
 *   OPENED(o)       what is noted of a socket that is connected
 *   REMOTE(o, len)  from where a message is, for the callback
 *   TRANSLATE(e, was_open)  makes an error one of this kind
 */
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c)  JOIN_(a, b, c)
#define OWN(name)      JOIN(KIND, _, name)

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

#undef JOIN_
#undef JOIN
#undef OWN
#undef KIND
#undef SOCKET
#undef SERVER
#undef OBJECT
#undef HOST
#undef CALLS
#undef OPENED
#undef REMOTE
#undef TRANSLATE
#undef UNBIND
#undef DONE

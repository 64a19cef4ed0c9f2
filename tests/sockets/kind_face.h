/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of kinds.h, to be included once for each kind with these defined:
 * KIND (its short name), SOCKET, SERVER (its types), REMOTE (how a message says where it is from),
 * OPTIONS (its extra options), and before that KIND_connect(), KIND_bind() and KIND_listen().
 */
#define GLUE_(a, b) a##_##b
#define GLUE(a, b)  GLUE_(a, b)
#define OWN(name)   GLUE(KIND, name)
#define OF(name)    GLUE(SOCKET, name)
#define AT(name)    GLUE(SERVER, name)

static void OWN(on_connected)(SOCKET *socket, void *user)
{
    cr_assert(socket == ends.client && user == &ends);
    client_told("connected");
}

static void OWN(on_message)(SOCKET *socket, const uint8_t *data, size_t len, REMOTE remote,
                            void *user)
{
    cr_assert(socket == ends.client && user == &ends && remote);
    client_received(data, len);
}

static void OWN(on_writable)(SOCKET *socket, void *user)
{
    cr_assert(socket == ends.client && user == &ends);
    client_told("writable");
}

static void OWN(on_error)(SOCKET *socket, const struct leat_error *error, void *user)
{
    cr_assert(socket == ends.client && user == &ends);
    client_failed(error);
}

static void OWN(on_closed)(SOCKET *socket, void *user)
{
    cr_assert(socket == ends.client && user == &ends);
    client_told("closed");
}

static int OWN(new)(leat_loop *loop, void **ret_socket)
{
    static const struct OF(callbacks) callbacks = {
        .size = sizeof(callbacks),
        .connected = OWN(on_connected),
        .message = OWN(on_message),
        .writable = OWN(on_writable),
        .error = OWN(on_error),
        .closed = OWN(on_closed),
    };
    SOCKET *socket;
    int code = OF(new)(loop, &callbacks, &ends, &socket);
    if (code == LEAT_OK)
        *ret_socket = socket;
    return code;
}

static void OWN(on_client)(SERVER *server, SOCKET *socket, void *user)
{
    cr_assert(server == ends.server && user == &ends);
    ends.connection = socket;
    connection_told(socket, "");
}

static void OWN(on_client_message)(SERVER *server, SOCKET *socket, const uint8_t *data, size_t len,
                                   REMOTE remote, void *user)
{
    cr_assert(server == ends.server && user == &ends && remote);
    connection_received(socket, data, len);
}

static void OWN(on_client_writable)(SERVER *server, SOCKET *socket, void *user)
{
    cr_assert(server == ends.server && user == &ends);
    connection_told(socket, " writable");
}

static void OWN(on_client_error)(SERVER *server, SOCKET *socket, const struct leat_error *error,
                                 void *user)
{
    cr_assert(server == ends.server && user == &ends);
    connection_failed(socket, error);
}

static void OWN(on_client_closed)(SERVER *server, SOCKET *socket, void *user)
{
    cr_assert(server == ends.server && user == &ends);
    connection_told(socket, " closed");
}

static int OWN(server_new)(leat_loop *loop, void **ret_server)
{
    static const struct AT(callbacks) callbacks = {
        .size = sizeof(callbacks),
        .connected = OWN(on_client),
        .message = OWN(on_client_message),
        .writable = OWN(on_client_writable),
        .error = OWN(on_client_error),
        .closed = OWN(on_client_closed),
    };
    SERVER *server;
    int code = AT(new)(loop, &callbacks, &ends, &server);
    if (code == LEAT_OK)
        *ret_server = server;
    return code;
}

static int OWN(set_timeout)(void *socket, uint32_t timeout_ms)
{
    OPTIONS extra;
    OF(get_extra_options)(socket, &extra);
    extra.socket_timeout_ms = timeout_ms;
    return OF(set_extra_options)(socket, &extra);
}

/* The rest differs only in its types. */
#define PASS(result, name, of, parameters, ...)                                                    \
    static result OWN(name) parameters                                                             \
    {                                                                                              \
        return of(__VA_ARGS__);                                                                    \
    }
#define PASS_VOID(name, of, parameters, ...)                                                       \
    static void OWN(name) parameters                                                               \
    {                                                                                              \
        of(__VA_ARGS__);                                                                           \
    }
PASS_VOID(free, OF(free), (void *s), s)
PASS(int, send, OF(send), (void *s, const void *data, size_t len), s, data, len)
PASS(int, close, OF(close), (void *s), s)
PASS_VOID(pause, OF(pause), (void *s), s)
PASS_VOID(resume, OF(resume), (void *s), s)
PASS(size_t, buffered, OF(get_buffered_bytes), (const void *s), s)
PASS(int, fd, OF(get_socket_fd), (const void *s), s)
PASS_VOID(get_state, OF(get_state), (const void *s, struct leat_socket_state *state), s, state)
PASS_VOID(get_error, OF(get_error), (const void *s, struct leat_error *error), s, error)
PASS(uint64_t, id, OF(get_client_id), (const void *s), s)
PASS_VOID(set_data, OF(set_client_data), (void *s, void *data), s, data)
PASS(void *, data, OF(get_client_data), (const void *s), s)
PASS_VOID(server_free, AT(free), (void *s), s)
PASS(int, server_close, AT(close), (void *s), s)
PASS(int, server_fd, AT(get_socket_fd), (const void *s), s)
PASS(size_t, count, AT(get_connection_count), (const void *s), s)
PASS(void *, find, AT(find), (const void *s, uint64_t id), s, id)
PASS_VOID(server_get_state, AT(get_state), (const void *s, struct leat_socket_state *state), s,
          state)
PASS_VOID(server_get_error, AT(get_error), (const void *s, struct leat_error *error), s, error)
#undef PASS
#undef PASS_VOID

const struct kind GLUE(kind, KIND) = {
    .errno_base = ERRNO_BASE,
    .full = FULL,
    .stalled = STALLED,
    .new = OWN(new),
    .free = OWN(free),
    .connect = OWN(connect),
    .bind = OWN(bind),
    .send = OWN(send),
    .close = OWN(close),
    .pause = OWN(pause),
    .resume = OWN(resume),
    .set_timeout = OWN(set_timeout),
    .buffered = OWN(buffered),
    .fd = OWN(fd),
    .get_state = OWN(get_state),
    .get_error = OWN(get_error),
    .id = OWN(id),
    .set_data = OWN(set_data),
    .data = OWN(data),
    .server_new = OWN(server_new),
    .server_free = OWN(server_free),
    .listen = OWN(listen),
    .server_close = OWN(server_close),
    .server_fd = OWN(server_fd),
    .count = OWN(count),
    .find = OWN(find),
    .server_get_state = OWN(server_get_state),
    .server_get_error = OWN(server_get_error),
};

#undef GLUE_
#undef GLUE
#undef OWN
#undef OF
#undef AT
#undef KIND
#undef SOCKET
#undef SERVER
#undef REMOTE
#undef OPTIONS
#undef ERRNO_BASE
#undef FULL
#undef STALLED

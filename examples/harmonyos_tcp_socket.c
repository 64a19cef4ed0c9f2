/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCP socket and the TCP socket server of HarmonyOS' guide, here, on one loop: the same steps, each
 * beside the call that it has there (docs/porting/tcp.md).
 *
 *     harmonyos_tcp_socket
 *
 *     cc -Iinclude examples/harmonyos_tcp_socket.c -Lbuild/release/lib -lleat -o harmonyos_tcp_socket
 */
#include <leat/leat.h>

#include <stdio.h>
#include <string.h>

struct program {
    leat_loop *loop;
    leat_tcp_socket_server *server;
    int exit_status;
};

/* ---- the server ------------------------------------------------------------------------ */

/* tcpServer.on('connect'), with the connection, which is sent to: client.send() */
static void server_connected(leat_tcp_socket_server *server, leat_tcp_socket *client, void *user)
{
    static const char text[] = "Hello, client!";
    struct leat_net_address address;
    (void)server;
    (void)user;
    if (leat_tcp_socket_get_remote_address(client, &address) == LEAT_OK) /* getRemoteAddress() */
        printf("server: client %u from %s\n", (unsigned)leat_tcp_socket_get_client_id(client),
               address.address);
    if (leat_tcp_socket_send(client, text, sizeof(text) - 1) != LEAT_OK)
        leat_tcp_socket_free(client);
}

/* client.on('message'), then client.close() */
static void server_message(leat_tcp_socket_server *server, leat_tcp_socket *client,
                           const uint8_t *data, size_t len, const struct leat_remote_info *remote,
                           void *user)
{
    (void)server;
    (void)remote;
    (void)user;
    printf("server: message \"%.*s\"\n", (int)len, (const char *)data);
    if (leat_tcp_socket_close(client) != LEAT_OK)
        leat_tcp_socket_free(client);
}

/* client.on('close'), then tcpServer.close() */
static void server_closed(leat_tcp_socket_server *server, leat_tcp_socket *client, void *user)
{
    struct program *program = user;
    (void)client;
    printf("server: closed\n");
    if (leat_tcp_socket_server_close(server) != LEAT_OK)
        program->exit_status = 1;
    leat_loop_stop(program->loop);
}

static const struct leat_tcp_socket_server_callbacks server_callbacks = {
    .size = sizeof(server_callbacks),
    .connected = server_connected,
    .message = server_message,
    .closed = server_closed,
};

/* ---- the client ------------------------------------------------------------------------ */

/* tcp.on('connect') */
static void client_connected(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    (void)user;
    printf("client: connected\n");
}

/* tcp.on('message'), then tcp.send() */
static void client_message(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    static const char text[] = "Hello, server!";
    struct program *program = user;
    printf("client: message \"%.*s\" from %s, %s\n", (int)len, (const char *)data, remote->address,
           remote->family);
    if (leat_tcp_socket_send(tcp, text, sizeof(text) - 1) == LEAT_OK)
        program->exit_status = 0;
}

/* tcp.on('error') */
static void client_error(leat_tcp_socket *tcp, const struct leat_error *error, void *user)
{
    struct program *program = user;
    (void)tcp;
    fprintf(stderr, "%d %s %s\n", error->code, leat_strerror(error->code), error->text);
    program->exit_status = 1;
    leat_loop_stop(program->loop);
}

/* tcp.on('close') */
static void client_closed(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    (void)user;
    printf("client: closed\n");
}

static const struct leat_tcp_socket_callbacks client_callbacks = {
    .size = sizeof(client_callbacks),
    .connected = client_connected,
    .message = client_message,
    .error = client_error,
    .closed = client_closed,
};

static int run(struct program *program)
{
    const struct leat_tcp_extra_options options = {
        .size = sizeof(options), .keep_alive = true, .tcp_no_delay = true};
    struct leat_net_address address;
    leat_tcp_socket *tcp = NULL;
    /* constructTCPSocketServerInstance(), listen(), getLocalAddress() */
    int code =
        leat_tcp_socket_server_new(program->loop, &server_callbacks, program, &program->server);
    if (code == LEAT_OK)
        code = leat_tcp_socket_server_listen(program->server, "127.0.0.1", 0, NULL);
    if (code == LEAT_OK)
        code = leat_tcp_socket_server_get_local_address(program->server, &address);
    /* constructTCPSocketInstance(), bind(), setExtraOptions(), connect() */
    if (code == LEAT_OK)
        code = leat_tcp_socket_new(program->loop, &client_callbacks, program, &tcp);
    if (code == LEAT_OK)
        code = leat_tcp_socket_bind(tcp, "127.0.0.1", 0);
    if (code == LEAT_OK)
        code = leat_tcp_socket_set_extra_options(tcp, &options);
    if (code == LEAT_OK)
        code = leat_tcp_socket_connect(tcp, address.address, address.port, NULL);
    if (code == LEAT_OK)
        code = leat_loop_run(program->loop);
    else
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
    leat_tcp_socket_free(tcp);
    leat_tcp_socket_server_free(program->server);
    return code;
}

int main(void)
{
    struct program program = {.exit_status = 1};
    int code = leat_loop_new(&program.loop);
    if (code == LEAT_OK)
        code = run(&program);
    leat_loop_free(program.loop);
    return code == LEAT_OK ? program.exit_status : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP socket through a SOCKS5 proxy of HarmonyOS' reference, here: the same steps, each beside the call
 * that it has there (docs/porting/udp.md). ProxyOptions {type, address, username, password} are a URL and
 * the credentials, which need no escaping so.
 *
 *     harmonyos_udp_proxy HOST PORT PROXY_HOST PROXY_PORT [USER PASSWORD]
 *
 *     cc -Iinclude examples/harmonyos_udp_proxy.c -Lbuild/release/lib -lleat -o harmonyos_udp_proxy
 */
#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
    leat_loop *loop;
    const char *host;
    uint16_t port;
    int exit_status;
};

static void stop_with(struct program *program, int code, const char *text)
{
    fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), text);
    leat_loop_stop(program->loop);
}

/* on('listening'): the proxy has given a relay; send({data, address, proxy}) */
static void on_listening(leat_udp_socket *udp, void *user)
{
    static const char text[] = "Hello, server!";
    struct program *program = user;
    struct leat_net_address own;
    if (leat_udp_socket_get_local_address(udp, &own) == LEAT_OK) /* getLocalAddress() */
        printf("listening, %s\n", own.family == LEAT_ADDRESS_IPV4 ? "IPv4" : "IPv6");
    int code = leat_udp_socket_send(udp, text, sizeof(text) - 1, program->host, program->port);
    if (code != LEAT_OK)
        stop_with(program, code, "");
}

/* on('message') with its remoteInfo, then close() */
static void on_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                       const struct leat_remote_info *remote, void *user)
{
    struct program *program = user;
    printf("message from %s (%s), %zu bytes: %.*s\n", remote->address, remote->family, remote->size,
           (int)len, (const char *)data);
    program->exit_status = 0;
    if (leat_udp_socket_close(udp) != LEAT_OK)
        leat_loop_stop(program->loop);
}

/* on('error') */
static void on_error(leat_udp_socket *udp, const struct leat_error *error, void *user)
{
    (void)udp;
    stop_with(user, error->code, error->text);
}

/* on('close') */
static void on_closed(leat_udp_socket *udp, void *user)
{
    struct program *program = user;
    (void)udp;
    printf("closed\n");
    leat_loop_stop(program->loop);
}

static const struct leat_udp_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .listening = on_listening,
    .message = on_message,
    .error = on_error,
    .closed = on_closed,
};

static int run(struct program *program, int argc, char **argv)
{
    char proxy[512];
    leat_config *config = NULL;
    leat_udp_socket *udp = NULL;
    snprintf(proxy, sizeof(proxy), "socks5h://%s:%s", argv[3], argv[4]);
    int code = leat_config_new(&config);
    if (code == LEAT_OK)
        code = leat_config_set_proxy(config, proxy);
    if (code == LEAT_OK && argc == 7)
        code = leat_config_set_proxy_credentials(config, argv[5], argv[6]);
    if (code == LEAT_OK) /* constructUDPSocketInstance() */
        code = leat_udp_socket_new(program->loop, &callbacks, program, &udp);
    if (code == LEAT_OK) /* bind() */
        code = leat_udp_socket_bind(udp, "0.0.0.0", 0, config);
    if (code == LEAT_OK)
        code = leat_loop_run(program->loop);
    else
        stop_with(program, code, "");
    leat_udp_socket_free(udp);
    leat_config_free(config);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};
    if (argc != 5 && argc != 7) {
        fprintf(stderr,
                "usage: harmonyos_udp_proxy HOST PORT PROXY_HOST PROXY_PORT [USER PASSWORD]\n");
        return 2;
    }
    program.host = argv[1];
    program.port = (uint16_t)strtoul(argv[2], NULL, 10);
    int code = leat_loop_new(&program.loop);
    if (code == LEAT_OK)
        code = run(&program, argc, argv);
    leat_loop_free(program.loop);
    return code == LEAT_OK ? program.exit_status : 1;
}

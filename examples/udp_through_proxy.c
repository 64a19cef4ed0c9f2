/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends one datagram, straight or through a SOCKS5 proxy, and prints the first answer.
 *
 *     udp_through_proxy HOST PORT TEXT [socks5h://[USER:PASSWORD@]PROXY[:PORT]]
 *
 *     cc -Iinclude examples/udp_through_proxy.c -Lbuild/release/lib -lleat -o udp_through_proxy
 */
#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 5000

struct program {
    leat_loop *loop;
    int exit_status;
};

static void on_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                       const struct leat_remote_info *remote, void *user)
{
    struct program *program = user;
    printf("%s port %u (%s) answered: %.*s\n", remote->address, (unsigned)remote->port,
           remote->family, (int)len, (const char *)data);
    program->exit_status = 0;
    if (leat_udp_socket_close(udp) != LEAT_OK)
        leat_loop_stop(program->loop);
}

/* ICMP, a name that does not resolve, or a proxy that does not relay. */
static void on_error(leat_udp_socket *udp, const struct leat_error *error, void *user)
{
    struct program *program = user;
    (void)udp;
    fprintf(stderr, "%d %s %s\n", error->code, leat_strerror(error->code), error->text);
    leat_loop_stop(program->loop);
}

static void on_closed(leat_udp_socket *udp, void *user)
{
    struct program *program = user;
    (void)udp;
    leat_loop_stop(program->loop);
}

static void on_timeout(leat_timer *timer, void *user)
{
    struct program *program = user;
    (void)timer;
    fprintf(stderr, "no answer within %d ms\n", ANSWER_TIMEOUT_MS);
    leat_loop_stop(program->loop);
}

static const struct leat_udp_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .message = on_message,
    .error = on_error,
    .closed = on_closed,
};

/* Binds, sends, and runs the loop until one of the callbacks stops it. */
static int ask(struct program *program, const char *const *argv, const char *proxy)
{
    leat_config *config = NULL;
    leat_udp_socket *udp = NULL;
    leat_timer *timer = NULL;
    struct leat_error error = {0};

    int code = leat_config_new(&config);
    if (code == LEAT_OK)
        code = leat_config_set_proxy(config, proxy);
    if (code == LEAT_OK)
        code = leat_udp_socket_new(program->loop, &callbacks, program, &udp);
    if (code == LEAT_OK)
        code = leat_timer_new(program->loop, on_timeout, program, &timer);
    if (code == LEAT_OK)
        code = leat_udp_socket_bind(udp, "0.0.0.0", 0, config);
    if (code == LEAT_OK)
        code = leat_udp_socket_send(udp, argv[2], strlen(argv[2]), argv[0],
                                    (uint16_t)strtoul(argv[1], NULL, 10));
    if (code == LEAT_OK) {
        leat_timer_start(timer, ANSWER_TIMEOUT_MS);
        code = leat_loop_run(program->loop);
    } else {
        leat_config_get_error(config, &error);
        leat_udp_socket_get_error(udp, &error);
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    }
    leat_timer_free(timer);
    leat_udp_socket_free(udp);
    leat_config_free(config);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: udp_through_proxy HOST PORT TEXT [PROXY]\n");
        return 2;
    }
    const char *const arguments[] = {argv[1], argv[2], argv[3]};
    int code = leat_loop_new(&program.loop);
    if (code == LEAT_OK)
        code = ask(&program, arguments, argc == 5 ? argv[4] : NULL);
    leat_loop_free(program.loop);
    return code == LEAT_OK ? program.exit_status : 1;
}

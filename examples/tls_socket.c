/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects with TLS, says one line, and prints what was agreed on and the first answer.
 *
 *     tls_socket HOST PORT TEXT [CA.pem]
 *
 *     cc -Iinclude examples/tls_socket.c -Lbuild/release/lib -lleat -o tls_socket
 */
#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
    leat_loop *loop;
    const char *text;
    int exit_status;
};

static void on_connected(leat_tls_socket *tls, void *user)
{
    const struct program *program = user;
    printf("%s %s%s\n", leat_tls_socket_get_protocol(tls), leat_tls_socket_get_cipher_suite(tls),
           leat_tls_socket_is_session_reused(tls) ? ", resumed" : "");
    if (leat_tls_socket_send(tls, program->text, strlen(program->text)) != LEAT_OK ||
        leat_tls_socket_send(tls, "\n", 1) != LEAT_OK)
        leat_loop_stop(program->loop);
}

static void on_message(leat_tls_socket *tls, const uint8_t *data, size_t len,
                       const struct leat_remote_info *remote, void *user)
{
    struct program *program = user;
    printf("%s answered: %.*s", remote->address, (int)len, (const char *)data);
    program->exit_status = 0;
    if (leat_tls_socket_close(tls) != LEAT_OK)
        leat_loop_stop(program->loop);
}

/* `closed` follows. The text says which certificate was not accepted and why, for example. */
static void on_error(leat_tls_socket *tls, const struct leat_error *error, void *user)
{
    (void)tls;
    (void)user;
    fprintf(stderr, "%d %s %s\n", error->code, leat_strerror(error->code), error->text);
}

static void on_closed(leat_tls_socket *tls, void *user)
{
    struct program *program = user;
    (void)tls;
    leat_loop_stop(program->loop);
}

static const struct leat_tls_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .connected = on_connected,
    .message = on_message,
    .error = on_error,
    .closed = on_closed,
};

/* Connects, and runs the loop until one of the callbacks stops it. */
static int talk(struct program *program, const char *host, uint16_t port, const char *ca_path)
{
    leat_tls_options *options = NULL;
    leat_tls_socket *tls = NULL;
    struct leat_error error = {0};

    int code = leat_tls_options_new(&options);
    if (code == LEAT_OK)
        code = leat_tls_options_set_ca_path(options, ca_path);
    if (code == LEAT_OK)
        code = leat_tls_socket_new(program->loop, &callbacks, program, &tls);
    if (code == LEAT_OK)
        code = leat_tls_socket_connect(tls, host, port, options, NULL);
    if (code == LEAT_OK)
        code = leat_loop_run(program->loop);
    else if (tls)
        leat_tls_socket_get_error(tls, &error);
    if (code != LEAT_OK)
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    leat_tls_socket_free(tls);
    leat_tls_options_free(options);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};

    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: %s HOST PORT TEXT [CA.pem]\n", argv[0]);
        return 2;
    }
    program.text = argv[3];
    if (leat_loop_new(&program.loop) != LEAT_OK)
        return 1;
    if (talk(&program, argv[1], (uint16_t)strtoul(argv[2], NULL, 10), argv[4]) != LEAT_OK)
        program.exit_status = 1;
    leat_loop_free(program.loop);
    return program.exit_status;
}

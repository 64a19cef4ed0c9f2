/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest client that is driven by events: sends one message, prints the answer, closes.
 *
 *     echo_client wss://HOST/PATH TEXT [CA_FILE]
 *
 *     cc -Iinclude examples/echo_client.c -Lbuild/release/lib -lleat -o echo_client
 */
#include <leat/leat.h>

#include <stdio.h>
#include <string.h>

struct program {
    leat_loop *loop;
    const char *text;
    int exit_status;
};

static void on_opened(leat_websocket *ws, void *user)
{
    const struct program *program = user;
    int code = leat_websocket_send(ws, LEAT_MESSAGE_TEXT, program->text, strlen(program->text));
    if (code != LEAT_OK) {
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
        leat_loop_stop(program->loop);
    }
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct program *program = user;
    (void)type;
    printf("%.*s\n", (int)len, (const char *)data);
    program->exit_status = 0;
    if (leat_websocket_close(ws, 1000, NULL) != LEAT_OK)
        leat_loop_stop(program->loop);
}

/* Comes exactly once, after a success as after a failure. */
static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    const struct leat_error *error = &event->error;
    (void)ws;
    if (error->code != LEAT_OK) {
        fprintf(stderr, "%d %s %s\n", error->code, leat_strerror(error->code), error->text);
        program->exit_status = 1;
    }
    leat_loop_stop(program->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static int talk(struct program *program, const char *url, const char *ca_path)
{
    leat_config *config = NULL;
    leat_websocket *ws = NULL;
    struct leat_error error = {0};

    int code = leat_config_new(&config);
    if (code == LEAT_OK && ca_path)
        code = leat_config_set_ca_path(config, ca_path);
    if (code == LEAT_OK)
        code = leat_websocket_new(program->loop, &callbacks, program, &ws);
    if (code == LEAT_OK) {
        code = leat_websocket_connect(ws, url, config);
        leat_websocket_get_error(ws, &error);
    }
    leat_config_free(config); /* connect has its copy */
    if (code == LEAT_OK)
        code = leat_loop_run(program->loop);
    else
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    leat_websocket_free(ws);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s URL TEXT [CA_FILE]\n", argv[0]);
        return 2;
    }
    program.text = argv[2];
    if (leat_loop_new(&program.loop) != LEAT_OK)
        return 1;
    if (talk(&program, argv[1], argv[3]) != LEAT_OK)
        program.exit_status = 1;
    leat_loop_free(program.loop);
    return program.exit_status;
}

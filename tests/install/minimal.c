/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minimal URL CA_FILE PROXY: opens connections to URL through PROXY, one behind the other, each of which gets an echo
 * and stays, and prints how many bytes of heap one of them has when nothing happens on it.
 */
#include <leat/leat.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>

/* The first one brings what all of them share. */
#define CONNECTIONS 11

struct program {
    leat_loop *loop;
    leat_config *config;
    const char *url;
    leat_websocket *sockets[CONNECTIONS];
    int open_count;
    int exit_status;
    size_t first_bytes;
};

static size_t heap_bytes(void)
{
    return mallinfo2().uordblks;
}

static void connect_next(struct program *program);

static void on_opened(leat_websocket *ws, void *user)
{
    struct program *program = user;
    if (leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "hello", 5) != LEAT_OK)
        leat_loop_stop(program->loop);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct program *program = user;
    (void)ws, (void)type;
    if (len != 5 || memcmp(data, "hello", 5) != 0) {
        printf("not what was sent\n");
        leat_loop_stop(program->loop);
        return;
    }
    connect_next(program);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    printf("%d %s %s\n", event->error.code, leat_code_name(event->error.code), event->error.text);
    leat_loop_stop(program->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static void connect_next(struct program *program)
{
    leat_websocket **ws = &program->sockets[program->open_count];

    if (program->open_count == 1)
        program->first_bytes = heap_bytes();
    if (program->open_count == CONNECTIONS) {
        program->exit_status = 0;
        leat_loop_stop(program->loop);
        return;
    }
    program->open_count++;
    if (leat_websocket_new(program->loop, &callbacks, program, ws) != LEAT_OK ||
        leat_websocket_connect(*ws, program->url, program->config) != LEAT_OK) {
        printf("cannot connect\n");
        leat_loop_stop(program->loop);
    }
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};

    if (argc != 4)
        return 2;
    program.url = argv[1];
    if (leat_loop_new(&program.loop) != LEAT_OK || leat_config_new(&program.config) != LEAT_OK ||
        leat_config_set_ca_path(program.config, argv[2]) != LEAT_OK ||
        leat_config_set_proxy(program.config, argv[3]) != LEAT_OK)
        return 1;
    connect_next(&program);
    if (leat_loop_run(program.loop) != LEAT_OK)
        program.exit_status = 1;
    if (program.exit_status == 0)
        printf("%zu\n", (heap_bytes() - program.first_bytes) / (CONNECTIONS - 1));
    for (int i = 0; i < program.open_count; i++)
        leat_websocket_free(program.sockets[i]);
    leat_config_free(program.config);
    leat_loop_free(program.loop);
    return program.exit_status;
}

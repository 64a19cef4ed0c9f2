/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that stays connected: prints what it is sent; when the connection is lost and another
 * attempt may end better, it connects again, after a delay that doubles and is spread by chance.
 *
 *     reconnect wss://HOST/PATH [CA_FILE]
 *
 * Ends with status 0 when the server has closed with 1000, with 1 when there is no point in trying
 * on.
 *
 *     cc -Iinclude examples/reconnect.c -Lbuild/release/lib -lleat -o reconnect
 */
#include <leat/leat.h>

#include <stdio.h>
#include <string.h>

struct program {
    leat_loop *loop;
    const char *url;
    leat_config *config;
    leat_websocket *ws;
    leat_reconnect *reconnect;
    leat_timer *timer;
    int exit_status;
};

static void on_opened(leat_websocket *ws, void *user)
{
    struct program *program = user;
    leat_reconnect_opened(program->reconnect);
    printf("connected to %s\n", leat_websocket_get_peer(ws));
    fflush(stdout);
    /* Here a program subscribes again to what it wants to be sent. */
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    (void)ws;
    (void)type;
    (void)user;
    printf("%.*s\n", (int)len, (const char *)data);
    fflush(stdout);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    uint32_t delay_ms;
    (void)ws;
    if (event->error.code == LEAT_OK)
        fprintf(stderr, "closed: %u %s\n", event->close_code, event->reason);
    else
        fprintf(stderr, "%d %s %s\n", event->error.code, leat_strerror(event->error.code),
                event->error.text);
    if (leat_reconnect_is_advised(event) &&
        leat_reconnect_next_delay_ms(program->reconnect, &delay_ms)) {
        fprintf(stderr, "again in %u ms\n", delay_ms);
        leat_timer_start(program->timer, delay_ms);
        return;
    }
    program->exit_status = event->error.code != LEAT_OK;
    leat_loop_stop(program->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

/* The first attempt and every other one. */
static int attempt(struct program *program)
{
    int code = leat_websocket_connect(program->ws, program->url, program->config);
    if (code == LEAT_OK)
        return LEAT_OK;
    struct leat_error error;
    leat_websocket_get_error(program->ws, &error);
    fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    return code;
}

static void on_time(leat_timer *timer, void *user)
{
    struct program *program = user;
    (void)timer;
    if (attempt(program) != LEAT_OK)
        leat_loop_stop(program->loop);
}

static int run(struct program *program, const char *ca_path)
{
    const struct leat_reconnect_options options = {
        .size = sizeof(options),
        .initial_delay_ms = 100,
        .max_delay_ms = 10000,
    };

    int code = leat_config_new(&program->config);
    if (code == LEAT_OK && ca_path)
        code = leat_config_set_ca_path(program->config, ca_path);
    /* A server that is silent for so long is asked whether it is still there. */
    if (code == LEAT_OK)
        code = leat_config_set_ping_interval(program->config, 20000);
    if (code == LEAT_OK)
        code = leat_loop_new(&program->loop);
    if (code == LEAT_OK)
        code = leat_timer_new(program->loop, on_time, program, &program->timer);
    if (code == LEAT_OK)
        code = leat_reconnect_new(&options, &program->reconnect);
    if (code == LEAT_OK)
        code = leat_websocket_new(program->loop, &callbacks, program, &program->ws);
    if (code == LEAT_OK)
        code = attempt(program);
    if (code == LEAT_OK)
        code = leat_loop_run(program->loop);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s URL [CA_FILE]\n", argv[0]);
        return 2;
    }
    program.url = argv[1];
    if (run(&program, argv[2]) != LEAT_OK)
        program.exit_status = 1;
    leat_websocket_free(program.ws);
    leat_reconnect_free(program.reconnect);
    leat_timer_free(program.timer);
    leat_loop_free(program.loop);
    leat_config_free(program.config);
    return program.exit_status;
}

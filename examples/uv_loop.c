/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat in a libuv loop. The adapter is all between the two lines; the rest is a client that sends
 * three messages, one at each tick of a libuv timer, and prints the answers.
 *
 *     uv_loop wss://HOST/PATH [CA_FILE]
 *
 *     cc -Iinclude examples/uv_loop.c -Lbuild/release/lib -lleat -luv -o uv_loop
 */
#include <leat/leat.h>

#include <stdio.h>
#include <string.h>
#include <uv.h>

#define MESSAGES 3
#define TICK_MS  20

/* ---- the adapter ---------------------------------------------------------------------- */

static void uv_leat_ready(uv_poll_t *poll, int status, int events)
{
    leat_loop *loop = poll->data;
    (void)events;
    int code = status < 0 ? LEAT_E_SYSTEM_INTERNAL : leat_loop_dispatch(loop, 0);
    if (code != LEAT_OK) {
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
        uv_stop(poll->loop);
    }
}

/* Lets `uv` drive `loop` until uv_close(poll). One descriptor stands for all that leat waits for.
 */
static int uv_leat_attach(uv_loop_t *uv, leat_loop *loop, uv_poll_t *poll)
{
    int status = uv_poll_init(uv, poll, leat_loop_get_fd(loop));
    if (status < 0)
        return status;
    poll->data = loop;
    return uv_poll_start(poll, UV_READABLE, uv_leat_ready);
}

/* ---- a client ------------------------------------------------------------------------- */

struct program {
    uv_loop_t uv;
    uv_poll_t poll;
    uv_timer_t timer;
    leat_loop *loop;
    leat_websocket *ws;
    int sent, answered, exit_status;
};

static void on_tick(uv_timer_t *timer)
{
    struct program *program = timer->data;
    char text[32];
    int len = snprintf(text, sizeof(text), "tick %d", ++program->sent);
    int code = leat_websocket_send(program->ws, LEAT_MESSAGE_TEXT, text, (size_t)len);
    if (code != LEAT_OK)
        fprintf(stderr, "not sent: %s\n", leat_strerror(code));
    if (program->sent == MESSAGES)
        uv_timer_stop(timer);
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct program *program = user;
    (void)ws;
    uv_timer_start(&program->timer, on_tick, 0, TICK_MS);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct program *program = user;
    (void)type;
    printf("%.*s\n", (int)len, (const char *)data);
    if (++program->answered == MESSAGES && leat_websocket_close(ws, 1000, NULL) != LEAT_OK)
        uv_stop(&program->uv);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    program->exit_status = event->error.code != LEAT_OK || program->answered < MESSAGES;
    if (event->error.code != LEAT_OK)
        fprintf(stderr, "%d %s %s\n", event->error.code, leat_strerror(event->error.code),
                event->error.text);
    /* Without handles uv_run() returns. */
    uv_close((uv_handle_t *)&program->poll, NULL);
    uv_close((uv_handle_t *)&program->timer, NULL);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static int start(struct program *program, const char *url, const char *ca_path)
{
    leat_config *config = NULL;
    int code = leat_config_new(&config);
    if (code == LEAT_OK && ca_path)
        code = leat_config_set_ca_path(config, ca_path);
    if (code == LEAT_OK)
        code = leat_websocket_new(program->loop, &callbacks, program, &program->ws);
    if (code == LEAT_OK)
        code = leat_websocket_connect(program->ws, url, config);
    leat_config_free(config);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s URL [CA_FILE]\n", argv[0]);
        return 2;
    }
    program.timer.data = &program;
    if (leat_loop_new(&program.loop) != LEAT_OK)
        return 1;
    if (uv_loop_init(&program.uv) < 0 || uv_timer_init(&program.uv, &program.timer) < 0 ||
        uv_leat_attach(&program.uv, program.loop, &program.poll) < 0)
        return 1;
    int code = start(&program, argv[1], argv[2]);
    if (code == LEAT_OK)
        uv_run(&program.uv, UV_RUN_DEFAULT);
    else
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
    leat_websocket_free(program.ws);
    uv_loop_close(&program.uv);
    leat_loop_free(program.loop);
    return program.exit_status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat in a libevent loop. The adapter is all between the two lines; the rest is a client that sends
 * three messages, one at each tick of a libevent timer, and prints the answers.
 *
 *     libevent_loop wss://HOST/PATH [CA_FILE]
 *
 *     cc -Iinclude examples/libevent_loop.c -Lbuild/release/lib -lleat -levent_core \
 *         -o libevent_loop
 */
#include <leat/leat.h>

#include <event2/event.h>
#include <stdio.h>

#define MESSAGES 3
#define TICK_MS  20

/* ---- the adapter ---------------------------------------------------------------------- */

struct libevent_leat {
    struct event_base *base;
    struct event *event;
    leat_loop *loop;
};

static void libevent_leat_ready(evutil_socket_t fd, short events, void *user)
{
    struct libevent_leat *leat = user;
    (void)fd;
    (void)events;
    int code = leat_loop_dispatch(leat->loop, 0);
    if (code != LEAT_OK) {
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
        event_base_loopbreak(leat->base);
    }
}

/* Lets `base` drive `loop` until event_free(leat->event). One descriptor stands for all that leat
 * waits for; it must not be EV_ET. */
static int libevent_leat_attach(struct event_base *base, leat_loop *loop,
                                struct libevent_leat *leat)
{
    leat->base = base;
    leat->loop = loop;
    leat->event =
        event_new(base, leat_loop_get_fd(loop), EV_READ | EV_PERSIST, libevent_leat_ready, leat);
    return leat->event ? event_add(leat->event, NULL) : -1;
}

/* ---- a client ------------------------------------------------------------------------- */

struct program {
    struct event_base *base;
    struct event *timer;
    struct libevent_leat leat;
    leat_loop *loop;
    leat_websocket *ws;
    int sent, answered, exit_status;
};

static void on_tick(evutil_socket_t fd, short events, void *user)
{
    struct program *program = user;
    (void)fd;
    (void)events;
    char text[32];
    int len = snprintf(text, sizeof(text), "tick %d", ++program->sent);
    int code = leat_websocket_send(program->ws, LEAT_MESSAGE_TEXT, text, (size_t)len);
    if (code != LEAT_OK)
        fprintf(stderr, "not sent: %s\n", leat_strerror(code));
    if (program->sent == MESSAGES)
        event_del(program->timer);
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct program *program = user;
    (void)ws;
    event_add(program->timer, &(struct timeval){.tv_usec = TICK_MS * 1000});
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct program *program = user;
    (void)type;
    printf("%.*s\n", (int)len, (const char *)data);
    if (++program->answered == MESSAGES && leat_websocket_close(ws, 1000, NULL) != LEAT_OK)
        event_base_loopbreak(program->base);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    program->exit_status = event->error.code != LEAT_OK || program->answered < MESSAGES;
    if (event->error.code != LEAT_OK)
        fprintf(stderr, "%d %s %s\n", event->error.code, leat_strerror(event->error.code),
                event->error.text);
    event_base_loopbreak(program->base);
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
    if (leat_loop_new(&program.loop) != LEAT_OK)
        return 1;
    program.base = event_base_new();
    if (!program.base || libevent_leat_attach(program.base, program.loop, &program.leat) < 0)
        return 1;
    program.timer = event_new(program.base, -1, EV_PERSIST, on_tick, &program);
    if (!program.timer)
        return 1;
    int code = start(&program, argv[1], argv[2]);
    if (code == LEAT_OK)
        event_base_dispatch(program.base);
    else
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
    leat_websocket_free(program.ws);
    event_free(program.timer);
    event_free(program.leat.event);
    event_base_free(program.base);
    leat_loop_free(program.loop);
    return program.exit_status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat in a GLib main loop, so also in GTK. The adapter is all between the two lines; the rest is a
 * client that sends three messages, one at each tick of a GLib timer, and prints the answers.
 *
 *     glib_loop wss://HOST/PATH [CA_FILE]
 *
 *     cc -Iinclude examples/glib_loop.c -Lbuild/release/lib -lleat \
 *         $(pkg-config --cflags --libs glib-2.0) -o glib_loop
 */
#include <leat/leat.h>

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES 3
#define TICK_MS  20

/* ---- the adapter ---------------------------------------------------------------------- */

static gboolean glib_leat_ready(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    (void)condition;
    int code = leat_loop_dispatch(user, 0);
    if (code != LEAT_OK)
        g_printerr("%d %s\n", code, leat_strerror(code));
    return code == LEAT_OK ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* Lets the default main context drive `loop` until g_source_remove() of what is returned. */
static guint glib_leat_attach(leat_loop *loop)
{
    return g_unix_fd_add(leat_loop_get_fd(loop), G_IO_IN, glib_leat_ready, loop);
}

/* ---- a client ------------------------------------------------------------------------- */

struct program {
    GMainLoop *main_loop;
    leat_loop *loop;
    leat_websocket *ws;
    int sent, answered, exit_status;
};

static gboolean on_tick(gpointer user)
{
    struct program *program = user;
    char text[32];
    int len = snprintf(text, sizeof(text), "tick %d", ++program->sent);
    int code = leat_websocket_send(program->ws, LEAT_MESSAGE_TEXT, text, (size_t)len);
    if (code != LEAT_OK)
        g_printerr("not sent: %s\n", leat_strerror(code));
    return program->sent < MESSAGES && code == LEAT_OK ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void on_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    g_timeout_add(TICK_MS, on_tick, user);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct program *program = user;
    (void)type;
    printf("%.*s\n", (int)len, (const char *)data);
    if (++program->answered == MESSAGES && leat_websocket_close(ws, 1000, NULL) != LEAT_OK)
        g_main_loop_quit(program->main_loop);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    program->exit_status = event->error.code != LEAT_OK || program->answered < MESSAGES;
    if (event->error.code != LEAT_OK)
        g_printerr("%d %s %s\n", event->error.code, leat_strerror(event->error.code),
                   event->error.text);
    g_main_loop_quit(program->main_loop);
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
    program.main_loop = g_main_loop_new(NULL, FALSE);
    guint source = glib_leat_attach(program.loop);
    int code = start(&program, argv[1], argv[2]);
    if (code == LEAT_OK)
        g_main_loop_run(program.main_loop);
    else
        g_printerr("%d %s\n", code, leat_strerror(code));
    leat_websocket_free(program.ws);
    g_source_remove(source);
    g_main_loop_unref(program.main_loop);
    leat_loop_free(program.loop);
    return program.exit_status;
}

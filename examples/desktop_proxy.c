/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy of the desktop, as libproxy finds it (settings of GNOME and KDE, the environment, PAC
 * scripts), in front of leat_config_set_proxy(). A PAC script may take seconds to be fetched, so
 * libproxy is asked on a thread of its own, and the loop goes on meanwhile.
 *
 *     desktop_proxy ws://HOST/PATH TEXT [CA_FILE]
 *
 *     cc -Iinclude examples/desktop_proxy.c -Lbuild/release/lib -lleat \
 *         $(pkg-config --cflags --libs libproxy-1.0) -pthread -o desktop_proxy
 */
#include <leat/leat.h>

#include <proxy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
    leat_loop *loop;
    leat_websocket *ws;
    const char *url, *text, *ca_path;
    char *proxy; /* "" = none is needed; NULL = it is not known */
    int exit_status;
};

/* ---- on the thread of libproxy --------------------------------------------------------- */

/* libproxy knows the schemes of HTTP: ws://x is http://x for it. */
static char *proxy_find(const char *url)
{
    size_t cap = strlen(url) + sizeof("https://");
    char *http_url = malloc(cap), *found = NULL;
    pxProxyFactory *factory = px_proxy_factory_new();
    const char *rest = strstr(url, "://");
    if (http_url && factory && rest) {
        snprintf(http_url, cap, "http%s%s", strncmp(url, "wss", 3) == 0 ? "s" : "", rest);
        /* Those behind the first are for when that one fails. */
        char **proxies = px_proxy_factory_get_proxies(factory, http_url);
        if (proxies && proxies[0])
            found = strdup(strcmp(proxies[0], "direct://") == 0 ? "" : proxies[0]);
        for (size_t i = 0; proxies && proxies[i]; i++)
            free(proxies[i]);
        free(proxies);
    }
    if (factory)
        px_proxy_factory_free(factory);
    free(http_url);
    return found;
}

static void connect_by_proxy(leat_loop *loop, void *user);

static void *proxy_thread(void *user)
{
    struct program *program = user;
    program->proxy = proxy_find(program->url);
    if (leat_loop_post(program->loop, connect_by_proxy, program) != LEAT_OK)
        leat_loop_stop(program->loop);
    return NULL;
}

/* ---- on the thread of the loop --------------------------------------------------------- */

static void on_opened(leat_websocket *ws, void *user)
{
    struct program *program = user;
    if (leat_websocket_send(ws, LEAT_MESSAGE_TEXT, program->text, strlen(program->text)) != LEAT_OK)
        leat_loop_stop(program->loop);
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

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    if (event->error.code != LEAT_OK)
        fprintf(stderr, "%d %s %s\n", event->error.code, leat_strerror(event->error.code),
                event->error.text);
    leat_loop_stop(program->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

/* A proxy that leat does not know (libproxy has others) is refused here: never a connection past it. */
static void connect_by_proxy(leat_loop *loop, void *user)
{
    struct program *program = user;
    struct leat_error error = {.text = ""};
    leat_config *config = NULL;
    int code = program->proxy ? leat_config_new(&config) : LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK)
        code = leat_config_set_proxy(config, program->proxy);
    if (code == LEAT_OK && program->ca_path)
        code = leat_config_set_ca_path(config, program->ca_path);
    if (code != LEAT_OK)
        leat_config_get_error(config, &error);
    if (code == LEAT_OK)
        code = leat_websocket_connect(program->ws, program->url, config);
    leat_config_free(config);
    printf("proxy: %s\n", !program->proxy ? "?" : *program->proxy ? program->proxy : "none");
    fflush(stdout);
    if (code == LEAT_OK)
        return;
    fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    leat_loop_stop(loop);
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};
    pthread_t thread;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s URL TEXT [CA_FILE]\n", argv[0]);
        return 2;
    }
    program.url = argv[1];
    program.text = argv[2];
    program.ca_path = argv[3];
    if (leat_loop_new(&program.loop) != LEAT_OK)
        return 1;
    if (leat_websocket_new(program.loop, &callbacks, &program, &program.ws) == LEAT_OK &&
        pthread_create(&thread, NULL, proxy_thread, &program) == 0) {
        if (leat_loop_run(program.loop) != LEAT_OK)
            program.exit_status = 1;
        pthread_join(thread, NULL);
    }
    leat_websocket_free(program.ws);
    leat_loop_free(program.loop);
    free(program.proxy);
    return program.exit_status;
}

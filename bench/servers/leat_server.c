/* SPDX-License-Identifier: Apache-2.0 */
/* leat's server under test: echoes. usage: leat_server [CERTIFICATE KEY]. Prints its port; ends with its input. */
#include <leat/leat.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static leat_loop *loop;

static void must(int code, const char *what)
{
    if (code == LEAT_OK)
        return;
    fprintf(stderr, "leat_server: %s: %s\n", what, leat_strerror(code));
    exit(1);
}

static void on_message(leat_websocket_server *server, leat_websocket *ws,
                       enum leat_message_type type, const uint8_t *data, size_t len, void *user)
{
    (void)server;
    (void)user;
    must(leat_websocket_send(ws, type, data, len), "send"); /* the load never fills the queue */
}

/* The input has ended. */
static void *input_wait(void *user)
{
    char byte;
    (void)user;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0);
}

int main(int argc, char **argv)
{
    static const struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks),
                                                                     .message = on_message};
    struct rlimit limit;
    leat_websocket_server *server;
    leat_config *config;
    pthread_t watcher;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    must(leat_loop_new(&loop), "loop");
    must(leat_config_new(&config), "config");
    must(leat_config_set_max_concurrent_clients_number(config, 1000000), "config");
    must(leat_config_set_max_connections_for_one_client(config, 1000000), "config");
    /* The load reads no frames, so it answers no Ping, and would be taken for gone after a minute. Without
     * any Ping a connection would be smaller than it is: it has a timer for the next one. */
    must(leat_config_set_ping_interval(config, 3600000), "config");
    if (argc == 3)
        must(leat_config_set_server_cert(config, argv[1], argv[2], NULL), "certificate");
    must(leat_websocket_server_new(loop, &callbacks, NULL, &server), "server");
    must(leat_websocket_server_start(server, "0.0.0.0", 0, config), "start");
    leat_config_free(config);
    printf("%u\n", leat_websocket_server_get_port(server));
    fflush(stdout);
    if (pthread_create(&watcher, NULL, input_wait, NULL) != 0)
        return 1;
    must(leat_loop_run(loop), "run");
    return 0;
}

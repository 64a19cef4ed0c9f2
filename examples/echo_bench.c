/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures round trips to a WebSocket server that sends messages back, one message at a time.
 *
 *     echo_bench wss://localhost:8443/ [PROXY [CA_FILE]]     ("" = none)
 *
 *     cc -Iinclude examples/echo_bench.c -Lbuild/release/lib -lleat -o echo_bench
 */
#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_COUNT 1000
#define MESSAGE_BYTES 64
#define TIMEOUT_MS    5000

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One message there and back. Returns 0 and the time that it took, or a code. */
static int round_trip(leat_blocking_websocket *ws, double *ret_ms, struct leat_error *ret_error)
{
    char text[MESSAGE_BYTES];
    struct leat_message reply;
    memset(text, 'x', sizeof(text));
    double start_ms = now_ms();
    int code = leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, text, sizeof(text), TIMEOUT_MS,
                                            ret_error);
    if (code == LEAT_OK)
        code = leat_blocking_websocket_recv(ws, &reply, TIMEOUT_MS, ret_error);
    if (code == LEAT_OK && (reply.len != sizeof(text) || memcmp(reply.data, text, reply.len) != 0))
        code = LEAT_E_WS_INTERNAL; /* something else came back */
    if (code == LEAT_OK)
        *ret_ms = now_ms() - start_ms;
    return code;
}

static int measure(leat_blocking_websocket *ws, struct leat_error *ret_error)
{
    static double times_ms[MESSAGE_COUNT];
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        int code = round_trip(ws, &times_ms[i], ret_error);
        if (code != LEAT_OK)
            return code;
    }
    qsort(times_ms, MESSAGE_COUNT, sizeof(times_ms[0]), compare_times);
    printf("%d messages of %d bytes there and back: median %.3f ms, 99th percentile %.3f ms\n",
           MESSAGE_COUNT, MESSAGE_BYTES, times_ms[MESSAGE_COUNT / 2],
           times_ms[MESSAGE_COUNT * 99 / 100]);
    return leat_blocking_websocket_close(ws, 1000, NULL, ret_error);
}

static int configure(leat_config *config, int argc, char **argv)
{
    int code = LEAT_OK;
    if (argc > 2)
        code = leat_config_set_proxy(config, argv[2]);
    if (code == LEAT_OK && argc > 3)
        code = leat_config_set_ca_path(config, argv[3]);
    return code;
}

int main(int argc, char **argv)
{
    leat_config *config = NULL;
    leat_blocking_websocket *ws = NULL;
    struct leat_error error = {.code = LEAT_OK};
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: %s URL [PROXY [CA_FILE]]\n", argv[0]);
        return 2;
    }
    int code = leat_config_new(&config);
    if (code == LEAT_OK)
        code = configure(config, argc, argv);
    if (code == LEAT_OK)
        code = leat_blocking_websocket_connect(argv[1], config, &ws, &error);
    if (code == LEAT_OK)
        code = measure(ws, &error);
    if (code != LEAT_OK)
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    leat_blocking_websocket_free(ws);
    leat_config_free(config);
    return code == LEAT_OK ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat on as many threads as `--connections` says, each with a loop and a connection of its own. They share what a program
 * would share: the configuration, and with it the CAs and the sessions. `count` messages, or openings, are theirs together,
 * so that the processor time of one stays what it is if nothing contends. All processors are used.
 *
 * Under bench_locks.so it tells how many locks were taken for each message, and how many of them another thread had.
 */
#include "../common/locks.h"
#include "../common/meter.h"
#include "../common/work.h"

#include <leat/leat.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

struct part {
    pthread_t thread;
    uint64_t count, sent, received, opened, closed;
    bool done;
};

static struct bench_work work;
static struct bench_result result = {.client = "leat"};
static leat_config *config;
static pthread_barrier_t ready, begun;

static void must(int code, const char *what)
{
    if (code != LEAT_OK)
        bench_fail("leat: %s: %d", what, code);
}

static void send_one(struct part *part, leat_websocket *ws)
{
    must(leat_websocket_send(ws, LEAT_MESSAGE_BINARY, work.payload, work.size), "send");
    part->sent++;
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct part *part = user;

    part->opened++;
    if (work.kind == BENCH_OPEN && part->opened > 1)
        must(leat_websocket_close(ws, 1000, NULL), "close");
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct part *part = user;

    (void)type;
    bench_work_check(&work, data, len);
    part->done = ++part->received == part->count;
    if (part->sent < part->count)
        send_one(part, ws);
}

/* The first connection only brings the session and whatever is made once. */
static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct part *part = user;

    if (work.kind != BENCH_OPEN || event->error.code != LEAT_OK)
        bench_fail("leat: closed: %d %s", event->error.code, event->error.text);
    if (++part->closed == part->count + 1)
        part->done = true;
    else
        must(leat_websocket_connect(ws, work.url, config), "connect");
}

static void *part_run(void *user)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = on_opened,
        .message = on_message,
        .closed = on_closed,
    };
    struct part *part = user;
    leat_loop *loop;
    leat_websocket *ws;

    must(leat_loop_new(&loop), "loop");
    must(leat_websocket_new(loop, &callbacks, part, &ws), "new");
    must(leat_websocket_connect(ws, work.url, config), "connect");
    while (part->opened == 0)
        must(leat_loop_dispatch(loop, -1), "dispatch");
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&begun);
    if (work.kind == BENCH_OPEN)
        must(leat_websocket_close(ws, 1000, NULL), "close");
    while (work.kind == BENCH_ECHO && part->sent < part->count && part->sent < work.in_flight)
        send_one(part, ws);
    while (!part->done)
        must(leat_loop_dispatch(loop, -1), "dispatch");
    leat_websocket_free(ws);
    leat_loop_free(loop);
    return NULL;
}

static void processors_use(void)
{
    cpu_set_t all;

    CPU_ZERO(&all);
    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        CPU_SET(i, &all);
    (void)sched_setaffinity(0, sizeof(all), &all);
}

static void config_fill(void)
{
    must(leat_config_new(&config), "config");
    must(leat_config_set_ca_path(config, work.ca_path), "ca_path");
    must(leat_config_set_session_resumption(config, work.resume), "session_resumption");
}

static void threads_run(struct part *parts)
{
    for (unsigned i = 0; i < work.connections; i++) {
        parts[i].count = work.count / work.connections;
        if (pthread_create(&parts[i].thread, NULL, part_run, &parts[i]) != 0)
            bench_fail("no thread");
        result.messages += parts[i].count;
    }
    pthread_barrier_wait(&ready);
    struct bench_meter start = bench_meter_now();
    struct bench_locks locks = bench_locks_of_process();
    pthread_barrier_wait(&begun);
    for (unsigned i = 0; i < work.connections; i++)
        pthread_join(parts[i].thread, NULL);
    result.spent = bench_meter_since(&start);
    result.bytes = result.messages * work.size;
    bench_report(&work, &result);
    bench_locks_report(&locks, result.messages);
}

int main(int argc, char **argv)
{
    bench_work_init(&work, argc, argv);
    if ((work.kind != BENCH_ECHO && work.kind != BENCH_OPEN) || work.count < work.connections)
        bench_unsupported("only echoes and openings, one for each thread at least");
    struct part *parts = calloc(work.connections, sizeof(*parts));
    if (!parts || pthread_barrier_init(&ready, NULL, work.connections + 1) != 0 ||
        pthread_barrier_init(&begun, NULL, work.connections + 1) != 0)
        bench_fail("out of memory");
    result.version = leat_version();
    processors_use();
    config_fill();
    threads_run(parts);
    leat_config_free(config);
    free(parts);
    bench_work_done(&work);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* leat, by its events. */
#include "../common/meter.h"
#include "../common/work.h"

#include <leat/leat.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program that streams would not let 16 MiB wait. */
#define SEND_QUEUE_BYTES (256u * 1024u)

struct bench {
    struct bench_work work;
    struct bench_result result;
    leat_loop *loop;
    leat_config *config;
    leat_websocket **all; /* and one more, the neighbour of BENCH_RATE */
    struct bench_rate rate;
    struct bench_meter start;
    bool is_stream; /* what is measured begins when the connection is open */
    uint64_t sent, received, opened, closed;
    bool is_spread; /* echoes go over all connections in turn */
    bool done;
};

static void must(int code, const char *what)
{
    if (code != LEAT_OK)
        bench_fail("leat: %s: %d", what, code);
}

static enum leat_message_type type_of(const struct bench *bench)
{
    return bench->work.text ? LEAT_MESSAGE_TEXT : LEAT_MESSAGE_BINARY;
}

static void send_one(struct bench *bench, leat_websocket *ws)
{
    must(leat_websocket_send(ws, type_of(bench), bench->work.payload, bench->work.size), "send");
    bench->sent++;
}

/* Until the queue is full; `writable` goes on. */
static void send_stream(struct bench *bench, leat_websocket *ws)
{
    while (bench->sent < bench->work.count) {
        int code = leat_websocket_send(ws, type_of(bench), bench->work.payload, bench->work.size);
        if (code != LEAT_OK)
            return;
        bench->sent++;
    }
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static void on_opened(leat_websocket *ws, void *user)
{
    struct bench *bench = user;

    if (bench->opened++ == 0 && bench->is_stream)
        bench->start = bench_meter_now();
    switch (bench->work.kind) {
    case BENCH_ECHO:
    case BENCH_START:
        while (bench->sent < bench->work.in_flight)
            send_one(bench, ws);
        break;
    case BENCH_SEND:
        send_stream(bench, ws);
        break;
    case BENCH_OPEN:
        must(leat_websocket_close(ws, 1000, NULL), "close");
        break;
    case BENCH_REACH:
        bench->done = bench->opened == bench->work.count;
        if (!bench->done)
            must(leat_websocket_close(ws, 1000, NULL), "close");
        break;
    case BENCH_RECEIVE:
    case BENCH_IDLE:
    case BENCH_RATE:
        break;
    }
}

static void on_echo(struct bench *bench, leat_websocket *ws, const uint8_t *data, size_t len)
{
    bench_work_check(&bench->work, data, len);
    if (bench->is_spread)
        ws = bench->all[bench->sent % bench->work.connections];
    if (bench->sent < bench->work.count)
        send_one(bench, ws);
    bench->done = bench->received == bench->work.count;
}

static void send_bulk(struct bench *bench)
{
    must(leat_websocket_send(bench->all[1], type_of(bench), bench->work.payload, BENCH_BULK_BYTES),
         "send");
}

static void on_rated(struct bench *bench, const leat_websocket *ws, const uint8_t *data, size_t len)
{
    if (ws == bench->all[1]) {
        if (len != BENCH_BULK_BYTES)
            bench_fail("leat: a message of %zu bytes", len);
        bench->rate.bulk++;
        send_bulk(bench);
        return;
    }
    bench->done = bench_rate_answered(&bench->rate) || bench->done;
    bench_work_check(&bench->work, data, len);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct bench *bench = user;

    (void)type;
    bench->received++;
    if (bench->work.kind == BENCH_RATE)
        on_rated(bench, ws, data, len);
    else if (bench->work.kind == BENCH_SEND)
        bench->done = true;
    else if (bench->work.kind == BENCH_RECEIVE)
        bench->done = bench->received == bench->work.count;
    else
        on_echo(bench, ws, data, len);
}

static void on_writable(leat_websocket *ws, void *user)
{
    send_stream(user, ws);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct bench *bench = user;

    bool goes_on = bench->work.kind == BENCH_OPEN || bench->work.kind == BENCH_REACH;

    if (!goes_on || event->error.code != LEAT_OK)
        bench_fail("leat: closed: %d %s", event->error.code, event->error.text);
    if (bench->work.kind == BENCH_REACH)
        bench->start = bench_meter_now();
    if (++bench->closed == bench->work.count)
        bench->done = true;
    else
        must(leat_websocket_connect(ws, bench->work.url, bench->config), "connect");
}

/* ---- the work ------------------------------------------------------------------------------- */

static void run(struct bench *bench)
{
    while (!bench->done)
        must(leat_loop_dispatch(bench->loop, -1), "dispatch");
}

static leat_websocket *connection_start(struct bench *bench)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = on_opened,
        .message = on_message,
        .writable = on_writable,
        .closed = on_closed,
    };
    leat_websocket *ws;

    must(leat_websocket_new(bench->loop, &callbacks, bench, &ws), "new");
    must(leat_websocket_connect(ws, bench->work.url, bench->config), "connect");
    return ws;
}

static void echo_all(unsigned connections, void *user)
{
    struct bench *bench = user;

    bench->sent = bench->received = 0;
    bench->done = false;
    bench->is_spread = connections > 1;
    send_one(bench, bench->all[0]);
    run(bench);
}

static void open_one(unsigned index, void *user)
{
    struct bench *bench = user;

    bench->all[index] = connection_start(bench);
    while (bench->opened <= index)
        must(leat_loop_dispatch(bench->loop, -1), "dispatch");
}

/* The program has a descriptor of its own, so it waits for both: leat_loop_get_fd(). */
static void rate_run(struct bench *bench)
{
    unsigned wanted = bench->work.bulk ? 2 : 1;

    for (unsigned i = 0; i < wanted; i++)
        bench->all[i] = connection_start(bench);
    while (bench->opened < wanted)
        must(leat_loop_dispatch(bench->loop, -1), "dispatch");
    for (unsigned i = 0; bench->work.bulk && i < BENCH_BULK_COUNT; i++)
        send_bulk(bench);
    bench_rate_start(&bench->rate, &bench->work);
    bench->start = bench_meter_now();
    struct pollfd fds[] = {{.fd = leat_loop_get_fd(bench->loop), .events = POLLIN},
                           {.fd = bench->rate.fd, .events = POLLIN}};
    while (!bench->done) {
        if (poll(fds, 2, -1) < 0)
            bench_fail("poll failed");
        for (uint64_t n = fds[1].revents ? bench_rate_due(&bench->rate) : 0; n > 0; n--)
            send_one(bench, bench->all[0]);
        must(leat_loop_dispatch(bench->loop, 0), "dispatch");
    }
    bench->result.spent = bench_meter_since(&bench->start);
    bench->result.rate = &bench->rate;
    bench->result.messages = bench->work.count;
    bench->result.bytes = bench->work.count * bench->work.size;
}

static void stream_run(struct bench *bench)
{
    enum bench_kind kind = bench->work.kind;

    bench->is_stream = kind == BENCH_ECHO || kind == BENCH_SEND || kind == BENCH_RECEIVE;
    bench->all[0] = connection_start(bench);
    run(bench);
    bench->result.spent = kind == BENCH_START ? bench_meter_since_exec(&bench->start)
                                              : bench_meter_since(&bench->start);
    bench->result.messages = bench->work.count;
    bench->result.bytes = bench->work.count * bench->work.size;
}

static void config_fill(struct bench *bench)
{
    static const struct leat_compression compression = {.size = sizeof(compression)};
    const struct bench_work *work = &bench->work;
    char proxy[128];

    must(leat_config_new(&bench->config), "config");
    if (work->compress)
        must(leat_config_set_compression(bench->config, &compression), "compression");
    must(leat_config_set_ca_path(bench->config, work->ca_path), "ca_path");
    must(leat_config_set_session_resumption(bench->config, work->resume), "session_resumption");
    must(leat_config_set_early_data(bench->config, work->early_data), "early_data");
    must(leat_config_set_tcp_fast_open(bench->config, work->fast_open), "tcp_fast_open");
    if (work->pipelined)
        must(leat_config_set_socks5_pipelining(bench->config, LEAT_SOCKS5_PIPELINED_WITH_DATA),
             "socks5_pipelining");
    if (work->kind == BENCH_SEND)
        must(leat_config_set_send_queue_limit(bench->config, SEND_QUEUE_BYTES), "queue limit");
    if (work->proxy) {
        snprintf(proxy, sizeof(proxy), "socks5h://%s", work->proxy);
        must(leat_config_set_proxy(bench->config, proxy), "proxy");
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;

    bench.start = bench_meter_now();
    bench_work_init(&bench.work, argc, argv);
    bench_raise_descriptor_limit();
    bench.all = calloc(bench.work.connections + 1, sizeof(leat_websocket *));
    if (!bench.all)
        bench_fail("out of memory");
    bench.result.client = "leat";
    bench.result.version = leat_version();
    config_fill(&bench);
    must(leat_loop_new(&bench.loop), "loop");
    if (bench.work.kind == BENCH_IDLE)
        bench_idle_run(&bench.work, &bench.result, open_one, echo_all, &bench);
    else if (bench.work.kind == BENCH_RATE)
        rate_run(&bench);
    else
        stream_run(&bench);
    bench_report(&bench.work, &bench.result);
    if (bench.work.kind == BENCH_REACH)
        _Exit(0);
    for (unsigned i = 0; i <= bench.work.connections; i++)
        leat_websocket_free(bench.all[i]);
    leat_loop_free(bench.loop);
    leat_config_free(bench.config);
    free(bench.all);
    bench_work_done(&bench.work);
    return 0;
}

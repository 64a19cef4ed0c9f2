/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tcp_socket, leat_tls_socket and leat_udp_socket. */
#include "../common/meter.h"
#include "../common/work.h"

#include <leat/leat.h>

#include <stdlib.h>
#include <string.h>

struct bench {
    struct bench_work work;
    struct bench_result result;
    leat_loop *loop;
    leat_config *config;
    struct bench_meter start;
    uint16_t port;
    uint64_t sent, received;
    size_t received_bytes; /* of a message */
    bool done;
};

static void must(int code, const char *what)
{
    if (code != LEAT_OK)
        bench_fail("leat: %s: %d", what, code);
}

static void closed(void)
{
    bench_fail("leat: closed");
}

static bool may_send(const struct bench *bench)
{
    return bench->sent < bench->work.count && bench->sent - bench->received < bench->work.in_flight;
}

static void count_received(struct bench *bench, size_t len)
{
    bench->received_bytes += len;
    bench->received += bench->received_bytes / bench->work.size;
    bench->received_bytes %= bench->work.size;
    bench->done = bench->received >= bench->work.count;
}

static void run(struct bench *bench)
{
    while (!bench->done)
        must(leat_loop_dispatch(bench->loop, -1), "dispatch");
    bench->result.spent = bench_meter_since(&bench->start);
}

/* ---- UDP ------------------------------------------------------------------------------------ */

static void udp_send(struct bench *bench, leat_udp_socket *udp)
{
    for (; may_send(bench); bench->sent++)
        must(leat_udp_socket_send(udp, bench->work.payload, bench->work.size, bench->work.host,
                                  bench->port),
             "send");
}

static void udp_on_listening(leat_udp_socket *udp, void *user)
{
    struct bench *bench = user;

    bench->start = bench_meter_now();
    udp_send(bench, udp);
}

static void udp_on_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    struct bench *bench = user;

    (void)remote;
    bench_work_check(&bench->work, data, len);
    count_received(bench, len);
    udp_send(bench, udp);
}

static void udp_run(struct bench *bench)
{
    static const struct leat_udp_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .listening = udp_on_listening, .message = udp_on_message};
    leat_udp_socket *udp;

    must(leat_udp_socket_new(bench->loop, &callbacks, bench, &udp), "new");
    must(leat_udp_socket_bind(udp, "127.0.0.1", 0, bench->config), "bind");
    run(bench);
    leat_udp_socket_free(udp);
}

/* ---- TCP ------------------------------------------------------------------------------------ */

static void tcp_send(struct bench *bench, leat_tcp_socket *tcp)
{
    for (; may_send(bench); bench->sent++)
        must(leat_tcp_socket_send(tcp, bench->work.payload, bench->work.size), "send");
}

static void tcp_on_connected(leat_tcp_socket *tcp, void *user)
{
    struct bench *bench = user;

    bench->start = bench_meter_now();
    tcp_send(bench, tcp);
}

static void tcp_on_message(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    struct bench *bench = user;

    (void)data;
    (void)remote;
    count_received(bench, len);
    tcp_send(bench, tcp);
}

static void tcp_on_closed(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    (void)user;
    closed();
}

static void tcp_run(struct bench *bench)
{
    static const struct leat_tcp_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                               .connected = tcp_on_connected,
                                                               .message = tcp_on_message,
                                                               .closed = tcp_on_closed};
    leat_tcp_socket *tcp;

    must(leat_tcp_socket_new(bench->loop, &callbacks, bench, &tcp), "new");
    must(leat_tcp_socket_connect(tcp, bench->work.host, bench->port, bench->config), "connect");
    run(bench);
    leat_tcp_socket_free(tcp);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void tls_send(struct bench *bench, leat_tls_socket *tls)
{
    for (; may_send(bench); bench->sent++)
        must(leat_tls_socket_send(tls, bench->work.payload, bench->work.size), "send");
}

static void tls_on_connected(leat_tls_socket *tls, void *user)
{
    struct bench *bench = user;

    bench->start = bench_meter_now();
    tls_send(bench, tls);
}

static void tls_on_message(leat_tls_socket *tls, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    struct bench *bench = user;

    (void)data;
    (void)remote;
    count_received(bench, len);
    tls_send(bench, tls);
}

static void tls_on_closed(leat_tls_socket *tls, void *user)
{
    (void)tls;
    (void)user;
    closed();
}

static void tls_run(struct bench *bench)
{
    static const struct leat_tls_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                               .connected = tls_on_connected,
                                                               .message = tls_on_message,
                                                               .closed = tls_on_closed};
    leat_tls_options *options;
    leat_tls_socket *tls;

    must(leat_tls_options_new(&options), "options");
    must(leat_tls_options_set_ca_path(options, bench->work.ca_path), "ca_path");
    must(leat_tls_socket_new(bench->loop, &callbacks, bench, &tls), "new");
    must(leat_tls_socket_connect(tls, bench->work.host, bench->port, options, bench->config),
         "connect");
    run(bench);
    leat_tls_options_free(options);
    leat_tls_socket_free(tls);
}

int main(int argc, char **argv)
{
    static struct bench bench;

    bench_work_init(&bench.work, argc, argv);
    if (bench.work.kind != BENCH_ECHO || bench.work.socket[0] == '\0')
        bench_unsupported("sockets only echo");
    bench.port = (uint16_t)strtoul(bench.work.port, NULL, 10);
    bench.result.client = "leat";
    bench.result.version = leat_version();
    must(leat_config_new(&bench.config), "config");
    must(leat_loop_new(&bench.loop), "loop");
    if (strcmp(bench.work.socket, "udp") == 0)
        udp_run(&bench);
    else if (strcmp(bench.work.socket, "tls") == 0)
        tls_run(&bench);
    else
        tcp_run(&bench);
    bench.result.messages = bench.work.count;
    bench.result.bytes = bench.work.count * bench.work.size;
    bench_report(&bench.work, &bench.result);
    leat_loop_free(bench.loop);
    leat_config_free(bench.config);
    bench_work_done(&bench.work);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* libuv: TCP and UDP. */
#include "../common/meter.h"
#include "../common/work.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define READ_BYTES (256u * 1024u)

static struct bench_work work;
static uv_udp_t udp;
static uv_tcp_t tcp;
static struct sockaddr_in server;
static struct bench_meter start;
static char in_buf[READ_BYTES];
static uint64_t sent, received;
static size_t received_bytes; /* of a message */

static void must(int result, const char *what)
{
    if (result < 0)
        bench_fail("libuv: %s: %s", what, uv_strerror(result));
}

static bool may_send(void)
{
    return sent < work.count && sent - received < work.in_flight;
}

static uv_buf_t payload(void)
{
    return uv_buf_init((char *)work.payload, (unsigned)work.size);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle;
    (void)size;
    *buf = uv_buf_init(in_buf, sizeof(in_buf));
}

/* ---- UDP ------------------------------------------------------------------------------------ */

static void udp_on_sent(uv_udp_send_t *request, int status)
{
    must(status, "send");
    free(request);
}

static void udp_send(void)
{
    for (; may_send(); sent++) {
        uv_buf_t buf = payload();
        uv_udp_send_t *request = malloc(sizeof(*request));
        if (!request)
            bench_fail("out of memory");
        must(uv_udp_send(request, &udp, &buf, 1, (struct sockaddr *)&server, udp_on_sent), "send");
    }
}

static void udp_on_message(uv_udp_t *handle, ssize_t len, const uv_buf_t *buf,
                           const struct sockaddr *from, unsigned flags)
{
    (void)handle;
    (void)flags;
    if (!from)
        return;
    bench_work_check(&work, buf->base, (size_t)len);
    received++;
    if (received == work.count)
        uv_stop(uv_default_loop());
    udp_send();
}

static void udp_run(void)
{
    struct sockaddr_in own;

    must(uv_ip4_addr("127.0.0.1", 0, &own), "address");
    must(uv_udp_init(uv_default_loop(), &udp), "init");
    must(uv_udp_bind(&udp, (struct sockaddr *)&own, 0), "bind");
    must(uv_udp_recv_start(&udp, on_alloc, udp_on_message), "recv_start");
    start = bench_meter_now();
    udp_send();
    must(uv_run(uv_default_loop(), UV_RUN_DEFAULT), "run");
}

/* ---- TCP ------------------------------------------------------------------------------------ */

static void tcp_on_sent(uv_write_t *request, int status)
{
    must(status, "write");
    free(request);
}

static void tcp_send(void)
{
    for (; may_send(); sent++) {
        uv_buf_t buf = payload();
        uv_write_t *request = malloc(sizeof(*request));
        if (!request)
            bench_fail("out of memory");
        must(uv_write(request, (uv_stream_t *)&tcp, &buf, 1, tcp_on_sent), "write");
    }
}

static void tcp_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    (void)stream;
    (void)buf;
    if (len < 0)
        must((int)len, "read");
    received_bytes += (size_t)len;
    received += received_bytes / work.size;
    received_bytes %= work.size;
    if (received == work.count)
        uv_stop(uv_default_loop());
    tcp_send();
}

static void tcp_on_connect(uv_connect_t *request, int status)
{
    (void)request;
    must(status, "connect");
    must(uv_read_start((uv_stream_t *)&tcp, on_alloc, tcp_on_read), "read_start");
    start = bench_meter_now();
    tcp_send();
}

static void tcp_run(void)
{
    static uv_connect_t request;

    must(uv_tcp_init(uv_default_loop(), &tcp), "init");
    must(uv_tcp_nodelay(&tcp, 1), "nodelay");
    must(uv_tcp_connect(&request, &tcp, (struct sockaddr *)&server, tcp_on_connect), "connect");
    must(uv_run(uv_default_loop(), UV_RUN_DEFAULT), "run");
}

int main(int argc, char **argv)
{
    struct bench_result result = {.client = "libuv", .version = uv_version_string()};

    bench_work_init(&work, argc, argv);
    if (work.kind != BENCH_ECHO || work.secure || work.socket[0] == '\0')
        bench_unsupported("libuv has TCP and UDP only");
    must(uv_ip4_addr(work.host, (int)strtol(work.port, NULL, 10), &server), "address");
    if (strcmp(work.socket, "udp") == 0)
        udp_run();
    else
        tcp_run();
    result.spent = bench_meter_since(&start);
    result.messages = work.count;
    result.bytes = work.count * work.size;
    bench_report(&work, &result);
    return 0;
}

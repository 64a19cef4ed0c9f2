/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same bytes over bare sockets (and OpenSSL for wss): the limit. Frames are made once, and what
 * comes is only counted; a program that does anything with its messages cannot be faster.
 */
#include "../common/dial.h"
#include "../common/meter.h"
#include "../common/work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (256u * 1024u)

struct wire {
    int fd;
    SSL *ssl;
    unsigned watched; /* what epoll is asked for, where connections are opened one after another */
};

struct bench {
    struct bench_work work;
    struct bench_result result;
    SSL_CTX *ssl_context;
    SSL_SESSION *session; /* of the last connection */
    struct wire *all;
    uint8_t *frames; /* `in_flight` of them, or as many as fill a read */
    size_t frame_len;
    unsigned batch;
    size_t answer_len;
    struct bench_rate rate;
};

static struct bench bench;
static uint8_t in_buf[READ_BYTES];
/* Openings wait as libraries do; -1 = blocking calls, which take the fewest system calls for what
 * is measured on one connection. */
static int epoll_fd = -1;

/* ---- waiting -------------------------------------------------------------------------------- */

static void wire_await(struct wire *wire, unsigned events)
{
    struct epoll_event event = {.events = events};

    if (wire->watched != events &&
        epoll_ctl(epoll_fd, wire->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, wire->fd, &event) < 0)
        bench_fail("epoll_ctl: %s", strerror(errno));
    wire->watched = events;
    if (epoll_wait(epoll_fd, &event, 1, -1) != 1)
        bench_fail("epoll_wait: %s", strerror(errno));
}

static void wire_dial(struct wire *wire)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(bench.work.port, NULL, 10)),
    };
    int on = 1;

    if (inet_pton(AF_INET, bench.work.host, &address.sin_addr) != 1)
        bench_fail("%s is not an IPv4 address", bench.work.host);
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (wire->fd < 0)
        bench_fail("socket: %s", strerror(errno));
    (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
        bench_fail("connect: %s", strerror(errno));
    wire_await(wire, EPOLLOUT);
}

/* Whether the call is to be made again, now that there may be something. */
static bool ssl_awaits(struct wire *wire, int result)
{
    int error = SSL_get_error(wire->ssl, result);

    if (epoll_fd < 0 || (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE))
        return false;
    wire_await(wire, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
    return true;
}

static void ssl_connect(struct wire *wire)
{
    int result;

    while ((result = SSL_connect(wire->ssl)) != 1)
        if (!ssl_awaits(wire, result))
            bench_fail("TLS handshake failed");
}

/* Waits before it reads, as there is nothing yet where something has just been sent. */
static ssize_t wire_receive(struct wire *wire, void *buf, size_t len)
{
    int n;

    if (!wire->ssl) {
        if (epoll_fd >= 0)
            wire_await(wire, EPOLLIN);
        return recv(wire->fd, buf, len, 0);
    }
    while ((n = SSL_read(wire->ssl, buf, (int)len)) <= 0)
        if (!ssl_awaits(wire, n))
            break;
    return n;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static void wire_write(const struct wire *wire, const void *data, size_t len)
{
    if (!wire->ssl)
        bench_write_all(wire->fd, data, len);
    else if (SSL_write(wire->ssl, data, (int)len) != (int)len)
        bench_fail("SSL_write failed");
}

static size_t wire_read(const struct wire *wire)
{
    ssize_t n = !wire->ssl ? recv(wire->fd, in_buf, sizeof(in_buf), 0)
                           : SSL_read(wire->ssl, in_buf, sizeof(in_buf));

    if (n <= 0)
        bench_fail("the server has ended the connection");
    return (size_t)n;
}

/* ---- connections ---------------------------------------------------------------------------- */

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(bench.session);
    bench.session = session;
    return 1;
}

static void ssl_context_init(void)
{
    bench.ssl_context = SSL_CTX_new(TLS_client_method());
    if (!bench.ssl_context ||
        SSL_CTX_load_verify_locations(bench.ssl_context, bench.work.ca_path, NULL) != 1)
        bench_fail("no CA");
    SSL_CTX_set_verify(bench.ssl_context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(bench.ssl_context, 1);
    if (bench.work.resume) {
        SSL_CTX_set_session_cache_mode(bench.ssl_context, SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(bench.ssl_context, on_new_session);
    }
}

static void wire_open(struct wire *wire)
{
    char request[512];

    *wire = (struct wire){.fd = -1};
    if (epoll_fd >= 0)
        wire_dial(wire);
    else
        wire->fd = bench_dial(&bench.work);
    if (bench.work.secure) {
        wire->ssl = SSL_new(bench.ssl_context);
        if (!wire->ssl || SSL_set1_host(wire->ssl, bench.work.host) != 1 ||
            (bench.session && SSL_set_session(wire->ssl, bench.session) != 1) ||
            SSL_set_fd(wire->ssl, wire->fd) != 1)
            bench_fail("SSL");
        ssl_connect(wire);
    }
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Version: 13\r\n\r\n",
                       bench.work.path, bench.work.host, bench.work.port);
    wire_write(wire, request, (size_t)len);
    /* A source may send its first frames with the answer: they are left for later. */
    size_t step = bench.work.kind == BENCH_RECEIVE ? 1 : 1024;
    size_t have = 0;
    while (have < 4 || memcmp(in_buf + have - 4, "\r\n\r\n", 4) != 0) {
        ssize_t n = wire_receive(wire, in_buf + have, step);
        if (n <= 0 || (have += (size_t)n) > sizeof(in_buf) - step)
            bench_fail("no answer to the upgrade");
    }
}

static void wire_close(struct wire *wire)
{
    static const uint8_t close_frame[8] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};

    wire_write(wire, close_frame, sizeof(close_frame));
    while (wire_receive(wire, in_buf, sizeof(in_buf)) > 0)
        ;
    /* Or OpenSSL would take the session for broken. */
    if (wire->ssl)
        (void)SSL_shutdown(wire->ssl);
    SSL_free(wire->ssl);
    close(wire->fd);
}

/* ---- frames --------------------------------------------------------------------------------- */

static size_t header_write(uint8_t *out, size_t len, bool text, bool masked)
{
    size_t extended = len > UINT16_MAX ? 8 : len > 125 ? 2 : 0;

    out[0] = text ? 0x81 : 0x82;
    out[1] = (uint8_t)((masked ? 0x80 : 0) | (extended == 8   ? 127
                                              : extended == 2 ? 126
                                                              : (int)len));
    for (size_t i = 0; i < extended; i++)
        out[2 + i] = (uint8_t)(len >> (8 * (extended - 1 - i)));
    if (masked)
        memset(out + 2 + extended, 0, 4);
    return 2 + extended + (masked ? 4 : 0);
}

/* The key is 0: nothing is masked. */
static void frames_make(void)
{
    const struct bench_work *work = &bench.work;
    uint8_t header[14];
    size_t header_len = header_write(header, work->size, work->text, false);

    bench.answer_len = header_len + work->size;
    header_len = header_write(header, work->size, work->text, true);
    bench.frame_len = header_len + work->size;
    bench.batch = work->in_flight;
    if (work->kind == BENCH_SEND)
        bench.batch = bench.frame_len < READ_BYTES ? (unsigned)(READ_BYTES / bench.frame_len) : 1;
    bench.frames = malloc(bench.batch * bench.frame_len);
    if (!bench.frames)
        bench_fail("out of memory");
    for (unsigned i = 0; i < bench.batch; i++) {
        memcpy(bench.frames + i * bench.frame_len, header, header_len);
        memcpy(bench.frames + i * bench.frame_len + header_len, work->payload, work->size);
    }
}

/* ---- the work ------------------------------------------------------------------------------- */

/* Writes without waiting; returns how much was taken. */
static size_t try_write(const struct wire *wire, const uint8_t *data, size_t len)
{
    ssize_t n = send(wire->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN)
        bench_fail("send: %s", strerror(errno));
    return n > 0 ? (size_t)n : 0;
}

/* Keeps `in_flight` messages under way, in whole batches of what has come back. Over TLS writes
 * wait: the server takes whatever comes. */
static void echo_run(const struct wire *wire)
{
    uint64_t total = bench.work.count * bench.answer_len;
    uint64_t out_total = bench.work.count * bench.frame_len;
    uint64_t in = 0, out = 0;

    while (in < total) {
        uint64_t allowed = (in / bench.answer_len + bench.work.in_flight) * bench.frame_len;
        if (allowed > out_total)
            allowed = out_total;
        while (out < allowed) {
            size_t pos = (size_t)(out % (bench.batch * bench.frame_len));
            size_t len = bench.batch * bench.frame_len - pos;
            if (len > allowed - out)
                len = (size_t)(allowed - out);
            size_t taken = len;
            if (wire->ssl)
                wire_write(wire, bench.frames + pos, len);
            else
                taken = try_write(wire, bench.frames + pos, len);
            out += taken;
            if (taken < len)
                break;
        }
        /* Frames that are larger than the sockets' buffers go both ways at a time. */
        if (out < allowed) {
            struct pollfd fd = {.fd = wire->fd, .events = POLLIN | POLLOUT};
            (void)poll(&fd, 1, -1);
            if ((fd.revents & POLLIN) == 0)
                continue;
        }
        in += wire_read(wire);
    }
}

static void send_run(const struct wire *wire)
{
    for (uint64_t left = bench.work.count; left > 0;) {
        unsigned n = left < bench.batch ? (unsigned)left : bench.batch;
        wire_write(wire, bench.frames, n * bench.frame_len);
        left -= n;
    }
    wire_read(wire);
}

static void receive_run(const struct wire *wire)
{
    for (uint64_t left = bench.work.count * bench.answer_len; left > 0;)
        left -= wire_read(wire);
}

static void open_run(void)
{
    struct wire wire;

    if (!bench.work.proxy)
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (uint64_t i = 0; i < bench.work.count; i++) {
        wire_open(&wire);
        if (bench.work.kind == BENCH_OPEN)
            wire_close(&wire);
    }
}

static void echo_all(unsigned connections, void *user)
{
    (void)user;
    for (uint64_t i = 0; i < bench.work.count; i++) {
        const struct wire *wire = &bench.all[i % connections];
        wire_write(wire, bench.frames, bench.frame_len);
        for (size_t left = bench.answer_len; left > 0;)
            left -= wire_read(wire);
    }
}

static void open_one(unsigned index, void *user)
{
    (void)user;
    wire_open(&bench.all[index]);
}

static void rate_run(void)
{
    struct wire *wire = &bench.all[0];
    bool done = false;
    uint64_t in = 0;

    wire_open(wire);
    bench_rate_start(&bench.rate, &bench.work);
    struct bench_meter start = bench_meter_now();
    struct pollfd fds[] = {{.fd = wire->fd, .events = POLLIN},
                           {.fd = bench.rate.fd, .events = POLLIN}};
    while (!done) {
        if (poll(fds, 2, -1) < 0)
            bench_fail("poll: %s", strerror(errno));
        for (uint64_t n = fds[1].revents ? bench_rate_due(&bench.rate) : 0; n > 0; n--)
            wire_write(wire, bench.frames, bench.frame_len);
        if (!fds[0].revents)
            continue;
        do
            in += wire_read(wire);
        while (wire->ssl && SSL_has_pending(wire->ssl));
        while (in >= (bench.rate.received + 1) * bench.answer_len)
            done = bench_rate_answered(&bench.rate);
    }
    bench.result.spent = bench_meter_since(&start);
    bench.result.rate = &bench.rate;
    bench.result.messages = bench.work.count;
    bench.result.bytes = bench.work.count * bench.work.size;
}

static void stream_run(const struct bench_meter *main_start)
{
    enum bench_kind kind = bench.work.kind;
    bool has_opening = kind == BENCH_OPEN || kind == BENCH_REACH || kind == BENCH_START;

    if (kind == BENCH_START || !has_opening)
        wire_open(&bench.all[0]);
    struct bench_meter start = has_opening ? *main_start : bench_meter_now();
    if (kind == BENCH_ECHO || kind == BENCH_START)
        echo_run(&bench.all[0]);
    else if (kind == BENCH_SEND)
        send_run(&bench.all[0]);
    else if (kind == BENCH_RECEIVE)
        receive_run(&bench.all[0]);
    else
        open_run();
    bench.result.spent =
        kind == BENCH_START ? bench_meter_since_exec(&start) : bench_meter_since(&start);
    bench.result.messages = bench.work.count;
    bench.result.bytes = bench.work.count * bench.work.size;
}

int main(int argc, char **argv)
{
    struct bench_meter start = bench_meter_now();

    bench_work_init(&bench.work, argc, argv);
    bench_raise_descriptor_limit();
    if (bench.work.compress)
        bench_unsupported("bare sockets do not compress");
    if (bench.work.bulk)
        bench_unsupported("bare sockets have no neighbour");
    bench.all = calloc(bench.work.connections, sizeof(struct wire));
    if (!bench.all)
        bench_fail("out of memory");
    bench.result.client = "bare";
    bench.result.version = bench.work.secure ? "openssl" : "sockets";
    frames_make();
    if (bench.work.secure)
        ssl_context_init();
    if (bench.work.kind == BENCH_IDLE)
        bench_idle_run(&bench.work, &bench.result, open_one, echo_all, NULL);
    else if (bench.work.kind == BENCH_RATE)
        rate_run();
    else
        stream_run(&start);
    bench_report(&bench.work, &bench.result);
    return 0;
}

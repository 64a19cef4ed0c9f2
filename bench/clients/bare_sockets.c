/* SPDX-License-Identifier: Apache-2.0 */
/* TCP, TLS and UDP by the kernel and OpenSSL alone: the limit of leat_sockets.c. Bytes are written from where
 * they lie, and what comes is only counted. */
#include "../common/dial.h"
#include "../common/meter.h"
#include "../common/work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_BYTES     (256u * 1024u)
#define BATCH          64
#define DATAGRAM_BYTES 2048

static struct bench_work work;
static uint8_t in_buf[READ_BYTES];

static void wait_for(int epoll_fd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 ||
        epoll_wait(epoll_fd, &event, 1, -1) < 0)
        bench_fail("epoll: %s", strerror(errno));
}

static int epoll_of(int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        bench_fail("epoll: %s", strerror(errno));
    return epoll_fd;
}

/* ---- streams -------------------------------------------------------------------------------- */

static size_t try_write(int fd, SSL *ssl, const uint8_t *data, size_t len)
{
    ssize_t n;

    if (ssl) {
        n = SSL_write(ssl, data, (int)len);
        return n > 0 ? (size_t)n : 0;
    }
    n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        bench_fail("send: %s", strerror(errno));
    return n > 0 ? (size_t)n : 0;
}

static void stream_run(int fd, SSL *ssl)
{
    uint64_t total = work.count * work.size;
    uint64_t in = 0, out = 0;
    int epoll_fd = epoll_of(fd);
    uint32_t watched = EPOLLIN;

    while (in < total) {
        uint64_t allowed = (in / work.size + work.in_flight) * work.size;
        if (allowed > total)
            allowed = total;
        while (out < allowed) {
            size_t pos = (size_t)(out % work.size);
            size_t len = work.size - pos;
            size_t n = try_write(fd, ssl, work.payload + pos, len);
            out += n;
            if (n < len)
                break;
        }
        uint32_t wanted = out < allowed ? EPOLLIN | EPOLLOUT : EPOLLIN;
        if (wanted != watched)
            wait_for(epoll_fd, fd, wanted);
        else if (!ssl || SSL_pending(ssl) == 0)
            (void)epoll_wait(epoll_fd, &(struct epoll_event){0}, 1, -1);
        watched = wanted;
        for (;;) {
            ssize_t n = ssl ? SSL_read(ssl, in_buf, sizeof(in_buf))
                            : recv(fd, in_buf, sizeof(in_buf), MSG_DONTWAIT);
            if (n <= 0)
                break;
            in += (uint64_t)n;
            if (!ssl && (size_t)n < sizeof(in_buf))
                break;
        }
    }
}

static SSL *ssl_open(int fd)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context || SSL_CTX_load_verify_locations(context, work.ca_path, NULL) != 1)
        bench_fail("no CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL *ssl = SSL_new(context);
    if (!ssl || SSL_set1_host(ssl, work.host) != 1 || SSL_set_fd(ssl, fd) != 1 ||
        SSL_connect(ssl) != 1)
        bench_fail("TLS handshake failed");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        bench_fail("fcntl: %s", strerror(errno));
    return ssl;
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static void datagrams_run(void)
{
    static uint8_t bytes[BATCH][DATAGRAM_BYTES];
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_iov[BATCH], out_iov = {work.payload, work.size};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(work.port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    uint64_t received = 0, sent = 0;

    inet_pton(AF_INET, work.host, &to.sin_addr);
    int epoll_fd = epoll_of(fd);
    memset(in, 0, sizeof(in));
    memset(out, 0, sizeof(out));
    for (int i = 0; i < BATCH; i++) {
        in_iov[i] = (struct iovec){bytes[i], DATAGRAM_BYTES};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_iov[i], .msg_iovlen = 1};
        out[i].msg_hdr = (struct msghdr){
            .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &out_iov, .msg_iovlen = 1};
    }
    while (received < work.count) {
        while (sent < work.count && sent - received < work.in_flight) {
            uint64_t left = received + work.in_flight - sent;
            if (left > work.count - sent)
                left = work.count - sent;
            int n = sendmmsg(fd, out, left < BATCH ? (unsigned)left : BATCH, 0);
            if (n <= 0)
                bench_fail("sendmmsg: %s", strerror(errno));
            sent += (uint64_t)n;
        }
        int n = recvmmsg(fd, in, BATCH, 0, NULL);
        if (n < 0)
            (void)epoll_wait(epoll_fd, &(struct epoll_event){0}, 1, -1);
        else
            received += (uint64_t)n;
    }
}

int main(int argc, char **argv)
{
    struct bench_result result = {.client = "bare"};
    struct bench_meter start;

    bench_work_init(&work, argc, argv);
    if (work.kind != BENCH_ECHO || work.socket[0] == '\0')
        bench_unsupported("sockets only echo");
    if (strcmp(work.socket, "udp") == 0) {
        start = bench_meter_now();
        datagrams_run();
    } else {
        int fd = bench_dial(&work);
        SSL *ssl = work.secure ? ssl_open(fd) : NULL;
        start = bench_meter_now();
        stream_run(fd, ssl);
    }
    result.spent = bench_meter_since(&start);
    result.version = work.secure ? "openssl" : "sockets";
    result.messages = work.count;
    result.bytes = work.count * work.size;
    bench_report(&work, &result);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare sockets on a loop, ws only, built twice: over epoll (bench_bare_epoll), and over io_uring as it serves best
 * (bench_bare_uring): multishot receive into provided buffers, and everything that is to be done handed over by the call
 * that waits. What io_uring could save a library like leat: docs/decisions. Frames are made once, what comes is counted.
 */
#include "../common/meter.h"
#include "../common/work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef BENCH_URING
#include <liburing.h>
#endif

/* io_uring: what is not longer is taken at once, and only a failure is told. */
enum { SHORT_BYTES = 16 * 1024 };
/* What is received at a time: of epoll one buffer, of io_uring as many as fill the ring. */
enum { READ_BYTES = 256 * 1024, RING_BUFFERS = 16, RING_BUFFER_BYTES = READ_BYTES, GROUP = 1 };

static const uint8_t close_frame[8] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};

struct loop_event {
    bool may_write;   /* epoll: what was not taken can be tried again */
    ssize_t received; /* 0 = the end; -1 = nothing */
    ssize_t sent;     /* -1 = nothing */
    const uint8_t *data;
};

static struct bench_work work;
static struct bench_result result = {.client = "bare", .version = "epoll"};
static struct sockaddr_in address;
static uint8_t *frames;
static size_t frame_len, answer_len;
static char request[512];
static size_t request_len;

static void must(long status, const char *what)
{
    if (status < 0)
        bench_fail("%s: %s", what, strerror(errno));
}

#ifdef BENCH_URING
/* ---- io_uring --------------------------------------------------------------------------------- */

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static uint8_t *buffer_memory;

enum operation { OPERATION_CONNECT, OPERATION_SEND, OPERATION_RECEIVE, OPERATION_CLOSE };

static struct io_uring_sqe *operation_new(enum operation operation)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    if (!sqe)
        bench_fail("io_uring: the ring is full");
    io_uring_sqe_set_data64(sqe, operation);
    return sqe;
}

static void buffer_give(unsigned id)
{
    io_uring_buf_ring_add(buffers, buffer_memory + (size_t)id * RING_BUFFER_BYTES,
                          RING_BUFFER_BYTES, (unsigned short)id,
                          io_uring_buf_ring_mask(RING_BUFFERS), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

static void loop_init(void)
{
    struct io_uring_params params = {.flags =
                                         IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    struct io_uring_buf_reg registration = {.ring_entries = RING_BUFFERS, .bgid = GROUP};
    int status = io_uring_queue_init_params(256, &ring, &params);

    if (status < 0) {
        fprintf(stderr, "io_uring_setup: %s\n", strerror(-status));
        exit(BENCH_UNSUPPORTED);
    }
    if (posix_memalign((void **)&buffers, 4096, RING_BUFFERS * sizeof(struct io_uring_buf)) != 0)
        bench_fail("out of memory");
    buffer_memory = malloc((size_t)RING_BUFFERS * RING_BUFFER_BYTES);
    registration.ring_addr = (uintptr_t)buffers;
    if (!buffer_memory || (status = io_uring_register_buf_ring(&ring, &registration, 0)) < 0)
        bench_fail("io_uring_register_buf_ring: %s", strerror(-status));
    io_uring_buf_ring_init(buffers);
    for (unsigned i = 0; i < RING_BUFFERS; i++)
        buffer_give(i);
    (void)io_uring_register_ring_fd(&ring);
    result.version = "io_uring";
}

static void loop_receive(int fd)
{
    struct io_uring_sqe *sqe = operation_new(OPERATION_RECEIVE);

    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    io_uring_sqe_set_data64(sqe, OPERATION_RECEIVE);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
}

/* Whether nothing more is told of it, unless it fails. */
static bool loop_send(int fd, const void *data, size_t len)
{
    struct io_uring_sqe *sqe = operation_new(OPERATION_SEND);

    io_uring_prep_send(sqe, fd, data, len, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, OPERATION_SEND);
    if (len > SHORT_BYTES)
        return false;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    return true;
}

/* Connects, sends the request and receives, all by the next call. */
static int loop_dial(void)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd, "socket");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct io_uring_sqe *sqe = operation_new(OPERATION_CONNECT);
    io_uring_prep_connect(sqe, fd, (struct sockaddr *)&address, sizeof(address));
    io_uring_sqe_set_data64(sqe, OPERATION_CONNECT);
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe = operation_new(OPERATION_SEND);
    io_uring_prep_send(sqe, fd, request, request_len, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, OPERATION_SEND);
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    loop_receive(fd);
    return fd;
}

static void loop_forget(int fd)
{
    struct io_uring_sqe *sqe = operation_new(OPERATION_CLOSE);

    io_uring_prep_close(sqe, fd);
    io_uring_sqe_set_data64(sqe, OPERATION_CLOSE);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* Calls `fn` for whatever has happened; waits for one thing at least. */
static void loop_turn(int fd, void (*fn)(int fd, const struct loop_event *event))
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    if (io_uring_submit_and_wait(&ring, 1) < 0)
        return;
    io_uring_for_each_cqe(&ring, head, cqe)
    {
        struct loop_event event = {.received = -1, .sent = -1};
        enum operation operation = (enum operation)io_uring_cqe_get_data64(cqe);
        n++;
        if (operation == OPERATION_CLOSE)
            continue;
        /* All buffers were full: what is behind them comes when it is asked for again. */
        if (operation == OPERATION_RECEIVE && cqe->res == -ENOBUFS) {
            loop_receive(fd);
            continue;
        }
        if (cqe->res < 0)
            bench_fail("io_uring: operation %d: %s", (int)operation, strerror(-cqe->res));
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        if (operation == OPERATION_SEND)
            event.sent = cqe->res;
        else if (operation == OPERATION_RECEIVE)
            event.received = cqe->res;
        event.data = buffer_memory + (size_t)id * RING_BUFFER_BYTES;
        fn(fd, &event);
        if ((cqe->flags & IORING_CQE_F_BUFFER) != 0)
            buffer_give(id);
        if (operation == OPERATION_RECEIVE && cqe->res > 0 && (cqe->flags & IORING_CQE_F_MORE) == 0)
            loop_receive(fd);
    }
    io_uring_cq_advance(&ring, n);
}

#else
/* ---- epoll ------------------------------------------------------------------------------------ */

static int epoll_fd;
static uint8_t in_buf[READ_BYTES];
static unsigned watched;
static ssize_t sent_now = -1; /* by loop_send(); told by the next turn */
static bool is_connecting;

static void loop_init(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    must(epoll_fd, "epoll_create1");
}

static void watch(int fd, unsigned events)
{
    struct epoll_event event = {.events = events};

    if (watched != events)
        must(epoll_ctl(epoll_fd, watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    watched = events;
}

/* Whether nothing more is told of it. */
static bool loop_send(int fd, const void *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN)
        must(n, "send");
    sent_now = n > 0 ? n : 0;
    if ((size_t)sent_now < len)
        watch(fd, EPOLLIN | EPOLLOUT);
    return false;
}

static int loop_dial(void)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    must(fd, "socket");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
        must(-1, "connect");
    watched = 0;
    is_connecting = true;
    watch(fd, EPOLLOUT);
    return fd;
}

static void loop_forget(int fd)
{
    close(fd);
}

static void loop_turn(int fd, void (*fn)(int fd, const struct loop_event *event))
{
    struct epoll_event ready;
    struct loop_event event = {.received = -1, .sent = sent_now};

    sent_now = -1;
    if (event.sent > 0) {
        fn(fd, &event);
        event.sent = -1;
    }
    if (epoll_wait(epoll_fd, &ready, 1, -1) != 1)
        return;
    if (is_connecting) {
        is_connecting = false;
        (void)loop_send(fd, request, request_len);
        sent_now = -1;
        watch(fd, EPOLLIN);
        return;
    }
    if ((ready.events & EPOLLOUT) != 0) {
        watch(fd, EPOLLIN);
        event.may_write = true;
    }
    if ((ready.events & (EPOLLIN | EPOLLHUP)) != 0) {
        event.received = recv(fd, in_buf, sizeof(in_buf), MSG_DONTWAIT);
        event.data = in_buf;
        if (event.received < 0 && errno != EAGAIN)
            must(-1, "recv");
    }
    fn(fd, &event);
}
#endif

/* ---- the work --------------------------------------------------------------------------------- */

static enum { STAGE_UPGRADE, STAGE_OPEN, STAGE_CLOSING, STAGE_ENDED } stage;
static unsigned head_len; /* of the end of the answer's head */
static uint64_t in_bytes, out_bytes, out_total;
static bool is_sending; /* one send is under way */

static void send_more(int fd)
{
    uint64_t allowed = (in_bytes / answer_len + work.in_flight) * frame_len;
    size_t pos = (size_t)(out_bytes % (work.in_flight * frame_len));
    size_t len = work.in_flight * frame_len - pos;

    if (allowed > out_total)
        allowed = out_total;
    if (is_sending || out_bytes >= allowed)
        return;
    if (len > allowed - out_bytes)
        len = (size_t)(allowed - out_bytes);
    is_sending = !loop_send(fd, frames + pos, len);
    if (!is_sending)
        out_bytes += len;
}

static size_t head_take(const uint8_t *data, size_t len)
{
    static const char end[] = "\r\n\r\n";

    for (size_t i = 0; i < len; i++) {
        head_len = data[i] == (uint8_t)end[head_len] ? head_len + 1 : data[i] == '\r';
        if (head_len == 4)
            return i + 1;
    }
    return len;
}

static void on_received(const struct loop_event *event)
{
    size_t len = (size_t)event->received;
    size_t used = 0;

    if (len == 0) {
        stage = STAGE_ENDED;
        return;
    }
    if (stage == STAGE_UPGRADE) {
        used = head_take(event->data, len);
        if (head_len == 4)
            stage = STAGE_OPEN;
    }
    in_bytes += len - used;
}

static void on_event(int fd, const struct loop_event *event)
{
    bool was_open = stage != STAGE_UPGRADE;

    if (event->received >= 0)
        on_received(event);
    if (event->sent >= 0 && was_open && is_sending) {
        is_sending = false;
        out_bytes += (uint64_t)event->sent;
    }
    if (event->may_write)
        is_sending = false;
    if (stage == STAGE_OPEN && work.kind == BENCH_ECHO && was_open)
        send_more(fd);
}

static int dial(void)
{
    stage = STAGE_UPGRADE;
    head_len = 0;
    in_bytes = 0;
    int fd = loop_dial();
    while (stage == STAGE_UPGRADE)
        loop_turn(fd, on_event);
    return fd;
}

static void echo_run(int fd)
{
    out_total = work.count * frame_len;
    send_more(fd);
    while (in_bytes < work.count * answer_len && stage != STAGE_ENDED)
        loop_turn(fd, on_event);
}

static void open_run(void)
{
    for (uint64_t i = 0; i < work.count; i++) {
        int fd = dial();
        stage = STAGE_CLOSING;
        (void)loop_send(fd, close_frame, sizeof(close_frame));
        while (stage != STAGE_ENDED)
            loop_turn(fd, on_event);
        loop_forget(fd);
    }
}

/* The key is 0: nothing is masked. */
static void frames_make(void)
{
    size_t extended = work.size > UINT16_MAX ? 8 : work.size > 125 ? 2 : 0;
    uint8_t header[14] = {0x82, (uint8_t)(0x80 | (extended == 8   ? 127
                                                  : extended == 2 ? 126
                                                                  : (int)work.size))};

    for (size_t i = 0; i < extended; i++)
        header[2 + i] = (uint8_t)(work.size >> (8 * (extended - 1 - i)));
    answer_len = 2 + extended + work.size;
    frame_len = answer_len + 4;
    frames = malloc(work.in_flight * frame_len);
    if (!frames)
        bench_fail("out of memory");
    for (size_t i = 0; i < work.in_flight; i++) {
        memcpy(frames + i * frame_len, header, 6 + extended);
        memcpy(frames + i * frame_len + 6 + extended, work.payload, work.size);
    }
}

int main(int argc, char **argv)
{
    bench_work_init(&work, argc, argv);
    if (work.secure || work.proxy || (work.kind != BENCH_ECHO && work.kind != BENCH_OPEN))
        bench_unsupported("only echoes and openings of ws");
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(work.port, NULL, 10))};
    if (inet_pton(AF_INET, work.host, &address.sin_addr) != 1)
        bench_fail("%s is not an IPv4 address", work.host);
    request_len = (size_t)snprintf(request, sizeof(request),
                                   "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
                                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                                   work.path, work.host, work.port);
    frames_make();
    loop_init();
    int fd = work.kind == BENCH_ECHO ? dial() : -1;
    struct bench_meter start = bench_meter_now();
    if (work.kind == BENCH_ECHO)
        echo_run(fd);
    else
        open_run();
    result.spent = bench_meter_since(&start);
    result.messages = work.count;
    result.bytes = work.count * work.size;
    bench_report(&work, &result);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load for servers under test: bare sockets on one epoll set, frames made once with a masking key of 0,
 * what comes back is counted and not looked at. Nobody's library is in it but OpenSSL.
 *
 * usage: load --port N --work echo|rate|open|idle [--connections N] [--in-flight N] [--size N] [--count N]
 *             [--rate N] [--seconds N] [--slow N] [--secure 1]
 *
 *   echo  `count` messages of `size` bytes come back over `connections`, each with `in-flight` on its way
 *   rate  `rate` messages in a second for `seconds`, over the connections in turns. A message's time counts
 *         from when it was due, not from when it could be sent: a server that stands still is charged for all
 *         that had to wait for it.
 *   open  `count` connections are opened and closed, `connections` at the same time
 *   idle  `connections` are opened, "ready" is printed, and they stay until the input ends
 *
 * `slow` more connections ask for 4 MiB each first and read nothing. `secure`: over TLS 1.3 by OpenSSL, with
 * whatever certificate; handshakes go one by one.
 * Prints one line, NAME=VALUE.
 */
#include "../common/work.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, SLOW_MESSAGES = 64, SLOW_BYTES = 64 << 10 };

static const char request[] =
    "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";
static const uint8_t close_frame[8] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};

enum stage { STAGE_UPGRADE, STAGE_OPEN, STAGE_CLOSING };

struct connection {
    int fd;
    SSL *ssl; /* NULL = without TLS */
    enum stage stage;
    unsigned head_len; /* of the answer's end that has been seen */
    uint64_t in_bytes; /* of answers */
    uint64_t sent, received;
    uint64_t *due_ns; /* ring of those on their way; only for `rate` */
    unsigned due_cap;
};

static struct {
    const char *work;
    unsigned port, connections, in_flight, slow;
    size_t size;
    uint64_t count, rate, seconds;
    bool secure;
} options = {.work = "echo",
             .connections = 1,
             .in_flight = 1,
             .size = 64,
             .count = 1000,
             .rate = 1000,
             .seconds = 5};

static int epoll_fd;
static SSL_CTX *ssl_context; /* if secure */
static uint8_t *frame;
static size_t frame_len, answer_len;
static struct connection *all;
static unsigned opened;
static uint64_t answered, ended;
static uint64_t *latencies_ns;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- frames ------------------------------------------------------------------------------------- */

static size_t header_write(uint8_t *out, size_t len, bool masked)
{
    size_t extended = len > UINT16_MAX ? 8 : len > 125 ? 2 : 0;
    out[0] = 0x82;
    out[1] = (uint8_t)((masked ? 0x80 : 0) | (extended == 8   ? 127
                                              : extended == 2 ? 126
                                                              : (int)len));
    for (size_t i = 0; i < extended; i++)
        out[2 + i] = (uint8_t)(len >> (8 * (extended - 1 - i)));
    if (masked)
        memset(out + 2 + extended, 0, 4);
    return 2 + extended + (masked ? 4 : 0);
}

static uint8_t *frame_make(size_t size, size_t *ret_len)
{
    uint8_t *made = calloc(1, size + 14);
    if (!made)
        bench_fail("out of memory");
    *ret_len = header_write(made, size, true) + size;
    return made;
}

/* ---- connections ---------------------------------------------------------------------------------- */

/* As of send(2) and recv(2). */
static ssize_t ssl_result(SSL *ssl, int result)
{
    if (result > 0)
        return result;
    int error = SSL_get_error(ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t connection_send(const struct connection *c, const void *data, size_t len)
{
    if (!c->ssl)
        return send(c->fd, data, len, MSG_NOSIGNAL);
    return ssl_result(c->ssl, SSL_write(c->ssl, data, len < INT_MAX ? (int)len : INT_MAX));
}

static void write_all(const struct connection *c, const void *data, size_t len)
{
    const uint8_t *next = data;
    while (len > 0) {
        ssize_t n = connection_send(c, next, len);
        if (n < 0 && errno == EAGAIN) {
            (void)poll(&(struct pollfd){.fd = c->fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (n <= 0)
            bench_fail("send: %s", strerror(errno));
        next += n;
        len -= (size_t)n;
    }
}

static void ssl_start(struct connection *c)
{
    c->ssl = SSL_new(ssl_context);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
        bench_fail("TLS: %s", ERR_reason_error_string(ERR_peek_error()));
}

static void dial(struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("connect: %s", strerror(errno));
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (options.secure)
        ssl_start(c);
    write_all(c, request, sizeof(request) - 1);
}

static void connection_close(struct connection *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
}

static void connection_start(struct connection *c)
{
    dial(c);
    c->stage = STAGE_UPGRADE;
    c->head_len = 0;
    (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        bench_fail("epoll_ctl: %s", strerror(errno));
}

static bool head_ends(struct connection *c, uint8_t byte)
{
    static const char end[] = "\r\n\r\n";
    c->head_len = byte == (uint8_t)end[c->head_len] ? c->head_len + 1 : byte == '\r';
    return c->head_len == 4;
}

/* Returns how many bytes belong to the head of the answer. */
static size_t head_take(struct connection *c, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (head_ends(c, data[i])) {
            c->stage = STAGE_OPEN;
            opened++;
            return i + 1;
        }
    }
    return len;
}

static void message_answered(struct connection *c, uint64_t at_ns)
{
    if (c->due_ns)
        latencies_ns[answered] = at_ns - c->due_ns[c->received % c->due_cap];
    c->received++;
    answered++;
}

/* As recv(). OpenSSL reads a record at a time: what is behind it stays in the kernel, where epoll sees it. */
static ssize_t bytes_read(const struct connection *c, uint8_t *buf, size_t cap)
{
    return c->ssl ? ssl_result(c->ssl, SSL_read(c->ssl, buf, (int)cap)) : recv(c->fd, buf, cap, 0);
}

/* false: the server has ended it. */
static bool connection_read(struct connection *c)
{
    static uint8_t buf[256 << 10];
    ssize_t n = bytes_read(c, buf, sizeof(buf));
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0) {
        if (c->stage != STAGE_CLOSING)
            bench_fail("the server has ended a connection");
        return false;
    }
    size_t len = (size_t)n, used = c->stage == STAGE_UPGRADE ? head_take(c, buf, len) : 0;
    if (c->stage != STAGE_OPEN)
        return true;
    c->in_bytes += len - used;
    uint64_t at_ns = c->due_ns ? now_ns() : 0;
    while (c->in_bytes >= answer_len && c->received < c->sent) {
        c->in_bytes -= answer_len;
        message_answered(c, at_ns);
    }
    return true;
}

/* Calls `event` for each that has something. */
static void turn(int timeout_ms, void (*event)(struct connection *c))
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++)
        event(events[i].data.ptr);
}

static void on_quiet(struct connection *c)
{
    if (!connection_read(c))
        bench_fail("the server has ended a connection");
}

static void open_all(void)
{
    unsigned started = 0;
    while (opened < options.connections) {
        for (; started < options.connections && started - opened < 64; started++)
            connection_start(&all[started]);
        turn(-1, on_quiet);
    }
}

/* Returns behind the head of the answer: what comes before it, a server may refuse. */
static void head_await(struct connection *c)
{
    uint8_t byte;
    do {
        if (bytes_read(c, &byte, 1) != 1)
            bench_fail("the server refuses a slow reader");
    } while (!head_ends(c, byte));
}

/* They send and never read but the answer to the request. */
static void slow_start(void)
{
    size_t len;
    uint8_t *large = frame_make(SLOW_BYTES, &len);
    int small = 4096;
    for (unsigned i = 0; i < options.slow; i++) {
        struct connection slow = {0};
        dial(&slow);
        head_await(&slow);
        (void)setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        (void)fcntl(slow.fd, F_SETFL, O_NONBLOCK);
        for (unsigned k = 0; k < SLOW_MESSAGES; k++)
            if (connection_send(&slow, large, len) < (ssize_t)len)
                break; /* a server that stops reading them is right */
    }
    free(large);
}

/* ---- the works -------------------------------------------------------------------------------------- */

static uint64_t total_sent;

static void on_echo(struct connection *c)
{
    if (!connection_read(c))
        bench_fail("the server has ended a connection");
    while (c->stage == STAGE_OPEN && c->sent < c->received + options.in_flight &&
           total_sent < options.count) {
        write_all(c, frame, frame_len);
        c->sent++;
        total_sent++;
    }
}

/* As many frames as may be on their way go with one write. */
static void echo_run(void)
{
    size_t batch = options.in_flight;
    uint8_t *many = malloc(batch * frame_len);
    if (!many)
        bench_fail("out of memory");
    for (size_t i = 0; i < batch; i++)
        memcpy(many + i * frame_len, frame, frame_len);
    uint64_t start = now_ns();
    for (unsigned i = 0; i < options.connections; i++) {
        write_all(&all[i], many, batch * frame_len);
        all[i].sent += batch;
        total_sent += batch;
    }
    while (answered < total_sent)
        turn(-1, on_echo);
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("messages=%llu seconds=%.3f per_second=%.0f\n", (unsigned long long)answered, seconds,
           (double)answered / seconds);
    free(many);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void rate_run(void)
{
    uint64_t total = options.rate * options.seconds, step = 1000000000u / options.rate;
    unsigned cap = (unsigned)(total / options.connections + 2);
    latencies_ns = calloc(total, sizeof(*latencies_ns));
    for (unsigned i = 0; i < options.connections; i++) {
        all[i].due_cap = cap;
        all[i].due_ns = calloc(cap, sizeof(uint64_t));
        if (!latencies_ns || !all[i].due_ns)
            bench_fail("out of memory");
    }
    uint64_t start = now_ns() + 1000000;
    while (answered < total) {
        uint64_t due = start + total_sent * step;
        if (total_sent < total && now_ns() >= due) {
            struct connection *c = &all[total_sent++ % options.connections];
            c->due_ns[c->sent++ % cap] = due;
            write_all(c, frame, frame_len);
            continue;
        }
        turn(0, on_quiet);
    }
    qsort(latencies_ns, total, sizeof(*latencies_ns), compare);
    printf("messages=%llu median_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f\n",
           (unsigned long long)total, (double)latencies_ns[total / 2] / 1e3,
           (double)latencies_ns[total * 99 / 100] / 1e3,
           (double)latencies_ns[total * 999 / 1000] / 1e3, (double)latencies_ns[total - 1] / 1e3);
}

static uint64_t started_count;

static void on_open(struct connection *c)
{
    if (!connection_read(c)) {
        connection_close(c);
        ended++;
        if (started_count < options.count) {
            started_count++;
            connection_start(c);
        }
    } else if (c->stage == STAGE_OPEN) {
        c->stage = STAGE_CLOSING;
        write_all(c, close_frame, sizeof(close_frame));
    }
}

static void open_run(void)
{
    uint64_t start = now_ns();
    for (; started_count < options.connections && started_count < options.count; started_count++)
        connection_start(&all[started_count]);
    while (ended < options.count)
        turn(-1, on_open);
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("opened=%llu seconds=%.3f per_second=%.0f\n", (unsigned long long)ended, seconds,
           (double)ended / seconds);
}

static void idle_run(void)
{
    char byte;
    printf("ready\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
}

/* ---- the command line ----------------------------------------------------------------------------- */

static void option_set(const char *name, const char *value)
{
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(name, "--work") == 0)
        options.work = value;
    else if (strcmp(name, "--port") == 0)
        options.port = (unsigned)number;
    else if (strcmp(name, "--connections") == 0)
        options.connections = (unsigned)number;
    else if (strcmp(name, "--in-flight") == 0)
        options.in_flight = (unsigned)number;
    else if (strcmp(name, "--secure") == 0)
        options.secure = number != 0;
    else if (strcmp(name, "--slow") == 0)
        options.slow = (unsigned)number;
    else if (strcmp(name, "--size") == 0)
        options.size = (size_t)number;
    else if (strcmp(name, "--count") == 0)
        options.count = number;
    else if (strcmp(name, "--rate") == 0)
        options.rate = number;
    else if (strcmp(name, "--seconds") == 0)
        options.seconds = number;
    else
        bench_fail("unknown: %s", name);
}

static void ssl_context_make(void)
{
    ssl_context = SSL_CTX_new(TLS_client_method());
    if (!ssl_context || SSL_CTX_set_min_proto_version(ssl_context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ssl_context, "TLS_AES_128_GCM_SHA256") != 1)
        bench_fail("OpenSSL fails");
    SSL_CTX_set_mode(ssl_context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl_context, SSL_SESS_CACHE_OFF);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    uint8_t header[14];
    for (int i = 1; i + 1 < argc; i += 2)
        option_set(argv[i], argv[i + 1]);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (options.secure)
        ssl_context_make();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    all = calloc(options.connections, sizeof(*all));
    frame = frame_make(options.size, &frame_len);
    answer_len = header_write(header, options.size, false) + options.size;
    if (epoll_fd < 0 || !all || options.port == 0 || options.connections == 0 || options.rate == 0)
        bench_fail("bad arguments");
    if (strcmp(options.work, "open") == 0) {
        open_run();
        return 0;
    }
    slow_start();
    open_all();
    if (strcmp(options.work, "rate") == 0)
        rate_run();
    else if (strcmp(options.work, "idle") == 0)
        idle_run();
    else
        echo_run();
    return 0;
}

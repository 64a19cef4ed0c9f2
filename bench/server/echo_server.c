/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of all measurements; nobody's library is in it but OpenSSL. It echoes (/echo), counts
 * (/sink?count=N) and sends (/source?count=N&size=N[&text=1]). Bytes over TCP and TLS, and datagrams, it
 * sends back as they come.
 *
 * usage: echo_server [CERTIFICATE KEY]
 * Prints one line, the ports of ws, wss, tcp, tls, udp (those with TLS are 0 without a certificate). Ends
 * with its input.
 */
#include "connection.h"
#include "datagrams.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256

static int epoll_fd;
static SSL_CTX *ssl_context;
/* What an event is of that is no connection's. */
static int plain_listener, tls_listener, plain_bytes_listener, tls_bytes_listener;
static int datagrams, input_mark;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void watch(int fd, uint32_t events, void *mark)
{
    struct epoll_event event = {.events = events, .data.ptr = mark};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static int listen_anywhere(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        die("listen");
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* TLS 1.3 with AES-128-GCM, and nothing else. */
static SSL_CTX *ssl_context_new(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1) {
        fputs("echo_server: bad certificate or key\n", stderr);
        exit(1);
    }
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    /* Tickets that allow early data, and no memory of those that were used. */
    SSL_CTX_set_max_early_data(context, 16384);
    SSL_CTX_set_options(context, SSL_OP_NO_ANTI_REPLAY);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 128 * 1024);
    return context;
}

static SSL *ssl_new(int fd)
{
    SSL *ssl = SSL_new(ssl_context);

    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        die("SSL_new");
    return ssl;
}

static void accept_all(int listener)
{
    bool is_tls = listener == tls_listener || listener == tls_bytes_listener;
    bool is_bytes = listener == plain_bytes_listener || listener == tls_bytes_listener;
    int fd;
    int on = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct connection *connection = connection_new(fd, is_tls ? ssl_new(fd) : NULL, is_bytes);
        if (!connection)
            die("connection_new");
        watch(fd, EPOLLIN | EPOLLOUT | EPOLLET, connection);
    }
}

static bool input_has_ended(void)
{
    char bytes[64];

    return read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0;
}

static bool is_listener(const void *mark)
{
    return mark == &plain_listener || mark == &tls_listener || mark == &plain_bytes_listener ||
           mark == &tls_bytes_listener;
}

static void serve(void)
{
    static struct epoll_event events[EVENTS];

    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            void *mark = events[i].data.ptr;
            if (mark == &input_mark) {
                if (input_has_ended())
                    return;
            } else if (is_listener(mark)) {
                accept_all(*(int *)mark);
            } else if (mark == &datagrams) {
                datagrams_echo(datagrams);
            } else if (!connection_run(mark)) {
                connection_free(mark);
            }
        }
    }
}

static unsigned listen_for(int *listener)
{
    unsigned port;

    *listener = listen_anywhere(&port);
    watch(*listener, EPOLLIN, listener);
    return port;
}

int main(int argc, char **argv)
{
    unsigned tls_port = 0, tls_bytes_port = 0, datagrams_port;

    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1");
    unsigned port = listen_for(&plain_listener);
    unsigned bytes_port = listen_for(&plain_bytes_listener);
    if (argc == 3) {
        ssl_context = ssl_context_new(argv[1], argv[2]);
        tls_port = listen_for(&tls_listener);
        tls_bytes_port = listen_for(&tls_bytes_listener);
    }
    datagrams = datagrams_open(&datagrams_port);
    if (datagrams < 0)
        die("datagrams");
    watch(datagrams, EPOLLIN, &datagrams);
    watch(STDIN_FILENO, EPOLLIN, &input_mark);
    printf("%u %u %u %u %u\n", port, tls_port, bytes_port, tls_bytes_port, datagrams_port);
    fflush(stdout);
    serve();
    return 0;
}

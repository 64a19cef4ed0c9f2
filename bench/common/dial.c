/* SPDX-License-Identifier: Apache-2.0 */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void bench_write_all(int fd, const void *data, size_t len)
{
    const char *pos = data;

    while (len > 0) {
        ssize_t n = send(fd, pos, len, MSG_NOSIGNAL);
        if (n < 0)
            bench_fail("send: %s", strerror(errno));
        pos += n;
        len -= (size_t)n;
    }
}

static void read_exactly(int fd, void *data, size_t len)
{
    char *pos = data;

    while (len > 0) {
        ssize_t n = recv(fd, pos, len, 0);
        if (n <= 0)
            bench_fail("the proxy has ended the connection");
        pos += n;
        len -= (size_t)n;
    }
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
    };

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        bench_fail("%s is not an IPv4 address", host);
    return address;
}

static int dial_tcp(const char *host, const char *port)
{
    struct sockaddr_in address = address_of(host, port);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("connect to %s:%s: %s", host, port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* RFC 1929. */
static void socks5_log_in(int fd, const char *user, size_t user_len, const char *password,
                          size_t password_len)
{
    uint8_t request[3 + 255 + 255] = {1, (uint8_t)user_len};
    uint8_t reply[2];

    memcpy(request + 2, user, user_len);
    request[2 + user_len] = (uint8_t)password_len;
    memcpy(request + 3 + user_len, password, password_len);
    bench_write_all(fd, request, 3 + user_len + password_len);
    read_exactly(fd, reply, sizeof(reply));
    if (reply[1] != 0)
        bench_fail("the proxy refuses the password");
}

/* RFC 1928, to an IPv4 address. */
static void socks5_connect(int fd, const struct bench_work *work)
{
    struct sockaddr_in target = address_of(work->host, work->port);
    uint8_t request[10] = {5, 1, 0, 1};
    uint8_t reply[10];

    memcpy(request + 4, &target.sin_addr, 4);
    memcpy(request + 8, &target.sin_port, 2);
    bench_write_all(fd, request, sizeof(request));
    read_exactly(fd, reply, sizeof(reply));
    if (reply[1] != 0 || reply[3] != 1)
        bench_fail("the proxy refuses to connect");
}

static int dial_proxy(const struct bench_work *work)
{
    char host[64];
    const char *at = strchr(work->proxy, '@');
    const char *place = at ? at + 1 : work->proxy;
    const char *port = strchr(place, ':');
    const char *password = strchr(work->proxy, ':');
    uint8_t reply[2];

    if (!port || (at && (!password || password > at)))
        bench_fail("bad --proxy");
    snprintf(host, sizeof(host), "%.*s", (int)(port - place), place);
    int fd = dial_tcp(host, port + 1);
    const uint8_t greeting[3] = {5, 1, at ? 2 : 0};
    bench_write_all(fd, greeting, sizeof(greeting));
    read_exactly(fd, reply, sizeof(reply));
    if (reply[1] != greeting[2])
        bench_fail("the proxy wants another method");
    if (at)
        socks5_log_in(fd, work->proxy, (size_t)(password - work->proxy), password + 1,
                      (size_t)(at - password - 1));
    socks5_connect(fd, work);
    return fd;
}

int bench_dial(const struct bench_work *work)
{
    return work->proxy ? dial_proxy(work) : dial_tcp(work->host, work->port);
}

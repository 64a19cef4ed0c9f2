/* SPDX-License-Identifier: Apache-2.0 */
#include "support/raw_socket.h"
#include "support/client_run.h"
#include "testing/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The highest descriptor that is looked at. */
#define DESCRIPTORS 4096

/* @return connect(2)'s */
static int socket_connect(const char *from, uint16_t port, int *ret_fd)
{
    const struct timeval timeout = {.tv_sec = CLIENT_RUN_TIMEOUT_MS / 1000};
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0);
    if (from) {
        cr_assert(inet_pton(AF_INET, from, &address.sin_addr) == 1);
        cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    *ret_fd = fd;
    return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

int raw_connect(const char *from, uint16_t port)
{
    int fd;
    cr_assert(socket_connect(from, port, &fd) == 0, "%s", strerror(errno));
    return fd;
}

void raw_expect_reset(uint16_t port)
{
    int fd;
    char byte;
    int result = socket_connect(NULL, port, &fd);
    if (result == 0)
        result = (int)recv(fd, &byte, 1, 0);
    cr_expect(result == -1 && errno == ECONNRESET, "%d: %s", result, strerror(errno));
    close(fd);
}

bool raw_send(int fd, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool raw_recv_until(int fd, const char *text, char *buf, size_t cap)
{
    size_t len = 0;
    buf[0] = '\0';
    while (!strstr(buf, text)) {
        /* one byte at a time: what follows stays in the kernel */
        ssize_t got = len + 1 < cap ? recv(fd, buf + len, 1, 0) : 0;
        if (got <= 0)
            return false;
        buf[++len] = '\0';
    }
    return true;
}

int raw_upgrade(const char *from, uint16_t port, int *ret_fd)
{
    char head[4096];
    int fd = raw_connect(from, port);
    *ret_fd = fd;
    if (!raw_send(fd, RAW_UPGRADE("/echo"), strlen(RAW_UPGRADE("/echo"))) ||
        !raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)) || strncmp(head, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }
    return (int)strtol(head + 9, NULL, 10);
}

int raw_recv_end(int fd)
{
    char buf[65536];
    ssize_t got;
    do {
        got = recv(fd, buf, sizeof(buf), 0);
    } while (got > 0);
    if (got == 0)
        return 0;
    return errno == EAGAIN ? ETIMEDOUT : errno;
}

int raw_listen(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 16) == 0 &&
                  getsockname(fd, (struct sockaddr *)&address, &size) == 0,
              "%s", strerror(errno));
    *ret_port = ntohs(address.sin_port);
    return fd;
}

void raw_upgrade_answer(const char *request, char *buf, size_t cap)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    char accept[29] = "";
    const char *key = strstr(request, name);
    if (key) {
        key += sizeof(name) - 1;
        leati_peer_websocket_accept(key, strcspn(key, "\r"), accept);
    }
    snprintf(buf, cap,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n%s\r\n",
             accept,
             strstr(request, "permessage-deflate")
                 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                 : "");
}

void raw_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
    close(fd);
}

/* ---- what lies in the kernel
 * ------------------------------------------------------------------------- */

/* 0: not an IPv4 socket. */
static uint16_t port_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);
    return get(fd, (struct sockaddr *)&address, &size) == 0 && address.sin_family == AF_INET
               ? ntohs(address.sin_port)
               : 0;
}

unsigned raw_arrived(uint16_t port, bool accepted, int timeout_ms)
{
    unsigned count = 0;
    for (int fd = 3; fd < DESCRIPTORS; ++fd) {
        uint16_t remote = port_of(fd, getpeername);
        if (remote != 0 && (accepted ? port_of(fd, getsockname) : remote) == port) {
            struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
            count += timeout_ms == 0 || poll(&poll_fd, 1, timeout_ms) == 1;
        }
    }
    return count;
}

void raw_wait_unread(uint16_t port, int bytes)
{
    for (int fd = 3; fd < DESCRIPTORS; ++fd) {
        if (port_of(fd, getpeername) != port)
            continue;
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int unread = 0;
        cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0);
        cr_assert(poll(&poll_fd, 1, CLIENT_RUN_TIMEOUT_MS) == 1);
        cr_assert(ioctl(fd, FIONREAD, &unread) == 0 && unread >= bytes, "%d", unread);
        cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &(int){1}, sizeof(int)) == 0);
        return;
    }
    cr_assert_fail("no connection to port %u", port);
}

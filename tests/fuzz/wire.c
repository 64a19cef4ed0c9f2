/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/wire.h"
#include "testing/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int wire_open(int type, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    FUZZ_MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int fuzz_listen(uint16_t *ret_port)
{
    int fd = wire_open(SOCK_STREAM, ret_port);
    FUZZ_MUST(listen(fd, 16) == 0);
    return fd;
}

int fuzz_bind_udp(uint16_t *ret_port)
{
    return wire_open(SOCK_DGRAM, ret_port);
}

int fuzz_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int fuzz_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    FUZZ_MUST(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

void fuzz_send(int fd, const void *data, size_t len)
{
    if (fd >= 0 && len > 0)
        (void)send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

size_t fuzz_recv(int fd, void *buf, size_t cap)
{
    ssize_t got = fd >= 0 ? recv(fd, buf, cap, MSG_DONTWAIT) : 0;
    return got > 0 ? (size_t)got : 0;
}

void fuzz_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static bool network_leave(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    /* libFuzzer has a thread, with which there is no user namespace to be had. */
    bool is_alone = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    int fd = is_alone ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) < 0) {
        fprintf(stderr, "no network namespace (%s): only what opens no socket\n", strerror(errno));
        is_alone = false;
    }
    if (fd >= 0)
        close(fd);
    return is_alone;
}

bool fuzz_network_leave(void)
{
    static enum { UNKNOWN, ALONE, NOT_ALONE } state;
    if (state == UNKNOWN)
        state = network_leave() ? ALONE : NOT_ALONE;
    return state == ALONE;
}

void fuzz_keep_cas(void)
{
    static leat_loop *loop;
    static leat_config *config;
    static leat_websocket *ws;
    const struct leat_websocket_callbacks callbacks = {.size = sizeof(callbacks)};
    if (ws)
        return;
    FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK && leat_config_new(&config) == LEAT_OK &&
              leat_websocket_new(loop, &callbacks, NULL, &ws) == LEAT_OK);
    (void)!leat_websocket_connect(ws, "wss://127.0.0.1:1/", config);
}

bool fuzz_turn(leat_loop *loop, int most)
{
    struct pollfd ready = {.fd = leat_loop_get_fd(loop), .events = POLLIN};
    for (; poll(&ready, 1, 0) > 0; most--) {
        if (most == 0)
            return false;
        FUZZ_MUST(leat_loop_dispatch(loop, 0) == LEAT_OK);
    }
    return true;
}

int fuzz_free_descriptor(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return fd;
}

const char *fuzz_accept_of(const char *head, char buf[29])
{
    static const char name[] = "Sec-WebSocket-Key: ";
    const char *key = strstr(head, name);
    buf[0] = '\0';
    if (key) {
        key += sizeof(name) - 1;
        leati_peer_websocket_accept(key, strcspn(key, "\r\n"), buf);
    }
    return buf;
}

void fuzz_error_check(const struct leat_error *error)
{
    FUZZ_MUST(memchr(error->text, '\0', sizeof(error->text)));
    FUZZ_MUST(memchr(error->hop, '\0', sizeof(error->hop)));
    FUZZ_MUST(error->code == LEAT_OK || error->text[0] != '\0');
    FUZZ_MUST(leat_strerror(error->code));
}

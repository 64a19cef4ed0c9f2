/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scripted_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RELAY_BYTES 65536u

/* Connects to the destination of the last request; -1 with errno. */
static int destination_connect(struct scripted_connection *c)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr *address = (const struct sockaddr *)&v4;
    socklen_t size = sizeof(v4);
    pthread_mutex_lock(&c->peer->lock);
    v4.sin_port = v6.sin6_port = htons(c->peer->seen.socks5_port);
    if (inet_pton(AF_INET6, c->peer->seen.socks5_host, &v6.sin6_addr) == 1) {
        address = (const struct sockaddr *)&v6;
        size = sizeof(v6);
    }
    pthread_mutex_unlock(&c->peer->lock);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, address, size) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static bool send_all(struct scripted_connection *c, int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        if (!scripted_wait_fd(c, fd, POLLOUT)) {
            return false;
        }
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        data += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* Carries what is there in one direction. Returns false when that direction is over. */
static bool carry(struct scripted_connection *c, int from, int to)
{
    uint8_t buf[RELAY_BYTES];
    ssize_t len = recv(from, buf, sizeof(buf), 0);
    if (len <= 0 || !send_all(c, to, buf, (size_t)len)) {
        shutdown(to, SHUT_WR);
        return false;
    }
    pthread_mutex_lock(&c->peer->lock);
    *(from == c->fd ? &c->peer->seen.bytes_in : &c->peer->seen.bytes_out) += (uint64_t)len;
    pthread_mutex_unlock(&c->peer->lock);
    return true;
}

bool scripted_relay(struct scripted_connection *c)
{
    int upstream = destination_connect(c);
    if (upstream < 0) {
        return scripted_problem(c, "cannot connect to the destination: %s", strerror(errno));
    }
    bool open = send_all(c, upstream, c->in, c->in_len);
    c->in_len = 0;
    struct pollfd fds[] = {
        {.fd = c->peer->stop_fd, .events = POLLIN           },
        {.fd = c->fd,            .events = open ? POLLIN : 0},
        {.fd = upstream,         .events = POLLIN           }
    };
    while (fds[1].fd >= 0 || fds[2].fd >= 0) {
        if ((poll(fds, 3, -1) < 0 && errno != EINTR) || fds[0].revents != 0) {
            break;
        }
        if (fds[1].fd >= 0 && fds[1].revents != 0 && !carry(c, c->fd, upstream)) {
            fds[1].fd = -1;
        }
        if (fds[2].fd >= 0 && fds[2].revents != 0 && !carry(c, upstream, c->fd)) {
            fds[2].fd = -1;
        }
    }
    close(upstream);
    return fds[0].revents == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where a proxy connects to: the names of the options first, then the system's. */
#include "testing/peer.h"
#include "testing/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

bool leati_testing_address_parse(const char *text, uint16_t port,
                                 struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *v4 = (void *)ret_address;
    struct sockaddr_in6 *v6 = (void *)ret_address;
    memset(ret_address, 0, sizeof(*ret_address));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

/* The address that the options give to a name; NULL = none. */
static const char *name_find(const struct leat_testing_server *server, const char *host)
{
    for (const struct leat_testing_name *name = server->options.names; name->name; ++name) {
        if (strcasecmp(name->name, host) == 0 || strcmp(name->name, "*") == 0) {
            return name->address;
        }
    }
    /* A script knows no other name, so that none leaves the machine. */
    return server->options.kind == LEAT_TESTING_SCRIPT ? "127.0.0.1" : NULL;
}

static size_t system_resolve(const char *host, uint16_t port, int socket_type,
                             struct sockaddr_storage *ret_addresses, size_t cap)
{
    struct addrinfo hints = {.ai_socktype = socket_type};
    struct addrinfo *found = NULL;
    size_t count = 0;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        return 0;
    }
    for (const struct addrinfo *info = found; info != NULL && count < cap; info = info->ai_next) {
        if (info->ai_family == AF_INET || info->ai_family == AF_INET6) {
            struct sockaddr_storage *address = &ret_addresses[count++];
            memset(address, 0, sizeof(*address));
            memcpy(address, info->ai_addr, info->ai_addrlen);
            in_port_t *place = info->ai_family == AF_INET
                                   ? &((struct sockaddr_in *)(void *)address)->sin_port
                                   : &((struct sockaddr_in6 *)(void *)address)->sin6_port;
            *place = htons(port);
        }
    }
    freeaddrinfo(found);
    return count;
}

size_t leati_peer_resolve(struct leati_peer *p, const char *host, uint16_t port, int socket_type,
                          struct sockaddr_storage *ret_addresses, size_t cap)
{
    if (leati_testing_address_parse(host, port, &ret_addresses[0])) {
        return 1;
    }
    const char *address = name_find(p->server, host);
    if (address != NULL) {
        return leati_testing_address_parse(address, port, &ret_addresses[0]) ? 1 : 0;
    }
    return system_resolve(host, port, socket_type, ret_addresses, cap);
}

socklen_t leati_testing_address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int address_dial(struct leati_peer *p, const struct sockaddr_storage *address,
                        int *ret_errno)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    if (fd < 0) {
        *ret_errno = errno;
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)address, leati_testing_address_size(address)) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        socklen_t size = sizeof(error);
        error = ETIMEDOUT;
        if (leati_peer_wait_fd(p, fd, POLLOUT, LEATI_TESTING_DIAL_MS)) {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    if (error != 0) {
        close(fd);
        *ret_errno = error;
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

int leati_peer_dial(struct leati_peer *p, const char *host, uint16_t port, int *ret_errno)
{
    struct sockaddr_storage addresses[LEATI_TESTING_ADDRESSES_MAX];
    size_t count =
        leati_peer_resolve(p, host, port, SOCK_STREAM, addresses, LEATI_TESTING_ADDRESSES_MAX);
    int fd = -1;
    *ret_errno = EHOSTUNREACH;
    for (size_t i = 0; i < count && fd < 0; ++i) {
        fd = address_dial(p, &addresses[i], ret_errno);
    }
    return fd;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where a proxy connects to: the names of the options first, then the system's. */
#include "testing/peer.h"
#include "testing/resolve.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void leati_testing_address_unmap(struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *v6 = (const void *)address;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return;
    v4.sin_port = v6->sin6_port;
    memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, sizeof(v4.sin_addr));
    memset(address, 0, sizeof(*address));
    memcpy(address, &v4, sizeof(v4));
}

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
    bool is_v6 = inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
    leati_testing_address_unmap(ret_address);
    return is_v6;
}

/* RFC 6761 section 6.3: never asked for, so that none leaves the machine. */
static bool is_localhost(const char *host, size_t len)
{
    static const char name[] = "localhost";
    size_t name_len = sizeof(name) - 1;
    return len >= name_len &&
           leati_text_equal_nocase(host + len - name_len, name_len, name, name_len) &&
           (len == name_len || host[len - name_len - 1] == '.');
}

/* Without the dot that ends an absolute name. */
static size_t host_len(const char *host)
{
    size_t len = strlen(host);
    return len > 1 && host[len - 1] == '.' ? len - 1 : len;
}

/* The address that the options give to a name; NULL = none. */
static const char *name_find(const struct leat_testing_server *server, const char *host)
{
    size_t len = host_len(host);
    for (const struct leat_testing_name *name = server->options.names; name->name; ++name) {
        bool is_same = leati_text_equal_nocase(name->name, host_len(name->name), host, len);
        if (is_same || strcmp(name->name, "*") == 0)
            return name->address;
    }
    /* A script knows no other name, so that none leaves the machine. */
    return server->options.kind == LEAT_TESTING_SCRIPT ? "127.0.0.1" : NULL;
}

static size_t system_resolve(const char *host, uint16_t port, int socket_type,
                             struct sockaddr_storage *ret_addresses, size_t cap)
{
    /* What has a colon is a literal, perhaps with a zone, and no name to ask for. */
    struct addrinfo hints = {.ai_socktype = socket_type,
                             .ai_flags = strchr(host, ':') ? AI_NUMERICHOST : 0};
    struct addrinfo *found = NULL;
    size_t count = 0;
    if (is_localhost(host, host_len(host))) {
        host = "localhost"; /* which /etc/hosts has */
    }
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return 0;
    for (const struct addrinfo *info = found; info && count < cap; info = info->ai_next) {
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

bool leati_testing_localhost_is_v6(void)
{
    struct sockaddr_storage first;
    return system_resolve("localhost", 0, SOCK_STREAM, &first, 1) == 1 &&
           first.ss_family == AF_INET6;
}

size_t leati_peer_resolve(struct leati_peer *p, const char *host, uint16_t port, int socket_type,
                          struct sockaddr_storage *ret_addresses, size_t cap)
{
    if (leati_testing_address_parse(host, port, &ret_addresses[0]))
        return 1;
    const char *address = name_find(p->server, host);
    if (address)
        return leati_testing_address_parse(address, port, &ret_addresses[0]) ? 1 : 0;
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
    if (connect(fd, (const struct sockaddr *)address, leati_testing_address_size(address)) != 0)
        error = errno;
    if (error == EINPROGRESS) {
        socklen_t size = sizeof(error);
        error = ETIMEDOUT;
        if (leati_peer_wait_fd(p, fd, POLLOUT, LEATI_TESTING_DIAL_MS))
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
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
    for (size_t i = 0; i < count && fd < 0; ++i)
        fd = address_dial(p, &addresses[i], ret_errno);
    return fd;
}

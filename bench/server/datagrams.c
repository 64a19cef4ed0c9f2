/* SPDX-License-Identifier: Apache-2.0 */
#include "datagrams.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 128
#define BYTES 2048
/* A full queue of the kernel's would be a lost datagram, and that the end of the run. */
#define BUFFER_BYTES (4 * 1024 * 1024)

int datagrams_open(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int size = BUFFER_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    *ret_port = ntohs(address.sin_port);
    return fd;
}

void datagrams_echo(int fd)
{
    static uint8_t bytes[BATCH][BYTES];
    static struct sockaddr_in from[BATCH];
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];

    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){bytes[i], BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                              .msg_namelen = sizeof(from[i]),
                                              .msg_iov = &iov[i],
                                              .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, BATCH, 0, NULL);
    for (int i = 0; i < count; i++)
        iov[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < count;) {
        int n = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
        if (n <= 0)
            return;
        sent += n;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in: datagrams, and what the network says about those that went out. */
#include "sockets/udp_private.h"

#include "socks5/udp_header.h"
#include "sockets/socket_options.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>

/* ---- datagrams --------------------------------------------------------------------------- */

static void deliver(struct leat_udp_socket *udp, const char *address,
                    enum leat_address_family family, uint16_t port, const uint8_t *data, size_t len)
{
    const struct leat_remote_info remote = {
        .address = address, .family = leati_net_family_name(family), .port = port, .size = len};
    if (udp->callbacks.message)
        udp->callbacks.message(udp, data, len, &remote, udp->user);
}

static void deliver_from_ip(struct leat_udp_socket *udp, const struct leati_address *from,
                            const uint8_t *data, size_t len)
{
    struct leat_net_address address;
    leati_net_address_from(from, &address);
    deliver(udp, address.address, address.family, address.port, data, len);
}

/* The zone is not compared: a relay may not know that its address has one. */
static bool is_same_address(const struct leati_address *a, const struct leati_address *b)
{
    if (a->any.sa_family != b->any.sa_family || leati_address_port(a) != leati_address_port(b))
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

static void deliver_relayed(struct leat_udp_socket *udp, const struct leati_address *from,
                            uint8_t *data, size_t len)
{
    struct leati_socks5_address source;
    size_t header_len;
    if (udp->state != LEATI_UDP_OPEN ||
        !is_same_address(from, leati_udp_association_relay(udp->association))) {
        udp->drops.wrong_source++;
        return;
    }
    if (!leati_udp_association_open(udp->association, data, &len)) {
        udp->drops.malformed++;
        return;
    }
    switch (leati_socks5_udp_header_read(data, len, &source, &header_len)) {
    case LEATI_SOCKS5_READ_OK:
        break;
    case LEATI_SOCKS5_READ_FRAGMENT:
        udp->drops.fragments++;
        return;
    case LEATI_SOCKS5_READ_TRUNCATED:
    case LEATI_SOCKS5_READ_MALFORMED:
        udp->drops.malformed++;
        return;
    }
    if (source.is_name)
        deliver(udp, source.name, LEAT_ADDRESS_DOMAIN, source.port, data + header_len,
                len - header_len);
    else
        deliver_from_ip(udp, &source.ip, data + header_len, len - header_len);
}

void leati_udp_receive(struct leat_udp_socket *udp)
{
    uint8_t *buf = leati_loop_scratch(udp->loop);
    for (int i = 0; i < LEATI_UDP_READS_PER_TURN && leati_udp_may_read(udp); i++) {
        struct leati_address from;
        socklen_t size = sizeof(from);
        memset(&from, 0, sizeof(from));
        ssize_t n = recvfrom(udp->fd, buf, LEATI_SCRATCH_BYTES, 0, &from.any, &size);
        if (n < 0 && errno == EAGAIN)
            return;
        /* What ICMP has said about an earlier datagram; leati_udp_receive_errors() reports it. */
        if (n < 0)
            continue;
        if (udp->association)
            deliver_relayed(udp, &from, buf, (size_t)n);
        else
            deliver_from_ip(udp, &from, buf, (size_t)n);
    }
}

/* ---- errors ------------------------------------------------------------------------------ */

/* The ICMP error that a message of the error queue holds; 0 = none. What failed in this machine was
 * told to whoever sent it. */
static int icmp_errno(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct sock_extended_err error;
        bool is_v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool is_v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if ((!is_v4 && !is_v6) || c->cmsg_len < CMSG_LEN(sizeof(error)))
            continue;
        memcpy(&error, CMSG_DATA(c), sizeof(error));
        if (error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6)
            return (int)error.ee_errno;
    }
    return 0;
}

static void report_icmp(struct leat_udp_socket *udp, int sys_errno, const struct leati_address *to)
{
    char hop[LEATI_ADDRESS_TEXT_SIZE];
    char reason[128];
    leati_address_format(to, hop, sizeof(hop));
    leati_errno_format(sys_errno, reason, sizeof(reason));
    const struct leati_fault fault = {
        .code = LEAT_E_SOCKET_BASE + sys_errno,
        .layer = LEAT_LAYER_UDP,
        .sys_errno = sys_errno,
        .hop = hop,
    };
    leati_udp_report(udp, &fault, "%s%s did not take a datagram: %s",
                     udp->association ? "the proxy's relay " : "", hop, reason);
}

/* An error that is not read wakes the loop again and again. */
static void pending_error_clear(struct leat_udp_socket *udp)
{
    int sys_errno;
    socklen_t size = sizeof(sys_errno);
    (void)getsockopt(udp->fd, SOL_SOCKET, SO_ERROR, &sys_errno, &size);
}

void leati_udp_receive_errors(struct leat_udp_socket *udp)
{
    for (int i = 0; i < LEATI_UDP_READS_PER_TURN && leati_udp_may_read(udp); i++) {
        struct leati_address to;
        uint8_t byte;
        union {
            struct cmsghdr align;
            uint8_t bytes[512];
        } control;
        struct iovec iov = {.iov_base = &byte, .iov_len = sizeof(byte)};
        struct msghdr message = {
            .msg_name = &to,
            .msg_namelen = sizeof(to),
            .msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof(control.bytes),
        };
        memset(&to, 0, sizeof(to));
        if (recvmsg(udp->fd, &message, MSG_ERRQUEUE) < 0) {
            pending_error_clear(udp);
            return;
        }
        int sys_errno = icmp_errno(&message);
        if (sys_errno != 0)
            report_icmp(udp, sys_errno, &to);
    }
}

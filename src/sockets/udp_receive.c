/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in: datagrams, and what the network says about those that went out. */
#include "sockets/udp_private.h"

#include "socks5/udp_header.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>
#include <time.h> /* which the next one wants and, outside of glibc, does not get */
#include <linux/errqueue.h>

/* ---- datagrams --------------------------------------------------------------------------- */

static void deliver(struct leat_udp_socket *udp, const char *address,
                    enum leat_address_family family, uint16_t port, const uint8_t *data, size_t len)
{
    const struct leat_remote_info remote = {
        .address = address, .family = leati_net_family_name(family), .port = port, .size = len};
    if (udp->callbacks.message)
        udp->callbacks.message(udp, data, len, &remote, udp->user);
}

/* Its text is that of the datagram before, if that was from the same. The name of a zone may change. */
static void deliver_from_ip(struct leat_udp_socket *udp, const struct leati_address *from,
                            const uint8_t *data, size_t len)
{
    bool is_v6 = from->any.sa_family == AF_INET6;
    if (!leati_address_equals(from, &udp->from.address) || (is_v6 && from->v6.sin6_scope_id != 0)) {
        udp->from.address = *from;
        leati_address_format_host(from, udp->from.text, sizeof(udp->from.text));
    }
    udp->delivers = true;
    deliver(udp, udp->from.text, is_v6 ? LEAT_ADDRESS_IPV6 : LEAT_ADDRESS_IPV4,
            leati_address_port(from), data, len);
    udp->delivers = false;
}

static void deliver_relayed(struct leat_udp_socket *udp, const struct leati_address *from,
                            uint8_t *data, size_t len)
{
    struct leati_socks5_address source;
    size_t header_len;
    if (udp->state != LEATI_UDP_OPEN ||
        !leati_address_matches(from, leati_udp_association_relay(udp->association))) {
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

static void deliver_any(struct leat_udp_socket *udp, const struct leati_address *from,
                        uint8_t *data, size_t len)
{
    if (udp->association)
        deliver_relayed(udp, from, data, len);
    else
        deliver_from_ip(udp, from, data, len);
}

/* ---- several at once --------------------------------------------------------------------- */

/* How many one call of the kernel brings at most. */
#define BATCH_DATAGRAMS 16
/* Most datagrams are not longer than what a network takes in one piece. */
#define SHORT_BYTES 2048u

/* Of a loop. Each datagram has room for the longest, or its end would be lost; but the short ones
 * lie side by side, and of `longer` no page is ever touched if none comes. */
struct receive_batch {
    struct mmsghdr messages[BATCH_DATAGRAMS];
    struct iovec iov[BATCH_DATAGRAMS][2];
    struct leati_address from[BATCH_DATAGRAMS];
    uint8_t shorter[BATCH_DATAGRAMS][SHORT_BYTES];
    uint8_t longer[BATCH_DATAGRAMS][LEATI_SCRATCH_BYTES];
};

static const char batch_key;

static struct receive_batch *batch_new(void)
{
    struct receive_batch *batch = leati_malloc(sizeof(*batch));
    if (!batch)
        return NULL;
    for (size_t i = 0; i < BATCH_DATAGRAMS; i++) {
        batch->iov[i][0] = (struct iovec){batch->shorter[i], SHORT_BYTES};
        batch->iov[i][1] =
            (struct iovec){batch->longer[i] + SHORT_BYTES, LEATI_SCRATCH_BYTES - SHORT_BYTES};
        batch->messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &batch->from[i], .msg_iov = batch->iov[i], .msg_iovlen = 2}};
    }
    return batch;
}

/* NULL without memory. */
static struct receive_batch *batch_of(leat_loop *loop)
{
    struct receive_batch *batch = leati_loop_attachment_get(loop, &batch_key);
    if (batch)
        return batch;
    batch = batch_new();
    if (batch && leati_loop_attachment_set(loop, &batch_key, batch, leati_free) != LEAT_OK) {
        leati_free(batch);
        batch = NULL;
    }
    return batch;
}

static void batch_deliver(struct leat_udp_socket *udp, struct receive_batch *batch, size_t i)
{
    size_t len = batch->messages[i].msg_len;
    uint8_t *data = batch->shorter[i];
    if (len > SHORT_BYTES) {
        udp->receives_long = true;
        memcpy(batch->longer[i], data, SHORT_BYTES);
        data = batch->longer[i];
    }
    deliver_any(udp, &batch->from[i], data, len);
}

/* How many there were; less than BATCH_DATAGRAMS: no more for now. What comes of one may end it for
 * those behind it. */
static int receive_several(struct leat_udp_socket *udp, struct receive_batch *batch)
{
    memset(batch->from, 0, sizeof(batch->from));
    for (size_t i = 0; i < BATCH_DATAGRAMS; i++)
        batch->messages[i].msg_hdr.msg_namelen = sizeof(batch->from[i]);
    int n = recvmmsg(udp->fd, batch->messages, BATCH_DATAGRAMS, 0, NULL);
    for (int i = 0; i < n && leati_udp_may_read(udp); i++)
        batch_deliver(udp, batch, (size_t)i);
    return n;
}

/* As recvfrom(2). */
static int receive_one(struct leat_udp_socket *udp)
{
    uint8_t *buf = leati_loop_scratch(udp->loop);
    struct leati_address from;
    socklen_t size = sizeof(from);
    memset(&from, 0, sizeof(from));
    ssize_t n = recvfrom(udp->fd, buf, LEATI_SCRATCH_BYTES, 0, &from.any, &size);
    if (n < 0)
        return -1;
    udp->receives_long = n > (ssize_t)SHORT_BYTES;
    deliver_any(udp, &from, buf, (size_t)n);
    return 1;
}

void leati_udp_receive(struct leat_udp_socket *udp)
{
    struct receive_batch *batch = batch_of(udp->loop);
    for (int left = LEATI_UDP_READS_PER_TURN; left > 0 && leati_udp_may_read(udp);) {
        bool is_one = !batch || udp->receives_long;
        int n = is_one ? receive_one(udp) : receive_several(udp, batch);
        if (n < 0 && errno == EAGAIN)
            return;
        if (!is_one && n >= 0 && n < BATCH_DATAGRAMS)
            return;
        /* n < 0: what ICMP has said about an earlier datagram; leati_udp_receive_errors() reports it. */
        left -= n > 0 ? n : 1;
    }
}

/* ---- errors ------------------------------------------------------------------------------ */

/* musl's macro compares a length with a difference of pointers. */
static struct cmsghdr *control_next(struct msghdr *message, struct cmsghdr *c)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wsign-conversion"
    return CMSG_NXTHDR(message, c);
#pragma GCC diagnostic pop
}

/* The ICMP error that a message of the error queue holds; 0 = none. What failed in this machine was
 * told to whoever sent it. */
static int icmp_errno(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = control_next(message, c)) {
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
    leati_address_format(to, hop, sizeof(hop));
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_UDP, sys_errno, hop);
    leati_udp_report(udp, &fault, "%s%s did not take a datagram: %s",
                     udp->association ? "the proxy's relay " : "", hop,
                     leati_errno_reason(sys_errno).text);
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

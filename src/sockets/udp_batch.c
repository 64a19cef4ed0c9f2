/* SPDX-License-Identifier: Apache-2.0 */
/* Many datagrams to the kernel with one call. What follows one another to the same destination and has
 * the same length goes down as one piece, which the kernel cuts again behind all that costs for each
 * piece (UDP_SEGMENT, udp(7)). */
#include "sockets/udp_private.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Less than a UDP header can count (RFC 768), with all headers. */
#define PIECE_MAX_BYTES 65000u

/* As the kernel takes it. */
struct batch {
    struct mmsghdr messages[LEATI_UDP_SENDS_PER_CALL];
    unsigned datagrams[LEATI_UDP_SENDS_PER_CALL]; /* of each message */
    struct iovec iov[2 * LEATI_UDP_SENDS_PER_CALL];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control[LEATI_UDP_SENDS_PER_CALL];
    unsigned count;
    size_t iov_count;
    size_t segment, total; /* bytes of a datagram, and of the whole, of the last message */
    bool is_closed;        /* behind a shorter one comes none */
};

/* A kernel that does not know the option would send the datagrams as one. */
static bool kernel_cuts(struct leat_udp_socket *udp)
{
    int value;
    socklen_t size = sizeof(value);
    if (udp->cutting == LEATI_UDP_CUTTING_UNKNOWN)
        udp->cutting = getsockopt(udp->fd, IPPROTO_UDP, UDP_SEGMENT, &value, &size) == 0
                           ? LEATI_UDP_CUTTING_WORKS
                           : LEATI_UDP_CUTTING_FAILS;
    return udp->cutting == LEATI_UDP_CUTTING_WORKS;
}

static const struct leati_address *next_hop(const struct leat_udp_socket *udp,
                                            const struct leati_udp_datagram *datagram)
{
    return udp->association ? leati_udp_association_relay(udp->association) : &datagram->to;
}

static bool joins(const struct batch *batch, const struct leati_address *to, size_t len)
{
    if (batch->count == 0 || batch->is_closed || len == 0 || len > batch->segment ||
        batch->total + len > PIECE_MAX_BYTES)
        return false;
    return leati_address_equals(batch->messages[batch->count - 1].msg_hdr.msg_name, to);
}

static void message_begin(struct batch *batch, const struct leati_address *to, size_t len)
{
    batch->messages[batch->count].msg_hdr = (struct msghdr){
        .msg_name = (void *)(uintptr_t)to,
        .msg_namelen = leati_address_size(to),
        .msg_iov = &batch->iov[batch->iov_count],
    };
    batch->datagrams[batch->count] = 0;
    batch->segment = len;
    batch->total = 0;
    batch->is_closed = len == 0;
    batch->count++;
}

static void datagram_add(struct batch *batch, struct leati_udp_datagram *datagram)
{
    struct msghdr *message = &batch->messages[batch->count - 1].msg_hdr;
    size_t len = datagram->header_len + datagram->len;
    if (datagram->header_len > 0) {
        batch->iov[batch->iov_count++] = (struct iovec){datagram->bytes, datagram->header_len};
        message->msg_iovlen++;
    }
    batch->iov[batch->iov_count++] =
        (struct iovec){datagram->bytes + datagram->header_cap, datagram->len};
    message->msg_iovlen++;
    batch->datagrams[batch->count - 1]++;
    batch->total += len;
    batch->is_closed |= len < batch->segment;
}

static void cutting_ask(struct batch *batch)
{
    unsigned last = batch->count - 1;
    uint16_t segment = (uint16_t)batch->segment;
    if (batch->count == 0 || batch->datagrams[last] < 2)
        return;
    struct msghdr *message = &batch->messages[last].msg_hdr;
    memset(&batch->control[last], 0, sizeof(batch->control[last]));
    message->msg_control = batch->control[last].bytes;
    message->msg_controllen = sizeof(batch->control[last].bytes);
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(control), &segment, sizeof(segment));
}

static void batch_fill(struct leat_udp_socket *udp, struct batch *batch, bool cut)
{
    unsigned count = 0;
    batch->count = 0;
    batch->iov_count = 0;
    for (struct leati_udp_datagram *d = udp->queue.first; d && count < LEATI_UDP_SENDS_PER_CALL;
         d = d->next, count++) {
        const struct leati_address *to = next_hop(udp, d);
        size_t len = d->header_len + d->len;
        if (!cut || !joins(batch, to, len)) {
            cutting_ask(batch);
            message_begin(batch, to, len);
        }
        datagram_add(batch, d);
    }
    cutting_ask(batch);
}

/* How many datagrams have left; -1 with errno for the first one. */
static int batch_send(struct leat_udp_socket *udp, struct batch *batch)
{
    int datagrams = 0;
    int sent = sendmmsg(udp->fd, batch->messages, batch->count, MSG_NOSIGNAL);
    if (sent < 0)
        return -1;
    for (int i = 0; i < sent; i++)
        datagrams += (int)batch->datagrams[i];
    return datagrams;
}

/* Whether it was the piece that the kernel, or the way to the destination, did not like. */
static bool is_of_cutting(int sys_errno)
{
    return sys_errno == EIO || sys_errno == EINVAL || sys_errno == EMSGSIZE ||
           sys_errno == EOPNOTSUPP;
}

static void first_forget(struct leat_udp_socket *udp)
{
    leati_udp_datagram_forget(udp, leati_udp_datagrams_take_first(&udp->queue));
}

/* One that is protected is made for the moment in which it leaves. */
static int first_transmit(struct leat_udp_socket *udp)
{
    struct leati_udp_datagram *first = udp->queue.first;
    const struct iovec iov[2] = {
        {.iov_base = first->bytes, .iov_len = first->header_len},
        {.iov_base = first->bytes + first->header_cap, .iov_len = first->len},
    };
    int code = leati_udp_transmit(udp, &first->to, iov, 2);
    if (code == LEAT_OK)
        first_forget(udp);
    return code;
}

int leati_udp_transmit_queue(struct leat_udp_socket *udp)
{
    struct batch batch;
    bool cut = udp->queue.first && udp->queue.first->next && kernel_cuts(udp);
    int sent = -1;
    udp->deferred = 0;
    if (udp->association && leati_udp_association_protects(udp->association))
        return first_transmit(udp);
    batch_fill(udp, &batch, cut);
    /* As with leati_udp_transmit(). An error behind the first one ends the call, which says nothing
     * of it: it comes again when that datagram is the first. What several together have failed with
     * is of none of them: then each goes alone. */
    for (int i = 0; i < 2 && sent < 0; i++) {
        sent = batch_send(udp, &batch);
        if (sent >= 0 || errno == EAGAIN)
            break;
        if (batch.datagrams[0] == 1)
            continue;
        if (is_of_cutting(errno))
            udp->cutting = LEATI_UDP_CUTTING_FAILS;
        batch_fill(udp, &batch, false);
        i = -1;
    }
    if (sent < 0 && errno == EAGAIN)
        return LEATI_AGAIN;
    if (sent < 0) {
        udp->proven.any.sa_family = AF_UNSPEC;
        return LEAT_E_SOCKET_BASE + errno;
    }
    for (; sent > 0; sent--)
        first_forget(udp);
    return LEAT_OK;
}

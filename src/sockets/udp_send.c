/* SPDX-License-Identifier: Apache-2.0 */
/* The call that sends: what it may be given, and which way a datagram goes. */
#include "sockets/udp_private.h"

#include "config/settings.h"
#include "socks5/udp_header.h"
#include "url/domain_policy.h"
#include "url/host.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The longest payload: the 16 bits of a length, less the UDP header and, in IPv4 only, the IP
 * header, which RFC 768 and RFC 791 count in and RFC 8200 does not. */
#define PAYLOAD_MAX_IPV4 (65535u - 8u - 20u)
#define PAYLOAD_MAX_IPV6 (65535u - 8u)

/* Where a call wants to send to. */
struct destination {
    bool is_ip;
    struct leati_address ip;
    char *host; /* a name in its one form; what an odd form of IPv4 means; otherwise NULL */
    bool host_is_absolute;
    uint16_t port;
};

/* ---- the call ---------------------------------------------------------------------------- */

static int parameter_refuse(struct leat_udp_socket *udp, const char *text)
{
    return leati_udp_refuse(
        udp, &(struct leati_fault){.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_UDP}, "%s", text);
}

static int policy_check(struct leat_udp_socket *udp, const char *host)
{
    const char *entry;
    if (leati_domain_policy_allows(&udp->settings->domain_policy, host, &entry))
        return LEAT_OK;
    return leati_udp_refuse(
        udp, &(struct leati_fault){.code = LEAT_E_WS_DOMAIN, .layer = LEAT_LAYER_UDP},
        "the host %s is %s%s", host, entry ? "denied by " : "not in the list of allowed domains",
        entry ? entry : "");
}

static int family_check(struct leat_udp_socket *udp, const char *address,
                        const struct leati_address *ip)
{
    char what[LEAT_ERROR_HOP_SIZE];
    if (udp->association || ip->any.sa_family == udp->family)
        return LEAT_OK;
    leati_readable_format(what, sizeof(what), "%s is an %s address, and the socket is bound to %s",
                          address, ip->any.sa_family == AF_INET6 ? "IPv6" : "IPv4",
                          udp->family == AF_INET6 ? "IPv6" : "IPv4");
    return leati_udp_refuse_errno(udp, EAFNOSUPPORT, what);
}

/* A zone means something on this machine only: through a proxy it is left out. */
static int literal_read(const struct leat_udp_socket *udp, const char *address,
                        struct destination *to)
{
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    int sys_errno = leati_address_read(address, to->port, &to->ip);
    if (sys_errno == 0 || sys_errno == ENOENT || !udp->association)
        return sys_errno;
    snprintf(literal, sizeof(literal), "%.*s", (int)strcspn(address, "%"), address);
    return leati_address_read(literal, to->port, &to->ip);
}

static int destination_read(struct leat_udp_socket *udp, const char *address,
                            struct destination *to)
{
    const char *reason;
    int sys_errno = literal_read(udp, address, to);
    to->is_ip = sys_errno == 0;
    if (sys_errno == 0)
        return LEAT_OK;
    if (sys_errno != ENOENT)
        return leati_udp_refuse_literal(udp, address, sys_errno);
    int code =
        leati_host_from_name(address, strlen(address), &to->host, &to->host_is_absolute, &reason);
    if (code == LEAT_OK && strlen(to->host) > LEATI_HOST_NAME_MAX_BYTES)
        return parameter_refuse(udp, "the host is longer than 253 bytes");
    if (code == LEAT_E_PARAMETER)
        return parameter_refuse(udp, reason);
    if (code != LEAT_OK)
        return leati_udp_no_memory(udp);
    /* "127.1" and its kin. */
    to->is_ip = leati_address_parse(to->host, to->port, &to->ip);
    return LEAT_OK;
}

static int destination_init(struct leat_udp_socket *udp, const char *address, uint16_t port,
                            struct destination *ret_to)
{
    struct leati_socks5_address relayed;
    *ret_to = (struct destination){.port = port};
    /* What SOCKS5 cannot say has a code of its own. */
    int code = udp->association
                   ? leati_socks5_address_from_host(address, port, &udp->failure, &relayed)
                   : LEAT_OK;
    if (code != LEAT_OK)
        return code;
    if (port == 0)
        return parameter_refuse(udp, "the destination's port is 0");
    code = destination_read(udp, address, ret_to);
    if (code != LEAT_OK)
        return code;
    if (!ret_to->is_ip)
        return policy_check(udp, ret_to->host);
    code = policy_check(udp, ret_to->host ? ret_to->host : address);
    return code == LEAT_OK ? family_check(udp, address, &ret_to->ip) : code;
}

/* What was checked for the last call holds for the same literal: settings and family are those of
 * bind. The name of a zone may come to mean another interface. */
static bool destination_repeat(const struct leat_udp_socket *udp, const char *address,
                               uint16_t port, struct destination *ret_to)
{
    if (udp->to.address.any.sa_family == AF_UNSPEC || port == 0 ||
        strcmp(address, udp->to.text) != 0)
        return false;
    *ret_to = (struct destination){.is_ip = true, .ip = udp->to.address, .port = port};
    leati_address_set_port(&ret_to->ip, port);
    return true;
}

static void destination_remember(struct leat_udp_socket *udp, const char *address,
                                 const struct destination *to)
{
    if (udp->association || !to->is_ip || to->host || strchr(address, '%'))
        return;
    udp->to.address = to->ip;
    snprintf(udp->to.text, sizeof(udp->to.text), "%s", address);
}

/* What stands before the data; 0 bytes without a relay. */
static size_t header_write(const struct leat_udp_socket *udp, const struct destination *to,
                           uint8_t *buf)
{
    struct leati_socks5_address address;
    if (!udp->association)
        return 0;
    if (to->is_ip) {
        leati_socks5_address_from_ip(&to->ip, &address);
    } else {
        address.is_name = true;
        address.port = to->port;
        snprintf(address.name, sizeof(address.name), "%s", to->host);
    }
    return leati_socks5_udp_header_write(&address, buf);
}

static int size_check(struct leat_udp_socket *udp, size_t header_len, size_t len)
{
    char what[96];
    size_t max = udp->family == AF_INET6 ? PAYLOAD_MAX_IPV6 : PAYLOAD_MAX_IPV4;
    if (len <= max - header_len)
        return LEAT_OK;
    leati_readable_format(what, sizeof(what), "a datagram of %zu bytes, at most %zu are possible",
                          len, max - header_len);
    return leati_udp_refuse_errno(udp, EMSGSIZE, what);
}

static int send_now(struct leat_udp_socket *udp, const struct destination *to,
                    const struct iovec iov[2])
{
    if (udp->state != LEATI_UDP_OPEN || udp->queue.first)
        return LEATI_AGAIN;
    int code = leati_udp_transmit(udp, &to->ip, iov, 2);
    if (code == LEAT_OK || code == LEATI_AGAIN)
        return code;
    if (to->is_ip)
        return leati_udp_refuse_address(udp, &to->ip, code - LEAT_E_SOCKET_BASE, "sending to");
    char hop[LEAT_ERROR_HOP_SIZE], what[LEAT_ERROR_HOP_SIZE + 16];
    leati_host_port_format(to->host, to->port, hop, sizeof(hop));
    leati_readable_format(what, sizeof(what), "sending to %s", hop);
    return leati_udp_refuse_errno(udp, code - LEAT_E_SOCKET_BASE, what);
}

static int send_to_address(struct leat_udp_socket *udp, const struct destination *to,
                           const uint8_t *header, size_t header_len, const void *data, size_t len)
{
    const struct iovec iov[2] = {
        {.iov_base = (void *)(uintptr_t)header, .iov_len = header_len},
        {.iov_base = (void *)(uintptr_t)data, .iov_len = len},
    };
    if (leati_udp_defer(udp, &to->ip, to->port, iov))
        return LEAT_OK;
    if (udp->deferred > 0)
        leati_udp_send_deferred(udp);
    int code = send_now(udp, to, iov);
    if (code != LEATI_AGAIN)
        return code;
    struct leati_udp_datagram *datagram = leati_udp_datagram_new(udp, header_len, data, len);
    if (!datagram)
        return udp->failure.code;
    datagram->to = to->ip;
    datagram->port = to->port;
    datagram->header_len = header_len;
    memcpy(datagram->bytes, header, header_len);
    leati_udp_datagrams_append(&udp->queue, datagram);
    leati_udp_queue_watch(udp);
    return LEAT_OK;
}

static int send_to(struct leat_udp_socket *udp, const struct destination *to, const void *data,
                   size_t len)
{
    uint8_t header[LEATI_SOCKS5_UDP_HEADER_MAX_BYTES];
    bool asks_dns =
        !to->is_ip && (!udp->association || leati_udp_association_resolves_here(udp->association));
    size_t header_len = 0;
    if (!asks_dns)
        header_len = header_write(udp, to, header);
    else if (udp->association)
        header_len = LEATI_SOCKS5_UDP_HEADER_IP_MAX_BYTES;
    int code = size_check(udp, header_len, len);
    if (code != LEAT_OK)
        return code;
    return asks_dns
               ? leati_udp_send_to_name(udp, to->host, to->host_is_absolute, to->port, data, len)
               : send_to_address(udp, to, header, header_len, data, len);
}

int leat_udp_socket_send(leat_udp_socket *udp, const void *data, size_t len, const char *address,
                         uint16_t port)
{
    struct destination to;
    if (!udp || udp->freed)
        return LEAT_E_PARAMETER;
    leati_failure_done(&udp->failure);
    if (!address || (!data && len > 0))
        return parameter_refuse(udp, "the data or the address is missing");
    if (!leati_udp_is_bound(udp))
        return leati_udp_refuse_errno(udp, EBADF, "send on a socket that is not bound");
    int code = LEAT_OK;
    if (!destination_repeat(udp, address, port, &to)) {
        code = destination_init(udp, address, port, &to);
        if (code == LEAT_OK)
            destination_remember(udp, address, &to);
    }
    if (code == LEAT_OK)
        code = send_to(udp, &to, data, len);
    leati_free(to.host);
    return code;
}

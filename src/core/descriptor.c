/* SPDX-License-Identifier: Apache-2.0 */
#include "core/descriptor.h"

#include "core/net_address.h"

#include <errno.h>
#include <netinet/tcp.h>

/* 0 or errno; a value of 0 is the system's. */
static int number_set(int fd, int level, int name, uint32_t value)
{
    if (value == 0)
        return 0;
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? errno : 0;
}

static int tcp_set(const struct leati_descriptor_options *options, int fd)
{
    int sys_errno = number_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options->user_timeout_ms);
    if (sys_errno != 0 || !options->keep_alive)
        return sys_errno;
    sys_errno = number_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (sys_errno == 0)
        sys_errno = number_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, options->keep_alive_idle_s);
    if (sys_errno == 0)
        sys_errno = number_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, options->keep_alive_interval_s);
    return sys_errno == 0 ? number_set(fd, IPPROTO_TCP, TCP_KEEPCNT, options->keep_alive_probes)
                          : sys_errno;
}

/* The two bits below belong to ECN (RFC 3168 section 5). A socket of IPv6 may carry IPv4, too. */
static int dscp_set(const struct leati_descriptor_options *options, int fd, int family)
{
    int field = options->dscp << 2;
    if (!options->has_dscp)
        return 0;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &field, sizeof(field)) < 0)
        return errno;
    return setsockopt(fd, IPPROTO_IP, IP_TOS, &field, sizeof(field)) < 0 && family == AF_INET
               ? errno
               : 0;
}

int leati_descriptor_set(const struct leati_descriptor_options *options, int fd, int family,
                         bool is_tcp)
{
    int sys_errno = is_tcp ? tcp_set(options, fd) : 0;
    if (sys_errno == 0)
        sys_errno = dscp_set(options, fd, family);
    return sys_errno == 0 ? number_set(fd, SOL_SOCKET, SO_MARK, options->mark) : sys_errno;
}

int leati_descriptor_prepare(const struct leati_descriptor_options *options, int fd,
                             const struct leati_address *address, bool is_tcp)
{
    struct leat_net_address told;
    int sys_errno = leati_descriptor_set(options, fd, address->any.sa_family, is_tcp);
    if (sys_errno != 0 || !options->hook)
        return sys_errno;
    leati_net_address_from(address, &told);
    sys_errno = options->hook(fd, &told, options->hook_user);
    return sys_errno >= 0 && sys_errno < 4096 ? sys_errno : EINVAL;
}

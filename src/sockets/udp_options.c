/* SPDX-License-Identifier: Apache-2.0 */
/* The extra options of a UDP socket, and multicast. */
#include "sockets/udp_private.h"

#include "config/settings.h"
#include "util/known.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>

#define TTL_MAX 255

/* ---- setting them on the descriptor ------------------------------------------------------ */

/* The options that have another name in each family. */
struct option_name {
    int level, name;
};

static struct option_name by_family(const struct leat_udp_socket *udp, int v4_name, int v6_name)
{
    return udp->family == AF_INET6 ? (struct option_name){IPPROTO_IPV6, v6_name}
                                   : (struct option_name){IPPROTO_IP, v4_name};
}

static int option_set(struct leat_udp_socket *udp, struct option_name option, int value,
                      const char *what)
{
    if (setsockopt(udp->fd, option.level, option.name, &value, sizeof(value)) < 0)
        return leati_udp_refuse_errno(udp, errno, what);
    return LEAT_OK;
}

static int socket_option_set(struct leat_udp_socket *udp, int name, int value, const char *what)
{
    return option_set(udp, (struct option_name){SOL_SOCKET, name}, value, what);
}

static int ttl_apply(struct leat_udp_socket *udp)
{
    return option_set(udp, by_family(udp, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS),
                      udp->options.multicast_ttl, "setting the multicast TTL");
}

static int loopback_apply(struct leat_udp_socket *udp)
{
    return option_set(udp, by_family(udp, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP),
                      udp->options.multicast_loopback, "setting the multicast loopback mode");
}

static int interface_apply(struct leat_udp_socket *udp)
{
    const char *what = "setting the multicast interface";
    int index = (int)udp->options.multicast_interface;
    struct ip_mreqn request = {.imr_ifindex = index};
    if (udp->family == AF_INET6)
        return option_set(udp, (struct option_name){IPPROTO_IPV6, IPV6_MULTICAST_IF}, index, what);
    if (setsockopt(udp->fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)) < 0)
        return leati_udp_refuse_errno(udp, errno, what);
    return LEAT_OK;
}

/* What an open socket can still be told. */
static int extra_apply(struct leat_udp_socket *udp)
{
    const struct leat_udp_extra_options *extra = &udp->options.extra;
    int code = socket_option_set(udp, SO_BROADCAST, extra->broadcast, "setting broadcast");
    if (code == LEAT_OK && extra->receive_buffer_size > 0)
        code = socket_option_set(udp, SO_RCVBUF, (int)extra->receive_buffer_size,
                                 "setting the receive buffer's size");
    if (code == LEAT_OK && extra->send_buffer_size > 0)
        code = socket_option_set(udp, SO_SNDBUF, (int)extra->send_buffer_size,
                                 "setting the send buffer's size");
    return code;
}

void leati_udp_options_init(struct leati_udp_options *options)
{
    *options = (struct leati_udp_options){
        .extra = {.size = sizeof(options->extra)}, .multicast_ttl = 1, .multicast_loopback = true};
}

int leati_udp_options_apply(struct leat_udp_socket *udp, bool reuse)
{
    const struct leati_udp_options *options = &udp->options;
    int code = option_set(udp, by_family(udp, IP_RECVERR, IPV6_RECVERR), 1, "asking for ICMP");
    if (code == LEAT_OK && udp->family == AF_INET6)
        code = option_set(udp, (struct option_name){IPPROTO_IPV6, IPV6_V6ONLY}, 1,
                          "leaving IPv4 to others");
    /* Otherwise a socket that is bound to any address gets the groups that others have joined. */
    if (code == LEAT_OK)
        code = option_set(udp, by_family(udp, IP_MULTICAST_ALL, IPV6_MULTICAST_ALL), 0,
                          "leaving the groups of others to them");
    if (code == LEAT_OK && reuse)
        code = socket_option_set(udp, SO_REUSEADDR, 1, "sharing the port");
    if (code == LEAT_OK)
        code = extra_apply(udp);
    if (code == LEAT_OK)
        code = ttl_apply(udp);
    if (code == LEAT_OK)
        code = loopback_apply(udp);
    if (code == LEAT_OK && options->multicast_interface)
        code = interface_apply(udp);
    return code;
}

/* ---- extra options ----------------------------------------------------------------------- */

static int parameter_refuse(struct leat_udp_socket *udp, const char *text)
{
    return leati_udp_refuse(
        udp, &(struct leati_fault){.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_UDP}, "%s", text);
}

/* Options as they were, if the kernel refuses a new one. */
static int option_change(struct leat_udp_socket *udp, const struct leati_udp_options *changed,
                         int (*apply)(struct leat_udp_socket *udp))
{
    const struct leati_udp_options before = udp->options;
    udp->options = *changed;
    int code = leati_udp_is_bound(udp) ? apply(udp) : LEAT_OK;
    if (code != LEAT_OK) {
        udp->options = before;
        (void)apply(udp);
    }
    return code;
}

/* The end of a setter: whether whoever binds next is refused, too. */
static int setter_end(struct leat_udp_socket *udp, enum leati_udp_setter which, const char *setter,
                      int code, const char *reason)
{
    udp->refusals[which] = (struct leati_setter_refusal){
        .setter = code == LEAT_OK ? NULL : setter,
        .reason = reason,
        .code = code,
        .sys_errno = code > LEAT_E_SOCKET_BASE ? code - LEAT_E_SOCKET_BASE : 0,
    };
    return code;
}

int leati_udp_check_setters(struct leat_udp_socket *udp)
{
    char text[LEATI_SETTER_REFUSAL_TEXT_SIZE];
    for (size_t i = 0; i < LEATI_UDP_SETTER_COUNT; i++) {
        const struct leati_fault fault = {
            .code = leati_setter_refusal_format(&udp->refusals[i], text),
            .layer = LEAT_LAYER_UDP,
            .sys_errno = udp->refusals[i].sys_errno,
        };
        if (fault.code != LEAT_OK)
            return leati_udp_refuse(udp, &fault, "%s", text);
    }
    return LEAT_OK;
}

static const char kernel_refused[] = "the kernel has refused it";

/* What is wrong with the extra options, NULL = nothing. */
static const char *extra_fault(const struct leat_udp_extra_options *options,
                               struct leat_udp_extra_options *ret_options)
{
    if (!options || options->size == 0)
        return "the options, or their size, are missing";
    *ret_options = (struct leat_udp_extra_options){0};
    leati_copy_known(ret_options, sizeof(*ret_options), options, options->size);
    ret_options->size = sizeof(*ret_options);
    if (ret_options->receive_buffer_size > INT_MAX)
        return "receive_buffer_size is more than INT_MAX bytes";
    return ret_options->send_buffer_size > INT_MAX ? "send_buffer_size is more than INT_MAX bytes"
                                                   : NULL;
}

int leat_udp_socket_set_extra_options(leat_udp_socket *udp,
                                      const struct leat_udp_extra_options *options)
{
    if (!udp)
        return LEAT_E_PARAMETER;
    struct leati_udp_options changed = udp->options;
    const char *fault = extra_fault(options, &changed.extra);
    int code = fault ? parameter_refuse(udp, fault) : option_change(udp, &changed, extra_apply);
    return setter_end(udp, LEATI_UDP_SETTER_EXTRA_OPTIONS, __func__, code,
                      fault ? fault : kernel_refused);
}

void leat_udp_socket_get_extra_options(const leat_udp_socket *udp,
                                       struct leat_udp_extra_options *ret_options)
{
    if (udp && ret_options)
        *ret_options = udp->options.extra;
}

/* ---- multicast --------------------------------------------------------------------------- */

static bool is_multicast(const struct leati_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr);
    return IN_MULTICAST(ntohl(address->v4.sin_addr.s_addr));
}

static int interface_find(struct leat_udp_socket *udp, const char *name, unsigned *ret_index)
{
    unsigned index = name ? if_nametoindex(name) : 0;
    if (name && index == 0)
        return leati_udp_refuse_errno(udp, ENODEV, name);
    *ret_index = index;
    return LEAT_OK;
}

struct membership {
    struct leati_address group;
    unsigned interface;
};

static int membership_parse(struct leat_udp_socket *udp, const char *group, uint16_t port,
                            const char *interface, struct membership *ret_membership)
{
    struct membership *m = ret_membership;
    if (!group || !leati_address_parse(group, port, &m->group) || !is_multicast(&m->group))
        return leati_udp_refuse(
            udp, &(struct leati_fault){.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_UDP},
            "\"%s\" is not a multicast address", group ? group : "");
    int code = interface_find(udp, interface, &m->interface);
    if (code == LEAT_OK && !interface && m->group.any.sa_family == AF_INET6)
        m->interface = m->group.v6.sin6_scope_id;
    return code;
}

static int membership_change(struct leat_udp_socket *udp, const struct membership *m, int option,
                             const char *what)
{
    struct group_req request = {.gr_interface = m->interface};
    if (udp->association)
        return leati_udp_refuse_errno(udp, EOPNOTSUPP, "multicast through a proxy");
    if (m->group.any.sa_family != udp->family)
        return leati_udp_refuse_errno(udp, EAFNOSUPPORT,
                                      udp->family == AF_INET6
                                          ? "an IPv4 group, and the socket is bound to IPv6"
                                          : "an IPv6 group, and the socket is bound to IPv4");
    memcpy(&request.gr_group, &m->group, sizeof(m->group));
    int level = udp->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    if (setsockopt(udp->fd, level, option, &request, sizeof(request)) < 0)
        return leati_udp_refuse_errno(udp, errno, what);
    return LEAT_OK;
}

int leat_multicast_socket_add_membership(leat_multicast_socket *multicast, const char *group,
                                         uint16_t port, const char *interface)
{
    struct membership m;
    if (!multicast || multicast->freed)
        return LEAT_E_PARAMETER;
    int code = membership_parse(multicast, group, port, interface, &m);
    if (code != LEAT_OK)
        return code;
    if (leati_udp_is_bound(multicast))
        return membership_change(multicast, &m, MCAST_JOIN_GROUP, "joining the group");
    if (multicast->state == LEATI_UDP_CLOSING)
        return leati_udp_refuse_errno(multicast, EINVAL, "join before the closed event");

    struct leati_address any;
    memset(&any, 0, sizeof(any));
    any.any.sa_family = m.group.any.sa_family;
    leati_address_set_port(&any, port);
    code = leati_udp_open(multicast, &any, true, NULL);
    if (code != LEAT_OK)
        return code;
    code = membership_change(multicast, &m, MCAST_JOIN_GROUP, "joining the group");
    if (code != LEAT_OK)
        leati_udp_close(multicast);
    return code;
}

int leat_multicast_socket_drop_membership(leat_multicast_socket *multicast, const char *group,
                                          const char *interface)
{
    struct membership m;
    if (!multicast || multicast->freed)
        return LEAT_E_PARAMETER;
    int code = membership_parse(multicast, group, 0, interface, &m);
    if (code != LEAT_OK)
        return code;
    if (!leati_udp_is_bound(multicast))
        return leati_udp_refuse_errno(multicast, EBADF, "leaving a group before bind");
    return membership_change(multicast, &m, MCAST_LEAVE_GROUP, "leaving the group");
}

int leat_multicast_socket_set_multicast_ttl(leat_multicast_socket *multicast, int ttl)
{
    if (!multicast)
        return LEAT_E_PARAMETER;
    const char *fault = ttl < 0 || ttl > TTL_MAX ? "a TTL is 0 to 255" : NULL;
    struct leati_udp_options changed = multicast->options;
    changed.multicast_ttl = ttl;
    int code =
        fault ? parameter_refuse(multicast, fault) : option_change(multicast, &changed, ttl_apply);
    return setter_end(multicast, LEATI_UDP_SETTER_MULTICAST_TTL, __func__, code,
                      fault ? fault : kernel_refused);
}

int leat_multicast_socket_get_multicast_ttl(const leat_multicast_socket *multicast, int *ret_ttl)
{
    if (!multicast || !ret_ttl)
        return LEAT_E_PARAMETER;
    *ret_ttl = multicast->options.multicast_ttl;
    return LEAT_OK;
}

int leat_multicast_socket_set_loopback_mode(leat_multicast_socket *multicast, bool loopback)
{
    if (!multicast)
        return LEAT_E_PARAMETER;
    struct leati_udp_options changed = multicast->options;
    changed.multicast_loopback = loopback;
    return setter_end(multicast, LEATI_UDP_SETTER_LOOPBACK_MODE, __func__,
                      option_change(multicast, &changed, loopback_apply), kernel_refused);
}

int leat_multicast_socket_get_loopback_mode(const leat_multicast_socket *multicast,
                                            bool *ret_loopback)
{
    if (!multicast || !ret_loopback)
        return LEAT_E_PARAMETER;
    *ret_loopback = multicast->options.multicast_loopback;
    return LEAT_OK;
}

int leat_multicast_socket_set_multicast_interface(leat_multicast_socket *multicast,
                                                  const char *interface)
{
    if (!multicast)
        return LEAT_E_PARAMETER;
    struct leati_udp_options changed = multicast->options;
    int code = interface_find(multicast, interface, &changed.multicast_interface);
    bool is_found = code == LEAT_OK;
    if (is_found)
        code = option_change(multicast, &changed, interface_apply);
    return setter_end(multicast, LEATI_UDP_SETTER_MULTICAST_INTERFACE, __func__, code,
                      is_found ? kernel_refused : "there is no such network interface");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/address.h"

#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* The zone of an address is the name or the number of an interface (RFC 4007 section 11). */
static bool scope_parse(const char *zone, uint32_t *ret_scope)
{
    uint64_t number;
    char name[IF_NAMESIZE];
    unsigned index = if_nametoindex(zone);

    if (index != 0) {
        *ret_scope = index;
        return true;
    }
    if (!leati_text_parse_u64(zone, strlen(zone), UINT32_MAX, &number) || number == 0 ||
        !if_indextoname((unsigned)number, name))
        return false;
    *ret_scope = (uint32_t)number;
    return true;
}

static bool has_link_scope(const struct in6_addr *in6)
{
    return IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_MC_LINKLOCAL(in6);
}

static int v6_read(const char *host, struct sockaddr_in6 *ret_v6)
{
    char literal[INET6_ADDRSTRLEN];
    size_t len = strcspn(host, "%");

    if (len >= sizeof(literal))
        return ENOENT;
    memcpy(literal, host, len);
    literal[len] = '\0';
    if (inet_pton(AF_INET6, literal, &ret_v6->sin6_addr) != 1)
        return ENOENT;
    if (host[len] == '\0')
        return 0;
    if (!has_link_scope(&ret_v6->sin6_addr))
        return EINVAL;
    return scope_parse(host + len + 1, &ret_v6->sin6_scope_id) ? 0 : ENODEV;
}

int leati_address_read(const char *host, uint16_t port, struct leati_address *ret_address)
{
    struct leati_address address;

    memset(&address, 0, sizeof(address));
    if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
    } else {
        memset(&address, 0, sizeof(address));
        int sys_errno = v6_read(host, &address.v6);
        if (sys_errno != 0)
            return sys_errno;
        address.v6.sin6_family = AF_INET6;
    }
    leati_address_set_port(&address, port);
    leati_address_unmap(&address);
    *ret_address = address;
    return 0;
}

struct leati_reason leati_literal_reason(const char *host, int sys_errno)
{
    struct leati_reason reason;
    const char *zone = strchr(host, '%');

    if (sys_errno == ENODEV)
        snprintf(reason.text, sizeof(reason.text),
                 "%s: this machine has no interface \"%s\": ENODEV (No such device)", host,
                 zone ? zone + 1 : "");
    else
        snprintf(reason.text, sizeof(reason.text),
                 "%s: only a link-local address has a zone: EINVAL (Invalid argument)", host);
    return reason;
}

bool leati_address_parse(const char *host, uint16_t port, struct leati_address *ret_address)
{
    return leati_address_read(host, port, ret_address) == 0;
}

void leati_address_unmap(struct leati_address *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return;
    v4.sin_port = address->v6.sin6_port;
    memcpy(&v4.sin_addr, address->v6.sin6_addr.s6_addr + 12, sizeof(v4.sin_addr));
    memset(address, 0, sizeof(*address));
    address->v4 = v4;
}

struct leati_reason leati_address_reason(const struct leati_address *address, int sys_errno)
{
    struct leati_reason reason = leati_errno_reason(sys_errno);
    char host[LEATI_ADDRESS_TEXT_SIZE];
    size_t len = strlen(reason.text);

    if (sys_errno != EINVAL || address->any.sa_family != AF_INET6 ||
        !has_link_scope(&address->v6.sin6_addr) || address->v6.sin6_scope_id != 0)
        return reason;
    leati_address_format_host(address, host, sizeof(host));
    snprintf(reason.text + len, sizeof(reason.text) - len,
             ", because the zone is missing that names the interface: %s%%eth0", host);
    return reason;
}

socklen_t leati_address_size(const struct leati_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

bool leati_address_matches(const struct leati_address *a, const struct leati_address *b)
{
    if (a->any.sa_family != b->any.sa_family || leati_address_port(a) != leati_address_port(b))
        return false;
    if (a->any.sa_family == AF_INET6)
        return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
    return a->any.sa_family == AF_INET && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

bool leati_address_equals(const struct leati_address *a, const struct leati_address *b)
{
    return leati_address_matches(a, b) &&
           (a->any.sa_family != AF_INET6 || a->v6.sin6_scope_id == b->v6.sin6_scope_id);
}

uint16_t leati_address_port(const struct leati_address *address)
{
    if (address->any.sa_family == AF_UNIX)
        return 0;
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

void leati_address_set_port(struct leati_address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

void leati_address_format_host(const struct leati_address *address, char *buf, size_t cap)
{
    char literal[INET6_ADDRSTRLEN] = "local";
    char zone[1 + IF_NAMESIZE] = "";
    uint32_t scope = address->any.sa_family == AF_INET6 ? address->v6.sin6_scope_id : 0;
    size_t pos = 0;

    if (address->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &address->v6.sin6_addr, literal, sizeof(literal));
    else if (address->any.sa_family != AF_UNIX)
        leati_text_ipv4(&address->v4.sin_addr, literal);
    if (scope != 0) {
        zone[0] = '%';
        if (!if_indextoname(scope, zone + 1))
            snprintf(zone, sizeof(zone), "%%%u", (unsigned)scope);
    }
    leati_text_put(buf, cap, &pos, literal);
    leati_text_put(buf, cap, &pos, zone);
}

void leati_address_format(const struct leati_address *address, char *buf, size_t cap)
{
    char host[LEATI_ADDRESS_TEXT_SIZE];

    if (address->any.sa_family == AF_UNIX) {
        leati_address_format_host(address, buf, cap);
        return;
    }
    leati_address_format_host(address, host, sizeof(host));
    leati_host_port_format(host, leati_address_port(address), buf, cap);
}

void leati_host_port_format(const char *host, uint16_t port, char *buf, size_t cap)
{
    bool is_v6 = strchr(host, ':') && host[0] != '[';
    char digits[LEATI_DECIMAL_SIZE];
    size_t pos = 0;

    leati_text_put(buf, cap, &pos, is_v6 ? "[" : "");
    leati_text_put(buf, cap, &pos, host);
    leati_text_put(buf, cap, &pos, is_v6 ? "]:" : ":");
    leati_text_put(buf, cap, &pos, leati_text_decimal(port, digits));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5_address.h"

#include <stdio.h>
#include <string.h>

enum {
    IPV4_BYTES = 4,
    IPV6_BYTES = 16,
    PORT_BYTES = 2,
};

/* ---- making ---------------------------------------------------------------------------- */

int leati_socks5_serialize_fail(struct leati_failure *failure, const char *text)
{
    const struct leati_fault fault = {
        .code = LEAT_E_SOCKS5_SERIALIZE,
        .layer = LEAT_LAYER_SOCKS5,
    };
    return leati_failure_set(failure, &fault, "%s", text);
}

static int name_take(const char *host, struct leati_failure *failure, char *ret_name)
{
    size_t len = strlen(host);
    if (len > 0 && host[len - 1] == '.')
        len--;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    const char *zone = memchr(host, '%', len);
    if (zone && memchr(host, ':', (size_t)(zone - host)))
        len = (size_t)(zone - host);
    if (len == 0)
        return leati_socks5_serialize_fail(failure, "the destination's host name is empty");
    if (len > LEATI_SOCKS5_NAME_MAX_BYTES)
        return leati_socks5_serialize_fail(failure,
                                           "the destination's host name is longer than 255 bytes");
    memcpy(ret_name, host, len);
    ret_name[len] = '\0';
    return LEAT_OK;
}

int leati_socks5_address_from_host(const char *host, uint16_t port, struct leati_failure *failure,
                                   struct leati_socks5_address *ret_address)
{
    struct leati_socks5_address address = {.port = port};

    int result = name_take(host, failure, address.name);
    if (result != LEAT_OK)
        return result;
    if (port == 0)
        return leati_socks5_serialize_fail(failure, "the destination's port is 0");
    address.is_name = !leati_address_parse(address.name, port, &address.ip);
    *ret_address = address;
    return LEAT_OK;
}

void leati_socks5_address_from_ip(const struct leati_address *ip,
                                  struct leati_socks5_address *ret_address)
{
    ret_address->is_name = false;
    ret_address->ip = *ip;
    ret_address->port = leati_address_port(ip);
    ret_address->name[0] = '\0';
}

void leati_socks5_address_format(const struct leati_socks5_address *address, char *buf, size_t cap)
{
    if (address->is_name)
        leati_host_port_format(address->name, address->port, buf, cap);
    else
        leati_address_format(&address->ip, buf, cap);
}

/* ---- bytes out ------------------------------------------------------------------------- */

static size_t put(uint8_t *buf, size_t at, const void *data, size_t len)
{
    memcpy(buf + at, data, len);
    return at + len;
}

size_t leati_socks5_address_write(const struct leati_socks5_address *address, uint8_t *buf)
{
    size_t at = 1;

    if (address->is_name) {
        size_t len = strlen(address->name);
        buf[0] = LEATI_SOCKS5_NAME;
        buf[at++] = (uint8_t)len;
        at = put(buf, at, address->name, len);
    } else if (address->ip.any.sa_family == AF_INET) {
        buf[0] = LEATI_SOCKS5_IPV4;
        at = put(buf, at, &address->ip.v4.sin_addr, IPV4_BYTES);
    } else {
        buf[0] = LEATI_SOCKS5_IPV6;
        at = put(buf, at, &address->ip.v6.sin6_addr, IPV6_BYTES);
    }
    buf[at++] = (uint8_t)(address->port >> 8);
    buf[at++] = (uint8_t)(address->port & 0xff);
    return at;
}

/* ---- bytes in -------------------------------------------------------------------------- */

/* A NUL would cut the text short, and what is not printable has no place in a name or a log. */
static bool name_valid(const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return len > 0;
}

static enum leati_socks5_read name_read(const uint8_t *data, size_t len,
                                        struct leati_socks5_address *address, size_t *ret_used)
{
    if (len < 1)
        return LEATI_SOCKS5_READ_TRUNCATED;
    size_t name_len = data[0];
    if (len < 1 + name_len)
        return LEATI_SOCKS5_READ_TRUNCATED;
    if (!name_valid(data + 1, name_len))
        return LEATI_SOCKS5_READ_MALFORMED;
    memcpy(address->name, data + 1, name_len);
    address->name[name_len] = '\0';
    address->is_name = true;
    *ret_used = 1 + name_len;
    return LEATI_SOCKS5_READ_OK;
}

static enum leati_socks5_read ip_read(int family, const uint8_t *data, size_t len,
                                      struct leati_socks5_address *address, size_t *ret_used)
{
    size_t ip_len = family == AF_INET ? IPV4_BYTES : IPV6_BYTES;

    if (len < ip_len)
        return LEATI_SOCKS5_READ_TRUNCATED;
    if (family == AF_INET) {
        address->ip.v4.sin_family = AF_INET;
        memcpy(&address->ip.v4.sin_addr, data, ip_len);
    } else {
        address->ip.v6.sin6_family = AF_INET6;
        memcpy(&address->ip.v6.sin6_addr, data, ip_len);
        leati_address_unmap(&address->ip);
    }
    *ret_used = ip_len;
    return LEATI_SOCKS5_READ_OK;
}

static enum leati_socks5_read host_read(const uint8_t *data, size_t len,
                                        struct leati_socks5_address *address, size_t *ret_used)
{
    switch (data[0]) {
    case LEATI_SOCKS5_IPV4:
        return ip_read(AF_INET, data + 1, len - 1, address, ret_used);
    case LEATI_SOCKS5_IPV6:
        return ip_read(AF_INET6, data + 1, len - 1, address, ret_used);
    case LEATI_SOCKS5_NAME:
        return name_read(data + 1, len - 1, address, ret_used);
    default:
        return LEATI_SOCKS5_READ_MALFORMED;
    }
}

enum leati_socks5_read leati_socks5_address_read(const uint8_t *data, size_t len,
                                                 struct leati_socks5_address *ret_address,
                                                 size_t *ret_used)
{
    struct leati_socks5_address address = {.port = 0};
    size_t host_len;

    if (len < 1)
        return LEATI_SOCKS5_READ_TRUNCATED;
    enum leati_socks5_read result = host_read(data, len, &address, &host_len);
    if (result != LEATI_SOCKS5_READ_OK)
        return result;
    size_t port_at = 1 + host_len;
    if (len < port_at + PORT_BYTES)
        return LEATI_SOCKS5_READ_TRUNCATED;
    address.port = (uint16_t)(data[port_at] << 8 | data[port_at + 1]);
    if (!address.is_name)
        leati_address_set_port(&address.ip, address.port);
    *ret_address = address;
    *ret_used = port_at + PORT_BYTES;
    return LEATI_SOCKS5_READ_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/proxy_protocol.h"

#include "util/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char v1_begin[] = "PROXY ";
static const uint8_t v2_begin[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

enum {
    V1_BEGIN_BYTES = sizeof(v1_begin) - 1,
    V2_BEGIN_BYTES = sizeof(v2_begin),
};

/* Section 2.2: the 13th byte, the 14th, and the addresses of one family. */
enum {
    V2_VERSION = 0x20,
    V2_LOCAL = 0,
    V2_PROXY = 1,
    V2_UNSPEC = 0,
    V2_INET = 1,
    V2_INET6 = 2,
    V2_UNIX = 3,
    V2_STREAM = 1,
    V2_DGRAM = 2,
    V2_INET_BYTES = 12,
    V2_INET6_BYTES = 36,
    V2_UNIX_BYTES = 216,
    V2_TLV_HEAD_BYTES = 3,
    V2_TLV_CRC32C = 3,
    V2_CRC32C_BYTES = 4,
};

/* ---- writing ------------------------------------------------------------------------- */

/* The 16 bytes of IPv6, also of what is IPv4. */
static struct in6_addr address_as_ipv6(const struct leati_address *address)
{
    struct in6_addr ip = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    if (address->any.sa_family == AF_INET6)
        return address->v6.sin6_addr;
    memcpy(ip.s6_addr + 12, &address->v4.sin_addr, sizeof(address->v4.sin_addr));
    return ip;
}

static bool header_is_ipv4(const struct leati_proxy_protocol *header)
{
    return header->source.any.sa_family == AF_INET && header->destination.any.sa_family == AF_INET;
}

static void address_text(const struct leati_address *address, bool is_ipv4,
                         char text[INET6_ADDRSTRLEN])
{
    struct in6_addr ip = address_as_ipv6(address);
    if (is_ipv4)
        leati_text_ipv4(&address->v4.sin_addr, text);
    else
        inet_ntop(AF_INET6, &ip, text, INET6_ADDRSTRLEN);
}

static size_t v1_write(const struct leati_proxy_protocol *header, uint8_t *buf)
{
    char line[128] = "PROXY UNKNOWN\r\n";
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    if (!header->is_local) {
        bool is_ipv4 = header_is_ipv4(header);
        address_text(&header->source, is_ipv4, source);
        address_text(&header->destination, is_ipv4, destination);
        snprintf(line, sizeof(line), "PROXY TCP%d %s %s %u %u\r\n", is_ipv4 ? 4 : 6, source,
                 destination, leati_address_port(&header->source),
                 leati_address_port(&header->destination));
    }
    size_t len = strlen(line);
    memcpy(buf, line, len);
    return len;
}

static uint8_t *port_put(uint8_t *to, const struct leati_address *address)
{
    uint16_t port = leati_address_port(address);
    *to++ = (uint8_t)(port >> 8);
    *to++ = (uint8_t)(port & 0xff);
    return to;
}

static uint8_t *ip_put(uint8_t *to, const struct leati_address *address, bool is_ipv4)
{
    struct in6_addr ip = address_as_ipv6(address);
    size_t skip = is_ipv4 ? sizeof(ip) - sizeof(struct in_addr) : 0;
    memcpy(to, ip.s6_addr + skip, sizeof(ip) - skip);
    return to + sizeof(ip) - skip;
}

static size_t v2_write(const struct leati_proxy_protocol *header, uint8_t *buf)
{
    bool is_ipv4 = header_is_ipv4(header);
    uint8_t body = header->is_local ? 0 : is_ipv4 ? V2_INET_BYTES : V2_INET6_BYTES;
    uint8_t *to = buf + V2_BEGIN_BYTES;
    memcpy(buf, v2_begin, V2_BEGIN_BYTES);
    *to++ = header->is_local ? V2_VERSION | V2_LOCAL : V2_VERSION | V2_PROXY;
    *to++ = header->is_local ? V2_UNSPEC
            : is_ipv4        ? V2_INET << 4 | V2_STREAM
                             : V2_INET6 << 4 | V2_STREAM;
    *to++ = 0;
    *to++ = body;
    if (!header->is_local) {
        to = ip_put(to, &header->source, is_ipv4);
        to = ip_put(to, &header->destination, is_ipv4);
        to = port_put(to, &header->source);
        to = port_put(to, &header->destination);
    }
    return (size_t)(to - buf);
}

size_t leati_proxy_protocol_write(const struct leati_proxy_protocol *header,
                                  uint8_t buf[LEATI_PROXY_PROTOCOL_WRITE_BYTES])
{
    return header->version == LEATI_PROXY_PROTOCOL_1 ? v1_write(header, buf)
                                                     : v2_write(header, buf);
}

/* ---- reading version 1 --------------------------------------------------------------- */

static enum leati_proxy_protocol_result bad(const char **ret_reason, const char *reason)
{
    *ret_reason = reason;
    return LEATI_PROXY_PROTOCOL_BAD;
}

/* The next word, behind which there is exactly one space, or the end of the line. */
static bool word_take(const char **line, const char *end, const char **ret_word, size_t *ret_len)
{
    const char *word = *line;
    *ret_word = word;
    *ret_len = 0;
    if (word >= end)
        return false;
    const char *space = memchr(word, ' ', (size_t)(end - word));
    *ret_len = (size_t)((space ? space : end) - word);
    *line = space ? space + 1 : end;
    return *ret_len > 0 && !(space && space + 1 == end);
}

static bool v1_take_ip(const char **line, const char *end, int family,
                       struct leati_address *ret_address)
{
    const char *word;
    char text[INET6_ADDRSTRLEN];
    size_t len;
    if (!word_take(line, end, &word, &len) || len >= sizeof(text) || memchr(word, '\0', len))
        return false;
    memcpy(text, word, len);
    text[len] = '\0';
    *ret_address = (struct leati_address){.any.sa_family = (sa_family_t)family};
    void *ip =
        family == AF_INET ? (void *)&ret_address->v4.sin_addr : (void *)&ret_address->v6.sin6_addr;
    return inet_pton(family, text, ip) == 1;
}

static bool v1_take_port(const char **line, const char *end, struct leati_address *address)
{
    const char *word;
    size_t len;
    uint64_t port;
    if (!word_take(line, end, &word, &len) || (len > 1 && *word == '0') ||
        !leati_text_parse_u64(word, len, UINT16_MAX, &port))
        return false;
    leati_address_set_port(address, (uint16_t)port);
    return true;
}

/* What stands between "PROXY " and CR LF. Behind UNKNOWN anything may. */
static enum leati_proxy_protocol_result v1_read_line(const char *line, const char *end,
                                                     struct leati_proxy_protocol *header,
                                                     const char **ret_reason)
{
    const char *word;
    size_t len;
    bool is_word = word_take(&line, end, &word, &len);
    if (len == 7 && memcmp(word, "UNKNOWN", len) == 0) {
        header->is_local = true;
        return LEATI_PROXY_PROTOCOL_DONE;
    }
    if (!is_word || len != 4 || memcmp(word, "TCP", 3) != 0 || (word[3] != '4' && word[3] != '6'))
        return bad(ret_reason, "its protocol is not TCP4, TCP6 or UNKNOWN");
    int family = word[3] == '4' ? AF_INET : AF_INET6;
    if (!v1_take_ip(&line, end, family, &header->source) ||
        !v1_take_ip(&line, end, family, &header->destination))
        return bad(ret_reason, "it has no two addresses of its family");
    if (!v1_take_port(&line, end, &header->source) ||
        !v1_take_port(&line, end, &header->destination))
        return bad(ret_reason, "it has no two ports");
    if (line != end)
        return bad(ret_reason, "something stands behind its ports");
    return LEATI_PROXY_PROTOCOL_DONE;
}

static enum leati_proxy_protocol_result v1_read(const uint8_t *data, size_t len,
                                                struct leati_proxy_protocol *header,
                                                size_t *ret_used, const char **ret_reason)
{
    size_t limit = len < LEATI_PROXY_PROTOCOL_1_MAX_BYTES ? len : LEATI_PROXY_PROTOCOL_1_MAX_BYTES;
    const uint8_t *cr = memchr(data, '\r', limit);
    if (!cr && len >= LEATI_PROXY_PROTOCOL_1_MAX_BYTES)
        return bad(ret_reason, "its line is longer than 107 bytes");
    if (!cr || cr + 1 == data + len)
        return LEATI_PROXY_PROTOCOL_MORE;
    if (cr[1] != '\n' || cr + 2 > data + LEATI_PROXY_PROTOCOL_1_MAX_BYTES)
        return bad(ret_reason, "its line does not end in CR LF");
    *ret_used = (size_t)(cr + 2 - data);
    return v1_read_line((const char *)data + V1_BEGIN_BYTES, (const char *)cr, header, ret_reason);
}

/* ---- reading version 2 --------------------------------------------------------------- */

static size_t u16_at(const uint8_t *data)
{
    return (size_t)data[0] << 8 | data[1];
}

/* RFC 3720 appendix B.4: one bit after the other, since headers are short. */
static uint32_t crc32c_add(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (unsigned bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    return crc;
}

/* Over the whole header, as if the four bytes of the sum were 0. */
static bool crc32c_is(const uint8_t *data, size_t len, size_t sum_at)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++)
        crc = crc32c_add(crc, i >= sum_at && i < sum_at + V2_CRC32C_BYTES ? 0 : data[i]);
    const uint8_t *sum = data + sum_at;
    return (crc ^ UINT32_MAX) ==
           ((uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3]);
}

/* What a proxy adds behind the addresses: their lengths must fit, and a checksum must be right. */
static enum leati_proxy_protocol_result v2_check_tlvs(const uint8_t *data, size_t len, size_t at,
                                                      const char **ret_reason)
{
    while (at < len) {
        if (len - at < V2_TLV_HEAD_BYTES)
            return bad(ret_reason, "its last extension is cut off");
        size_t value = u16_at(data + at + 1);
        if (len - at - V2_TLV_HEAD_BYTES < value)
            return bad(ret_reason, "an extension is longer than it");
        if (data[at] == V2_TLV_CRC32C &&
            (value != V2_CRC32C_BYTES || !crc32c_is(data, len, at + V2_TLV_HEAD_BYTES)))
            return bad(ret_reason, "its checksum is wrong");
        at += V2_TLV_HEAD_BYTES + value;
    }
    return LEATI_PROXY_PROTOCOL_DONE;
}

static void v2_take_ipv4(const uint8_t *from, struct leati_proxy_protocol *header)
{
    header->source.v4 = (struct sockaddr_in){.sin_family = AF_INET};
    header->destination.v4 = header->source.v4;
    memcpy(&header->source.v4.sin_addr, from, 4);
    memcpy(&header->destination.v4.sin_addr, from + 4, 4);
    leati_address_set_port(&header->source, (uint16_t)u16_at(from + 8));
    leati_address_set_port(&header->destination, (uint16_t)u16_at(from + 10));
}

static void v2_take_ipv6(const uint8_t *from, struct leati_proxy_protocol *header)
{
    header->source.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
    header->destination.v6 = header->source.v6;
    memcpy(&header->source.v6.sin6_addr, from, 16);
    memcpy(&header->destination.v6.sin6_addr, from + 16, 16);
    leati_address_set_port(&header->source, (uint16_t)u16_at(from + 32));
    leati_address_set_port(&header->destination, (uint16_t)u16_at(from + 34));
}

/* The whole of it is there. Section 2.2: what is not an address of TCP is accepted, and names
 * nobody; with LOCAL nothing of the family counts. */
static enum leati_proxy_protocol_result v2_read_body(const uint8_t *data, size_t len,
                                                     struct leati_proxy_protocol *header,
                                                     const char **ret_reason)
{
    static const uint8_t sizes[] = {[V2_UNSPEC] = 0,
                                    [V2_INET] = V2_INET_BYTES,
                                    [V2_INET6] = V2_INET6_BYTES,
                                    [V2_UNIX] = V2_UNIX_BYTES};
    const uint8_t *addresses = data + LEATI_PROXY_PROTOCOL_2_HEAD_BYTES;
    unsigned command = data[V2_BEGIN_BYTES] & 0x0fu;
    unsigned family = data[V2_BEGIN_BYTES + 1] >> 4, transport = data[V2_BEGIN_BYTES + 1] & 0x0fu;
    header->is_local = true;
    if (command == V2_LOCAL)
        return LEATI_PROXY_PROTOCOL_DONE;
    if (family > V2_UNIX || transport > V2_DGRAM)
        return bad(ret_reason, "its family of addresses is none that there is");
    size_t size = family == V2_UNSPEC || transport == 0 ? 0 : sizes[family];
    if (len - LEATI_PROXY_PROTOCOL_2_HEAD_BYTES < size)
        return bad(ret_reason, "it is shorter than its addresses");
    header->is_local = transport != V2_STREAM || (family != V2_INET && family != V2_INET6);
    if (!header->is_local && family == V2_INET)
        v2_take_ipv4(addresses, header);
    else if (!header->is_local)
        v2_take_ipv6(addresses, header);
    /* What stands behind no address at all has no form to be checked. */
    if (size == 0)
        return LEATI_PROXY_PROTOCOL_DONE;
    return v2_check_tlvs(data, len, LEATI_PROXY_PROTOCOL_2_HEAD_BYTES + size, ret_reason);
}

static enum leati_proxy_protocol_result v2_read(const uint8_t *data, size_t len,
                                                struct leati_proxy_protocol *header,
                                                size_t *ret_used, const char **ret_reason)
{
    if (len <= V2_BEGIN_BYTES)
        return LEATI_PROXY_PROTOCOL_MORE;
    uint8_t version = data[V2_BEGIN_BYTES] & 0xf0u, command = data[V2_BEGIN_BYTES] & 0x0fu;
    if (version != V2_VERSION)
        return bad(ret_reason, "its version is neither 1 nor 2");
    if (command > V2_PROXY)
        return bad(ret_reason, "its command is neither LOCAL nor PROXY");
    if (len < LEATI_PROXY_PROTOCOL_2_HEAD_BYTES)
        return LEATI_PROXY_PROTOCOL_MORE;
    size_t body = u16_at(data + LEATI_PROXY_PROTOCOL_2_HEAD_BYTES - 2);
    if (body > LEATI_PROXY_PROTOCOL_2_MAX_BODY_BYTES)
        return bad(ret_reason, "it is longer than 4,096 bytes");
    if (len - LEATI_PROXY_PROTOCOL_2_HEAD_BYTES < body)
        return LEATI_PROXY_PROTOCOL_MORE;
    *ret_used = LEATI_PROXY_PROTOCOL_2_HEAD_BYTES + body;
    return v2_read_body(data, *ret_used, header, ret_reason);
}

/* ---- which one it is ----------------------------------------------------------------- */

static bool begins_as(const uint8_t *data, size_t len, const void *begin, size_t begin_len)
{
    return memcmp(data, begin, len < begin_len ? len : begin_len) == 0;
}

enum leati_proxy_protocol_result leati_proxy_protocol_read(const uint8_t *data, size_t len,
                                                           struct leati_proxy_protocol *ret_header,
                                                           size_t *ret_used,
                                                           const char **ret_reason)
{
    struct leati_proxy_protocol header = {.version = LEATI_PROXY_PROTOCOL_1};
    enum leati_proxy_protocol_result result;
    size_t used = 0;
    if (len == 0)
        return LEATI_PROXY_PROTOCOL_MORE;
    if (begins_as(data, len, v1_begin, V1_BEGIN_BYTES)) {
        result = v1_read(data, len, &header, &used, ret_reason);
    } else if (begins_as(data, len, v2_begin, V2_BEGIN_BYTES)) {
        header.version = LEATI_PROXY_PROTOCOL_2;
        result = v2_read(data, len, &header, &used, ret_reason);
    } else {
        return bad(ret_reason, "the connection does not begin with it");
    }
    if (result != LEATI_PROXY_PROTOCOL_DONE)
        return result;
    leati_address_unmap(&header.source);
    leati_address_unmap(&header.destination);
    *ret_header = header;
    *ret_used = used;
    return LEATI_PROXY_PROTOCOL_DONE;
}

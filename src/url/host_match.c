/* SPDX-License-Identifier: Apache-2.0 */
#include "url/host_match.h"

#include "core/address.h"
#include "util/text.h"

#include <string.h>

enum { MAPPED_PREFIX_BITS = 96 };

static void ip_fill(struct leati_host_ip *ip, const void *bytes, unsigned bits)
{
    *ip = (struct leati_host_ip){.bits = bits};
    memcpy(ip->bytes, bytes, bits / 8);
}

bool leati_host_ip_parse(const char *text, size_t len, struct leati_host_ip *ret_ip)
{
    char literal[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_address address;

    bool has_brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (has_brackets) {
        text++;
        len -= 2;
    }
    const char *zone = memchr(text, '%', len);
    if (zone)
        len = (size_t)(zone - text);
    if (len >= sizeof(literal))
        return false;
    memcpy(literal, text, len);
    literal[len] = '\0';
    if (!leati_address_parse(literal, 0, &address))
        return false;
    /* A mapped one has been read as IPv4. */
    bool is_ipv4 = address.any.sa_family == AF_INET;
    bool is_mapped = is_ipv4 && strchr(literal, ':');
    if (is_ipv4 && !is_mapped && (has_brackets || zone))
        return false;
    if (is_ipv4)
        ip_fill(ret_ip, &address.v4.sin_addr, 32);
    else
        ip_fill(ret_ip, &address.v6.sin6_addr, 128);
    ret_ip->was_mapped = is_mapped;
    return true;
}

static bool bits_equal(const struct leati_host_ip *a, const struct leati_host_ip *b, size_t bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;

    if (a->bits != b->bits || memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

bool leati_host_ip_equal(const struct leati_host_ip *a, const struct leati_host_ip *b)
{
    return bits_equal(a, b, a->bits);
}

bool leati_host_ip_is_in(const struct leati_host_ip *ip, const char *text, size_t len)
{
    struct leati_host_ip network;
    uint64_t bits;

    const char *slash = memchr(text, '/', len);
    if (!slash || !leati_host_ip_parse(text, (size_t)(slash - text), &network))
        return false;
    const uint64_t offset = network.was_mapped ? MAPPED_PREFIX_BITS : 0;
    if (!leati_text_parse_u64(slash + 1, (size_t)(text + len - slash - 1), network.bits + offset,
                              &bits) ||
        bits < offset)
        return false;
    return bits_equal(ip, &network, (size_t)(bits - offset));
}

bool leati_host_is_below(const char *host, const char *domain)
{
    size_t host_len = strlen(host);
    size_t domain_len = strlen(domain);

    if (domain_len == 0 || host_len <= domain_len + 1)
        return false;
    const char *end = host + host_len - domain_len;
    return end[-1] == '.' && memcmp(end, domain, domain_len) == 0;
}

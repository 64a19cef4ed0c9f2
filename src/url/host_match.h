/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Comparing the host of a URL with what people write in lists of hosts.
 */
#ifndef LEATI_URL_HOST_MATCH_H
#define LEATI_URL_HOST_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An IP address as bytes. IPv4 within IPv6 (::ffff:10.0.0.1, RFC 4291 section 2.5.5.2) is the same
 * as plain: it reaches the same machine. A zone does not count. */
struct leati_host_ip {
    uint8_t bytes[16];
    unsigned bits; /**< 32 or 128 */
    bool was_mapped;
};

/** An IPv4 or IPv6 literal, IPv6 with or without brackets. false if it is something else. */
bool leati_host_ip_parse(const char *text, size_t len, struct leati_host_ip *ret_ip);
bool leati_host_ip_equal(const struct leati_host_ip *a, const struct leati_host_ip *b);
/** "10.0.0.0/8", "fd00::/8": bits behind the prefix are not looked at. false also if `text` is no
 * such prefix. */
bool leati_host_ip_is_in(const struct leati_host_ip *ip, const char *text, size_t len);

/** Whether `host` is a name below `domain`: "a.b.example" is below "example" and "b.example", and
 * not below "a.b.example". Both in the form of leati_host_from_name(). */
bool leati_host_is_below(const char *host, const char *domain);

#endif

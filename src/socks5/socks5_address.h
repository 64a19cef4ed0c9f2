/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ATYP, address and port as RFC 1928 has them in requests, replies and UDP headers: sections 4, 5,
 * 6 and 7. No I/O, no memory of its own.
 */
#ifndef LEATI_SOCKS5_SOCKS5_ADDRESS_H
#define LEATI_SOCKS5_SOCKS5_ADDRESS_H

#include "core/address.h"
#include "core/failure.h"

/** The longest name, as its length byte can say it. */
#define LEATI_SOCKS5_NAME_MAX_BYTES 255
/** The longest form: ATYP, length, name, port. */
#define LEATI_SOCKS5_ADDRESS_MAX_BYTES (1 + 1 + LEATI_SOCKS5_NAME_MAX_BYTES + 2)

/** ATYP (RFC 1928 section 5). */
enum leati_socks5_address_type {
    LEATI_SOCKS5_IPV4 = 1,
    LEATI_SOCKS5_NAME = 3,
    LEATI_SOCKS5_IPV6 = 4,
};

struct leati_socks5_address {
    uint16_t port;
    bool is_name;
    struct leati_address ip; /**< with the port; unless is_name */
    char name[LEATI_SOCKS5_NAME_MAX_BYTES + 1];
};

enum leati_socks5_read {
    LEATI_SOCKS5_READ_OK,
    LEATI_SOCKS5_READ_TRUNCATED, /**< more bytes could make it whole */
    LEATI_SOCKS5_READ_MALFORMED, /**< unknown ATYP; a name that is empty or not printable ASCII */
    LEATI_SOCKS5_READ_FRAGMENT,  /**< of a UDP header only: FRAG is not 0 */
};

/** Records that something cannot be said in SOCKS5. @return LEAT_E_SOCKS5_SERIALIZE. */
int leati_socks5_serialize_fail(struct leati_failure *failure, const char *text);

/**
 * The destination as a proxy is to have it. A literal becomes an address. A name goes without the
 * brackets that a URL has, without a zone, which means an interface of this machine, and without
 * the dot that ends an absolute name, because proxies look in their rules for the name as it is
 * usually written.
 *
 * @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE, recorded in `failure`: the name is empty or longer than
 *         255 bytes, the port is 0.
 */
int leati_socks5_address_from_host(const char *host, uint16_t port, struct leati_failure *failure,
                                   struct leati_socks5_address *ret_address);

void leati_socks5_address_from_ip(const struct leati_address *ip,
                                  struct leati_socks5_address *ret_address);

/** "host:port", with brackets around an IPv6 literal. */
void leati_socks5_address_format(const struct leati_socks5_address *address, char *buf, size_t cap);

/** Writes at most LEATI_SOCKS5_ADDRESS_MAX_BYTES. @return how many bytes. */
size_t leati_socks5_address_write(const struct leati_socks5_address *address, uint8_t *buf);

/** Reads what stands at the beginning of `data`. `*ret_used` is its length; both results are
 * written for LEATI_SOCKS5_READ_OK only. */
enum leati_socks5_read leati_socks5_address_read(const uint8_t *data, size_t len,
                                                 struct leati_socks5_address *ret_address,
                                                 size_t *ret_used);

#endif

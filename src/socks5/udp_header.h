/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The header that stands before the data of every datagram between a client and the relay of a UDP
 * association (RFC 1928 section 7). No I/O, no memory of its own.
 */
#ifndef LEATI_SOCKS5_UDP_HEADER_H
#define LEATI_SOCKS5_UDP_HEADER_H

#include "socks5/socks5_address.h"

/** RSV, FRAG and the longest address. */
#define LEATI_SOCKS5_UDP_HEADER_MAX_BYTES (3 + LEATI_SOCKS5_ADDRESS_MAX_BYTES)
/** The same for an IP address. */
#define LEATI_SOCKS5_UDP_HEADER_IP_MAX_BYTES (3 + 1 + 16 + 2)

/** Writes at most LEATI_SOCKS5_UDP_HEADER_MAX_BYTES, with FRAG 0. @return how many bytes. */
size_t leati_socks5_udp_header_write(const struct leati_socks5_address *destination, uint8_t *buf);

/**
 * Reads the header of a whole datagram. Anything but LEATI_SOCKS5_READ_OK is to be dropped: this
 * client puts no fragments together, which section 7 allows.
 *
 * @param ret_source whom the data is from; `*ret_header_len` is where it begins. Both are written
 * for LEATI_SOCKS5_READ_OK only.
 */
enum leati_socks5_read leati_socks5_udp_header_read(const uint8_t *data, size_t len,
                                                    struct leati_socks5_address *ret_source,
                                                    size_t *ret_header_len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/udp_header.h"

/* Where the fields stand (RFC 1928 section 7). */
enum {
    HEADER_RSV = 0,
    HEADER_FRAG = 2,
    HEADER_ATYP = 3,
};

size_t leati_socks5_udp_header_write(const struct leati_socks5_address *destination, uint8_t *buf)
{
    buf[HEADER_RSV] = buf[HEADER_RSV + 1] = 0;
    buf[HEADER_FRAG] = 0;
    return HEADER_ATYP + leati_socks5_address_write(destination, buf + HEADER_ATYP);
}

enum leati_socks5_read leati_socks5_udp_header_read(const uint8_t *data, size_t len,
                                                    struct leati_socks5_address *ret_source,
                                                    size_t *ret_header_len)
{
    size_t used;

    if (len < HEADER_ATYP)
        return LEATI_SOCKS5_READ_TRUNCATED;
    if (data[HEADER_RSV] != 0 || data[HEADER_RSV + 1] != 0)
        return LEATI_SOCKS5_READ_MALFORMED;
    if (data[HEADER_FRAG] != 0)
        return LEATI_SOCKS5_READ_FRAGMENT;
    enum leati_socks5_read result =
        leati_socks5_address_read(data + HEADER_ATYP, len - HEADER_ATYP, ret_source, &used);
    if (result == LEATI_SOCKS5_READ_OK)
        *ret_header_len = HEADER_ATYP + used;
    return result;
}

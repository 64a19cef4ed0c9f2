/* SPDX-License-Identifier: Apache-2.0 */
/** @file The header of relayed datagrams: every form, every end, every wrong byte. */
#include "socks5/udp_header.h"

#include "support/leak_check.h"
#include "support/mutation.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(socks5_udp_header, .timeout = 30, .fini = leak_check);

/* Bytes with their length, for strings that hold NUL. */
#define BYTES(s) (s), sizeof(s) - 1

struct header_case {
    const char *bytes;
    size_t len;
    bool is_name;
    const char *host;
    uint16_t port;
};

static const struct header_case headers[] = {
    {BYTES("\0\0\0\x01\x7f\0\0\x01\x12\x34"), false, "127.0.0.1", 0x1234},
    {BYTES("\0\0\0\x01\xff\xff\xff\xff\0\0"), false, "255.255.255.255", 0},
    {BYTES("\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff"), false, "::1", 65535},
    {BYTES("\0\0\0\x04\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x35"), false, "fe80::1", 53},
    {BYTES("\0\0\0\x03\x0b"
           "example.com\x00\x50"),
     true, "example.com", 80},
    {BYTES("\0\0\0\x03\x01"
           "a\x01\x00"),
     true, "a", 256},
};
#define HEADER_COUNT (sizeof(headers) / sizeof(headers[0]))

/* Of a copy of exactly that size, so that a sanitizer sees one byte too many. */
static enum leati_socks5_read header_read(const void *data, size_t len,
                                          struct leati_socks5_address *ret_source,
                                          size_t *ret_header_len)
{
    uint8_t *copy = malloc(len ? len : 1);
    cr_assert(copy);
    memcpy(copy, data, len);
    enum leati_socks5_read result =
        leati_socks5_udp_header_read(copy, len, ret_source, ret_header_len);
    free(copy);
    return result;
}

static void check_address(const struct leati_socks5_address *address, const struct header_case *c)
{
    char host[LEATI_ADDRESS_TEXT_SIZE];
    cr_assert_eq(address->is_name, c->is_name);
    cr_assert_eq(address->port, c->port);
    if (c->is_name) {
        cr_assert_str_eq(address->name, c->host);
        return;
    }
    leati_address_format_host(&address->ip, host, sizeof(host));
    cr_assert_str_eq(host, c->host);
    cr_assert_eq(leati_address_port(&address->ip), c->port);
}

Test(socks5_udp_header, every_form_is_read_with_whatever_follows)
{
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        const struct header_case *c = &headers[i];
        struct leati_socks5_address source;
        size_t header_len;
        uint8_t datagram[128];
        memcpy(datagram, c->bytes, c->len);
        memset(datagram + c->len, 0xee, sizeof(datagram) - c->len);
        for (size_t len = c->len; len <= sizeof(datagram); len++) {
            cr_assert_eq(header_read(datagram, len, &source, &header_len), LEATI_SOCKS5_READ_OK);
            cr_assert_eq(header_len, c->len, "case %zu", i);
            check_address(&source, c);
        }
    }
}

Test(socks5_udp_header, every_form_is_written)
{
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        const struct header_case *c = &headers[i];
        struct leati_socks5_address destination;
        struct leati_failure failure;
        uint8_t buf[LEATI_SOCKS5_UDP_HEADER_MAX_BYTES];
        leati_failure_init(&failure);
        if (c->port == 0)
            continue;
        cr_assert_eq(leati_socks5_address_from_host(c->host, c->port, &failure, &destination),
                     LEAT_OK);
        memset(buf, 0xee, sizeof(buf));
        cr_assert_eq(leati_socks5_udp_header_write(&destination, buf), c->len, "case %zu", i);
        cr_assert_eq(memcmp(buf, c->bytes, c->len), 0, "case %zu", i);
    }
}

/* RFC 4291 section 2.5.5.2. */
Test(socks5_udp_header, a_mapped_address_is_ipv4)
{
    struct leati_socks5_address source;
    size_t header_len;
    char text[LEATI_ADDRESS_TEXT_SIZE + 8];

    cr_assert_eq(header_read(BYTES("\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01\0\x50"),
                             &source, &header_len),
                 LEATI_SOCKS5_READ_OK);
    cr_assert_eq(header_len, 22);
    leati_socks5_address_format(&source, text, sizeof(text));
    cr_assert_str_eq(text, "192.0.2.1:80");
}

/* Whatever was there before. */
Test(socks5_udp_header, an_address_has_no_name)
{
    struct leati_socks5_address address;
    struct leati_address ip;

    memset(&address, 0xee, sizeof(address));
    cr_assert(leati_address_parse("192.0.2.1", 80, &ip));
    leati_socks5_address_from_ip(&ip, &address);
    cr_assert_not(address.is_name);
    cr_assert_eq(address.port, 80);
    cr_assert_str_eq(address.name, "");
}

Test(socks5_udp_header, the_longest_name_fits)
{
    char name[257];
    struct leati_socks5_address destination, source;
    struct leati_failure failure;
    uint8_t buf[LEATI_SOCKS5_UDP_HEADER_MAX_BYTES];
    size_t header_len;

    leati_failure_init(&failure);
    memset(name, 'x', 256);
    name[255] = '\0';
    cr_assert_eq(leati_socks5_address_from_host(name, 9, &failure, &destination), LEAT_OK);
    cr_assert_eq(leati_socks5_udp_header_write(&destination, buf), sizeof(buf));
    cr_assert_eq(header_read(buf, sizeof(buf), &source, &header_len), LEATI_SOCKS5_READ_OK);
    cr_assert_eq(header_len, sizeof(buf));
    cr_assert_str_eq(source.name, name);
    name[255] = 'x';
    name[256] = '\0';
    cr_assert_eq(leati_socks5_address_from_host(name, 9, &failure, &destination),
                 LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_str_eq(failure.text, "the destination's host name is longer than 255 bytes");
    leati_failure_done(&failure);
}

Test(socks5_udp_header, every_truncation_asks_for_more)
{
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        struct leati_socks5_address source = {.port = 4711};
        size_t header_len = 4711;
        for (size_t len = 0; len < headers[i].len; len++) {
            cr_assert_eq(header_read(headers[i].bytes, len, &source, &header_len),
                         LEATI_SOCKS5_READ_TRUNCATED, "case %zu, %zu bytes", i, len);
            cr_assert_eq(source.port, 4711, "written without success");
            cr_assert_eq(header_len, 4711);
        }
    }
}

static void check_wrong(const char *bytes, size_t len, enum leati_socks5_read expected)
{
    struct leati_socks5_address source;
    size_t header_len;
    cr_assert_eq(header_read(bytes, len, &source, &header_len), expected);
}

Test(socks5_udp_header, what_breaks_the_protocol)
{
#define ADDRESS "\x01\x7f\0\0\x01\x12\x34"
    check_wrong(BYTES("\x01\0\0" ADDRESS), LEATI_SOCKS5_READ_MALFORMED);
    check_wrong(BYTES("\0\x05\0" ADDRESS), LEATI_SOCKS5_READ_MALFORMED);
    for (int frag = 1; frag < 256; frag++) {
        char bytes[] = "\0\0\0" ADDRESS;
        bytes[2] = (char)frag;
        check_wrong(bytes, sizeof(bytes) - 1, LEATI_SOCKS5_READ_FRAGMENT);
    }
    for (int type = 0; type < 256; type++) {
        char bytes[32] = "";
        bytes[3] = (char)type;
        bytes[4] = 1; /* a name of one byte */
        bytes[5] = 'a';
        bool known = type == 1 || type == 3 || type == 4;
        check_wrong(bytes, sizeof(bytes),
                    known ? LEATI_SOCKS5_READ_OK : LEATI_SOCKS5_READ_MALFORMED);
    }
    for (int byte = 0; byte < 256; byte++) {
        char bytes[] = "\0\0\0\x03\x03"
                       "a?b\x12\x34";
        bytes[6] = (char)byte;
        check_wrong(bytes, sizeof(bytes) - 1,
                    byte > ' ' && byte < 0x7f ? LEATI_SOCKS5_READ_OK : LEATI_SOCKS5_READ_MALFORMED);
    }
    check_wrong(BYTES("\0\0\0\x03\x00\x12\x34"), LEATI_SOCKS5_READ_MALFORMED);
    /* What nothing can make good, however much is to come. */
    check_wrong(BYTES("\0\0\0\x02"), LEATI_SOCKS5_READ_MALFORMED);
    check_wrong(BYTES("\0\0\0\x03\x00"), LEATI_SOCKS5_READ_MALFORMED);
    check_wrong(BYTES("\0\0\0\x03\x01 "), LEATI_SOCKS5_READ_MALFORMED);
}

/* Whatever is read can be written again, and nothing is read that was not there. */
Test(socks5_udp_header, damaged_headers)
{
    struct mutation mutation;
    mutation_init(&mutation, 1928);
    for (int round = 0; round < 60000; round++) {
        const struct header_case *c = &headers[(size_t)round % HEADER_COUNT];
        size_t len = mutation_next(&mutation, c->bytes, c->len);
        struct leati_socks5_address source;
        size_t header_len;
        if (header_read(mutation.bytes, len, &source, &header_len) != LEATI_SOCKS5_READ_OK)
            continue;
        uint8_t buf[LEATI_SOCKS5_UDP_HEADER_MAX_BYTES];
        cr_assert_leq(header_len, len);
        cr_assert_eq(leati_socks5_udp_header_write(&source, buf), header_len);
        cr_assert_eq(memcmp(buf, mutation.bytes, header_len), 0);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/proxy_protocol.h"

#include <criterion/criterion.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct leati_proxy_protocol header_of(enum leati_proxy_protocol_version version,
                                             const char *source, uint16_t source_port,
                                             const char *destination, uint16_t destination_port)
{
    struct leati_proxy_protocol header = {.version = version};
    cr_assert(leati_address_parse(source, source_port, &header.source));
    cr_assert(leati_address_parse(destination, destination_port, &header.destination));
    return header;
}

static void check_written(const struct leati_proxy_protocol *header, const void *expected,
                          size_t len)
{
    uint8_t buf[LEATI_PROXY_PROTOCOL_WRITE_BYTES];
    cr_assert_eq(leati_proxy_protocol_write(header, buf), len);
    cr_assert_eq(memcmp(buf, expected, len), 0, "%.*s", (int)len, (const char *)buf);
}

/* Each beginning is one, and what stands behind is left. */
static struct leati_proxy_protocol check_read(const void *data, size_t len)
{
    uint8_t bytes[LEATI_PROXY_PROTOCOL_MAX_BYTES + 1];
    struct leati_proxy_protocol header;
    const char *reason = NULL;
    size_t used = 0;
    memcpy(bytes, data, len);
    bytes[len] = 'x';
    for (size_t part = 0; part < len; part++)
        cr_assert_eq(leati_proxy_protocol_read(bytes, part, &header, &used, &reason),
                     LEATI_PROXY_PROTOCOL_MORE, "%zu of %zu: %s", part, len, reason);
    cr_assert_eq(leati_proxy_protocol_read(bytes, len + 1, &header, &used, &reason),
                 LEATI_PROXY_PROTOCOL_DONE, "%s", reason);
    cr_assert_eq(used, len);
    return header;
}

static void check_address(const struct leati_address *address, const char *expected)
{
    char text[LEATI_ADDRESS_TEXT_SIZE];
    leati_address_format(address, text, sizeof(text));
    cr_assert_str_eq(text, expected);
}

static void check_bad(const void *data, size_t len, const char *expected)
{
    struct leati_proxy_protocol header;
    const char *reason = "nothing";
    size_t used;
    cr_assert_eq(leati_proxy_protocol_read(data, len, &header, &used, &reason),
                 LEATI_PROXY_PROTOCOL_BAD, "%.*s", (int)len, (const char *)data);
    cr_assert_str_eq(reason, expected);
}

#define CHECK_BAD(literal, expected) check_bad(literal, sizeof(literal) - 1, expected)

/* ---- version 1 ----------------------------------------------------------------------- */

Test(proxy_protocol, line_of_ipv4, .timeout = 10)
{
    static const char line[] = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
    struct leati_proxy_protocol header =
        header_of(LEATI_PROXY_PROTOCOL_1, "192.0.2.1", 56324, "198.51.100.7", 443);
    check_written(&header, line, sizeof(line) - 1);
    header = check_read(line, sizeof(line) - 1);
    cr_assert(header.version == LEATI_PROXY_PROTOCOL_1 && !header.is_local);
    check_address(&header.source, "192.0.2.1:56324");
    check_address(&header.destination, "198.51.100.7:443");
}

Test(proxy_protocol, line_of_ipv6, .timeout = 10)
{
    static const char line[] = "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n";
    struct leati_proxy_protocol header =
        header_of(LEATI_PROXY_PROTOCOL_1, "2001:db8::1", 1, "2001:db8::2", 65535);
    check_written(&header, line, sizeof(line) - 1);
    header = check_read(line, sizeof(line) - 1);
    check_address(&header.source, "[2001:db8::1]:1");
    check_address(&header.destination, "[2001:db8::2]:65535");
}

Test(proxy_protocol, mixed_families_are_ipv6_and_read_as_what_they_are, .timeout = 10)
{
    static const char line[] = "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n";
    struct leati_proxy_protocol header =
        header_of(LEATI_PROXY_PROTOCOL_1, "192.0.2.1", 1, "2001:db8::2", 2);
    check_written(&header, line, sizeof(line) - 1);
    header = check_read(line, sizeof(line) - 1);
    check_address(&header.source, "192.0.2.1:1");
}

/* 2.1: the longest line has 107 bytes. */
Test(proxy_protocol, longest_lines, .timeout = 10)
{
    static const char longest[] = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535";
    char line[200];
    struct leati_proxy_protocol header = {.version = LEATI_PROXY_PROTOCOL_1, .is_local = true};
    check_written(&header, "PROXY UNKNOWN\r\n", 15);
    cr_assert(check_read("PROXY UNKNOWN\r\n", 15).is_local);
    cr_assert(check_read("PROXY UNKNOWN \r\n", 16).is_local);
    memset(line, 'f', sizeof(line));
    memcpy(line, longest, sizeof(longest) - 1);
    memcpy(line + 105, "\r\n", 2);
    header = check_read(line, 107);
    cr_assert(header.is_local && header.source.any.sa_family == AF_UNSPEC);
    memset(line + 105, 'f', 2);
    memcpy(line + 106, "\r\n", 2);
    check_bad(line, 108, "its line does not end in CR LF");
    memset(line + 106, 'f', 2);
    check_bad(line, 107, "its line is longer than 107 bytes");
}

Test(proxy_protocol, lines_that_are_none, .timeout = 10)
{
    CHECK_BAD("G", "the connection does not begin with it");
    CHECK_BAD("PROXYTCP4", "the connection does not begin with it");
    CHECK_BAD("PROXY \r\n", "its protocol is not TCP4, TCP6 or UNKNOWN");
    CHECK_BAD("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "its protocol is not TCP4, TCP6 or UNKNOWN");
    CHECK_BAD("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "its protocol is not TCP4, TCP6 or UNKNOWN");
    CHECK_BAD("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "its protocol is not TCP4, TCP6 or UNKNOWN");
    CHECK_BAD("PROXY TCP4\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP4 1.2.3.4\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP4 ::1 ::1 1 2\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP6 fe80::1%lo ::1 1 2\r\n", "it has no two addresses of its family");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4\r\n", "it has no two ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "it has no two ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "it has no two ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", "it has no two ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "it has no two ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "it has no two ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "something stands behind its ports");
    CHECK_BAD("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx", "its line does not end in CR LF");
}

/* ---- version 2 ----------------------------------------------------------------------- */

Test(proxy_protocol, bytes_of_ipv4, .timeout = 10)
{
    static const char bytes[] = SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x07\xdc\x04"
                                          "\x01\xbb";
    struct leati_proxy_protocol header =
        header_of(LEATI_PROXY_PROTOCOL_2, "192.0.2.1", 56324, "198.51.100.7", 443);
    check_written(&header, bytes, sizeof(bytes) - 1);
    header = check_read(bytes, sizeof(bytes) - 1);
    cr_assert(header.version == LEATI_PROXY_PROTOCOL_2 && !header.is_local);
    check_address(&header.source, "192.0.2.1:56324");
    check_address(&header.destination, "198.51.100.7:443");
}

Test(proxy_protocol, bytes_of_ipv6_and_of_nobody, .timeout = 10)
{
    uint8_t bytes[LEATI_PROXY_PROTOCOL_WRITE_BYTES];
    struct leati_proxy_protocol header =
        header_of(LEATI_PROXY_PROTOCOL_2, "2001:db8::1", 1, "192.0.2.1", 2);
    size_t len = leati_proxy_protocol_write(&header, bytes);
    cr_assert_eq(len, 52);
    header = check_read(bytes, len);
    check_address(&header.source, "[2001:db8::1]:1");
    check_address(&header.destination, "192.0.2.1:2");
    header.is_local = true;
    check_written(&header, SIGNATURE "\x20\0\0\0", 16);
    header = check_read(SIGNATURE "\x20\0\0\0", 16);
    cr_assert(header.is_local && header.source.any.sa_family == AF_UNSPEC);
}

/* 2.2: what a receiver accepts, and takes the connection's own addresses for. */
Test(proxy_protocol, bytes_that_name_nobody, .timeout = 10)
{
    uint8_t bytes[16 + 216] = SIGNATURE "\x21\x31\0\xd8"; /* AF_UNIX */
    cr_assert(check_read(bytes, sizeof(bytes)).is_local);
    cr_assert(check_read(SIGNATURE "\x21\x12\0\x0c"
                                   "aaaabbbbccdd",
                         28)
                  .is_local); /* UDP */
    cr_assert(check_read(SIGNATURE "\x21\0\0\x03xyz", 19).is_local);
    cr_assert(check_read(SIGNATURE "\x20\xff\0\x03xyz", 19).is_local);
}

Test(proxy_protocol, extensions_fit_and_sums_are_right, .timeout = 10)
{
    /* Its CRC32C was made by another program. */
    static const char summed[] = SIGNATURE "\x21\x11\0\x13"
                                           "aaaabbbbccdd"
                                           "\x03\0\x04SUMS";
    uint8_t bytes[sizeof(summed) - 1];
    const char *reason;
    struct leati_proxy_protocol header;
    size_t used;
    (void)check_read(SIGNATURE "\x21\x11\0\x12"
                               "aaaabbbbccdd"
                               "\x04\0\0\x01\0\0",
                     34);
    CHECK_BAD(SIGNATURE "\x21\x11\0\x0e"
                        "aaaabbbbccdd"
                        "\x04\0",
              "its last extension is cut off");
    CHECK_BAD(SIGNATURE "\x21\x11\0\x10"
                        "aaaabbbbccdd"
                        "\x04\0\x02x",
              "an extension is longer than it");
    memcpy(bytes, summed, sizeof(bytes));
    memcpy(bytes + sizeof(bytes) - 4, "\x13\x57\x9b\xdf", 4);
    cr_assert_eq(leati_proxy_protocol_read(bytes, sizeof(bytes), &header, &used, &reason),
                 LEATI_PROXY_PROTOCOL_BAD);
    cr_assert_str_eq(reason, "its checksum is wrong");
    memcpy(bytes + sizeof(bytes) - 4, "\x63\xff\x25\x15", 4);
    (void)check_read(bytes, sizeof(bytes));
}

Test(proxy_protocol, bytes_that_are_none, .timeout = 10)
{
    CHECK_BAD("\r\n\r\nx", "the connection does not begin with it");
    CHECK_BAD(SIGNATURE "\x11", "its version is neither 1 nor 2");
    CHECK_BAD(SIGNATURE "\x22", "its command is neither LOCAL nor PROXY");
    CHECK_BAD(SIGNATURE "\x21\x11\xff\xff", "it is longer than 4,096 bytes");
    CHECK_BAD(SIGNATURE "\x21\x11\0\x0b"
                        "aaaabbbbccd",
              "it is shorter than its addresses");
    CHECK_BAD(SIGNATURE "\x21\x21\0\x23"
                        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccd",
              "it is shorter than its addresses");
    CHECK_BAD(SIGNATURE "\x21\x41\0\0", "its family of addresses is none that there is");
    CHECK_BAD(SIGNATURE "\x21\x13\0\0", "its family of addresses is none that there is");
}

/* The longest that is taken. */
Test(proxy_protocol, long_bytes, .timeout = 10)
{
    static uint8_t bytes[LEATI_PROXY_PROTOCOL_MAX_BYTES] = SIGNATURE "\x20\0\x10\0";
    cr_assert(check_read(bytes, sizeof(bytes)).is_local);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uint8_t byte_lower(char c)
{
    uint8_t byte = (uint8_t)c;

    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

bool leati_text_equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return false;
    for (size_t i = 0; i < a_len; i++)
        if (a[i] != b[i] && byte_lower(a[i]) != byte_lower(b[i]))
            return false;
    return true;
}

bool leati_text_is_nocase(const char *s, const char *name)
{
    return leati_text_equal_nocase(s, strlen(s), name, strlen(name));
}

bool leati_text_begins_nocase(const char *s, const char *prefix)
{
    size_t len = strlen(prefix);

    return leati_text_equal_nocase(s, strnlen(s, len), prefix, len);
}

bool leati_text_parse_u64(const char *s, size_t len, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

bool leati_text_is_token(const char *s, size_t len)
{
    /* A bit for each letter, each digit and each of "!#$%&'*+-.^_`|~", 64 to a word. */
    static const uint64_t token_bytes[] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe};

    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)s[i];
        if (byte >= 128 || !(token_bytes[byte / 64] >> byte % 64 & 1))
            return false;
    }
    return len > 0;
}

bool leati_text_is_field_value(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\r' || s[i] == '\n' || s[i] == '\0')
            return false;
    return true;
}

int leati_text_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (byte_lower(c) >= 'a' && byte_lower(c) <= 'f')
        return byte_lower(c) - 'a' + 10;
    return -1;
}

bool leati_text_percent_decode(const char *s, size_t len, char *dst, size_t *ret_len)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%') {
            if (len - i < 3)
                return false;
            int high = leati_text_hex_value(s[i + 1]);
            int low = leati_text_hex_value(s[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
            if (c == '\0')
                return false;
        }
        dst[out++] = c;
    }
    dst[out] = '\0';
    *ret_len = out;
    return true;
}

bool leati_text_base64_encode(const uint8_t *data, size_t len, char *dst, size_t cap)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    /* The quotient first: len + 2 could overflow. */
    size_t groups = len / 3 + (len % 3 != 0);
    if (cap == 0 || groups > (cap - 1) / 4)
        return false;

    for (; len >= 3; data += 3, len -= 3) {
        uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
        *dst++ = alphabet[bits >> 18];
        *dst++ = alphabet[bits >> 12 & 63];
        *dst++ = alphabet[bits >> 6 & 63];
        *dst++ = alphabet[bits & 63];
    }
    if (len > 0) {
        uint32_t bits = (uint32_t)data[0] << 16 | (len == 2 ? (uint32_t)data[1] << 8 : 0);
        *dst++ = alphabet[bits >> 18];
        *dst++ = alphabet[bits >> 12 & 63];
        *dst++ = len == 2 ? alphabet[bits >> 6 & 63] : '=';
        *dst++ = '=';
    }
    *dst = '\0';
    return true;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool leati_text_base64_decode(const char *s, size_t len, uint8_t *dst, size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned count = 0; /* of bits that are not written yet */
    size_t written = 0;

    for (int padding = 0; padding < 2 && len > 0 && s[len - 1] == '='; padding++)
        len--;
    if (len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        int value = base64_value(s[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffffff;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        dst[written++] = (uint8_t)(bits >> count);
    }
    *ret_len = written;
    return true;
}

const char *leati_text_decimal(uint64_t value, char buf[LEATI_DECIMAL_SIZE])
{
    char *at = &buf[LEATI_DECIMAL_SIZE - 1];

    *at = '\0';
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return at;
}

void leati_text_ipv4(const void *ipv4, char buf[LEATI_IPV4_SIZE])
{
    const uint8_t *byte = ipv4;
    char digits[LEATI_DECIMAL_SIZE];

    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *buf++ = '.';
        buf = stpcpy(buf, leati_text_decimal(byte[i], digits));
    }
}

void leati_text_put(char *buf, size_t cap, size_t *pos, const char *s)
{
    size_t len = strlen(s);

    if (cap == 0)
        return;
    if (*pos >= cap)
        *pos = cap - 1;
    if (len >= cap - *pos)
        len = cap - *pos - 1;
    memcpy(buf + *pos, s, len);
    *pos += len;
    buf[*pos] = '\0';
}

void leati_text_append(char *buf, size_t cap, size_t *pos, const char *format, ...)
{
    if (cap == 0)
        return;
    if (*pos >= cap)
        *pos = cap - 1;

    va_list args;
    va_start(args, format);
    int n = vsnprintf(buf + *pos, cap - *pos, format, args);
    va_end(args);
    if (n < 0)
        buf[*pos] = '\0';
    else if ((size_t)n >= cap - *pos)
        *pos = cap - 1;
    else
        *pos += (size_t)n;
}

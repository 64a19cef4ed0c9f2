/* SPDX-License-Identifier: Apache-2.0 */
/** @file Small text helpers that are independent of the locale. */
#ifndef LEATI_UTIL_TEXT_H
#define LEATI_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What HTTP calls optional white space (RFC 9110 section 5.6.3). */
static inline bool leati_text_is_white_space(char c)
{
    return c == ' ' || c == '\t';
}

/** ASCII case-insensitive equality; other bytes are compared as they are. */
bool leati_text_equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len);
/** The same of whole strings. */
bool leati_text_is_nocase(const char *s, const char *name);
/** Whether a string begins with `prefix`, whatever the case of ASCII letters. */
bool leati_text_begins_nocase(const char *s, const char *prefix);
/** A whole decimal number without sign or spaces, at most `max`. false if it is anything else. */
bool leati_text_parse_u64(const char *s, size_t len, uint64_t max, uint64_t *ret_value);
/** Whether all of it is a token of RFC 9110 section 5.6.2 (and not empty). */
bool leati_text_is_token(const char *s, size_t len);
/** Whether it is a field value without CR, LF and NUL. */
bool leati_text_is_field_value(const char *s, size_t len);
/** Of a hexadecimal digit; -1 = it is none. */
int leati_text_hex_value(char c);
/** Decodes %XX; `dst` has room for `len` + 1 bytes. false on a broken escape or an encoded NUL. */
bool leati_text_percent_decode(const char *s, size_t len, char *dst, size_t *ret_len);
/** Base64 (RFC 4648 section 4) with padding and a final NUL; false if `cap` is too small. */
bool leati_text_base64_encode(const uint8_t *data, size_t len, char *dst, size_t cap);
/** The same back; `dst` has room for 3 bytes for each 4 characters. Padding may be missing. false if it is
 * anything else. */
bool leati_text_base64_decode(const char *s, size_t len, uint8_t *dst, size_t *ret_len);
/** Room for any number in decimal, with a final NUL. */
#define LEATI_DECIMAL_SIZE 21u
/** Writes a number to the end of `buf` and returns where it begins. */
const char *leati_text_decimal(uint64_t value, char buf[LEATI_DECIMAL_SIZE]);
/** Room for an IPv4 address with its final NUL. */
#define LEATI_IPV4_SIZE 16u
/** Dotted-decimal, of the bytes in network order. */
void leati_text_ipv4(const void *ipv4, char buf[LEATI_IPV4_SIZE]);
/** Appends at `*pos`, as leati_text_append(), a string as it is. */
void leati_text_put(char *buf, size_t cap, size_t *pos, const char *s);
/** snprintf that appends at `*pos` and never passes `cap`; the result always has a final NUL. */
void leati_text_append(char *buf, size_t cap, size_t *pos, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif

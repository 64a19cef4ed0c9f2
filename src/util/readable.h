/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Texts that people read: errors, reasons, events. They may quote the other end of a connection,
 * and land on a terminal or in a log. So whatever is written here
 *  - is UTF-8 without anything that acts upon a terminal or reorders the text around it: control
 *    characters (C0, DEL, C1), those of bidirectional text (U+061C, U+200E, U+200F, U+202A to
 *    U+202E, U+2066 to U+2069), separators of lines (U+2028, U+2029), and bytes that are no UTF-8
 *    become '?';
 *  - ends in "..." where there was no room for all of it, behind a whole word if one ends nearby,
 *    never inside a character.
 */
#ifndef LEATI_UTIL_READABLE_H
#define LEATI_UTIL_READABLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether a character of Unicode stands for itself in such a text. */
bool leati_readable_allows(uint32_t character);

/** As snprintf(). `cap` is above 0. */
void leati_readable_format(char *buf, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void leati_readable_vformat(char *buf, size_t cap, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/** Appends at `*pos`; what is full stays as it is. */
void leati_readable_append(char *buf, size_t cap, size_t *pos, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define LEATI_EXCERPT_MAX 256u

struct leati_excerpt {
    char text[LEATI_EXCERPT_MAX + 1];
};

/** At most `max` bytes of a text, for the arguments of a format: leati_excerpt(s, 80).text. */
struct leati_excerpt leati_excerpt(const char *text, size_t max);
/** The same of the first `len` bytes. */
struct leati_excerpt leati_excerpt_of(const char *text, size_t len, size_t max);

#endif

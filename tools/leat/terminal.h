/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a terminal may be shown, and whether there is one. */
#ifndef LEAT_TOOL_TERMINAL_H
#define LEAT_TOOL_TERMINAL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

bool tool_is_terminal(FILE *stream);

/** Columns of the terminal; where the stream is none, those of the variable COLUMNS, else 80. */
size_t tool_terminal_columns(FILE *stream);

enum tool_style {
    TOOL_STYLE_PLAIN, /**< ends every other style */
    TOOL_STYLE_BOLD,
    TOOL_STYLE_DIM,
    TOOL_STYLE_RED,
    TOOL_STYLE_GREEN,
    TOOL_STYLE_YELLOW,
    TOOL_STYLE_CYAN,
};

/** Whether the terminal, if there is one, can do more than print a line below the other. */
bool tool_terminal_has_cursor(void);

/** Whether styles are shown: on a terminal that is not "dumb", unless NO_COLOR is set and not
 * empty. */
bool tool_has_styles(FILE *stream);

/** The sequence that switches to a style, "" where styles are not shown: printf("%s", ...). */
const char *tool_style(FILE *stream, enum tool_style style);

/** Whether a character only shows itself: not those that a terminal takes for a command (C0, DEL,
 * C1), that turn the text around them (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069),
 * that end a line (U+2028, U+2029) or that hide in it (U+FEFF, U+FFF9 to U+FFFB). */
bool tool_character_is_safe(unsigned character);

/** Prints text that came from elsewhere: characters that are not safe become '?' and so do bytes
 * that are not UTF-8, so that nothing in it acts upon a terminal. */
void tool_print_safe(FILE *stream, const char *text, size_t len);

/** The same for what vfprintf() would print. */
void tool_print_formatted(FILE *stream, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/** As snprintf(), but what is cut off shows as "...", and no character is cut in two. */
void tool_format(char *buf, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tool_vformat(char *buf, size_t cap, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

enum { TOOL_EXCERPT_MAX = 256 };

struct tool_excerpt {
    char text[TOOL_EXCERPT_MAX + 1];
};

/** At most `max` bytes of a text, for the arguments of a format: tool_excerpt(s, 40).text. */
struct tool_excerpt tool_excerpt(const char *text, size_t max);

/** The columns that a UTF-8 text takes up on a terminal; East Asian wide characters take two. */
size_t tool_text_columns(const char *text);

/** The length in bytes of the valid UTF-8 sequence at `text`, 0 if there is none; its character
 * into `ret_character`. */
size_t tool_utf8_decode(const char *text, size_t len, unsigned *ret_character);

#endif

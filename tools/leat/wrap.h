/* SPDX-License-Identifier: Apache-2.0 */
/** @file Lines that fit the terminal. */
#ifndef LEAT_TOOL_WRAP_H
#define LEAT_TOOL_WRAP_H

#include <stddef.h>
#include <stdio.h>

/** Prints text that may come from elsewhere (tool_print_safe()). On a terminal it is broken at words
 * that would not fit, and goes on at the column `indent`, where it begins, too. */
void tool_print_wrapped(FILE *out, const char *text, size_t len, size_t indent);
/** The same where it begins at another column. */
void tool_print_wrapped_at(FILE *out, const char *text, size_t len, size_t column, size_t indent);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file The word that somebody who mistyped one may have meant. */
#ifndef LEAT_TOOL_NEAREST_H
#define LEAT_TOOL_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/** Makes `candidate` the nearest if it resembles `typed` and is nearer than `*best`, which starts
 * as SIZE_MAX. */
void tool_nearest(const char *typed, size_t len, const char *candidate, const char **nearest,
                  size_t *best);

/** The nearest of "a|b|c" into `ret_word`; false = none resembles it. */
bool tool_nearest_word(const char *typed, const char *words, char *ret_word, size_t size);

#endif

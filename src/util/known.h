/* SPDX-License-Identifier: Apache-2.0 */
/** @file Structs of the public headers, which begin with their size and may grow. */
#ifndef LEATI_UTIL_KNOWN_H
#define LEATI_UTIL_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

/** Copies what both sides know: a program that was built with another header has a struct of
 * another length. What `to` has beyond that stays. */
void leati_copy_known(void *to, size_t to_size, const void *from, size_t from_size);
/** The same instead of all that was there. false, and nothing has changed, for NULL and for a size of
 * 0. */
bool leati_replace_known(void *to, size_t to_size, const void *from);

#endif

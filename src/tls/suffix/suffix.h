/* SPDX-License-Identifier: Apache-2.0 */
/** @file Names below which anybody may register one: "com", "co.uk". */
#ifndef LEATI_TLS_SUFFIX_SUFFIX_H
#define LEATI_TLS_SUFFIX_SUFFIX_H

#include <stdbool.h>

/** `name` as A-labels. A name of one label always is one; of others those are known that registries
 * give out (the first part of publicsuffix.org's list), and only where leat was built with libpsl.
 */
bool leati_public_suffix(const char *name);

#endif

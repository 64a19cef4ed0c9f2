/* SPDX-License-Identifier: Apache-2.0 */
/** @file Of targets whose texts hold more than ASCII. */
#ifndef LEAT_TESTS_FUZZ_READABLE_H
#define LEAT_TESTS_FUZZ_READABLE_H

#include "util/readable.h"
#include "util/utf8.h"

#include <string.h>

/** Whether a text of ours, in which words of a peer may stand, is one that is shown to people. */
static inline bool fuzz_is_readable(const char *text)
{
    uint32_t character = 0;
    for (size_t size; *text; text += size) {
        size = leati_utf8_decode(text, strlen(text), &character);
        if (size == 0 || !leati_readable_allows(character))
            return false;
    }
    return true;
}

#endif

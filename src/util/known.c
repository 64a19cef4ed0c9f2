/* SPDX-License-Identifier: Apache-2.0 */
#include "util/known.h"

#include <string.h>

void leati_copy_known(void *to, size_t to_size, const void *from, size_t from_size)
{
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

bool leati_replace_known(void *to, size_t to_size, const void *from)
{
    size_t from_size = 0;
    if (from)
        memcpy(&from_size, from, sizeof(from_size)); /* the first field of all of them */
    if (from_size == 0)
        return false;
    memset(to, 0, to_size);
    leati_copy_known(to, to_size, from, from_size);
    return true;
}

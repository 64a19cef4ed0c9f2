/* SPDX-License-Identifier: Apache-2.0 */
#include "util/known.h"

#include <string.h>

void leati_copy_known(void *to, size_t to_size, const void *from, size_t from_size)
{
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/base.h>

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)

const char *leat_version(void)
{
    return VALUE_OF(LEAT_VERSION_MAJOR) "." VALUE_OF(LEAT_VERSION_MINOR) "." VALUE_OF(
        LEAT_VERSION_PATCH);
}

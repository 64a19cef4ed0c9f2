/* SPDX-License-Identifier: Apache-2.0 */
#include "core/version.h"

#include <leat/base.h>

#include <stddef.h>

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)

#define VERSION                                                                                    \
    VALUE_OF(LEAT_VERSION_MAJOR) "." VALUE_OF(LEAT_VERSION_MINOR) "." VALUE_OF(LEAT_VERSION_PATCH)

const char *leat_version(void)
{
    return VERSION;
}

const char *leati_user_agent(const char *chosen)
{
    if (!chosen)
        return "leat/" VERSION;
    return chosen[0] != '\0' ? chosen : NULL;
}

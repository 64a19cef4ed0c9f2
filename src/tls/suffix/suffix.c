/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/suffix/suffix.h"

#include <string.h>

#ifdef LEAT_LIBPSL
#include <libpsl.h>
#endif

bool leati_public_suffix(const char *name)
{
    if (!strchr(name, '.'))
        return true;
#ifdef LEAT_LIBPSL
    const psl_ctx_t *list = psl_builtin();
    return list && psl_is_public_suffix2(list, name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
#else
    return false;
#endif
}

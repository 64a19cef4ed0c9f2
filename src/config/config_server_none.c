/* SPDX-License-Identifier: Apache-2.0 */
/* A build without servers (LEAT_SERVER): nothing is set for one. */
#include "config/config.h"

void leati_settings_clear_server(struct leati_settings *settings)
{
    (void)settings;
}

bool leati_settings_copy_server(struct leati_settings *dst, const struct leati_settings *src)
{
    (void)dst, (void)src;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A build without servers (LEAT_SERVER): nobody asks for an acceptance. */
#include "ws/accept.h"

int leati_ws_accept_layer_new(const struct leati_ws_accept_options *options,
                              struct leati_failure *failure, struct leati_layer **ret_layer)
{
    (void)options, (void)failure, (void)ret_layer;
    return LEAT_E_SYSTEM_INTERNAL;
}

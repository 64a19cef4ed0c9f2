/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/prepared.h"

#include "util/utf8.h"
#include "websocket/websocket.h"

/* The public name of what src/ws knows. */
static struct leati_ws_prepared *prepared_of(leat_prepared_message *message)
{
    return (struct leati_ws_prepared *)message;
}

int leat_prepared_message_new(enum leat_message_type type, const void *data, size_t len,
                              leat_prepared_message **ret_message)
{
    if ((!data && len > 0) || !ret_message ||
        (type != LEAT_MESSAGE_TEXT && type != LEAT_MESSAGE_BINARY))
        return LEAT_E_PARAMETER;
    if (type == LEAT_MESSAGE_TEXT && !leati_utf8_valid(data, len))
        return LEAT_E_PARAMETER;
    struct leati_ws_prepared *message = leati_ws_prepared_new(type, data, len);
    if (!message)
        return LEAT_E_SYSTEM_INTERNAL;
    *ret_message = (leat_prepared_message *)message;
    return LEAT_OK;
}

void leat_prepared_message_free(leat_prepared_message *message)
{
    leati_ws_prepared_unref(prepared_of(message));
}

int leat_websocket_send_prepared(leat_websocket *ws, leat_prepared_message *message)
{
    if (!ws || !message)
        return LEAT_E_PARAMETER;
    return leati_websocket_send_prepared(ws, prepared_of(message));
}

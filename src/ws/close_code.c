/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/close_code.h"

#include "ws/session.h"

/* Section 7.4.2: 3000 to 3999 for libraries and frameworks, 4000 to 4999 for private use. */
static bool code_is_for_applications(uint16_t code)
{
    return code >= 3000 && code <= 4999;
}

bool leati_ws_close_code_receivable(uint16_t code)
{
    if (code >= LEATI_WS_CLOSE_NORMAL && code <= LEATI_WS_CLOSE_UNSUPPORTED_DATA)
        return true;
    if (code >= LEATI_WS_CLOSE_INVALID_PAYLOAD && code <= LEATI_WS_CLOSE_BAD_GATEWAY)
        return true;
    return code_is_for_applications(code);
}

bool leati_ws_close_code_sendable(uint16_t code)
{
    /* That the peer broke the protocol is for the session to say, not for the program. */
    return code != LEATI_WS_CLOSE_PROTOCOL_ERROR && leati_ws_close_code_receivable(code);
}

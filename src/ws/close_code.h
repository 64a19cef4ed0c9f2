/* SPDX-License-Identifier: Apache-2.0 */
/** @file Close codes (RFC 6455 section 7.4 and the IANA registry). */
#ifndef LEATI_WS_CLOSE_CODE_H
#define LEATI_WS_CLOSE_CODE_H

#include <stdbool.h>
#include <stdint.h>

enum leati_ws_close_code {
    LEATI_WS_CLOSE_NORMAL = 1000,
    LEATI_WS_CLOSE_PROTOCOL_ERROR = 1002,
    LEATI_WS_CLOSE_UNSUPPORTED_DATA = 1003,
    LEATI_WS_CLOSE_NO_STATUS = 1005, /**< never on the wire: a Close frame without a body */
    LEATI_WS_CLOSE_INVALID_PAYLOAD = 1007,
    LEATI_WS_CLOSE_MESSAGE_TOO_BIG = 1009,
    LEATI_WS_CLOSE_BAD_GATEWAY = 1014, /**< the last one that IANA has assigned for the wire */
};

/** Whether a Close frame may carry this code: not the reserved 1004 to 1006 and 1015, and nothing
 * that nobody has assigned. */
bool leati_ws_close_code_receivable(uint16_t code);

#endif

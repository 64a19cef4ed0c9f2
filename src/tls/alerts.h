/* SPDX-License-Identifier: Apache-2.0 */
/** @file The names of TLS alerts (RFC 8446 section 6) and handshake messages (section 4). */
#ifndef LEATI_TLS_ALERTS_H
#define LEATI_TLS_ALERTS_H

#include <stdint.h>

/** "certificate_required"; "unknown_alert" for a number that no RFC knows. Static, never NULL. */
const char *leati_tls_alert_name(uint8_t description);

/** "Certificate"; "handshake message" for a type that no RFC knows. Static, never NULL. */
const char *leati_tls_message_name(uint8_t type);

#endif

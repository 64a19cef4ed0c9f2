/* SPDX-License-Identifier: Apache-2.0 */
/** @file Which cipher suites are spoken where the program has chosen none. */
#ifndef LEATI_TLS_PREFERENCE_H
#define LEATI_TLS_PREFERENCE_H

#include <stdbool.h>

/** All with forward secrecy, the fastest on this machine first. A server has only those with an
 * AEAD; a client offers ECDHE with CBC behind them, so that it still meets old servers (RFC 9325
 * sections 4.1 and 4.2). Ended by 0, static. @thread any. */
const int *leati_tls_cipher_preference(bool is_server);

#endif

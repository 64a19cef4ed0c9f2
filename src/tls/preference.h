/* SPDX-License-Identifier: Apache-2.0 */
/** @file Which cipher suites come first where the program has chosen none. */
#ifndef LEATI_TLS_PREFERENCE_H
#define LEATI_TLS_PREFERENCE_H

/** mbedTLS' suites in the order that is fastest here: it puts ChaCha20-Poly1305 first, which suits
 * processors without instructions for AES. Ended by 0, static. @thread any. */
const int *leati_tls_cipher_preference(void);

#endif

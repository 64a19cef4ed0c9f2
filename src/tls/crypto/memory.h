/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whether the engine ran out of memory. Neither mbedTLS nor libcrypto always says so (a signature
 * that could not be checked is "not trusted"), so whoever sees an allocation fail notes it here,
 * for its thread.
 */
#ifndef LEATI_TLS_CRYPTO_MEMORY_H
#define LEATI_TLS_CRYPTO_MEMORY_H

#include <stdbool.h>

void leati_tls_memory_forget(void);
void leati_tls_memory_note(void);
/** Whether anything was noted in this thread since leati_tls_memory_forget(). */
bool leati_tls_memory_is_out(void);

#endif

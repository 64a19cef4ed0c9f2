/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS needs once in the process, and what its codes and its allocations say.
 */
#ifndef LEATI_TLS_MBEDTLS_PROCESS_H
#define LEATI_TLS_MBEDTLS_PROCESS_H

#include <stdbool.h>

/** Gives mbedTLS our allocator and starts PSA. Cheap when it is done already; a failure (no memory)
 * is tried again by the next call. Returns LEAT_OK or the mbedTLS code of why not. @thread any. */
int leati_mbedtls_start(void);

/** Marks the start of a call into mbedTLS. mbedTLS does not always say that it ran out of memory (a
 * signature that could not be checked is "not trusted"), so the allocator remembers it. */
void leati_mbedtls_enter(void);
/** Whether an allocation of this thread has failed since leati_mbedtls_enter(). */
bool leati_mbedtls_out_of_memory(void);

/** What mbedTLS says about one of its codes, without a prefix. Never NULL. */
const char *leati_mbedtls_error_text(int code);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file From what mbedTLS says to the documented codes and a text that names the culprit. */
#ifndef LEATI_TLS_FAILURES_H
#define LEATI_TLS_FAILURES_H

#include "core/failure.h"

struct leati_tls_layer;

/** leati_failure_set() for this folder, before there is a layer. Returns `code`. */
int leati_tls_record(struct leati_failure *failure, int code, int sys_errno, int native_code,
                     const char *format, ...) LEAT_PRINTF(5, 6);

/** Starts the engine. LEAT_OK; recorded: LEAT_E_TLS_ENGINE, LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_ready(struct leati_failure *failure);

/** Ends a layer because a function of mbedTLS returned `ret`: records, makes it sticky, and writes
 * the alert that waits, as far as the lower layer takes it at once. Returns the documented code. */
int leati_tls_fail(struct leati_tls_layer *tls, int ret);
/** Ends a server's layer because the client's certificate, which it need not have shown, is not
 * accepted. Says so to the client. */
int leati_tls_fail_optional_certificate(struct leati_tls_layer *tls);
/** Ends a layer because the peer's key, which nobody verifies, is none of those that are pinned. */
int leati_tls_fail_pin(struct leati_tls_layer *tls);
/** Ends a layer because leati_tls_bio_flush() returned the lower layer's failure. */
int leati_tls_fail_lower(struct leati_tls_layer *tls);

#endif

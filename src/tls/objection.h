/* SPDX-License-Identifier: Apache-2.0 */
/** @file A program that looks at a chain of certificates that is verified, and may refuse it. */
#ifndef LEATI_TLS_OBJECTION_H
#define LEATI_TLS_OBJECTION_H

#include <leat/tls_options.h>

#include <mbedtls/x509_crt.h>

struct leati_tls_shown;

struct leati_tls_objector {
    leat_tls_verify_fn fn; /**< NULL = nobody looks */
    void *user;
    struct leati_tls_shown *chain; /**< what was noted, the last first: the peer's own */
    size_t count;
};

/** Keeps what one certificate says; from the top of the chain down. @return false without memory. */
bool leati_tls_objector_note(struct leati_tls_objector *objector, const mbedtls_x509_crt *cert);
/** Shows the chain, whose last certificate is noted; `*ret_why` is NULL if the program does not mind.
 * @return false without memory. */
bool leati_tls_objector_ask(struct leati_tls_objector *objector, const char *server_name,
                            const char **ret_why);
void leati_tls_objector_done(struct leati_tls_objector *objector);

#endif

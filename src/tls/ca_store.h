/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CA certificates, one copy in the process for each unchanged file: for the judge, or where there is
 * none (tls/judge/judge.h) parsed for mbedTLS.
 */
#ifndef LEATI_TLS_CA_STORE_H
#define LEATI_TLS_CA_STORE_H

#include "core/failure.h"
#include "tls/judge/anchors.h"

#include <mbedtls/x509_crt.h>

/** Immutable and counted; may be used by several threads at once. */
struct leati_tls_cas;

/** The CAs of a file or of all files of a directory; `path` NULL = the system's bundle. A file that
 * is in use already and has not changed since (device, inode, size, time) is not read again.
 * Certificates that cannot be read are left out, as long as one remains. With `with_chain` mbedTLS
 * parses them in any case: a server names to its clients whom it trusts.
 * @return LEAT_OK; recorded: LEAT_E_WS_CERT_FILE, LEAT_E_TLS_VERIFY, LEAT_E_TLS_ENGINE,
 *         LEAT_E_SYSTEM_INTERNAL. @thread any. */
int leati_tls_cas_acquire(const char *path, bool with_chain, struct leati_failure *failure,
                          struct leati_tls_cas **ret_cas);
/** CAs from PEM texts, each with one or several; not shared.
 * @return LEAT_OK; recorded: LEAT_E_TLS_VERIFY, LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_cas_parse(const char *const *texts, size_t count, bool with_chain,
                        struct leati_failure *failure, struct leati_tls_cas **ret_cas);
/** One CA in DER, or nobody: `der` NULL, or it cannot be read. Not shared.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_cas_of(const uint8_t *der, size_t len, struct leati_tls_cas **ret_cas);
/** NULL is allowed. @thread any. */
void leati_tls_cas_release(struct leati_tls_cas *cas);

/** For mbedtls_ssl_conf_ca_chain(), which only reads it: never NULL. There is nothing in it where a
 * judge verifies and nobody wanted it. */
mbedtls_x509_crt *leati_tls_cas_chain(struct leati_tls_cas *cas);
/** For the judge; NULL: there is none. */
struct leati_anchors *leati_tls_cas_anchors(struct leati_tls_cas *cas);

#endif

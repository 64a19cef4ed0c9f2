/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the rest of this folder sees of credentials. The door is tls.h. */
#ifndef LEATI_TLS_CREDENTIALS_H
#define LEATI_TLS_CREDENTIALS_H

#include "tls/identity.h"
#include "tls/judge/anchors.h"
#include "tls/known_chains.h"
#include "tls/names.h"
#include "tls/pins.h"
#include "tls/tickets.h"
#include "tls/tls.h"
#include "tls/tls_config.h"

#include <mbedtls/pk.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

/** Different for each object that this process has ever made: part of a session's key, so that no
 * session crosses from one set of CAs or one client identity to another. */
uint64_t leati_tls_credentials_id(const struct leati_tls_credentials *credentials);

/* mbedTLS asks for pointers that are not const and reads only. NULL = there is none. */
mbedtls_x509_crt *leati_tls_credentials_cas(struct leati_tls_credentials *credentials);
mbedtls_x509_crl *leati_tls_credentials_crl(struct leati_tls_credentials *credentials);
/* For the judge. NULL = there is none, or there are none. */
struct leati_anchors *leati_tls_credentials_anchors(struct leati_tls_credentials *credentials);
const struct leati_crls *leati_tls_credentials_crls(
    const struct leati_tls_credentials *credentials);
struct leati_tls_known_chains *leati_tls_credentials_known_chains(
    struct leati_tls_credentials *credentials);
/** The index-th one of ours; the first is a client's. */
struct leati_tls_identity *leati_tls_credentials_identity(struct leati_tls_credentials *credentials,
                                                          size_t index);
const struct leati_tls_pins *leati_tls_credentials_pins(
    const struct leati_tls_credentials *credentials);
const struct leati_tls_cipher_choice *leati_tls_credentials_cipher_choice(
    const struct leati_tls_credentials *credentials);
const struct leati_tls_ids *leati_tls_credentials_signature_algorithms(
    const struct leati_tls_credentials *credentials);
const struct leati_tls_ids *leati_tls_credentials_groups(
    const struct leati_tls_credentials *credentials);
/** Ended by NULL; NULL = none. */
const char *const *leati_tls_credentials_alpn(const struct leati_tls_credentials *credentials);
/** What tls_config.h has made for them. */
leati_tls_config_list *leati_tls_credentials_configs(struct leati_tls_credentials *credentials);
/** Those of a server always have them. */
struct leati_tls_tickets *leati_tls_credentials_tickets(struct leati_tls_credentials *credentials);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file Who we are: the own certificate chain and its key, from files or from memory. */
#ifndef LEATI_TLS_IDENTITY_H
#define LEATI_TLS_IDENTITY_H

#include "tls/mends/mends.h"
#include "tls/tls.h"

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

struct leati_tls_identity {
    bool is_there;
    mbedtls_x509_crt cert;
    struct leati_tls_key key;
    leat_tls_sign_fn sign; /* by which the key signs; NULL = the key is here */
    void *sign_user;
};

void leati_tls_identity_init(struct leati_tls_identity *identity);
void leati_tls_identity_done(struct leati_tls_identity *identity);

/** Loads what `source` names, if it names anything; done() is due in any case.
 * @return LEAT_OK or as leati_tls_credentials_new(), recorded. */
int leati_tls_identity_load(struct leati_tls_identity *identity,
                            const struct leati_cert_source *source, bool is_server,
                            struct leati_failure *failure);

#endif

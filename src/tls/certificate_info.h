/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a certificate says, for programs. */
#ifndef LEATI_TLS_CERTIFICATE_INFO_H
#define LEATI_TLS_CERTIFICATE_INFO_H

#include <leat/tls_info.h>

#include "tls/certificate_text.h"

/** Since 1970. */
int64_t leati_tls_seconds_of(const mbedtls_x509_time *t);

/** The strings of a struct leat_certificate_info. */
struct leati_tls_certificate_texts {
    char subject[LEATI_TLS_DN_SIZE], issuer[LEATI_TLS_DN_SIZE];
    char names[2048];
};

/** Fills in all but `depth`, `verified` and `problem`; `texts` and the certificate must outlive it. */
void leati_tls_certificate_info(const mbedtls_x509_crt *cert,
                                struct leati_tls_certificate_texts *texts,
                                struct leat_certificate_info *ret_info);

#endif

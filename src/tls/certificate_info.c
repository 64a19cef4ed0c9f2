/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/certificate_info.h"

#include "util/clock.h"

#include <mbedtls/oid.h>

int64_t leati_tls_seconds_of(const mbedtls_x509_time *t)
{
    struct tm tm = {
        .tm_year = t->year - 1900,
        .tm_mon = t->mon - 1,
        .tm_mday = t->day,
        .tm_hour = t->hour,
        .tm_min = t->min,
        .tm_sec = t->sec,
    };
    return leati_clock_seconds_of(&tm);
}

static const char *signature_name(const mbedtls_x509_crt *cert)
{
    const char *name = NULL;

    return mbedtls_oid_get_sig_alg_desc(&cert->sig_oid, &name) == 0 && name ? name : "";
}

void leati_tls_certificate_info(const mbedtls_x509_crt *cert,
                                struct leati_tls_certificate_texts *texts,
                                struct leat_certificate_info *ret_info)
{
    leati_tls_names_format(cert, texts->names, sizeof(texts->names));
    *ret_info = (struct leat_certificate_info){
        .der = cert->raw.p,
        .der_len = cert->raw.len,
        .subject = leati_tls_dn_format(&cert->subject, texts->subject) ? texts->subject : "",
        .issuer = leati_tls_dn_format(&cert->issuer, texts->issuer) ? texts->issuer : "",
        .names = texts->names,
        .not_before = leati_tls_seconds_of(&cert->valid_from),
        .not_after = leati_tls_seconds_of(&cert->valid_to),
        .key_type = mbedtls_pk_get_name(&cert->pk),
        .key_bits = (unsigned)mbedtls_pk_get_bitlen(&cert->pk),
        .signature = signature_name(cert),
        .problem = "",
    };
}

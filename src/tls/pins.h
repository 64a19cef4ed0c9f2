/* SPDX-License-Identifier: Apache-2.0 */
/** @file Public keys that are known beforehand: SHA-256 of their SubjectPublicKeyInfo (RFC 7469
 * section 2.4). */
#ifndef LEATI_TLS_PINS_H
#define LEATI_TLS_PINS_H

#include "core/failure.h"

#include <mbedtls/x509_crt.h>

#define LEATI_TLS_PIN_BYTES 32u
/** "sha256/", Base64, NUL. */
#define LEATI_TLS_PIN_TEXT_SIZE 52u

struct leati_tls_pins {
    uint8_t (*hashes)[LEATI_TLS_PIN_BYTES];
    size_t count; /**< 0 = every key is welcome */
};

/** Parses "sha256/BASE64" (also with two slashes, and without the prefix).
 * @return LEAT_OK; recorded: LEAT_E_PARAMETER (not such a text), LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_pins_parse(const char *const *texts, size_t count, struct leati_failure *failure,
                         struct leati_tls_pins *ret_pins);
void leati_tls_pins_done(struct leati_tls_pins *pins);

/** Whether the certificate's key is among them. */
bool leati_tls_pins_match(const struct leati_tls_pins *pins, const mbedtls_x509_crt *cert);

/** The pin that would match this certificate. */
void leati_tls_pin_format(const mbedtls_x509_crt *cert, char text[LEATI_TLS_PIN_TEXT_SIZE]);

#endif

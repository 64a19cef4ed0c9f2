/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/pins.h"

#include "tls/failures.h"
#include "util/alloc.h"

#include <string.h>

#include <mbedtls/base64.h>
#include <mbedtls/sha256.h>

static bool pin_parse(const char *text, uint8_t hash[LEATI_TLS_PIN_BYTES])
{
    static const char prefix[] = "sha256/";
    enum { BASE64_CHARS = 44 };
    size_t len = 0;

    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0) {
        text += sizeof(prefix) - 1;
        /* A slash may be the first character of the Base64, too. */
        if (*text == '/' && strlen(text) == BASE64_CHARS + 1)
            text++;
    }
    return mbedtls_base64_decode(hash, LEATI_TLS_PIN_BYTES, &len, (const unsigned char *)text,
                                 strlen(text)) == 0 &&
           len == LEATI_TLS_PIN_BYTES;
}

int leati_tls_pins_parse(const char *const *texts, size_t count, struct leati_failure *failure,
                         struct leati_tls_pins *ret_pins)
{
    struct leati_tls_pins pins = {.count = count};

    if (count > 0)
        pins.hashes = leati_calloc(count, sizeof(*pins.hashes));
    if (count > 0 && !pins.hashes)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (pin_parse(texts[i], pins.hashes[i]))
            continue;
        leati_tls_pins_done(&pins);
        return leati_tls_record(failure, LEAT_E_PARAMETER, 0, 0,
                                "not a public-key pin: \"%s\"; wanted is sha256/ and the Base64 "
                                "of 32 bytes",
                                texts[i]);
    }
    *ret_pins = pins;
    return LEAT_OK;
}

void leati_tls_pins_done(struct leati_tls_pins *pins)
{
    leati_free(pins->hashes);
    *pins = (struct leati_tls_pins){0};
}

static bool key_hash(const mbedtls_x509_crt *cert, uint8_t hash[LEATI_TLS_PIN_BYTES])
{
    return mbedtls_sha256(cert->pk_raw.p, cert->pk_raw.len, hash, 0) == 0;
}

bool leati_tls_pins_match(const struct leati_tls_pins *pins, const mbedtls_x509_crt *cert)
{
    uint8_t hash[LEATI_TLS_PIN_BYTES];

    if (!key_hash(cert, hash))
        return false;
    for (size_t i = 0; i < pins->count; i++)
        if (memcmp(pins->hashes[i], hash, sizeof(hash)) == 0)
            return true;
    return false;
}

void leati_tls_pin_format(const mbedtls_x509_crt *cert, char text[LEATI_TLS_PIN_TEXT_SIZE])
{
    static const char prefix[] = "sha256/";
    uint8_t hash[LEATI_TLS_PIN_BYTES];
    size_t len = 0;

    memcpy(text, prefix, sizeof(prefix));
    if (key_hash(cert, hash))
        (void)mbedtls_base64_encode((unsigned char *)text + sizeof(prefix) - 1,
                                    LEATI_TLS_PIN_TEXT_SIZE - sizeof(prefix) + 1, &len, hash,
                                    sizeof(hash));
}

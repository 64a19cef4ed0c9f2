/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any certificate (DER), and what we say of it: names, subject, pin, reasons, each as one line that
 * a terminal may be shown. The first byte chooses what it must be for, the next four are what
 * mbedTLS is said to have found.
 */
#include "fuzz/fuzz.h"
#include "tls/certificate_text.h"
#include "tls/pins.h"
#include "tls/verify.h"

static void line_check(const char *line)
{
    FUZZ_MUST(fuzz_is_printable(line));
}

static void texts_check(const mbedtls_x509_crt *cert)
{
    char dn[LEATI_TLS_DN_SIZE], pin[LEATI_TLS_PIN_TEXT_SIZE];
    static const size_t caps[] = {2048, 256, 40, 6, 1};
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        char *names = malloc(caps[i]);
        FUZZ_MUST(names);
        leati_tls_names_format(cert, names, caps[i]);
        FUZZ_MUST(strlen(names) < caps[i]);
        line_check(names);
        free(names);
    }
    if (leati_tls_dn_format(&cert->subject, dn))
        line_check(dn);
    if (leati_tls_dn_format(&cert->issuer, dn))
        line_check(dn);
    leati_tls_pin_format(cert, pin);
    line_check(pin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"example.com",  "a.b.example.com",       "127.0.0.1", "::1",
                                        "fe80::1%eth0", "xn--bcher-kva.example", "localhost."};
    struct fuzz_input input = {data, size};
    const char *name = names[fuzz_take(&input) % (sizeof(names) / sizeof(names[0]))];
    uint32_t flags = 0;
    struct leati_tls_verifier verifier;
    struct leati_tls_reasons reasons;
    mbedtls_x509_crt cert;
    for (int i = 0; i < 4; i++)
        flags = flags << 8 | fuzz_take(&input);
    char *copy = fuzz_copy(input, false);
    mbedtls_x509_crt_init(&cert);
    if (mbedtls_x509_crt_parse_der(&cert, (const uint8_t *)copy, input.len) == 0) {
        texts_check(&cert);
        leati_tls_verifier_init(&verifier, name);
        for (int depth = 2; depth >= 0; depth--) {
            uint32_t seen = depth == 1 ? flags : 0;
            leati_tls_verifier_see(&verifier, &cert, depth, &seen, &reasons);
        }
        line_check(leati_tls_verifier_reasons(&verifier, flags));
        leati_tls_verifier_done(&verifier);
    }
    mbedtls_x509_crt_free(&cert);
    free(copy);
    return 0;
}

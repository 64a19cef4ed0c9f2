/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/verify.h"

#include "tls/certificate_text.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <string.h>

#include <mbedtls/oid.h>

#define REPORT_SIZE 800u
#define NAMES_SIZE  256u

static const struct reason {
    uint32_t flag;
    const char *text;
} plain_reasons[] = {
    {MBEDTLS_X509_BADCERT_REVOKED, "revoked"},
    {MBEDTLS_X509_BADCERT_MISSING, "no certificate was sent"},
    {MBEDTLS_X509_BADCERT_OTHER, "refused"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE, "bad usage: the keyUsage extension does not allow it"},
    {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, "bad usage: the nsCertType extension does not allow it"},
    {MBEDTLS_X509_BADCERT_BAD_MD, "weak hash in the signature"},
    {MBEDTLS_X509_BADCERT_BAD_PK, "signature algorithm not accepted"},
    {MBEDTLS_X509_BADCERT_BAD_KEY, "weak key"},
    {MBEDTLS_X509_BADCRL_NOT_TRUSTED, "revocation list not trusted"},
    {MBEDTLS_X509_BADCRL_EXPIRED, "revocation list expired"},
    {MBEDTLS_X509_BADCRL_FUTURE, "revocation list not yet valid"},
    {MBEDTLS_X509_BADCRL_BAD_MD, "weak hash in the revocation list"},
    {MBEDTLS_X509_BADCRL_BAD_PK, "signature algorithm of the revocation list not accepted"},
    {MBEDTLS_X509_BADCRL_BAD_KEY, "weak key of the revocation list"},
};

void leati_tls_verifier_init(struct leati_tls_verifier *verifier, const char *server_name)
{
    *verifier = (struct leati_tls_verifier){.server_name = server_name, .peer = "server"};

    char literal[INET6_ADDRSTRLEN];
    size_t len = strcspn(server_name, "%");
    if (len >= sizeof(literal))
        return;
    memcpy(literal, server_name, len);
    literal[len] = '\0';
    if (inet_pton(AF_INET, server_name, verifier->ip) == 1)
        verifier->ip_len = 4;
    else if (inet_pton(AF_INET6, literal, verifier->ip) == 1)
        verifier->ip_len = 16;
}

void leati_tls_verifier_init_for_client(struct leati_tls_verifier *verifier)
{
    *verifier = (struct leati_tls_verifier){.peer = "client"};
}

void leati_tls_verifier_done(struct leati_tls_verifier *verifier)
{
    leati_free(verifier->report);
    verifier->report = NULL;
    verifier->report_len = 0;
}

static bool report_open(struct leati_tls_verifier *verifier)
{
    if (!verifier->report)
        verifier->report = leati_calloc(1, REPORT_SIZE);
    return verifier->report;
}

#define report_append(verifier, ...)                                                               \
    leati_readable_append((verifier)->report, REPORT_SIZE, &(verifier)->report_len, __VA_ARGS__)

/* RFC 9525 section 6.4: an address matches iPAddress entries only, byte by byte. */
static bool ip_matches(const struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert)
{
    if (!mbedtls_x509_crt_has_ext_type(cert, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return false;
    for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san; san = san->next) {
        if ((san->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
            san->buf.len == verifier->ip_len &&
            memcmp(san->buf.p, verifier->ip, verifier->ip_len) == 0)
            return true;
    }
    return false;
}

static void mismatch_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert)
{
    char names[NAMES_SIZE];

    leati_tls_names_format(cert, names, sizeof(names));
    if (verifier->ip_len > 0 && leati_tls_names_have_as_dns(cert, verifier->ip, verifier->ip_len))
        report_append(
            verifier,
            "host name mismatch (wanted the address %s, which the certificate has as a DNS "
            "name and not as an IP address)",
            verifier->server_name);
    else
        report_append(verifier, "host name mismatch (wanted %s, the certificate is for %s)",
                      verifier->server_name, names[0] != '\0' ? names : "its subject only");
}

static bool dn_equal(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && a->len > 0 && memcmp(a->p, b->p, a->len) == 0;
}

static const char *distrust_text(const struct leati_tls_verifier *verifier,
                                 const mbedtls_x509_crt *cert, int depth)
{
    /* An empty list of certificates comes here as one that has nothing in it. */
    if (cert->raw.len == 0)
        return "no certificate was sent";
    /* mbedTLS went on to an issuer, so what was wrong is the signature. */
    if (depth < verifier->top_depth)
        return "its signature does not fit the issuer's key";
    if (!dn_equal(&cert->issuer_raw, &cert->subject_raw))
        return "unknown issuer";
    return depth == 0 ? "self-signed" : "self-signed certificate in the chain is not trusted";
}

static void date_append(struct leati_tls_verifier *verifier, const char *what,
                        const mbedtls_x509_time *t)
{
    report_append(verifier, "%s %04d-%02d-%02d %02d:%02d:%02d UTC", what, t->year, t->mon, t->day,
                  t->hour, t->min, t->sec);
}

static void reason_separate(struct leati_tls_verifier *verifier, size_t start)
{
    if (verifier->report_len > start)
        report_append(verifier, ", ");
}

static void plain_append(struct leati_tls_verifier *verifier, uint32_t flags, size_t start)
{
    if (flags & MBEDTLS_X509_BADCERT_EXT_KEY_USAGE) {
        reason_separate(verifier, start);
        report_append(verifier, "bad usage: the extendedKeyUsage extension does not allow a TLS %s",
                      verifier->peer);
    }
    for (size_t i = 0; i < sizeof(plain_reasons) / sizeof(plain_reasons[0]); i++) {
        if ((flags & plain_reasons[i].flag) == 0)
            continue;
        reason_separate(verifier, start);
        report_append(verifier, "%s", plain_reasons[i].text);
    }
}

static bool pin_is_missing(const struct leati_tls_verifier *verifier, int depth)
{
    return depth == 0 && verifier->pins && !verifier->pin_matched;
}

static void pin_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert)
{
    char pin[LEATI_TLS_PIN_TEXT_SIZE];

    leati_tls_pin_format(cert, pin);
    report_append(verifier, "public-key pin mismatch (the %s's is %s)", verifier->peer, pin);
}

static void reasons_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                           int depth, uint32_t flags)
{
    size_t start = verifier->report_len;

    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        date_append(verifier, "expired since", &cert->valid_to);
    if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
        reason_separate(verifier, start);
        date_append(verifier, "not yet valid before", &cert->valid_from);
    }
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
        reason_separate(verifier, start);
        report_append(verifier, "%s", distrust_text(verifier, cert, depth));
    }
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) {
        reason_separate(verifier, start);
        mismatch_append(verifier, cert);
    }
    if (pin_is_missing(verifier, depth)) {
        reason_separate(verifier, start);
        pin_append(verifier, cert);
        flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_OTHER;
    }
    plain_append(verifier, flags, start);
}

static void dn_append(struct leati_tls_verifier *verifier, const char *what,
                      const mbedtls_x509_name *dn)
{
    char text[LEATI_TLS_DN_SIZE];

    if (!leati_tls_dn_format(dn, text))
        report_append(verifier, "%s too long to print", what);
    else
        report_append(verifier, "%s %s", what, text[0] != '\0' ? text : "empty");
}

void leati_tls_verifier_see(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                            int depth, uint32_t *flags, struct leati_tls_reasons *ret_reasons)
{
    *ret_reasons = (struct leati_tls_reasons){.text = ""};
    /* mbedTLS calls from the top of the chain down to the peer's certificate. */
    if (depth > verifier->top_depth)
        verifier->top_depth = depth;
    if (verifier->pins && leati_tls_pins_match(verifier->pins, cert))
        verifier->pin_matched = true;
    if (depth == 0) {
        verifier->leaf_seen = true;
        if (pin_is_missing(verifier, depth))
            *flags |= MBEDTLS_X509_BADCERT_OTHER;
        if (verifier->ip_len > 0 && !ip_matches(verifier, cert))
            *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    if (*flags == 0 || !report_open(verifier))
        return;

    if (verifier->report_len > 0)
        report_append(verifier, "; ");
    size_t start = verifier->report_len;
    reasons_append(verifier, cert, depth, *flags);
    *ret_reasons = (struct leati_tls_reasons){.text = verifier->report + start,
                                              .len = (int)(verifier->report_len - start)};
    report_append(verifier, " (");
    dn_append(verifier, "subject", &cert->subject);
    report_append(verifier, ", ");
    dn_append(verifier, "issuer", &cert->issuer);
    report_append(verifier, ")");
    verifier->reported |= *flags;
}

const char *leati_tls_verifier_reasons(struct leati_tls_verifier *verifier, uint32_t flags)
{
    /* All bits set: the chain could not be followed to its end. */
    if (flags == UINT32_MAX)
        return "the chain is too long or cannot be checked";
    uint32_t rest = flags & ~verifier->reported;
    if (rest != 0 && report_open(verifier)) {
        if (verifier->report_len > 0)
            report_append(verifier, "; ");
        plain_append(verifier, rest, verifier->report_len);
    }
    return verifier->report && verifier->report_len > 0 ? verifier->report : "reason not known";
}

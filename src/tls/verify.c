/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/verify.h"

#include "tls/certificate_info.h"
#include "tls/certificate_text.h"
#include "tls/crypto/memory.h"
#include "tls/mbedtls_private.h"
#include "tls/mbedtls_process.h"
#include "tls/mends/mends.h"
#include "tls/rule_text.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <arpa/inet.h>
#include <string.h>

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
    *verifier = (struct leati_tls_verifier){
        .server_name = server_name, .peer = "server", .until_s = INT64_MAX};

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
    *verifier =
        (struct leati_tls_verifier){.peer = "client", .peer_is_client = true, .until_s = INT64_MAX};
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
    if (!verifier->report)
        leati_tls_memory_note();
    return verifier->report;
}

static void report_cut(struct leati_tls_verifier *verifier, size_t len)
{
    verifier->report_len = len;
    if (verifier->report)
        verifier->report[len] = '\0';
}

#define report_append(verifier, ...)                                                               \
    leati_readable_append((verifier)->report, REPORT_SIZE, &(verifier)->report_len, __VA_ARGS__)

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
    else if (verifier->host == LEATI_TLS_HOST_IN_SUBJECT)
        report_append(verifier,
                      "host name mismatch (%s stands only in the CN of the subject, which does not "
                      "count: the certificate must have it in its subjectAltName, DNS:%s)",
                      verifier->server_name, verifier->server_name);
    else if (verifier->host == LEATI_TLS_HOST_PUBLIC_SUFFIX)
        report_append(
            verifier,
            "host name mismatch (wanted %s, the certificate is for %s, and a wildcard for "
            "all of a public suffix does not count)",
            verifier->server_name, names);
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

/* What mbedTLS says about a certificate that it cannot read. */
static void unread_append(struct leati_tls_verifier *verifier, const char *what,
                          const mbedtls_x509_crt *cert)
{
    verifier->native_code = leati_tls_parser_code(cert);
    report_append(verifier, "%s cannot be read: %s", what,
                  leati_mbedtls_error_text(verifier->native_code));
}

static const mbedtls_x509_crt *issuer_among(const mbedtls_x509_crt *list,
                                            const mbedtls_x509_crt *cert)
{
    while (list && (list == cert || !dn_equal(&cert->issuer_raw, &list->subject_raw)))
        list = list->next;
    return list;
}

/* Whether `cert` comes somewhere behind `first` in its chain. */
static bool stands_behind(const mbedtls_x509_crt *first, const mbedtls_x509_crt *cert)
{
    while (first && first != cert)
        first = first->next;
    return first;
}

/* mbedTLS found no issuer: there is one of that name, and something about it is wrong. */
static void issuer_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *issuer,
                          bool is_sent, int depth)
{
    if (!leati_tls_certificate_is_read(issuer)) {
        unread_append(verifier, "its issuer's certificate", issuer);
        return;
    }
    const char *problem = leati_mbedtls_issuer_problem(issuer, is_sent, depth);
    report_append(verifier, "%s",
                  problem ? problem : "its signature does not fit the issuer's key");
}

static void distrust_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                            int depth)
{
    const mbedtls_x509_crt *issuer = issuer_among(verifier->sent, cert);
    bool is_sent = issuer;

    if (!issuer)
        issuer = issuer_among(verifier->trusted, cert);
    if (cert->raw.len > 0 && !leati_tls_certificate_is_read(cert))
        unread_append(verifier, "it", cert);
    else if (issuer && depth == verifier->top_depth &&
             !dn_equal(&cert->issuer_raw, &cert->subject_raw))
        if (is_sent && stands_behind(issuer, cert))
            report_append(verifier, "its issuer's certificate was sent out of order, which mbedTLS "
                                    "does not follow");
        else
            issuer_append(verifier, issuer, is_sent, depth);
    else
        report_append(verifier, "%s", distrust_text(verifier, cert, depth));
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

/* Each certificate of a client is for any name. */
static bool host_matches(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert)
{
    if (!verifier->server_name || cert->raw.len == 0)
        return true;
    if (verifier->ip_len > 0)
        return leati_tls_address_matches(cert, verifier->ip, verifier->ip_len);
    verifier->host = leati_tls_host_match(cert, verifier->server_name);
    return verifier->host == LEATI_TLS_HOST_MATCHES;
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

/* What the judge found; returns the flags that go with it. */
static uint32_t findings_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                                int depth, size_t start)
{
    uint32_t flags = 0;

    for (size_t i = 0; i < verifier->verdict->finding_count; i++) {
        const struct leati_finding *finding = &verifier->verdict->findings[i];
        if ((int)finding->depth != depth)
            continue;
        flags |= leati_tls_rule_flag(finding->rule);
        if (!report_open(verifier))
            continue;
        reason_separate(verifier, start);
        leati_tls_rule_append(finding, cert, verifier->peer, verifier->report, REPORT_SIZE,
                              &verifier->report_len);
        if (finding->rule == LEATI_RULE_UNREADABLE)
            verifier->native_code = leati_tls_parser_code(cert);
    }
    return flags;
}

static void flags_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                         int depth, uint32_t flags, size_t start)
{
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
        reason_separate(verifier, start);
        leati_tls_date_append("expired since", &cert->valid_to, verifier->report, REPORT_SIZE,
                              &verifier->report_len);
    }
    if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
        reason_separate(verifier, start);
        leati_tls_date_append("not yet valid before", &cert->valid_from, verifier->report,
                              REPORT_SIZE, &verifier->report_len);
    }
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
        reason_separate(verifier, start);
        distrust_append(verifier, cert, depth);
    }
    plain_append(verifier, flags, start);
}

/* Everything else: what leat looks at itself. Returns the flags that go with it. */
static uint32_t own_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                           int depth, size_t start)
{
    uint32_t flags = 0;

    if (depth == 0 && !host_matches(verifier, cert)) {
        flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
        if (report_open(verifier)) {
            reason_separate(verifier, start);
            mismatch_append(verifier, cert);
        }
    }
    if (depth == 0 && cert->pk_raw.len > 0 && verifier->verdict &&
        mbedtls_pk_get_type(&cert->pk) == MBEDTLS_PK_NONE) {
        flags |= MBEDTLS_X509_BADCERT_BAD_PK;
        if (report_open(verifier)) {
            reason_separate(verifier, start);
            report_append(verifier, "its key cannot be used for TLS: %s",
                          leati_mbedtls_error_text(leati_tls_key_parser_code(cert)));
        }
    }
    if (pin_is_missing(verifier, depth)) {
        flags |= MBEDTLS_X509_BADCERT_OTHER;
        if (report_open(verifier)) {
            reason_separate(verifier, start);
            pin_append(verifier, cert);
        }
    }
    return flags;
}

/* What mbedTLS does not check, or only later. */
static uint32_t ca_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                          int depth, size_t start)
{
    uint32_t flags = 0;

    if (cert->raw.len == 0)
        return 0;
    if (!leati_tls_usage_allows(cert, verifier->peer_is_client)) {
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
        if (report_open(verifier))
            plain_append(verifier, flags, start);
    }
    if (depth > 0 && leati_tls_has_name_constraints(cert)) {
        flags |= MBEDTLS_X509_BADCERT_OTHER;
        if (report_open(verifier)) {
            reason_separate(verifier, start);
            report_append(verifier,
                          "it has name constraints, which mbedTLS cannot check (leat with "
                          "LEAT_CRYPTO=libcrypto can)");
        }
    }
    return flags;
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

/* Behind the reasons: whose they are, and where the judge's own number can be looked up. */
static void certificate_append(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                               int depth)
{
    report_append(verifier, " (");
    dn_append(verifier, "subject", &cert->subject);
    report_append(verifier, ", ");
    dn_append(verifier, "issuer", &cert->issuer);
    report_append(verifier, ", certificate %d of %d", depth + 1, verifier->top_depth + 1);
    for (size_t i = 0; verifier->verdict && i < verifier->verdict->finding_count; i++) {
        const struct leati_finding *finding = &verifier->verdict->findings[i];
        if ((int)finding->depth == depth && finding->error != 0)
            report_append(verifier, ", OpenSSL error %d", finding->error);
    }
    report_append(verifier, ")");
}

void leati_tls_verifier_ends(struct leati_tls_verifier *verifier, int64_t until_s)
{
    if (until_s < verifier->until_s)
        verifier->until_s = until_s;
}

void leati_tls_verifier_see(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                            int depth, uint32_t *flags, struct leati_tls_reasons *ret_reasons)
{
    *ret_reasons = (struct leati_tls_reasons){.text = ""};
    /* From the top of the chain down to the peer's certificate. */
    if (depth > verifier->top_depth)
        verifier->top_depth = depth;
    if (verifier->pins && leati_tls_pins_match(verifier->pins, cert))
        verifier->pin_matched = true;
    verifier->leaf_seen = verifier->leaf_seen || depth == 0;
    leati_tls_verifier_ends(verifier, leati_tls_seconds_of(&cert->valid_to));

    size_t separated = verifier->report_len;
    if (separated > 0 && report_open(verifier))
        report_append(verifier, "; ");
    size_t start = verifier->report_len;
    uint32_t found = 0;
    if (verifier->verdict) {
        found = findings_append(verifier, cert, depth, start);
    } else {
        /* That of mbedTLS takes the CN, too. */
        found = *flags & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
        /* What mbedTLS could not read it cannot judge. */
        if (!leati_tls_certificate_is_read(cert) && cert->raw.len > 0)
            found = MBEDTLS_X509_BADCERT_NOT_TRUSTED;
        if (found != 0 && report_open(verifier))
            flags_append(verifier, cert, depth, found, start);
        found |= ca_append(verifier, cert, depth, start);
    }
    found |= own_append(verifier, cert, depth, start);
    *flags = found;
    verifier->reported |= found;
    if (found == 0 || !verifier->report) {
        report_cut(verifier, separated);
        return;
    }
    *ret_reasons = (struct leati_tls_reasons){.text = verifier->report + start,
                                              .len = (int)(verifier->report_len - start)};
    certificate_append(verifier, cert, depth);
}

void leati_tls_verifier_object(struct leati_tls_verifier *verifier, const mbedtls_x509_crt *cert,
                               const char *why, uint32_t *flags,
                               struct leati_tls_reasons *ret_reasons)
{
    *flags |= MBEDTLS_X509_BADCERT_OTHER;
    verifier->reported |= *flags;
    if (!report_open(verifier))
        return;
    size_t start = verifier->report_len;
    report_append(verifier, "refused by the program%s%s", *why ? ": " : "", why);
    *ret_reasons = (struct leati_tls_reasons){.text = verifier->report + start,
                                              .len = (int)(verifier->report_len - start)};
    certificate_append(verifier, cert, 0);
}

const char *leati_tls_verifier_reasons(struct leati_tls_verifier *verifier, uint32_t flags)
{
    /* All bits set: mbedTLS could not follow the chain to its end. */
    if (flags == UINT32_MAX)
        return "the chain is longer than the 9 certificates that mbedTLS follows";
    uint32_t rest = flags & ~verifier->reported;
    if (rest != 0 && report_open(verifier)) {
        if (verifier->report_len > 0)
            report_append(verifier, "; ");
        plain_append(verifier, rest, verifier->report_len);
    }
    return verifier->report && verifier->report_len > 0 ? verifier->report : "reason not known";
}

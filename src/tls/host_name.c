/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/host_name.h"

#include "tls/suffix/suffix.h"
#include "util/text.h"

#include <string.h>

#include <mbedtls/oid.h>

#define WILDCARD     "*."
#define WILDCARD_LEN 2u

static bool has_names(const mbedtls_x509_crt *cert)
{
    return mbedtls_x509_crt_has_ext_type(cert, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) != 0;
}

static bool is_of_type(const mbedtls_x509_sequence *san, unsigned type)
{
    return (san->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == type;
}

static bool text_is(const char *name, size_t len, const char *host)
{
    return leati_text_equal_nocase(name, len, host, strlen(host));
}

static bool is_wildcard(const char *name, size_t len)
{
    return len > WILDCARD_LEN && memcmp(name, WILDCARD, WILDCARD_LEN) == 0;
}

/* RFC 9525 section 6.3: the whole leftmost label, and it stands for exactly one. */
static bool name_fits(const char *name, size_t len, const char *host)
{
    if (!is_wildcard(name, len))
        return len > 0 && text_is(name, len, host);
    const char *rest = strchr(host, '.');
    return rest && rest != host && text_is(name + WILDCARD_LEN, len - WILDCARD_LEN, rest + 1);
}

/* `host` fits to the name, so what stands behind the wildcard stands in it. */
static bool is_too_wide(const char *name, size_t len, const char *host)
{
    return is_wildcard(name, len) && leati_public_suffix(strchr(host, '.') + 1);
}

/* For the text only: whoever made the certificate meant it to be for this host. */
static bool subject_names(const mbedtls_x509_crt *cert, const char *host)
{
    for (const mbedtls_x509_name *part = &cert->subject; part; part = part->next)
        if (part->oid.p && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0 &&
            name_fits((const char *)part->val.p, part->val.len, host))
            return true;
    return false;
}

enum leati_tls_host_match leati_tls_host_match(const mbedtls_x509_crt *cert, const char *host)
{
    enum leati_tls_host_match match = LEATI_TLS_HOST_OTHER;

    for (const mbedtls_x509_sequence *san = has_names(cert) ? &cert->subject_alt_names : NULL; san;
         san = san->next) {
        const char *name = (const char *)san->buf.p;
        if (!is_of_type(san, MBEDTLS_X509_SAN_DNS_NAME) || !name_fits(name, san->buf.len, host))
            continue;
        if (!is_too_wide(name, san->buf.len, host))
            return LEATI_TLS_HOST_MATCHES;
        match = LEATI_TLS_HOST_PUBLIC_SUFFIX;
    }
    if (match == LEATI_TLS_HOST_OTHER && subject_names(cert, host))
        match = LEATI_TLS_HOST_IN_SUBJECT;
    return match;
}

static bool has_address(const mbedtls_x509_crt *cert, const uint8_t *ip, size_t ip_len)
{
    for (const mbedtls_x509_sequence *san = has_names(cert) ? &cert->subject_alt_names : NULL; san;
         san = san->next)
        if (is_of_type(san, MBEDTLS_X509_SAN_IP_ADDRESS) && san->buf.len == ip_len &&
            memcmp(san->buf.p, ip, ip_len) == 0)
            return true;
    return false;
}

bool leati_tls_address_matches(const mbedtls_x509_crt *cert, const uint8_t *ip, size_t ip_len)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    /* RFC 4291 section 2.5.5.2: it is the IPv4 host that is connected to. */
    if (ip_len == 16 && memcmp(ip, mapped, sizeof(mapped)) == 0 &&
        has_address(cert, ip + sizeof(mapped), 4))
        return true;
    return has_address(cert, ip, ip_len);
}

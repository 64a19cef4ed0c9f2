/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/certificate_text.h"

#include "util/text.h"

#include <arpa/inet.h>
#include <string.h>

#include <mbedtls/oid.h>

#define REST ", ..."

bool leati_tls_dn_format(const mbedtls_x509_name *dn, char buf[LEATI_TLS_DN_SIZE])
{
    buf[0] = '\0'; /* mbedTLS writes nothing, no NUL either, of a name that has no attributes */
    return mbedtls_x509_dn_gets(buf, LEATI_TLS_DN_SIZE, dn) >= 0;
}

static void dns_name_format(const mbedtls_x509_buf *san, char *buf, size_t cap)
{
    size_t pos = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < san->len; i++)
        leati_text_append(buf, cap, &pos, "%c",
                          san->p[i] > 0x20 && san->p[i] < 0x7f ? san->p[i] : '?');
}

/* "" for what is neither a DNS name nor an address. */
static void name_format(const mbedtls_x509_buf *san, char *buf, size_t cap)
{
    buf[0] = '\0';
    switch (san->tag & MBEDTLS_ASN1_TAG_VALUE_MASK) {
    case MBEDTLS_X509_SAN_DNS_NAME:
        dns_name_format(san, buf, cap);
        break;
    case MBEDTLS_X509_SAN_IP_ADDRESS:
        if (san->len == 4 || san->len == 16)
            inet_ntop(san->len == 4 ? AF_INET : AF_INET6, san->p, buf, (socklen_t)cap);
        break;
    default:
        break;
    }
}

void leati_tls_names_format(const mbedtls_x509_crt *cert, char *buf, size_t cap)
{
    char name[256]; /* RFC 1035 section 2.3.4: 255 octets */
    size_t pos = 0;

    buf[0] = '\0';
    if (!mbedtls_x509_crt_has_ext_type(cert, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return;
    for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san; san = san->next) {
        name_format(&san->buf, name, sizeof(name));
        if (name[0] == '\0')
            continue;
        if (pos + strlen(", ") + strlen(name) + strlen(REST) >= cap) {
            leati_text_append(buf, cap, &pos, REST);
            return;
        }
        leati_text_append(buf, cap, &pos, "%s%s", pos > 0 ? ", " : "", name);
    }
}

bool leati_tls_names_have_as_dns(const mbedtls_x509_crt *cert, const uint8_t *ip, size_t ip_len)
{
    char name[INET6_ADDRSTRLEN];
    uint8_t parsed[16];

    if (!mbedtls_x509_crt_has_ext_type(cert, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return false;
    for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san; san = san->next) {
        if ((san->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != MBEDTLS_X509_SAN_DNS_NAME ||
            san->buf.len >= sizeof(name))
            continue;
        memcpy(name, san->buf.p, san->buf.len);
        name[san->buf.len] = '\0';
        if (inet_pton(ip_len == 4 ? AF_INET : AF_INET6, name, parsed) == 1 &&
            memcmp(parsed, ip, ip_len) == 0)
            return true;
    }
    return false;
}

int leati_tls_parser_code(const mbedtls_x509_crt *cert)
{
    mbedtls_x509_crt again;

    mbedtls_x509_crt_init(&again);
    int ret = mbedtls_x509_crt_parse_der(&again, cert->raw.p, cert->raw.len);
    if (ret == 0 && again.raw.len != cert->raw.len)
        ret = MBEDTLS_ERR_X509_INVALID_FORMAT;
    mbedtls_x509_crt_free(&again);
    return ret;
}

int leati_tls_key_parser_code(const mbedtls_x509_crt *cert)
{
    mbedtls_pk_context key;
    unsigned char *at = cert->pk_raw.p;

    if (!at)
        return MBEDTLS_ERR_X509_INVALID_FORMAT; /* what is broken stands before the key */
    mbedtls_pk_init(&key);
    int ret = mbedtls_pk_parse_subpubkey(&at, at + cert->pk_raw.len, &key);
    mbedtls_pk_free(&key);
    return ret;
}

bool leati_tls_usage_allows(const mbedtls_x509_crt *cert, bool is_client)
{
    const char *oid = is_client ? MBEDTLS_OID_CLIENT_AUTH : MBEDTLS_OID_SERVER_AUTH;

    return mbedtls_x509_crt_check_extended_key_usage(
               cert, oid, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
}

bool leati_tls_has_name_constraints(const mbedtls_x509_crt *cert)
{
    unsigned char *at = cert->v3_ext.p;
    size_t len;

    if (!at)
        return false;
    const unsigned char *end = at + cert->v3_ext.len;
    if (mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0)
        return false;
    while (mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) ==
           0) {
        unsigned char *next = at + len;
        if (mbedtls_asn1_get_tag(&at, next, &len, MBEDTLS_ASN1_OID) != 0)
            return false;
        const mbedtls_x509_buf oid = {MBEDTLS_ASN1_OID, len, at};
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_NAME_CONSTRAINTS, &oid) == 0)
            return true;
        at = next;
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/certificate_text.h"

#include "util/text.h"

#include <arpa/inet.h>
#include <string.h>

#include <mbedtls/oid.h>

#define REST ", ..."

bool leati_tls_dn_format(const mbedtls_x509_name *dn, char buf[LEATI_TLS_DN_SIZE])
{
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

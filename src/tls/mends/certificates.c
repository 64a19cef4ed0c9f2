/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mends/calls.h"
#include "tls/mends/mends.h"

#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform.h>
#include <x509_internal.h>

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define CONTEXT  (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_CONTEXT_SPECIFIC)

/** What is left of a DER value. */
struct der {
    unsigned char *at;
    const unsigned char *end;
};

/* Steps over the next element, if it has this tag. */
static bool der_take(struct der *der, int tag, struct der *ret_content)
{
    size_t len;

    if (mbedtls_asn1_get_tag(&der->at, der->end, &len, tag) != 0)
        return false;
    *ret_content = (struct der){der->at, der->at + len};
    der->at += len;
    return true;
}

static bool der_skip(struct der *der, int tag)
{
    struct der content;

    return der_take(der, tag, &content);
}

/* Behind the last one. false: no memory. */
static bool san_add(mbedtls_x509_sequence *names, int tag, const struct der *name)
{
    if (names->buf.p) {
        while (names->next)
            names = names->next;
        names->next = mbedtls_calloc(1, sizeof(*names));
        names = names->next;
    }
    if (names)
        names->buf = (mbedtls_x509_buf){tag, (size_t)(name->end - name->at), name->at};
    return names;
}

/* DNS names and addresses (RFC 5280 section 4.2.1.6). mbedTLS reads none if it cannot read one of
 * another kind, an empty directory name for one. */
static void sans_read(mbedtls_x509_crt *crt, struct der value)
{
    struct der names, name;

    if (!der_take(&value, SEQUENCE, &names))
        return;
    while (names.at < names.end) {
        int tag = *names.at;
        bool is_wanted = tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME) ||
                         tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS);
        if (!der_take(&names, tag, &name) ||
            (is_wanted && !san_add(&crt->subject_alt_names, tag, &name)))
            return;
        if (is_wanted)
            crt->ext_types |= MBEDTLS_X509_EXT_SUBJECT_ALT_NAME;
    }
}

static void extension_read(mbedtls_x509_crt *crt, struct der extension)
{
    struct der oid, value;

    if (!der_take(&extension, MBEDTLS_ASN1_OID, &oid))
        return;
    (void)der_skip(&extension, MBEDTLS_ASN1_BOOLEAN);
    if (!der_take(&extension, MBEDTLS_ASN1_OCTET_STRING, &value))
        return;
    const mbedtls_x509_buf name = {MBEDTLS_ASN1_OID, (size_t)(oid.end - oid.at), oid.at};
    /* The first counts; the judge refuses a second one. */
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_SUBJECT_ALT_NAME, &name) == 0 &&
        !mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        sans_read(crt, value);
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_KEY_USAGE, &name) == 0 &&
        mbedtls_x509_get_key_usage(&value.at, value.end, &crt->key_usage) == 0)
        crt->ext_types |= MBEDTLS_X509_EXT_KEY_USAGE;
}

static void extensions_read(mbedtls_x509_crt *crt, struct der rest)
{
    struct der list, extensions, extension;

    /* Unique identifiers are bit strings, though mbedTLS wants them constructed. */
    (void)der_skip(&rest, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 1);
    (void)der_skip(&rest, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2);
    if (!der_take(&rest, CONTEXT | 3, &list) || !der_take(&list, SEQUENCE, &extensions))
        return;
    while (der_take(&extensions, SEQUENCE, &extension))
        extension_read(crt, extension);
}

static bool name_read(struct der *der, mbedtls_x509_buf *raw, mbedtls_x509_name *name)
{
    unsigned char *start = der->at;
    struct der content;

    if (!der_take(der, SEQUENCE, &content))
        return false;
    *raw = (mbedtls_x509_buf){SEQUENCE, (size_t)(der->at - start), start};
    if (content.at == content.end || mbedtls_x509_get_name(&content.at, content.end, name) == 0)
        return true;
    /* It frees what it had, but for what is in here. */
    *name = (mbedtls_x509_name){.next = NULL};
    return false;
}

/* RFC 5280 section 4.1, up to where it cannot be read. */
static void certificate_read(mbedtls_x509_crt *crt)
{
    struct der der = {crt->raw.p, crt->raw.p + crt->raw.len}, cert, tbs, validity;

    if (!der_take(&der, SEQUENCE, &cert) || !der_take(&cert, SEQUENCE, &tbs))
        return;
    (void)der_skip(&tbs, CONTEXT | 0);
    if (!der_skip(&tbs, MBEDTLS_ASN1_INTEGER) || !der_skip(&tbs, SEQUENCE) ||
        !name_read(&tbs, &crt->issuer_raw, &crt->issuer) || !der_take(&tbs, SEQUENCE, &validity))
        return;
    if (mbedtls_x509_get_time(&validity.at, validity.end, &crt->valid_from) == 0)
        (void)mbedtls_x509_get_time(&validity.at, validity.end, &crt->valid_to);
    if (!name_read(&tbs, &crt->subject_raw, &crt->subject))
        return;

    unsigned char *key = tbs.at;
    if (!der_skip(&tbs, SEQUENCE))
        return;
    crt->pk_raw = (mbedtls_x509_buf){SEQUENCE, (size_t)(tbs.at - key), key};
    if (mbedtls_pk_parse_subpubkey(&key, tbs.at, &crt->pk) != 0)
        mbedtls_pk_free(&crt->pk);
    extensions_read(crt, tbs);
}

/* Behind the last one of the chain. NULL: no memory. */
static mbedtls_x509_crt *chain_extend(mbedtls_x509_crt *chain)
{
    mbedtls_x509_crt *crt = chain;

    while (crt->version != 0 && crt->next)
        crt = crt->next;
    if (crt->version == 0)
        return crt;
    crt->next = mbedtls_calloc(1, sizeof(*crt->next));
    if (crt->next)
        mbedtls_x509_crt_init(crt->next);
    return crt->next;
}

/* Nothing stands behind it, which mbedTLS would not see. */
static bool der_is_whole(const unsigned char *der, size_t len)
{
    struct der rest = {(unsigned char *)(uintptr_t)der, der + len};

    return der_skip(&rest, SEQUENCE) && rest.at == rest.end;
}

int leati_tls_certificate_add(mbedtls_x509_crt *chain, const unsigned char *der, size_t len)
{
    int ret = MBEDTLS_ERR_X509_INVALID_FORMAT;

    if (der_is_whole(der, len))
        ret = mbedtls_x509_crt_parse_der(chain, der, len);
    if (ret == 0 || ret == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return ret;
    unsigned char *copy = mbedtls_calloc(1, len);
    mbedtls_x509_crt *crt = copy ? chain_extend(chain) : NULL;
    if (!crt) {
        mbedtls_free(copy);
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    memcpy(copy, der, len);
    crt->raw = (mbedtls_x509_buf){SEQUENCE, len, copy};
    crt->own_buffer = 1;
    certificate_read(crt);
    /* Not the first version, of which mbedTLS takes any root for a CA. */
    crt->version = 3;
    return 0;
}

bool leati_tls_certificate_is_read(const mbedtls_x509_crt *cert)
{
    return cert->sig_oid.p;
}

int leati_mend_x509_crt_parse_der(mbedtls_x509_crt *chain, const unsigned char *buf, size_t buf_len)
{
    return leati_tls_certificate_add(chain, buf, buf_len);
}

int leati_mend_x509_crt_verify(mbedtls_x509_crt *chain, mbedtls_x509_crt *trusted,
                               mbedtls_x509_crl *crls, const mbedtls_x509_crt_profile *profile,
                               const char *name, uint32_t *flags,
                               int (*f_vrfy)(void *, mbedtls_x509_crt *, int, uint32_t *),
                               void *p_vrfy, mbedtls_x509_crt_restart_ctx *restart)
{
    uint32_t verdict = 0;
    int ret = LEATI_TLS_CHAIN_UNJUDGED;

    if (f_vrfy)
        ret = f_vrfy(p_vrfy, chain, LEATI_TLS_CHAIN_DEPTH, &verdict);
    if (ret == LEATI_TLS_CHAIN_UNJUDGED)
        return mbedtls_x509_crt_verify_restartable(chain, trusted, crls, profile, name, flags,
                                                   f_vrfy, p_vrfy, restart);
    *flags = ret == 0 ? verdict : UINT32_MAX;
    if (ret == 0 && verdict != 0)
        ret = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    return ret;
}

const mbedtls_x509_crt *leati_tls_certificate_chosen(const mbedtls_ssl_context *ssl)
{
    const mbedtls_ssl_key_cert *chosen = ssl->handshake ? ssl->handshake->key_cert : NULL;

    return chosen ? chosen->cert : NULL;
}

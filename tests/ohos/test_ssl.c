/* SPDX-License-Identifier: Apache-2.0 */
/* OH_NetStack_CertVerification(): one certificate and one CA. With the static libraries, which show their allocator. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "util/alloc.h"

#include <leat/certificate.h>
#include <leat/error_codes.h>
#include <leat/testing_certificates.h>

#include <network/netstack/net_ssl/net_ssl_c.h>

#include <criterion/criterion.h>
#include <mbedtls/base64.h>
#include <stdlib.h>
#include <string.h>

#define BASE          2305000u
#define MORE_THAN_ALL 5000

static leat_testing_ca *ca;

static void start(void)
{
    cr_assert(leat_testing_ca_new(NULL, &ca, NULL) == LEAT_OK);
}

static void stop(void)
{
    leat_testing_ca_free(ca);
    sandbox_done();
}

TestSuite(ssl, .init = start, .fini = stop, .timeout = 120);

static const char *issued(unsigned faults, const struct leat_testing_certificate *issuer)
{
    const struct leat_testing_certificate *made;
    struct leat_testing_problem problem;
    int code = leat_testing_ca_issue(
        ca, LEAT_TESTING_CERTIFICATE(.faults = faults, .issuer = issuer), &made, &problem);
    cr_assert(code == LEAT_OK, "%d", code);
    return made->cert_pem;
}

static struct NetStack_CertBlob pem_blob(const char *pem)
{
    return (struct NetStack_CertBlob){NETSTACK_CERT_TYPE_PEM, (uint32_t)strlen(pem),
                                      (uint8_t *)pem};
}

/* The first certificate of a text, in memory of exactly its size, so that ASan sees what is read behind it. */
static struct NetStack_CertBlob der_blob(const char *pem)
{
    const char *begin = strchr(pem, '\n') + 1;
    size_t text_len = (size_t)(strstr(begin, "-----END") - begin), len;
    cr_assert(mbedtls_base64_decode(NULL, 0, &len, (const unsigned char *)begin, text_len) ==
              MBEDTLS_ERR_BASE64_BUFFER_TOO_SMALL);
    uint8_t *der = malloc(len);
    cr_assert(mbedtls_base64_decode(der, len, &len, (const unsigned char *)begin, text_len) == 0);
    return (struct NetStack_CertBlob){NETSTACK_CERT_TYPE_DER, (uint32_t)len, der};
}

static uint32_t verify(const char *pem, const char *ca_pem)
{
    struct NetStack_CertBlob cert = pem_blob(pem), trusted = pem_blob(ca_pem);
    return OH_NetStack_CertVerification(&cert, &trusted);
}

static const char *own_pem(void)
{
    return leat_testing_ca_get_certificate(ca)->cert_pem;
}

Test(ssl, good_and_bad_ones)
{
    static const struct {
        unsigned faults;
        uint32_t expected;
    } cases[] = {
        {0, 0},
        {LEAT_TESTING_CERTIFICATE_WRONG_HOST, 0},
        {LEAT_TESTING_CERTIFICATE_WRONG_USAGE, 0}, /* good for something */
        {LEAT_TESTING_CERTIFICATE_NOT_YET_VALID, BASE + 9},
        {LEAT_TESTING_CERTIFICATE_EXPIRED, BASE + 10},
        {LEAT_TESTING_CERTIFICATE_SELF_SIGNED, BASE + 18},
        {LEAT_TESTING_CERTIFICATE_UNKNOWN_CA, BASE + 20},
        {LEAT_TESTING_CERTIFICATE_MISSING_INTERMEDIATE, BASE + 20},
        /* Who is trusted comes first. */
        {LEAT_TESTING_CERTIFICATE_EXPIRED | LEAT_TESTING_CERTIFICATE_UNKNOWN_CA, BASE + 20},
        {LEAT_TESTING_CERTIFICATE_EXPIRED | LEAT_TESTING_CERTIFICATE_SELF_SIGNED, BASE + 18},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t code = verify(issued(cases[i].faults, NULL), own_pem());
        cr_expect(code == cases[i].expected, "faults %#x: %u", cases[i].faults, code);
    }
}

/* mbedTLS cannot tell a wrong signature from an unknown issuer, or counts the key before. */
Test(ssl, signatures_and_weak_keys)
{
    uint32_t code = verify(issued(LEAT_TESTING_CERTIFICATE_BAD_SIGNATURE, NULL), own_pem());
    cr_expect(code == BASE + 7 || code == BASE + 20, "%u", code);
    code = verify(issued(LEAT_TESTING_CERTIFICATE_WEAK_KEY, NULL), own_pem());
    cr_expect(code == BASE + 66, "%u", code);
    code = verify(issued(LEAT_TESTING_CERTIFICATE_SHA1, NULL), own_pem());
    cr_expect(code == BASE + 68, "%u", code);
}

Test(ssl, both_ways_to_write_it)
{
    const char *pem = issued(0, NULL);
    struct NetStack_CertBlob certs[] = {pem_blob(pem), der_blob(pem)};
    struct NetStack_CertBlob cas[] = {pem_blob(own_pem()), der_blob(own_pem())};

    for (size_t i = 0; i < 4; i++) {
        cr_expect(OH_NetStack_CertVerification(&certs[i / 2], &cas[i % 2]) == 0, "%zu", i);
        cr_expect(OH_NetStack_CertVerification(&cas[i / 2], &cas[i % 2]) == 0, "%zu", i);
    }
    /* What is written in another way than the type says is not read. */
    for (size_t i = 0; i < 2; i++) {
        struct NetStack_CertBlob wrong = certs[i];
        wrong.type = i == 0 ? NETSTACK_CERT_TYPE_DER : NETSTACK_CERT_TYPE_PEM;
        cr_expect(OH_NetStack_CertVerification(&wrong, &cas[0]) == BASE + 69, "%zu", i);
        wrong.type = NETSTACK_CERT_TYPE_INVALID;
        cr_expect(OH_NetStack_CertVerification(&wrong, &cas[0]) == BASE + 69, "%zu", i);
        wrong = cas[i];
        wrong.type = NETSTACK_CERT_TYPE_INVALID;
        cr_expect(OH_NetStack_CertVerification(&certs[0], &wrong) == BASE + 20, "%zu", i);
    }
    free(certs[1].data);
    free(cas[1].data);
}

/* The first certificate of a text counts, also of the CA's; an intermediate may be trusted. */
Test(ssl, intermediates)
{
    const struct leat_testing_certificate *between;
    cr_assert(leat_testing_ca_issue(ca, LEAT_TESTING_CERTIFICATE(.use = LEAT_TESTING_USE_CA),
                                    &between, NULL) == LEAT_OK);
    const char *leaf = issued(0, between);
    cr_expect(verify(leaf, between->cert_pem) == 0);
    cr_expect(verify(leaf, own_pem()) == BASE + 20);
    cr_expect(verify(between->cert_pem, own_pem()) == 0);
    cr_expect(verify(leaf, sandbox_format("%s%s", own_pem(), between->cert_pem)) == BASE + 20);
    cr_expect(verify(leaf, sandbox_format("text before\n%s", between->cert_pem)) == 0);
}

Test(ssl, nonsense)
{
    const char *pem = issued(0, NULL);
    struct NetStack_CertBlob good = pem_blob(pem), trusted = pem_blob(own_pem());
    struct NetStack_CertBlob der = der_blob(pem);
    struct NetStack_CertBlob empty = {NETSTACK_CERT_TYPE_PEM, 0, NULL};
    static const char *const texts[] = {
        "garbage",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nnot Base64!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_expect(verify(texts[i], own_pem()) == BASE + 69, "%s", texts[i]);
        cr_expect(verify(pem, texts[i]) == BASE + 20, "%s", texts[i]);
        struct NetStack_CertBlob bad = pem_blob(texts[i]);
        cr_expect(OH_NetStack_CertVerification(&bad, NULL) != 0, "%s", texts[i]);
    }
    cr_expect(OH_NetStack_CertVerification(&empty, &trusted) == BASE + 69);
    cr_expect(OH_NetStack_CertVerification(&good, &empty) == BASE + 20);
    empty.size = 5;
    cr_expect(OH_NetStack_CertVerification(&empty, &trusted) == BASE + 69);
    /* Each beginning of it, and bytes behind it. */
    for (uint32_t size = der.size; size-- > 0;) {
        struct NetStack_CertBlob cut = {NETSTACK_CERT_TYPE_DER, size, malloc(size ? size : 1)};
        memcpy(cut.data, der.data, size);
        cr_expect(OH_NetStack_CertVerification(&cut, &trusted) == BASE + 69, "%u bytes", size);
        free(cut.data);
    }
    der.data = realloc(der.data, der.size + 1);
    der.data[der.size++] = 0;
    cr_expect(OH_NetStack_CertVerification(&der, &trusted) == BASE + 69);
    free(der.data);
}

Test(ssl, null)
{
    struct NetStack_CertBlob good = pem_blob(issued(0, NULL)), trusted = pem_blob(own_pem());
    struct NetStack_CertBlob self = pem_blob(issued(LEAT_TESTING_CERTIFICATE_SELF_SIGNED, NULL));

    cr_expect(OH_NetStack_CertVerification(NULL, &trusted) == 69);
    cr_expect(OH_NetStack_CertVerification(NULL, NULL) == 69);
    /* The system's CAs have not issued it; there may be none at all. */
    cr_expect(OH_NetStack_CertVerification(&good, NULL) == BASE + 20);
    uint32_t code = OH_NetStack_CertVerification(&self, NULL);
    cr_expect(code == BASE + 18 || code == BASE + 20, "%u", code);
}

static long countdown;

static bool nth_fails(void)
{
    return countdown > 0 && countdown-- == 1;
}

/* Without memory nobody is refused for a fault that he does not have, and nobody let in. */
Test(ssl, every_allocation_fails_once)
{
    const char *texts[] = {issued(0, NULL), issued(LEAT_TESTING_CERTIFICATE_EXPIRED, NULL)};
    static const uint32_t expected[] = {0, BASE + 10};

    for (size_t i = 0; i < 2; i++) {
        unsigned failed = 0;
        long n = 1;
        for (bool reached = true; reached && n < MORE_THAN_ALL; n++) {
            leati_alloc_fail_hook = nth_fails;
            countdown = n;
            uint32_t code = verify(texts[i], own_pem());
            leati_alloc_fail_hook = NULL;
            reached = countdown == 0;
            failed += code == BASE + 999;
            cr_expect(code == expected[i] || (reached && code == BASE + 999), "the %ldth: %u", n,
                      code);
        }
        cr_expect(n < MORE_THAN_ALL && failed > 2, "%u of %ld", failed, n);
    }
}

/* The function below it: codes instead of numbers. */
Test(ssl, codes)
{
    const char *pem = issued(0, NULL);
    int reason = -1;

    cr_expect(leat_certificate_check(NULL, 1, "x", 1, &reason) == LEAT_E_PARAMETER);
    cr_expect(leat_certificate_check(pem, strlen(pem), "x", 1, NULL) == LEAT_E_PARAMETER);
    cr_expect(reason == -1);
    cr_expect(leat_certificate_check(pem, strlen(pem), own_pem(), strlen(own_pem()), &reason) ==
              LEAT_OK);
    cr_expect(reason == 0, "%d", reason);
    cr_expect(leat_certificate_check(pem, 0, own_pem(), strlen(own_pem()), &reason) == LEAT_OK);
    cr_expect(reason == 69, "%d", reason);
}

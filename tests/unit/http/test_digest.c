/* SPDX-License-Identifier: Apache-2.0 */
#include "http/digest.h"

#include "support/alloc_failure.h"
#include "tls/tls.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_digest, .timeout = 30);

static const struct leati_http_hashes hashes = {
    .md5 = leati_tls_md5, .sha256 = leati_tls_sha256, .sha512_256 = leati_tls_sha512_256};

static enum leati_http_digest_result digest_read(const char *value,
                                                 struct leati_http_digest *ret_digest,
                                                 const char **ret_reason)
{
    struct leati_http_challenge challenge;
    cr_assert(leati_http_challenge_next(&value, &challenge));
    *ret_reason = NULL;
    return leati_http_digest_read(&challenge, &hashes, ret_digest, ret_reason);
}

struct vector {
    const char *challenge;
    struct leati_http_digest_request request;
    const char *cnonce;
    const char *answer;
};

static const struct leati_http_digest_request mufasa = {"Mufasa", "Circle of Life", "GET",
                                                        "/dir/index.html"};
static const struct leati_http_digest_request plain = {"u", "p", "CONNECT", "h:443"};

#define RFC_NONCE  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define RFC_CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
#define RFC_OPAQUE "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"

/* RFC 7616 section 3.9.1. */
Test(http_digest, example_of_the_rfc)
{
    static const char *const cases[][2] = {
        {"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
        {"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct leati_http_digest digest;
        const char *reason;
        char challenge[512], expected[1024];
        snprintf(challenge, sizeof(challenge),
                 "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=%s, "
                 "nonce=\"" RFC_NONCE "\", opaque=\"" RFC_OPAQUE "\"",
                 cases[i][0]);
        cr_assert_eq(digest_read(challenge, &digest, &reason), LEATI_HTTP_DIGEST_OK, "%s", reason);
        memcpy(digest.cnonce, RFC_CNONCE, sizeof(RFC_CNONCE));
        char *answer = leati_http_digest_answer(&digest, &mufasa, &hashes);
        snprintf(expected, sizeof(expected),
                 "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                 "nonce=\"" RFC_NONCE "\", uri=\"/dir/index.html\", algorithm=%s, response=\"%s\", "
                 "qop=auth, nc=00000001, cnonce=\"" RFC_CNONCE "\", opaque=\"" RFC_OPAQUE "\"",
                 cases[i][0], cases[i][1]);
        cr_expect_str_eq(answer, expected);
        leati_free(answer);
        leati_http_digest_done(&digest);
    }
}

/* Made with python3's hashlib by the formulas of RFC 7616 section 3.4. */
static const struct vector vectors[] = {
#include "digest_vectors.inc"
};

Test(http_digest, vectors)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct leati_http_digest digest;
        const char *reason;
        cr_assert_eq(digest_read(vectors[i].challenge, &digest, &reason), LEATI_HTTP_DIGEST_OK,
                     "%s: %s", vectors[i].challenge, reason);
        snprintf(digest.cnonce, sizeof(digest.cnonce), "%s", vectors[i].cnonce);
        char *answer = leati_http_digest_answer(&digest, &vectors[i].request, &hashes);
        cr_expect_str_eq(answer, vectors[i].answer);
        leati_free(answer);
        leati_http_digest_done(&digest);
    }
}

Test(http_digest, each_answer_counts)
{
    struct leati_http_digest digest, copy;
    const char *reason;
    cr_assert_eq(digest_read("Digest realm=r, nonce=n, qop=auth, stale=TRUE", &digest, &reason),
                 LEATI_HTTP_DIGEST_OK);
    cr_expect(digest.is_stale);
    cr_expect_str_eq(leati_http_digest_algorithm_name(&digest), "MD5");
    leati_free(leati_http_digest_answer(&digest, &plain, &hashes));
    cr_assert(leati_http_digest_copy(&copy, &digest));
    char *answer = leati_http_digest_answer(&copy, &plain, &hashes);
    cr_expect(strstr(answer, ", nc=00000002,"), "%s", answer);
    cr_expect_null(strstr(answer, "algorithm"), "it was not named: %s", answer);
    leati_free(answer);
    cr_assert(leati_http_digest_renew(&copy, "next"));
    answer = leati_http_digest_answer(&copy, &plain, &hashes);
    cr_expect(strstr(answer, "nonce=\"next\"") && strstr(answer, ", nc=00000001,"), "%s", answer);
    leati_free(answer);
    leati_http_digest_done(&copy);
    leati_http_digest_done(&digest);
}

Test(http_digest, challenges_that_nobody_can_answer)
{
    static const char *const cases[][2] = {
        {"Digest nonce=n", "no realm"},
        {"Digest realm=r", "no nonce"},
        {"Digest realm=r, nonce=\"\"", "no nonce"},
        {"Digest", "no realm"},
        {"Digest abc", "no realm"},
        {"Digest realm=r, nonce=n, algorithm=SHA-1", "algorithm"},
        {"Digest realm=r, nonce=n, algorithm=\"\"", "algorithm"},
        {"Digest realm=r, nonce=n, qop=\"auth-int\"", "qop"},
        {"Digest realm=r, nonce=n, qop=\"authentic\"", "qop"},
        {"Digest realm=r, nonce=n, nonce=m", "twice"},
        {"Digest realm=r, nonce=\"n", "cannot be read"},
    };
    struct leati_http_digest digest;
    const char *reason;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(digest_read(cases[i][0], &digest, &reason), LEATI_HTTP_DIGEST_UNFIT, "%s",
                     cases[i][0]);
        cr_expect(reason && strstr(reason, cases[i][1]), "%s: %s", cases[i][0],
                  reason ? reason : "no reason");
    }
}

Test(http_digest, a_challenge_has_a_limit)
{
    struct leati_http_digest digest;
    const char *reason;
    static char challenge[LEATI_HTTP_DIGEST_MAX_BYTES + 64];
    int len = snprintf(challenge, sizeof(challenge), "Digest realm=r, nonce=");
    memset(challenge + len, 'n', LEATI_HTTP_DIGEST_MAX_BYTES);
    cr_expect_eq(digest_read(challenge, &digest, &reason), LEATI_HTTP_DIGEST_UNFIT);
    challenge[(size_t)len + LEATI_HTTP_DIGEST_MAX_BYTES - 2] = '\0';
    cr_expect_eq(digest_read(challenge, &digest, &reason), LEATI_HTTP_DIGEST_OK);
    leati_http_digest_done(&digest);
}

Test(http_digest, a_hash_that_is_not_there)
{
    static const struct leati_http_hashes none = {0};
    const char *value = "Digest realm=r, nonce=n, algorithm=SHA-512-256";
    struct leati_http_challenge challenge;
    struct leati_http_digest digest;
    const char *reason = NULL;
    cr_assert(leati_http_challenge_next(&value, &challenge));
    cr_expect_eq(leati_http_digest_read(&challenge, &none, &digest, &reason),
                 LEATI_HTTP_DIGEST_UNFIT);
}

static bool attempt_digest(void)
{
    static const struct leati_http_digest_request request = {"J\xc3\xa4s", "p", "CONNECT", "h:1"};
    static const char *const challenges[] = {
        "Digest realm=r, nonce=n, opaque=o, qop=auth, algorithm=SHA-256-sess, userhash=true",
        "Digest realm=r, nonce=n, charset=utf-8"};
    bool is_done = true;
    for (size_t i = 0; i < 2 && is_done; i++) {
        struct leati_http_digest digest, copy;
        const char *reason;
        if (digest_read(challenges[i], &digest, &reason) != LEATI_HTTP_DIGEST_OK)
            return false;
        char *answer = leati_http_digest_answer(&digest, &request, &hashes);
        bool is_copied = leati_http_digest_copy(&copy, &digest);
        is_done = answer && is_copied && leati_http_digest_renew(&copy, "x");
        leati_free(answer);
        if (is_copied)
            leati_http_digest_done(&copy);
        leati_http_digest_done(&digest);
    }
    return is_done;
}

Test(http_digest, lack_of_memory)
{
    cr_assert_gt(alloc_failure_run_all(attempt_digest), 20);
}

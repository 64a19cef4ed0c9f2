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
        cr_expect_str_eq(answer, vectors[i].answer, "vector %zu: %s", i, answer);
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

/* A request without a body can be answered by "auth-int", too. By Python's hashlib. */
Test(http_digest, the_integrity_of_no_body)
{
    struct leati_http_digest digest;
    const char *reason;
    cr_assert_eq(digest_read("Digest realm=r, nonce=n, qop=\"auth-int\"", &digest, &reason),
                 LEATI_HTTP_DIGEST_OK);
    snprintf(digest.cnonce, sizeof(digest.cnonce), "c");
    char *answer = leati_http_digest_answer(&digest, &plain, &hashes);
    cr_expect(strstr(answer, "response=\"a71a9f921af19b99e2476cb5ab9838b9\", qop=auth-int"), "%s",
              answer);
    leati_free(answer);
    leati_http_digest_done(&digest);
    cr_assert_eq(digest_read("Digest realm=r, nonce=n, qop=\"auth-int,auth\"", &digest, &reason),
                 LEATI_HTTP_DIGEST_OK);
    cr_expect_str_eq(digest.qop, "auth");
    leati_http_digest_done(&digest);
}

#define ECHOED(qop_) "qop=" qop_ ", nc=00000001, cnonce=\"c\""

/* Section 3.5. By Python's hashlib; the fourth is the response of the request, sent back. */
Test(http_digest, what_the_response_proves)
{
    static const struct {
        const char *algorithm, *info;
        enum leati_http_digest_result result;
        const char *reason;
    } cases[] = {
        {"MD5", "", LEATI_HTTP_DIGEST_OK, NULL},
        {"MD5", "rspauth=\"b8bb3d38fb992ce32339986c41a3e12b\", " ECHOED("auth"),
         LEATI_HTTP_DIGEST_OK, NULL},
        {"MD5", "rspauth=\"fa756564b1ae73b42aec36b715dc708e\", " ECHOED("auth-int"),
         LEATI_HTTP_DIGEST_OK, NULL},
        {"MD5", "rspauth=\"4a9445370917f47e7e653c4e98fe4903\", " ECHOED("auth"),
         LEATI_HTTP_DIGEST_UNFIT, "rspauth is wrong"},
        {"MD5", "rspauth=b8bb3d38fb992ce32339986c41a3e12b", LEATI_HTTP_DIGEST_OK, NULL},
        {"SHA-256-sess",
         "rspauth=\"99297602f7e71a5298e2a9661f0033d7cea21e55ee66de65969363c3104d7766\", " ECHOED(
             "auth"),
         LEATI_HTTP_DIGEST_OK, NULL},
        {"SHA-256",
         "rspauth=\"99297602f7e71a5298e2a9661f0033d7cea21e55ee66de65969363c3104d7766\", " ECHOED(
             "auth"),
         LEATI_HTTP_DIGEST_UNFIT, "rspauth is wrong"},
        {"MD5", "rspauth=\"\"", LEATI_HTTP_DIGEST_UNFIT, "rspauth is wrong"},
        {"MD5", "rspauth=\"b8bb3d38fb992ce32339986c41a3e12b\", nc=00000002",
         LEATI_HTTP_DIGEST_UNFIT, "another request"},
        {"MD5", "rspauth=\"b8bb3d38fb992ce32339986c41a3e12b\", cnonce=d", LEATI_HTTP_DIGEST_UNFIT,
         "another request"},
        {"MD5", "rspauth=\"b8bb3d38fb992ce32339986c41a3e12b\", qop=none", LEATI_HTTP_DIGEST_UNFIT,
         "another request"},
        {"MD5", "rspauth=\"b8bb3d38fb992ce32339986c41a3e12b\", rspauth=a", LEATI_HTTP_DIGEST_UNFIT,
         "comes twice"},
        {"MD5", "nextnonce=\"n2\", qop=auth", LEATI_HTTP_DIGEST_OK, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct leati_http_challenge info = {.params = cases[i].info,
                                                  .params_len = strlen(cases[i].info)};
        struct leati_http_digest digest;
        const char *reason;
        char challenge[80];
        snprintf(challenge, sizeof(challenge), "Digest realm=r, nonce=n, qop=auth, algorithm=%s",
                 cases[i].algorithm);
        cr_assert_eq(digest_read(challenge, &digest, &reason), LEATI_HTTP_DIGEST_OK);
        snprintf(digest.cnonce, sizeof(digest.cnonce), "c");
        leati_free(leati_http_digest_answer(&digest, &plain, &hashes));
        cr_expect_eq(leati_http_digest_verify(&digest, &plain, &hashes, &info, &reason),
                     cases[i].result, "%s", cases[i].info);
        cr_expect(!cases[i].reason || strstr(reason, cases[i].reason), "%s: %s", cases[i].info,
                  reason);
        leati_http_digest_done(&digest);
    }
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
        {"Digest realm=r, nonce=n, qop=\"auth-conf\"", "qop"},
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
    static const char rspauth[] = "rspauth=\"a\", cnonce=\"\"";
    static const struct leati_http_challenge info = {.params = rspauth,
                                                     .params_len = sizeof(rspauth) - 1};
    static const struct leati_http_digest_request request = {"J\xc3\xa4s", "p", "CONNECT", "h:1"};
    static const char *const challenges[] = {
        "Digest realm=r, nonce=n, opaque=o, qop=auth-int, algorithm=SHA-256-sess, userhash=true",
        "Digest realm=r, nonce=n, charset=utf-8"};
    bool is_done = true;
    for (size_t i = 0; i < 2 && is_done; i++) {
        struct leati_http_digest digest, copy;
        const char *reason;
        if (digest_read(challenges[i], &digest, &reason) != LEATI_HTTP_DIGEST_OK)
            return false;
        char *answer = leati_http_digest_answer(&digest, &request, &hashes);
        bool is_copied = leati_http_digest_copy(&copy, &digest);
        enum leati_http_digest_result result =
            leati_http_digest_verify(&digest, &request, &hashes, &info, &reason);
        is_done = answer && is_copied && result != LEATI_HTTP_DIGEST_NO_MEMORY &&
                  leati_http_digest_renew(&copy, "x");
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

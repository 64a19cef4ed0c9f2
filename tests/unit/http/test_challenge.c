/* SPDX-License-Identifier: Apache-2.0 */
#include "http/challenge.h"

#include "support/alloc_failure.h"
#include "support/mutation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_challenge, .timeout = 30);

/* "Basic[realm=x]; NTLM; Negotiate abc==; Digest!" where "!" is one that cannot be read. */
static const char *list_of(const char *value, char *buf, size_t cap)
{
    struct leati_http_challenge challenge;
    struct leati_http_param param;
    size_t len = 0;
    buf[0] = '\0';
    while (leati_http_challenge_next(&value, &challenge) && len < cap) {
        len += (size_t)snprintf(buf + len, cap - len, "%s%.*s", len > 0 ? "; " : "",
                                (int)challenge.scheme_len, challenge.scheme);
        if (challenge.problem) {
            len += (size_t)snprintf(buf + len, cap - len, "!");
            continue;
        }
        if (challenge.token68)
            len += (size_t)snprintf(buf + len, cap - len, " %.*s", (int)challenge.token68_len,
                                    challenge.token68);
        size_t pos = 0;
        while (challenge.params &&
               leati_http_param_next(challenge.params, challenge.params_len, &pos, &param) &&
               len < cap)
            len += (size_t)snprintf(buf + len, cap - len, "[%.*s=%.*s]", (int)param.name_len,
                                    param.name, (int)param.value_len, param.value);
    }
    return buf;
}

Test(http_challenge, lists)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" , ,\t", ""},
        {"Basic realm=\"x\"", "Basic[realm=x]"},
        {"NTLM", "NTLM"},
        {"NTLM, Negotiate", "NTLM; Negotiate"},
        {"Negotiate , Basic realm=\"a, b\" ,, Digest realm=c,nonce=\"d\", NTLM",
         "Negotiate; Basic[realm=a, b]; Digest[realm=c][nonce=d]; NTLM"},
        {"Negotiate YII+/.~-_==", "Negotiate YII+/.~-_=="},
        {"Negotiate abc=, Basic realm=x", "Negotiate abc=; Basic[realm=x]"},
        {"Basic realm = \"x\" , charset\t=\tUTF-8", "Basic[realm=x][charset=UTF-8]"},
        {"Basic realm=\"a \\\"quoted\\\" \\\\ b\", x=y",
         "Basic[realm=a \\\"quoted\\\" \\\\ b][x=y]"},
        {"Basic realm=\"\"", "Basic[realm=]"},
        {"Basic realm=, Digest nonce=\"x\"", "Basic realm=; Digest[nonce=x]"},
        {"Newauth realm=\"apps\", type=1,\ttitle=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
         "Newauth[realm=apps][type=1][title=Login to \\\"apps\\\"]; Basic[realm=simple]"},
        {"Basic   realm=x", "Basic[realm=x]"},
        {"x-own:y", "x-own!"},
        /* one that cannot be read spoils no other */
        {"Basic realm=Squid proxy", "Basic!"},
        {"Digest realm=\"x, Basic realm=y", "Digest!"},
        {"Digest realm=\"x\" nonce=y, Basic realm=y", "Digest!; Basic[realm=y]"},
        {"Digest a=b, =c, Basic realm=y, NTLM", "Digest!; Basic[realm=y]; NTLM"},
        {"=, Basic realm=y", "!; Basic[realm=y]"},
        {"\"Basic\", NTLM", "!; NTLM"},
        {"realm=x, NTLM", "realm!; NTLM"},
        {"Digest a=b;c=d, e=f, NTLM", "Digest!; NTLM"},
        {"Digest \"\\", "Digest!"},
        {"Digest a=\"\\\"", "Digest!"},
    };
    char buf[512];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_str_eq(list_of(cases[i][0], buf, sizeof(buf)), cases[i][1], "%s: %s", cases[i][0],
                         buf);
}

static struct leati_http_challenge first_of(const char *value)
{
    struct leati_http_challenge challenge;
    cr_assert(leati_http_challenge_next(&value, &challenge));
    return challenge;
}

Test(http_challenge, parameters)
{
    static const char *const cases[][3] = {
        {"Digest realm=\"x\", NONCE=\"a\\\"b\\\\c\\d\"", "nonce", "a\"b\\cd"},
        {"Digest realm=\"x\"", "nonce", NULL},
        {"Digest nonce=a", "Nonce", "a"},
        {"Digest nonce=\"\"", "nonce", ""},
        {"NTLM abc", "realm", NULL},
        {"NTLM", "realm", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct leati_http_challenge challenge = first_of(cases[i][0]);
        char *value;
        bool is_twice;
        cr_assert(leati_http_challenge_param(&challenge, cases[i][1], &value, &is_twice));
        cr_expect_not(is_twice);
        cr_expect(value ? cases[i][2] && strcmp(value, cases[i][2]) == 0 : !cases[i][2], "%s: %s",
                  cases[i][0], value ? value : "none");
        leati_free(value);
    }
}

Test(http_challenge, a_parameter_that_comes_twice)
{
    const struct leati_http_challenge challenge = first_of("Digest nonce=a, x=y, Nonce=b");
    char *value;
    bool is_twice;
    cr_assert(leati_http_challenge_param(&challenge, "nonce", &value, &is_twice));
    cr_expect(is_twice);
    cr_expect_null(value);
}

Test(http_challenge, schemes_know_no_case)
{
    const struct leati_http_challenge challenge = first_of("dIGEST x=y");
    cr_expect(leati_http_challenge_is(&challenge, "Digest"));
    cr_expect_not(leati_http_challenge_is(&challenge, "Dig"));
}

Test(http_challenge, quotes)
{
    char *text = leati_http_quote("a \"b\" \\c");
    cr_assert_str_eq(text, "\"a \\\"b\\\" \\\\c\"");
    leati_free(text);
    text = leati_http_quote("");
    cr_assert_str_eq(text, "\"\"");
    leati_free(text);
}

/* Whatever comes: it ends, and what is given out lies in the value. */
Test(http_challenge, anything)
{
    static const char bytes[] = "aB=\",\\ \t;/\xc3";
    uint32_t seed = 1;
    for (int run = 0; run < 20000; run++) {
        char value[24];
        size_t len = 0;
        for (seed = seed * 1664525u + 1013904223u; len < sizeof(value) - 1 && (seed >> 28) != 0;
             seed = seed * 1664525u + 1013904223u)
            value[len++] = bytes[(seed >> 16) % (sizeof(bytes) - 1)];
        value[len] = '\0';
        const char *cursor = value;
        struct leati_http_challenge challenge;
        unsigned count = 0;
        while (leati_http_challenge_next(&cursor, &challenge)) {
            cr_assert_leq(++count, sizeof(value), "%s", value);
            cr_assert(cursor > challenge.scheme && cursor <= value + len, "%s", value);
            cr_assert(!challenge.params || challenge.params + challenge.params_len <= value + len,
                      "%s", value);
        }
        cr_assert(cursor == value + len);
    }
}

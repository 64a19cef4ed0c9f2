/* SPDX-License-Identifier: Apache-2.0 */
#include "http/auth.h"

#include "support/alloc_failure.h"
#include "support/connect_auth.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_auth, .timeout = 30);

/* A whole 407 with these fields. */
static void head_read(struct leati_http_head *head, const char *fields)
{
    char text[1024];
    size_t used;
    int len = snprintf(text, sizeof(text), "HTTP/1.1 407 Who\r\n%s\r\n", fields);
    leati_http_head_init(head, LEATI_HTTP_RESPONSE);
    cr_assert_eq(leati_http_head_feed(head, text, (size_t)len, &used), LEATI_HTTP_DONE);
}

static enum leati_http_auth_step asked(struct leati_http_auth *auth, const char *fields)
{
    struct leati_http_head head;
    head_read(&head, fields);
    enum leati_http_auth_step step = leati_http_auth_challenged(auth, &head);
    leati_http_head_done(&head);
    return step;
}

static bool hash_anything(const void *data, size_t len, uint8_t *ret_digest)
{
    (void)data, (void)len;
    memset(ret_digest, 0x11, 32);
    return true;
}

static struct leati_http_auth *auth_of(const char *way, const char *user,
                                       struct leati_http_auth_memory *memory)
{
    const struct leati_http_auth_options options = {
        .proxy = "proxy:3128",
        .way = way,
        .user = user,
        .password = "secret",
        .schemes = LEAT_PROXY_AUTH_BASIC | LEAT_PROXY_AUTH_DIGEST,
        .hashes = {.md5 = hash_anything, .sha256 = hash_anything},
        .memory = memory,
    };
    return leati_http_auth_new(&options);
}

static void accept(struct leati_http_auth *auth)
{
    struct leati_http_head head;
    head_read(&head, "");
    leati_http_auth_sent(auth);
    leati_http_auth_accepted(auth, &head);
    leati_http_head_done(&head);
}

#define DIGEST(n_) "Proxy-Authenticate: Digest realm=r, nonce=" n_ ", qop=auth\r\n"

Test(http_auth, the_strongest_hash_is_taken)
{
    struct leati_http_auth *auth = auth_of("", "u", NULL);
    char name[80];
    cr_assert_eq(leati_http_auth_begin(auth, "h:1"), LEATI_HTTP_AUTH_UNFIT);
    cr_assert_null(auth->value);
    cr_assert_eq(asked(auth,
                       "Proxy-Authenticate: Basic, Digest realm=r, nonce=1, Digest realm=r, "
                       "nonce=2, algorithm=SHA-256\r\n"
                       "Proxy-Authenticate: Digest realm=r, nonce=3, algorithm=SHA-512-256\r\n"),
                 LEATI_HTTP_AUTH_SENDS);
    cr_expect(strstr(auth->value, "nonce=\"2\""), "%s", auth->value);
    cr_expect_str_eq(leati_http_auth_name(auth, name, sizeof(name)), "Digest SHA-256");
    cr_expect_str_eq(auth->names, "Basic, Digest");
    leati_http_auth_unref(auth);
}

/* The value belongs to what is asked for: the next address of the target is another. */
Test(http_auth, another_target_has_another_value)
{
    struct leati_http_auth *auth = auth_of("", "u", NULL);
    leati_http_auth_begin(auth, "h:1");
    cr_assert_eq(asked(auth, DIGEST("1")), LEATI_HTTP_AUTH_SENDS);
    cr_expect(strstr(auth->value, "uri=\"h:1\"") && strstr(auth->value, "nc=00000001"));
    cr_assert_eq(leati_http_auth_begin(auth, "h:1"), LEATI_HTTP_AUTH_SENDS);
    cr_expect(strstr(auth->value, "nc=00000001"), "it was not sent: %s", auth->value);
    cr_assert_eq(leati_http_auth_begin(auth, "i:1"), LEATI_HTTP_AUTH_SENDS);
    cr_expect(strstr(auth->value, "uri=\"i:1\"") && strstr(auth->value, "nc=00000002"), "%s",
              auth->value);
    leati_http_auth_sent(auth);
    cr_assert_eq(leati_http_auth_begin(auth, "i:1"), LEATI_HTTP_AUTH_SENDS);
    cr_expect(strstr(auth->value, "nc=00000003"), "%s", auth->value);
    leati_http_auth_unref(auth);
}

/* A proxy that refuses one address after the other has decided about each. */
Test(http_auth, rounds_count_for_one_target)
{
    struct leati_http_auth *auth = auth_of("", "u", NULL);
    for (unsigned i = 0; i < 3 * LEATI_HTTP_AUTH_MAX_ROUNDS; i++) {
        char target[16];
        snprintf(target, sizeof(target), "192.0.2.%u:1", i);
        leati_http_auth_begin(auth, target);
        cr_assert_eq(
            asked(auth, "Proxy-Authenticate: Digest realm=r, nonce=1, qop=auth, stale=true\r\n"),
            LEATI_HTTP_AUTH_SENDS, "%u", i);
        leati_http_auth_sent(auth);
    }
    leati_http_auth_unref(auth);
}

Test(http_auth, a_connection_may_be_lost_twice)
{
    struct leati_http_auth *auth = auth_of("", "u", NULL);
    cr_expect(leati_http_auth_lost(auth));
    cr_expect(leati_http_auth_lost(auth));
    cr_expect_not(leati_http_auth_lost(auth));
    leati_http_auth_unref(auth);
}

/* ---- memory --------------------------------------------------------------------------------- */

Test(http_auth, the_memory_counts_for_all)
{
    struct leati_http_auth_memory *memory = leati_http_auth_memory_new();
    struct leati_http_auth *auth = auth_of("a", "u", memory);
    leati_http_auth_begin(auth, "h:1");
    asked(auth, DIGEST("1"));
    accept(auth);
    leati_http_auth_unref(auth);
    for (unsigned nc = 2; nc < 5; nc++) {
        char expected[16];
        auth = auth_of("a", "u", memory);
        cr_assert_eq(leati_http_auth_begin(auth, "h:1"), LEATI_HTTP_AUTH_SENDS);
        snprintf(expected, sizeof(expected), "nc=%08x", nc);
        cr_expect(strstr(auth->value, expected), "%s", auth->value);
        if (nc == 3)
            accept(auth);
        leati_http_auth_unref(auth);
    }
    /* others are told nothing */
    static const char *const others[][2] = {{"b", "u"}, {"a", "v"}, {"a", NULL}};
    for (size_t i = 0; i < 3; i++) {
        auth = auth_of(others[i][0], others[i][1], memory);
        cr_expect_eq(leati_http_auth_begin(auth, "h:1"), LEATI_HTTP_AUTH_UNFIT);
        leati_http_auth_unref(auth);
    }
    leati_http_auth_memory_unref(memory);
}

Test(http_auth, the_memory_has_a_limit)
{
    struct leati_http_auth_memory *memory = leati_http_auth_memory_new();
    struct leati_http_digest digest;
    char way[16];
    for (unsigned i = 0; i <= LEATI_HTTP_AUTH_MEMORY_MAX; i++) {
        snprintf(way, sizeof(way), "%u", i);
        leati_http_auth_memory_keep(memory, way, "u", LEAT_PROXY_AUTH_BASIC, NULL);
        cr_expect_eq(leati_http_auth_memory_recall(memory, "0", "u", &digest),
                     LEAT_PROXY_AUTH_BASIC, "what is asked for stays");
    }
    cr_expect_eq(leati_http_auth_memory_recall(memory, "1", "u", &digest), 0u);
    cr_expect_eq(leati_http_auth_memory_recall(memory, way, "u", &digest), LEAT_PROXY_AUTH_BASIC);
    leati_http_auth_memory_forget(memory, way, "u");
    leati_http_auth_memory_forget(memory, way, "u");
    cr_expect_eq(leati_http_auth_memory_recall(memory, way, "u", &digest), 0u);
    leati_http_auth_memory_unref(memory);
}

Test(http_auth, a_refusal_is_forgotten)
{
    struct leati_http_auth_memory *memory = leati_http_auth_memory_new();
    struct leati_http_digest digest;
    leati_http_auth_memory_keep(memory, "a", "u", LEAT_PROXY_AUTH_BASIC, NULL);
    struct leati_http_auth *auth = auth_of("a", "u", memory);
    cr_assert_eq(leati_http_auth_begin(auth, "h:1"), LEATI_HTTP_AUTH_SENDS);
    leati_http_auth_sent(auth);
    cr_expect_eq(asked(auth, "Proxy-Authenticate: Basic\r\n"), LEATI_HTTP_AUTH_REFUSED);
    cr_expect_eq(leati_http_auth_memory_recall(memory, "a", "u", &digest), 0u);
    leati_http_auth_unref(auth);
    leati_http_auth_memory_unref(memory);
}

/* What reads heads for the test has its memory before. */
static struct leati_http_head challenge, answer;

static bool attempt(void)
{
    struct leati_http_auth_memory *memory = leati_http_auth_memory_new();
    enum leati_http_auth_step step = LEATI_HTTP_AUTH_NO_MEMORY;
    for (int i = 0; memory && i < 2; i++) {
        struct leati_http_auth *auth = auth_of("a", "u", memory);
        step = auth ? leati_http_auth_begin(auth, "h:1") : LEATI_HTTP_AUTH_NO_MEMORY;
        if (step == LEATI_HTTP_AUTH_UNFIT &&
            leati_http_auth_challenged(auth, &challenge) == LEATI_HTTP_AUTH_SENDS) {
            leati_http_auth_sent(auth);
            leati_http_auth_accepted(auth, &answer);
        }
        leati_http_auth_unref(auth);
    }
    leati_http_auth_memory_unref(memory);
    return step == LEATI_HTTP_AUTH_SENDS;
}

Test(http_auth, lack_of_memory)
{
    head_read(&challenge, DIGEST("1"));
    head_read(&answer, "Proxy-Authentication-Info: nextnonce=2\r\n");
    cr_assert_gt(alloc_failure_run_all(attempt), 5);
    leati_http_head_done(&challenge);
    leati_http_head_done(&answer);
}

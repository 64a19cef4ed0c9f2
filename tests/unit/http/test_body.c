/* SPDX-License-Identifier: Apache-2.0 */
#include "http/body.h"

#include "support/alloc_failure.h"
#include "support/mutation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_body, .timeout = 30);

#define CHUNKED "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
#define LENGTH  "HTTP/1.1 403 Forbidden\r\nContent-Length: "
#define NEITHER "HTTP/1.1 403 Forbidden\r\n\r\n"

static void body_start(struct leati_http_body *body, const char *head_text)
{
    struct leati_http_head head;
    size_t used = 0;

    leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
    cr_assert_eq(leati_http_head_feed(&head, head_text, strlen(head_text), &used), LEATI_HTTP_DONE);
    leati_http_body_init(body, &head);
    leati_http_head_done(&head);
}

/* Feeds at most `step` bytes a call, each from a buffer of its own, so that ASan sees a read beyond
 * it. */
static enum leati_http_result feed_in_steps(struct leati_http_body *body, const char *data,
                                            size_t len, size_t step)
{
    enum leati_http_result result =
        leati_http_body_is_done(body) ? LEATI_HTTP_DONE : LEATI_HTTP_MORE;

    for (size_t pos = 0; pos < len && result == LEATI_HTTP_MORE; pos += step) {
        size_t n = len - pos < step ? len - pos : step;
        uint8_t *piece = malloc(n);
        memcpy(piece, data + pos, n);
        result = leati_http_body_feed(body, piece, n);
        free(piece);
    }
    return result;
}

struct body_case {
    const char *head;
    const char *data;
    const char *kept;
    enum leati_http_result result;
};

static const struct body_case cases[] = {
    {LENGTH "5\r\n\r\n", "hello, and more", "hello", LEATI_HTTP_DONE},
    {LENGTH "5\r\n\r\n", "hell", "hell", LEATI_HTTP_MORE},
    {LENGTH "0\r\n\r\n", "more", "", LEATI_HTTP_DONE},
    {LENGTH "5, 5\r\n\r\n", "hello, and more", "hello, and more", LEATI_HTTP_MORE},
    {LENGTH "-1\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {LENGTH "18446744073709551616\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {LENGTH "18446744073709551615\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {LENGTH "2\r\nContent-Length: 2\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {NEITHER, "hello", "hello", LEATI_HTTP_MORE},
    {NEITHER, "", "", LEATI_HTTP_MORE},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "hello", "", LEATI_HTTP_DONE},
    {"HTTP/1.1 204 No Content\r\n\r\n", "hello", "", LEATI_HTTP_DONE},
    /* Section 6.3: Transfer-Encoding wins, and only a last "chunked" says where the body ends. */
    {"HTTP/1.1 403 No\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     "5\r\nhello\r\n0\r\n\r\n", "hello", LEATI_HTTP_DONE},
    {"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "5\r\n", "5\r\n",
     LEATI_HTTP_MORE},
    {CHUNKED, "5\r\nhello\r\n00B; name=\"value\"\r\n, and a man\r\n0\r\n\r\n", "hello, and a man",
     LEATI_HTTP_DONE},
    {CHUNKED, "5\nhello\n1 \n!\n0\n", "hello!", LEATI_HTTP_DONE},
    {CHUNKED, "5\r\nhel", "hel", LEATI_HTTP_MORE},
    {CHUNKED, "0\r\nTrailer: x\r\n\r\n", "", LEATI_HTTP_DONE},
    /* Broken: what came before it stays. */
    {CHUNKED, "5\r\nhelloX5\r\nhello", "hello", LEATI_HTTP_DONE},
    {CHUNKED, "x\r\nhello", "", LEATI_HTTP_DONE},
    {CHUNKED, "\r\nhello", "", LEATI_HTTP_DONE},
    {CHUNKED, "-5\r\nhello", "", LEATI_HTTP_DONE},
    {CHUNKED, "1111111111111111\r\nhello", "", LEATI_HTTP_DONE},
    /* Beyond what 31 and 32 bits hold: the lower bits alone would be the end, or one byte. */
    {LENGTH "2147483648\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {LENGTH "4294967296\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {LENGTH "4294967297\r\n\r\n", "hello", "hello", LEATI_HTTP_MORE},
    {CHUNKED, "80000000\r\nhello", "hello", LEATI_HTTP_MORE},
    {CHUNKED, "100000000\r\nhello", "hello", LEATI_HTTP_MORE},
    {CHUNKED, "100000001\r\nhello", "hello", LEATI_HTTP_MORE},
};

Test(http_body, every_framing_in_any_fragmentation)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].data);
        for (size_t step = 1; step <= len + 1; step++) {
            struct leati_http_body body;
            size_t kept_len;
            body_start(&body, cases[i].head);
            cr_expect_eq(feed_in_steps(&body, cases[i].data, len, step), cases[i].result,
                         "case %zu, step %zu", i, step);
            cr_expect_eq(leati_http_body_is_done(&body), cases[i].result == LEATI_HTTP_DONE);
            const char *kept = leati_http_body_bytes(&body, &kept_len);
            cr_expect_str_eq(kept, cases[i].kept, "case %zu, step %zu", i, step);
            cr_expect_eq(kept_len, strlen(cases[i].kept));
            leati_http_body_done(&body);
        }
    }
}

/* Feeds a body of `len` bytes 'x' behind `head`; returns how many are kept. */
static size_t kept_of(const char *head, size_t len, size_t step, bool *ret_done)
{
    char *data = malloc(len);
    struct leati_http_body body;
    size_t kept;

    memset(data, 'x', len);
    body_start(&body, head);
    feed_in_steps(&body, data, len, step);
    const char *bytes = leati_http_body_bytes(&body, &kept);
    cr_assert_eq(strlen(bytes), kept);
    *ret_done = leati_http_body_is_done(&body);
    leati_http_body_done(&body);
    free(data);
    return kept;
}

Test(http_body, keeps_4_kib_and_no_more)
{
    static const char *const heads[] = {NEITHER, LENGTH "1000000\r\n\r\n"};
    bool done;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (size_t step = 1; step < 20000; step = step * 3 + 1) {
            cr_assert_eq(kept_of(heads[i], 4096, step, &done), 4096u);
            cr_assert_not(done);
            cr_assert_eq(kept_of(heads[i], 4097, step, &done), 4096u);
            cr_assert(done);
            cr_assert_eq(kept_of(heads[i], 100000, step, &done), 4096u);
            cr_assert(done);
        }
    }
}

Test(http_body, damaged_chunks_keep_the_limits)
{
    static const char data[] = "5\r\nhello\r\nb;x\r\n, and a man\r\n3\r\nabc\r\n0\r\n\r\n";
    struct mutation mutation;

    mutation_init(&mutation, 1);
    for (int i = 0; i < 20000; i++) {
        struct leati_http_body body;
        size_t kept;
        size_t len = mutation_next(&mutation, data, sizeof(data) - 1);
        body_start(&body, CHUNKED);
        feed_in_steps(&body, (const char *)mutation.bytes, len, 7);
        leati_http_body_bytes(&body, &kept);
        cr_assert_leq(kept, len);
        leati_http_body_done(&body);
    }
}

Test(http_body, lack_of_memory)
{
    struct leati_http_body body;

    body_start(&body, NEITHER);
    cr_assert_null(body.bytes, "memory before there is a body");
    alloc_failure_countdown = 1;
    leati_alloc_fail_hook = alloc_failure_hook;
    cr_assert_eq(leati_http_body_feed(&body, (const uint8_t *)"x", 1), LEATI_HTTP_NO_MEMORY);
    leati_alloc_fail_hook = NULL;
    leati_http_body_done(&body);
}

/* ---- bodies behind which another response follows ---------------------------------------- */

struct drain_case {
    const char *fields;
    const char *data;
    bool is_clear; /* where it ends is known */
    bool is_whole;
    bool goes_on; /* it has not come to its end */
};

static const struct drain_case drain_cases[] = {
    {"Content-Length: 0", "", true, true, false},
    {"Content-Length: 0", "x", true, false, false},
    {"Content-Length: 5", "hello", true, true, false},
    {"Content-Length: 5", "hell", true, false, true},
    {"Content-Length: 5", "hello!", true, false, false},
    {"Transfer-Encoding: chunked", "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", true, true, false},
    {"Transfer-Encoding: chunked", "0\r\nA: b\r\nC: d\r\n\r\n", true, true, false},
    {"Transfer-Encoding: chunked", "0\n\n", true, true, false},
    {"Transfer-Encoding: chunked", "0\r\n\r\nx", true, false, false},
    {"Transfer-Encoding: chunked", "0\r\n", true, false, true},
    {"Transfer-Encoding: chunked", "0\r\nA: b\r\n", true, false, true},
    {"Transfer-Encoding: chunked", "x", true, false, false},
    {"Transfer-Encoding: chunked", "1\r\naa", true, false, false},
    {"Transfer-Encoding: gzip", "", false, false, false},
    {"Transfer-Encoding: chunked\r\nContent-Length: 5", "", false, false, false},
    {"Content-Length: 5\r\nContent-Length: 5", "", false, false, false},
    {"Content-Length: 65537", "", false, false, false},
    {"Content-Length: 4294967296", "", false, false, false},
    {"Content-Length: 4294967301", "hello", false, false, false},
    {"X: y", "", false, false, false},
};

Test(http_body, drained_to_its_end)
{
    for (size_t i = 0; i < sizeof(drain_cases) / sizeof(drain_cases[0]); i++) {
        const struct drain_case *c = &drain_cases[i];
        struct leati_http_head head;
        struct leati_http_body body;
        char text[256];
        size_t used;
        int len = snprintf(text, sizeof(text), "HTTP/1.1 407 Who\r\n%s\r\n\r\n", c->fields);
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        cr_assert_eq(leati_http_head_feed(&head, text, (size_t)len, &used), LEATI_HTTP_DONE);
        for (size_t step = 1; step <= 64; step *= 4) {
            cr_expect_eq(leati_http_body_init_drain(&body, &head), c->is_clear, "case %zu", i);
            if (c->is_clear) {
                for (size_t pos = 0; pos < strlen(c->data); pos += step) {
                    size_t rest = strlen(c->data) - pos;
                    leati_http_body_feed(&body, (const uint8_t *)c->data + pos,
                                         rest < step ? rest : step);
                }
                cr_expect_eq(leati_http_body_is_whole(&body), c->is_whole, "case %zu, %zu", i,
                             step);
                cr_expect_neq(leati_http_body_is_done(&body), c->goes_on, "case %zu, %zu", i, step);
            }
            leati_http_body_done(&body);
        }
        leati_http_head_done(&head);
    }
}

/* More than is kept is read, but not without end. */
Test(http_body, draining_has_a_limit)
{
    static const char head_text[] = "HTTP/1.1 407 Who\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char chunk[] = "10\r\n0123456789abcdef\r\n";
    struct leati_http_head head;
    struct leati_http_body body;
    size_t total = 0, len;
    leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
    cr_assert_eq(leati_http_head_feed(&head, head_text, sizeof(head_text) - 1, &len),
                 LEATI_HTTP_DONE);
    cr_assert(leati_http_body_init_drain(&body, &head));
    while (leati_http_body_feed(&body, (const uint8_t *)chunk, sizeof(chunk) - 1) ==
           LEATI_HTTP_MORE)
        total += sizeof(chunk) - 1;
    cr_expect(total > LEATI_HTTP_BODY_DRAIN_MAX_BYTES - 100 &&
                  total <= LEATI_HTTP_BODY_DRAIN_MAX_BYTES,
              "%zu", total);
    cr_expect_not(leati_http_body_is_whole(&body));
    leati_http_body_bytes(&body, &len);
    cr_expect_eq(len, LEATI_HTTP_BODY_KEPT_BYTES);
    leati_http_body_done(&body);
    leati_http_head_done(&head);
}

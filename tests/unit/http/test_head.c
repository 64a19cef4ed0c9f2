/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/mutation.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_head, .timeout = 30, .fini = leak_check);

#define UPGRADE_RESPONSE                                                                           \
    "HTTP/1.1 101 Switching Protocols\r\n"                                                         \
    "Upgrade: websocket\r\n"                                                                       \
    "connection: keep-alive, Upgrade\r\n"                                                          \
    "X-Empty:\r\n"                                                                                 \
    "X-Space: \t a b \t\r\n"                                                                       \
    "Set-Cookie: a=1\r\n"                                                                          \
    "set-cookie: b=2\r\n"                                                                          \
    "\r\n"

/* Feeds at most `step` bytes a call. `*ret_used` counts over all calls. */
static enum leati_http_result feed_in_steps(struct leati_http_head *head, const char *data,
                                            size_t len, size_t step, size_t *ret_used)
{
    enum leati_http_result result = LEATI_HTTP_MORE;
    size_t pos = 0;

    while (pos < len && result == LEATI_HTTP_MORE) {
        size_t used = 0;
        size_t n = len - pos < step ? len - pos : step;
        /* A buffer of its own, so that ASan sees a read beyond it. */
        char *piece = malloc(n);
        memcpy(piece, data + pos, n);
        result = leati_http_head_feed(head, piece, n, &used);
        free(piece);
        pos += used;
    }
    *ret_used = pos;
    return result;
}

static void check_upgrade_response(const struct leati_http_head *head)
{
    cr_assert_eq(leati_http_head_status(head), 101);
    cr_assert_eq(leati_http_head_minor_version(head), 1);
    cr_assert_str_eq(leati_http_head_reason(head), "Switching Protocols");
    cr_assert_str_eq(leati_http_head_method(head), "");
    cr_assert_eq(leati_http_head_field_count(head), 6);
    cr_assert_str_eq(leati_http_head_get(head, "upgrade"), "websocket");
    cr_assert_str_eq(leati_http_head_get(head, "X-EMPTY"), "");
    cr_assert_str_eq(leati_http_head_get(head, "x-space"), "a b");
    cr_assert_null(leati_http_head_get(head, "x-missing"));
    cr_assert_str_eq(leati_http_head_field(head, 1).name, "connection");
    cr_assert_str_eq(leati_http_head_field(head, 1).value, "keep-alive, Upgrade");
    cr_assert(leati_http_head_has_token(head, "Upgrade", "websocket"));
    cr_assert(leati_http_head_has_token(head, "Connection", "upgrade"));
    cr_assert(leati_http_head_has_token(head, "Connection", "keep-alive"));
    cr_assert_not(leati_http_head_has_token(head, "Connection", "keep"));
    cr_assert_not(leati_http_head_has_token(head, "X-Missing", "upgrade"));

    size_t cursor = 0;
    cr_assert_eq(leati_http_head_count(head, "Set-Cookie"), 2);
    cr_assert_str_eq(leati_http_head_next(head, "Set-Cookie", &cursor), "a=1");
    cr_assert_str_eq(leati_http_head_next(head, "Set-Cookie", &cursor), "b=2");
    cr_assert_null(leati_http_head_next(head, "Set-Cookie", &cursor));
}

Test(http_head, response_in_any_fragmentation_ends_where_it_ends)
{
    static const char data[] = UPGRADE_RESPONSE "\x81\x05hello";
    const size_t head_len = strlen(UPGRADE_RESPONSE);

    for (size_t step = 1; step < sizeof(data); step++) {
        struct leati_http_head head;
        size_t used;
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        cr_assert_eq(feed_in_steps(&head, data, sizeof(data) - 1, step, &used), LEATI_HTTP_DONE);
        cr_assert_eq(used, head_len, "step %zu: %zu", step, used);
        cr_assert_eq(leati_http_head_size(&head), head_len);
        cr_assert_str_eq(leati_http_head_error(&head), "");
        check_upgrade_response(&head);
        leati_http_head_done(&head);
    }
}

Test(http_head, every_truncation_asks_for_more)
{
    static const char data[] = UPGRADE_RESPONSE;

    for (size_t len = 0; len < strlen(data); len++) {
        struct leati_http_head head;
        size_t used;
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        cr_assert_eq(feed_in_steps(&head, data, len, len ? len : 1, &used), LEATI_HTTP_MORE);
        cr_assert_eq(used, len);
        cr_assert_eq(leati_http_head_size(&head), len);
        leati_http_head_done(&head);
    }
}

Test(http_head, request)
{
    static const char data[] = "\r\nGET /chat?x=%20 HTTP/1.1\r\nHost: example.com:8080\r\n\r\nrest";

    for (size_t step = 1; step < sizeof(data); step++) {
        struct leati_http_head head;
        size_t used;
        leati_http_head_init(&head, LEATI_HTTP_REQUEST);
        cr_assert_eq(feed_in_steps(&head, data, sizeof(data) - 1, step, &used), LEATI_HTTP_DONE);
        cr_assert_eq(used, sizeof(data) - 1 - strlen("rest"));
        cr_assert_str_eq(leati_http_head_method(&head), "GET");
        cr_assert_str_eq(leati_http_head_target(&head), "/chat?x=%20");
        cr_assert_str_eq(leati_http_head_get(&head, "host"), "example.com:8080");
        cr_assert_eq(leati_http_head_status(&head), 0);
        cr_assert_str_eq(leati_http_head_reason(&head), "");
        leati_http_head_done(&head);
    }
}

struct head_case {
    enum leati_http_kind kind;
    const char *data;
    enum leati_http_result result;
    const char *text; /* the error's, or the reason's if it is done */
};

static void check_cases(const struct head_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(cases[i].data);
        for (size_t step = 1; step <= len; step += len - 1 ? len - 1 : 1) {
            struct leati_http_head head;
            size_t used;
            leati_http_head_init(&head, cases[i].kind);
            enum leati_http_result result = feed_in_steps(&head, cases[i].data, len, step, &used);
            cr_expect_eq(result, cases[i].result, "case %zu, step %zu: %d, %s", i, step, result,
                         leati_http_head_error(&head));
            cr_expect_str_eq(result == LEATI_HTTP_DONE ? leati_http_head_reason(&head)
                                                       : leati_http_head_error(&head),
                             cases[i].text, "case %zu, step %zu", i, step);
            leati_http_head_done(&head);
        }
    }
}

Test(http_head, accepted_forms)
{
    static const struct head_case cases[] = {
        {LEATI_HTTP_RESPONSE, "HTTP/1.0 200 Connection established\r\n\r\n", LEATI_HTTP_DONE,
         "Connection established"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 \r\n\r\n", LEATI_HTTP_DONE, ""},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200\r\n\r\n", LEATI_HTTP_DONE, ""},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 999 \xc3\xa4\tx\r\n\r\n", LEATI_HTTP_DONE, "\xc3\xa4\tx"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\nA: b\n\n", LEATI_HTTP_DONE, "OK"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\nA: b\r\n\n", LEATI_HTTP_DONE, "OK"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA: \xff b\r\n\r\n", LEATI_HTTP_DONE, "OK"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.2 200 OK\r\n\r\n", LEATI_HTTP_DONE, "OK"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 100 Go on\r\n\r\n", LEATI_HTTP_DONE, "Go on"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.0\r\n\r\n", LEATI_HTTP_DONE, ""},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.9\r\n\r\n", LEATI_HTTP_DONE, ""},
        {LEATI_HTTP_REQUEST, "GET /!~ HTTP/1.1\r\n\r\n", LEATI_HTTP_DONE, ""},
    };
    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

Test(http_head, malformed_responses_are_named)
{
    static const struct head_case cases[] = {
        {LEATI_HTTP_RESPONSE, "SSH-2.0-OpenSSH_9.2\r\n", LEATI_HTTP_MALFORMED,
         "not an HTTP response: byte 0 is 0x53 instead of 'H'"},
        {LEATI_HTTP_RESPONSE, "HTTP/2 200\r\n", LEATI_HTTP_MALFORMED,
         "the response is of HTTP/2, not of HTTP/1.x"},
        {LEATI_HTTP_RESPONSE, "HTTP/0.9 200 OK\r\n", LEATI_HTTP_MALFORMED,
         "the response is of HTTP/0, not of HTTP/1.x"},
        {LEATI_HTTP_RESPONSE, "HTTP/10.1 200 OK\r\n", LEATI_HTTP_MALFORMED,
         "not an HTTP response: byte 6 is 0x30 instead of '.'"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.10 200 OK\r\n", LEATI_HTTP_MALFORMED,
         "the status line does not begin with \"HTTP/1.\", a digit and a space"},
        {LEATI_HTTP_RESPONSE, "http/1.1 200 OK\r\n", LEATI_HTTP_MALFORMED,
         "not an HTTP response: byte 0 is 0x68 instead of 'H'"},
        {LEATI_HTTP_RESPONSE, "\r\nHTTP/1.1 200 OK\r\n\r\n", LEATI_HTTP_MALFORMED,
         "not an HTTP response: byte 0 is 0x0d instead of 'H'"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.x 200 OK\r\n", LEATI_HTTP_MALFORMED,
         "the status line does not begin with \"HTTP/1.\", a digit and a space"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1\r\n", LEATI_HTTP_MALFORMED,
         "the status line does not begin with \"HTTP/1.\", a digit and a space"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 20\r\n", LEATI_HTTP_MALFORMED,
         "the status is not a number from 100 to 999"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 099 X\r\n", LEATI_HTTP_MALFORMED,
         "the status is not a number from 100 to 999"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1  200 X\r\n", LEATI_HTTP_MALFORMED,
         "the status is not a number from 100 to 999"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 2000 X\r\n", LEATI_HTTP_MALFORMED,
         "no space behind the status"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 O\rK\r\n", LEATI_HTTP_MALFORMED,
         "a CR without LF in the status line"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 O\x01K\r\n", LEATI_HTTP_MALFORMED,
         "byte 0x01 in the status line"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA: b\r\nC: \x7f\r\n", LEATI_HTTP_MALFORMED,
         "byte 0x7f in header field 2"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA: b\r\n c\x01\r\n", LEATI_HTTP_MALFORMED,
         "byte 0x01 in header field 1"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n A: b\r\n", LEATI_HTTP_MALFORMED,
         "header field 1 begins with white space"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA : b\r\n", LEATI_HTTP_MALFORMED,
         "white space before the colon of header field 1"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA b\r\n", LEATI_HTTP_MALFORMED,
         "header field 1 has no colon"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n: b\r\n", LEATI_HTTP_MALFORMED,
         "the name of header field 1 is not a token"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA b: c\r\n", LEATI_HTTP_MALFORMED,
         "the name of header field 1 is not a token"},
        {LEATI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n\xc3\xa4: c\r\n", LEATI_HTTP_MALFORMED,
         "the name of header field 1 is not a token"},
    };
    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

Test(http_head, malformed_requests_are_named)
{
    static const struct head_case cases[] = {
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.1\nHost: a\n\n", LEATI_HTTP_MALFORMED,
         "the request line ends with LF instead of CRLF"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\n", LEATI_HTTP_MALFORMED,
         "header field 1 ends with LF instead of CRLF"},
        {LEATI_HTTP_REQUEST, "\r\n\r\nGET / HTTP/1.1\r\n", LEATI_HTTP_MALFORMED,
         "the request line has no valid method"},
        {LEATI_HTTP_REQUEST, "G(T / HTTP/1.1\r\n", LEATI_HTTP_MALFORMED,
         "the request line has no valid method"},
        {LEATI_HTTP_REQUEST, "GET  HTTP/1.1\r\n", LEATI_HTTP_MALFORMED,
         "the request line has no target"},
        {LEATI_HTTP_REQUEST, "GET /\r\n", LEATI_HTTP_MALFORMED, "the request line has no target"},
        {LEATI_HTTP_REQUEST, "GET /\t HTTP/1.1\r\n", LEATI_HTTP_MALFORMED,
         "the request target holds byte 0x09"},
        {LEATI_HTTP_REQUEST, "GET / x HTTP/1.1\r\n", LEATI_HTTP_MALFORMED,
         "the request line does not end with \"HTTP/1.\" and a digit"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.10\r\n", LEATI_HTTP_MALFORMED,
         "the request line does not end with \"HTTP/1.\" and a digit"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1,1\r\n", LEATI_HTTP_MALFORMED,
         "the request line does not end with \"HTTP/1.\" and a digit"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/2.0\r\n", LEATI_HTTP_MALFORMED,
         "the request is of HTTP/2, not of HTTP/1.x"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.1\r\nA: b\r\n c\r\n", LEATI_HTTP_MALFORMED,
         "header field 2 begins with white space (line folding)"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.1\r\n A: b\r\n", LEATI_HTTP_MALFORMED,
         "header field 1 begins with white space"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.1\r\nA : b\r\n", LEATI_HTTP_MALFORMED,
         "white space before the colon of header field 1"},
        {LEATI_HTTP_REQUEST, "GET / HTTP/1.1\r\nA: b\rc\r\n", LEATI_HTTP_MALFORMED,
         "a CR without LF in header field 1"},
    };
    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

/* RFC 9110 section 2.5: what is above 1.1 is read as 1.1. */
Test(http_head, minor_versions)
{
    for (int minor = 0; minor <= 9; minor++) {
        char data[64];
        struct leati_http_head head;
        size_t used;
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        int len = snprintf(data, sizeof(data), "HTTP/1.%d 101 x\r\n\r\n", minor);
        cr_assert_eq(leati_http_head_feed(&head, data, (size_t)len, &used), LEATI_HTTP_DONE);
        cr_assert_eq(leati_http_head_minor_version(&head), minor == 0 ? 0 : 1, "%s", data);
        leati_http_head_done(&head);
        leati_http_head_init(&head, LEATI_HTTP_REQUEST);
        len = snprintf(data, sizeof(data), "GET / HTTP/1.%d\r\n\r\n", minor);
        cr_assert_eq(leati_http_head_feed(&head, data, (size_t)len, &used), LEATI_HTTP_DONE);
        cr_assert_eq(leati_http_head_minor_version(&head), minor == 0 ? 0 : 1, "%s", data);
        leati_http_head_done(&head);
    }
}

Test(http_head, folded_fields_of_responses)
{
    static const struct {
        const char *fields; /* behind the status line */
        const char *a;      /* the values of A and Z */
        const char *z;
        size_t count;
    } cases[] = {
        {"A: b,\r\n\tc\r\nZ: 1\r\n", "b, c", "1", 2},
        {"A: b\r\n c\r\n d\r\n", "b c d", NULL, 1},
        {"A:\r\n /new\r\nZ:1\r\n", "/new", "1", 2},
        {"A: b \t \r\n \t  c \t\r\nZ:\r\n", "b c", "", 2},
        {"A: b\r\n \r\nZ: 1\r\n", "b", "1", 2},
        {"A:\r\n \r\n\t\r\nZ: 1\r\n", "", "1", 2},
        {"A:\r\n \r\n\tb\r\n", "b", NULL, 1},
        {"A: \t\r\n b\r\nZ: 1\r\n", "b", "1", 2},
        {"A: b\n c\nZ: 1\n", "b c", "1", 2},
        {"A:b\n\tc\r\n d\nZ:1\n", "b c d", "1", 2},
        {"A: \"b\r\n c\"\r\nZ: x: y\r\n z: q\r\n", "\"b c\"", "x: y z: q", 2},
        {"A: \xff\r\n \xc3\xa4\r\n", "\xff \xc3\xa4", NULL, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char data[128];
        int len = snprintf(data, sizeof(data), "HTTP/1.1 200 OK\r\n%s\r\n", cases[i].fields);
        for (size_t step = 1; step <= (size_t)len; step++) {
            struct leati_http_head head;
            size_t used;
            leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
            cr_assert_eq(feed_in_steps(&head, data, (size_t)len, step, &used), LEATI_HTTP_DONE,
                         "case %zu: %s", i, leati_http_head_error(&head));
            cr_expect_eq(leati_http_head_field_count(&head), cases[i].count, "case %zu", i);
            cr_expect_str_eq(leati_http_head_get(&head, "A"), cases[i].a, "case %zu", i);
            const char *z = leati_http_head_get(&head, "Z");
            cr_expect((!z) == (!cases[i].z) && (!z || strcmp(z, cases[i].z) == 0), "case %zu: %s",
                      i, z ? z : "none");
            leati_http_head_done(&head);
        }
    }
}

/* A field with its folds is as long as a line may be. */
Test(http_head, a_folded_field_has_the_limit_of_a_line)
{
    static const char start[] = "HTTP/1.1 200 OK\r\nA:b";
    static const char fold[] = "\r\n 345678";
    const size_t folds = (LEATI_HTTP_LINE_MAX_BYTES - 3) / 7;

    for (size_t extra = 0; extra < 2; extra++) {
        struct leati_http_head head;
        size_t used;
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        leati_http_head_feed(&head, start, sizeof(start) - 1, &used);
        for (size_t i = 0; i < folds + extra; i++)
            leati_http_head_feed(&head, fold, sizeof(fold) - 1, &used);
        enum leati_http_result result = leati_http_head_feed(&head, "\r\n\r\n", 4, &used);
        cr_expect_eq(result, extra ? LEATI_HTTP_TOO_LARGE : LEATI_HTTP_DONE, "%zu", extra);
        if (extra)
            cr_expect_str_eq(leati_http_head_error(&head),
                             "header field 1 is longer than 16384 bytes");
        else
            cr_expect_eq(strlen(leati_http_head_get(&head, "A")), 1 + 7 * folds);
        leati_http_head_done(&head);
    }
}

Test(http_head, nul_is_refused_anywhere)
{
    static const char data[] = UPGRADE_RESPONSE;

    for (size_t i = 0; i < strlen(data); i++) {
        char broken[sizeof(data)];
        struct leati_http_head head;
        size_t used;
        memcpy(broken, data, sizeof(data));
        broken[i] = '\0';
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        cr_assert_eq(feed_in_steps(&head, broken, strlen(data), sizeof(data), &used),
                     LEATI_HTTP_MALFORMED);
        cr_assert_eq(leati_http_head_size(&head), i);
        cr_assert_eq(leati_http_head_feed(&head, data, 1, &used), LEATI_HTTP_MALFORMED);
        leati_http_head_done(&head);
    }
}

/* A status line, then `count` fields, each with `value_len` bytes of value. */
static enum leati_http_result feed_fields(struct leati_http_head *head, size_t count,
                                          size_t value_len)
{
    static const char status_line[] = "HTTP/1.1 200 OK\r\n";
    enum leati_http_result result;
    size_t used;

    leati_http_head_init(head, LEATI_HTTP_RESPONSE);
    result = leati_http_head_feed(head, status_line, sizeof(status_line) - 1, &used);
    char *value = malloc(value_len + 1);
    memset(value, 'v', value_len + 1);
    for (size_t i = 0; i < count && result == LEATI_HTTP_MORE; i++) {
        result = leati_http_head_feed(head, "n:", 2, &used);
        if (result == LEATI_HTTP_MORE && value_len > 0)
            result = leati_http_head_feed(head, value, value_len, &used);
        if (result == LEATI_HTTP_MORE)
            result = leati_http_head_feed(head, "\r\n", 2, &used);
    }
    free(value);
    if (result == LEATI_HTTP_MORE)
        result = leati_http_head_feed(head, "\r\n", 2, &used);
    return result;
}

Test(http_head, limits_hold_to_the_byte)
{
    struct leati_http_head head;

    cr_assert_eq(feed_fields(&head, LEATI_HTTP_MAX_FIELDS, 3), LEATI_HTTP_DONE);
    cr_assert_eq(leati_http_head_field_count(&head), LEATI_HTTP_MAX_FIELDS);
    leati_http_head_done(&head);
    cr_assert_eq(feed_fields(&head, LEATI_HTTP_MAX_FIELDS + 1, 3), LEATI_HTTP_TOO_LARGE);
    cr_assert_str_eq(leati_http_head_error(&head), "more than 256 header fields");
    leati_http_head_done(&head);

    cr_assert_eq(feed_fields(&head, 1, LEATI_HTTP_LINE_MAX_BYTES - 2), LEATI_HTTP_DONE);
    leati_http_head_done(&head);
    cr_assert_eq(feed_fields(&head, 1, LEATI_HTTP_LINE_MAX_BYTES - 1), LEATI_HTTP_TOO_LARGE);
    cr_assert_str_eq(leati_http_head_error(&head), "header field 1 is longer than 16384 bytes");
    leati_http_head_done(&head);

    /* 17 bytes of status line, 63 fields of 1,024 and one of 1,005, 2 of the end. */
    size_t used;
    char last[2048];
    cr_assert_eq(feed_fields(&head, 63, 1020), LEATI_HTTP_DONE);
    size_t rest = LEATI_HTTP_HEAD_MAX_BYTES - leati_http_head_size(&head);
    leati_http_head_done(&head);
    for (size_t extra = 0; extra < 2; extra++) {
        static const char status_line[] = "HTTP/1.1 200 OK\r\n";
        char field[1024];
        memset(field, 'v', sizeof(field));
        memcpy(field, "n:", 2);
        memcpy(field + sizeof(field) - 2, "\r\n", 2);
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        leati_http_head_feed(&head, status_line, sizeof(status_line) - 1, &used);
        for (int i = 0; i < 63; i++)
            cr_assert_eq(leati_http_head_feed(&head, field, sizeof(field), &used), LEATI_HTTP_MORE);
        int len = snprintf(last, sizeof(last), "n:%0*d\r\n\r\n", (int)(rest - 4 + extra), 0);
        enum leati_http_result result = leati_http_head_feed(&head, last, (size_t)len, &used);
        cr_assert_eq(result, extra ? LEATI_HTTP_TOO_LARGE : LEATI_HTTP_DONE, "%zu", extra);
        leati_http_head_done(&head);
    }
}

Test(http_head, a_line_without_end_is_cut_off)
{
    struct leati_http_head head;
    char chunk[512];
    size_t used;
    size_t fed = 0;

    memset(chunk, 'a', sizeof(chunk));
    leati_http_head_init(&head, LEATI_HTTP_REQUEST);
    while (leati_http_head_feed(&head, chunk, sizeof(chunk), &used) == LEATI_HTTP_MORE)
        fed += used;
    cr_assert_eq(fed, LEATI_HTTP_LINE_MAX_BYTES);
    cr_assert_str_eq(leati_http_head_error(&head), "the request line is longer than 16384 bytes");
    leati_http_head_done(&head);
}

Test(http_head, values_of_host)
{
    static const char *const good[] = {"h",
                                       "h:",
                                       "a_b.example.com:8080",
                                       "127.0.0.1:1",
                                       "[::1]",
                                       "[::1]:80",
                                       "[fe80::1%25eth0]:65535",
                                       "%c3%a4.test",
                                       "%fF%Aa",
                                       "azAZ09",
                                       "%09%af%AF",
                                       "a,b;c=!$&'()*+~"};
    static const char *const bad[] = {
        "",    ":80",      "a b",  "u@h",    "h/",      "h?x",     "h:x",  "h:-1", "h:1:2",
        "::1", "[]",       "[::1", "[::1]x", "h:65536", "%c",      "%zz",  "%fg",  "%gf",
        "%F",  "\xc3\xa4", "a\tb", "h#",     "[a b]",   "[::1]:x", "%c3/a"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(leati_http_host_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(leati_http_host_valid(bad[i]), "%s", bad[i]);
}

Test(http_head, lists)
{
    static const char list[] = " a , ,\tB=\"x,\\\",y\" ;q , c,";
    static const char *const items[] = {"a", "B=\"x,\\\",y\" ;q", "c"};
    const char *cursor = list;
    const char *item;
    size_t len;

    for (size_t i = 0; i < 3; i++) {
        cr_assert(leati_http_list_next(&cursor, &item, &len));
        cr_assert_eq(len, strlen(items[i]));
        cr_assert_arr_eq(item, items[i], len);
    }
    cr_assert_not(leati_http_list_next(&cursor, &item, &len));
    cr_assert_not(leati_http_list_next(&cursor, &item, &len));
    /* Only what is quoted is escaped. */
    cursor = "a\\,b";
    cr_assert(leati_http_list_next(&cursor, &item, &len));
    cr_assert_eq(len, 2);
    cr_assert(leati_http_list_next(&cursor, &item, &len));
    cr_assert_arr_eq(item, "b", 2);
    cursor = "\"a\\";
    cr_assert(leati_http_list_next(&cursor, &item, &len));
    cr_assert_eq(len, 3);
    cr_assert_not(leati_http_list_next(&cursor, &item, &len));
}

static bool parse_upgrade_response(void)
{
    struct leati_http_head head;
    size_t used;
    leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
    enum leati_http_result result =
        feed_in_steps(&head, UPGRADE_RESPONSE, strlen(UPGRADE_RESPONSE), 7, &used);
    bool done = result == LEATI_HTTP_DONE;
    cr_assert(done || result == LEATI_HTTP_NO_MEMORY);
    leati_http_head_done(&head);
    return done;
}

Test(http_head, every_allocation_may_fail)
{
    cr_assert_gt(alloc_failure_run_all(parse_upgrade_response), 0);
}

/* What one feeding of some bytes came to, to be compared with another feeding of the same. */
struct outcome {
    enum leati_http_result result;
    size_t used, field_count;
    int status;
    char error[128];
    char fields[256]; /* their beginning */
};

static void outcome_of(enum leati_http_kind kind, const char *data, size_t len, size_t step,
                       struct outcome *ret_outcome)
{
    struct leati_http_head head;
    memset(ret_outcome, 0, sizeof(*ret_outcome));
    leati_http_head_init(&head, kind);
    ret_outcome->result = feed_in_steps(&head, data, len, step, &ret_outcome->used);
    if (ret_outcome->result != LEATI_HTTP_DONE && ret_outcome->result != LEATI_HTTP_MORE)
        ret_outcome->used = leati_http_head_size(&head);
    ret_outcome->field_count = leati_http_head_field_count(&head);
    ret_outcome->status = leati_http_head_status(&head);
    snprintf(ret_outcome->error, sizeof(ret_outcome->error), "%s", leati_http_head_error(&head));
    for (size_t i = 0; i < ret_outcome->field_count; i++) {
        struct leati_http_field field = leati_http_head_field(&head, i);
        cr_assert_lt(strlen(field.name) + strlen(field.value), LEATI_HTTP_LINE_MAX_BYTES);
        leati_http_head_has_token(&head, field.name, "upgrade");
        size_t at = strlen(ret_outcome->fields);
        snprintf(ret_outcome->fields + at, sizeof(ret_outcome->fields) - at, "%s=%s;", field.name,
                 field.value);
    }
    leati_http_head_done(&head);
}

static void check_mutations(enum leati_http_kind kind, const char *seed_text, uint64_t seed)
{
    struct mutation mutation;
    mutation_init(&mutation, seed);
    for (int i = 0; i < 10000; i++) {
        struct outcome whole, bytes, pieces;
        size_t len = mutation_next(&mutation, seed_text, strlen(seed_text));
        const char *data = (const char *)mutation.bytes;
        outcome_of(kind, data, len, SIZE_MAX, &whole);
        outcome_of(kind, data, len, 1, &bytes);
        outcome_of(kind, data, len, 1 + mutation_below(&mutation, 16), &pieces);
        cr_assert_arr_eq(&whole, &bytes, sizeof(whole), "case %d", i);
        cr_assert_arr_eq(&whole, &pieces, sizeof(whole), "case %d", i);
    }
}

Test(http_head, mutated_responses_do_not_depend_on_fragmentation)
{
    check_mutations(LEATI_HTTP_RESPONSE, UPGRADE_RESPONSE "\x81\x05hello", 1);
}

Test(http_head, mutated_folds_do_not_depend_on_fragmentation)
{
    check_mutations(LEATI_HTTP_RESPONSE,
                    "HTTP/1.1 101 x\r\nUpgrade:\r\n websocket\r\nB: c\n\td \r\n  e\r\n \r\n\r\nxyz",
                    3);
}

Test(http_head, mutated_requests_do_not_depend_on_fragmentation)
{
    check_mutations(LEATI_HTTP_REQUEST,
                    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\nxyz", 2);
}

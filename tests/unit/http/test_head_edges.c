/* SPDX-License-Identifier: Apache-2.0 */
/* Where one byte more, or less, makes a difference. */
#include "http/head.h"

#include "support/leak_check.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_head_edges, .timeout = 30, .fini = leak_check);

static enum leati_http_result feed(struct leati_http_head *head, const char *data, size_t len)
{
    size_t used;
    return leati_http_head_feed(head, data, len, &used);
}

/* "a: v", a space, and what is folded to it: together as long as a line may be, and one byte longer. */
Test(http_head_edges, a_fold_fits_to_the_byte)
{
    static const char start[] = "HTTP/1.1 200 OK\r\na: v\r\n ";
    static char data[sizeof(start) + LEATI_HTTP_LINE_MAX_BYTES + 4];
    const size_t most = LEATI_HTTP_LINE_MAX_BYTES - strlen("a: v ");

    for (size_t more = 0; more < 2; more++) {
        struct leati_http_head head;
        size_t len = strlen(start);

        memcpy(data, start, len);
        memset(data + len, 'x', most + more);
        len += most + more;
        memcpy(data + len, "\r\n\r\n", 4);
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        cr_expect_eq(feed(&head, data, len + 4), more ? LEATI_HTTP_TOO_LARGE : LEATI_HTTP_DONE);
        if (!more)
            cr_expect_eq(strlen(leati_http_head_get(&head, "a")), strlen("v ") + most);
        leati_http_head_done(&head);
    }
}

/* Also where the CR is all that has come of the line. */
Test(http_head_edges, a_cr_that_begins_a_line_ends_it)
{
    static const char start[] = "HTTP/1.1 200 OK\r\na: v\r\n\r";
    struct leati_http_head head;

    leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
    cr_assert_eq(feed(&head, start, strlen(start)), LEATI_HTTP_MORE);
    cr_assert_eq(feed(&head, ":", 1), LEATI_HTTP_MALFORMED);
    cr_assert(strstr(leati_http_head_error(&head), "CR without LF"), "%s",
              leati_http_head_error(&head));
    leati_http_head_done(&head);
}

/* A server that refuses a line must know whether HEAD was asked, before the line is whole. */
Test(http_head_edges, the_method_is_known_behind_its_space)
{
    static const char line[] = "HEAD /";
    for (int form = 0; form < 4; form++) {
        bool is_whole = form & 1, follows_empty_line = form & 2;
        struct leati_http_head head;
        leati_http_head_init(&head, LEATI_HTTP_REQUEST);
        if (follows_empty_line)
            cr_assert_eq(feed(&head, "\r\n", 2), LEATI_HTTP_MORE);
        for (size_t i = 0; i < strlen(line); i++) {
            cr_expect_eq(leati_http_head_method_is(&head, "HEAD"), i > 4, "%zu bytes", i);
            cr_expect_not(leati_http_head_method_is(&head, "HEA"), "%zu bytes", i);
            cr_expect_not(leati_http_head_method_is(&head, "GET"), "%zu bytes", i);
            cr_assert_eq(feed(&head, line + i, 1), LEATI_HTTP_MORE);
        }
        if (is_whole)
            cr_assert_eq(feed(&head, " HTTP/1.1\r\n", 11), LEATI_HTTP_MORE);
        cr_expect(leati_http_head_method_is(&head, "HEAD"));
        cr_expect_not(leati_http_head_method_is(&head, "HEA"));
        leati_http_head_done(&head);
    }
}

/* Nor does it matter to that what was wrong with the line. */
Test(http_head_edges, the_method_of_a_line_that_is_refused)
{
    static const char *const lines[] = {"HEAD / HTTP/2.0\r\n", "HEAD /\t HTTP/1.1\r\n",
                                        "HEAD / HTTP/1.1\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct leati_http_head head;
        leati_http_head_init(&head, LEATI_HTTP_REQUEST);
        cr_assert_eq(feed(&head, lines[i], strlen(lines[i])), LEATI_HTTP_MALFORMED);
        cr_expect(leati_http_head_method_is(&head, "HEAD"), "%zu", i);
        cr_expect_not(leati_http_head_method_is(&head, "HEA"), "%zu", i);
        leati_http_head_done(&head);
    }
}

/* A response has none, whatever it begins with. */
Test(http_head_edges, a_response_has_no_method)
{
    struct leati_http_head head;
    leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
    cr_assert_eq(feed(&head, "HTTP/1.1 200", 12), LEATI_HTTP_MORE);
    cr_assert_not(leati_http_head_method_is(&head, "HTTP/1.1"));
    leati_http_head_done(&head);
}

/* Whose fault it was: which part of the head was too large. */
Test(http_head_edges, what_is_too_large_has_a_name)
{
    static const struct {
        const char *start;
        enum leati_http_fault fault;
    } rows[] = {
        {"", LEATI_HTTP_FAULT_METHOD},
        {"GET /", LEATI_HTTP_FAULT_TARGET},
        {"GET / HTTP/1.1\r\na: ", LEATI_HTTP_FAULT_FIELDS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_http_head head;
        enum leati_http_result result = LEATI_HTTP_MORE;
        leati_http_head_init(&head, LEATI_HTTP_REQUEST);
        if (rows[i].start[0])
            result = feed(&head, rows[i].start, strlen(rows[i].start));
        for (size_t more = 0; result == LEATI_HTTP_MORE && more <= LEATI_HTTP_LINE_MAX_BYTES;
             more++)
            result = feed(&head, "A", 1);
        cr_expect_eq(leati_http_head_fault(&head), rows[i].fault, "row %zu: %d", i,
                     (int)leati_http_head_fault(&head));
        cr_expect_neq(result, LEATI_HTTP_MORE);
        leati_http_head_done(&head);
    }
}

static bool always(void)
{
    return true;
}

/* Neither for a byte nor for a field: and what has failed has failed. */
Test(http_head_edges, what_had_no_memory_has_none_later)
{
    static const char *const starts[] = {"", "HTTP/1.1 200 OK\r\na: b\r"};
    static const char *const next[] = {"H", "\n"};
    for (size_t i = 0; i < 2; i++) {
        struct leati_http_head head;
        leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
        if (starts[i][0])
            cr_assert_eq(feed(&head, starts[i], strlen(starts[i])), LEATI_HTTP_MORE);
        leati_alloc_fail_hook = always;
        cr_expect_eq(feed(&head, next[i], 1), LEATI_HTTP_NO_MEMORY, "%zu", i);
        leati_alloc_fail_hook = NULL;
        cr_expect_eq(feed(&head, "b: c\r\n", 6), LEATI_HTTP_NO_MEMORY, "%zu", i);
        leati_http_head_done(&head);
    }
}

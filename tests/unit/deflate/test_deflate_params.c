/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/deflate_params.h"

#include "support/mutation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(deflate_params, .timeout = 30);

/* A 101 response, or a request, with these values of Sec-WebSocket-Extensions, NULL at the end. */
static void head_with(struct leati_http_head *head, const char *const *values)
{
    char text[8192];
    size_t used = 0;
    int len = snprintf(text, sizeof(text), "HTTP/1.1 101 Switching Protocols\r\nX: y\r\n");

    for (; *values; values++)
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "sec-websocket-extensions: %s\r\nX: y\r\n", *values);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
    leati_http_head_init(head, LEATI_HTTP_RESPONSE);
    cr_assert_eq(leati_http_head_feed(head, text, (size_t)len, &used), LEATI_HTTP_DONE, "%s",
                 leati_http_head_error(head));
}

static void check_params(const struct leati_deflate_params *a, bool server_no, bool client_no,
                         int server_bits, int client_bits, const char *what)
{
    cr_expect_eq(a->server_no_context_takeover, server_no, "%s", what);
    cr_expect_eq(a->client_no_context_takeover, client_no, "%s", what);
    cr_expect_eq(a->server_max_window_bits, server_bits, "%s: %d", what, a->server_max_window_bits);
    cr_expect_eq(a->client_max_window_bits, client_bits, "%s: %d", what, a->client_max_window_bits);
}

/* ---- the client ------------------------------------------------------------------------- */

Test(deflate_params, offers)
{
    static const struct {
        struct leati_deflate_offer offer;
        const char *header;
    } cases[] = {
        {{0}, "permessage-deflate"},
        {{.allows_client_max_window_bits = true}, "permessage-deflate; client_max_window_bits"},
        {{.client_max_window_bits = 10}, "permessage-deflate"},
        {{true, true, 15, true, 15},
         "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
         "server_max_window_bits=15; client_max_window_bits=15"},
        {{.server_max_window_bits = 8}, "permessage-deflate; server_max_window_bits=8"},
    };
    char header[LEATI_DEFLATE_HEADER_SIZE];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        leati_deflate_offer_format(&cases[i].offer, header);
        cr_expect_str_eq(header, cases[i].header);
    }
}

static const struct leati_deflate_offer offer_plain = {0};
static const struct leati_deflate_offer offer_hint = {.allows_client_max_window_bits = true};
static const struct leati_deflate_offer offer_all = {true, true, 10, true, 12};

struct response_case {
    const struct leati_deflate_offer *offer;
    const char *values[3];
    enum leati_deflate_answer answer;
    struct leati_deflate_params params;
};

#define PMD "permessage-deflate"

static const struct response_case responses[] = {
    {&offer_plain, {NULL}, LEATI_DEFLATE_DECLINED, {0}},
    {NULL, {NULL}, LEATI_DEFLATE_DECLINED, {0}},
    {&offer_plain, {""}, LEATI_DEFLATE_DECLINED, {0}},
    {&offer_plain, {" , ,"}, LEATI_DEFLATE_DECLINED, {0}},
    {&offer_plain, {PMD}, LEATI_DEFLATE_AGREED, {false, false, 15, 15}},
    {&offer_plain, {"Permessage-Deflate"}, LEATI_DEFLATE_AGREED, {false, false, 15, 15}},
    {&offer_plain, {"", PMD}, LEATI_DEFLATE_AGREED, {false, false, 15, 15}},
    {&offer_plain, {", " PMD " ,"}, LEATI_DEFLATE_AGREED, {false, false, 15, 15}},
    /* A server may say all of these unasked. */
    {&offer_plain,
     {PMD ";server_no_context_takeover;client_no_context_takeover;server_max_window_bits=9"},
     LEATI_DEFLATE_AGREED,
     {true, true, 9, 15}},
    {&offer_plain,
     {PMD " ;\tServer_Max_Window_Bits = \"12\" "},
     LEATI_DEFLATE_AGREED,
     {false, false, 12, 15}},
    {&offer_plain,
     {PMD "; server_max_window_bits=\"1\\0\""},
     LEATI_DEFLATE_AGREED,
     {false, false, 10, 15}},
    {&offer_plain, {PMD "; server_max_window_bits=8"}, LEATI_DEFLATE_AGREED, {false, false, 8, 15}},
    {&offer_hint, {PMD "; client_max_window_bits=8"}, LEATI_DEFLATE_AGREED, {false, false, 15, 8}},
    {&offer_hint,
     {PMD "; client_max_window_bits=15"},
     LEATI_DEFLATE_AGREED,
     {false, false, 15, 15}},
    {&offer_all,
     {PMD "; server_max_window_bits=10; client_max_window_bits=12"},
     LEATI_DEFLATE_AGREED,
     {false, true, 10, 12}},
    {&offer_all,
     {PMD "; server_max_window_bits=9; client_max_window_bits=9"},
     LEATI_DEFLATE_AGREED,
     {false, true, 9, 9}},
    /* An answer that leaves things out is what it says; our own promises hold. */
    {&offer_all, {PMD}, LEATI_DEFLATE_AGREED, {false, true, 15, 12}},
};

static const struct response_case invalid_responses[] = {
    {NULL, {PMD}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {"x-webkit-deflate-frame"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD ", foo"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {"foo, " PMD}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD ", " PMD}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD, PMD}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {"permessage-deflat"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {"permessage-deflate2"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {"\"" PMD "\""}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; client_max_window_bits=10"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_hint, {PMD "; client_max_window_bits"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_all, {PMD "; client_max_window_bits=13"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_all, {PMD "; server_max_window_bits=11"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_no_context_takeover=1"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; client_no_context_takeover=true"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; foo"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; foo=bar"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain,
     {PMD "; server_no_context_takeover; server_no_context_takeover"},
     LEATI_DEFLATE_INVALID,
     {0}},
    {&offer_plain,
     {PMD "; server_max_window_bits=9; server_max_window_bits=9"},
     LEATI_DEFLATE_INVALID,
     {0}},
    /* syntax */
    {&offer_plain, {PMD ";"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD ";;server_no_context_takeover"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD " server_no_context_takeover"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits="}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits=\"\""}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits=\"10"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits=\"10\\"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits=\" 10\""}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits==10"}, LEATI_DEFLATE_INVALID, {0}},
    {&offer_plain, {PMD "; server_max_window_bits=10 x"}, LEATI_DEFLATE_INVALID, {0}},
};

static enum leati_deflate_answer check_response(const struct response_case *c,
                                                struct leati_deflate_params *ret_params,
                                                struct leati_deflate_fault *ret_fault)
{
    struct leati_http_head head;

    head_with(&head, c->values);
    enum leati_deflate_answer answer =
        leati_deflate_response_check(&head, c->offer, ret_params, ret_fault);
    leati_http_head_done(&head);
    return answer;
}

Test(deflate_params, responses)
{
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        const struct response_case *c = &responses[i];
        struct leati_deflate_params params = {0};
        struct leati_deflate_fault fault = {.reason = ""};
        cr_expect_eq(check_response(c, &params, &fault), c->answer, "%s: %s", c->values[0],
                     fault.reason);
        check_params(&params, c->params.server_no_context_takeover,
                     c->params.client_no_context_takeover, c->params.server_max_window_bits,
                     c->params.client_max_window_bits, c->values[0] ? c->values[0] : "none");
    }
}

Test(deflate_params, invalid_responses)
{
    for (size_t i = 0; i < sizeof(invalid_responses) / sizeof(invalid_responses[0]); i++) {
        const struct response_case *c = &invalid_responses[i];
        struct leati_deflate_params params = {0};
        struct leati_deflate_fault fault = {.reason = ""};
        cr_expect_eq(check_response(c, &params, &fault), LEATI_DEFLATE_INVALID, "%s", c->values[0]);
        cr_expect(*fault.reason);
        check_params(&params, false, false, 0, 0, "written although invalid");
    }
}

/* Which extension is wrong is told, wherever in which field it stands. */
Test(deflate_params, the_culprit_is_named)
{
    static const struct {
        const char *values[3];
        const char *element;
    } cases[] = {
        {{PMD, "x-other"}, "x-other"},
        {{PMD ", x-other; a=\"1, 2\""}, "x-other; a=\"1, 2\""},
        {{"x-first , " PMD}, "x-first"},
        {{PMD, PMD "; server_no_context_takeover"}, PMD "; server_no_context_takeover"},
        {{PMD ", " PMD}, PMD ", " PMD},
        {{PMD "; unknown=1, x-other"}, PMD "; unknown=1"},
        {{PMD "; server_max_window_bits=7"}, PMD "; server_max_window_bits=7"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_http_head head;
        struct leati_deflate_params params;
        struct leati_deflate_fault fault = {.reason = ""};
        head_with(&head, cases[i].values);
        cr_assert_eq(leati_deflate_response_check(&head, &offer_plain, &params, &fault),
                     LEATI_DEFLATE_INVALID);
        cr_expect(fault.element_len == strlen(cases[i].element) &&
                      memcmp(fault.element, cases[i].element, fault.element_len) == 0,
                  "%.*s instead of %s", (int)fault.element_len, fault.element, cases[i].element);
        leati_http_head_done(&head);
    }
}

/* Every number that window bits may be written as. */
Test(deflate_params, window_bits)
{
    for (int bits = -1; bits < 40; bits++) {
        char value[64], zero[64];
        struct leati_deflate_fault fault;
        snprintf(value, sizeof(value), PMD "; server_max_window_bits=%d", bits);
        snprintf(zero, sizeof(zero), PMD "; server_max_window_bits=0%d", bits < 0 ? 0 : bits);
        const struct response_case plain = {.offer = &offer_plain, .values = {value}};
        const struct response_case leading = {.offer = &offer_plain, .values = {zero}};
        struct leati_deflate_params params;
        bool valid = bits >= 8 && bits <= 15;
        cr_expect_eq(check_response(&plain, &params, &fault),
                     valid ? LEATI_DEFLATE_AGREED : LEATI_DEFLATE_INVALID, "%s", value);
        cr_expect_eq(check_response(&leading, &params, &fault), LEATI_DEFLATE_INVALID, "%s", zero);
    }
}

/* ---- the server ------------------------------------------------------------------------- */

static const struct leati_deflate_params no_limits = {false, false, 15, 15};
static const struct leati_deflate_params small_limits = {true, true, 10, 11};

struct offer_case {
    const struct leati_deflate_params *limits;
    const char *values[3];
    const char *header; /* NULL = declined */
    struct leati_deflate_params params;
};

static const struct offer_case offers[] = {
    {&no_limits, {NULL}, NULL, {0}},
    {&no_limits, {"foo, bar; baz"}, NULL, {0}},
    {&no_limits, {PMD}, PMD, {false, false, 15, 15}},
    {&no_limits, {"foo; bar=\"a,b;c\", " PMD}, PMD, {false, false, 15, 15}},
    {&no_limits, {PMD "; client_max_window_bits"}, PMD, {false, false, 15, 15}},
    {&no_limits,
     {PMD "; client_max_window_bits=10"},
     PMD "; client_max_window_bits=10",
     {false, false, 15, 10}},
    {&no_limits,
     {PMD "; server_max_window_bits=15"},
     PMD "; server_max_window_bits=15",
     {false, false, 15, 15}},
    {&no_limits,
     {PMD "; server_max_window_bits=8; server_no_context_takeover; client_no_context_takeover"},
     PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8",
     {true, true, 8, 15}},
    {&small_limits,
     {PMD},
     PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
     {true, true, 10, 15}},
    {&small_limits,
     {PMD "; client_max_window_bits"},
     PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
         "client_max_window_bits=11",
     {true, true, 10, 11}},
    {&small_limits,
     {PMD "; client_max_window_bits=9; server_max_window_bits=12"},
     PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
         "client_max_window_bits=9",
     {true, true, 10, 9}},
    /* The first that is good, over all fields; broken ones are passed over. */
    {&no_limits,
     {PMD "; foo, " PMD "; server_max_window_bits=9, " PMD},
     PMD "; server_max_window_bits=9",
     {false, false, 9, 15}},
    {&no_limits,
     {PMD "; server_max_window_bits", PMD "; server_max_window_bits=7, " PMD},
     PMD,
     {false, false, 15, 15}},
    {&no_limits, {PMD "; server_no_context_takeover=1"}, NULL, {0}},
    {&no_limits, {PMD "; client_max_window_bits; client_max_window_bits"}, NULL, {0}},
    {&no_limits, {PMD ";"}, NULL, {0}},
};

Test(deflate_params, offers_to_a_server)
{
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        const struct offer_case *c = &offers[i];
        struct leati_http_head head;
        struct leati_deflate_params params = {0};
        char header[LEATI_DEFLATE_HEADER_SIZE] = "";
        head_with(&head, c->values);
        cr_expect_eq(leati_deflate_offers_choose(&head, c->limits, &params, header),
                     c->header != NULL, "case %zu", i);
        cr_expect_str_eq(header, c->header ? c->header : "", "case %zu", i);
        check_params(&params, c->params.server_no_context_takeover,
                     c->params.client_no_context_takeover, c->params.server_max_window_bits,
                     c->params.client_max_window_bits, c->values[0] ? c->values[0] : "none");
        leati_http_head_done(&head);
    }
}

/* What our server answers to our client, the client takes as the same. */
Test(deflate_params, both_ends_agree)
{
    for (unsigned n = 0; n < 2 * 2 * 9 * 10 * 16; n++) {
        const unsigned server_bits = n / 4 % 9;
        const unsigned client_bits = n / 36 % 10;
        const unsigned limits_index = n / 360;
        const struct leati_deflate_offer offer = {
            .server_no_context_takeover = n & 1,
            .client_no_context_takeover = n & 2,
            .server_max_window_bits = (uint8_t)(server_bits ? server_bits + 7 : 0),
            .allows_client_max_window_bits = client_bits > 0,
            .client_max_window_bits = (uint8_t)(client_bits > 1 ? client_bits + 6 : 0),
        };
        const struct leati_deflate_params limits = {
            .server_no_context_takeover = limits_index & 1,
            .client_no_context_takeover = limits_index & 2,
            .server_max_window_bits = limits_index & 4 ? 8 : 15,
            .client_max_window_bits = limits_index & 8 ? 9 : 15,
        };
        struct leati_http_head request, response;
        struct leati_deflate_params server = {0}, client = {0};
        char offered[LEATI_DEFLATE_HEADER_SIZE], answered[LEATI_DEFLATE_HEADER_SIZE];
        struct leati_deflate_fault fault = {.reason = ""};
        leati_deflate_offer_format(&offer, offered);
        head_with(&request, (const char *const[]){offered, NULL});
        cr_assert(leati_deflate_offers_choose(&request, &limits, &server, answered), "%s", offered);
        head_with(&response, (const char *const[]){answered, NULL});
        cr_assert_eq(leati_deflate_response_check(&response, &offer, &client, &fault),
                     LEATI_DEFLATE_AGREED, "%s > %s: %s", offered, answered, fault.reason);
        check_params(&client, server.server_no_context_takeover, server.client_no_context_takeover,
                     server.server_max_window_bits, client.client_max_window_bits, answered);
        cr_assert_leq(client.client_max_window_bits, server.client_max_window_bits);
        leati_http_head_done(&request);
        leati_http_head_done(&response);
    }
}

Test(deflate_params, damaged_headers)
{
    static const char value[] = PMD "; server_max_window_bits=\"10\"; client_no_context_takeover, "
                                    "foo; bar, " PMD "; client_max_window_bits=9";
    struct mutation mutation;

    mutation_init(&mutation, 4);
    for (int i = 0; i < 50000; i++) {
        size_t len = mutation_next(&mutation, value, sizeof(value) - 1);
        char text[MUTATION_MAX_BYTES + 1];
        struct leati_http_head head;
        struct leati_deflate_params params = {0};
        char header[LEATI_DEFLATE_HEADER_SIZE];
        struct leati_deflate_fault fault;
        for (size_t j = 0; j < len; j++)
            text[j] =
                (char)(mutation.bytes[j] >= ' ' && mutation.bytes[j] != 0x7f ? mutation.bytes[j]
                                                                             : '\t');
        text[len] = '\0';
        head_with(&head, (const char *const[]){text, NULL});
        if (leati_deflate_response_check(&head, &offer_all, &params, &fault) ==
            LEATI_DEFLATE_AGREED) {
            cr_assert(params.server_max_window_bits >= 8 && params.server_max_window_bits <= 15);
            cr_assert(params.client_max_window_bits >= 8 && params.client_max_window_bits <= 12);
        }
        if (leati_deflate_offers_choose(&head, &small_limits, &params, header))
            cr_assert(params.server_max_window_bits >= 8 && params.server_max_window_bits <= 10);
        leati_http_head_done(&head);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/failure.h"
#include "util/alloc.h"

#include <leat/base.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool always_fails(void)
{
    return true;
}

static const struct leati_fault fault = {
    .code = 2301111, .layer = LEAT_LAYER_TCP, .sys_errno = 111, .native_code = 5, .hop = "h:1"};

Test(failure, the_first_one_is_kept, .timeout = 10)
{
    struct leati_failure failure;
    struct leat_error error;
    struct leati_fault later = {.code = 200, .layer = LEAT_LAYER_WEBSOCKET};

    leati_failure_init(&failure);
    leati_failure_get(&failure, &error);
    cr_assert_eq(error.code, LEAT_OK);
    cr_assert_str_eq(error.text, "");
    cr_assert_eq(leati_failure_set(&failure, &fault, "no. %d", 1), 2301111);
    cr_assert_eq(leati_failure_set(&failure, &later, "no. %d", 2), 200);
    leati_failure_get(&failure, &error);
    cr_assert_eq(error.code, 2301111);
    cr_assert_eq(error.layer, LEAT_LAYER_TCP);
    cr_assert_eq(error.sys_errno, 111);
    cr_assert_eq(error.native_code, 5);
    cr_assert_str_eq(error.hop, "h:1");
    cr_assert_str_eq(error.text, "no. 1");
    leati_failure_done(&failure);
    cr_assert_eq(failure.code, LEAT_OK);
}

Test(failure, works_without_memory, .timeout = 10)
{
    struct leati_failure failure;
    struct leat_error error;

    leati_failure_init(&failure);
    leati_alloc_fail_hook = always_fails;
    cr_assert_eq(leati_failure_set(&failure, &fault, "x"), 2301111);
    leati_alloc_fail_hook = NULL;
    leati_failure_get(&failure, &error);
    cr_assert_eq(error.code, 2301111);
    cr_assert_str_eq(error.hop, "");
    cr_assert_str_eq(error.text, "");
    leati_failure_done(&failure);
}

Test(failure, long_texts_are_cut, .timeout = 10)
{
    struct leati_failure failure;
    struct leat_error error;
    static char hop[LEAT_ERROR_HOP_SIZE + 100], text[LEAT_ERROR_TEXT_SIZE + 100];

    memset(hop, 'h', sizeof(hop) - 1);
    memset(text, 't', sizeof(text) - 1);
    leati_failure_init(&failure);
    leati_failure_set(&failure, &(struct leati_fault){.code = 1, .hop = hop}, "%s", text);
    leati_failure_get(&failure, &error);
    cr_assert_eq(strlen(error.hop), sizeof(error.hop) - 1);
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
    leati_failure_done(&failure);
}

/* Whatever a text quotes, it is fit for a terminal and a log. */
Test(failure, texts_are_readable, .timeout = 10)
{
    struct leati_failure failure;
    struct leat_error error;
    char text[LEAT_ERROR_TEXT_SIZE + 100] = "";

    leati_failure_init(&failure);
    leati_failure_set(&failure, &(struct leati_fault){.code = 1, .hop = "h\xe2\x80\xae:1"},
                      "the server says \"%s\"", "a\033[31m\xc2\x9b\xe2\x80\xae\xff\n");
    leati_failure_get(&failure, &error);
    cr_assert_str_eq(error.text, "the server says \"a?[31m????\"");
    cr_assert_str_eq(error.hop, "h?:1");
    leati_failure_surround(&failure, "before: ", "; behind");
    leati_failure_get(&failure, &error);
    cr_assert_str_eq(error.text, "before: the server says \"a?[31m????\"; behind");
    leati_failure_done(&failure);

    for (size_t i = 0; i + 5 < sizeof(text); i += 5)
        memcpy(text + i, "word ", 5);
    leati_failure_set(&failure, &(struct leati_fault){.code = 1}, "%s", text);
    leati_failure_get(&failure, &error);
    cr_assert_str_eq(error.text + strlen(error.text) - 8, "word ...");
    /* What comes before it does not cut a second time inside a word. */
    leati_failure_surround(&failure, "x: ", "");
    leati_failure_get(&failure, &error);
    cr_assert_str_eq(error.text + strlen(error.text) - 8, "word ...");
    leati_failure_done(&failure);
}

Test(failure, names_of_layers_are_total, .timeout = 10)
{
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_NONE), "none");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_DNS), "dns");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_TCP), "tcp");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_SOCKS5), "socks5");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_HTTP_PROXY), "http-proxy");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_TLS), "tls");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_WEBSOCKET), "websocket");
    cr_assert_str_eq(leat_layer_name(LEAT_LAYER_UDP), "udp");
    cr_assert_str_eq(leat_layer_name((enum leat_layer)99), "none");
}

Test(version, is_made_of_the_three_numbers, .timeout = 10)
{
    char expected[32];

    snprintf(expected, sizeof(expected), "%d.%d.%d", LEAT_VERSION_MAJOR, LEAT_VERSION_MINOR,
             LEAT_VERSION_PATCH);
    cr_assert_str_eq(leat_version(), expected);
}

Test(failure, more_is_said_behind_the_text, .timeout = 10)
{
    struct leati_failure failure;

    leati_failure_init(&failure);
    leati_failure_set(&failure, &fault, "no. %d", 1);
    leati_failure_append(&failure, " (and more)");
    cr_assert_str_eq(failure.text, "no. 1 (and more)");
    leati_failure_done(&failure);
}

Test(failure, which_codes_say_that_a_queue_is_full)
{
    cr_assert(leat_is_queue_full(LEAT_E_TLS_WRITE));
    cr_assert(leat_is_queue_full(LEAT_E_SOCKET_BASE + EAGAIN));
    static const int others[] = {LEAT_OK,
                                 LEAT_E_PARAMETER,
                                 LEAT_E_TLS_READ,
                                 LEAT_E_SOCKET_BASE + EBADF,
                                 LEAT_E_SOCKET_BASE + ENOTCONN,
                                 LEAT_E_SYSTEM_INTERNAL,
                                 EAGAIN,
                                 -1};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_assert(!leat_is_queue_full(others[i]), "%d", others[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The integration test of ask(): against a real server, through a real proxy, and with what a proxy
 * and a server can do wrong. No framework: it prints what is not as it should be.
 */
#include "ask.h"

#include <leat/testing.h>

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static leat_testing_server *server_start(const struct leat_testing_options *options)
{
    leat_testing_server *server = NULL;
    struct leat_testing_problem problem = {0};
    if (leat_testing_server_new(options, &server, &problem) != LEAT_OK)
        fprintf(stderr, "no server: %s\n", problem.text);
    CHECK(server);
    return server;
}

static leat_testing_server *echo_start(void)
{
    return server_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
}

static void test_answer_through_a_proxy(void)
{
    leat_testing_server *echo = echo_start();
    leat_testing_server *proxy = server_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "user", .password = "secret"));
    char answer[64] = "";
    struct leat_error error = {0};

    int code = ask(leat_testing_server_get_url(echo), leat_testing_server_get_url(proxy), "how are you",
                   answer, sizeof(answer), &error);
    CHECK(code == LEAT_OK);
    CHECK(strcmp(answer, "how are you") == 0);
    /* It really went that way. */
    CHECK(leat_testing_server_wait_step(proxy, "relay", 1, 5000));

    leat_testing_server_free(proxy);
    leat_testing_server_free(echo);
}

static void test_wrong_password(void)
{
    leat_testing_server *echo = echo_start();
    leat_testing_server *proxy = server_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "user", .password = "secret"));
    char url[64], answer[64];
    struct leat_error error = {0};

    snprintf(url, sizeof(url), "socks5h://user:wrong@%s", leat_testing_server_get_address(proxy));
    int code =
        ask(leat_testing_server_get_url(echo), url, "anybody there", answer, sizeof(answer), &error);
    CHECK(code == LEAT_E_SOCKS5_AUTH);
    CHECK(error.layer == LEAT_LAYER_SOCKS5);

    leat_testing_server_free(proxy);
    leat_testing_server_free(echo);
}

/* Faults are data: what goes wrong where, and the code that it must lead to. */
static void test_faults(void)
{
    static const struct {
        const char *proxy_faults, *server_faults;
        int code;
    } rows[] = {
        {"reply=05,05,00,01,00,00,00,00,00,00;then=close", NULL, LEAT_E_SOCKS5_CONNECT_REMOTE},
        {"reply=split 1", NULL, LEAT_OK},
        {NULL, "upgrade=refuse 403", LEAT_E_WS_CONNECT},
        {NULL, "message=delay 50", LEAT_OK},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        leat_testing_server *echo = server_start(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .faults = rows[i].server_faults));
        leat_testing_server *proxy = server_start(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = rows[i].proxy_faults));
        char answer[64];
        struct leat_error error = {0};

        int code = ask(leat_testing_server_get_url(echo), leat_testing_server_get_url(proxy), "hello",
                       answer, sizeof(answer), &error);
        if (code != rows[i].code)
            fprintf(stderr, "row %zu: %d instead of %d: %s\n", i, code, rows[i].code, error.text);
        CHECK(code == rows[i].code);

        leat_testing_server_free(proxy);
        leat_testing_server_free(echo);
    }
}

int main(void)
{
    test_answer_through_a_proxy();
    test_wrong_password();
    test_faults();
    return failures != 0;
}

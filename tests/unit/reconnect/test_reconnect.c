/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/catalogue.h>
#include <leat/reconnect.h>

#include "support/alloc_failure.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(reconnect, .timeout = 30);

static leat_reconnect *reconnect_new(const struct leat_reconnect_options *options)
{
    leat_reconnect *reconnect = NULL;

    cr_assert_eq(leat_reconnect_new(options, &reconnect), LEAT_OK);
    return reconnect;
}

Test(reconnect, defaults)
{
    leat_reconnect *reconnect = reconnect_new(NULL);
    uint32_t delay_ms;

    for (uint32_t limit_ms = 1000; limit_ms < 200000; limit_ms *= 2) {
        cr_assert(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
        cr_assert_leq(delay_ms, limit_ms < 60000 ? limit_ms : 60000);
    }
    leat_reconnect_free(reconnect);
    leat_reconnect_free(NULL);
}

Test(reconnect, attempts_have_a_limit_until_a_connection_holds)
{
    const struct leat_reconnect_options options = {
        .size = sizeof(options),
        .initial_delay_ms = 10,
        .max_delay_ms = 100,
        .stable_ms = 100000,
        .max_attempts = 2,
        .jitter = LEAT_JITTER_NONE,
    };
    leat_reconnect *reconnect = reconnect_new(&options);
    uint32_t delay_ms = 77;

    cr_assert_eq(leat_reconnect_get_attempts(reconnect), 0u);
    cr_assert(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
    cr_assert_eq(delay_ms, 10u);
    leat_reconnect_opened(reconnect); /* and lost at once: has not held */
    cr_assert(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
    cr_assert_eq(delay_ms, 20u);
    cr_assert_eq(leat_reconnect_get_attempts(reconnect), 2u);
    cr_assert_not(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
    cr_assert_eq(delay_ms, 20u, "written although refused");
    leat_reconnect_reset(reconnect);
    cr_assert(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
    cr_assert_eq(delay_ms, 10u);
    leat_reconnect_free(reconnect);
}

Test(reconnect, options)
{
    struct leat_reconnect_options options = {.size = sizeof(options), .jitter = LEAT_JITTER_NONE};
    leat_reconnect *reconnect = NULL;
    uint32_t delay_ms;

    cr_assert_eq(leat_reconnect_new(&options, NULL), LEAT_E_PARAMETER);
    options.initial_delay_ms = 2;
    options.max_delay_ms = 1;
    cr_assert_eq(leat_reconnect_new(&options, &reconnect), LEAT_E_PARAMETER);
    options.max_delay_ms = 0;
    options.size = 0;
    cr_assert_eq(leat_reconnect_new(&options, &reconnect), LEAT_E_PARAMETER);
    options.size = sizeof(options);
    options.jitter = (enum leat_jitter)3;
    cr_assert_eq(leat_reconnect_new(&options, &reconnect), LEAT_E_PARAMETER);
    cr_assert_null(reconnect);

    /* One that is given moves the default of the other. */
    options = (struct leat_reconnect_options){
        .size = sizeof(options), .max_delay_ms = 300, .jitter = LEAT_JITTER_NONE};
    reconnect = reconnect_new(&options);
    cr_assert(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
    cr_assert_eq(delay_ms, 300u);
    leat_reconnect_free(reconnect);
    options.max_delay_ms = 0;
    options.initial_delay_ms = 90000;
    reconnect = reconnect_new(&options);
    cr_assert(leat_reconnect_next_delay_ms(reconnect, &delay_ms));
    cr_assert_eq(delay_ms, 90000u);
    leat_reconnect_free(reconnect);

    /* An older program knows less of the struct: what lies behind its size is not looked at. */
    options.size = offsetof(struct leat_reconnect_options, jitter);
    options.jitter = (enum leat_jitter)99;
    leat_reconnect_free(reconnect_new(&options));
}

static bool attempt(void)
{
    leat_reconnect *reconnect = NULL;
    int result = leat_reconnect_new(NULL, &reconnect);

    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL);
    leat_reconnect_free(reconnect);
    return result == LEAT_OK;
}

Test(reconnect, lack_of_memory)
{
    cr_assert_eq(alloc_failure_run_all(attempt), 1);
}

/* ---- whether ----------------------------------------------------------------------------- */

static bool advised_after_close(uint16_t close_code, enum leat_closed_by closed_by, int code)
{
    const struct leat_close_event event = {
        .error = {.code = code},
        .closed_by = closed_by,
        .close_code = close_code,
        .reason = "",
    };
    return leat_reconnect_is_advised(&event);
}

static bool advised_after_attempt(int code, int native_code)
{
    const struct leat_close_event event = {
        .error = {.code = code, .native_code = native_code},
        .reason = "",
    };
    return leat_reconnect_is_advised(&event);
}

Test(reconnect, every_close_code)
{
    static const uint16_t yes[] = {1001, 1005, 1006, 1011, 1012, 1013, 1014};

    for (unsigned code = 1000; code < 5000; code++) {
        bool expected = false;
        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
            expected |= yes[i] == code;
        cr_expect_eq(advised_after_close((uint16_t)code, LEAT_CLOSED_BY_REMOTE, LEAT_OK), expected,
                     "%u", code);
        cr_expect_not(advised_after_close((uint16_t)code, LEAT_CLOSED_BY_LOCAL, LEAT_OK));
    }
}

Test(reconnect, lost_connections)
{
    static const int codes[] = {LEAT_E_WS_CONNECT, LEAT_E_SOCKET_ECONNRESET, LEAT_E_TLS_SYSCALL,
                                LEAT_E_TLS_ENGINE};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        cr_expect(advised_after_close(1006, LEAT_CLOSED_BY_NOBODY, codes[i]));
        cr_expect_not(advised_after_close(1006, LEAT_CLOSED_BY_LOCAL, codes[i]));
    }
}

Test(reconnect, every_http_status)
{
    static const int yes[] = {0, 408, 425, 429};

    for (int status = 0; status < 1000; status++) {
        bool expected =
            status >= 500 && status <= 599 && status != 501 && status != 505 && status != 511;
        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
            expected |= yes[i] == status;
        cr_expect_eq(advised_after_attempt(LEAT_E_WS_CONNECT, status), expected, "%d", status);
    }
}

Test(reconnect, failed_attempts)
{
    static const int yes[] = {
        LEAT_E_SOCKET_ECONNREFUSED,
        LEAT_E_SOCKET_ETIMEDOUT,
        LEAT_E_SOCKET_EHOSTUNREACH,
        LEAT_E_SOCKET_ENETUNREACH,
        LEAT_E_SOCKET_ENETDOWN,
        LEAT_E_SOCKET_EMFILE,
        LEAT_E_SOCKET_ECONNRESET,
        LEAT_E_SOCKS5_CONNECT_PROXY,
        LEAT_E_SOCKS5_SEND,
        LEAT_E_SOCKS5_RECV,
        LEAT_E_TLS_READ,
        LEAT_E_TLS_SYSCALL,
        LEAT_E_SYSTEM_INTERNAL,
    };
    static const int no[] = {
        LEAT_E_SOCKET_ECANCELED, LEAT_E_SOCKET_EACCES,    LEAT_E_SOCKS5_AUTH,
        LEAT_E_SOCKS5_METHOD,    LEAT_E_SOCKS5_SERIALIZE, LEAT_E_SOCKS5_DESERIALIZE,
        LEAT_E_TLS_VERIFY,       LEAT_E_TLS_ENGINE,       LEAT_E_WS_URL,
        LEAT_E_WS_CERT_FILE,     LEAT_E_WS_DOMAIN,        LEAT_E_PARAMETER,
    };

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        cr_expect(advised_after_attempt(yes[i], 0), "%s", leat_code_name(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        cr_expect_not(advised_after_attempt(no[i], 0), "%s", leat_code_name(no[i]));
    /* 0x5b: all that SOCKS4 has for a failure */
    static const int passing_replies[] = {1, 3, 4, 5, 6, 0x5b, 0xf0, 0xf2, 0xf3, 0xf7};
    for (int rep = 1, next = 0; rep < 256; rep++) {
        bool is_passing = next < 10 && rep == passing_replies[next];
        next += is_passing;
        cr_expect_eq(advised_after_attempt(LEAT_E_SOCKS5_CONNECT_REMOTE, rep), is_passing,
                     "REP 0x%02x", (unsigned)rep);
    }
}

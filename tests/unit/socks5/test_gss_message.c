/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of GSS-API within SOCKS5 for themselves: how they are read, and what is left of them. */
#include "socks5/gss_message.h"

#include "support/leak_check.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(socks5_gss_message, .timeout = 30, .fini = leak_check);

/* ---- what is given back is looked at just before ------------------------------------------------ */

void __real_leati_free(void *ptr);
void __wrap_leati_free(void *ptr);

static const uint8_t *watched;
static size_t watched_len;
static bool was_wiped;

void __wrap_leati_free(void *ptr)
{
    static const uint8_t zeros[64];
    if (ptr && ptr == watched)
        was_wiped = memcmp(ptr, zeros, watched_len) == 0;
    __real_leati_free(ptr);
}

static void check_wiped(size_t announced, size_t fed)
{
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES], token[64];
    struct leati_socks5_gss_message message = {0};
    memset(token, 0xa5, sizeof(token));
    leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, announced, head);
    leati_socks5_gss_feed(&message, LEATI_SOCKS5_GSS_DATA, head, sizeof(head));
    leati_socks5_gss_feed(&message, LEATI_SOCKS5_GSS_DATA, token, fed);
    watched = message.token;
    watched_len = fed;
    was_wiped = false;
    leati_socks5_gss_message_done(&message);
    watched = NULL;
    cr_expect(was_wiped, "%zu of %zu", fed, announced);
    cr_expect_null(message.token);
    cr_expect(leati_socks5_gss_is_empty(&message));
    leati_socks5_gss_message_done(&message);
}

Test(socks5_gss_message, a_token_is_wiped)
{
    check_wiped(64, 64);
    check_wiped(64, 5);
}

/* ---- reading ------------------------------------------------------------------------------------ */

Test(socks5_gss_message, a_long_token_comes_in_pieces)
{
    static uint8_t token[0x1234];
    static const uint8_t expected[LEATI_SOCKS5_GSS_HEAD_BYTES] = {1, 1, 0x12, 0x34};
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES];
    struct leati_socks5_gss_message message = {0};
    const enum leati_socks5_gss_type type = LEATI_SOCKS5_GSS_AUTHENTICATION;
    for (size_t i = 0; i < sizeof(token); i++)
        token[i] = (uint8_t)(i % 251);
    leati_socks5_gss_head(type, sizeof(token), head);
    cr_assert_eq(memcmp(head, expected, sizeof(head)), 0);
    for (size_t i = 0; i < sizeof(head); i++) {
        cr_expect_eq(leati_socks5_gss_need(&message), i < 2 ? 2 - i : 4 - i, "%zu", i);
        cr_expect_eq(leati_socks5_gss_feed(&message, type, head + i, 0), LEATI_SOCKS5_GSS_MORE);
        cr_expect_eq(leati_socks5_gss_feed(&message, type, head + i, 1), LEATI_SOCKS5_GSS_MORE);
    }
    cr_expect_eq(leati_socks5_gss_need(&message), sizeof(token));
    cr_expect_eq(leati_socks5_gss_feed(&message, type, token, 1000), LEATI_SOCKS5_GSS_MORE);
    cr_expect_eq(leati_socks5_gss_need(&message), sizeof(token) - 1000);
    cr_expect_eq(leati_socks5_gss_feed(&message, type, token + 1000, sizeof(token) - 1000),
                 LEATI_SOCKS5_GSS_COMPLETE);
    cr_expect_eq(message.token_len, sizeof(token));
    cr_expect_eq(memcmp(message.token, token, sizeof(token)), 0);
    leati_socks5_gss_message_done(&message);
}

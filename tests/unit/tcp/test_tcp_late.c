/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that become known while others are dialled: RFC 8305 sections 3 to 5. */
#include "tcp_fixture.h"

#include "support/alloc_failure.h"
#include "support/sandbox.h"
#include "tcp/tcp_private.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(tcp_late, .timeout = 20);

static void fixture_init_more(struct tcp_fixture *f, const struct leati_address *addresses,
                              size_t count, uint32_t timeout_ms)
{
    fixture_init(f, addresses, count, timeout_ms);
    ((struct leati_tcp_layer *)f->layer)->dialling->more = true;
}

/* The time stands still: no delay can pass. */
static int connect_at(struct tcp_fixture *f, uint64_t now_ms)
{
    return f->layer->ops->connect(f->layer, now_ms);
}

/* Until what is in flight has been refused. */
static void until_refused(struct tcp_fixture *f, uint64_t now_ms)
{
    const struct leati_tcp_layer *tcp = (const struct leati_tcp_layer *)f->layer;

    while (connect_at(f, now_ms) == LEATI_AGAIN && tcp->dialling->in_flight > 0)
        cr_assert_eq(leat_loop_dispatch(f->loop, -1), 0);
}

Test(tcp_late, all_that_were_there_refuse)
{
    struct leati_address refusing = address_make("127.0.0.1", refusing_port()), late;
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &late);

    fixture_init_more(&f, &refusing, 1, 5000);
    until_refused(&f, 1000);
    cr_assert_eq(connect_at(&f, 1001), LEATI_AGAIN, "another one is still asked for");
    cr_assert_eq(f.layer->deadline_ms, 6000);
    cr_assert_eq(leati_tcp_layer_add(f.layer, &late, 1), LEAT_OK);
    int result;
    while ((result = connect_at(&f, 1002)) == LEATI_AGAIN)
        cr_assert_eq(leat_loop_dispatch(f.loop, -1), 0);
    cr_assert_eq(result, LEAT_OK);
    cr_assert_eq(leati_address_port(leati_tcp_layer_remote(f.layer)), leati_address_port(&late));
    fixture_done(&f);
    close(listener);
}

Test(tcp_late, none_comes)
{
    struct leati_address refusing = address_make("127.0.0.1", refusing_port());
    struct tcp_fixture f;

    fixture_init_more(&f, &refusing, 1, 5000);
    until_refused(&f, 1000);
    cr_assert_eq(leati_tcp_layer_add(f.layer, NULL, 0), LEAT_OK);
    cr_assert_eq(connect_at(&f, 1001), LEAT_E_SOCKET_BASE + ECONNREFUSED);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ECONNREFUSED);
    fixture_done(&f);
}

Test(tcp_late, the_late_one_fails_too)
{
    struct leati_address refusing = address_make("127.0.0.1", refusing_port());
    struct leati_address late = address_make("224.0.0.1", 9);
    struct tcp_fixture f;

    fixture_init_more(&f, &refusing, 1, 0);
    until_refused(&f, 1000);
    cr_assert_eq(leati_tcp_layer_add(f.layer, &late, 1), LEAT_OK);
    cr_assert_eq(connect_at(&f, 1001), LEAT_E_SOCKET_BASE + ENETUNREACH);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ENETUNREACH);
    cr_assert_not_null(strstr(f.error.text, ", 224.0.0.1:9: ENETUNREACH"), "%s", f.error.text);
    fixture_done(&f);
}

Test(tcp_late, the_deadline)
{
    struct leati_address refusing = address_make("127.0.0.1", refusing_port());
    struct tcp_fixture f;

    fixture_init_more(&f, &refusing, 1, 100);
    until_refused(&f, 1000);
    cr_assert_eq(connect_at(&f, 1100), LEAT_E_SOCKET_BASE + ETIMEDOUT);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ETIMEDOUT);
    fixture_done(&f);
}

Test(tcp_late, beside_a_silent_one_when_its_turn_has_come)
{
    struct leati_address silent = address_make("127.0.0.1", unanswering_port()), late;
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &late);

    fixture_init_more(&f, &silent, 1, 5000);
    cr_assert_eq(connect_at(&f, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->deadline_ms, 6000);
    cr_assert_eq(leati_tcp_layer_add(f.layer, &late, 1), LEAT_OK);
    size_t before = open_descriptor_count();
    cr_assert_eq(connect_at(&f, 1100), LEATI_AGAIN);
    cr_assert_eq(f.layer->deadline_ms, 1000 + LEATI_TCP_ATTEMPT_DELAY_MS);
    cr_assert_eq(open_descriptor_count(), before);
    int result;
    while ((result = connect_at(&f, 1000 + LEATI_TCP_ATTEMPT_DELAY_MS)) == LEATI_AGAIN)
        cr_assert_eq(leat_loop_dispatch(f.loop, -1), 0);
    cr_assert_eq(result, LEAT_OK);
    fixture_done(&f);
    close(listener);
}

static void check_order(struct tcp_fixture *f, const char *const *hosts, uint16_t v4, uint16_t v6)
{
    const char *at = f->error.text;

    for (; *hosts; hosts++) {
        char text[64];
        snprintf(text, sizeof(text), "%s:%u", *hosts, **hosts == '[' ? v6 : v4);
        at = strstr(at, text);
        cr_assert_not_null(at, "%s in %s", text, f->error.text);
    }
}

/* Families take turns, also with those that wait. */
Test(tcp_late, the_order)
{
    static const char *const before[] = {"[::1]", "127.0.0.1", "127.0.0.2", NULL};
    static const char *const behind[] = {"127.0.0.1", "[::1]", "127.0.0.2", "127.0.0.3", NULL};
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    uint16_t v4 = refusing_port(), v6 = refusing_port_v6(), silent = unanswering_port();
    struct leati_address early = address_make("::1", v6);
    struct leati_address late[] = {address_make("127.0.0.1", v4), address_make("127.0.0.2", v4)};
    struct tcp_fixture f;

    fixture_init_more(&f, &early, 1, 0);
    cr_assert_eq(leati_tcp_layer_add(f.layer, late, 2), LEAT_OK);
    cr_assert_eq(fixture_connect(&f), LEAT_E_SOCKET_BASE + ECONNREFUSED);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ECONNREFUSED);
    check_order(&f, before, v4, v6);
    fixture_done(&f);

    struct leati_address three[] = {address_make("127.0.0.1", silent),
                                    address_make("127.0.0.2", silent),
                                    address_make("127.0.0.3", silent)};
    fixture_init_more(&f, three, 3, 50);
    cr_assert_eq(connect_at(&f, 1000), LEATI_AGAIN);
    cr_assert_eq(leati_tcp_layer_add(f.layer, &early, 1), LEAT_OK);
    cr_assert_eq(connect_at(&f, 1050), LEAT_E_SOCKET_BASE + ETIMEDOUT);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ETIMEDOUT);
    check_order(&f, behind, silent, v6);
    fixture_done(&f);
}

/* They are what is left, if what stands on the connection fails. */
Test(tcp_late, added_to_an_open_connection)
{
    struct leati_address first, remaining[2], late = address_make("127.0.0.3", 7);
    struct tcp_fixture f;
    int listener = listener_make("127.0.0.1", &first);

    fixture_init_more(&f, &first, 1, 0);
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    cr_assert_eq(leati_tcp_layer_add(f.layer, &late, 1), LEAT_OK);
    cr_assert_eq(leati_tcp_layer_remaining(f.layer, true, remaining), 1);
    cr_assert_eq(leati_address_port(&remaining[0]), 7);
    cr_assert_eq(leati_tcp_layer_remaining(f.layer, false, remaining), 2);
    cr_assert_eq(leati_address_port(&remaining[1]), 7);
    fixture_done(&f);
    close(listener);
}

Test(tcp_late, no_memory)
{
    struct leati_address refusing = address_make("127.0.0.1", refusing_port());
    struct tcp_fixture f;

    fixture_init_more(&f, &refusing, 1, 0);
    until_refused(&f, 1000);
    alloc_failure_countdown = 1;
    leati_alloc_fail_hook = alloc_failure_hook;
    cr_assert_eq(leati_tcp_layer_add(f.layer, &refusing, 1), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(connect_at(&f, 1001), LEAT_E_SOCKET_BASE + ECONNREFUSED);
    fixture_done(&f);
}

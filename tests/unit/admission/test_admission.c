/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: limits of handshakes and of open connections, in total and for one client. */
#include "conn/admission.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(admission, .timeout = 30, .fini = leak_check);

static struct leati_address address(const char *text)
{
    struct leati_address parsed;
    if (!leati_address_parse(text, 80, &parsed))
        cr_assert_fail("%s", text);
    return parsed;
}

static const struct leati_admission_limits limits = {.open = 1000, .open_of_one = 250};

/* Enters, and lets go whom that pushes out. */
static struct leati_guest *enter(struct leati_admission *admission, struct leati_guest *guest,
                                 const char *from)
{
    const struct leati_address remote = address(from);
    cr_assert(leati_admission_enter(admission, guest, &remote));
    struct leati_guest *victim = leati_admission_excess(admission, &limits, guest);
    cr_assert(victim != guest);
    if (victim)
        leati_admission_leave(admission, victim);
    return victim;
}

static enum leati_admission_verdict judge(const struct leati_admission *admission, const char *from)
{
    const struct leati_address remote = address(from);
    return leati_admission_judge(admission, &limits, &remote);
}

/* ---- handshakes ------------------------------------------------------------------------------ */

Test(admission, silent_connections_of_one_client_push_out_only_one_another)
{
    enum { COUNT = 1100 };
    static struct leati_guest silent[COUNT], other, own;
    struct leati_admission admission = {0};
    cr_assert_null(enter(&admission, &other, "192.0.2.2"));
    for (size_t i = 0; i < COUNT; ++i) {
        struct leati_guest *victim = enter(&admission, &silent[i], "192.0.2.1");
        cr_assert(i < 250 ? !victim : victim == &silent[i - 250], "%zu", i);
    }
    cr_expect(admission.handshakes == 251 && admission.open == 0);
    /* One of the same address that has something to say finds a place, too. */
    cr_expect(enter(&admission, &own, "192.0.2.1") == &silent[COUNT - 250]);
    cr_expect(judge(&admission, "192.0.2.1") == LEATI_ADMISSION_OK);
    leati_admission_open(&admission, &own);
    leati_admission_open(&admission, &other);
    cr_expect(admission.handshakes == 249 && admission.open == 2);
    for (size_t i = 0; i < COUNT; ++i)
        leati_admission_leave(&admission, &silent[i]);
    leati_admission_leave(&admission, &own);
    leati_admission_leave(&admission, &own);
    leati_admission_leave(&admission, &other);
    cr_expect(admission.handshakes == 0 && admission.open == 0 && admission.client_count == 0);
    cr_expect(!admission.oldest && !admission.newest);
    leati_admission_done(&admission);
}

Test(admission, the_oldest_of_all_goes_when_there_are_too_many_in_total)
{
    enum { COUNT = 1200 };
    static struct leati_guest guests[COUNT];
    struct leati_admission admission = {0};
    for (size_t i = 0; i < COUNT; ++i) {
        char from[32];
        snprintf(from, sizeof(from), "10.0.%zu.%zu", i / 250, i % 250);
        struct leati_guest *victim = enter(&admission, &guests[i], from);
        cr_assert(i < 1000 ? !victim : victim == &guests[i - 1000], "%zu", i);
    }
    cr_expect(admission.handshakes == 1000 && admission.client_count == 1000);
    for (size_t i = 0; i < COUNT; ++i)
        leati_admission_leave(&admission, &guests[i]);
    cr_expect(admission.client_count == 0);
    leati_admission_done(&admission);
}

/* Who limits connections to a few does not let clients that come together push one another out. */
Test(admission, small_limits_leave_room_for_handshakes)
{
    static const struct leati_admission_limits few = {.open = 2, .open_of_one = 1};
    enum { COUNT = LEATI_ADMISSION_MIN_HANDSHAKES_OF_ONE + 1 };
    struct leati_guest guests[COUNT] = {0};
    struct leati_admission admission = {0};
    const struct leati_address remote = address("192.0.2.1");
    for (size_t i = 0; i < COUNT; ++i) {
        cr_assert(leati_admission_enter(&admission, &guests[i], &remote));
        cr_expect(leati_admission_excess(&admission, &few, &guests[i]) ==
                  (i + 1 < COUNT ? NULL : &guests[0]));
    }
    leati_admission_open(&admission, &guests[0]);
    cr_expect(leati_admission_judge(&admission, &few, &remote) == LEATI_ADMISSION_FULL_FOR_CLIENT);
    for (size_t i = 0; i < COUNT; ++i)
        leati_admission_leave(&admission, &guests[i]);
    leati_admission_done(&admission);
}

/* ---- open ones ------------------------------------------------------------------------------- */

Test(admission, open_connections_are_limited_in_total_and_for_one_client)
{
    enum { COUNT = 1000 };
    static struct leati_guest guests[COUNT];
    struct leati_admission admission = {0};
    for (size_t i = 0; i < COUNT; ++i) {
        char from[32];
        snprintf(from, sizeof(from), "192.0.2.%zu", i / 250);
        cr_assert(judge(&admission, from) == LEATI_ADMISSION_OK, "%zu", i);
        cr_assert_null(enter(&admission, &guests[i], from));
        leati_admission_open(&admission, &guests[i]);
        if (i == 249)
            cr_expect(judge(&admission, from) == LEATI_ADMISSION_FULL_FOR_CLIENT);
    }
    cr_expect(judge(&admission, "192.0.2.9") == LEATI_ADMISSION_FULL);
    leati_admission_leave(&admission, &guests[300]);
    cr_expect(judge(&admission, "192.0.2.9") == LEATI_ADMISSION_OK);
    cr_expect(judge(&admission, "192.0.2.0") == LEATI_ADMISSION_FULL_FOR_CLIENT);
    cr_expect(judge(&admission, "192.0.2.1") == LEATI_ADMISSION_OK);
    for (size_t i = 0; i < COUNT; ++i)
        leati_admission_leave(&admission, &guests[i]);
    leati_admission_done(&admission);
}

/* ---- who is one client ----------------------------------------------------------------------- */

Test(admission, a_client_is_an_ipv4_address_or_an_ipv6_network)
{
    static const struct {
        const char *a, *b;
        bool is_one;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"::ffff:192.0.2.1", "192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"::ffff:192.0.2.1", "::1", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"2001:db8::1", "2001:db8::ffff:0:0:2", true},
        {"2001:db8:0:1::1", "2001:db8:0:1:9::", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"2001:db8:0:0:8000::", "2001:db8:0:1::", false},
        {"::1", "127.0.0.1", false},
        {"::", "0.0.0.0", false},
    };
    static const struct leati_admission_limits one = {.open = 9, .open_of_one = 1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        for (int turn = 0; turn < 2; ++turn) {
            const struct leati_address first = address(turn ? cases[i].b : cases[i].a);
            const struct leati_address second = address(turn ? cases[i].a : cases[i].b);
            struct leati_admission admission = {0};
            struct leati_guest guest = {0};
            cr_assert(leati_admission_enter(&admission, &guest, &first));
            leati_admission_open(&admission, &guest);
            cr_expect(leati_admission_judge(&admission, &one, &second) ==
                          (cases[i].is_one ? LEATI_ADMISSION_FULL_FOR_CLIENT : LEATI_ADMISSION_OK),
                      "%s, %s", cases[i].a, cases[i].b);
            leati_admission_leave(&admission, &guest);
            leati_admission_done(&admission);
        }
    }
}

/* ---- memory, coming and going ---------------------------------------------------------------- */

static bool attempt(void)
{
    static struct leati_guest guests[200];
    struct leati_admission admission = {0};
    bool entered = true;
    memset(guests, 0, sizeof(guests));
    for (size_t i = 0; i < 200 && entered; ++i) {
        char from[32];
        snprintf(from, sizeof(from), "10.0.0.%zu", i);
        const struct leati_address remote = address(from);
        entered = leati_admission_enter(&admission, &guests[i], &remote);
        cr_assert(entered || guests[i].state == LEATI_GUEST_AWAY);
    }
    for (size_t i = 0; i < 200; ++i)
        leati_admission_leave(&admission, &guests[i]);
    cr_expect(admission.client_count == 0 && admission.handshakes == 0);
    leati_admission_done(&admission);
    return entered;
}

Test(admission, each_allocation_fails)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 200);
}

/* The lists stay whole, whatever the order of coming, opening and going. */
Test(admission, any_order)
{
    enum { COUNT = 40, STEPS = 100000 };
    struct leati_guest guests[COUNT] = {0};
    struct leati_admission admission = {0};
    uint32_t random = 20261;
    for (size_t step = 0; step < STEPS; ++step) {
        random = random * 1664525u + 1013904223u;
        struct leati_guest *guest = &guests[(random >> 8) % COUNT];
        char from[32];
        snprintf(from, sizeof(from), "10.0.0.%u", (random >> 16) % 5);
        const struct leati_address remote = address(from);
        if (guest->state == LEATI_GUEST_AWAY) {
            cr_assert(leati_admission_enter(&admission, guest, &remote));
        } else if (guest->state == LEATI_GUEST_HANDSHAKE && (random >> 28) % 2) {
            leati_admission_open(&admission, guest);
        } else {
            leati_admission_leave(&admission, guest);
        }
        size_t open = 0, handshakes = 0, listed = 0;
        for (size_t i = 0; i < COUNT; ++i) {
            open += guests[i].state == LEATI_GUEST_OPEN;
            handshakes += guests[i].state == LEATI_GUEST_HANDSHAKE;
        }
        for (struct leati_handshake *g = admission.oldest; g && listed <= COUNT; g = g->newer) {
            cr_assert(g->guest->state == LEATI_GUEST_HANDSHAKE &&
                      (g->newer ? g->newer->older == g : admission.newest == g));
            ++listed;
        }
        cr_assert(admission.open == open && admission.handshakes == handshakes &&
                  listed == handshakes && admission.client_count <= 5);
    }
    for (size_t i = 0; i < COUNT; ++i)
        leati_admission_leave(&admission, &guests[i]);
    leati_admission_done(&admission);
}

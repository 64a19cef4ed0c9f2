/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of a link: their language, and what they do to bytes by a clock of our own. */
#include "support/alloc_failure.h"
#include "testing/flow.h"
#include "util/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(conditions, .timeout = 120);

#define MS 1000u

/* ---- the language ---------------------------------------------------------------------------- */

Test(conditions, every_production_is_read)
{
    static const struct {
        const char *text;
        struct leat_testing_condition expected;
    } cases[] = {
        {"latency=80", {.delay_ms = 80}},
        {" latency = 80 20 ", {.delay_ms = 80, .jitter_ms = 20}},
        {"latency=80 20 uniform", {.delay_ms = 80, .jitter_ms = 20}},
        {"latency=80 20 normal",
         {.delay_ms = 80, .jitter_ms = 20, .distribution = LEAT_TESTING_NORMAL}},
        {"up:latency=1", {.delay_ms = 1, .direction = LEAT_TESTING_UP}},
        {"both : latency=1", {.delay_ms = 1, .direction = LEAT_TESTING_BOTH}},
        {"down:latency=1;", {.delay_ms = 1}},
        {"bandwidth=1000", {.kind = LEAT_TESTING_CONDITION_BANDWIDTH, .bytes = 1000}},
        {"bandwidth=1000 64",
         {.kind = LEAT_TESTING_CONDITION_BANDWIDTH, .bytes = 1000, .burst_bytes = 64}},
        {"slice=10", {.kind = LEAT_TESTING_CONDITION_SLICE, .bytes = 10}},
        {"slice=10 3 500",
         {.kind = LEAT_TESTING_CONDITION_SLICE, .bytes = 10, .variation_bytes = 3, .gap_us = 500}},
        {"limit=0", {.kind = LEAT_TESTING_CONDITION_LIMIT}},
        {"slow-close=7", {.kind = LEAT_TESTING_CONDITION_SLOW_CLOSE, .delay_ms = 7}},
        {"timeout=0", {.kind = LEAT_TESTING_CONDITION_TIMEOUT}},
        {"reset=9", {.kind = LEAT_TESTING_CONDITION_RESET, .delay_ms = 9}},
        {"loss=2.5%", {.kind = LEAT_TESTING_CONDITION_LOSS, .chance_ppm = 25000}},
        {"duplicate=100%", {.kind = LEAT_TESTING_CONDITION_DUPLICATE, .chance_ppm = 1000000}},
        {"latency=1 @ 10%", {.delay_ms = 1, .spared_ppm = 900000}},
        {"latency=1@0%", {.delay_ms = 1, .spared_ppm = 1000000}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct leat_testing_condition *found = NULL;
        struct leat_testing_problem problem = {0};
        size_t count = 0;
        int code = leat_testing_conditions_parse(cases[i].text, &found, &count, &problem);
        cr_assert(code == LEAT_OK && count == 1, "%s: %s", cases[i].text, problem.text);
        cr_expect(memcmp(found, &cases[i].expected, sizeof(*found)) == 0, "%s", cases[i].text);
        leat_testing_conditions_free(found);
    }
}

Test(conditions, mistakes_are_named_with_their_position)
{
    static const struct {
        const char *text;
        size_t position;
        const char *says;
    } cases[] = {
        {"lateness=1", 0, "latency, bandwidth"},
        {"latency", 7, "a ="},
        {"latency=", 8, "a number"},
        {"latency=-1", 8, "a number"},
        {"latency=3600001", 8, "an hour"},
        {"latency=1 4 gauss", 12, "a semicolon"},
        {"up latency=1", 3, "a :"},
        {"bandwidth=0", 0, "at least 1 byte"},
        {"slice=10 10", 0, "variation"},
        {"loss=5", 5, "a percentage"},
        {"loss=100.1%", 5, "a percentage"},
        {"loss=101%", 5, "a percentage"},
        {"latency=1 @", 11, "a percentage"},
        {"latency=1 latency=2", 10, "a semicolon"},
        {"limit=99999999999", 6, "4294967295"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct leat_testing_condition *found = NULL;
        struct leat_testing_problem problem = {0};
        size_t count = 77;
        int code = leat_testing_conditions_parse(cases[i].text, &found, &count, &problem);
        cr_expect(code == LEAT_E_PARAMETER && !found && count == 77, "%s: %d", cases[i].text, code);
        cr_expect(problem.position == cases[i].position && strstr(problem.text, cases[i].says),
                  "%s: %zu %s", cases[i].text, problem.position, problem.text);
    }
}

Test(conditions, there_are_at_most_so_many)
{
    char text[40 * 10] = "";
    size_t pos = 0;
    struct leat_testing_condition *found = NULL;
    size_t count = 0;
    for (int i = 0; i < LEAT_TESTING_CONDITIONS_MAX; ++i)
        leati_text_append(text, sizeof(text), &pos, "limit=1;");
    cr_assert(leat_testing_conditions_parse(text, &found, &count, NULL) == LEAT_OK);
    cr_expect(count == LEAT_TESTING_CONDITIONS_MAX);
    leat_testing_conditions_free(found);
    leati_text_append(text, sizeof(text), &pos, "limit=1");
    cr_expect(leat_testing_conditions_parse(text, &found, &count, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_testing_conditions_parse(NULL, &found, &count, NULL) == LEAT_OK && count == 0);
    cr_expect(!leat_testing_condition_kind_name((enum leat_testing_condition_kind)99));
}

/* ---- what they do ---------------------------------------------------------------------------- */

static void flow_start(struct leati_flow *flow, const char *text, bool is_datagrams,
                       unsigned connection)
{
    struct leat_testing_condition *conditions = NULL;
    size_t count = 0;
    cr_assert(leat_testing_conditions_parse(text, &conditions, &count, NULL) == LEAT_OK, "%s",
              text);
    leati_flow_init(flow, LEAT_TESTING_DOWN, is_datagrams, leati_flow_seed(1, connection));
    leati_flow_set(flow, conditions, count, 0);
    leat_testing_conditions_free(conditions);
}

static void push(struct leati_flow *flow, size_t len, uint64_t now_us)
{
    static uint8_t bytes[1 << 20];
    cr_assert(len <= sizeof(bytes));
    cr_assert(leati_flow_push(flow, bytes, len, 0, now_us));
}

/* Takes the next piece whenever it comes, from `*now_us` on. 0 = none is left. */
static size_t next(struct leati_flow *flow, uint64_t *now_us)
{
    const uint8_t *data;
    unsigned tag;
    for (;;) {
        uint64_t wait_us = UINT64_MAX;
        size_t len = leati_flow_take(flow, *now_us, &data, &tag, &wait_us);
        if (data) {
            leati_flow_sent(flow, len, *now_us);
            return len;
        }
        if (wait_us == UINT64_MAX)
            return 0;
        cr_assert(wait_us > 0);
        *now_us += wait_us;
    }
}

/* When `len` bytes have gone. */
static uint64_t all_us(struct leati_flow *flow, size_t len, uint64_t now_us)
{
    while (len > 0) {
        size_t got = next(flow, &now_us);
        cr_assert(got > 0 && got <= len, "%zu bytes are missing", len);
        len -= got;
    }
    return now_us;
}

Test(conditions, a_latency_holds_for_each_byte_and_nothing_waits_in_line)
{
    struct leati_flow flow;
    flow_start(&flow, "latency=80", false, 1);
    for (uint64_t i = 0; i < 10; ++i)
        push(&flow, 100, i * MS);
    for (uint64_t i = 0; i < 10; ++i) {
        uint64_t now_us = i * MS;
        cr_expect(next(&flow, &now_us) == 100 && now_us == (80 + i) * MS, "%llu",
                  (unsigned long long)now_us);
    }
    for (uint64_t i = 1; i < 1000; ++i) { /* one after the other: each of them */
        uint64_t now_us = i * 200 * MS;
        push(&flow, 1, now_us);
        cr_expect(next(&flow, &now_us) == 1 && now_us == (i * 200 + 80) * MS);
    }
    leati_flow_done(&flow);
}

/* 1,000 messages: the mean and the spread of what was asked for. */
static void jitter_measure(const char *text, double ret_mean_deviation[2])
{
    struct leati_flow flow;
    double sum = 0, squares = 0;
    flow_start(&flow, text, false, 7);
    for (uint64_t i = 0; i < 1000; ++i) {
        uint64_t sent_us = i * 1000 * MS, now_us = sent_us;
        push(&flow, 1, now_us);
        cr_assert(next(&flow, &now_us) == 1);
        double ms = (double)(now_us - sent_us) / 1000;
        cr_assert(ms >= 60 && ms <= 100, "%f", ms);
        sum += ms;
        squares += ms * ms;
    }
    ret_mean_deviation[0] = sum / 1000;
    ret_mean_deviation[1] = squares / 1000 - sum / 1000 * (sum / 1000);
    leati_flow_done(&flow);
}

Test(conditions, jitter_has_the_mean_and_the_spread_that_was_asked_for)
{
    double uniform[2], normal[2];
    jitter_measure("latency=80 20", uniform);
    jitter_measure("latency=80 20 normal", normal);
    cr_expect(uniform[0] > 78 && uniform[0] < 82, "mean %f", uniform[0]);
    cr_expect(normal[0] > 79 && normal[0] < 81, "mean %f", normal[0]);
    /* 40 * 40 / 12, and 20 * 20 / 9 without what was cut. */
    cr_expect(uniform[1] > 115 && uniform[1] < 152, "variance %f", uniform[1]);
    cr_expect(normal[1] > 36 && normal[1] < 53, "variance %f", normal[1]);
}

Test(conditions, a_stream_keeps_its_order_and_datagrams_may_not)
{
    struct leati_flow flow;
    const uint8_t *data;
    unsigned tag, order_broken = 0;
    for (int is_datagrams = 0; is_datagrams < 2; ++is_datagrams) {
        uint8_t expected = 0;
        uint64_t wait_us = UINT64_MAX;
        flow_start(&flow, "latency=80 80", is_datagrams, 3);
        for (uint8_t i = 0; i < 50; ++i)
            cr_assert(leati_flow_push(&flow, &i, 1, i, 0));
        for (; leati_flow_take(&flow, 1000 * MS, &data, &tag, &wait_us) == 1; ++expected) {
            order_broken += data[0] != expected;
            cr_expect(data[0] == tag || !is_datagrams);
            leati_flow_sent(&flow, 1, 1000 * MS);
        }
        cr_expect(expected == 50);
        cr_expect((order_broken > 0) == is_datagrams, "%u", order_broken);
        leati_flow_done(&flow);
    }
}

Test(conditions, a_bandwidth_holds_after_its_burst)
{
    static const struct {
        const char *text;
        size_t len;
        uint64_t ms; /* at least, and 30 more at most */
    } cases[] = {
        {"bandwidth=100000", 100000, 980},
        {"bandwidth=100000 50000", 100000, 500},
        {"bandwidth=100000 200000", 100000, 0},
        {"bandwidth=10", 5, 400},
        {"bandwidth=1000;bandwidth=100000", 1000, 980},
        {"bandwidth=4294967295", 1 << 20, 0},
        {"latency=80;bandwidth=100000 1000", 51000, 580},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct leati_flow flow;
        flow_start(&flow, cases[i].text, false, 1);
        push(&flow, cases[i].len, 0);
        uint64_t took_us = all_us(&flow, cases[i].len, 0);
        cr_expect(took_us + 20 * MS >= cases[i].ms * MS && took_us <= (cases[i].ms + 30) * MS,
                  "%s: %llu us", cases[i].text, (unsigned long long)took_us);
        leati_flow_done(&flow);
    }
}

Test(conditions, a_bandwidth_counts_datagrams)
{
    struct leati_flow flow;
    uint64_t now_us = 0;
    flow_start(&flow, "bandwidth=1000 100", true, 1);
    for (int i = 0; i < 11; ++i)
        push(&flow, 1000, 0); /* each longer than the burst */
    push(&flow, 0, 0);
    for (int i = 0; i < 11; ++i)
        cr_expect(next(&flow, &now_us) == 1000, "whole");
    cr_expect(now_us >= 9900 * MS && now_us <= 10100 * MS, "%llu", (unsigned long long)now_us);
    const uint8_t *data;
    unsigned tag;
    uint64_t wait_us;
    cr_expect(leati_flow_take(&flow, now_us + 2000 * MS, &data, &tag, &wait_us) == 0 && data,
              "an empty datagram is one");
    leati_flow_done(&flow);
}

Test(conditions, slices_have_their_size_and_their_gap)
{
    struct leati_flow flow;
    uint64_t now_us = 0, last_us = 0;
    size_t left = 10000, pieces = 0;
    flow_start(&flow, "slice=100 20 1000", false, 1);
    push(&flow, left, 0);
    while (left > 0) {
        size_t len = next(&flow, &now_us);
        cr_assert(len > 0 && len <= 120 && (len >= 80 || len == left), "%zu", len);
        cr_expect(pieces == 0 || now_us == last_us + MS);
        last_us = now_us;
        left -= len;
        ++pieces;
    }
    cr_expect(pieces >= 84 && pieces <= 125, "%zu", pieces);
    leati_flow_done(&flow);
}

static enum leati_flow_end end_at(struct leati_flow *flow, uint64_t now_us)
{
    uint64_t wait_us = UINT64_MAX;
    return leati_flow_end(flow, now_us, &wait_us);
}

Test(conditions, ends_come_when_they_should)
{
    static const struct {
        const char *text;
        bool finished;
        uint64_t ms; /* of the end */
        enum leati_flow_end end;
        size_t passed; /* of 100 bytes */
    } cases[] = {
        {"", true, 0, LEATI_FLOW_ENDED, 100},
        {"latency=80", true, 80, LEATI_FLOW_ENDED, 100},
        {"slow-close=500", true, 500, LEATI_FLOW_ENDED, 100},
        {"latency=80;slow-close=500", true, 580, LEATI_FLOW_ENDED, 100},
        {"timeout=300", false, 300, LEATI_FLOW_CLOSE, 0},
        {"reset=300", false, 300, LEATI_FLOW_RESET, 0},
        {"reset=0", false, 0, LEATI_FLOW_RESET, 0},
        {"limit=40", false, 0, LEATI_FLOW_CLOSE, 40},
        {"limit=100", false, 0, LEATI_FLOW_CLOSE, 100},
        {"latency=80;limit=40", false, 80, LEATI_FLOW_CLOSE, 40},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct leati_flow flow;
        const uint8_t *data;
        unsigned tag;
        uint64_t wait_us = UINT64_MAX, end_us = cases[i].ms * MS;
        flow_start(&flow, cases[i].text, false, 1);
        push(&flow, 100, 0);
        if (cases[i].finished)
            leati_flow_finish(&flow, 0);
        if (end_us > 0)
            cr_expect(end_at(&flow, end_us - 1) == LEATI_FLOW_GOES_ON, "%s", cases[i].text);
        size_t len = leati_flow_take(&flow, end_us, &data, &tag, &wait_us);
        cr_expect(len == cases[i].passed, "%s: %zu", cases[i].text, len);
        if (len > 0)
            leati_flow_sent(&flow, len, end_us);
        cr_expect(end_at(&flow, end_us) == cases[i].end, "%s", cases[i].text);
        leati_flow_done(&flow);
    }
}

Test(conditions, a_timeout_of_zero_never_ends_until_it_goes)
{
    struct leati_flow flow;
    flow_start(&flow, "timeout=0", false, 1);
    push(&flow, 100, 0);
    cr_expect(end_at(&flow, 3600000ull * MS) == LEATI_FLOW_GOES_ON);
    leati_flow_set(&flow, NULL, 0, 0);
    cr_expect(end_at(&flow, 0) == LEATI_FLOW_CLOSE, "what was lost cannot be had again");
    leati_flow_done(&flow);
}

Test(conditions, what_stays_goes_on_when_others_change)
{
    struct leati_flow flow;
    struct leat_testing_condition both[2] = {
        {.kind = LEAT_TESTING_CONDITION_TIMEOUT, .delay_ms = 100},
        {.kind = LEAT_TESTING_CONDITION_LATENCY, .delay_ms = 1}};
    leati_flow_init(&flow, LEAT_TESTING_DOWN, false, 1);
    leati_flow_set(&flow, both, 1, 0);
    leati_flow_set(&flow, both, 2, 60 * MS);
    cr_expect(end_at(&flow, 100 * MS) == LEATI_FLOW_CLOSE, "it began at 0");
    both[0].delay_ms = 90;
    leati_flow_set(&flow, both, 2, 60 * MS);
    cr_expect(end_at(&flow, 100 * MS) == LEATI_FLOW_GOES_ON, "another one begins now");
    leati_flow_done(&flow);
}

/* ---- chance ---------------------------------------------------------------------------------- */

Test(conditions, loss_and_duplication_come_as_often_as_asked_and_repeat)
{
    unsigned counts[3];
    for (int run = 0; run < 3; ++run) {
        struct leati_flow flow;
        uint64_t now_us = 0;
        counts[run] = 0;
        flow_start(&flow, run < 2 ? "loss=10%" : "duplicate=10%", true, 5);
        for (int i = 0; i < 1000; ++i) {
            push(&flow, 1, now_us);
            while (next(&flow, &now_us) > 0)
                ++counts[run];
        }
        leati_flow_done(&flow);
    }
    cr_expect(counts[0] == counts[1], "the same seed, another run");
    cr_expect(counts[0] > 860 && counts[0] < 940, "%u", counts[0]);
    cr_expect(counts[2] > 1060 && counts[2] < 1140, "%u", counts[2]);
}

Test(conditions, a_share_of_the_connections_is_hit)
{
    unsigned hit = 0;
    for (unsigned connection = 1; connection <= 1000; ++connection) {
        struct leati_flow flow, again;
        flow_start(&flow, "latency=80 @25%", false, connection);
        flow_start(&again, "latency=80 @25%", false, connection);
        cr_expect(flow.count == again.count, "it repeats");
        hit += flow.count == 1;
    }
    cr_expect(hit > 200 && hit < 300, "%u of 1000", hit);
}

static bool attempt(void)
{
    struct leat_testing_condition *found = NULL;
    struct leati_flow flow;
    size_t count = 0;
    int code = leat_testing_conditions_parse("latency=1", &found, &count, NULL);
    leati_flow_init(&flow, LEAT_TESTING_DOWN, false, 1);
    bool pushed = leati_flow_push(&flow, "x", 1, 0, 0);
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
    leati_flow_done(&flow);
    leat_testing_conditions_free(found);
    return code == LEAT_OK && pushed;
}

Test(conditions, without_memory_nothing_breaks)
{
    cr_expect(alloc_failure_run_all(attempt) == 2);
}

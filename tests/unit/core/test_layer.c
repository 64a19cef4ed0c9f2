/* SPDX-License-Identifier: Apache-2.0 */
#include "core/layer.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct fixture {
    struct leati_layer layer;
    struct leati_failure failure;
    struct leati_tracer tracer;
    int events;
    char last[512]; /* the last trace event as one line */
};

static void on_trace(const struct leat_trace_event *event, void *user)
{
    struct fixture *f = user;

    f->events++;
    snprintf(f->last, sizeof(f->last), "%d %s %s %s %d %s", (int)event->kind,
             leat_layer_name(event->layer), event->name, event->hop, event->result, event->text);
    cr_assert(event->kind == LEAT_TRACE_PHASE_START || event->end_us >= event->start_us);
}

static const struct leati_layer_ops ops = {.name = "socks5", .layer = LEAT_LAYER_SOCKS5};

static void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    leati_layer_init(&f->layer, &ops);
    leati_failure_init(&f->failure);
    f->tracer = (struct leati_tracer){.fn = on_trace, .user = f};
    f->layer.failure = &f->failure;
    f->layer.tracer = &f->tracer;
    f->layer.hop = "proxy:1080";
}

Test(layer, states_are_traced_once, .timeout = 10)
{
    struct fixture f;

    fixture_init(&f);
    leati_layer_set_state(&f.layer, LEATI_LAYER_CONNECTING);
    cr_assert_str_eq(f.last, "2 socks5 socks5 proxy:1080 0 NEW > CONNECTING");
    leati_layer_set_state(&f.layer, LEATI_LAYER_CONNECTING);
    cr_assert_eq(f.events, 1);
    leati_layer_set_state(&f.layer, LEATI_LAYER_OPEN);
    leati_layer_set_state(&f.layer, LEATI_LAYER_CLOSING);
    leati_layer_set_state(&f.layer, LEATI_LAYER_CLOSED);
    cr_assert_str_eq(f.last, "2 socks5 socks5 proxy:1080 0 CLOSING > CLOSED");
    cr_assert_eq(f.events, 4);
}

Test(layer, deadlines_do_not_pass_the_limit, .timeout = 10)
{
    struct fixture f;

    fixture_init(&f);
    leati_layer_arm(&f.layer, 1000, 0);
    cr_assert_eq(f.layer.deadline_ms, 0);
    cr_assert_not(leati_layer_expired(&f.layer, UINT64_MAX), "none never comes");
    leati_layer_arm(&f.layer, 1000, 500);
    cr_assert_eq(f.layer.deadline_ms, 1500);
    f.layer.limit_ms = 1200;
    leati_layer_arm(&f.layer, 1000, 500);
    cr_assert_eq(f.layer.deadline_ms, 1200);
    leati_layer_arm(&f.layer, 1000, 0);
    cr_assert_eq(f.layer.deadline_ms, 1200);
    leati_layer_arm(&f.layer, 1000, 100);
    cr_assert_eq(f.layer.deadline_ms, 1100);
    cr_assert_not(leati_layer_expired(&f.layer, 1099));
    cr_assert(leati_layer_expired(&f.layer, 1100));
}

Test(layer, fail_records_and_sticks, .timeout = 10)
{
    struct fixture f;
    struct leat_error error;

    fixture_init(&f);
    cr_assert_eq(leati_layer_fail(&f.layer, 2301208, 0, 5, "REP %d", 5), 2301208);
    cr_assert_eq(f.layer.sticky, 2301208);
    cr_assert_eq(f.layer.state, LEATI_LAYER_CLOSED);
    leati_failure_get(&f.failure, &error);
    cr_assert_eq(error.layer, LEAT_LAYER_SOCKS5);
    cr_assert_eq(error.native_code, 5);
    cr_assert_str_eq(error.hop, "proxy:1080");
    cr_assert_str_eq(error.text, "REP 5");
    leati_failure_done(&f.failure);
}

Test(layer, relabel_keeps_what_was_below, .timeout = 10)
{
    struct fixture f;
    struct leat_error error;
    struct leati_fault below = {
        .code = 2301104, .layer = LEAT_LAYER_TCP, .sys_errno = 104, .hop = "10.0.0.1:1"};

    fixture_init(&f);
    leati_failure_set(&f.failure, &below, "ECONNRESET");
    cr_assert_eq(leati_layer_relabel(&f.layer, 2301211, "reading the reply"), 2301211);
    leati_failure_get(&f.failure, &error);
    cr_assert_eq(error.code, 2301211);
    cr_assert_eq(error.layer, LEAT_LAYER_SOCKS5);
    cr_assert_eq(error.sys_errno, 104);
    cr_assert_str_eq(error.hop, "10.0.0.1:1");
    cr_assert_str_eq(error.text, "reading the reply: ECONNRESET");
    cr_assert_eq(f.layer.sticky, 2301211);
    leati_failure_done(&f.failure);
}

Test(layer, relabel_without_a_record_makes_one, .timeout = 10)
{
    struct fixture f;
    struct leat_error error;

    fixture_init(&f);
    cr_assert_eq(leati_layer_relabel(&f.layer, 2301211, "closed"), 2301211);
    leati_failure_get(&f.failure, &error);
    cr_assert_eq(error.code, 2301211);
    cr_assert_str_eq(error.hop, "proxy:1080");
    cr_assert_str_eq(error.text, "closed");
    leati_failure_done(&f.failure);
}

static bool always_fails(void)
{
    return true;
}

Test(layer, relabel_works_without_memory, .timeout = 10)
{
    struct fixture f;
    struct leat_error error;

    fixture_init(&f);
    leati_failure_set(&f.failure, &(struct leati_fault){.code = 2301104}, "text below");
    leati_alloc_fail_hook = always_fails;
    cr_assert_eq(leati_layer_relabel(&f.layer, 2301211, "closed"), 2301211);
    leati_alloc_fail_hook = NULL;
    leati_failure_get(&f.failure, &error);
    cr_assert_eq(error.code, 2301211);
    cr_assert_str_eq(error.text, "text below");
    leati_failure_done(&f.failure);
}

Test(layer, helpers_for_empty_slots, .timeout = 10)
{
    struct fixture f;

    fixture_init(&f);
    cr_assert_eq(leati_layer_pass_want(&f.layer, LEATI_WANT_WRITE), LEATI_WANT_WRITE);
    cr_assert_eq(leati_layer_nop_shutdown(&f.layer, 0), LEAT_OK);
    cr_assert_eq(f.layer.state, LEATI_LAYER_CLOSED);
}

Test(tracer, phases, .timeout = 10)
{
    struct fixture f;

    fixture_init(&f);
    leati_trace_phase_start(&f.tracer, LEAT_LAYER_TLS, "tls", "h:443", 5);
    cr_assert_str_eq(f.last, "0 tls tls h:443 0 ");
    leati_trace_phase_end(&f.tracer, LEAT_LAYER_TLS, "tls", NULL, 5, 2303504, NULL);
    cr_assert_str_eq(f.last, "1 tls tls  2303504 ");
    leati_trace_phase_end(NULL, LEAT_LAYER_TLS, "tls", "h", 5, 0, "x");
    leati_trace_phase_start(&(struct leati_tracer){0}, LEAT_LAYER_TLS, "tls", "h", 5);
    cr_assert_eq(f.events, 2);
}

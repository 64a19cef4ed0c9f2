/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/chain.h"

#include "conn/next_address.h"
#include "conn/proxy_rounds.h"
#include "conn/resolve.h"
#include "conn/too_early.h"
#include "core/exchange.h"
#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/clock.h"

static const char *chain_state_name(enum leati_chain_state state)
{
    static const char *const names[] = {
        [LEATI_CHAIN_NEW] = "NEW",
        [LEATI_CHAIN_RESOLVING] = "RESOLVING",
        [LEATI_CHAIN_CONNECTING] = "CONNECTING",
        [LEATI_CHAIN_OPEN] = "OPEN",
        [LEATI_CHAIN_CLOSING] = "CLOSING",
        [LEATI_CHAIN_CLOSED] = "CLOSED",
    };
    return names[state];
}

static void chain_set_state(struct leati_chain *chain, enum leati_chain_state state)
{
    leati_trace_state(&chain->tracer, LEAT_LAYER_NONE, "chain", leati_chain_origin(chain),
                      chain_state_name(chain->state), chain_state_name(state));
    chain->state = state;
    if (state >= LEATI_CHAIN_OPEN)
        leati_chain_stop_lookups(chain);
}

/* ---- layers --------------------------------------------------------------------------- */

static void chain_set_limits(struct leati_chain *chain, uint64_t limit_ms)
{
    chain->limit_ms = limit_ms;
    for (struct leati_layer *l = chain->top; l; l = l->lower) {
        l->limit_ms = limit_ms;
        l->deadline_ms = 0;
    }
}

static void chain_destroy_layers(struct leati_chain *chain)
{
    struct leati_route *route = chain->route;
    /* The owner still reads the request that it was asked about. */
    if (route && route->asking == chain->top && chain->top)
        chain->top = chain->top->lower;
    leati_layers_destroy(chain->top);
    chain->top = chain->tcp = NULL;
    if (!route)
        return;
    leati_route_forget_upgrade(route);
    route->phase_layer = NULL;
}

static struct leati_layer *lowest_not_open(const struct leati_chain *chain)
{
    struct leati_layer *lowest = NULL;
    for (struct leati_layer *l = chain->top; l; l = l->lower)
        if (l->state < LEATI_LAYER_OPEN)
            lowest = l;
    return lowest;
}

static struct leati_layer *highest_not_closed(const struct leati_chain *chain)
{
    struct leati_layer *l = chain->top;
    while (l && l->state == LEATI_LAYER_CLOSED)
        l = l->lower;
    return l;
}

/* Layers whose work is done cost nothing more; the top one stays until its owner has seen it. */
static void chain_unlink_done(struct leati_chain *chain)
{
    struct leati_layer **link = &chain->top;
    while (*link) {
        struct leati_layer *l = *link;
        bool keep = l == chain->top && chain->state != LEATI_CHAIN_OPEN;
        if (keep || !l->passthrough || l->state != LEATI_LAYER_OPEN || l->ops->pending(l)) {
            link = &l->lower;
            continue;
        }
        *link = l->lower;
        if (l == chain->route->upgrade)
            leati_route_forget_upgrade(chain->route);
        l->ops->destroy(l);
    }
}

/* A connection that is open keeps of its way what it is called by. */
static void chain_drop_route(struct leati_chain *chain)
{
    if (!chain->route || !leati_route_is_spent(chain->route))
        return;
    chain->origin = leati_route_free_for_text(chain->route);
    chain->route = NULL;
}

static void trace_layer_start(struct leati_chain *chain, const struct leati_layer *l)
{
    if (chain->route->phase_layer == l)
        return;
    chain->route->phase_layer = l;
    chain->route->phase_start_us = leati_clock_us();
    leati_trace_phase_start(&chain->tracer, l->ops->layer, l->ops->name, l->hop,
                            chain->route->phase_start_us);
}

static void trace_layer_end(struct leati_chain *chain, const struct leati_layer *l, int result)
{
    char text[256] = "";
    if (leati_layer_wants_redial(l)) /* nothing has failed */
        result = LEAT_OK;
    if (result == LEAT_OK && chain->tracer.fn)
        l->ops->describe(l, text, sizeof(text));
    leati_trace_phase_end(&chain->tracer, l->ops->layer, l->ops->name, l->hop,
                          chain->route->phase_start_us, result,
                          result == LEAT_OK ? text : chain->failure.text);
    chain->route->phase_layer = NULL;
}

/* ---- connecting ----------------------------------------------------------------------- */

/* An unreachable proxy is reported as 2301206, not as a failure of TCP. */
static int chain_blame_proxy(struct leati_chain *chain, const struct leati_hop *hop, int code)
{
    bool is_socks = hop->proxy && leati_url_is_socks(hop->proxy);
    if (!is_socks || code == LEAT_E_SYSTEM_INTERNAL || code == LEAT_E_SOCKS5_SERIALIZE)
        return code;
    return leati_failure_relabel(&chain->failure, LEAT_E_SOCKS5_CONNECT_PROXY, LEAT_LAYER_SOCKS5,
                                 "the proxy cannot be reached");
}

static void chain_tcp_ready(void *user)
{
    leati_chain_wake(user);
}

static void chain_link(struct leati_chain *chain, struct leati_layer *l)
{
    l->failure = &chain->failure;
    l->tracer = &chain->tracer;
    l->judged_ms = leati_loop_judged_ms(chain->loop);
}

static int chain_build(struct leati_chain *chain)
{
    const struct leati_route_dial dial = {
        .loop = chain->loop, .ready = chain_tcp_ready, .user = chain};
    int code = leati_route_build(chain->route, &dial, &chain->failure, &chain->top, &chain->tcp);
    if (code != LEAT_OK)
        return code;
    for (struct leati_layer *l = chain->top; l; l = l->lower)
        chain_link(chain, l);
    chain_set_limits(chain, chain->limit_ms);
    /* Handshakes and goodbyes are small segments that a relay with Nagle holds back. */
    leati_tcp_layer_set_prompt_acks(chain->tcp, true);
    return LEAT_OK;
}

/* Connects from below, as far as it goes. */
static int chain_connect_layers(struct leati_chain *chain, uint64_t now_ms)
{
    for (;;) {
        struct leati_layer *l = lowest_not_open(chain);
        if (!l)
            return LEAT_OK;
        trace_layer_start(chain, l);
        int code = l->ops->connect(l, now_ms);
        if (code == LEATI_AGAIN && leati_chain_came_too_early(chain, l))
            code = chain->failure.code; /* nobody will read its body */
        if (code == LEATI_AGAIN)
            return LEATI_AGAIN;
        if (code != LEAT_OK && l == chain->route->upgrade)
            leati_chain_tell_too_early(chain);
        if (code != LEAT_OK && (l == chain->tcp || leati_chain_was_refused(chain)))
            code = chain_blame_proxy(chain, chain->route->hops, code);
        trace_layer_end(chain, l, code);
        if (code != LEAT_OK)
            return code;
        chain_unlink_done(chain);
    }
}

/* ---- one function a state; each returns LEAT_OK when there is more to do --------------- */

static int chain_fail(struct leati_chain *chain, int code)
{
    /* Without memory even a record may be missing. */
    leati_failure_set(&chain->failure, &(struct leati_fault){.code = code}, "out of memory");
    chain_set_state(chain, LEATI_CHAIN_CLOSED);
    return LEAT_OK;
}

static int chain_step_resolving(struct leati_chain *chain)
{
    int code = leati_chain_resolve(chain);
    if (code == LEATI_AGAIN)
        return LEATI_AGAIN;
    if (code != LEAT_OK)
        return chain_fail(chain, chain_blame_proxy(chain, chain->route->lookup, code));
    chain_set_state(chain, LEATI_CHAIN_CONNECTING);
    return LEAT_OK;
}

static bool chain_is_asking(const struct leati_chain *chain)
{
    const struct leati_layer *upgrade = chain->route->upgrade;
    return upgrade && leati_exchange_is_owners_turn(upgrade);
}

static void chain_ask(struct leati_chain *chain)
{
    struct leati_layer *asking = chain->top;
    chain->route->asking = asking;
    chain->owner->asked(chain, chain->user);
    if (chain->released)
        asking->ops->destroy(asking);
    else
        chain->route->asking = NULL;
}

/* Once about each request: the owner may take its time, and then wakes the chain. */
static int chain_ask_owner(struct leati_chain *chain, uint64_t now_ms)
{
    int code = LEATI_AGAIN;
    while (code == LEATI_AGAIN && chain_is_asking(chain) && !chain->route->awaits_owner) {
        chain->route->awaits_owner = true;
        chain_ask(chain);
        if (chain->state != LEATI_CHAIN_CONNECTING)
            return LEATI_AGAIN;
        if (!chain->route->awaits_owner)
            code = chain_connect_layers(chain, now_ms);
    }
    return code;
}

static int chain_connect(struct leati_chain *chain, uint64_t now_ms)
{
    if (chain->route->awaits_address)
        return chain->failure.code;
    int code = chain->top ? LEAT_OK : chain_build(chain);
    if (code == LEAT_OK)
        code = chain_connect_layers(chain, now_ms);
    if (code != LEATI_AGAIN)
        return code;
    if (chain_is_asking(chain))
        return chain_ask_owner(chain, now_ms);
    if (!leati_chain_ask_program(chain, lowest_not_open(chain)))
        return code;
    if (chain->state != LEATI_CHAIN_CONNECTING)
        return LEATI_AGAIN;
    return chain_connect_layers(chain, now_ms);
}

static int chain_step_connecting(struct leati_chain *chain, uint64_t now_ms)
{
    int code = chain_connect(chain, now_ms);
    if (code == LEATI_AGAIN)
        return LEATI_AGAIN;
    if (code != LEAT_OK && leati_chain_came_too_early(chain, chain->route->upgrade)) {
        leati_chain_be_later(chain);
        chain_destroy_layers(chain);
        return LEAT_OK;
    }
    if (code != LEAT_OK && leati_chain_is_to_redial(chain)) {
        leati_chain_redial(chain);
        chain_destroy_layers(chain);
        return LEAT_OK;
    }
    if (code != LEAT_OK) {
        int next = leati_chain_next_address(chain, now_ms);
        chain->route->awaits_address = next == LEATI_AGAIN;
        if (next == LEATI_AGAIN)
            return LEATI_AGAIN;
        if (next != LEAT_OK)
            return chain_fail(chain, leati_chain_conclude(chain, code));
        chain_destroy_layers(chain);
        return LEAT_OK;
    }
    leati_chain_forget_attempts(chain);
    chain_set_limits(chain, 0);
    leati_tcp_layer_set_prompt_acks(chain->tcp, false);
    leati_tcp_layer_settle(chain->tcp);
    chain_set_state(chain, LEATI_CHAIN_OPEN);
    chain->owner->opened(chain, chain->user);
    if (chain->state == LEATI_CHAIN_OPEN)
        leati_route_trim(chain->route);
    return LEAT_OK;
}

static int chain_step_closing(struct leati_chain *chain, uint64_t now_ms)
{
    struct leati_layer *l;
    while ((l = highest_not_closed(chain))) {
        int code = l->ops->shutdown(l, now_ms);
        if (code == LEATI_AGAIN && !leati_chain_is_over(chain, chain->limit_ms))
            return LEATI_AGAIN;
        if (code != LEAT_OK)
            break;
    }
    chain_set_state(chain, LEATI_CHAIN_CLOSED);
    return LEAT_OK;
}

static int chain_step(struct leati_chain *chain, uint64_t now_ms)
{
    switch (chain->state) {
    case LEATI_CHAIN_RESOLVING:
        return chain_step_resolving(chain);
    case LEATI_CHAIN_CONNECTING:
        return chain_step_connecting(chain, now_ms);
    case LEATI_CHAIN_CLOSING:
        return chain_step_closing(chain, now_ms);
    case LEATI_CHAIN_NEW:
    case LEATI_CHAIN_OPEN:
    case LEATI_CHAIN_CLOSED:
        break;
    }
    return LEATI_AGAIN;
}

/* ---- what to wait for ----------------------------------------------------------------- */

/* Folds what the upper side wants through the layers from `l` down to what the socket waits for. */
static unsigned chain_fold(struct leati_chain *chain, const struct leati_layer *l, unsigned want)
{
    for (; l; l = l->lower) {
        if ((want & LEATI_WANT_READ) && l->ops->pending(l))
            leati_chain_wake(chain);
        want = l->ops->want(l, want);
    }
    return want;
}

static unsigned chain_want(struct leati_chain *chain, unsigned owner_want)
{
    const struct leati_layer *l = NULL;
    switch (chain->state) {
    case LEATI_CHAIN_OPEN:
        return chain_fold(chain, chain->top, owner_want);
    case LEATI_CHAIN_CONNECTING:
        l = chain->route->awaits_address ? NULL : lowest_not_open(chain);
        break;
    case LEATI_CHAIN_CLOSING:
        l = highest_not_closed(chain);
        break;
    default:
        break;
    }
    return l ? chain_fold(chain, l->lower, l->ops->want(l, 0)) : 0;
}

static void earlier(uint64_t *at_ms, uint64_t deadline_ms)
{
    if (deadline_ms != 0 && (*at_ms == 0 || deadline_ms < *at_ms))
        *at_ms = deadline_ms;
}

/* A timer that waits for less is left alone: that it fires once for nothing, and is set anew by the
 * pump, costs less than to move it with every message. */
static int chain_arm_timer(struct leati_chain *chain)
{
    uint64_t at_ms = chain->owner_deadline_ms;
    earlier(&at_ms, chain->limit_ms);
    for (const struct leati_layer *l = chain->top; l; l = l->lower)
        earlier(&at_ms, l->deadline_ms);
    if (at_ms == 0) {
        leati_timer_stop(&chain->timer);
        return LEAT_OK;
    }
    return leati_timer_fires_by(&chain->timer, at_ms) ? LEAT_OK
                                                      : leati_timer_set(&chain->timer, at_ms);
}

static int chain_wait(struct leati_chain *chain, unsigned owner_want)
{
    int code = chain_arm_timer(chain);
    if (code != LEAT_OK)
        return code;
    if (!chain->tcp || chain->tcp->state < LEATI_LAYER_OPEN)
        return LEAT_OK; /* it watches its attempts itself */
    return leati_tcp_layer_watch(chain->tcp, chain_want(chain, owner_want));
}

/* ---- the pump ------------------------------------------------------------------------- */

static unsigned chain_run(struct leati_chain *chain, uint64_t now_ms)
{
    while (chain_step(chain, now_ms) == LEAT_OK)
        ;
    if (chain->state != LEATI_CHAIN_OPEN)
        return 0;
    chain_unlink_done(chain);
    chain_drop_route(chain);
    unsigned want = chain->owner->pump(chain, now_ms, chain->user);
    while (chain->state == LEATI_CHAIN_CLOSING && chain_step(chain, now_ms) == LEAT_OK)
        ;
    return want;
}

static void chain_pump(struct leati_task *task, void *user)
{
    struct leati_chain *chain = user;
    (void)task;
    chain->running = true;
    unsigned want = chain_run(chain, leati_clock_ms());
    if (chain->state != LEATI_CHAIN_CLOSED) {
        int code = chain_wait(chain, want);
        if (code != LEAT_OK)
            chain_fail(chain, code);
    }
    if (!chain->released && chain->state == LEATI_CHAIN_CLOSED && !chain->ended) {
        chain->ended = true;
        chain->owner->ended(chain, chain->user);
    }
    chain->running = false;
    if (chain->released)
        chain->owner->left(chain, chain->user);
}

static void chain_timer_fired(struct leati_timer *timer, void *user)
{
    (void)timer;
    leati_chain_wake(user);
}

/* ---- the owner's side ----------------------------------------------------------------- */

void leati_chain_init(struct leati_chain *chain, leat_loop *loop,
                      const struct leati_chain_owner *owner, void *user,
                      const struct leati_tracer *tracer, struct leati_route *route)
{
    *chain = (struct leati_chain){
        .loop = loop, .owner = owner, .user = user, .tracer = *tracer, .route = route};
    leati_failure_init(&chain->failure);
    leati_timer_init(&chain->timer, loop, chain_timer_fired, chain);
    leati_task_init(&chain->pump_task, loop, chain_pump, chain);
}

static void chain_connect_until(struct leati_chain *chain, uint64_t limit_ms)
{
    chain->limit_ms = limit_ms;
    chain_set_state(chain, LEATI_CHAIN_RESOLVING);
    leati_chain_wake(chain);
}

void leati_chain_connect(struct leati_chain *chain, uint32_t timeout_ms)
{
    chain_connect_until(chain, timeout_ms ? leati_clock_ms() + timeout_ms : 0);
}

void leati_chain_restart(struct leati_chain *chain, struct leati_route *route)
{
    uint64_t limit_ms = chain->limit_ms;
    (void)leati_chain_release(chain);
    leati_chain_init(chain, chain->loop, chain->owner, chain->user, &chain->tracer, route);
    chain_connect_until(chain, limit_ms);
}

void leati_chain_push(struct leati_chain *chain, struct leati_layer *layer, uint32_t timeout_ms)
{
    layer->lower = chain->top;
    layer->hop = leati_chain_origin(chain);
    chain_link(chain, layer);
    chain->top = layer;
    chain->owner_deadline_ms = 0;
    chain_set_limits(chain, timeout_ms ? leati_clock_ms() + timeout_ms : 0);
    leati_tcp_layer_set_prompt_acks(chain->tcp, true);
    chain_set_state(chain, LEATI_CHAIN_CONNECTING);
    leati_chain_wake(chain);
}

void leati_chain_close(struct leati_chain *chain, uint64_t limit_ms)
{
    if (chain->state != LEATI_CHAIN_OPEN) {
        leati_chain_abort(chain);
        return;
    }
    chain_set_limits(chain, limit_ms);
    chain->owner_deadline_ms = 0;
    leati_tcp_layer_set_prompt_acks(chain->tcp, true);
    chain_set_state(chain, LEATI_CHAIN_CLOSING);
    leati_chain_wake(chain);
}

void leati_chain_abort(struct leati_chain *chain)
{
    if (chain->state == LEATI_CHAIN_CLOSED)
        return;
    chain_set_state(chain, LEATI_CHAIN_CLOSED);
    leati_chain_wake(chain);
}

const char *leati_chain_origin(const struct leati_chain *chain)
{
    return chain->route ? leati_route_origin_text(chain->route) : chain->origin;
}

void leati_chain_owner_has_answered(struct leati_chain *chain)
{
    chain->route->awaits_owner = false;
    if (!chain->running)
        leati_chain_wake(chain);
}

void leati_chain_wake(struct leati_chain *chain)
{
    if (!chain->released)
        leati_task_schedule(&chain->pump_task);
}

bool leati_chain_is_over(const struct leati_chain *chain, uint64_t at_ms)
{
    return at_ms != 0 && *leati_loop_judged_ms(chain->loop) >= at_ms;
}

bool leati_chain_release(struct leati_chain *chain)
{
    if (chain->released)
        return false;
    chain->released = true;
    chain->state = LEATI_CHAIN_CLOSED; /* nothing of it is traced: nobody may be there to hear it */
    leati_task_cancel(&chain->pump_task);
    leati_timer_stop(&chain->timer);
    leati_chain_stop_lookups(chain);
    chain_destroy_layers(chain);
    leati_failure_done(&chain->failure);
    leati_route_free(chain->route);
    chain->route = NULL;
    if (!chain->has_rested)
        leati_free(chain->origin);
    chain->origin = NULL;
    return !chain->running;
}

/* ---- resting -------------------------------------------------------------------------- */

bool leati_chain_may_rest(const struct leati_chain *chain)
{
    return chain->state == LEATI_CHAIN_OPEN && !chain->running && !chain->released &&
           !chain->pump_task.queued && !chain->route && chain->limit_ms == 0 && !chain->tracer.fn &&
           chain->failure.code == LEAT_OK && chain->top == chain->tcp &&
           leati_tcp_layer_may_rest(chain->tcp);
}

struct leati_tcp_seat *leati_chain_rest(struct leati_chain *chain, leati_io_fn fn, void *user)
{
    struct leati_tcp_seat *seat = leati_tcp_layer_rest(chain->tcp, fn, user);
    chain->top = chain->tcp = NULL;
    leati_chain_release(chain);
    return seat;
}

bool leati_chain_resume(struct leati_chain *chain, leat_loop *loop,
                        const struct leati_chain_owner *owner, void *user,
                        struct leati_tcp_seat *seat)
{
    const struct leati_tracer nobody = {NULL, NULL};
    struct leati_layer *tcp = leati_tcp_layer_resume(seat, loop, chain_tcp_ready, chain);
    if (!tcp)
        return false;
    leati_chain_init(chain, loop, owner, user, &nobody, NULL);
    chain_link(chain, tcp);
    chain->top = chain->tcp = tcp;
    chain->origin = (char *)(uintptr_t)leati_tcp_seat_name(seat);
    chain->has_rested = true;
    chain->state = LEATI_CHAIN_OPEN;
    return true;
}

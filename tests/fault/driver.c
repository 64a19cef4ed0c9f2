/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the rows of all tables, each in a process of its own, once through the event-driven client
 * and once through the blocking face. */
#include "fault/fault.h"
#include "support/certificates.h"
#include "support/patience.h"
#include "support/sandbox.h"
#include "support/still_clock.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECV_TIMEOUT_MS PATIENCE_MS(5000)
#define ROWS_MAX        1024
#define STEP_WAIT_MS    PATIENCE_MS(5000)

const struct leat_script_row peer_refusing[] = {{LEAT_SCRIPT_CLOSE}};
const struct leat_script_row peer_unanswering[] = {{LEAT_SCRIPT_CLOSE}};

static const struct fault_table *const tables[] = {
    &faults_general,    &faults_tcp, &faults_dns,       &faults_socks5,
    &faults_http_proxy, &faults_tls, &faults_websocket, &faults_sending};

/* ---- peers ----------------------------------------------------------------------------------- */

struct stage {
    const struct fault *fault;
    leat_testing_server *server, *proxy;
    struct dns_server *dns;
    leat_config *config;
    char url[8400];
};

/* What the client has said. */
struct outcome {
    int code;
    struct leat_error error;
    uint16_t close_code;
    bool has_error; /* false: the call has only its code */
};

uint16_t fault_peer_start(const struct leat_script_row *script, leat_testing_server **ret_peer)
{
    if (!script)
        return 1;
    if (script == peer_refusing)
        return refusing_port();
    if (script == peer_unanswering)
        return unanswering_port();
    *ret_peer = script_server_start(script);
    cr_assert(*ret_peer);
    return leat_testing_server_get_port(*ret_peer);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void port_format(char *buf, size_t cap, const char *format, uint16_t port)
{
    snprintf(buf, cap, format, port);
}
#pragma GCC diagnostic pop

/* Lets the peer go and holds the client, which is in its dispatch, until the peer is gone. */
static void stage_trace(const struct leat_trace_event *event, void *user)
{
    const struct stage *stage = user;
    if (event->kind == LEAT_TRACE_PHASE_END && event->layer == LEAT_LAYER_TCP) {
        leat_testing_server *peer = stage->proxy ? stage->proxy : stage->server;
        leat_testing_server_release(peer);
        cr_expect(leat_testing_server_wait_idle(peer, STEP_WAIT_MS), "%s", stage->fault->name);
    }
}

static void stage_configure(struct stage *stage)
{
    const struct fault *fault = stage->fault;
    leat_config *config = stage->config;
    if (fault->proxy) {
        char proxy[1024];
        port_format(proxy, sizeof(proxy),
                    fault->proxy_url ? fault->proxy_url : "socks5h://127.0.0.1:%u",
                    fault_peer_start(fault->proxy, &stage->proxy));
        cr_assert(leat_config_set_proxy(config, proxy) == LEAT_OK, "%s", proxy);
    }
    if (fault->dns) {
        stage->dns = dns_server_start(fault->dns);
        cr_assert(stage->dns);
        cr_assert(leat_config_set_dns_servers(config, dns_server_address(stage->dns)) == LEAT_OK);
    }
    if (fault->deadline.ms != 0) {
        cr_assert(leat_config_set_phase_timeout(config, fault->deadline.phase,
                                                fault->deadline.ms) == LEAT_OK);
    }
    if (fault->connect_timeout_ms != 0)
        cr_assert(leat_config_set_connect_timeout(config, fault->connect_timeout_ms) == LEAT_OK);
    if (fault->peer_is_first)
        cr_assert(leat_config_set_trace(config, stage_trace, stage) == LEAT_OK);
    if (fault->configure && fault->moment != FAULT_SETTING)
        cr_assert(fault->configure(config) == LEAT_OK);
}

static void stage_init(struct stage *stage, const struct fault *fault)
{
    *stage = (struct stage){.fault = fault};
    if (chdir(certificates_dir()) != 0) { /* so that the tables can name the files */
        cr_assert_fail("%s", certificates_dir());
    }
    if (fault->world)
        fault->world();
    stage->config = client_config_new();
    stage_configure(stage);
    port_format(stage->url, sizeof(stage->url), fault->url ? fault->url : "ws://127.0.0.1:%u/",
                fault_peer_start(fault->server, &stage->server));
}

static void peer_expect(const struct stage *stage, leat_testing_server *peer, const char *name)
{
    struct leat_testing_seen seen;
    if (peer) {
        leat_testing_server_get_seen(peer, &seen);
        cr_expect(!stage->fault->peers_are_counted || seen.connections == stage->fault->connections,
                  "%s: the %s has %u connections", stage->fault->name, name, seen.connections);
        cr_expect(seen.problem[0] == '\0', "%s: the %s: %s", stage->fault->name, name,
                  seen.problem);
    }
}

static void stage_done(struct stage *stage)
{
    shim_arm(NULL);
    peer_expect(stage, stage->server, "server");
    peer_expect(stage, stage->proxy, "proxy");
    cr_expect(!stage->fault->peers_are_counted || !stage->dns ||
                  dns_server_query_count(stage->dns) == 0,
              "%s: a name was asked for", stage->fault->name);
    leat_config_free(stage->config);
    leat_testing_server_free(stage->server);
    leat_testing_server_free(stage->proxy);
    dns_server_free(stage->dns);
}

/* ---- the event-driven client ----------------------------------------------------------------- */

static void async_connected(struct client_run *run, const struct fault *fault, struct outcome *ret)
{
    client_run_until_opened(run);
    if (fault->moment == FAULT_ACTION) {
        cr_assert(run->opened_count == 1, "%s", run->close.error.text);
        ret->code = fault->act(run);
        return;
    }
    client_run_until_closed(run);
    cr_expect((run->opened_count == 1) == (fault->moment == FAULT_OPEN), "%s: opened %u times",
              fault->name, run->opened_count);
    ret->has_error = true;
    ret->error = run->close.error;
    ret->code = ret->error.code;
    ret->close_code = run->close.close_code;
}

static void async_run(struct stage *stage, struct outcome *ret)
{
    struct client_run run;
    const struct fault *fault = stage->fault;
    client_run_init(&run);
    run.name = fault->name;
    leat_config_free(run.config);
    run.config = stage->config;
    shim_arm(&fault->shim);
    if (fault->moment == FAULT_IDLE) {
        ret->code = fault->act(&run);
    } else {
        ret->code = client_run_connect(&run, stage->url);
        ret->has_error = true;
        leat_websocket_get_error(run.ws, &ret->error);
        cr_expect(ret->error.code == ret->code);
        if (ret->code == LEAT_OK) {
            ret->has_error = false;
            cr_expect(fault->moment != FAULT_REFUSED, "%s: connect did not refuse", fault->name);
            async_connected(&run, fault, ret);
        } else {
            cr_expect(fault->moment == FAULT_REFUSED, "%s: connect refused with %d: %s",
                      fault->name, ret->code, ret->error.text);
        }
    }
    run.config = NULL;
    client_run_done(&run);
}

/* ---- the blocking face
 * --------------------------------------------------------------------------- */

static void blocking_connected(leat_blocking_websocket *ws, const struct fault *fault,
                               struct outcome *ret)
{
    struct leat_message message;
    if (fault->moment == FAULT_ACTION) {
        ret->code = fault->blocking_act(ws);
        return;
    }
    cr_expect(fault->moment == FAULT_OPEN, "%s: it has opened", fault->name);
    do {
        ret->code = leat_blocking_websocket_recv(ws, &message, RECV_TIMEOUT_MS, &ret->error);
    } while (ret->code == LEAT_OK);
    const struct leat_close_event *event = leat_blocking_websocket_get_close_event(ws);
    cr_assert(event, "%s: %d, but it is not closed", fault->name, ret->code);
    ret->has_error = true;
    cr_expect(ret->error.code == ret->code && strcmp(ret->error.text, event->error.text) == 0,
              "%s: recv says \"%s\"", fault->name, ret->error.text);
    ret->close_code = event->close_code;
}

static void blocking_run(struct stage *stage, struct outcome *ret)
{
    leat_blocking_websocket *ws = NULL;
    shim_arm(&stage->fault->shim);
    if (stage->fault->moment == FAULT_IDLE) {
        ret->code = stage->fault->blocking_act(NULL);
        return;
    }
    ret->code = leat_blocking_websocket_connect(stage->url, stage->config, &ws, &ret->error);
    ret->has_error = ret->code != LEAT_OK;
    if (ret->code == LEAT_OK)
        blocking_connected(ws, stage->fault, ret);
    leat_blocking_websocket_free(ws);
}

/* ---- one row
 * -------------------------------------------------------------------------------------- */

static bool error_matches(const struct fault *fault, const struct outcome *outcome)
{
    const struct leat_error *error = &outcome->error;
    uint16_t close_code = fault->moment != FAULT_OPEN ? 0
                          : fault->close_code != 0    ? fault->close_code
                                                      : 1006;
    bool native_fits =
        fault->any_native ? error->native_code != 0 : error->native_code == fault->native_code;
    /* Without memory the text may be lost. */
    bool text_fits = fault->shim.call == SHIM_ALLOCATION ||
                     (error->text[0] != '\0' && (!fault->text || strstr(error->text, fault->text)));
    return error->code == fault->code && error->layer == fault->layer &&
           error->sys_errno == fault->sys_errno && native_fits && text_fits &&
           outcome->close_code == close_code;
}

static void outcome_expect(const struct fault *fault, const char *face, const struct outcome *o)
{
    bool fits = o->code == fault->code && (!o->has_error || error_matches(fault, o));
    cr_expect(fits,
              "%s (%s): got %d, error %d %s errno %d native %d (-0x%04x) close %u \"%s\"; "
              "wanted %d %s errno %d native %d \"%s\"",
              fault->name, face, o->code, o->error.code, leat_layer_name(o->error.layer),
              o->error.sys_errno, o->error.native_code, (unsigned)-o->error.native_code,
              o->close_code, o->error.text, fault->code, leat_layer_name(fault->layer),
              fault->sys_errno, fault->native_code, fault->text ? fault->text : "");
    cr_expect(fault->shim.call == SHIM_NONE || shim_hits() > 0, "%s: the shim was not hit",
              fault->name);
    if (fits)
        coverage_reached(fault->code);
}

static void setting_run(struct stage *stage, struct outcome *ret)
{
    ret->code = stage->fault->configure(stage->config);
    ret->has_error = true;
    leat_config_get_error(stage->config, &ret->error);
}

static bool face_applies(const struct fault *fault, bool blocking)
{
    if (fault->moment == FAULT_ACTION || fault->moment == FAULT_IDLE)
        return blocking ? fault->blocking_act != NULL : fault->act != NULL;
    return true;
}

static void fault_run(const struct fault *fault, bool blocking)
{
    struct stage stage;
    struct outcome outcome = {.code = LEAT_OK};
    if (!face_applies(fault, blocking))
        return;
    stage_init(&stage, fault);
    if (fault->deadline.ms != 0 || fault->connect_timeout_ms != 0)
        still_clock_start();
    if (fault->moment == FAULT_SETTING) {
        setting_run(&stage, &outcome);
    } else if (blocking) {
        blocking_run(&stage, &outcome);
    } else {
        async_run(&stage, &outcome);
    }
    still_clock_stop();
    outcome_expect(fault, blocking ? "blocking" : "async", &outcome);
    stage_done(&stage);
}

/* ---- all rows
 * -------------------------------------------------------------------------------------- */

/* Static, because parameters are read in another process. */
static size_t indices[ROWS_MAX];

static const struct fault *fault_at(size_t index)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); ++i) {
        if (index < tables[i]->count)
            return &tables[i]->faults[index];
        index -= tables[i]->count;
    }
    return NULL;
}

ParameterizedTestParameters(fault, row)
{
    size_t count = 0;
    while (count < ROWS_MAX && fault_at(count)) {
        indices[count] = count;
        ++count;
    }
    return cr_make_param_array(size_t, indices, count);
}

ParameterizedTest(size_t *index, fault, row, .timeout = 60, .fini = sandbox_done)
{
    fault_run(fault_at(*index), false);
    fault_run(fault_at(*index), true);
}

/* ---- the program
 * ----------------------------------------------------------------------------------- */

/* Criterion's workers are this program again; they look for `main` by its name. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--codes") == 0)
        return coverage_is_whole(argv + 2) ? 0 : 1;
    struct criterion_test_set *tests = criterion_initialize();
    bool passed = true;
    coverage_begin();
    if (criterion_handle_args(argc, argv, true))
        passed = criterion_run_all_tests(tests) != 0;
    criterion_finalize(tests);
    return passed ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The WebSocket server that cannot start: 2302003, 2302004, 2302005. */
#include "fault/fault.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <leat/websocket_server.h>

struct start {
    struct fault_report report;
    const char *ip;
    unsigned port;
    bool port_in_use; /* instead of `port`: one that somebody listens on */
    struct shim_fault shim;
};

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define REPORT(name_, code_, ...)                                                                  \
    .report = {.name = (name_), .code = LEAT_E_WS_##code_, .layer = LEAT_LAYER_WEBSOCKET,          \
               __VA_ARGS__}

static const struct start starts[] = {
    {REPORT("an address that is none", NIC, .text = "localhost."), .ip = "localhost."},
    {REPORT("an address of another machine", NIC, .sys_errno = EADDRNOTAVAIL,
            .text = "192.0.2.77"),
     .ip = "192.0.2.77"},
    {REPORT("a port in use", PORT, .sys_errno = EADDRINUSE), .ip = "127.0.0.1",
     .port_in_use = true},
    {REPORT("a port that is not permitted", PORT, .sys_errno = EACCES, .text = "80"),
     .ip = "127.0.0.1", .port = 80, .shim = {SHIM_BIND, EACCES}},
    {REPORT("a port that is none", PORT, .text = "65535"), .ip = "127.0.0.1", .port = 65536},
};

/* clang-format on */

#define STARTS (sizeof(starts) / sizeof(starts[0]))

/* Static, because parameters are read in another process. */
static size_t indices[STARTS];

ParameterizedTestParameters(fault, server_start)
{
    for (size_t i = 0; i < STARTS; ++i)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, STARTS);
}

ParameterizedTest(size_t *index, fault, server_start, .timeout = 30, .fini = sandbox_done)
{
    const struct start *start = &starts[*index];
    static const struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_CLOSE}};
    leat_testing_server *other = script_server_start(script);
    leat_loop *loop = NULL;
    leat_websocket_server *server = NULL;
    struct leat_error error;
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    cr_assert(leat_websocket_server_new(loop, &callbacks, NULL, &server) == LEAT_OK);

    unsigned port = start->port_in_use ? leat_testing_server_get_port(other) : start->port;
    shim_arm(&start->shim);
    int code = leat_websocket_server_start(server, start->ip, port, NULL);
    shim_arm(NULL);
    leat_websocket_server_get_error(server, &error);
    fault_report_expect(&start->report, code, &error);
    cr_expect(leat_websocket_server_start(server, "127.0.0.1", 0, NULL) == LEAT_OK,
              "%s: no good start after it", start->report.name);
    cr_expect(leat_websocket_server_start(server, "127.0.0.1", 0, NULL) == LEAT_E_WS_EXISTS);
    leat_websocket_server_free(server);
    leat_loop_free(loop);
    leat_testing_server_free(other);
}

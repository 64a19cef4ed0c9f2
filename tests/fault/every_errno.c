/* SPDX-License-Identifier: Apache-2.0 */
/* Every errno of the catalogue, from every system call that can bring it, must come out as its
 * code with its errno, whichever layer renames it. */
#include "fault/fault.h"
#include "support/certificates.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <leat/catalogue.h>
#include <string.h>

/* Where a call fails, and what is said then. code 0 = 2301000 + errno. */
struct spot {
    const char *name;
    enum shim_call call;
    bool proxied, secure;
    int code;
    enum leat_layer layer;
};

static const struct spot spots[] = {
    {"socket", SHIM_SOCKET, false, false, 0, LEAT_LAYER_TCP},
    {"setsockopt", SHIM_SETSOCKOPT, false, false, 0, LEAT_LAYER_TCP},
    {"connect", SHIM_CONNECT, false, false, 0, LEAT_LAYER_TCP},
    {"the end of connect", SHIM_SO_ERROR, false, false, 0, LEAT_LAYER_TCP},
    {"sendmsg", SHIM_SENDMSG, false, false, 0, LEAT_LAYER_TCP},
    {"recv", SHIM_RECV, false, false, 0, LEAT_LAYER_TCP},
    {"socket to a proxy", SHIM_SOCKET, true, false, LEAT_E_SOCKS5_CONNECT_PROXY, LEAT_LAYER_SOCKS5},
    {"setsockopt to a proxy", SHIM_SETSOCKOPT, true, false, LEAT_E_SOCKS5_CONNECT_PROXY,
     LEAT_LAYER_SOCKS5},
    {"connect to a proxy", SHIM_CONNECT, true, false, LEAT_E_SOCKS5_CONNECT_PROXY,
     LEAT_LAYER_SOCKS5},
    {"sendmsg to a proxy", SHIM_SENDMSG, true, false, LEAT_E_SOCKS5_SEND, LEAT_LAYER_SOCKS5},
    {"recv from a proxy", SHIM_RECV, true, false, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5},
    {"sendmsg below TLS", SHIM_SENDMSG, false, true, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS},
    {"recv below TLS", SHIM_RECV, false, true, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS},
};
#define SPOTS (sizeof(spots) / sizeof(spots[0]))

/* Whether this errno is no failure there, but the call's way to say "not now". */
static bool is_no_failure(const struct spot *spot, int sys_errno)
{
    switch (spot->call) {
    case SHIM_CONNECT:
        return sys_errno == EINPROGRESS || sys_errno == EINTR;
    case SHIM_SENDMSG:
    case SHIM_RECV:
        return sys_errno == EAGAIN || sys_errno == EINTR;
    default:
        return false;
    }
}

static leat_config *spot_config(const struct spot *spot, uint16_t port)
{
    leat_config *config = client_config_new();
    if (spot->proxied) {
        cr_assert(leat_config_set_proxy(config, sandbox_format("socks5h://127.0.0.1:%u", port)) ==
                  0);
    }
    return config;
}

static void spot_expect(const struct spot *spot, int sys_errno, const char *face, int code,
                        const struct leat_error *error)
{
    int wanted = spot->code ? spot->code : LEAT_E_SOCKET_BASE + sys_errno;
    bool fits = code == wanted && error->code == wanted && error->layer == spot->layer &&
                error->sys_errno == sys_errno;
    /* The rest of the spot would most likely fail alike. */
    cr_assert(fits, "%s with %s (%s): got %d %s errno %d \"%s\", wanted %d", spot->name,
              leat_errno_name(sys_errno), face, error->code, leat_layer_name(error->layer),
              error->sys_errno, error->text, wanted);
    cr_expect(strstr(error->text, leat_errno_name(sys_errno)), "%s is not named in: %s",
              leat_errno_name(sys_errno), error->text);
    cr_expect(shim_hits() > 0, "%s: the shim was not hit", spot->name);
    coverage_reached(wanted);
}

static void spot_run(const struct spot *spot, int sys_errno, const char *url, leat_config *config)
{
    const struct shim_fault fault = {.call = spot->call, .sys_errno = sys_errno};
    struct client_run run;
    client_run_init(&run);
    leat_config_free(run.config);
    run.config = config;
    shim_arm(&fault);
    int code = client_run_refused(&run, url);
    spot_expect(spot, sys_errno, "async", code, &run.close.error);
    shim_arm(NULL);
    run.config = NULL;
    client_run_done(&run);

    leat_blocking_websocket *ws = NULL;
    struct leat_error error;
    shim_arm(&fault);
    code = leat_blocking_websocket_connect(url, config, &ws, &error);
    spot_expect(spot, sys_errno, "blocking", code, &error);
    shim_arm(NULL);
    leat_blocking_websocket_free(ws);
}

/* Static, because parameters are read in another process. */
static size_t indices[SPOTS];

ParameterizedTestParameters(fault, every_errno)
{
    for (size_t i = 0; i < SPOTS; ++i)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, SPOTS);
}

ParameterizedTest(size_t *index, fault, every_errno, .timeout = 120, .fini = sandbox_done)
{
    static const struct leat_script_row listens[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row speaks[] = {
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("x")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    const struct spot *spot = &spots[*index];
    leat_testing_server *peer = script_server_start(spot->call == SHIM_RECV ? speaks : listens);
    uint16_t port = leat_testing_server_get_port(peer);
    leat_config *config = spot_config(spot, port);
    const char *url = sandbox_format("%s://127.0.0.1:%u/", spot->secure ? "wss" : "ws", port);
    for (size_t i = 0; i < leat_code_count(); ++i) {
        int code = leat_code_at(i);
        int sys_errno = leat_code_errno(code);
        if (leat_code_family(code) == LEAT_FAMILY_SOCKET && !is_no_failure(spot, sys_errno))
            spot_run(spot, sys_errno, url, config);
    }
    leat_config_free(config);
    leat_testing_server_free(peer);
}

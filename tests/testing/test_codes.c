/* SPDX-License-Identifier: Apache-2.0 */
/* One line of the fault language is one documented code of leat: what a user's test does. */
#include "testing/rig.h"
#include "support/still_clock.h"

TestSuite(codes, .fini = sandbox_done, .timeout = 60);

struct fault_code {
    const char *faults;
    int code;
    enum leat_layer layer;
    int native_code;
};

/* Connects to an echo server through a proxy, or without one to a server that fails. */
static void code_expect(enum leat_testing_kind kind, const struct fault_code *expected)
{
    bool is_proxy = kind != LEAT_TESTING_WEBSOCKET;
    leat_testing_server *echo =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET,
                                       .faults = is_proxy ? NULL : expected->faults));
    leat_testing_server *proxy = NULL;
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, 300) == LEAT_OK);
    still_clock_start();
    if (is_proxy) {
        proxy = rig_start(LEAT_TESTING_OPTIONS(.kind = kind, .user = "a", .password = "b",
                                               .faults = expected->faults));
        cr_assert(leat_config_set_proxy(run.config, leat_testing_server_get_url(proxy)) == LEAT_OK);
    }
    int code = client_run_refused(&run, leat_testing_server_get_url(echo));
    const struct leat_error *error = &run.close.error;
    cr_expect(code == expected->code && error->layer == expected->layer &&
                  error->native_code == expected->native_code,
              "%s: %d (%s, %d) %s", expected->faults, code, leat_layer_name(error->layer),
              error->native_code, error->text);
    client_run_done(&run);
    still_clock_stop();
    leat_testing_server_free(proxy);
    leat_testing_server_free(echo);
}

#define SOCKS5(name) LEAT_E_SOCKS5_##name, LEAT_LAYER_SOCKS5

Test(codes, of_a_socks5_proxy)
{
    static const struct fault_code cases[] = {
        {"method=refuse", SOCKS5(METHOD), 0xff},
        {"method=05,01", SOCKS5(METHOD), 1},
        {"auth-reply=refuse", SOCKS5(AUTH), 1},
        {"auth-reply=refuse 255", SOCKS5(AUTH), 0xff},
        {"reply=refuse 2", SOCKS5(CONNECT_REMOTE), 2},
        {"reply=refuse 5", SOCKS5(CONNECT_REMOTE), 5},
        {"reply=05,04,00,01,00*6;then=reset", SOCKS5(CONNECT_REMOTE), 4},
        {"greeting=close", SOCKS5(RECV), 0},
        {"greeting=reset", SOCKS5(RECV), 0},
        {"method=truncate 1;then=close", SOCKS5(DESERIALIZE), 0},
        {"auth=stall", SOCKS5(RECV), 0},
        {"reply=delay 3600000", SOCKS5(RECV), 0},
        {"reply=truncate 9;then=stall", SOCKS5(RECV), 0},
        {"method=04,00", SOCKS5(DESERIALIZE), 0},
        {"method=\"HTTP/1.0 400 Bad\\r\\n\\r\\n\"", SOCKS5(DESERIALIZE), 0},
        {"auth-reply=02,00", SOCKS5(DESERIALIZE), 0},
        {"reply=05,00,00,09,00*6", SOCKS5(DESERIALIZE), 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        code_expect(LEAT_TESTING_SOCKS5, &cases[i]);
}

Test(codes, of_a_websocket_server)
{
    static const struct fault_code cases[] = {
        {"upgrade=refuse", 200, LEAT_LAYER_WEBSOCKET, 403},
        {"upgrade=refuse 503", 200, LEAT_LAYER_WEBSOCKET, 503},
        {"upgrade=\"HTTP/1.1 401 Unauthorized\\r\\n\\r\\n\";then=close", 200, LEAT_LAYER_WEBSOCKET,
         401},
        {"head=close", 200, LEAT_LAYER_WEBSOCKET, 0},
        {"upgrade=truncate 40;then=close", 200, LEAT_LAYER_WEBSOCKET, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        code_expect(LEAT_TESTING_WEBSOCKET, &cases[i]);
}

Test(codes, of_a_connect_proxy)
{
    static const struct fault_code cases[] = {
        {"reply=refuse 403", 200, LEAT_LAYER_HTTP_PROXY, 403},
        {"reply=refuse", 200, LEAT_LAYER_HTTP_PROXY, 502},
        {"head=close", 200, LEAT_LAYER_HTTP_PROXY, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        code_expect(LEAT_TESTING_CONNECT, &cases[i]);
}

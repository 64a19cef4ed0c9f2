/* SPDX-License-Identifier: Apache-2.0 */
/* UDP through the last of several proxies: the control connection goes through all of them. */
#include "sockets/udp_run.h"

#include "support/peers.h"
#include "support/proxies.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(udp_chain, .fini = sandbox_done, .timeout = 50);

/* The control connection behind another proxy, by a literal; the datagrams past it. */
Test(udp_chain, dante_behind_another_proxy)
{
    struct udp_run run;
    uint16_t dante = dante_start(), port = udp_echo_start("127.0.0.1");
    const char *first[] = {
        sandbox_format("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL)),
        sandbox_format("http://127.0.0.1:%u", tinyproxy_start(NULL, NULL)),
    };
    for (size_t i = 0; i < 2; i++) {
        udp_run_init(&run);
        cr_assert_eq(leat_config_set_proxy(run.config, first[i]), LEAT_OK);
        cr_assert_eq(
            leat_config_add_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u", dante)),
            LEAT_OK);
        cr_assert_eq(leat_config_set_udp_past_proxies(run.config, true), LEAT_OK);
        udp_run_listen(&run, "127.0.0.1");
        udp_run_send(&run, "past it", "127.0.0.1", port);
        udp_run_until_messages(&run, 1);
        udp_run_expect(&run, 0, "past it", "127.0.0.1", "IPv4", port);
        cr_expect(strstr(run.trace, i == 0 ? "socks5" : "http-proxy"), "%s", run.trace);
        udp_run_done(&run);
    }
}

/* "Where I am" says nothing if only the proxy before it knows where that is. */
Test(udp_chain, a_relay_nowhere_behind_another_proxy)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x01\0\0\0\0\x12\x34")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    struct udp_run run;
    /* microsocks tries no second address. */
    leat_testing_server *last = script_server_new(
        &(struct leat_testing_options){.scripts = {script}, .address = localhost_address()});
    udp_run_init(&run);
    cr_assert_eq(leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                                  microsocks_start(NULL, NULL))),
                 LEAT_OK);
    cr_assert_eq(
        leat_config_add_proxy(run.config, sandbox_format("socks5h://localhost:%u",
                                                         leat_testing_server_get_port(last))),
        LEAT_OK);
    cr_assert_eq(leat_config_set_udp_past_proxies(run.config, true), LEAT_OK);
    udp_run_bind(&run, "127.0.0.1");
    udp_run_until_closed(&run);
    udp_run_until_error(&run, 1, LEAT_E_SOCKS5_SERIALIZE, "resolved by the proxy before it");
    udp_run_done(&run);
    leat_testing_server_free(last);
}

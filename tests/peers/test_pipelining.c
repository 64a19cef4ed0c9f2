/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5 messages in one flight: how many flights that saves, and which proxies take it. */
#include "peers/common.h"

PEERS_SUITE(pipelining);

static const struct server_options tls = {.cert = "server.pem"};

/* Reads all it is sent before it answers with the first byte, if `in_one`; lock-step otherwise. */
static const struct leat_script_row lock_step[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
    {LEAT_SCRIPT_READ_SOCKS5_AUTH},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x00")},
    {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
    {LEAT_SCRIPT_SEND_SOCKS5_REPLY},
    {LEAT_SCRIPT_RELAY},
    {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row in_one[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING},
    {LEAT_SCRIPT_READ_SOCKS5_AUTH},
    {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02\x01\x00"), .hold = true},
    {LEAT_SCRIPT_SEND_SOCKS5_REPLY},
    {LEAT_SCRIPT_RELAY},
    {LEAT_SCRIPT_CLOSE}};

static unsigned flights_of(enum leat_socks5_pipelining pipelining,
                           const struct leat_script_row *script)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *proxy = script_server_start(script);
    client_run_init(&run);
    cr_assert(leat_config_set_socks5_pipelining(run.config, pipelining) == LEAT_OK);
    cr_assert(leat_config_set_proxy(
                  run.config, sandbox_format("socks5h://alice:secret@127.0.0.1:%u",
                                             leat_testing_server_get_port(proxy))) == LEAT_OK);
    client_run_open(&run, url_of("wss", python_server_start(&tls), "/echo"));
    client_run_echo(&run, "through the proxy");
    client_run_close(&run);
    client_run_done(&run);
    cr_expect(leat_testing_server_wait_idle(proxy, STEP_WAIT_MS));
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.problem[0] == '\0', "%s", seen.problem);
    leat_testing_server_free(proxy);
    return seen.flights;
}

Test(pipelining, flights_that_it_saves)
{
    unsigned flights = flights_of(LEAT_SOCKS5_LOCK_STEP, lock_step);
    cr_expect(flights == 3, "%u", flights);
    flights = flights_of(LEAT_SOCKS5_PIPELINED, in_one);
    cr_expect(flights == 1, "%u", flights);
    flights = flights_of(LEAT_SOCKS5_PIPELINED_WITH_DATA, in_one);
    cr_expect(flights == 1, "%u", flights);
}

static void through(const char *proxy, enum leat_socks5_pipelining pipelining)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_socks5_pipelining(run.config, pipelining) == LEAT_OK);
    cr_assert(leat_config_set_proxy(run.config, proxy) == LEAT_OK);
    client_run_open(&run, url_of("wss", python_server_start(&tls), "/echo"));
    client_run_echo(&run, "in one flight");
    client_run_close(&run);
    client_run_done(&run);
}

Test(pipelining, openssh)
{
    const char *proxy = sandbox_format("socks5h://127.0.0.1:%u", ssh_proxy_start());
    through(proxy, LEAT_SOCKS5_PIPELINED);
    through(proxy, LEAT_SOCKS5_PIPELINED_WITH_DATA);
}

/* microsocks takes one recv() for one message: what fails with it must not hang, and must not fall
 * back to anything silently. */
Test(pipelining, microsocks_fails_in_time)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_socks5_pipelining(run.config, LEAT_SOCKS5_PIPELINED) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, 500) == LEAT_OK);
    cr_assert(leat_config_set_proxy(run.config,
                                    sandbox_format("socks5h://alice:secret@127.0.0.1:%u",
                                                   microsocks_start("alice", "secret"))) == 0);
    int code = client_run_refused(&run, url_of("wss", python_server_start(&tls), "/echo"));
    cr_expect(run.close.error.layer == LEAT_LAYER_SOCKS5, "%s", run.close.error.text);
    cr_expect(code >= LEAT_E_SOCKS5_METHOD && code <= LEAT_E_SOCKS5_DESERIALIZE, "%d: %s", code,
              run.close.error.text);
    client_run_done(&run);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Orderly ends: what we owe has left before the peer's goodbye is heeded, and our goodbye of TLS
 * keeps nobody waiting. The bytes of interest lie in the kernel before our loop runs. */
#include "integration/common.h"
#include "support/process.h"
#include "support/server_run.h"
#include "support/still_clock.h"

#include <unistd.h>

INTEGRATION_SUITE(goodbyes);

static const int versions[] = {LEAT_TLS_V12, LEAT_TLS_V13};

static struct leat_testing_tls tls_of(int version)
{
    return (struct leat_testing_tls){.cert_path = certificate_path("server.pem"),
                                     .key_path = certificate_path("server.key"),
                                     .min_version = version,
                                     .max_version = version};
}

/* ---- at the client --------------------------------------------------------------------------- */

static const char *url_at(const leat_testing_server *peer, bool secure)
{
    return sandbox_format("%s://localhost:%u/", secure ? "wss" : "ws",
                          (unsigned)leat_testing_server_get_port(peer));
}

/* The peer has done the step of this name before our loop runs again. */
static void step_wait(leat_testing_server *peer, const char *step)
{
    cr_assert(leat_testing_server_wait_step(peer, step, 1, STEP_WAIT_MS), "%s", step);
}

static void farewell_expect(const struct leat_script_row *script, bool secure)
{
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    client_run_open(&run, url_at(peer, secure));
    leat_testing_server_release(peer);
    step_wait(peer, "goodbye");
    client_run_until_closed(&run);
    cr_expect(run.message_count == 1 && strcmp((char *)run.messages[0].data, "last words") == 0);
    cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
    cr_expect(run.close.close_code == 1000, "%u", run.close.close_code);
    scripted_end(&run, peer);
}

#define LAST_WORDS_AND_CLOSE                                                                       \
    {LEAT_SCRIPT_WAIT},                                                                            \
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("last words"), .number = 0x81, .hold = true},   \
    {                                                                                              \
        LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88                      \
    }

Test(goodbyes, the_answer_leaves_before_close_notify_is_heeded)
{
    for (size_t i = 0; i < 2; ++i) {
        const struct leat_testing_tls tls = tls_of(versions[i]);
        const struct leat_script_row script[] = {
            {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
            LEAT_SCRIPT_UPGRADE,
            LAST_WORDS_AND_CLOSE,
            {LEAT_SCRIPT_TLS_CLOSE_NOTIFY, .label = "goodbye"},
            {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
            {LEAT_SCRIPT_CLOSE},
        };
        farewell_expect(script, true);
    }
}

Test(goodbyes, the_answer_leaves_before_the_end_of_tcp_is_heeded)
{
    for (size_t i = 0; i < 3; ++i) {
        const struct leat_testing_tls tls = tls_of(versions[i % 2]);
        const struct leat_script_row script[] = {
            {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
            LEAT_SCRIPT_UPGRADE,
            LAST_WORDS_AND_CLOSE,
            {LEAT_SCRIPT_SHUTDOWN, .label = "goodbye"},
            {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
            {LEAT_SCRIPT_CLOSE},
        };
        farewell_expect(i < 2 ? script : script + 1, i < 2);
    }
}

/* Through a proxy over TLS, which ends its own TLS behind the server's. */
Test(goodbyes, the_answer_leaves_through_a_proxy_over_tls)
{
    for (size_t i = 0; i < 2; ++i) {
        const struct leat_testing_tls tls = tls_of(versions[i]);
        const struct leat_script_row script[] = {
            {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
            {LEAT_SCRIPT_READ_HTTP_HEAD},
            {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\n\r\n")},
            LEAT_SCRIPT_UPGRADE,
            LAST_WORDS_AND_CLOSE,
            {LEAT_SCRIPT_TLS_CLOSE_NOTIFY, .label = "goodbye"},
            {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
            {LEAT_SCRIPT_CLOSE},
        };
        struct client_run run;
        leat_testing_server *proxy = script_server_start(script);
        client_run_init(&run);
        cr_assert(leat_config_set_proxy(run.config,
                                        sandbox_format("https://localhost:%u",
                                                       leat_testing_server_get_port(proxy))) == 0);
        client_run_open(&run, "ws://server.test/");
        leat_testing_server_release(proxy);
        step_wait(proxy, "goodbye");
        client_run_until_closed(&run);
        cr_expect(run.message_count == 1 && run.close.error.code == LEAT_OK, "%s",
                  run.close.error.text);
        peer_content_expect(proxy);
        client_run_done(&run);
        leat_testing_server_free(proxy);
    }
}

/* More waits than the kernel takes, and the peer, who has said goodbye, takes his time to read it. */
Test(goodbyes, what_is_queued_leaves_before_the_goodbye_is_heeded)
{
    enum { MESSAGES = 128, MESSAGE_BYTES = 65536, BEHIND = 5, PEER_IS_SLOW_S = 5 };
    for (size_t i = 0; i < 3; ++i) {
        const struct leat_testing_tls tls = tls_of(versions[i % 2]);
        struct leat_script_row script[3 + BEHIND + MESSAGES + 2] = {
            {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
            LEAT_SCRIPT_UPGRADE,
            {LEAT_SCRIPT_WAIT},
            {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
            {i < 2 ? LEAT_SCRIPT_TLS_CLOSE_NOTIFY : LEAT_SCRIPT_SHUTDOWN, .label = "goodbye"},
            {LEAT_SCRIPT_WAIT},
        };
        struct leat_script_row *row = &script[7];
        for (size_t n = 0; n < MESSAGES; ++n)
            *row++ = (struct leat_script_row){LEAT_SCRIPT_READ_FRAME, .number = 0x82};
        *row++ = (struct leat_script_row){LEAT_SCRIPT_READ_FRAME, .number = 0x88};
        *row = (struct leat_script_row){LEAT_SCRIPT_CLOSE};

        static uint8_t data[MESSAGE_BYTES];
        struct client_run run;
        leat_testing_server *peer = script_server_start(i < 2 ? script : script + 1);
        client_run_init(&run);
        cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE,
                                                CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
        client_run_open(&run, url_at(peer, i < 2));
        for (size_t n = 0; n < MESSAGES; ++n)
            cr_assert(leat_websocket_send(run.ws, LEAT_MESSAGE_BINARY, data, sizeof(data)) == 0);
        still_clock_start();
        leat_testing_server_release(peer);
        step_wait(peer, "goodbye");
        for (int n = 0; n < 20; ++n)
            cr_assert(leat_loop_dispatch(run.loop, 0) == LEAT_OK);
        for (int n = 0; n < PEER_IS_SLOW_S; ++n)
            cr_assert(leat_loop_dispatch(run.loop, 1000) == LEAT_OK);
        cr_assert(run.closed_count == 0 && leat_websocket_get_buffered_bytes(run.ws) > 0);
        leat_testing_server_release(peer);
        client_run_until_closed(&run);
        still_clock_stop();
        cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
        peer_content_expect(peer);
        client_run_done(&run);
        leat_testing_server_free(peer);
    }
}

/* RFC 8446 section 6.1: our direction ends as soon as both have said Close, and TCP stays as it is,
 * so that the server ends it first (RFC 6455 section 7.1.1). */
static void early_close_notify_expect(int version, bool we_first)
{
    const struct leat_testing_tls tls = tls_of(version);
    const struct leat_script_row ours[] = {
        {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88, .label = "close"},
        {LEAT_SCRIPT_DRAIN, .label = "end"},
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_CLOSE},
    };
    const struct leat_script_row theirs[] = {
        {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88, .label = "close"},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_DRAIN, .label = "end"},
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = script_server_start(we_first ? ours : theirs);
    client_run_init(&run);
    client_run_open(&run, url_at(peer, true));
    if (we_first)
        cr_assert(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
    while (!leat_testing_server_wait_step(peer, "close", 1, 0))
        cr_assert(leat_loop_dispatch(run.loop, 10) == LEAT_OK);
    /* One round, without a clock: no deadline of ours is due. */
    cr_assert(leat_loop_dispatch(run.loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    cr_expect(trace_has(&run, "state tls 0 OPEN > CLOSING"), "%s", run.trace);
    step_wait(peer, "end");
    cr_expect(!trace_has(&run, "state tcp 0 OPEN > CLOSING"), "%s", run.trace);
    cr_expect(run.closed_count == 0);
    leat_testing_server_release(peer);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK && run.close.close_code == 1000);
    scripted_end(&run, peer);
}

Test(goodbyes, close_notify_at_once_and_no_fin)
{
    for (size_t i = 0; i < 2; ++i) {
        early_close_notify_expect(versions[i], true);
        early_close_notify_expect(versions[i], false);
    }
}

/* ---- at the server --------------------------------------------------------------------------- */

Test(goodbyes, a_server_answers_before_it_heeds_close_notify)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.cert = "server.pem"});
    for (size_t i = 0; i < 2; ++i) {
        const char *const argv[] = {GOODBYE_CLIENT,
                                    sandbox_format("%u", (unsigned)server_run_port(server)),
                                    certificate_path("ca.pem"),
                                    versions[i] == LEAT_TLS_V12 ? "1.2" : "1.3",
                                    "websocket",
                                    NULL};
        char answer[200];
        struct process *client = process_start(&(struct process_options){.argv = argv});
        process_wait_line(client, "ANSWER ", answer, sizeof(answer));
        cr_expect_str_eq(answer, "81046c617374880203e8", "with TLS %s", argv[3]);
        cr_expect(process_wait(client, STEP_WAIT_MS) == 0);
    }
    server_run_until_closed(server, 2);
    server_run_free(server);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* TLS sockets: what was queued has left before the peer's close_notify ends the connection. */
#include "tls_run.h"

#include "support/certificates.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <sys/wait.h>

TestSuite(tls_goodbyes, .init = run_init, .fini = run_done, .timeout = 60);

#define WAIT_MS 20000

static const int versions[] = {LEAT_TLS_V12, LEAT_TLS_V13};

static struct leat_testing_tls tls_of(int version)
{
    return (struct leat_testing_tls){.cert_path = certificate_path("server.pem"),
                                     .key_path = certificate_path("server.key"),
                                     .min_version = version,
                                     .max_version = version};
}

static void answer(void)
{
    run_send("late");
}

/* Bytes and goodbye lie in the kernel when our loop runs; the bytes are answered. */
static void goodbye_run(const struct leat_script_row *script, size_t queued)
{
    static uint8_t data[65536];
    struct leat_testing_seen seen;
    leat_testing_server *peer = script_server_start(script);

    run_open(leat_testing_server_get_port(peer));
    for (size_t i = 0; i < queued; i++)
        cr_assert_eq(leat_tls_socket_send(run.tls, data, sizeof(data)), LEAT_OK);
    run.act_at = "message";
    run.act = answer;
    leat_testing_server_release(peer);
    cr_assert(leat_testing_server_wait_step(peer, "goodbye", 1, WAIT_MS));
    if (queued > 0) {
        for (int n = 0; n < 20; n++)
            cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
        cr_assert(leat_tls_socket_get_buffered_bytes(run.tls) > 0, "the kernel took it all");
        leat_testing_server_release(peer);
    }
    run_until_client("closed");
    run_check(&run.client_log, "message ping; closed");
    cr_assert(leat_testing_server_wait_idle(peer, WAIT_MS));
    leat_testing_server_get_seen(peer, &seen);
    cr_assert_str_eq(seen.problem, "");
    leat_testing_server_free(peer);
    leat_tls_socket_free(run.tls);
    run.tls = NULL;
}

Test(tls_goodbyes, a_client_answers_before_it_heeds_close_notify)
{
    for (size_t i = 0; i < 2; i++) {
        const struct leat_testing_tls tls = tls_of(versions[i]);
        const struct leat_script_row script[] = {
            {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
            {LEAT_SCRIPT_WAIT},
            {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("ping")},
            {LEAT_SCRIPT_TLS_CLOSE_NOTIFY, .label = "goodbye"},
            {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("late")},
            {LEAT_SCRIPT_CLOSE},
        };
        goodbye_run(script, 0);
    }
}

Test(tls_goodbyes, what_is_queued_leaves)
{
    enum { PARTS = 128 };

    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, WAIT_MS), LEAT_OK);
    for (size_t i = 0; i < 2; i++) {
        const struct leat_testing_tls tls = tls_of(versions[i]);
        struct leat_script_row script[5 + PARTS + 2] = {
            {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
            {LEAT_SCRIPT_WAIT},
            {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("ping")},
            {LEAT_SCRIPT_TLS_CLOSE_NOTIFY, .label = "goodbye"},
            {LEAT_SCRIPT_WAIT},
        };
        for (size_t part = 0; part < PARTS; part++)
            script[5 + part] = (struct leat_script_row){LEAT_SCRIPT_READ, .number = 65536};
        script[5 + PARTS] = (struct leat_script_row){LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("late")};
        script[6 + PARTS] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
        goodbye_run(script, PARTS);
    }
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

Test(tls_goodbyes, a_server_answers_before_it_heeds_close_notify)
{
    const char *port = sandbox_format("%u", (unsigned)run_new_server());

    run.echo = true;
    for (size_t i = 0; i < 2; i++) {
        const char *version = versions[i] == LEAT_TLS_V12 ? "1.2" : "1.3";
        const char *const argv[] = {GOODBYE_CLIENT, port,    certificate_path("ca.pem"),
                                    version,        "bytes", NULL};
        struct process *client = process_start(&(struct process_options){.argv = argv});
        char text[64];
        while (!has_ended(client->pid))
            cr_assert_eq(leat_loop_dispatch(run.loop, 20), LEAT_OK);
        process_wait_line(client, "ANSWER ", text, sizeof(text));
        cr_assert_str_eq(text, "70696e67", "with TLS %s", version);
        cr_assert_eq(process_wait(client, WAIT_MS), 0);
    }
}

/* It is there until what is queued has left, and nothing more can be sent to it. */
Test(tls_goodbyes, sending_to_all_tells_of_one_who_said_goodbye)
{
    enum { PARTS = 128 };
    static uint8_t data[65536];
    int code;

    run_open(run_new_server());
    leat_tls_socket_pause(run.tls);
    for (size_t i = 0; i < PARTS; i++)
        cr_assert_eq(leat_tls_socket_server_send_all(run.server, data, sizeof(data)), LEAT_OK);
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
    do {
        cr_assert_eq(leat_loop_dispatch(run.loop, 20), LEAT_OK);
        code = leat_tls_socket_server_send_all(run.server, "", 0);
    } while (code == LEAT_OK);
    cr_assert_eq(code, LEAT_E_TLS_CLOSED, "%d", code);
}

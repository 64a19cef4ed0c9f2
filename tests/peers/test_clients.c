/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that others wrote, at our server. What they do and check is in their own files. */
#include "peers/common.h"

PEERS_SUITE(clients);

static void subprotocols_add(leat_config *config)
{
    cr_assert(leat_config_add_protocol(config, "chat.v2") == LEAT_OK);
    cr_assert(leat_config_add_protocol(config, "chat.v1") == LEAT_OK);
}

static const struct server_run_options plain = {.configure = subprotocols_add};
static const struct server_run_options tls = {.configure = subprotocols_add, .cert = "server.pem"};

static void python_expect(const char *url)
{
    const char *const argv[] = {"/usr/bin/python3", PEER_PROGRAMS_DIR "/client.py", url,
                                certificate_path("ca.pem"), NULL};
    program_expect(argv);
}

static void node_expect(const char *url)
{
    const char *const argv[] = {"node", PEER_PROGRAMS_DIR "/client.js", url,
                                certificate_path("ca.pem"), NULL};
    program_expect(argv);
}

Test(clients, python)
{
    struct server_run *server = server_run_start(&plain);
    python_expect(url_of("ws", server_run_port(server), ""));
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, python_with_tls)
{
    struct server_run *server = server_run_start(&tls);
    python_expect(url_of("wss", server_run_port(server), ""));
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, node)
{
    struct server_run *server = server_run_start(&plain);
    node_expect(url_of("ws", server_run_port(server), ""));
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, node_with_tls)
{
    struct server_run *server = server_run_start(&tls);
    node_expect(url_of("wss", server_run_port(server), ""));
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, python_through_nginx)
{
    struct server_run *server = server_run_start(&plain);
    uint16_t port =
        nginx_start(&(struct server_options){.cert = "server.pem"}, server_run_port(server));
    python_expect(url_of("wss", port, ""));
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, boost_beast)
{
    struct server_run *server = server_run_start(&plain);
    const char *const argv[] = {PEER_BEAST, "client", url_of("ws", server_run_port(server), ""),
                                NULL};
    program_expect(argv);
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, libwebsockets)
{
    struct server_run *server = server_run_start(&plain);
    struct server_seen seen;
    const char *const argv[] = {PEER_LWS, "client", "127.0.0.1",
                                sandbox_format("%u", server_run_port(server)), NULL};
    program_expect(argv);
    server_content_expect(server);
    server_run_seen(server, &seen);
    cr_expect(strcmp(seen.protocol, "chat.v2") == 0, "%s", seen.protocol);
    cr_expect(seen.close.error.code == LEAT_OK, "%s", seen.close.error.text);
    cr_expect(seen.close.closed_by == LEAT_CLOSED_BY_REMOTE);
    cr_expect(seen.close.close_code == 4321 && strcmp(seen.close_reason, "done") == 0, "%u %s",
              seen.close.close_code, seen.close_reason);
    server_run_free(server);
}

/* ---- a browser
 * ------------------------------------------------------------------------------------- */

static bool has_report(const struct server_seen *seen)
{
    return seen->report[0] != '\0';
}

static void chromium_expect(struct server_run *server, const char *scheme)
{
    struct server_seen seen;
    const char *const argv[] = {"chromium",
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-quic",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync",
                                "--disable-dev-shm-usage",
                                "--ignore-certificate-errors",
                                sandbox_format("--user-data-dir=%s", sandbox_path("chromium")),
                                sandbox_format("file://%s/page.html#%s://127.0.0.1:%u",
                                               PEER_PROGRAMS_DIR, scheme, server_run_port(server)),
                                NULL};
    const char *const environment[] = {sandbox_format("HOME=%s", sandbox_dir()), NULL};
    struct process *browser =
        process_start(&(struct process_options){.argv = argv, .environment = environment});
    bool reported = server_run_wait(server, has_report);
    char *error = file_read(browser->error_path);
    server_run_seen(server, &seen);
    cr_assert(reported, "no report; %u connections, %u refused: %s\n%s", seen.connected,
              seen.refused, seen.error.text, error);
    cr_expect(strncmp(seen.report, "ok ", 3) == 0, "%s", seen.report);
    cr_expect(seen.problem[0] == '\0', "%s", seen.problem);
    cr_expect(seen.origin[0] != '\0', "a browser sends an Origin");
    free(error);
    process_stop(browser);
    server_content_expect(server);
}

Test(clients, chromium)
{
    struct server_run *server = server_run_start(&plain);
    chromium_expect(server, "ws");
    server_run_free(server);
}

Test(clients, chromium_with_tls)
{
    struct server_run *server = server_run_start(&tls);
    chromium_expect(server, "wss");
    server_run_free(server);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that others wrote, at our server. What they do and check is in their own files. */
#include "peers/common.h"

PEERS_SUITE(clients);

static void subprotocols_add(leat_config *config)
{
    cr_assert(leat_config_add_subprotocol(config, "chat.v2") == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(config, "chat.v1") == LEAT_OK);
}

/* What goes as it is otherwise is compressed, too. */
static void compression_set(leat_config *config)
{
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    subprotocols_add(config);
    cr_assert(leat_config_set_compression(config, &compression) == LEAT_OK);
}

static void small_windows_set(leat_config *config)
{
    const struct leat_compression compression = {.size = sizeof(compression),
                                                 .client_no_context_takeover = true,
                                                 .client_max_window_bits = 9,
                                                 .server_no_context_takeover = true,
                                                 .server_max_window_bits = 9,
                                                 .threshold_bytes = 1};
    subprotocols_add(config);
    cr_assert(leat_config_set_compression(config, &compression) == LEAT_OK);
}

static const struct server_run_options plain = {.configure = subprotocols_add};
static const struct server_run_options tls = {.configure = subprotocols_add, .cert = "server.pem"};

static void python_expect(const char *url)
{
    const char *const argv[] = {"/usr/bin/python3", PEER_PROGRAMS_DIR "/client.py", url,
                                certificate_path("ca.pem"), NULL};
    program_expect(argv);
}

static void node_expect(const char *url, const char *mode)
{
    const char *const argv[] = {
        "node", PEER_PROGRAMS_DIR "/client.js", url, certificate_path("ca.pem"), mode, NULL};
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
    node_expect(url_of("ws", server_run_port(server), ""), NULL);
    server_content_expect(server);
    server_run_free(server);
}

Test(clients, node_with_tls)
{
    struct server_run *server = server_run_start(&tls);
    node_expect(url_of("wss", server_run_port(server), ""), NULL);
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

static void libwebsockets_expect(struct server_run *server)
{
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
}

Test(clients, libwebsockets)
{
    struct server_run *server = server_run_start(&plain);
    libwebsockets_expect(server);
    server_run_free(server);
}

/* ---- a browser
 * ------------------------------------------------------------------------------------- */

static bool has_report(const struct server_seen *seen)
{
    return seen->report[0] != '\0';
}

static void chromium_expect(struct server_run *server, const char *scheme, bool is_compressed)
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
    cr_expect(seen.compressed == (is_compressed ? seen.connected : 0), "%u", seen.compressed);
    free(error);
    process_stop(browser);
    server_content_expect(server);
}

Test(clients, chromium)
{
    struct server_run *server = server_run_start(&plain);
    chromium_expect(server, "ws", false);
    server_run_free(server);
}

Test(clients, chromium_with_tls)
{
    struct server_run *server = server_run_start(&tls);
    chromium_expect(server, "wss", false);
    server_run_free(server);
}

/* ---- compression
 * ----------------------------------------------------------------------------------- */

static struct server_run *compressing_server(void (*configure)(leat_config *config))
{
    return server_run_start(&(struct server_run_options){.configure = configure});
}

static void compressed_expect(struct server_run *server)
{
    struct server_seen seen;
    server_content_expect(server);
    server_run_seen(server, &seen);
    cr_expect(seen.connected > 0 && seen.compressed == seen.connected, "%u of %u", seen.compressed,
              seen.connected);
    server_run_free(server);
}

Test(clients, python_compresses)
{
    struct server_run *server = compressing_server(compression_set);
    python_expect(url_of("ws", server_run_port(server), ""));
    compressed_expect(server);
}

Test(clients, python_compresses_with_small_windows)
{
    struct server_run *server = compressing_server(small_windows_set);
    python_expect(url_of("ws", server_run_port(server), ""));
    compressed_expect(server);
}

Test(clients, node_compresses)
{
    struct server_run *server = compressing_server(compression_set);
    node_expect(url_of("ws", server_run_port(server), ""), "deflate");
    compressed_expect(server);
}

Test(clients, node_compresses_with_small_windows)
{
    struct server_run *server = compressing_server(small_windows_set);
    node_expect(url_of("ws", server_run_port(server), ""), "deflate");
    compressed_expect(server);
}

Test(clients, boost_beast_compresses)
{
    struct server_run *server = compressing_server(compression_set);
    const char *const argv[] = {PEER_BEAST, "client", url_of("ws", server_run_port(server), ""),
                                "deflate", NULL};
    program_expect(argv);
    compressed_expect(server);
}

Test(clients, libwebsockets_compresses)
{
    struct server_run *server = compressing_server(compression_set);
    libwebsockets_expect(server);
    compressed_expect(server);
}

Test(clients, chromium_compresses)
{
    struct server_run *server = compressing_server(compression_set);
    chromium_expect(server, "ws", true);
    server_run_free(server);
}

Test(clients, chromium_compresses_with_small_windows)
{
    struct server_run *server = compressing_server(small_windows_set);
    chromium_expect(server, "ws", true);
    server_run_free(server);
}

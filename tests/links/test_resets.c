/* SPDX-License-Identifier: Apache-2.0 */
/* A RST in each state of a connection, at both ends: one terminal callback with the errno, and no
 * descriptor is left. */
#include "links/common.h"

LINKS_SUITE(resets);

/* Tables made of macros are more than clang-format knows of arrays. */
/* clang-format off */

/* ---- our client
 * ------------------------------------------------------------------------------------ */

enum how { HOW_WS, HOW_WSS, HOW_SOCKS5, HOW_HTTP, HOW_HTTPS };

struct row {
    const char *name;
    enum how how;
    const struct leat_script_row *script;
    int code;
    enum leat_layer layer;
    bool opens;
    bool closes; /* our Close frame is the peer's signal */
};

static struct leat_testing_tls tls_good;

#define SCRIPT static const struct leat_script_row
SCRIPT upgrade[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_RESET}};
SCRIPT in_head[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 10")}, {LEAT_SCRIPT_RESET}};
SCRIPT open_[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
SCRIPT in_message[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x81\x05he")}, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
SCRIPT closing[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_READ_FRAME, .number = 0x88}, {LEAT_SCRIPT_RESET}};
SCRIPT greeting[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_RESET}};
SCRIPT request[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")}, {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
    {LEAT_SCRIPT_RESET}};
SCRIPT client_hello[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_RESET}};
SCRIPT upgrade_tls[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_RESET}};
SCRIPT open_tls[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
SCRIPT closing_tls[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
    {LEAT_SCRIPT_RESET}};

#define RESET (LEAT_E_SOCKET_BASE + ECONNRESET)

static const struct row rows[] = {
    {"upgrade", HOW_WS, upgrade, RESET, LEAT_LAYER_TCP},
    {"in the head of the answer", HOW_WS, in_head, RESET, LEAT_LAYER_TCP},
    {"open", HOW_WS, open_, RESET, LEAT_LAYER_TCP, .opens = true},
    {"in a message", HOW_WS, in_message, RESET, LEAT_LAYER_TCP, .opens = true},
    {"closing", HOW_WS, closing, RESET, LEAT_LAYER_TCP, .opens = true, .closes = true},
    {"SOCKS5 greeting", HOW_SOCKS5, greeting, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5},
    {"SOCKS5 request", HOW_SOCKS5, request, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5},
    {"CONNECT", HOW_HTTP, upgrade, RESET, LEAT_LAYER_TCP},
    {"CONNECT in the head of the answer", HOW_HTTP, in_head, RESET, LEAT_LAYER_TCP},
    {"TLS to the proxy", HOW_HTTPS, client_hello, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS},
    {"TLS", HOW_WSS, client_hello, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS},
    {"upgrade over TLS", HOW_WSS, upgrade_tls, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS},
    {"open over TLS", HOW_WSS, open_tls, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS, .opens = true},
    {"closing over TLS", HOW_WSS, closing_tls, LEAT_E_TLS_SYSCALL, LEAT_LAYER_TLS,
     .opens = true, .closes = true},
};

/* clang-format on */

static const char *row_prepare(const struct row *row, struct client_run *run, uint16_t port)
{
    static const char *const schemes[] = {
        [HOW_SOCKS5] = "socks5h", [HOW_HTTP] = "http", [HOW_HTTPS] = "https"};
    if (row->how < HOW_SOCKS5)
        return url_of(row->how == HOW_WSS ? "wss" : "ws", port, "/");
    const char *proxy = sandbox_format("%s://127.0.0.1:%u", schemes[row->how], port);
    cr_assert(leat_config_set_proxy(run->config, proxy) == LEAT_OK);
    return "ws://localhost:9/";
}

static void row_run(const struct row *row)
{
    struct client_run run;
    leat_testing_server *peer = script_server_start(row->script);
    client_run_init(&run);
    run.name = row->name;
    const char *url = row_prepare(row, &run, leat_testing_server_get_port(peer));
    if (row->opens) {
        client_run_open(&run, url);
        leat_testing_server_release(peer);
    } else {
        cr_assert(client_run_connect(&run, url) == LEAT_OK);
    }
    if (row->closes)
        cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
    client_run_until_closed(&run);
    const struct leat_error *error = &run.close.error;
    cr_expect(error->code == row->code, "%s: %d instead of %d: %s", row->name, error->code,
              row->code, error->text);
    cr_expect(error->layer == row->layer, "%s: %s: %s", row->name, leat_layer_name(error->layer),
              error->text);
    cr_expect(error->sys_errno == ECONNRESET, "%s: errno %d: %s", row->name, error->sys_errno,
              error->text);
    cr_expect(run.close.close_code == (row->opens ? 1006 : 0), "%s: close code %u", row->name,
              run.close.close_code);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(resets, client_in_each_state)
{
    tls_good = (struct leat_testing_tls){.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    size_t before = open_descriptor_count();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i)
        row_run(&rows[i]);
    size_t after = open_descriptor_count();
    cr_expect(after == before, "%zu descriptors instead of %zu", after, before);
}

/* ---- our server
 * ------------------------------------------------------------------------------------ */

/* clang-format off */
struct server_row {
    const char *name;
    const char *cert;
    const char *bytes; /* what the client sends before the RST */
    size_t len;
    bool opens; /* the bytes come behind an upgrade */
};

#define BYTES(literal) .bytes = (literal), .len = sizeof(literal) - 1

static const struct server_row server_rows[] = {
    {"connected", NULL, BYTES("")},
    {"in the head", NULL, BYTES("GET /echo HTTP/1.1\r\nHost: x\r\n")},
    {"refused", NULL, BYTES("GET /echo HTTP/1.1\r\n\r\n")},
    {"not TLS yet", "server.pem", BYTES("")},
    {"in the ClientHello", "server.pem", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01")},
    {"open", NULL, BYTES(""), .opens = true},
    {"in a frame", NULL, BYTES("\x81\x85\x00\x00\x00\x00he"), .opens = true},
    {"behind a message", NULL, BYTES("\x81\x82\x00\x00\x00\x00hi"), .opens = true},
    {"closing", NULL, BYTES("\x88\x82\x00\x00\x00\x00\x03\xe8"), .opens = true},
    {"violating", NULL, BYTES("\x81\x02hi"), .opens = true},
};

/* clang-format on */

static bool one_gone(const struct server_seen *seen)
{
    return seen->refused + seen->closed >= 1;
}

static void server_row_run(const struct server_row *row)
{
    struct server_run *server = server_run_start(&(struct server_run_options){.cert = row->cert});
    struct server_seen seen;
    struct client_run run;
    int fd;
    if (row->opens) {
        cr_assert(raw_upgrade(NULL, server_run_port(server), &fd) == 101);
    } else {
        fd = raw_connect(NULL, server_run_port(server));
    }
    cr_assert(raw_send(fd, row->bytes, row->len));
    raw_reset(fd);
    cr_assert(server_run_wait(server, one_gone), "%s", row->name);
    /* The server is there for the next one. */
    client_run_init(&run);
    client_run_open(&run, url_of(row->cert ? "wss" : "ws", server_run_port(server), "/echo"));
    client_run_echo(&run, "next");
    client_run_close(&run);
    client_run_done(&run);
    server_run_until_closed(server, row->opens ? 2 : 1);
    server_run_seen(server, &seen);
    cr_expect(seen.refused == (row->opens ? 0 : 1), "%s: %u refused: %s", row->name, seen.refused,
              seen.error.text);
    cr_expect(seen.closed == (row->opens ? 2 : 1), "%s: %u closed", row->name, seen.closed);
    server_run_free(server);
}

Test(resets, server_in_each_state)
{
    size_t before = open_descriptor_count();
    for (size_t i = 0; i < sizeof(server_rows) / sizeof(server_rows[0]); ++i)
        server_row_run(&server_rows[i]);
    size_t after = open_descriptor_count();
    cr_expect(after == before, "%zu descriptors instead of %zu", after, before);
}

/* Clients that come and go at once leave nothing behind. */
Test(resets, a_thousand_clients_that_reset)
{
    struct server_run *server = server_run_start(&(struct server_run_options){0});
    size_t before = open_descriptor_count();
    for (int i = 0; i < 1000; ++i) {
        int fd = raw_connect(NULL, server_run_port(server));
        (void)raw_send(fd, RAW_UPGRADE("/echo"), (size_t)(i % 150));
        raw_reset(fd);
    }
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url_of("ws", server_run_port(server), "/echo"));
    client_run_echo(&run, "after all of them");
    client_run_close(&run);
    client_run_done(&run);
    server_run_until_closed(server, 1);
    size_t after = open_descriptor_count();
    cr_expect(after <= before, "%zu descriptors instead of %zu", after, before);
    server_run_free(server);
}

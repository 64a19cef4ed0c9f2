/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket servers that others wrote: python3-websockets, node's ws, and nginx in front of one. */
#include "integration/common.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

INTEGRATION_SUITE(servers);

#define LARGE_BYTES (1u << 20)

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

static void large_echo(struct client_run *run, enum leat_message_type type, const uint8_t *data)
{
    size_t count = run->message_count + 1;
    cr_assert(leat_websocket_send(run->ws, type, data, LARGE_BYTES) == LEAT_OK);
    client_run_until_messages(run, count);
    const struct client_message *echo = &run->messages[count - 1];
    cr_expect(echo->type == type && echo->len == LARGE_BYTES, "%zu bytes of type %d", echo->len,
              echo->type);
    cr_expect(memcmp(echo->data, data, LARGE_BYTES) == 0, "other bytes came back");
}

/* Text, binary, nothing, and 1 MiB of both. */
static void server_expect(const char *url)
{
    static uint8_t data[LARGE_BYTES];
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url);
    client_run_echo(&run, "gr\xc3\xbc\xc3\x9f dich");
    client_run_echo(&run, "");
    for (size_t i = 0; i < LARGE_BYTES; ++i)
        data[i] = (uint8_t)(i * 7 + i / 251);
    large_echo(&run, LEAT_MESSAGE_BINARY, data);
    for (size_t i = 0; i < LARGE_BYTES; i += 4)
        memcpy(data + i, "\xf0\x9f\x90\x91", 4);
    large_echo(&run, LEAT_MESSAGE_TEXT, data);
    client_run_close(&run);
    cr_expect(strcmp(run.close_reason, "done") == 0 || run.close.reason_len == 0, "%s",
              run.close_reason);
    client_run_done(&run);
}

Test(servers, python)
{
    server_expect(url_of("ws", python_server_start(&plain), "/echo"));
}

Test(servers, python_with_tls)
{
    server_expect(url_of("wss", python_server_start(&tls), "/echo"));
}

Test(servers, node)
{
    server_expect(url_of("ws", node_server_start(&plain), "/echo"));
}

Test(servers, node_with_tls)
{
    server_expect(url_of("wss", node_server_start(&tls), "/echo"));
}

Test(servers, nginx)
{
    server_expect(url_of("wss", nginx_start(&tls, python_server_start(&plain)), "/echo"));
}

Test(servers, ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    uint16_t port =
        python_server_start(&(struct server_options){.host = "::1", .cert = "server.pem"});
    server_expect(sandbox_format("wss://[::1]:%u/echo", port));
}

/* ---- the handshake
 * ------------------------------------------------------------------------------- */

static void headers_expect(uint16_t port)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_add_header(run.config, "X-One", "first value") == LEAT_OK);
    cr_assert(leat_config_add_header(run.config, "X-Two", "a") == LEAT_OK);
    cr_assert(leat_config_add_header(run.config, "X-Two", "b") == LEAT_OK);
    cr_assert(leat_config_add_header(run.config, "Origin", "https://example.test") == LEAT_OK);
    client_run_open(&run, url_of("ws", port, "/headers?x=1"));
    client_run_until_messages(&run, 1);
    const char *text = (const char *)run.messages[0].data;
    const char *const expected[] = {sandbox_format("Host: 127.0.0.1:%u\n", port),
                                    "X-One: first value\n",
                                    "X-Two: a\n",
                                    "X-Two: b\n",
                                    "Origin: https://example.test\n",
                                    "Sec-WebSocket-Version: 13\n"};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); ++i)
        cr_expect(strstr(text, expected[i]), "%s is not in\n%s", expected[i], text);
    cr_expect(leat_websocket_get_http_status(run.ws) == 101);
    client_run_done(&run);
}

Test(servers, python_sees_own_headers)
{
    headers_expect(python_server_start(&plain));
}

Test(servers, node_sees_own_headers)
{
    headers_expect(node_server_start(&plain));
}

Test(servers, server_chooses_a_subprotocol)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_add_subprotocol(run.config, "chat.v2") == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(run.config, "chat.v1") == LEAT_OK);
    uint16_t port = python_server_start(&(struct server_options){.protocol = "chat.v1"});
    client_run_open(&run, url_of("ws", port, "/echo"));
    cr_expect(strcmp(leat_websocket_get_subprotocol(run.ws), "chat.v1") == 0, "%s",
              leat_websocket_get_subprotocol(run.ws));
    client_run_close(&run);
    client_run_done(&run);
}

Test(servers, server_chooses_no_subprotocol)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_add_subprotocol(run.config, "chat.v2") == LEAT_OK);
    client_run_open(&run, url_of("ws", python_server_start(&plain), "/echo"));
    cr_expect(strcmp(leat_websocket_get_subprotocol(run.ws), "") == 0);
    client_run_done(&run);
}

/* ---- TLS
 * ------------------------------------------------------------------------------------------- */

static void version_expect(uint16_t port, enum leat_tls_protocol version, const char *name)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_tls_protocols(run.config, version, version) == LEAT_OK);
    client_run_open(&run, url_of("wss", port, "/echo"));
    client_run_echo(&run, name);
    client_run_close(&run);
    cr_expect(trace_has(&run, sandbox_format("end tls 0 %s", name)), "%s", run.trace);
    client_run_done(&run);
}

Test(servers, tls_versions)
{
    uint16_t port = nginx_start(&tls, python_server_start(&plain));
    version_expect(port, LEAT_TLS_V12, "TLSv1.2");
    version_expect(port, LEAT_TLS_V13, "TLSv1.3");
}

Test(servers, client_certificate)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_client_cert(run.config, certificate_path("client.pem"),
                                          certificate_path("client-encrypted.key"),
                                          CERTIFICATE_KEY_PASSWORD) == LEAT_OK);
    uint16_t port =
        python_server_start(&(struct server_options){.cert = "server.pem", .client_ca = "ca.pem"});
    client_run_open(&run, url_of("wss", port, "/echo"));
    client_run_echo(&run, "it is me");
    client_run_close(&run);
    client_run_done(&run);
}

Test(servers, client_certificate_is_missing)
{
    struct leat_testing_tls demanding = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key"),
                                         .client_ca_path = certificate_path("ca.pem"),
                                         .may_fail = true};
    const struct leat_script_row script[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &demanding},
                                             {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    client_run_init(&run);
    int code = client_run_refused(&run, url_of("wss", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_TLS_ENGINE, "%d: %s", code, run.close.error.text);
    cr_expect(run.close.error.layer == LEAT_LAYER_TLS);
    cr_expect(strstr(run.close.error.text, "certificate_required"), "%s", run.close.error.text);
    client_run_done(&run);
    peer_content_expect(peer);
    leat_testing_server_free(peer);
}

/* How often the trace says that a handshake was resumed. */
static unsigned resumed_count(const struct client_run *run)
{
    unsigned count = 0;
    for (const char *at = run->trace; (at = strstr(at, "resumed")); ++at)
        ++count;
    return count;
}

/* Two connections from one configuration. */
static void resumption_run(struct client_run *run, uint16_t port, enum leat_tls_protocol version)
{
    client_run_init(run);
    cr_assert(leat_config_set_tls_protocols(run->config, version, version) == LEAT_OK);
    for (unsigned i = 0; i < 2; ++i) {
        run->opened_count = run->closed_count = 0;
        client_run_open(run, url_of("wss", port, "/echo"));
        client_run_echo(run, "again");
        client_run_close(run);
        cr_expect(resumed_count(run) == i, "%s", run->trace);
    }
}

Test(servers, tls12_session_is_resumed)
{
    struct client_run run;
    resumption_run(&run, python_server_start(&tls), LEAT_TLS_V12);
    client_run_done(&run);
}

Test(servers, tls13_session_is_resumed)
{
    struct client_run run;
    resumption_run(&run, python_server_start(&tls), LEAT_TLS_V13);
    client_run_done(&run);
}

Test(servers, tls13_session_is_resumed_by_node)
{
    struct client_run run;
    resumption_run(&run, node_server_start(&tls), LEAT_TLS_V13);
    client_run_done(&run);
}

Test(servers, session_is_not_resumed_when_not_wanted)
{
    struct client_run run;
    uint16_t port = python_server_start(&tls);
    client_run_init(&run);
    cr_assert(leat_config_set_session_resumption(run.config, false) == LEAT_OK);
    for (unsigned i = 0; i < 2; ++i) {
        run.opened_count = run.closed_count = 0;
        client_run_open(&run, url_of("wss", port, "/echo"));
        client_run_echo(&run, "again");
        client_run_close(&run);
    }
    cr_expect(resumed_count(&run) == 0, "%s", run.trace);
    client_run_done(&run);
}

/* Nobody reads it: then it is an error, and no wait. */
Test(servers, key_log_is_a_fifo)
{
    struct client_run run;
    cr_assert(mkfifo(sandbox_path("fifo"), 0600) == 0);
    client_run_init(&run);
    cr_assert(leat_config_set_key_log_path(run.config, sandbox_path("fifo")) == LEAT_OK);
    int code = client_run_refused(&run, url_of("wss", python_server_start(&tls), "/echo"));
    cr_expect(code == LEAT_E_TLS_ENGINE && run.close.error.sys_errno == ENXIO, "%d: %s", code,
              run.close.error.text);
    client_run_done(&run);
}

Test(servers, key_log_is_written_only_when_asked_for)
{
    struct client_run run;
    client_run_init(&run);
    setenv("SSLKEYLOGFILE", sandbox_path("environment.log"), 1);
    cr_assert(leat_config_set_key_log_path(run.config, sandbox_path("keys.log")) == LEAT_OK);
    client_run_open(&run, url_of("wss", python_server_start(&tls), "/echo"));
    client_run_close(&run);
    char *keys = file_read(sandbox_path("keys.log"));
    char *none = file_read(sandbox_path("environment.log"));
    cr_expect(strstr(keys, "CLIENT_TRAFFIC_SECRET_0 "), "%s", keys);
    cr_expect(none[0] == '\0');
    free(keys);
    free(none);
    client_run_done(&run);
}

Test(servers, verification_is_skipped_only_when_told)
{
    struct client_run run;
    client_run_init(&run);
    uint16_t port = python_server_start(&(struct server_options){.cert = "self-signed.pem"});
    cr_assert(leat_config_set_skip_server_cert_verification(run.config, true) == LEAT_OK);
    client_run_open(&run, url_of("wss", port, "/echo"));
    client_run_close(&run);
    client_run_done(&run);
}

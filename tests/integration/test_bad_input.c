/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong for users: each has its code, a text that names the culprit, and leaves an object
 * that can be used again and freed. tests/fault has every code; here the peers are real ones. */
#include "integration/common.h"

#include <unistd.h>

INTEGRATION_SUITE(bad_input);

static const struct server_options plain = {0};

/* The failure names `culprit`, and the same object connects to a good server afterwards. */
static void failure_expect(struct client_run *run, int code, enum leat_layer layer,
                           const char *culprit)
{
    struct leat_error error;
    leat_websocket_get_error(run->ws, &error);
    cr_expect(error.code == code, "%d instead of %d: %s", error.code, code, error.text);
    cr_expect(error.layer == layer, "%s: %s", leat_layer_name(error.layer), error.text);
    cr_expect(strstr(error.text, culprit), "\"%s\" is not in: %s", culprit, error.text);
    cr_expect(!strstr(error.text, "secret"), "a password is in: %s", error.text);

    cr_assert(leat_config_set_proxy(run->config, NULL) == LEAT_OK);
    cr_assert(leat_config_set_max_message_bytes(run->config, 1 << 20) == LEAT_OK);
    run->opened_count = run->closed_count = 0;
    client_run_open(run, url_of("ws", python_server_start(&plain), "/echo"));
    client_run_echo(run, "good again");
    client_run_close(run);
    client_run_done(run);
}

/* ---- finding the server ---------------------------------------------------------------------- */

Test(bad_input, refused_port)
{
    struct client_run run;
    uint16_t port = refusing_port();
    client_run_init(&run);
    client_run_refused(&run, url_of("ws", port, "/"));
    cr_expect(run.close.error.sys_errno == ECONNREFUSED);
    cr_expect(strcmp(run.close.error.hop, sandbox_format("127.0.0.1:%u", port)) == 0, "%s",
              run.close.error.hop);
    failure_expect(&run, LEAT_E_SOCKET_BASE + ECONNREFUSED, LEAT_LAYER_TCP,
                   sandbox_format("127.0.0.1:%u", port));
}

Test(bad_input, unknown_host)
{
    static const struct dns_record records[] = {{NULL}};
    struct client_run run;
    struct dns_server *dns = dns_server_start(records);
    client_run_init(&run);
    cr_assert(leat_config_set_dns_servers(run.config, dns_server_address(dns)) == LEAT_OK);
    client_run_refused(&run, "ws://no-such-host.test/");
    failure_expect(&run, LEAT_E_SOCKET_BASE + EHOSTUNREACH, LEAT_LAYER_DNS, "no-such-host.test");
    dns_server_free(dns);
}

Test(bad_input, url_without_host)
{
    static const char *const urls[] = {
        "ws://",         "",          "ws:///path", "http://localhost/", "ws://a:0/",
        "ws://a:70000/", "ws://a/#b", "://",        "ws://[::1/"};
    struct client_run run;
    client_run_init(&run);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); ++i)
        cr_expect(client_run_connect(&run, urls[i]) == LEAT_E_WS_URL, "%s", urls[i]);
    cr_expect(client_run_connect(&run, "ws://") == LEAT_E_WS_URL);
    failure_expect(&run, LEAT_E_WS_URL, LEAT_LAYER_WEBSOCKET, "host");
}

Test(bad_input, url_longer_than_its_limit)
{
    struct client_run run;
    char url[8300] = "ws://localhost/";
    memset(url + strlen(url), 'a', 8193 - strlen(url));
    client_run_init(&run);
    cr_expect(client_run_connect(&run, url) == LEAT_E_WS_URL);
    failure_expect(&run, LEAT_E_WS_URL, LEAT_LAYER_WEBSOCKET, "8192");
}

/* ---- the proxy
 * ------------------------------------------------------------------------------------- */

Test(bad_input, silent_proxy)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *proxy = script_server_start(script);
    client_run_init(&run);
    const char *address = sandbox_format("127.0.0.1:%u", leat_testing_server_get_port(proxy));
    cr_assert(leat_config_set_proxy(run.config, sandbox_format("socks5h://%s", address)) == 0);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, 100) == LEAT_OK);
    client_run_refused(&run, "ws://localhost/");
    cr_expect(run.close.error.sys_errno == ETIMEDOUT);
    cr_expect(strcmp(run.close.error.hop, address) == 0, "%s", run.close.error.hop);
    failure_expect(&run, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5, "greeting");
    leat_testing_server_free(proxy);
}

Test(bad_input, wrong_password)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config,
                                    sandbox_format("socks5h://alice:secret@127.0.0.1:%u",
                                                   microsocks_start("alice", "other"))) == LEAT_OK);
    client_run_refused(&run, "ws://localhost/");
    failure_expect(&run, LEAT_E_SOCKS5_AUTH, LEAT_LAYER_SOCKS5, "password");
}

Test(bad_input, no_password_where_one_is_demanded)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config,
                                    sandbox_format("socks5h://127.0.0.1:%u",
                                                   microsocks_start("alice", "other"))) == LEAT_OK);
    int code = client_run_refused(&run, "ws://localhost/");
    /* microsocks answers FF, which says nothing of a password */
    cr_expect(code == LEAT_E_SOCKS5_METHOD, "%d", code);
    failure_expect(&run, LEAT_E_SOCKS5_METHOD, LEAT_LAYER_SOCKS5, "method");
}

Test(bad_input, destination_refuses_the_proxy)
{
    struct client_run run;
    uint16_t port = refusing_port();
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                               microsocks_start(NULL, NULL))) == 0);
    client_run_refused(&run, url_of("ws", port, "/"));
    cr_expect(run.close.error.native_code == 5, "%d", run.close.error.native_code);
    failure_expect(&run, LEAT_E_SOCKS5_CONNECT_REMOTE, LEAT_LAYER_SOCKS5, "refused");
}

Test(bad_input, ssh_cannot_reach_the_destination)
{
    /* ssh has no reply for that: it hangs up */
    struct client_run run;
    client_run_init(&run);
    const char *proxy = sandbox_format("socks5h://127.0.0.1:%u", ssh_proxy_start());
    cr_assert(leat_config_set_proxy(run.config, proxy) == LEAT_OK);
    client_run_refused(&run, url_of("ws", refusing_port(), "/"));
    failure_expect(&run, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5, "request");
}

/* The proxy ends the connection with FIN after `script`. */
static void proxy_close_expect(const struct leat_script_row *script, int code, const char *culprit)
{
    struct client_run run;
    leat_testing_server *proxy = script_server_start(script);
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config,
                                    sandbox_format("socks5h://alice:secret@127.0.0.1:%u",
                                                   leat_testing_server_get_port(proxy))) == 0);
    client_run_refused(&run, "ws://localhost/");
    failure_expect(&run, code, LEAT_LAYER_SOCKS5, culprit);
    peer_content_expect(proxy);
    leat_testing_server_free(proxy);
}

Test(bad_input, proxy_closes_before_its_first_answer)
{
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING},
                                                    {LEAT_SCRIPT_CLOSE}};
    proxy_close_expect(script, LEAT_E_SOCKS5_RECV, "greeting");
}

Test(bad_input, proxy_closes_in_the_middle_of_its_first_answer)
{
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING},
                                                    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05")},
                                                    {LEAT_SCRIPT_CLOSE}};
    proxy_close_expect(script, LEAT_E_SOCKS5_DESERIALIZE, "greeting");
}

Test(bad_input, proxy_closes_after_the_password)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
        {LEAT_SCRIPT_READ_SOCKS5_AUTH},
        {LEAT_SCRIPT_CLOSE}};
    proxy_close_expect(script, LEAT_E_SOCKS5_RECV, "user name and password");
}

Test(bad_input, proxy_closes_after_the_request)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
        {LEAT_SCRIPT_CLOSE}};
    proxy_close_expect(script, LEAT_E_SOCKS5_RECV, "request");
}

Test(bad_input, proxy_closes_in_the_middle_of_its_reply)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00\x00\x01\x7f")},
        {LEAT_SCRIPT_CLOSE}};
    proxy_close_expect(script, LEAT_E_SOCKS5_DESERIALIZE, "request");
}

/* ---- certificates
 * ------------------------------------------------------------------------------------ */

static void certificate_expect(const char *cert, const char *host, const char *reason,
                               const char *subject)
{
    struct client_run run;
    uint16_t port = python_server_start(&(struct server_options){.cert = cert});
    client_run_init(&run);
    client_run_refused(&run, sandbox_format("wss://%s:%u/", host, port));
    cr_expect(strstr(run.close.error.text, subject), "%s", run.close.error.text);
    cr_expect(run.close.error.native_code != 0);
    failure_expect(&run, LEAT_E_TLS_VERIFY, LEAT_LAYER_TLS, reason);
}

Test(bad_input, expired_certificate)
{
    certificate_expect("expired.pem", "localhost", "expired", "CN=localhost");
}

Test(bad_input, certificate_of_the_future)
{
    certificate_expect("future.pem", "localhost", "not yet valid", "CN=localhost");
}

Test(bad_input, certificate_of_an_unknown_issuer)
{
    certificate_expect("unknown-ca.pem", "localhost", "issuer", "CN=leat unknown CA");
}

Test(bad_input, self_signed_certificate)
{
    certificate_expect("self-signed.pem", "localhost", "self-signed", "CN=leat self-signed");
}

Test(bad_input, certificate_of_another_host)
{
    certificate_expect("wrong-host.pem", "localhost", "localhost", "CN=elsewhere");
}

Test(bad_input, certificate_of_another_address)
{
    certificate_expect("wrong-host.pem", "127.0.0.1", "127.0.0.1", "CN=elsewhere");
}

Test(bad_input, not_a_tls_server)
{
    struct client_run run;
    client_run_init(&run);
    client_run_refused(&run, url_of("wss", python_server_start(&plain), "/"));
    failure_expect(&run, LEAT_E_TLS_ENGINE, LEAT_LAYER_TLS, "TLS");
}

/* ---- files
 * --------------------------------------------------------------------------------------------- */

Test(bad_input, missing_ca_file)
{
    struct client_run run;
    client_run_init(&run);
    const char *path = sandbox_path("missing.pem");
    cr_assert(leat_config_set_ca_path(run.config, path) == LEAT_OK);
    cr_expect(client_run_connect(&run, "wss://localhost/") == LEAT_E_WS_CERT_FILE);
    struct leat_error error;
    leat_websocket_get_error(run.ws, &error);
    cr_expect(error.sys_errno == ENOENT);
    failure_expect(&run, LEAT_E_WS_CERT_FILE, error.layer, path);
}

Test(bad_input, ca_file_that_is_none)
{
    struct client_run run;
    client_run_init(&run);
    const char *path = sandbox_write("garbage.pem", "not a certificate\n");
    cr_assert(leat_config_set_ca_path(run.config, path) == LEAT_OK);
    cr_expect(client_run_connect(&run, "wss://localhost/") == LEAT_E_TLS_VERIFY);
    failure_expect(&run, LEAT_E_TLS_VERIFY, LEAT_LAYER_TLS, path);
}

static int client_cert_connect(struct client_run *run, const char *key, const char *password)
{
    client_run_init(run);
    cr_assert(leat_config_set_client_cert(run->config, certificate_path("client.pem"),
                                          key[0] == '/' ? key : certificate_path(key),
                                          password) == LEAT_OK);
    return client_run_connect(run, "wss://localhost/");
}

Test(bad_input, missing_key_file)
{
    struct client_run run;
    const char *path = sandbox_path("missing.key");
    cr_expect(client_cert_connect(&run, path, NULL) == LEAT_E_WS_CERT_FILE);
    struct leat_error error;
    leat_websocket_get_error(run.ws, &error);
    failure_expect(&run, LEAT_E_WS_CERT_FILE, error.layer, path);
}

Test(bad_input, wrong_key_password)
{
    struct client_run run;
    cr_expect(client_cert_connect(&run, "client-encrypted.key", "wrong") == LEAT_E_TLS_ENGINE);
    failure_expect(&run, LEAT_E_TLS_ENGINE, LEAT_LAYER_TLS, "password");
}

Test(bad_input, key_that_does_not_fit_the_certificate)
{
    struct client_run run;
    cr_expect(client_cert_connect(&run, "other-client.key", NULL) == LEAT_E_TLS_VERIFY);
    failure_expect(&run, LEAT_E_TLS_VERIFY, LEAT_LAYER_TLS, "other-client.key");
}

/* ---- the server's answer
 * --------------------------------------------------------------------------------- */

Test(bad_input, http_401)
{
    struct client_run run;
    uint16_t port = python_server_start(&plain);
    client_run_init(&run);
    client_run_refused(&run, url_of("ws", port, "/status?code=401"));
    cr_expect(run.close.error.native_code == 401, "%d", run.close.error.native_code);
    cr_expect(leat_websocket_get_http_status(run.ws) == 401);
    cr_expect(run.close.close_code == 0);
    failure_expect(&run, LEAT_E_WS_CONNECT, LEAT_LAYER_WEBSOCKET, "401");
}

Test(bad_input, wrong_accept)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    client_run_init(&run);
    client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    failure_expect(&run, LEAT_E_WS_CONNECT, LEAT_LAYER_WEBSOCKET, "Sec-WebSocket-Accept");
    leat_testing_server_free(peer);
}

Test(bad_input, text_that_is_not_utf8)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("caf\xe9"), .number = 0x81},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    client_run_init(&run);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_until_closed(&run);
    cr_expect(run.close.close_code == 1007);
    failure_expect(&run, LEAT_E_WS_CONNECT, LEAT_LAYER_WEBSOCKET, "UTF-8");
    leat_testing_server_free(peer);
}

Test(bad_input, message_over_the_limit)
{
    struct client_run run;
    uint16_t port = python_server_start(&plain);
    client_run_init(&run);
    cr_assert(leat_config_set_max_message_bytes(run.config, 1000) == LEAT_OK);
    client_run_open(&run, url_of("ws", port, "/flood?count=1&size=1001"));
    client_run_until_closed(&run);
    cr_expect(run.close.close_code == 1009);
    failure_expect(&run, LEAT_E_WS_CONNECT, LEAT_LAYER_WEBSOCKET, "1000");
}

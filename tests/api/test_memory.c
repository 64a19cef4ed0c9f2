/* SPDX-License-Identifier: Apache-2.0 */
/* A server accepts a client and echoes while the n-th allocation fails, for all n: it ends with
 * 2300002 or as if nothing had happened, and nothing is lost. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/alloc_failure.h"
#include "support/raw_socket.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(memory, .fini = sandbox_done, .timeout = 150);

static leat_config *server_config; /* made before anything fails */
static bool in_parts, publishes, is_proxied, has_failed;

static bool has_ended(const struct both_ends *ends)
{
    return ends->server_closed > 0 || ends->errors > 0;
}

/* What a server without memory may say; anything else is a wrong report. */
static void code_expect(int code, const char *text)
{
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d: %s", code, text);
}

/* The client is a socket, so that all allocations are the server's. */
static bool serve(struct both_ends *ends)
{
    static const uint8_t frames[] = {0x81, 0x85, 0,    0, 0, 0, 'h', 'e', 'l', 'l',
                                     'o',  0x88, 0x82, 0, 0, 0, 0,   3,   0xe8};
    int fd = raw_connect(NULL, leat_websocket_server_get_port(ends->server));
    static const char header[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
    bool sent = (!is_proxied || raw_send(fd, header, sizeof(header) - 1)) &&
                raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))) &&
                raw_send(fd, frames, sizeof(frames)) && shutdown(fd, SHUT_WR) == 0;
    cr_assert(sent);
    while (!has_ended(ends)) {
        int code = leat_loop_dispatch(ends->loop, 10000);
        code_expect(code, "dispatch");
    }
    code_expect(ends->error.code, ends->error.text);
    code_expect(ends->server_close.error.code, ends->server_close.error.text);
    char answer[4096] = "";
    bool echoed = raw_recv_until(fd, "\x81\x05hello\x88\x02\x03\xe8", answer, sizeof(answer));
    close(fd);
    return echoed && ends->errors == 0 && ends->server_close.error.code == LEAT_OK;
}

/* Of what the program makes in its callback. */
static void on_event(struct both_ends *ends, const char *callback)
{
    leat_topic *topic = NULL;
    leat_prepared_message *message = NULL;
    if (!publishes || strcmp(callback, "connected") != 0)
        return;
    int code = leat_prepared_message_new(LEAT_MESSAGE_TEXT, "hello, hello", 12, &message);
    if (code == LEAT_OK)
        code = leat_topic_new(NULL, &topic);
    if (code == LEAT_OK)
        code = leat_topic_subscribe(topic, ends->connection);
    if (code == LEAT_OK)
        code = leat_topic_publish(topic, message, NULL, NULL);
    code_expect(code, "publish");
    has_failed |= code != LEAT_OK;
    leat_prepared_message_free(message);
    leat_topic_free(topic);
}

static bool accept_and_echo(void)
{
    struct both_ends ends = {.echo = true, .server_in_parts = in_parts, .on_event = on_event};
    has_failed = false;
    int code = leat_loop_new(&ends.loop);
    if (code == LEAT_OK)
        code = both_ends_make_server(&ends);
    if (code == LEAT_OK)
        code = leat_websocket_server_start(ends.server, "127.0.0.1", 0, server_config);
    code_expect(code, "start");
    bool succeeded = code == LEAT_OK && serve(&ends) && !has_failed;
    both_ends_done(&ends);
    return succeeded;
}

Test(memory, accept_and_echo)
{
    cr_assert(leat_config_new(&server_config) == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(server_config, "chat") == LEAT_OK);
    int failed = alloc_failure_run_all(accept_and_echo);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(server_config);
}

/* Each connection begins with a header of the PROXY protocol. */
Test(memory, accept_behind_a_proxy)
{
    is_proxied = true;
    cr_assert(leat_config_new(&server_config) == LEAT_OK);
    cr_assert(leat_config_add_trusted_proxy(server_config, "127.0.0.1") == LEAT_OK);
    cr_assert(leat_config_set_received_proxy_protocol(server_config, true) == LEAT_OK);
    int failed = alloc_failure_run_all(accept_and_echo);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(server_config);
    is_proxied = false;
}

Test(memory, accept_and_publish)
{
    publishes = true;
    cr_assert(leat_config_new(&server_config) == LEAT_OK);
    int failed = alloc_failure_run_all(accept_and_echo);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(server_config);
    publishes = false;
}

Test(memory, accept_and_publish_compressed)
{
    static const struct leat_compression each = {.size = sizeof(each), .threshold_bytes = 1};
    publishes = true;
    cr_assert(leat_config_new(&server_config) == LEAT_OK);
    cr_assert(leat_config_set_compression(server_config, &each) == LEAT_OK);
    int failed = alloc_failure_run_all(accept_and_echo);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(server_config);
    publishes = false;
}

/* ---- requests of HTTP ------------------------------------------------------------------- */

static void on_request(leat_websocket_server *server, leat_http_request *request, void *user)
{
    static const struct leat_http_header header = {"Set-Cookie", "a=b"};
    struct both_ends *ends = user;
    (void)server;
    int code = leat_http_request_is_upgrade(request)
                   ? leat_http_request_accept(request, &header, 1)
                   : leat_http_request_answer(request, 200, &header, 1, "ok", 2);
    cr_expect(code == LEAT_OK, "%d: what fails then ends the connection", code);
    ends->requests++;
}

static void on_error(leat_websocket_server *server, const struct leat_error *error, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    ends->errors++;
    ends->error = *error;
}

static void on_closed(leat_websocket_server *server, leat_websocket *ws,
                      const struct leat_close_event *event, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    (void)ws;
    ends->server_closed++;
    ends->server_close.error = event->error;
}

static bool answer_and_accept(void)
{
    static const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks),
        .error = on_error,
        .closed = on_closed,
        .http_request = on_request,
    };
    static const char requests[] =
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
    static const uint8_t end[] = {0x88, 0x82, 0, 0, 0, 0, 3, 0xe8};
    struct both_ends ends = {.loop = NULL};
    char answer[4096] = "";
    int code = leat_loop_new(&ends.loop);
    if (code == LEAT_OK)
        code = leat_websocket_server_new(ends.loop, &callbacks, &ends, &ends.server);
    if (code == LEAT_OK)
        code = leat_websocket_server_start(ends.server, "127.0.0.1", 0, server_config);
    code_expect(code, "start");
    if (code != LEAT_OK) {
        both_ends_done(&ends);
        return false;
    }
    int fd = raw_connect(NULL, leat_websocket_server_get_port(ends.server));
    cr_assert(raw_send(fd, requests, sizeof(requests) - 1));
    while (ends.requests == 0 && !has_ended(&ends))
        code_expect(leat_loop_dispatch(ends.loop, 10000), "dispatch");
    (void)raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/")));
    (void)raw_send(fd, end, sizeof(end));
    (void)shutdown(fd, SHUT_WR);
    while (!has_ended(&ends))
        code_expect(leat_loop_dispatch(ends.loop, 10000), "dispatch");
    code_expect(ends.error.code, ends.error.text);
    code_expect(ends.server_close.error.code, ends.server_close.error.text);
    bool closed = raw_recv_until(fd, "\x88\x02\x03\xe8", answer, sizeof(answer));
    close(fd);
    bool succeeded = closed && ends.errors == 0;
    both_ends_done(&ends);
    return succeeded;
}

Test(memory, answer_and_accept)
{
    cr_assert(leat_config_new(&server_config) == LEAT_OK);
    cr_assert(leat_config_add_trusted_proxy(server_config, "127.0.0.1") == LEAT_OK);
    cr_assert(leat_config_add_allowed_origin(server_config, "https://a") == LEAT_OK);
    int failed = alloc_failure_run_all(answer_and_accept);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(server_config);
}

Test(memory, accept_and_echo_compressed_messages)
{
    static const struct leat_compression each = {.size = sizeof(each), .threshold_bytes = 1};
    cr_assert(leat_config_new(&server_config) == LEAT_OK);
    cr_assert(leat_config_set_compression(server_config, &each) == LEAT_OK);
    int failed = alloc_failure_run_all(accept_and_echo);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(server_config);
}

/* ---- what was posted
 * ---------------------------------------------------------------------------- */

static bool has_come_or_ended(const struct both_ends *ends)
{
    return ends->closed > 0 || ends->at_server.messages == 1;
}

/* Whoever posted was told LEAT_OK: the message comes, or the connection ends. Returns whether the
 * n-th allocation was reached. */
static bool post_with_failure(long n)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    alloc_failure_countdown = n;
    leati_alloc_fail_hook = alloc_failure_hook;
    int code = leat_websocket_post(ends.client, LEAT_MESSAGE_TEXT, "x", 1);
    if (code == LEAT_OK) {
        bool ended = both_ends_until(&ends, has_come_or_ended);
        cr_expect(ended, "allocation %ld: the message is lost without a word", n);
        code_expect(ends.server_close.error.code == LEAT_E_SYSTEM_INTERNAL
                        ? LEAT_OK
                        : ends.client_close.error.code,
                    ends.client_close.error.text);
    }
    code_expect(code, "post");
    leati_alloc_fail_hook = NULL;
    both_ends_done(&ends);
    return alloc_failure_countdown == 0;
}

Test(memory, posted_message)
{
    long n = 1;
    while (post_with_failure(n)) {
        ++n;
        cr_assert(n < 1000);
    }
    cr_expect(n > 2, "%ld", n);
}

/* ---- redirects and refusals
 * ---------------------------------------------------------------------- */

static leat_config *client_config;
static const char *client_url;

static bool client_is_done(const struct both_ends *ends)
{
    return ends->closed > 0 || ends->opened > 0;
}

/* `expected`: the code of an attempt that had all its memory. */
static bool connect_with_failure(int expected, const char *body)
{
    struct both_ends ends = {0};
    int code = leat_loop_new(&ends.loop);
    if (code == LEAT_OK)
        code = both_ends_make_client(&ends);
    if (code == LEAT_OK)
        code = leat_websocket_connect(ends.client, client_url, client_config);
    if (code == LEAT_OK) {
        cr_assert(both_ends_until(&ends, client_is_done));
        code = ends.closed ? ends.client_close.error.code : LEAT_OK;
    }
    cr_expect(code == expected || code == LEAT_E_SYSTEM_INTERNAL, "%d: %s", code,
              ends.client_close.error.text);
    /* The refusal is known although its body may be lost. */
    bool complete =
        code == expected && strcmp(leat_websocket_get_http_body(ends.client, NULL), body) == 0;
    both_ends_done(&ends);
    return complete;
}

static bool follow_redirect(void)
{
    return connect_with_failure(LEAT_OK, "");
}

static bool connect_once(void)
{
    return connect_with_failure(LEAT_OK, "");
}

static bool be_refused(void)
{
    return connect_with_failure(LEAT_E_WS_CONNECT, "hello");
}

/* The name has two addresses: the one refuses, and the other comes then. */
Test(memory, dials_an_address_that_comes_late)
{
    static const struct dns_record records[] = {
        {.name = "late.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}, .v4_behaviour = DNS_LATE},
        {.name = NULL},
    };
    static const struct leat_script_row echo[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    struct dns_server *dns = dns_server_start(records);
    leat_testing_server *peer = script_server_start(echo);
    client_config = client_config_new();
    cr_assert(leat_config_set_dns_servers(client_config, dns_server_address(dns)) == LEAT_OK);
    client_url = sandbox_format("ws://late.test:%u/", leat_testing_server_get_port(peer));
    int failed = alloc_failure_run_all(connect_once);
    cr_expect(failed > 20, "%d", failed);
    leat_config_free(client_config);
    leat_testing_server_free(peer);
    dns_server_free(dns);
}

Test(memory, follows_a_redirect)
{
    static struct leat_script_row script[LEAT_TESTING_SCRIPTS_MAX] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row echo[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *target = script_server_start(echo);
    const char *answer = sandbox_format("HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%u/x\r\n"
                                        "Content-Length: 0\r\n\r\n",
                                        leat_testing_server_get_port(target));
    script[1].data = answer;
    script[1].len = strlen(answer);
    leat_testing_server *peer = script_server_start(script);
    client_config = client_config_new();
    cr_assert(leat_config_set_max_redirects(client_config, 1) == LEAT_OK);
    cr_assert(leat_config_add_header(client_config, "Cookie", "secret") == LEAT_OK);
    cr_assert(leat_config_add_header(client_config, "X-Own", "kept") == LEAT_OK);
    client_url = url_of("ws", leat_testing_server_get_port(peer), "/");
    int failed = alloc_failure_run_all(follow_redirect);
    cr_expect(failed > 20, "%d", failed);
    leat_config_free(client_config);
    leat_testing_server_free(peer);
    leat_testing_server_free(target);
}

Test(memory, is_refused)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nhello")},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    client_config = client_config_new();
    client_url = url_of("ws", leat_testing_server_get_port(peer), "/");
    int failed = alloc_failure_run_all(be_refused);
    cr_expect(failed > 10, "%d", failed);
    leat_config_free(client_config);
    leat_testing_server_free(peer);
}

/* Server and client over a local socket: the file goes whatever fails. */
static const char *local_url;

static bool local_connect_and_close(void)
{
    struct both_ends ends = {.echo = true};
    int code = leat_loop_new(&ends.loop);
    if (code == LEAT_OK)
        code = both_ends_make_server(&ends);
    if (code == LEAT_OK)
        code = leat_websocket_server_start(ends.server, local_url, 0, NULL);
    if (code == LEAT_OK)
        code = both_ends_make_client(&ends);
    if (code == LEAT_OK)
        code = leat_websocket_connect(ends.client, local_url, NULL);
    code_expect(code, "local");
    bool started = code == LEAT_OK;
    while (started && ends.opened == 0 && ends.closed == 0)
        code_expect(leat_loop_dispatch(ends.loop, 10000), "dispatch");
    bool opened = ends.opened > 0 && ends.closed == 0;
    both_ends_done(&ends);
    return opened;
}

Test(memory, over_a_local_socket)
{
    const char *path = sandbox_path("s");
    local_url = sandbox_format("ws+unix:%s", path);
    int failed = alloc_failure_run_all(local_connect_and_close);
    cr_expect(failed > 20, "%d", failed);
    cr_expect(access(path, F_OK) != 0);
}

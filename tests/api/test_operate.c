/* SPDX-License-Identifier: Apache-2.0 */
/* What whoever operates a leat_websocket_server needs: descriptors of others, the PROXY protocol, restarts
 * without a gap, new certificates, limits of what clients send, numbers, several loops. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

INTEGRATION_SUITE(operate);

/* ---- descriptors ------------------------------------------------------------------------------ */

Test(operate, a_descriptor_that_listens)
{
    struct both_ends ends;
    uint16_t port;
    both_ends_init(&ends);
    int fd = raw_listen(&port);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    cr_assert(leat_websocket_server_start_descriptor(ends.server, fd, ends.server_config) ==
              LEAT_OK);
    cr_expect(leat_websocket_server_get_port(ends.server) == port);
    cr_expect(leat_websocket_server_start_descriptor(ends.server, dup(fd), ends.server_config) ==
              LEAT_E_WS_EXISTS);
    ends.port = port;
    both_ends_connect(&ends, "/");
    both_ends_until_connected(&ends);
    both_ends_done(&ends);
}

Test(operate, descriptors_that_do_not)
{
    struct both_ends ends;
    struct leat_error error;
    both_ends_init(&ends);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    int pipes[2];
    cr_assert(pipe(pipes) == 0);
    close(pipes[1]);
    int code = leat_websocket_server_start_descriptor(ends.server, pipes[0], NULL);
    leat_websocket_server_get_error(ends.server, &error);
    cr_expect(code == LEAT_E_SOCKET_BASE + ENOTSOCK, "%d %s", code, error.text);
    cr_expect(fcntl(pipes[0], F_GETFD) < 0, "it was taken all the same");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_expect(leat_websocket_server_start_descriptor(ends.server, fd, NULL) ==
              LEAT_E_SOCKET_BASE + EINVAL);
    cr_expect(leat_websocket_server_start_descriptor(ends.server, -1, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_server_release_descriptor(ends.server) == -1);
    /* And then it starts as usual. */
    cr_expect(leat_websocket_server_start(ends.server, "127.0.0.1", 0, NULL) == LEAT_OK);
    both_ends_done(&ends);
}

/* In a process of its own, because descriptor 3 is not the test's. Returns what is wrong; 0 = nothing. */
static int systemd_child(void)
{
    int fds[4] = {-1, -1, -1, -1};
    char pid[16];
    unsetenv("LISTEN_PID");
    if (leat_get_listen_descriptors(fds, 4) != 0)
        return 1;
    int fd = open("/dev/null", O_RDONLY);
    if (fd < 0 || dup2(fd, 3) != 3 || fcntl(3, F_SETFD, 0) != 0)
        return 2;
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    if (leat_get_listen_descriptors(fds, 4) != 1 || fds[0] != 3 || fds[1] != -1)
        return 3;
    if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || leat_get_listen_descriptors(NULL, 0) != 1)
        return 4;
    setenv("LISTEN_FDS", "-1", 1);
    if (leat_get_listen_descriptors(fds, 4) != 0)
        return 5;
    setenv("LISTEN_FDS", "99999999999", 1);
    if (leat_get_listen_descriptors(fds, 4) != 0)
        return 6;
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", "1", 1);
    return leat_get_listen_descriptors(fds, 4) == 0 ? 0 : 7; /* they are another process' */
}

Test(operate, systemd)
{
    int status = -1;
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0)
        _exit(systemd_child());
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

/* The next server takes over where nobody notices; the old one drains. */
Test(operate, handed_over)
{
    struct both_ends old, next;
    both_ends_init(&old);
    both_ends_open(&old);
    int fd = leat_websocket_server_release_descriptor(old.server);
    cr_assert(fd >= 0 && leat_websocket_server_get_port(old.server) == 0);
    int waiting = raw_connect(NULL, old.port); /* comes while nobody accepts */
    both_ends_init(&next);
    cr_assert(both_ends_make_server(&next) == LEAT_OK);
    cr_assert(leat_websocket_server_start_descriptor(next.server, fd, next.server_config) ==
              LEAT_OK);
    cr_assert(raw_send(waiting, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(&next, &next.connected, 1);
    cr_expect(old.server_closed == 0, "the old connection stays");
    cr_assert(leat_websocket_server_drain(old.server, 10000) == LEAT_OK);
    both_ends_until_closed(&old);
    cr_expect(old.client_close.close_code == 1001);
    both_ends_until_server_closed(&old);
    cr_expect(leat_websocket_server_list(old.server, NULL, 0) == 0);
    close(waiting);
    both_ends_done(&old);
    both_ends_done(&next);
}

/* One that does not answer the goodbye is cut off when the time is over. */
Test(operate, drained_in_time)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    int fd = raw_connect(NULL, ends.port);
    cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(&ends, &ends.connected, 1);
    cr_assert(leat_websocket_server_drain(ends.server, 100) == LEAT_OK);
    both_ends_until_counted(&ends, &ends.server_closed, 1);
    cr_expect(ends.server_close.error.sys_errno == ETIMEDOUT, "%s", ends.server_close.error.text);
    cr_expect(strstr(ends.server_close.error.text, "before the server had to"), "%s",
              ends.server_close.error.text);
    /* The deadline was of that drain only. */
    cr_assert(leat_websocket_server_start(ends.server, "127.0.0.1", 0, ends.server_config) ==
              LEAT_OK);
    close(fd);
    both_ends_done(&ends);
}

/* ---- the PROXY protocol ------------------------------------------------------------------------- */

static const char *expected_client;

static void on_event(struct both_ends *ends, const char *callback)
{
    struct leat_net_address client;
    if (strcmp(callback, "connected") != 0)
        return;
    cr_expect(leat_websocket_get_client_address(ends->connection, &client) == LEAT_OK);
    cr_expect_str_eq(client.address, expected_client);
}

/* In pieces of `step` bytes; what follows is glued to it. */
static void proxied_expect(struct both_ends *ends, const void *header, size_t len, size_t step,
                           const char *client)
{
    int fd = raw_connect(NULL, ends->port);
    unsigned before = ends->connected;
    char bytes[1024];
    expected_client = client;
    memcpy(bytes, header, len);
    memcpy(bytes + len, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/")));
    len += strlen(RAW_UPGRADE("/"));
    for (size_t i = 0; i < len; i += step) {
        cr_assert(raw_send(fd, bytes + i, len - i < step ? len - i : step));
        cr_assert(leat_loop_dispatch(ends->loop, 0) == LEAT_OK);
    }
    both_ends_until_counted(ends, &ends->connected, before + 1);
    close(fd);
    both_ends_until_counted(ends, &ends->server_closed, before + 1);
}

static void proxied_refuse(struct both_ends *ends, const char *header, const char *text)
{
    int fd = raw_connect(NULL, ends->port);
    unsigned before = ends->errors;
    cr_assert(raw_send(fd, header, strlen(header)));
    both_ends_until_counted(ends, &ends->errors, before + 1);
    cr_expect(strstr(ends->error.text, text), "%s: %s", header, ends->error.text);
    close(fd);
}

/* Who is not trusted may not say whose connection it brings, with a request behind it or without. */
static void stranger_refuse(struct both_ends *ends, const void *header, size_t len, bool asks)
{
    char head[512];
    int fd = raw_connect("127.0.0.2", ends->port);
    unsigned errors = ends->errors, connected = ends->connected;
    cr_assert(raw_send(fd, header, len));
    if (asks)
        cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(ends, &ends->errors, errors + 1);
    cr_expect(ends->error.native_code == 400 || ends->error.native_code == 501, "%s",
              ends->error.text);
    cr_expect(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    cr_expect(ends->connected == connected);
    close(fd);
}

Test(operate, proxy_protocol)
{
    static const char v1[] = "PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n";
    static const char v1_6[] = "PROXY TCP6 2001:db8::7 2001:db8::8 4711 443\r\n";
    static const char unknown[] = "PROXY UNKNOWN\r\n";
    static const uint8_t v2[] = {13,  10, 13,   10,   0,    13,   10,  'Q', 'U', 'I',
                                 'T', 10, 0x21, 0x11, 0,    12,   203, 0,   113, 9,
                                 192, 0,  2,    1,    0x12, 0x67, 1,   0xbb};
    struct both_ends ends;
    both_ends_init(&ends);
    ends.on_event = on_event;
    cr_assert(leat_config_add_trusted_proxy(ends.server_config, "127.0.0.1") == LEAT_OK);
    cr_assert(leat_config_set_received_proxy_protocol(ends.server_config, true) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(ends.server_config, LEAT_PHASE_PROXY, 300) == LEAT_OK);
    both_ends_listen(&ends);
    for (size_t step = 1; step < 600; step += 150) {
        proxied_expect(&ends, v1, sizeof(v1) - 1, step, "192.0.2.7");
        proxied_expect(&ends, v1_6, sizeof(v1_6) - 1, step, "2001:db8::7");
        proxied_expect(&ends, unknown, sizeof(unknown) - 1, step, "127.0.0.1");
        proxied_expect(&ends, v2, sizeof(v2), step, "203.0.113.9");
    }
    proxied_refuse(&ends, RAW_UPGRADE("/"), "PROXY protocol");
    proxied_refuse(&ends, "PROXY TCP4 999.0.0.1 1.1.1.1 1 2\r\n", "PROXY protocol");
    proxied_refuse(&ends, "PROXY TCP4 1", "within");
    for (size_t i = 0; i < 2; i++) {
        stranger_refuse(&ends, v1, sizeof(v1) - 1, i == 1);
        stranger_refuse(&ends, v1_6, sizeof(v1_6) - 1, i == 1);
        stranger_refuse(&ends, unknown, sizeof(unknown) - 1, i == 1);
        stranger_refuse(&ends, v2, sizeof(v2), i == 1);
    }
    both_ends_done(&ends);
}

/* ---- certificates ----------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    cr_assert(in && out);
    size_t len = fread(bytes, 1, sizeof(bytes), in);
    cr_assert(fwrite(bytes, 1, len, out) == len);
    fclose(in);
    fclose(out);
}

/* The files are others under the same name; connections that are there go on. */
Test(operate, certificates_are_reloaded)
{
    struct both_ends ends;
    struct leat_tls_info info;
    char first[128];
    both_ends_init(&ends);
    const char *cert = sandbox_path("reloaded.pem"), *key = sandbox_path("reloaded.key");
    copy_file(certificate_path("server.pem"), cert);
    copy_file(certificate_path("server.key"), key);
    cr_assert(leat_config_set_server_cert(ends.server_config, cert, key, NULL) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(ends.client_config, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_config_set_session_resumption(ends.client_config, false) == LEAT_OK);
    both_ends_listen(&ends);
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_assert(leat_websocket_connect(ends.client, url_of("wss", ends.port, "/"),
                                     ends.client_config) == LEAT_OK);
    both_ends_until_connected(&ends);
    leat_websocket *old = ends.client;
    cr_assert(leat_websocket_get_tls_info(old, &info));
    snprintf(first, sizeof(first), "%s", info.protocol);
    /* A file that is none: nothing changes. */
    copy_file("/dev/null", cert);
    cr_expect(leat_websocket_server_reload_certificates(ends.server, ends.server_config) !=
              LEAT_OK);
    copy_file(certificate_path("expired.pem"), cert);
    copy_file(certificate_path("expired.key"), key);
    int code = leat_websocket_server_reload_certificates(ends.server, ends.server_config);
    struct leat_error error;
    leat_websocket_server_get_error(ends.server, &error);
    cr_assert(code == LEAT_OK, "%d %s", code, error.text);
    ends.client = NULL;
    ends.opened = ends.connected = 0;
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_assert(leat_websocket_connect(ends.client, url_of("wss", ends.port, "/"),
                                     ends.client_config) == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_E_TLS_VERIFY, "%d %s",
              ends.client_close.error.code, ends.client_close.error.text);
    cr_expect(leat_websocket_send(old, LEAT_MESSAGE_TEXT, "still", 5) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, 1);
    leat_config *plain;
    cr_assert(leat_config_new(&plain) == LEAT_OK);
    cr_expect(leat_websocket_server_reload_certificates(ends.server, plain) == LEAT_E_PARAMETER);
    leat_config_free(plain);
    leat_websocket_free(old);
    both_ends_done(&ends);
}

static leat_tls_options *trusting_options(void)
{
    leat_tls_options *options;
    cr_assert(leat_tls_options_new(&options) == LEAT_OK);
    cr_assert(leat_tls_options_set_ca_path(options, certificate_path("ca.pem")) == LEAT_OK);
    return options;
}

/* With TLS options, which are freed. @return LEAT_OK, or why it was closed. */
static int options_connect(struct both_ends *ends, leat_tls_options *options)
{
    cr_assert(leat_config_set_tls_options(ends->client_config, options) == LEAT_OK);
    leat_tls_options_free(options);
    unsigned opened = ends->opened, closed = ends->closed;
    cr_assert(both_ends_make_client(ends) == LEAT_OK);
    cr_assert(leat_websocket_connect(ends->client, url_of("wss", ends->port, "/"),
                                     ends->client_config) == LEAT_OK);
    while (ends->opened == opened && ends->closed == closed)
        cr_assert(leat_loop_dispatch(ends->loop, 10000) == LEAT_OK);
    int code = ends->opened > opened ? LEAT_OK : ends->client_close.error.code;
    leat_websocket_free(ends->client);
    ends->client = NULL;
    return code;
}

/* Of several certificates the one that is for the name. */
static int named_connect(struct both_ends *ends, const char *name)
{
    leat_tls_options *options = trusting_options();
    cr_assert(leat_tls_options_set_server_name(options, name) == LEAT_OK);
    return options_connect(ends, options);
}

Test(operate, certificates_by_name)
{
    struct both_ends ends;
    leat_tls_options *options;
    both_ends_init(&ends);
    cr_assert(leat_tls_options_new(&options) == LEAT_OK);
    cr_assert(leat_tls_options_set_cert_path(options, certificate_path("wildcard.pem"),
                                             certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_tls_options_add_cert_path(options, certificate_path("server.pem"),
                                             certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_tls_options_add_cert_path(options, certificate_path("wrong-host.pem"),
                                             certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_config_set_tls_options(ends.server_config, options) == LEAT_OK);
    leat_tls_options_free(options);
    both_ends_listen(&ends);
    cr_expect(named_connect(&ends, "localhost") == LEAT_OK);
    cr_expect(named_connect(&ends, "LOCALHOST") == LEAT_OK);
    cr_expect(named_connect(&ends, "a.example.org") == LEAT_OK);
    cr_expect(named_connect(&ends, "elsewhere.example") == LEAT_OK);
    cr_expect(named_connect(&ends, "nowhere.example") == LEAT_E_TLS_VERIFY);
    cr_expect(named_connect(&ends, "any.test") == LEAT_OK, "good traffic goes on");
    both_ends_done(&ends);
}

/* ---- who a client is ----------------------------------------------------------------------------------- */

struct shown {
    char subject[128], server_name[32];
    unsigned count;
    bool objects;
};

static const char *see_client(const struct leat_certificate_info *chain, size_t count,
                              const char *server_name, void *user)
{
    struct shown *shown = user;
    cr_expect(count >= 2);
    snprintf(shown->subject, sizeof(shown->subject), "%s", chain[0].subject);
    snprintf(shown->server_name, sizeof(shown->server_name), "%s", server_name);
    shown->count++;
    return shown->objects ? "not on the list" : NULL;
}

static void remember_alpn(struct both_ends *ends, const char *callback)
{
    struct leat_tls_info info;
    if (strcmp(callback, "connected") == 0) {
        cr_assert(leat_websocket_get_tls_info(ends->connection, &info));
        snprintf(ends->user, 32, "%s", info.alpn);
    }
}

static int known_connect(struct both_ends *ends, const char *const *protocols, size_t count)
{
    leat_tls_options *options = trusting_options();
    cr_assert(leat_tls_options_set_cert_path(options, certificate_path("client.pem"),
                                             certificate_path("client.key"), NULL) == LEAT_OK);
    if (count > 0)
        cr_assert(leat_tls_options_set_alpn_protocols(options, protocols, count) == LEAT_OK);
    return options_connect(ends, options);
}

Test(operate, the_program_sees_whose_certificate_it_is, .timeout = 60)
{
    static const char *const ours[] = {"chat/2", "chat/1"}, *const theirs[] = {"chat/1"};
    struct both_ends ends;
    struct shown shown = {.count = 0};
    leat_tls_options *options;
    char alpn[32] = "";
    both_ends_init(&ends);
    ends.user = alpn;
    ends.on_event = remember_alpn;
    cr_assert(leat_tls_options_new(&options) == LEAT_OK);
    cr_assert(leat_tls_options_set_cert_path(options, certificate_path("server.pem"),
                                             certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_tls_options_set_ca_path(options, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_tls_options_set_verify_callback(options, see_client, &shown) == LEAT_OK);
    cr_assert(leat_tls_options_set_alpn_protocols(options, ours, 2) == LEAT_OK);
    cr_assert(leat_config_set_tls_options(ends.server_config, options) == LEAT_OK);
    cr_assert(leat_config_set_client_verification(ends.server_config,
                                                  LEAT_CLIENT_VERIFICATION_REQUIRED) == LEAT_OK);
    leat_tls_options_free(options);
    both_ends_listen(&ends);
    cr_expect(known_connect(&ends, theirs, 1) == LEAT_OK, "%s", ends.client_close.error.text);
    both_ends_until_counted(&ends, &ends.connected, 1);
    cr_expect(shown.count == 1);
    cr_expect(strstr(shown.subject, "CN=") != NULL, "%s", shown.subject);
    cr_expect_str_eq(shown.server_name, "");
    cr_expect_str_eq(alpn, "chat/1");
    shown.objects = true;
    unsigned errors = ends.errors;
    (void)known_connect(&ends, theirs, 1); /* TLS 1.3: the client learns of it later */
    both_ends_until_counted(&ends, &ends.errors, errors + 1);
    cr_expect(shown.count == 2);
    cr_expect(ends.connected == 1, "whom the program does not want does not come in");
    both_ends_done(&ends);
}

/* ---- how much a client may send ---------------------------------------------------------------------- */

/* All of it arrives, but not at once; others are not held up. */
static void rate_expect(size_t bytes_per_s, size_t messages_per_s, size_t size, unsigned count)
{
    struct both_ends ends;
    static char payload[20000];
    both_ends_init(&ends);
    cr_assert(leat_config_set_receive_rate(ends.server_config, bytes_per_s, messages_per_s) ==
              LEAT_OK);
    both_ends_open(&ends);
    for (unsigned i = 0; i < count; i++) {
        cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, payload, size) == LEAT_OK);
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    }
    int fd = raw_connect(NULL, ends.port);
    cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(&ends, &ends.connected, 2);
    both_ends_until_received(&ends, &ends.at_server, count);
    cr_expect(both_ends_counters(&ends).throttled > 0);
    cr_expect(both_ends_counters(&ends).bytes_received == (uint64_t)size * count);
    close(fd);
    cr_expect(leat_websocket_close(ends.client, 1000, "") == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK, "%s", ends.client_close.error.text);
    both_ends_done(&ends);
}

Test(operate, bytes_per_second)
{
    rate_expect(200000, 0, 20000, 15);
}

Test(operate, messages_per_second)
{
    rate_expect(0, 20, 100, 30);
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

Test(operate, counters)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = true;
    both_ends_open(&ends);
    struct leat_websocket_server_counters c = both_ends_counters(&ends);
    cr_expect(c.accepted == 1 && c.opened == 1 && c.closed == 0 && c.failed == 0 && c.open == 1 &&
              c.handshakes == 0);
    cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "hello", 5) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_client, 1);
    c = both_ends_counters(&ends);
    cr_expect(c.messages_received == 1 && c.bytes_received == 5 && c.bytes_sent == 7,
              "%u bytes sent", (unsigned)c.bytes_sent);
    int fd = raw_connect(NULL, ends.port);
    cr_assert(raw_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27));
    close(fd);
    both_ends_until_counted(&ends, &ends.errors, 1);
    cr_assert(leat_websocket_close(ends.client, 1000, "") == LEAT_OK);
    both_ends_until_server_closed(&ends);
    c = both_ends_counters(&ends);
    cr_expect(c.accepted == 2 && c.opened == 1 && c.closed == 1 && c.failed == 1 && c.open == 0);
    cr_expect(c.bytes_sent == 11, "what has ended still counts: %u", (unsigned)c.bytes_sent);
    uint64_t only[1] = {99};
    cr_expect(leat_websocket_server_get_counters(
                  ends.server, (struct leat_websocket_server_counters *)(void *)only,
                  sizeof(only)) == LEAT_OK);
    cr_expect(only[0] == 2, "a program that knows less");
    both_ends_done(&ends);
}

/* ---- several loops ------------------------------------------------------------------------------------- */

struct farm {
    atomic_uint port, connected[4], ended;
    bool fails;
};

static void on_farm_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    (void)server;
    (void)ws;
    atomic_fetch_add((atomic_uint *)user, 1);
}

static int farm_begin(leat_loop *loop, unsigned index, void *user, void **ret_object)
{
    static const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks), .connected = on_farm_connected};
    struct farm *farm = user;
    leat_websocket_server *server;
    leat_config *config;
    if (farm->fails && index == 2)
        return LEAT_E_WS_PORT;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_reuse_port(config, true) == LEAT_OK);
    cr_assert(leat_websocket_server_new(loop, &callbacks, &farm->connected[index], &server) ==
              LEAT_OK);
    int code = leat_websocket_server_start(server, "127.0.0.1", atomic_load(&farm->port), config);
    leat_config_free(config);
    *ret_object = server;
    return code;
}

static void farm_end(leat_loop *loop, unsigned index, void *object, void *user)
{
    (void)loop;
    (void)index;
    leat_websocket_server_free(object);
    atomic_fetch_add(&((struct farm *)user)->ended, 1);
}

Test(operate, several_loops)
{
    enum { CLIENTS = 40 };
    struct farm farm = {.fails = false};
    leat_loop_threads *threads;
    uint16_t port;
    int fds[CLIENTS];
    char head[512];
    close(raw_listen(&port));
    atomic_store(&farm.port, port);
    cr_assert(leat_loop_threads_new(4, farm_begin, farm_end, &farm, &threads) == LEAT_OK);
    cr_expect(leat_loop_threads_get_loop(threads, 3) && !leat_loop_threads_get_loop(threads, 4));
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = raw_connect(NULL, port);
        cr_assert(raw_send(fds[i], RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
        cr_assert(raw_recv_until(fds[i], "\r\n\r\n", head, sizeof(head)));
    }
    leat_loop_threads_free(threads);
    unsigned total = 0;
    for (int i = 0; i < 4; i++)
        total += atomic_load(&farm.connected[i]);
    cr_expect(total == CLIENTS && atomic_load(&farm.ended) == 4, "%u, %u", total,
              atomic_load(&farm.ended));
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    /* One that cannot begin ends them all. */
    farm.fails = true;
    atomic_store(&farm.ended, 0);
    cr_expect(leat_loop_threads_new(4, farm_begin, farm_end, &farm, &threads) == LEAT_E_WS_PORT);
    cr_expect(atomic_load(&farm.ended) == 3);
}

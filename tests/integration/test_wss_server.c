/* SPDX-License-Identifier: Apache-2.0 */
/* leat_websocket_server with a certificate: our own client, and others'. */
#include "integration/common.h"
#include "support/patience.h"
#include "support/process.h"

#include <arpa/inet.h>
#include <leat/websocket_server.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

INTEGRATION_SUITE(wss_server);

static leat_websocket_server *server;
static struct client_run run; /* its loop is the server's, too */
static unsigned served_count; /* connections that have ended */
static unsigned refused_count;
static struct leat_error refusal;

static void echo(leat_websocket_server *from, leat_websocket *ws, enum leat_message_type type,
                 const uint8_t *data, size_t len, void *user)
{
    (void)from;
    (void)user;
    cr_expect(leat_websocket_send(ws, type, data, len) == LEAT_OK);
}

static void note_closed(leat_websocket_server *from, leat_websocket *ws,
                        const struct leat_close_event *event, void *user)
{
    (void)from;
    (void)ws;
    (void)event;
    (void)user;
    ++served_count;
}

static void note_error(leat_websocket_server *from, const struct leat_error *error, void *user)
{
    (void)from;
    (void)user;
    ++refused_count;
    refusal = *error;
}

typedef void message_fn(leat_websocket_server *from, leat_websocket *ws,
                        enum leat_message_type type, const uint8_t *data, size_t len, void *user);

static void serve_with(message_fn *message, enum leat_client_verification verification,
                       enum leat_tls_protocol min, enum leat_tls_protocol max)
{
    const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks), .message = message, .closed = note_closed, .error = note_error};
    leat_config *config = client_config_new();

    client_run_init(&run);
    cr_assert(leat_config_set_server_cert(config, certificate_path("server.pem"),
                                          certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_config_set_client_verification(config, verification) == LEAT_OK);
    cr_assert(leat_config_set_tls_protocols(config, min, max) == LEAT_OK);
    cr_assert(leat_websocket_server_new(run.loop, &callbacks, NULL, &server) == LEAT_OK);
    cr_assert(leat_websocket_server_start(server, "127.0.0.1", 0, config) == LEAT_OK);
    leat_config_free(config);
}

static void serve(enum leat_client_verification verification, enum leat_tls_protocol min,
                  enum leat_tls_protocol max)
{
    serve_with(echo, verification, min, max);
}

static const char *server_url(void)
{
    return url_of("wss", leat_websocket_server_get_port(server), "/");
}

static void done(void)
{
    leat_websocket_server_free(server);
    client_run_done(&run);
}

static void run_again(void)
{
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, server_url());
    client_run_echo(&run, "again");
    client_run_close(&run);
}

Test(wss_server, our_client_resumes)
{
    for (int version = LEAT_TLS_V12; version <= (int)LEAT_TLS_V13; version++) {
        serve(LEAT_CLIENT_VERIFICATION_NONE, (enum leat_tls_protocol)version,
              (enum leat_tls_protocol)version);
        run_again();
        cr_expect(!trace_has(&run, "resumed"), "%s", run.trace);
        run_again();
        cr_expect(trace_has(&run, "resumed"), "%s", run.trace);
        cr_expect(trace_has(&run, "ALPN http/1.1"), "%s", run.trace);
        done();
    }
}

static struct leat_tls_info client_info, server_info;
static bool info_after_the_end;

static void ask_for_tls(struct client_run *r, const char *callback)
{
    if (strcmp(callback, "opened") == 0)
        cr_expect(leat_websocket_get_tls_info(r->ws, &client_info));
    if (strcmp(callback, "closed") == 0)
        info_after_the_end = leat_websocket_get_tls_info(r->ws, &client_info);
}

static void ask_server_for_tls(leat_websocket_server *from, leat_websocket *ws,
                               enum leat_message_type type, const uint8_t *data, size_t len,
                               void *user)
{
    echo(from, ws, type, data, len, user);
    cr_expect(leat_websocket_get_tls_info(ws, &server_info));
}

Test(wss_server, both_ends_know_what_tls_agreed_on)
{
    for (int version = LEAT_TLS_V12; version <= (int)LEAT_TLS_V13; version++) {
        serve_with(ask_server_for_tls, LEAT_CLIENT_VERIFICATION_NONE,
                   (enum leat_tls_protocol)version, (enum leat_tls_protocol)version);
        run.on_event = ask_for_tls;
        info_after_the_end = true;
        cr_expect(!leat_websocket_get_tls_info(run.ws, &client_info));
        run_again();
        cr_expect(!info_after_the_end && !client_info.resumed);
        const char *protocol = version == LEAT_TLS_V12 ? "TLSv1.2" : "TLSv1.3";
        cr_expect_str_eq(client_info.protocol, protocol);
        cr_expect_str_eq(server_info.protocol, protocol);
        cr_expect_str_eq(client_info.cipher, server_info.cipher);
        cr_expect(strncmp(client_info.cipher, "TLS_", 4) == 0);
        run_again();
        cr_expect(client_info.resumed && server_info.resumed);
        done();
    }
}

/* ---- the keys of tickets change ---------------------------------------------------------------- */

/* What leat/websocket_server.h says of them. */
#define TICKET_KEYS_CHANGE_S (2 * 3600)

static time_t ahead_s;

/* In place of libc's, also for mbedTLS, which asks it how old a key is. The age of a ticket is by another
 * clock, so here only its key decides. */
__attribute__((visibility("default"))) time_t time(time_t *ret_time)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec + ahead_s;
    return now.tv_sec + ahead_s;
}

/* The connection must come about in either case. */
static bool resumes_in_both_ends(void)
{
    run_again();
    cr_expect(client_info.resumed == server_info.resumed);
    return client_info.resumed;
}

/* Somebody else's connection, with which the server finds its keys to be old. */
static void keys_change(void)
{
    leat_config *own = run.config;
    run.config = client_config_new();
    ahead_s += TICKET_KEYS_CHANGE_S;
    cr_expect(!resumes_in_both_ends());
    leat_config_free(run.config);
    run.config = own;
}

Test(wss_server, ticket_keys_change)
{
    for (int version = LEAT_TLS_V12; version <= (int)LEAT_TLS_V13; version++) {
        serve_with(ask_server_for_tls, LEAT_CLIENT_VERIFICATION_NONE,
                   (enum leat_tls_protocol)version, (enum leat_tls_protocol)version);
        run.on_event = ask_for_tls;
        cr_expect(!resumes_in_both_ends());
        keys_change();
        cr_expect(resumes_in_both_ends(), "the key before this one is still known");
        keys_change();
        keys_change();
        cr_expect(!resumes_in_both_ends(), "the key of its ticket is gone");
        cr_expect(resumes_in_both_ends(), "and it got another one");
        cr_expect(refused_count == 0, "%s", refusal.text);
        done();
    }
}

static void client_certificate_set(const char *cert, const char *key)
{
    cr_assert(leat_config_set_client_cert(run.config, certificate_path(cert), certificate_path(key),
                                          NULL) == LEAT_OK);
}

Test(wss_server, client_certificate_is_required)
{
    serve(LEAT_CLIENT_VERIFICATION_REQUIRED, LEAT_TLS_V12, LEAT_TLS_V13);
    int code = client_run_refused(&run, server_url());
    cr_expect(code == LEAT_E_TLS_ENGINE, "%d: %s", code, run.close.error.text);
    cr_expect(refused_count == 1 && refusal.code == LEAT_E_TLS_VERIFY, "%d: %s", refusal.code,
              refusal.text);
    cr_expect(refusal.layer == LEAT_LAYER_TLS && strncmp(refusal.hop, "127.0.0.1:", 10) == 0);

    client_certificate_set("client.pem", "client.key");
    run_again();
    run_again();
    cr_expect(!trace_has(&run, "resumed"), "its certificate is looked at each time: %s", run.trace);
    done();
}

Test(wss_server, client_certificate_is_optional)
{
    serve(LEAT_CLIENT_VERIFICATION_OPTIONAL, LEAT_TLS_V12, LEAT_TLS_V13);
    run_again();
    client_certificate_set("client.pem", "client.key");
    run_again();
    client_certificate_set("unknown-ca.pem", "server.key");
    run.opened_count = run.closed_count = 0;
    (void)client_run_refused(&run, server_url());
    cr_expect(refused_count == 1 && refusal.code == LEAT_E_TLS_VERIFY, "%d: %s", refusal.code,
              refusal.text);
    cr_expect(strstr(refusal.text, "unknown issuer"), "%s", refusal.text);
    done();
}

static bool one_was_served(const struct client_run *any)
{
    (void)any;
    return served_count + refused_count > 0;
}

static void python_client_run(const char *cert, const char *key, const char *expected)
{
    const char *const argv[] = {WSS_CLIENT, server_url(), certificate_path("ca.pem"),
                                cert,       key,          NULL};
    char rest[200];
    served_count = refused_count = 0;
    struct process *process = process_start(&(struct process_options){.argv = argv});
    cr_assert(client_run_until(&run, one_was_served), "no client came");
    process_wait_line(process, expected, rest, sizeof(rest));
    cr_expect(process_wait(process, PATIENCE_MS(10000)) == 0);
}

Test(wss_server, python_client)
{
    serve(LEAT_CLIENT_VERIFICATION_NONE, LEAT_TLS_V12, LEAT_TLS_V13);
    python_client_run(NULL, NULL, "ECHO hello");
    cr_expect(served_count == 1 && refused_count == 0);
    done();
}

Test(wss_server, python_client_with_a_certificate)
{
    serve(LEAT_CLIENT_VERIFICATION_REQUIRED, LEAT_TLS_V12, LEAT_TLS_V13);
    python_client_run(NULL, NULL, "REFUSED");
    cr_expect(served_count == 0 && refused_count == 1);
    python_client_run(certificate_path("client.pem"), certificate_path("client.key"), "ECHO hello");
    cr_expect(served_count == 1 && refused_count == 0);
    done();
}

Test(wss_server, leat_check)
{
    serve(LEAT_CLIENT_VERIFICATION_NONE, LEAT_TLS_V12, LEAT_TLS_V13);
    const char *const argv[] = {LEAT_TOOL,    "check", "--ca", certificate_path("ca.pem"),
                                server_url(), NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});
    cr_assert(client_run_until(&run, one_was_served), "no client came");
    cr_expect(process_wait(process, PATIENCE_MS(10000)) == 0, "%s", file_read(process->error_path));
    cr_expect(served_count == 1 && refused_count == 0);
    done();
}

Test(wss_server, silent_client_is_dropped)
{
    leat_config *config = client_config_new();
    serve(LEAT_CLIENT_VERIFICATION_NONE, LEAT_TLS_V12, LEAT_TLS_V13);
    cr_assert(leat_websocket_server_stop(server) == LEAT_OK);
    cr_assert(leat_config_set_server_cert(config, certificate_path("server.pem"),
                                          certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_TLS, 100) == LEAT_OK);
    cr_assert(leat_websocket_server_start(server, "127.0.0.1", 0, config) == LEAT_OK);
    leat_config_free(config);

    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(leat_websocket_server_get_port(server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    cr_assert(client_run_until(&run, one_was_served), "it still waits");
    cr_expect(refusal.code == LEAT_E_TLS_READ, "%d: %s", refusal.code, refusal.text);
    close(fd);
    done();
}

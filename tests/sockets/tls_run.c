/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_run.h"

#include "support/certificates.h"
#include "support/patience.h"
#include "support/sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS PATIENCE_MS(5000)

struct tls_run run;
static char *texts[16];
static size_t text_count;

/* ---- the logs -------------------------------------------------------------------------------- */

static void log_add(struct tls_log *log, const char *format, ...)
{
    va_list args;

    if (log->len > 0)
        log->len += (size_t)snprintf(log->text + log->len, sizeof(log->text) - log->len, "; ");
    va_start(args, format);
    log->len += (size_t)vsnprintf(log->text + log->len, sizeof(log->text) - log->len, format, args);
    va_end(args);
    cr_assert_lt(log->len, sizeof(log->text));
}

void run_check(struct tls_log *log, const char *expected)
{
    cr_assert_str_eq(log->text, expected, "%s (%s)", log->text, log->error.text);
    log->text[0] = '\0';
    log->len = 0;
}

/* Long ones are not written down. */
static void log_message(struct tls_log *log, const uint8_t *data, size_t len)
{
    size_t room = sizeof(log->received) - 1 - log->received_len;
    size_t part = len < room ? len : room;

    cr_assert_gt(len, 0);
    memcpy(log->received + log->received_len, data, part);
    log->received_len += part;
    log->received[log->received_len] = '\0';
    log->received_total += len;
    if (len < 64)
        log_add(log, "message %.*s", (int)len, (const char *)data);
}

static void act(const char *at)
{
    void (*now)(void) = run.act;

    if (!now || strcmp(run.act_at, at) != 0)
        return;
    run.act = NULL;
    now();
}

static void server_act(const char *at)
{
    void (*now)(void) = run.server_act;

    if (!now || strcmp(run.server_act_at, at) != 0)
        return;
    run.server_act = NULL;
    now();
}

/* ---- the client ------------------------------------------------------------------------------ */

static void client_connected(leat_tls_socket *tls, void *user)
{
    cr_assert(tls == run.tls && user == &run);
    log_add(&run.client_log, "connected");
    act("connected");
}

static void client_message(leat_tls_socket *tls, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    cr_assert(tls == run.tls && user == &run);
    cr_assert_eq(remote->size, len);
    log_message(&run.client_log, data, len);
    act("message");
}

static void client_writable(leat_tls_socket *tls, void *user)
{
    cr_assert(tls == run.tls && user == &run);
    log_add(&run.client_log, "writable");
    act("writable");
}

static void client_error(leat_tls_socket *tls, const struct leat_error *error, void *user)
{
    cr_assert(tls == run.tls && user == &run);
    run.client_log.error = *error;
    log_add(&run.client_log, "error %d", error->code);
    act("error");
}

static void client_closed(leat_tls_socket *tls, void *user)
{
    cr_assert(tls == run.tls && user == &run);
    log_add(&run.client_log, "closed");
    act("closed");
}

const struct leat_tls_socket_callbacks run_client_callbacks = {
    .size = sizeof(run_client_callbacks),
    .connected = client_connected,
    .message = client_message,
    .writable = client_writable,
    .error = client_error,
    .closed = client_closed,
};

/* ---- the server ------------------------------------------------------------------------------ */

static void server_connected(leat_tls_socket_server *server, leat_tls_socket *tls, void *user)
{
    cr_assert(server == run.server && user == &run);
    run.connection = tls;
    log_add(&run.server_log, "connected");
    server_act("connected");
}

static void server_message(leat_tls_socket_server *server, leat_tls_socket *tls,
                           const uint8_t *data, size_t len, const struct leat_remote_info *remote,
                           void *user)
{
    cr_assert(server == run.server && user == &run);
    cr_assert_eq(remote->size, len);
    log_message(&run.server_log, data, len);
    if (run.echo)
        cr_assert_eq(leat_tls_socket_send(tls, data, len), LEAT_OK);
    server_act("message");
}

static void server_writable(leat_tls_socket_server *server, leat_tls_socket *tls, void *user)
{
    cr_assert(server == run.server && user == &run && tls);
    log_add(&run.server_log, "writable");
}

static void server_error(leat_tls_socket_server *server, leat_tls_socket *tls,
                         const struct leat_error *error, void *user)
{
    cr_assert(server == run.server && user == &run);
    run.server_log.error = *error;
    log_add(&run.server_log, "%serror %d", tls ? "" : "client ", error->code);
    server_act("error");
}

static void server_closed(leat_tls_socket_server *server, leat_tls_socket *tls, void *user)
{
    cr_assert(server == run.server && user == &run && tls);
    log_add(&run.server_log, "closed");
    server_act("closed");
}

static const struct leat_tls_socket_server_callbacks server_callbacks = {
    .size = sizeof(server_callbacks),
    .connected = server_connected,
    .message = server_message,
    .writable = server_writable,
    .error = server_error,
    .closed = server_closed,
};

/* ---- life ------------------------------------------------------------------------------------ */

const char *run_text(const char *path)
{
    cr_assert_lt(text_count, sizeof(texts) / sizeof(texts[0]));
    texts[text_count] = file_read(path);
    return texts[text_count++];
}

void run_init(void)
{
    const char *ca = run_text(certificate_path("ca.pem"));
    const char *cert = run_text(certificate_path("server.pem"));
    const char *key = run_text(certificate_path("server.key"));

    cr_assert_eq(leat_loop_new(&run.loop), LEAT_OK);
    cr_assert_eq(leat_config_new(&run.config), LEAT_OK);
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, PATIENCE_MS(300)),
                 LEAT_OK);
    cr_assert_eq(leat_tls_options_new(&run.options), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_ca(run.options, &ca, 1), LEAT_OK);
    cr_assert_eq(leat_tls_options_new(&run.server_options), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_ca(run.server_options, &ca, 1), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_cert(run.server_options, &cert, 1, key, NULL), LEAT_OK);
}

void run_done(void)
{
    leat_tls_socket_free(run.tls);
    leat_tls_socket_server_free(run.server);
    leat_tls_options_free(run.options);
    leat_tls_options_free(run.server_options);
    leat_config_free(run.config);
    leat_loop_free(run.loop);
    while (text_count > 0)
        free(texts[--text_count]);
    sandbox_done();
}

void run_new_client(void)
{
    cr_assert_eq(leat_tls_socket_new(run.loop, &run_client_callbacks, &run, &run.tls), LEAT_OK);
}

uint16_t run_new_server(void)
{
    struct leat_net_address address;
    struct leat_error error;

    cr_assert_eq(leat_tls_socket_server_new(run.loop, &server_callbacks, &run, &run.server),
                 LEAT_OK);
    int code =
        leat_tls_socket_server_listen(run.server, "127.0.0.1", 0, run.server_options, run.config);
    leat_tls_socket_server_get_error(run.server, &error);
    cr_assert_eq(code, LEAT_OK, "%s", error.text);
    cr_assert_eq(leat_tls_socket_server_get_local_address(run.server, &address), LEAT_OK);
    return address.port;
}

void run_connect(uint16_t port)
{
    struct leat_error error;
    int code = leat_tls_socket_connect(run.tls, "127.0.0.1", port, run.options, run.config);

    leat_tls_socket_get_error(run.tls, &error);
    cr_assert_eq(code, LEAT_OK, "%d: %s", code, error.text);
}

void run_open(uint16_t port)
{
    if (!run.tls)
        run_new_client();
    run_connect(port);
    run_until_client("connected");
    run_check(&run.client_log, "connected");
    if (!run.server)
        return;
    run_until_server("connected");
    run_check(&run.server_log, "connected");
}

/* ---- dispatching ----------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run_until(const struct tls_log *log, const char *text)
{
    int64_t end = now_ms() + WAIT_MS;

    while (!strstr(log->text, text)) {
        cr_assert_lt(now_ms(), end, "waited for \"%s\": client \"%s\", server \"%s\"", text,
                     run.client_log.text, run.server_log.text);
        cr_assert_eq(leat_loop_dispatch(run.loop, 100), LEAT_OK);
    }
}

void run_until_client(const char *text)
{
    run_until(&run.client_log, text);
}

void run_until_server(const char *text)
{
    run_until(&run.server_log, text);
}

void run_until_received(const struct tls_log *log, size_t len)
{
    int64_t end = now_ms() + WAIT_MS;

    while (log->received_total < len) {
        cr_assert_lt(now_ms(), end, "%zu of %zu bytes; client \"%s\", server \"%s\"",
                     log->received_total, len, run.client_log.text, run.server_log.text);
        cr_assert_eq(leat_loop_dispatch(run.loop, 100), LEAT_OK);
    }
}

void run_send(const char *text)
{
    cr_assert_eq(leat_tls_socket_send(run.tls, text, strlen(text)), LEAT_OK);
}

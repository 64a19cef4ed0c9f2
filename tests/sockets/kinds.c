/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"

#include "support/certificates.h"
#include "support/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kind_run ends;
static uint16_t port;
static leat_tls_options *options, *server_options;

/* ---- what they tell ---------------------------------------------------------------- */

static void act(const char *at)
{
    const struct kind *kind = ends.kind;
    enum kind_act what = ends.act;

    if (what == KIND_NOTHING || strcmp(ends.act_at, at) != 0)
        return;
    ends.act = KIND_NOTHING;
    if (what == KIND_CONNECT) {
        ends.act_result = kind->connect(ends.client);
    } else if (what == KIND_CLOSE) {
        ends.act_result = kind->close(ends.client);
    } else if (what == KIND_SEND) {
        ends.act_result = kind->send(ends.client, ends.send, ends.send_len);
    } else if (what == KIND_PAUSE) {
        kind->pause(ends.client);
    } else if (strncmp(at, "client", 6) == 0) {
        kind->server_free(ends.server);
        ends.server = NULL;
    } else {
        kind->free(ends.client);
        ends.client = NULL;
    }
}

static void client_told(const char *what)
{
    run_log("%s", what);
    ends.closed_count += strcmp(what, "closed") == 0;
    act(what);
}

static void client_failed(const struct leat_error *error)
{
    run.error = *error;
    run_log("error %d", error->code);
    act("error");
}

static void client_received(const uint8_t *data, size_t len)
{
    size_t room = sizeof(run.received) - 1 - run.received_len;
    size_t part = len < room ? len : room;

    cr_assert_gt(len, 0);
    memcpy(run.received + run.received_len, data, part);
    run.received_len += part;
    run.received[run.received_len] = '\0';
    run.received_total += len;
    act("message");
}

static void connection_told(void *connection, const char *what)
{
    run_log("client %lu%s", (unsigned long)ends.kind->id(connection), what);
    act(sandbox_format("client%s", what));
}

/* Of a client that never became a connection: 0. */
static void connection_failed(void *connection, const struct leat_error *error)
{
    run.error = *error;
    run_log("client %lu error %d", (unsigned long)ends.kind->id(connection), error->code);
    act("client error");
}

static void connection_received(void *connection, const uint8_t *data, size_t len)
{
    ends.server_received += len;
    if (ends.echo)
        cr_assert_eq(ends.kind->send(connection, data, len), LEAT_OK);
    act("client message");
}

/* ---- the kinds ----------------------------------------------------------------------- */

static int tcp_connect(void *socket)
{
    return leat_tcp_socket_connect(socket, "127.0.0.1", port, run.config);
}

static int tcp_bind(void *socket)
{
    return leat_tcp_socket_bind(socket, "127.0.0.1", 0);
}

static int tcp_listen(void *server)
{
    struct leat_net_address address;
    int code = leat_tcp_socket_server_listen(server, "127.0.0.1", 0, run.config);

    if (code == LEAT_OK) {
        cr_assert_eq(leat_tcp_socket_server_get_local_address(server, &address), LEAT_OK);
        port = address.port;
    }
    return code;
}

#define KIND       tcp
#define SOCKET     leat_tcp_socket
#define SERVER     leat_tcp_socket_server
#define REMOTE     const struct leat_remote_info *
#define OPTIONS    struct leat_tcp_extra_options
#define ERRNO_BASE LEAT_E_SOCKET_BASE
#define FULL       (LEAT_E_SOCKET_BASE + EAGAIN)
#define STALLED    (LEAT_E_SOCKET_BASE + ETIMEDOUT)
#include "kind_face.h"

static int tls_connect(void *socket)
{
    return leat_tls_socket_connect(socket, "127.0.0.1", port, options, run.config);
}

static int tls_bind(void *socket)
{
    return leat_tls_socket_bind(socket, "127.0.0.1", 0);
}

static int tls_listen(void *server)
{
    struct leat_net_address address;
    int code = leat_tls_socket_server_listen(server, "127.0.0.1", 0, server_options, run.config);

    if (code == LEAT_OK) {
        cr_assert_eq(leat_tls_socket_server_get_local_address(server, &address), LEAT_OK);
        port = address.port;
    }
    return code;
}

#define KIND       tls
#define SOCKET     leat_tls_socket
#define SERVER     leat_tls_socket_server
#define REMOTE     const struct leat_remote_info *
#define OPTIONS    struct leat_tcp_extra_options
#define ERRNO_BASE LEAT_E_TLS_SOCKET_BASE
#define FULL       LEAT_E_TLS_WRITE
#define STALLED    LEAT_E_TLS_WRITE
#include "kind_face.h"

static int local_connect(void *socket)
{
    return leat_local_socket_connect(socket, sandbox_path("server"), run.config);
}

static int local_bind(void *socket)
{
    return leat_local_socket_bind(socket, sandbox_path("client"));
}

static int local_listen(void *server)
{
    return leat_local_socket_server_listen(server, sandbox_path("server"), run.config);
}

#define KIND       local
#define SOCKET     leat_local_socket
#define SERVER     leat_local_socket_server
#define REMOTE     const char *
#define OPTIONS    struct leat_extra_options
#define ERRNO_BASE LEAT_E_SOCKET_BASE
#define FULL       (LEAT_E_SOCKET_BASE + EAGAIN)
#define STALLED    (LEAT_E_SOCKET_BASE + ETIMEDOUT)
#include "kind_face.h"

/* mbedTLS 3.6 loses the first cipher of a direction pair of TLS 1.3 whose second one finds no memory:
 * it frees the struct around them only. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:gcm_ctx_alloc";
}

/* ---- life ------------------------------------------------------------------------------ */

static void tls_options_make(void)
{
    char *ca = file_read(certificate_path("ca.pem"));
    char *cert = file_read(certificate_path("server.pem"));
    char *key = file_read(certificate_path("server.key"));
    const char *ca_text = ca, *cert_text = cert;

    cr_assert_eq(leat_tls_options_new(&options), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_ca(options, &ca_text, 1), LEAT_OK);
    cr_assert_eq(leat_tls_options_new(&server_options), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_cert(server_options, &cert_text, 1, key, NULL), LEAT_OK);
    free(ca);
    free(cert);
    free(key);
}

void ends_init(const struct kind *kind)
{
    run_init();
    ends = (struct kind_run){.kind = kind};
    if (kind == &kind_tls)
        tls_options_make();
    cr_assert_eq(kind->server_new(run.loop, &ends.server), LEAT_OK);
    cr_assert_eq(kind->new (run.loop, &ends.client), LEAT_OK);
}

void ends_clear(void)
{
    ends.kind->free(ends.client);
    ends.kind->server_free(ends.server);
    leat_tls_options_free(options);
    leat_tls_options_free(server_options);
    options = server_options = NULL;
    leat_config_free(run.config);
    leat_loop_free(run.loop);
    run.config = NULL;
    run.loop = NULL;
}

void ends_done(void)
{
    ends_clear();
    run_done();
}

void ends_open(void)
{
    if (ends.kind->server_fd(ends.server) < 0)
        cr_assert_eq(ends.kind->listen(ends.server), LEAT_OK);
    run.log[run.log_len = 0] = '\0';
    cr_assert_eq(ends.kind->connect(ends.client), LEAT_OK);
    run_until("connected");
    run_until("client");
}

void ends_until_closed(void)
{
    for (unsigned count = ends.closed_count; ends.closed_count == count;)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
}

void ends_forget(void)
{
    run_some();
    run.log[run.log_len = 0] = '\0';
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/tls_object.h"

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

/* ---- what it tells --------------------------------------------------------------------------- */

static void object_connected(leat_tls_socket *tls, void *user)
{
    struct tls_object *object = user;
    (void)tls;
    ++object->connected_count;
}

static void object_error(leat_tls_socket *tls, const struct leat_error *error, void *user)
{
    struct tls_object *object = user;
    (void)tls;
    cr_expect(object->closed_count == 0, "error comes after closed");
    ++object->error_count;
    object->error = *error;
}

static void object_closed(leat_tls_socket *tls, void *user)
{
    struct tls_object *object = user;
    (void)tls;
    ++object->closed_count;
}

static const struct leat_tls_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .connected = object_connected,
    .error = object_error,
    .closed = object_closed,
};
static const struct leat_tls_socket_server_callbacks server_callbacks = {
    .size = sizeof(server_callbacks)};

/* ---- life ------------------------------------------------------------------------------------ */

static void options_read(leat_tls_options *options)
{
    char *ca = file_read(certificate_path("ca.pem"));
    char *cert = file_read(certificate_path("server.pem"));
    char *key = file_read(certificate_path("server.key"));
    const char *const cas[] = {ca};
    const char *const certs[] = {cert};
    cr_assert(leat_tls_options_set_ca(options, cas, 1) == LEAT_OK);
    cr_assert(leat_tls_options_set_cert(options, certs, 1, key, NULL) == LEAT_OK);
    free(ca);
    free(cert);
    free(key);
}

void tls_object_init(struct tls_object *object)
{
    *object = (struct tls_object){0};
    object->config = client_config_new();
    cr_assert(leat_config_set_phase_timeout(object->config, LEAT_PHASE_CLOSE,
                                            TLS_OBJECT_CLOSE_TIMEOUT_MS) == LEAT_OK);
    cr_assert(leat_tls_options_new(&object->options) == LEAT_OK);
    options_read(object->options);
    cr_assert(leat_loop_new(&object->loop) == LEAT_OK);
    cr_assert(leat_tls_socket_new(object->loop, &callbacks, object, &object->tls) == LEAT_OK);
    cr_assert(leat_tls_socket_server_new(object->loop, &server_callbacks, object,
                                         &object->server) == LEAT_OK);
}

void tls_object_done(struct tls_object *object)
{
    leat_tls_socket_free(object->tls);
    leat_tls_socket_server_free(object->server);
    leat_loop_free(object->loop);
    leat_tls_options_free(object->options);
    leat_config_free(object->config);
}

/* ---- running --------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void tls_object_until(struct tls_object *object, const unsigned *counter)
{
    int64_t end = now_ms() + CLIENT_RUN_TIMEOUT_MS;
    while (*counter == 0) {
        cr_assert(now_ms() < end, "connected %u times, %u errors, closed %u times",
                  object->connected_count, object->error_count, object->closed_count);
        cr_assert(leat_loop_dispatch(object->loop, 100) == LEAT_OK);
    }
}

void tls_object_open(struct tls_object *object, uint16_t port)
{
    object->connected_count = object->error_count = object->closed_count = 0;
    cr_assert(leat_tls_socket_connect(object->tls, "127.0.0.1", port, object->options,
                                      object->config) == LEAT_OK);
    while (object->closed_count == 0 && object->connected_count == 0)
        cr_assert(leat_loop_dispatch(object->loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    cr_assert(object->connected_count == 1, "%s", object->error.text);
}

int tls_object_connect(struct tls_object *object, const char *host, uint16_t port)
{
    object->connected_count = object->error_count = object->closed_count = 0;
    object->error = (struct leat_error){0};
    int code = leat_tls_socket_connect(object->tls, host, port, object->options, object->config);
    if (code != LEAT_OK) {
        leat_tls_socket_get_error(object->tls, &object->error);
        return code;
    }
    tls_object_until(object, &object->closed_count);
    return object->error.code;
}

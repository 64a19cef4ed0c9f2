/* SPDX-License-Identifier: Apache-2.0 */
/** @file A WebSocket client and a server on one loop, each with TLS options. One for each test. */
#ifndef LEAT_TESTS_INTEGRATION_TLS_OPTIONS_RIG_H
#define LEAT_TESTS_INTEGRATION_TLS_OPTIONS_RIG_H

#include "common.h"

#include <stdio.h>
#include <stdlib.h>

#define SET(call) cr_assert((call) == LEAT_OK)

/* ---- both ends ------------------------------------------------------------------------------ */

static struct client_run run;
static leat_tls_options *client, *serving; /* both ends */
static leat_websocket_server *server;
static const char *url;

static inline char *text_of(const char *name)
{
    char *text = file_read(certificate_path(name));
    cr_assert(text);
    return text;
}

static inline void set_ca(leat_tls_options *options, const char *name)
{
    char *text = text_of(name);
    SET(leat_tls_options_set_ca(options, (const char *[]){text}, 1));
    free(text);
}

static inline void set_cert(leat_tls_options *options, const char *cert, const char *key)
{
    char *cert_text = text_of(cert), *key_text = text_of(key);
    SET(leat_tls_options_set_cert(options, (const char *[]){cert_text}, 1, key_text, NULL));
    free(cert_text);
    free(key_text);
}

static inline void on_message(leat_websocket_server *from, leat_websocket *ws,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    (void)from;
    (void)user;
    cr_expect(leat_websocket_send(ws, type, data, len) == LEAT_OK);
}

/* The client trusts the CA of the tests, and nobody listens yet. */
static inline void begin(void)
{
    struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks),
                                                        .message = on_message};
    client_run_init(&run);
    leat_config_free(run.config);
    SET(leat_config_new(&run.config));
    SET(leat_tls_options_new(&client));
    SET(leat_tls_options_new(&serving));
    set_ca(client, "ca.pem");
    set_cert(serving, "server.pem", "server.key");
    SET(leat_websocket_server_new(run.loop, &callbacks, NULL, &server));
    url = NULL;
}

static inline void listen_now(void)
{
    leat_config *config = client_config_new();
    SET(leat_config_set_tls_options(config, serving));
    SET(leat_websocket_server_start(server, "127.0.0.1", 0, config));
    leat_config_free(config);
    url = url_of("wss", leat_websocket_server_get_port(server), "/");
}

static inline void expect_opens(void)
{
    if (!url)
        listen_now();
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, url);
    client_run_echo(&run, "hello");
    client_run_close(&run);
}

static inline void expect_refused(int code, const char *text)
{
    if (!url)
        listen_now();
    run.opened_count = run.closed_count = 0;
    int got = client_run_refused(&run, url);
    cr_expect(got == code, "%d: %s", got, run.close.error.text);
    cr_expect(strstr(run.close.error.text, text), "\"%s\" is not in \"%s\"", text,
              run.close.error.text);
}

static inline void on_trace(const struct leat_trace_event *event, void *user)
{
    (void)event;
    (void)user;
}

static inline void take(void)
{
    SET(leat_config_set_tls_options(run.config, client));
}

static inline void end(void)
{
    leat_websocket_server_free(server);
    leat_tls_options_free(client);
    leat_tls_options_free(serving);
    client_run_done(&run);
}

static inline void expect_agreed(const char *protocol, const char *cipher, const char *alpn)
{
    struct leat_tls_info info;
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, url);
    cr_assert(leat_websocket_get_tls_info(run.ws, &info));
    cr_expect(strcmp(info.protocol, protocol) == 0, "%s", info.protocol);
    cr_expect(strcmp(info.cipher, cipher) == 0, "%s", info.cipher);
    cr_expect(strcmp(info.alpn, alpn) == 0, "%s", info.alpn);
    client_run_close(&run);
}

#endif

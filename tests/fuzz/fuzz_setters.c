/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of the public headers that takes a string, with any strings: it is taken or
 * refused with a code that its header names, and what was taken can be used. In a network namespace
 * of its own, so that no address leaves the machine. The input is calls: which one, then its
 * strings, each ends with a NUL.
 */
#include "fuzz/wire.h"

#include <leat/foreign_code.h>
#include <leat/local_socket.h>
#include <leat/testing_certificates.h>
#include <leat/tls_socket.h>
#include <leat/udp_socket.h>
#include <leat/websocket_server.h>

#define TEXTS_MAX 3

static leat_loop *loop;
static leat_config *config;
static leat_tls_options *options;
static bool is_alone; /* in the network */

/* ---- codes ---------------------------------------------------------------------------------- */

static void code_check(int code, const struct leat_error *error)
{
    struct leat_error none = {.code = LEAT_OK};
    fuzz_error_check(error ? error : &none);
    FUZZ_MUST(code >= 0);
    FUZZ_MUST(code == LEAT_OK || !error || error->code == code);
    FUZZ_MUST(code != LEAT_E_SYSTEM_INTERNAL && code != LEAT_E_WS_INTERNAL);
}

static void config_check(int code)
{
    struct leat_error error;
    leat_config_get_error(config, &error);
    code_check(code, &error);
}

static void options_check(int code)
{
    struct leat_error error;
    leat_tls_options_get_error(options, &error);
    code_check(code, code == LEAT_OK ? NULL : &error);
}

/* ---- calls ---------------------------------------------------------------------------------- */

typedef void call_fn(char *const texts[TEXTS_MAX]);

/* No file is opened by chance. */
static const char *path_of(const char *text, char buf[300])
{
    snprintf(buf, 300, "/nonexistent/%.200s", text);
    return buf;
}

static void call_proxy(char *const texts[TEXTS_MAX])
{
    config_check(leat_config_set_proxy(config, texts[0]));
    config_check(leat_config_add_proxy(config, texts[1]));
    config_check(leat_config_add_proxy_exclusion(config, texts[2]));
}

static void call_files(char *const texts[TEXTS_MAX])
{
    char ca[300], cert[300], key[300];
    config_check(leat_config_set_ca_path(config, path_of(texts[0], ca)));
    config_check(leat_config_set_client_cert(config, path_of(texts[0], cert),
                                             path_of(texts[1], key), texts[2]));
    config_check(leat_config_set_server_cert(config, path_of(texts[0], cert),
                                             path_of(texts[1], key), texts[2]));
    config_check(leat_config_set_key_log_path(config, path_of(texts[2], ca)));
}

static void call_proxy_tls(char *const texts[TEXTS_MAX])
{
    char ca[300], cert[300], key[300];
    config_check(leat_config_set_cipher_suite(config, texts[0]));
    config_check(leat_config_set_proxy_tls_cipher_suite(config, texts[1]));
    config_check(leat_config_set_proxy_tls_ca_path(config, path_of(texts[2], ca)));
    config_check(leat_config_set_proxy_tls_client_cert(config, path_of(texts[1], cert),
                                                       path_of(texts[2], key), texts[0]));
}

/* What is not a string of ours, but of whoever starts the program. */
static void call_environment(char *const texts[TEXTS_MAX])
{
    FUZZ_MUST(setenv("WSS_PROXY", texts[0], 1) == 0 && setenv("ALL_PROXY", texts[1], 1) == 0 &&
              setenv("NO_PROXY", texts[2], 1) == 0);
    config_check(leat_config_set_proxy(config, "system"));
}

static void call_header(char *const texts[TEXTS_MAX])
{
    config_check(leat_config_add_header(config, texts[0], texts[1]));
}

static void call_protocol(char *const texts[TEXTS_MAX])
{
    config_check(leat_config_add_subprotocol(config, texts[0]));
}

static void call_domains(char *const texts[TEXTS_MAX])
{
    config_check(leat_config_add_allowed_domain(config, texts[0]));
    config_check(leat_config_add_denied_domain(config, texts[1]));
}

static void call_dns_servers(char *const texts[TEXTS_MAX])
{
    config_check(leat_config_set_dns_servers(config, texts[0]));
}

static void call_url(char *const texts[TEXTS_MAX])
{
    const struct leat_websocket_callbacks callbacks = {.size = sizeof(callbacks)};
    struct leat_error error = {.code = LEAT_OK};
    leat_websocket *ws;
    int verdict = leat_websocket_check_url(texts[0], &error);
    code_check(verdict, &error);
    FUZZ_MUST(leat_websocket_new(loop, &callbacks, NULL, &ws) == LEAT_OK);
    int code = leat_websocket_connect(ws, texts[0], config);
    leat_websocket_get_error(ws, &error);
    code_check(code, &error);
    FUZZ_MUST(verdict == LEAT_OK || code != LEAT_OK);
    (void)leat_websocket_get_http_header(ws, texts[1]);
    (void)fuzz_turn(loop, 3);
    code_check(leat_websocket_close(ws, 1000, texts[1]), NULL);
    (void)fuzz_turn(loop, 3);
    leat_websocket_free(ws);
}

static void call_server(char *const texts[TEXTS_MAX])
{
    const struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    struct leat_error error = {.code = LEAT_OK};
    leat_websocket_server *server;
    FUZZ_MUST(leat_websocket_server_new(loop, &callbacks, NULL, &server) == LEAT_OK);
    int code = leat_websocket_server_start(server, texts[0], 0, config);
    leat_websocket_server_get_error(server, &error);
    code_check(code, code == LEAT_OK ? NULL : &error);
    leat_websocket_server_free(server);
}

static void call_find(char *const texts[TEXTS_MAX])
{
    int codes[4];
    struct leat_foreign_match matches[4];
    (void)leat_code_find(texts[0], codes, 4);
    const leat_foreign_table *table = leat_foreign_table_find(texts[1]);
    (void)leat_foreign_code_find(table, texts[0], matches, 4);
}

static void call_faults(char *const texts[TEXTS_MAX])
{
    struct leat_testing_problem problem;
    unsigned faults;
    int code = leat_testing_certificate_faults_parse(texts[0], &faults, &problem);
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER);
}

static void call_tls_lists(char *const texts[TEXTS_MAX])
{
    const char *const *list = (const char *const *)texts;
    options_check(leat_tls_options_set_protocol_names(options, texts[0]));
    options_check(leat_tls_options_set_cipher_suite(options, texts[1]));
    options_check(leat_tls_options_set_signature_algorithms(options, texts[2]));
    options_check(leat_tls_options_set_alpn_protocols(options, list, TEXTS_MAX));
    options_check(leat_tls_options_set_server_name(options, texts[0]));
    options_check(leat_tls_options_set_public_key_pins(options, list, TEXTS_MAX));
}

static void call_tls_texts(char *const texts[TEXTS_MAX])
{
    const char *const *list = (const char *const *)texts;
    char path[300];
    options_check(leat_tls_options_set_ca(options, list, 2));
    options_check(leat_tls_options_set_crl(options, list, 1));
    options_check(leat_tls_options_set_cert(options, list, 2, texts[2], texts[1]));
    options_check(leat_tls_options_set_ca_path(options, path_of(texts[2], path)));
}

static void call_tls_connect(char *const texts[TEXTS_MAX])
{
    const struct leat_tls_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_tls_socket *tls;
    struct leat_error error = {.code = LEAT_OK};
    FUZZ_MUST(leat_tls_socket_new(loop, &callbacks, NULL, &tls) == LEAT_OK);
    code_check(leat_tls_socket_bind(tls, texts[0], 0), NULL);
    int code = leat_tls_socket_connect(tls, texts[1], 1, options, config);
    leat_tls_socket_get_error(tls, &error);
    code_check(code, code == LEAT_OK ? NULL : &error);
    (void)fuzz_turn(loop, 3);
    leat_tls_socket_free(tls);
}

static void call_tcp_server(char *const texts[TEXTS_MAX])
{
    const struct leat_tcp_socket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    const struct leat_local_socket_server_callbacks local_callbacks = {.size =
                                                                           sizeof(local_callbacks)};
    leat_tcp_socket_server *server;
    leat_local_socket_server *local;
    char name[300];
    FUZZ_MUST(leat_tcp_socket_server_new(loop, &callbacks, NULL, &server) == LEAT_OK);
    code_check(leat_tcp_socket_server_listen(server, texts[0], 0, config), NULL);
    leat_tcp_socket_server_free(server);
    snprintf(name, sizeof(name), "@%.200s", texts[1]);
    FUZZ_MUST(leat_local_socket_server_new(loop, &local_callbacks, NULL, &local) == LEAT_OK);
    code_check(leat_local_socket_server_listen(local, name, config), NULL);
    leat_local_socket_server_free(local);
}

static void call_tcp(char *const texts[TEXTS_MAX])
{
    const struct leat_tcp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_tcp_socket *tcp;
    FUZZ_MUST(leat_tcp_socket_new(loop, &callbacks, NULL, &tcp) == LEAT_OK);
    code_check(leat_tcp_socket_bind(tcp, texts[0], 0), NULL);
    code_check(leat_tcp_socket_connect(tcp, texts[1], 7, config), NULL);
    (void)fuzz_turn(loop, 3);
    leat_tcp_socket_free(tcp);
}

static void call_local(char *const texts[TEXTS_MAX])
{
    const struct leat_local_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    char name[300], bound[LEAT_LOCAL_ADDRESS_SIZE];
    leat_local_socket *local;
    snprintf(name, sizeof(name), "@%.200s", texts[0]); /* no file is made */
    FUZZ_MUST(leat_local_socket_new(loop, &callbacks, NULL, &local) == LEAT_OK);
    int code = leat_local_socket_bind(local, name);
    code_check(code, NULL);
    if (code == LEAT_OK && leat_local_socket_get_local_address(local, bound) == LEAT_OK)
        FUZZ_MUST(strcmp(bound, name) == 0);
    snprintf(name, sizeof(name), "@%.200s", texts[1]);
    code_check(leat_local_socket_connect(local, name, config), NULL);
    (void)fuzz_turn(loop, 3);
    leat_local_socket_free(local);
}

static void call_udp(char *const texts[TEXTS_MAX])
{
    const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_udp_socket *udp;
    FUZZ_MUST(leat_udp_socket_new(loop, &callbacks, NULL, &udp) == LEAT_OK);
    code_check(leat_udp_socket_bind(udp, texts[0], 0, config), NULL);
    code_check(leat_udp_socket_send(udp, "x", 1, texts[1], 9), NULL);
    code_check(leat_udp_socket_send(udp, "x", 1, texts[2], 0), NULL);
    (void)fuzz_turn(loop, 3);
    leat_udp_socket_free(udp);
}

static void call_multicast(char *const texts[TEXTS_MAX])
{
    const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_multicast_socket *multicast;
    FUZZ_MUST(leat_udp_socket_new(loop, &callbacks, NULL, &multicast) == LEAT_OK);
    code_check(leat_multicast_socket_set_multicast_interface(multicast, texts[2]), NULL);
    code_check(leat_multicast_socket_add_membership(multicast, texts[0], 0, texts[1]), NULL);
    code_check(leat_multicast_socket_drop_membership(multicast, texts[0], texts[1]), NULL);
    (void)fuzz_turn(loop, 3);
    leat_udp_socket_free(multicast);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static call_fn *const calls[] = {
    call_proxy,       call_files,       call_header,      call_protocol,  call_domains,
    call_dns_servers, call_find,        call_faults,      call_tls_lists, call_tls_texts,
    call_proxy_tls,   call_environment, /* from here on with sockets: */
    call_url,         call_server,      call_tls_connect, call_tcp,       call_tcp_server,
    call_local,       call_udp,         call_multicast,
};

enum {
    CALLS = sizeof(calls) / sizeof(calls[0]),
    CALLS_WITHOUT_SOCKETS = 12, /* the first ones */
};

static char *text_take(struct fuzz_input *input)
{
    size_t len = 0;
    while (len < input->len && input->data[len] != 0)
        len++;
    char *text = fuzz_copy(fuzz_take_bytes(input, len), true);
    (void)fuzz_take(input);
    return text;
}

static void call_run(struct fuzz_input *input)
{
    char *texts[TEXTS_MAX];
    size_t which = fuzz_take(input) % CALLS;
    for (size_t i = 0; i < TEXTS_MAX; i++)
        texts[i] = text_take(input);
    if (is_alone || which < CALLS_WITHOUT_SOCKETS)
        calls[which](texts);
    for (size_t i = 0; i < TEXTS_MAX; i++)
        free(texts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    leat_config *copy;
    is_alone = fuzz_network_leave();
    fuzz_keep_cas();
    int free_descriptor = fuzz_free_descriptor();
    FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK && leat_config_new(&config) == LEAT_OK &&
              leat_tls_options_new(&options) == LEAT_OK);
    while (input.len > 0)
        call_run(&input);
    FUZZ_MUST(leat_config_copy(config, &copy) == LEAT_OK);
    leat_config_free(config);
    leat_config_free(copy);
    (void)unsetenv("WSS_PROXY");
    (void)unsetenv("ALL_PROXY");
    (void)unsetenv("NO_PROXY");
    leat_tls_options_free(options);
    leat_loop_free(loop);
    FUZZ_MUST(fuzz_free_descriptor() == free_descriptor);
    return 0;
}

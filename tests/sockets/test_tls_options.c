/* SPDX-License-Identifier: Apache-2.0 */
/* The setters of leat_tls_options, and TLS sockets without memory. */
#include "tls_run.h"

#include "support/alloc_failure.h"
#include "support/certificates.h"
#include "support/mbedtls_leaks.h"
#include "sockets/tls_private.h"
#include "support/sandbox.h"

#include <errno.h>
#include <mbedtls/build_info.h>
#include <string.h>

TestSuite(tls_options_object, .init = run_init, .fini = run_done, .timeout = 60);

/* Whoever connects all the same is refused, until the program has seen to it. */
static void check_and_clear_refusals(const char *setter)
{
    struct leat_error error;

    run_new_client();
    cr_assert_eq(leat_tls_socket_connect(run.tls, "127.0.0.1", 443, run.options, run.config),
                 LEAT_E_PARAMETER);
    leat_tls_socket_get_error(run.tls, &error);
    cr_assert(strstr(error.text, setter) && strstr(error.text, "() was refused before"), "%s",
              error.text);
    leat_tls_options_clear_error(run.options);
    leat_tls_options_get_error(run.options, &error);
    cr_assert_eq(error.code, LEAT_OK);
}

static void check(int result, int code, const char *text)
{
    struct leat_error error;

    cr_assert_eq(result, code);
    leat_tls_options_get_error(run.options, &error);
    cr_assert_eq(error.code, code);
    cr_assert(strstr(error.text, text), "\"%s\" is not in \"%s\"", text, error.text);
}

Test(tls_options_object, unknown_names)
{
    check(leat_tls_options_set_cipher_suite(run.options, "AES128-SHA:ROT13"), LEAT_E_PARAMETER,
          "unknown cipher suite \"ROT13\". Known: TLS_");
    check(leat_tls_options_set_signature_algorithms(run.options, "RSA+MD5"), LEAT_E_PARAMETER,
          "unknown signature algorithm \"RSA+MD5\". Known: ECDSA+SHA256");
    check(leat_tls_options_set_cipher_suite(run.options, "ecdhe-rsa-aes128-gcm-sha265"),
          LEAT_E_PARAMETER, "; is it ECDHE-RSA-AES128-GCM-SHA256. Known:");
    check(leat_tls_options_set_cipher_suite(run.options, "TLS_AES_128_GCM_SHA25"), LEAT_E_PARAMETER,
          "; is it TLS_AES_128_GCM_SHA256. Known:");
    check(leat_tls_options_set_groups(run.options, "x25519:p256"), LEAT_E_PARAMETER,
          "unknown group \"p256\"; is it P-256. Known: x25519 P-256 P-384 P-521");
    check(leat_tls_options_set_groups(run.options, "x25519:X25519"), LEAT_E_PARAMETER, "twice");
    check(leat_tls_options_set_ca_path(run.options, ""), LEAT_E_PARAMETER, "the CA path is empty");
    check(leat_tls_options_set_protocol_names(run.options, "TLSv1.3 SSLv3"), LEAT_E_PARAMETER,
          "unknown protocol. Known: TLSv1.2 TLSv1.3");
    check(leat_tls_options_set_protocol_names(run.options, " "), LEAT_E_PARAMETER,
          "no protocol is named");
    check(leat_tls_options_set_protocols(run.options, (enum leat_tls_protocol)0x0301, LEAT_TLS_V13),
          LEAT_E_PARAMETER, "LEAT_TLS_V12");
    check(leat_tls_options_set_protocols(run.options, LEAT_TLS_V13, LEAT_TLS_V12), LEAT_E_PARAMETER,
          "the lower one first");
    check_and_clear_refusals("leat_tls_options_set_cipher_suite");
    run_open(run_new_server()); /* nothing of it was taken */
}

Test(tls_options_object, wrong_values)
{
    static const char *const pin = "sha256/AAAA";
    static const char *const empty = "";
    static const char *const null = NULL;

    check(leat_tls_options_set_public_key_pins(run.options, &pin, 1), LEAT_E_PARAMETER,
          "not a public-key pin");
    check(leat_tls_options_set_alpn_protocols(run.options, &empty, 1), LEAT_E_PARAMETER,
          "1 to 255 bytes");
    check(leat_tls_options_set_ca(run.options, &null, 1), LEAT_E_PARAMETER, "a text is NULL");
    check(leat_tls_options_set_crl(run.options, NULL, 1), LEAT_E_PARAMETER, "a text is NULL");
    check(leat_tls_options_set_cert(run.options, &empty, 1, NULL, NULL), LEAT_E_PARAMETER,
          "set together");
    check(leat_tls_options_set_cert(run.options, NULL, 0, "key", NULL), LEAT_E_PARAMETER,
          "set together");
    check(leat_tls_options_set_server_name(run.options, ""), LEAT_E_PARAMETER, "empty");
    cr_assert_eq(leat_tls_options_set_ca(NULL, NULL, 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tls_options_new(NULL), LEAT_E_PARAMETER);
    leat_tls_options_free(NULL);
    leat_tls_options_clear_error(NULL);
    check_and_clear_refusals("leat_tls_options_set_public_key_pins");
    run_open(run_new_server());
}

static void expect_connect(int code, const char *text)
{
    struct leat_error error;

    cr_assert_eq(leat_tls_socket_connect(run.tls, "127.0.0.1", 443, run.options, run.config), code);
    leat_tls_socket_get_error(run.tls, &error);
    cr_assert_eq(error.code, code);
    cr_assert(strstr(error.text, text), "\"%s\" is not in \"%s\"", text, error.text);
}

Test(tls_options_object, unusable_texts)
{
    static const char *const garbage = "garbage";
    const char *ca = run_text(certificate_path("ca.pem"));
    const char *cert = run_text(certificate_path("client.pem"));
    const char *other = run_text(certificate_path("other-client.key"));

    run_new_client();
    cr_assert_eq(leat_tls_options_set_ca(run.options, &garbage, 1), LEAT_OK);
    expect_connect(LEAT_E_TLS_VERIFY, "no CA certificate can be parsed");
    cr_assert_eq(leat_tls_options_set_ca(run.options, NULL, 0), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_ca_path(run.options, sandbox_path("none")), LEAT_OK);
    expect_connect(LEAT_E_WS_CERT_FILE, "cannot read the CAs");
    cr_assert_eq(leat_tls_options_set_ca(run.options, &ca, 1), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_crl(run.options, &garbage, 1), LEAT_OK);
    expect_connect(LEAT_E_TLS_VERIFY, "cannot parse the revocation list");
    cr_assert_eq(leat_tls_options_set_crl(run.options, NULL, 0), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_cert(run.options, &garbage, 1, other, NULL), LEAT_OK);
    expect_connect(LEAT_E_TLS_VERIFY, "cannot parse the client certificate");
    cr_assert_eq(leat_tls_options_set_cert(run.options, &cert, 1, garbage, NULL), LEAT_OK);
    expect_connect(LEAT_E_TLS_ENGINE, "cannot use the client key");
    cr_assert_eq(leat_tls_options_set_cert(run.options, &cert, 1, other, NULL), LEAT_OK);
    expect_connect(LEAT_E_TLS_VERIFY, "does not belong");
    cr_assert_eq(leat_tls_options_set_cert(run.options, NULL, 0, NULL, NULL), LEAT_OK);
    run_open(run_new_server());
}

Test(tls_options_object, no_suite_for_the_protocols)
{
    cr_assert_eq(leat_tls_options_set_cipher_suite(run.options, "TLS_AES_128_GCM_SHA256"), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_protocol_names(run.options, "TLSv1.2"), LEAT_OK);
    run_new_client();
    run_connect(run_new_server());
    run_until_client("closed");
    run_check(&run.client_log, sandbox_format("error %d; closed", LEAT_E_TLS_ENGINE));
}

/* ---- codes --------------------------------------------------------------------------- */

Test(tls_options_object, codes_of_tcp_become_those_of_tls)
{
    struct leat_error error = {.code = LEAT_E_SOCKET_BASE + ETIMEDOUT};

    for (int sys_errno = 1; sys_errno <= EHWPOISON; sys_errno++)
        cr_assert_eq(leati_tls_socket_code(LEAT_E_SOCKET_BASE + sys_errno),
                     LEAT_E_TLS_SOCKET_BASE + sys_errno);
    for (int code = LEAT_E_SOCKS5_CONNECT_PROXY; code <= LEAT_E_SOCKS5_DESERIALIZE; code++)
        cr_assert_eq(leati_tls_socket_code(code), code);
    cr_assert_eq(leati_tls_socket_code(LEAT_OK), LEAT_OK);
    cr_assert_eq(leati_tls_socket_code(LEAT_E_PARAMETER), LEAT_E_PARAMETER);
    cr_assert_eq(leati_tls_socket_code(LEAT_E_TLS_VERIFY), LEAT_E_TLS_VERIFY);
    leati_tls_socket_translate(&error, false);
    cr_assert_eq(error.code, LEAT_E_TLS_SOCKET_ETIMEDOUT);
    error.code = LEAT_E_SOCKET_BASE + ETIMEDOUT;
    leati_tls_socket_translate(&error, true);
    cr_assert_eq(error.code, LEAT_E_TLS_WRITE);
}

/* ---- memory
 * -------------------------------------------------------------------------------------- */

static const char *ca, *cert, *key;

/* All setters that take texts. */
static bool options_attempt(void)
{
    static const char *const pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    static const char *const protocol = "http/1.1";
    leat_tls_options *options;

    int code = leat_tls_options_new(&options);
    if (code != LEAT_OK)
        return false;
    int codes[] = {
        leat_tls_options_set_ca(options, &ca, 1),
        leat_tls_options_set_cert(options, &cert, 1, key, "password"),
        leat_tls_options_set_public_key_pins(options, &pin, 1),
        leat_tls_options_set_alpn_protocols(options, &protocol, 1),
        leat_tls_options_set_cipher_suite(options, "AES128-SHA"),
        leat_tls_options_set_signature_algorithms(options, "RSA+SHA256"),
        leat_tls_options_set_server_name(options, "localhost"),
        leat_tls_options_set_ca_path(options, "/"),
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        cr_assert(codes[i] == LEAT_OK || codes[i] == LEAT_E_SYSTEM_INTERNAL, "%zu: %d", i,
                  codes[i]);
        if (codes[i] != LEAT_OK)
            code = codes[i];
    }
    leat_tls_options_free(options);
    return code == LEAT_OK;
}

Test(tls_options_object, setters_without_memory)
{
    ca = run_text(certificate_path("ca.pem"));
    cert = run_text(certificate_path("client.pem"));
    key = run_text(certificate_path("client.key"));
    cr_assert_gt(alloc_failure_run_all(options_attempt), 10);
}

static leat_tls_options *shared_options, *shared_server_options;

static bool is_connected, is_closed;

static void note_connected(leat_tls_socket *tls, void *user)
{
    (void)tls;
    (void)user;
    is_connected = true;
}

static void note_closed(leat_tls_socket *tls, void *user)
{
    (void)tls;
    (void)user;
    is_closed = true;
}

static int socket_start(leat_tls_socket_server *server, leat_tls_socket *tls)
{
    struct leat_net_address address;
    int code =
        leat_tls_socket_server_listen(server, "127.0.0.1", 0, shared_server_options, run.config);

    if (code == LEAT_OK)
        code = leat_tls_socket_server_get_local_address(server, &address);
    return code == LEAT_OK
               ? leat_tls_socket_connect(tls, "127.0.0.1", address.port, shared_options, run.config)
               : code;
}

/* A whole connection between a client and a server. Whoever runs out of memory ends it, which the
 * other one sees as a broken connection. */
static bool socket_attempt(void)
{
    static const struct leat_tls_socket_server_callbacks server_callbacks = {
        .size = sizeof(server_callbacks)};
    static const struct leat_tls_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .connected = note_connected, .closed = note_closed};
    leat_tls_socket_server *server = NULL;
    leat_tls_socket *tls = NULL;
    int code = leat_tls_socket_server_new(run.loop, &server_callbacks, NULL, &server);

    is_connected = is_closed = false;
    if (code == LEAT_OK)
        code = leat_tls_socket_new(run.loop, &callbacks, NULL, &tls);
    if (code == LEAT_OK)
        code = socket_start(server, tls);
    while (code == LEAT_OK && !is_closed &&
           !(is_connected && leat_tls_socket_server_get_connection_count(server) > 0))
        code = leat_loop_dispatch(run.loop, 10);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    leat_tls_socket_free(tls);
    leat_tls_socket_server_free(server);
    return is_connected;
}

/* Debian 13's mbedTLS takes no allocator. What is left are the few allocations of leat itself. */
#ifdef MBEDTLS_PLATFORM_MEMORY
#define STEP 61 /* a handshake has 16,000 */
#else
#define STEP 1
#endif

Test(tls_options_object, sockets_without_memory)
{
    shared_options = run.options;
    shared_server_options = run.server_options;
    cr_assert_gt(alloc_failure_run_some(socket_attempt, STEP), 10);
}

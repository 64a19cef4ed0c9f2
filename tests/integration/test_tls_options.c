/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets, their servers and proxies with all that leat_tls_options can say. */
#include "tls_options_rig.h"

INTEGRATION_SUITE(tls_options);

/* ---- what a WebSocket takes from them ------------------------------------------------------- */

Test(tls_options, certificates_as_texts)
{
    begin();
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    take();
    expect_opens();
    SET(leat_config_set_tls_options(run.config, NULL));
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    end();
}

Test(tls_options, are_taken_as_they_are_and_the_older_setters_go_on)
{
    begin();
    take();
    SET(leat_tls_options_set_ca(client, NULL, 0));
    expect_opens();
    SET(leat_config_set_ca_path(run.config, certificate_path("other-ca.pem")));
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    SET(leat_config_set_ca_path(run.config, certificate_path("ca.pem")));
    expect_opens();
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    SET(leat_config_set_skip_server_cert_verification(run.config, true));
    expect_opens();
    leat_config *copy;
    SET(leat_config_copy(run.config, &copy));
    leat_config_free(run.config);
    run.config = copy;
    expect_opens();
    end();
}

Test(tls_options, both_ends_show_a_certificate)
{
    begin();
    set_ca(serving, "ca.pem");
    SET(leat_tls_options_set_is_bidirectional_authentication(serving, true));
    take();
    expect_refused(LEAT_E_TLS_ENGINE, "alert");
    set_cert(client, "client.pem", "client.key");
    take();
    expect_opens();
    SET(leat_tls_options_set_cert_path(client, certificate_path("client.pem"),
                                       certificate_path("client.key"), NULL));
    take();
    expect_opens();
    SET(leat_tls_options_set_is_bidirectional_authentication(client, true));
    SET(leat_tls_options_set_cert(client, NULL, 0, NULL, NULL));
    take();
    cr_expect(client_run_connect(&run, url) == LEAT_E_PARAMETER);
    end();
}

/* The other certificate of a configuration is the server's. */
Test(tls_options, a_server_has_a_certificate_of_its_own)
{
    begin();
    leat_config *config = client_config_new();
    set_cert(serving, "client.pem", "client.key");
    SET(leat_config_set_tls_options(config, serving));
    SET(leat_config_set_server_cert(config, certificate_path("server.pem"),
                                    certificate_path("server.key"), NULL));
    SET(leat_websocket_server_start(server, "127.0.0.1", 0, config));
    leat_config_free(config);
    url = url_of("wss", leat_websocket_server_get_port(server), "/");
    take();
    expect_opens();
    end();
}

/* leat_config_set_client_cert() never makes a server speak TLS. */
Test(tls_options, a_certificate_of_a_client_serves_nobody)
{
    begin();
    leat_config *config = client_config_new();
    SET(leat_config_set_tls_options(config, serving));
    SET(leat_config_set_client_cert(config, certificate_path("client.pem"),
                                    certificate_path("client.key"), NULL));
    SET(leat_websocket_server_start(server, "127.0.0.1", 0, config));
    leat_config_free(config);
    url = url_of("ws", leat_websocket_server_get_port(server), "/");
    expect_opens();
    end();
}

/* One for each kind of key. Each client gets the one that it can verify. */
Test(tls_options, a_server_has_several_certificates)
{
    static const struct {
        const char *suites, *algorithms, *signature;
    } rows[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", NULL, "ecdsa_secp256r1_sha256"},
        {"ECDHE-RSA-AES128-GCM-SHA256", NULL, "rsa_pkcs1_sha256"},
        {NULL, NULL, "ecdsa_secp256r1_sha256"},
        {NULL, "RSA-PSS+SHA256:RSA+SHA256:RSA+SHA384", "rsa_pss_rsae_sha256"},
    };
    begin();
    char *cert = text_of("rsa.pem"), *key = text_of("rsa.key");
    SET(leat_tls_options_add_cert(serving, (const char *[]){cert}, 1, key, NULL));
    listen_now();
    SET(leat_config_set_trace(run.config, on_trace, NULL));
    SET(leat_tls_options_set_session_resumption(client, false));
    SET(leat_tls_options_set_skip_remote_validation(client, true)); /* the CA signs by ECDSA */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leat_tls_info info;
        enum leat_tls_protocol version = rows[i].suites ? LEAT_TLS_V12 : LEAT_TLS_V13;
        SET(leat_tls_options_set_cipher_suite(client, rows[i].suites));
        SET(leat_tls_options_set_signature_algorithms(client, rows[i].algorithms));
        SET(leat_tls_options_set_protocols(client, version, version));
        take();
        run.opened_count = run.closed_count = 0;
        client_run_open(&run, url);
        cr_assert(leat_websocket_get_tls_info(run.ws, &info));
        cr_expect(strcmp(info.signature_algorithm, rows[i].signature) == 0, "%zu: %s", i,
                  info.signature_algorithm);
        client_run_echo(&run, "hello");
        client_run_close(&run);
    }
    for (int i = 0; i < 6; i++)
        SET(leat_tls_options_add_cert(serving, (const char *[]){cert}, 1, key, NULL));
    cr_expect(leat_tls_options_add_cert_path(serving, "/a.pem", "/a.key", NULL) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_tls_options_add_cert(client, NULL, 0, NULL, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_tls_options_add_cert_path(client, NULL, NULL, NULL) == LEAT_E_PARAMETER);
    leat_tls_options_clear_error(client);
    SET(leat_tls_options_add_cert_path(client, "/nowhere.pem", "/nowhere.key", NULL));
    take();
    cr_expect(client_run_connect(&run, url) == LEAT_E_WS_CERT_FILE);
    free(cert);
    free(key);
    end();
}

static void expect_unusable(const char *cert, const char *key, const char *kind)
{
    struct leat_error error;
    SET(leat_tls_options_set_cert_path(client, cert, key, NULL));
    take();
    cr_expect(client_run_connect(&run, "wss://127.0.0.1:9/") == LEAT_E_TLS_ENGINE);
    leat_websocket_get_error(run.ws, &error);
    cr_expect(strstr(error.text, kind) && strstr(error.text, "ECDSA (P-256, P-384, P-521)"),
              "%s: %s", kind, error.text);
}

Test(tls_options, keys_that_tls_cannot_use)
{
    begin();
    const char *pss = sandbox_path("pss.key");
    cr_assert(
        system(sandbox_format("openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 "
                              "-out %s 2>/dev/null && openssl req -x509 -key %s -subj /CN=x "
                              "-out %s.pem 2>/dev/null",
                              pss, pss, pss)) == 0);
    expect_unusable(certificate_path("ed25519.pem"), certificate_path("ed25519.key"),
                    "client certificate ");
    expect_unusable(certificate_path("ed25519.pem"), certificate_path("ed25519.key"),
                    "its key is Ed25519");
    expect_unusable(certificate_path("client.pem"), certificate_path("ed25519.key"),
                    "its key is Ed25519");
    expect_unusable(sandbox_format("%s.pem", pss), pss, "its key is RSA-PSS");
    expect_unusable(certificate_path("rsa.pem"), pss, "its key is RSA-PSS");
    end();
}

Test(tls_options, public_key_pins)
{
    static const char *const wrong = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    char pin[64];
    begin();
    SET(leat_tls_options_set_public_key_pins(client, &wrong, 1));
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "public-key pin mismatch");
    const char *found = strstr(run.close.error.text, "sha256/");
    cr_assert(found);
    snprintf(pin, sizeof(pin), "%.51s", found);
    SET(leat_tls_options_set_public_key_pins(client, (const char *[]){wrong, pin}, 2));
    take();
    expect_opens();
    SET(leat_tls_options_set_skip_remote_validation(client, true));
    SET(leat_tls_options_set_public_key_pins(client, &wrong, 1));
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "public-key pin mismatch");
    end();
}

/* A program that does not look at what a setter says never connects without pins. */
Test(tls_options, a_setter_that_was_refused)
{
    static const char *const broken = "sha256/AAA";
    struct leat_error error;
    begin();
    cr_expect(leat_tls_options_set_public_key_pins(client, &broken, 1) == LEAT_E_PARAMETER);
    cr_expect(leat_tls_options_set_groups(client, "p256r1") == LEAT_E_PARAMETER);
    SET(leat_tls_options_set_groups(client, "P-256"));
    cr_expect(leat_config_set_tls_options(run.config, client) == LEAT_E_PARAMETER);
    leat_config_get_error(run.config, &error);
    cr_expect(strstr(error.text, "leat_tls_options_set_public_key_pins() was refused before"), "%s",
              error.text);
    listen_now();
    cr_expect(client_run_connect(&run, url) == LEAT_E_PARAMETER);
    SET(leat_tls_options_set_public_key_pins(client, NULL, 0));
    take();
    expect_opens();
    cr_expect(leat_tls_options_add_cert_path(client, "/a.pem", NULL, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_tls_options(run.config, client) == LEAT_E_PARAMETER);
    leat_tls_options_clear_error(client);
    take();
    expect_opens();
    end();
}

Test(tls_options, revocation_lists)
{
    begin();
    char *revoked = text_of("revoked.crl");
    set_cert(serving, "revoked.pem", "server.key");
    take();
    expect_opens();
    SET(leat_tls_options_set_crl(client, (const char *[]){revoked}, 1));
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "revoked");
    SET(leat_tls_options_set_crl(client, (const char *[]){"no list"}, 1));
    take();
    cr_expect(client_run_connect(&run, url) == LEAT_E_TLS_VERIFY);
    free(revoked);
    end();
}

/* ---- who looks at chains --------------------------------------------------------------------- */

struct looker {
    unsigned calls;
    size_t count;
    char subject[64], issuer[64], server_name[64];
    bool is_as_expected;
    const char *answer;
};

static const char *chain_look(const struct leat_certificate_info *chain, size_t count,
                              const char *server_name, void *user)
{
    struct looker *looker = user;
    looker->calls++;
    looker->count = count;
    looker->is_as_expected = true;
    for (size_t i = 0; i < count; i++)
        if (chain[i].depth != i || !chain[i].verified || chain[i].der[0] != 0x30 ||
            chain[i].der_len < 100 || chain[i].problem[0] != '\0')
            looker->is_as_expected = false;
    snprintf(looker->subject, sizeof(looker->subject), "%s", chain[0].subject);
    snprintf(looker->issuer, sizeof(looker->issuer), "%s", chain[count - 1].subject);
    snprintf(looker->server_name, sizeof(looker->server_name), "%s", server_name);
    return looker->answer;
}

Test(tls_options, a_program_may_refuse_a_chain)
{
    struct looker looker = {.answer = NULL};
    begin();
    SET(leat_tls_options_set_verify_callback(client, chain_look, &looker));
    take();
    expect_opens();
    cr_expect(looker.calls == 1 && looker.count == 2 && looker.is_as_expected);
    cr_expect(strcmp(looker.subject, "CN=localhost") == 0, "%s", looker.subject);
    cr_expect(strcmp(looker.issuer, "CN=leat test CA") == 0, "%s", looker.issuer);
    cr_expect(strcmp(looker.server_name, "127.0.0.1") == 0, "%s", looker.server_name);
    expect_opens();
    cr_expect(looker.calls == 1, "a session that is resumed");
    looker.answer = "not on a Monday";
    take();
    expect_refused(LEAT_E_TLS_VERIFY,
                   "refused by the program: not on a Monday (subject CN=localhost, issuer CN=leat "
                   "test CA, certificate 1 of 2)");
    cr_expect(looker.calls == 2);
    SET(leat_tls_options_set_verify_callback(client, NULL, NULL));
    take();
    expect_opens();
    end();
}

Test(tls_options, a_program_cannot_accept_a_chain)
{
    struct looker looker = {.answer = NULL};
    begin();
    SET(leat_tls_options_set_verify_callback(client, chain_look, &looker));
    set_ca(client, "other-ca.pem");
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    set_ca(client, "ca.pem");
    SET(leat_tls_options_set_server_name(client, "elsewhere.example"));
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "elsewhere.example");
    SET(leat_tls_options_set_skip_remote_validation(client, true));
    take();
    expect_opens();
    cr_expect(looker.calls == 0);
    end();
}

/* In both versions, and with a chain that has somebody in between. */
Test(tls_options, a_server_may_refuse_its_clients)
{
    for (enum leat_tls_protocol version = LEAT_TLS_V12; version <= LEAT_TLS_V13; version++) {
        struct looker looker = {.answer = NULL};
        begin();
        set_ca(serving, "ca.pem");
        set_cert(serving, "chain.pem", "server.key");
        SET(leat_tls_options_set_is_bidirectional_authentication(serving, true));
        SET(leat_tls_options_set_verify_callback(serving, chain_look, &looker));
        SET(leat_tls_options_set_session_resumption(client, false));
        SET(leat_tls_options_set_protocols(client, version, version));
        set_cert(client, "client.pem", "client.key");
        take();
        expect_opens();
        cr_expect(looker.calls == 1 && looker.is_as_expected);
        cr_expect(strcmp(looker.subject, "CN=leat client") == 0, "%s", looker.subject);
        cr_expect(looker.server_name[0] == '\0');
        looker.answer = "";
        expect_refused(LEAT_E_TLS_ENGINE, "alert");
        cr_expect(looker.calls == 2);
        end();
    }
}

Test(tls_options, a_server_name_of_its_own)
{
    begin();
    SET(leat_tls_options_set_server_name(client, "elsewhere.example"));
    take();
    expect_refused(LEAT_E_TLS_VERIFY, "elsewhere.example");
    SET(leat_tls_options_set_server_name(client, "any.test"));
    take();
    expect_opens();
    end();
}

Test(tls_options, what_is_agreed_on)
{
    begin();
    listen_now();
    SET(leat_tls_options_set_protocols(client, LEAT_TLS_V12, LEAT_TLS_V12));
    SET(leat_tls_options_set_cipher_suite(client, "ECDHE-ECDSA-AES256-GCM-SHA384"));
    take();
    expect_agreed("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "http/1.1");
    SET(leat_tls_options_set_protocol_names(client, "TLSv1.3"));
    SET(leat_tls_options_set_cipher_suite(client, "TLS_CHACHA20_POLY1305_SHA256"));
    take();
    expect_agreed("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "http/1.1");
    SET(leat_tls_options_set_signature_algorithms(client, "ecdsa_secp384r1_sha384"));
    take();
    expect_refused(LEAT_E_TLS_ENGINE, "alert handshake_failure");
    end();
}

static void expect_group(const char *name)
{
    struct leat_tls_info info;
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, url);
    cr_assert(leat_websocket_get_tls_info(run.ws, &info));
    cr_expect(strcmp(info.group, name) == 0, "%s, not %s", info.group, name);
    client_run_close(&run);
}

/* The server takes two; the client's guess is one of them, or costs a round trip, or is in vain. */
Test(tls_options, groups)
{
    begin();
    SET(leat_config_set_trace(run.config, on_trace, NULL)); /* who knows the group */
    SET(leat_tls_options_set_groups(serving, "P-384:secp256r1"));
    listen_now();
    SET(leat_tls_options_set_groups(client, "secp256r1"));
    take();
    expect_group("secp256r1");
    SET(leat_tls_options_set_groups(client, "x25519, P-384"));
    take();
    expect_group("secp384r1");
    /* In TLS 1.2 they are those of the certificate, too (RFC 8422 section 5.1.1). */
    SET(leat_tls_options_set_protocols(client, LEAT_TLS_V12, LEAT_TLS_V12));
    take();
    expect_refused(LEAT_E_TLS_ENGINE, "alert handshake_failure");
    SET(leat_tls_options_set_groups(client, "secp256r1"));
    take();
    expect_group("secp256r1");
    SET(leat_tls_options_set_protocols(client, LEAT_TLS_V12, LEAT_TLS_V13));
    SET(leat_tls_options_set_groups(client, "x25519"));
    take();
    expect_refused(LEAT_E_TLS_ENGINE, "alert handshake_failure");
    end();
}

Test(tls_options, alpn_of_their_own)
{
    static const char *const protocols[] = {"chat", "http/1.1"};
    begin();
    SET(leat_tls_options_set_alpn_protocols(client, protocols, 2));
    SET(leat_tls_options_set_alpn_protocols(serving, protocols, 1));
    listen_now();
    take();
    expect_agreed("TLSv1.3", "TLS_AES_128_GCM_SHA256", "chat");
    SET(leat_tls_options_set_alpn_protocols(client, protocols + 1, 1));
    take();
    expect_refused(LEAT_E_TLS_ENGINE, "alert no_application_protocol");
    end();
}

Test(tls_options, resumption)
{
    struct leat_tls_info info;
    begin();
    listen_now();
    for (int resumes = 0; resumes < 2; resumes++) {
        SET(leat_tls_options_set_session_resumption(client, resumes));
        take();
        expect_opens();
        run.opened_count = run.closed_count = 0;
        client_run_open(&run, url);
        cr_assert(leat_websocket_get_tls_info(run.ws, &info));
        cr_expect(info.resumed == resumes);
        client_run_close(&run);
    }
    end();
}

/* ---- a proxy over TLS ------------------------------------------------------------------------ */

Test(tls_options, of_a_proxy)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key"),
                                         .may_fail = true};
    leat_testing_server *proxy;
    SET(leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .tls = &tls),
                                &proxy, NULL));
    begin();
    take();
    SET(leat_config_set_proxy(
        run.config,
        sandbox_format("https://127.0.0.1:%u", (unsigned)leat_testing_server_get_port(proxy))));
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    SET(leat_config_set_proxy_tls_options(run.config, client));
    expect_opens();
    SET(leat_tls_options_set_server_name(client, "proxy.example"));
    SET(leat_config_set_proxy_tls_options(run.config, client));
    expect_refused(LEAT_E_TLS_VERIFY, "proxy.example");
    SET(leat_config_set_proxy_tls_ca_path(run.config, certificate_path("other-ca.pem")));
    expect_refused(LEAT_E_TLS_VERIFY, "unknown issuer");
    end();
    leat_testing_server_free(proxy);
}

Test(tls_options, need_a_configuration)
{
    cr_expect(leat_config_set_tls_options(NULL, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_proxy_tls_options(NULL, NULL) == LEAT_E_PARAMETER);
}

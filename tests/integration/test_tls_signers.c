/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates whose keys are elsewhere. */
#include "tls_options_rig.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

INTEGRATION_SUITE(tls_signers);

/* Here it is in OpenSSL. */
struct elsewhere {
    EVP_PKEY *key;
    unsigned calls;
    bool fails;
};

static bool elsewhere_sign(const struct leat_tls_sign_request *request, uint8_t *signature,
                           size_t cap, size_t *ret_len, void *user)
{
    struct elsewhere *elsewhere = user;
    uint8_t made[1024];
    size_t len = sizeof(made);
    elsewhere->calls++;
    if (elsewhere->fails)
        return false;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(elsewhere->key, NULL);
    cr_assert(EVP_PKEY_sign_init(context) == 1);
    bool is_rsa = EVP_PKEY_is_a(elsewhere->key, "RSA");
    cr_expect(strcmp(request->key_type, is_rsa ? "RSA" : "EC") == 0, "%s", request->key_type);
    cr_expect(strncmp(request->hash, "SHA", 3) == 0 && cap == 1024);
    if (is_rsa)
        cr_assert(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
    cr_assert(EVP_PKEY_sign(context, made, &len, request->data, request->len) == 1);
    EVP_PKEY_CTX_free(context);
    if (is_rsa) {
        memcpy(signature, made, len);
        *ret_len = len;
        return true;
    }
    const uint8_t *der = made;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    cr_assert(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
    ECDSA_SIG_free(pair);
    *ret_len = 64;
    return true;
}

static EVP_PKEY *key_read(const char *name)
{
    FILE *file = fopen(certificate_path(name), "re");
    cr_assert(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    cr_assert(key);
    fclose(file);
    return key;
}

static void set_signer(leat_tls_options *options, const char *cert, struct elsewhere *elsewhere)
{
    char *text = text_of(cert);
    SET(leat_tls_options_set_cert_signer(options, (const char *[]){text}, 1, elsewhere_sign,
                                         elsewhere));
    free(text);
}

/* At both ends, in both versions. */
Test(tls_signers, keys_that_are_elsewhere)
{
    struct elsewhere server_key = {.key = key_read("server.key")},
                     client_key = {.key = key_read("client.key")};
    begin();
    set_ca(serving, "ca.pem");
    SET(leat_tls_options_set_is_bidirectional_authentication(serving, true));
    set_signer(serving, "server.pem", &server_key);
    set_signer(client, "client.pem", &client_key);
    SET(leat_tls_options_set_session_resumption(client, false));
    for (enum leat_tls_protocol version = LEAT_TLS_V12; version <= LEAT_TLS_V13; version++) {
        SET(leat_tls_options_set_protocols(client, version, version));
        take();
        expect_opens();
        expect_opens();
    }
    cr_expect(server_key.calls == 4 && client_key.calls == 4);
    client_key.fails = true;
    expect_refused(LEAT_E_TLS_ENGINE, "the program's callback has not signed with the key of our "
                                      "certificate");
    client_key.fails = false;
    EVP_PKEY *own = client_key.key;
    client_key.key = server_key.key;
    expect_refused(LEAT_E_TLS_ENGINE, "the program's callback has not signed with the key");
    client_key.key = own;
    expect_opens();
    server_key.fails = true;
    expect_refused(LEAT_E_TLS_ENGINE, "alert handshake_failure");
    end();
    EVP_PKEY_free(server_key.key);
    EVP_PKEY_free(client_key.key);
}

/* Such a key of RSA signs in TLS 1.2 only, which is then what is spoken. */
Test(tls_signers, a_key_of_rsa_that_is_elsewhere)
{
    struct elsewhere key = {.key = key_read("rsa.key")};
    begin();
    set_signer(serving, "rsa.pem", &key);
    listen_now();
    SET(leat_tls_options_set_skip_remote_validation(client, true));
    take();
    expect_agreed("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "http/1.1");
    cr_expect(key.calls == 1);
    set_signer(client, "rsa.pem", &key);
    SET(leat_tls_options_set_protocols(client, LEAT_TLS_V13, LEAT_TLS_V13));
    take();
    expect_refused(LEAT_E_TLS_ENGINE, "signs in TLS 1.2 only");
    end();
    EVP_PKEY_free(key.key);
}

/* Beside it is one of another kind that signs in TLS 1.3. */
Test(tls_signers, a_key_that_is_elsewhere_and_one_that_is_here)
{
    struct elsewhere key = {.key = key_read("rsa.key")};
    begin();
    set_signer(serving, "rsa.pem", &key);
    char *cert = text_of("server.pem"), *text = text_of("server.key");
    SET(leat_tls_options_add_cert(serving, (const char *[]){cert}, 1, text, NULL));
    free(cert);
    free(text);
    listen_now();
    take();
    expect_agreed("TLSv1.3", "TLS_AES_128_GCM_SHA256", "http/1.1");
    cr_expect(key.calls == 0);
    end();
    EVP_PKEY_free(key.key);
}

Test(tls_signers, a_signer_needs_a_certificate)
{
    struct elsewhere key = {.key = NULL};
    begin();
    cr_expect(leat_tls_options_set_cert_signer(NULL, NULL, 0, elsewhere_sign, &key) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_tls_options_set_cert_signer(client, NULL, 0, elsewhere_sign, &key) ==
              LEAT_E_PARAMETER);
    char *cert = text_of("client.pem");
    cr_expect(leat_tls_options_set_cert_signer(client, (const char *[]){cert}, 1, NULL, &key) ==
              LEAT_E_PARAMETER);
    free(cert);
    leat_tls_options_clear_error(client);
    set_signer(client, "ed25519.pem", &key);
    take();
    cr_expect(client_run_connect(&run, "wss://127.0.0.1:9/") == LEAT_E_TLS_ENGINE);
    end();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate whose key is in a PKCS #11 token (SoftHSM), which never lets go of it. */
#include "tls_options_rig.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

INTEGRATION_SUITE(pkcs11);

#define PIN   "1234"
#define LABEL "leat"

static CK_FUNCTION_LIST_PTR token;

static void run_command(const char *command)
{
    cr_assert(system(command) == 0, "%s", command);
}

/* A token in the sandbox, with the key of a certificate. */
static void token_make(const char *key)
{
    const char *configuration = sandbox_path("softhsm2.conf");
    const char *tokens = sandbox_path("tokens");
    FILE *file = fopen(configuration, "we");
    cr_assert(file && fprintf(file, "directories.tokendir = %s\nlog.level = ERROR\n", tokens) > 0 &&
              fclose(file) == 0);
    run_command(sandbox_format("mkdir -p %s", tokens));
    cr_assert(setenv("SOFTHSM2_CONF", configuration, 1) == 0);
    run_command("softhsm2-util --init-token --free --label " LABEL " --pin " PIN
                " --so-pin 123456 >/dev/null");
    run_command(sandbox_format("openssl pkcs8 -topk8 -nocrypt -in %s -out %s",
                               certificate_path(key), sandbox_path("key.p8")));
    run_command(sandbox_format("softhsm2-util --import %s --token " LABEL " --pin " PIN
                               " --label key --id 01 >/dev/null",
                               sandbox_path("key.p8")));
}

#define CALL(function, ...) cr_assert(token->function(__VA_ARGS__) == CKR_OK, #function)

struct token_key {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    unsigned calls;
};

static void token_open(struct token_key *ret_key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8, found;
    void *library = dlopen(PKCS11_MODULE, RTLD_NOW | RTLD_LOCAL);
    cr_assert(library, "%s", dlerror());
    CK_C_GetFunctionList list;
    *(void **)&list = dlsym(library, "C_GetFunctionList");
    cr_assert(list && list(&token) == CKR_OK);
    CALL(C_Initialize, NULL);
    CALL(C_GetSlotList, CK_TRUE, slots, &count);
    CALL(C_OpenSession, slots[0], CKF_SERIAL_SESSION, NULL, NULL, &ret_key->session);
    CALL(C_Login, ret_key->session, CKU_USER, (CK_UTF8CHAR_PTR)PIN, strlen(PIN));
    CALL(C_FindObjectsInit, ret_key->session, &template, 1);
    CALL(C_FindObjects, ret_key->session, &ret_key->key, 1, &found);
    CALL(C_FindObjectsFinal, ret_key->session);
    cr_assert(found == 1);
    ret_key->calls = 0;
}

/* All that a program needs: what comes goes into the mechanism, what it gives goes back. */
static bool token_sign(const struct leat_tls_sign_request *request, uint8_t *signature, size_t cap,
                       size_t *ret_len, void *user)
{
    struct token_key *key = user;
    CK_MECHANISM mechanism = {strcmp(request->key_type, "RSA") == 0 ? CKM_RSA_PKCS : CKM_ECDSA,
                              NULL, 0};
    CK_ULONG len = cap;
    key->calls++;
    if (token->C_SignInit(key->session, &mechanism, key->key) != CKR_OK ||
        token->C_Sign(key->session, (CK_BYTE_PTR)(uintptr_t)request->data, request->len, signature,
                      &len) != CKR_OK)
        return false;
    *ret_len = len;
    return true;
}

static void token_close(const struct token_key *key)
{
    CALL(C_CloseSession, key->session);
    CALL(C_Finalize, NULL);
}

static void set_token(leat_tls_options *options, const char *cert, struct token_key *key)
{
    char *text = text_of(cert);
    SET(leat_tls_options_set_cert_signer(options, (const char *[]){text}, 1, token_sign, key));
    free(text);
}

/* With the key of a server, and with that of a client. */
Test(pkcs11, ecdsa)
{
    for (int is_client = 0; is_client < 2; is_client++) {
        struct token_key key;
        token_make(is_client ? "client.key" : "server.key");
        token_open(&key);
        begin();
        SET(leat_tls_options_set_session_resumption(client, false));
        if (is_client) {
            set_ca(serving, "ca.pem");
            SET(leat_tls_options_set_is_bidirectional_authentication(serving, true));
            set_token(client, "client.pem", &key);
        } else {
            set_token(serving, "server.pem", &key);
        }
        for (enum leat_tls_protocol version = LEAT_TLS_V12; version <= LEAT_TLS_V13; version++) {
            SET(leat_tls_options_set_protocols(client, version, version));
            take();
            expect_opens();
        }
        cr_expect(key.calls == 2);
        CALL(C_Logout, key.session);
        expect_refused(LEAT_E_TLS_ENGINE, is_client ? "callback has not signed" : "alert");
        end();
        token_close(&key);
        run_command(sandbox_format("rm -r %s", sandbox_path("tokens")));
    }
}

Test(pkcs11, rsa)
{
    struct token_key key;
    token_make("rsa.key");
    token_open(&key);
    begin();
    set_token(serving, "rsa.pem", &key);
    listen_now();
    SET(leat_tls_options_set_skip_remote_validation(client, true));
    take();
    expect_agreed("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "http/1.1");
    cr_expect(key.calls == 1);
    end();
    token_close(&key);
}

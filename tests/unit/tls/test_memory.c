/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation fails, for all n: always a code, and never a wrong one. */
#include "support/alloc_failure.h"
#include "support/certificates.h"
#include "support/mbedtls_leaks.h"
#include "support/sandbox.h"
#include "unit/tls/record_editor.h"
#include "unit/tls/tls_end.h"

#include <mbedtls/build_info.h>
#include <string.h>

/* A handshake has thousands of allocations, most of them the same numbers of the same curve. One
 * test makes each of them fail, the others one in so many. */
#define STEP_ALL 1
#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
#define STEP_SOME    3
#define FAILURES_MIN 21
#else
/* Debian 13's mbedTLS takes no allocator. What is left are the few allocations of leat itself. */
#define STEP_SOME    STEP_ALL
#define FAILURES_MIN 1
#endif

TestSuite(tls_memory, .timeout = 280, .fini = sandbox_done);

static struct ssl_peer peer;
static struct leati_tls_credentials *credentials;
static struct leati_tls_sessions *sessions;
static const char *ca_path, *cert_path, *key_path;

static void expect_out_of_memory(const struct tls_end *client, int code)
{
    cr_assert(code == LEAT_E_SYSTEM_INTERNAL, "%d: %s", code, client->failure.text);
    cr_assert(client->failure.code == LEAT_E_SYSTEM_INTERNAL);
}

static void starve(bool (*attempt)(void), long step)
{
    int failed = alloc_failure_run_some(attempt, step);

    cr_assert(failed >= FAILURES_MIN, "%d", failed);
}

static int converse(struct tls_end *client)
{
    uint8_t buf[4];
    size_t n;

    ssl_peer_accept(&peer, &client->wire);
    int code = tls_end_connect(client);
    if (code != LEAT_OK)
        return code;
    code = tls_end_write(client, "ping", 4);
    if (code != LEAT_OK)
        return code;
    /* The wire refuses once, so that a record has to wait. */
    client->wire.script.again_every_other = true;
    code = tls_end_write(client, "ping", 4);
    if (code != LEAT_OK)
        return code;
    code = tls_end_read(client, buf, 4, &n);
    if (code != LEAT_OK)
        return code;
    return tls_end_shutdown(client, 1000);
}

/* Whoever looks at the chain needs memory for it, and is not asked without. */
static const char *chain_accept(const struct leat_certificate_info *chain, size_t count,
                                const char *server_name, void *user)
{
    (void)user;
    return count == 2 && chain[1].der && strcmp(server_name, "localhost") == 0 ? NULL
                                                                               : "wrong chain";
}

static bool connection_attempt(void)
{
    struct tls_end_options options = {
        .credentials = credentials, .sessions = sessions, .verify_fn = chain_accept};
    struct tls_end client;
    int code = tls_end_try(&client, &options, NULL);

    if (code == LEAT_OK)
        code = converse(&client);
    if (code != LEAT_OK)
        expect_out_of_memory(&client, code);
    tls_end_done(&client);
    return code == LEAT_OK;
}

struct scenario {
    int version;
    bool with_sessions;
    bool with_client_cert;
    long step;
};

static void connections_starve(const struct scenario *scenario)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .need_ca = true};
    struct leati_failure failure;

    if (scenario->with_client_cert) {
        options.cert_path = certificate_path("client.pem");
        options.key_path = certificate_path("client.key");
    }
    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
    sessions = scenario->with_sessions ? leati_tls_sessions_new() : NULL;
    ssl_peer_init(&peer, &(struct ssl_peer_options){
                             .min_version = scenario->version,
                             .max_version = scenario->version,
                             .client_ca_path = scenario->with_client_cert ? options.ca_path : NULL,
                             .echo = true});
    starve(connection_attempt, scenario->step);
    ssl_peer_done(&peer);
    leati_tls_sessions_unref(sessions);
    leati_tls_credentials_unref(credentials);
}

Test(tls_memory, connection_tls_1_2)
{
    connections_starve(
        &(struct scenario){.version = TLS1_2_VERSION, .with_client_cert = true, .step = STEP_SOME});
}

Test(tls_memory, connection_tls_1_3)
{
    connections_starve(&(struct scenario){.version = TLS1_3_VERSION, .step = STEP_ALL});
}

Test(tls_memory, client_certificate_tls_1_3)
{
    connections_starve(
        &(struct scenario){.version = TLS1_3_VERSION, .with_client_cert = true, .step = STEP_SOME});
}

Test(tls_memory, resumption_tls_1_2)
{
    connections_starve(
        &(struct scenario){.version = TLS1_2_VERSION, .with_sessions = true, .step = STEP_SOME});
}

Test(tls_memory, resumption_tls_1_3)
{
    connections_starve(
        &(struct scenario){.version = TLS1_3_VERSION, .with_sessions = true, .step = STEP_SOME});
}

#ifdef LEAT_MBEDTLS_MENDED

/* ---- what src/tls/mends does ----------------------------------------------------------------- */

/* Each record has a key of its own, and the peer is asked for another one. */
static int converse_with_changing_keys(struct tls_end *client)
{
    uint8_t buf[4];
    size_t n;

    ssl_peer_accept(&peer, &client->wire);
    int code = tls_end_connect(client);
    if (code == LEAT_OK)
        code = leati_tls_layer_update_keys(client->tls);
    if (code == LEAT_OK)
        code = tls_end_write(client, "ping", 4);
    return code == LEAT_OK ? tls_end_read(client, buf, 4, &n) : code;
}

static bool mends_attempt(void)
{
    struct tls_end_options options = {.credentials = credentials, .key_records_max = 1};
    struct record_editor editor;
    struct tls_end client;
    int code = tls_end_try(&client, &options, NULL);

    record_editor_init(&editor, &peer, &client.wire);
    editor.piece = 701;
    peer.stateless = true;
    if (code == LEAT_OK)
        code = converse_with_changing_keys(&client);
    if (code != LEAT_OK)
        expect_out_of_memory(&client, code);
    tls_end_done(&client);
    record_editor_done(&editor);
    return code == LEAT_OK;
}

/* A HelloRetryRequest with a cookie, a chain that is longer than a record, in pieces, and changes
 * of keys. */
Test(tls_memory, what_is_mended)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .need_ca = true};
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
    sessions = NULL;
    ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION, .echo = true});
    record_chain_lengthen(peer.context, 17000);
    starve(mends_attempt, STEP_SOME);
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
}

#endif

/* ---- the server's role ----------------------------------------------------------------------- */

static enum leat_client_verification verification;

static bool server_attempt(void)
{
    struct tls_end_options options = {.is_server = true,
                                      .credentials = credentials,
                                      .client_verification = verification,
                                      .tickets = true};
    struct tls_end server;
    int code = tls_end_try(&server, &options, NULL);

    if (code == LEAT_OK)
        code = converse(&server);
    if (code != LEAT_OK)
        expect_out_of_memory(&server, code);
    tls_end_done(&server);
    return code == LEAT_OK;
}

static void server_starve(int version, bool with_client_cert, long step)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .cert_path = certificate_path("server.pem"),
                                                    .key_path = certificate_path("server.key"),
                                                    .need_ca = true,
                                                    .is_server = true};
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
    verification =
        with_client_cert ? LEAT_CLIENT_VERIFICATION_OPTIONAL : LEAT_CLIENT_VERIFICATION_NONE;
    ssl_peer_init(&peer, &(struct ssl_peer_options){
                             .is_client = true,
                             .cert_path = with_client_cert ? certificate_path("client.pem") : NULL,
                             .key_path = with_client_cert ? certificate_path("client.key") : NULL,
                             .min_version = version,
                             .max_version = version,
                             .echo = true});
    starve(server_attempt, step);
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
}

Test(tls_memory, server_tls_1_2)
{
    server_starve(TLS1_2_VERSION, false, STEP_SOME);
    server_starve(TLS1_2_VERSION, true, STEP_SOME);
}

Test(tls_memory, server_tls_1_3)
{
    server_starve(TLS1_3_VERSION, false, STEP_ALL);
}

Test(tls_memory, server_with_client_certificate_tls_1_3)
{
    server_starve(TLS1_3_VERSION, true, STEP_SOME);
}

/* ---- what is never accepted ------------------------------------------------------------------ */

/* A certificate that is not accepted for lack of memory must not be called untrusted, and one that
 * is not trusted must never be accepted. */
static bool refused_attempt(void)
{
    struct tls_end_options options = {.credentials = credentials};
    struct tls_end client;
    int code = tls_end_try(&client, &options, NULL);

    if (code == LEAT_OK) {
        ssl_peer_accept(&peer, &client.wire);
        code = tls_end_connect(&client);
    }
    cr_assert(code == LEAT_E_TLS_VERIFY || code == LEAT_E_SYSTEM_INTERNAL, "%d: %s", code,
              client.failure.text);
    tls_end_done(&client);
    return code == LEAT_E_TLS_VERIFY;
}

Test(tls_memory, untrusted_server)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .need_ca = true};
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
    ssl_peer_init(&peer,
                  &(struct ssl_peer_options){.cert_path = certificate_path("unknown-ca.pem")});
    starve(refused_attempt, STEP_SOME);
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
}

static bool nothing_sign(const struct leat_tls_sign_request *request, uint8_t *signature,
                         size_t cap, size_t *ret_len, void *user)
{
    (void)request;
    (void)signature;
    (void)cap;
    (void)ret_len;
    (void)user;
    return false;
}

static bool credentials_attempt(void)
{
    struct leati_tls_credentials_options options = {.ca_path = ca_path,
                                                    .cert_path = cert_path,
                                                    .key_path = key_path,
                                                    .key_password = CERTIFICATE_KEY_PASSWORD,
                                                    .sign = key_path ? NULL : nothing_sign,
                                                    .need_ca = true,
                                                    .is_server = true};
    struct leati_tls_credentials *made;
    struct leati_failure failure;

    leati_failure_init(&failure);
    int code = leati_tls_credentials_new(&options, &failure, &made);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d: %s", code, failure.text);
    if (code == LEAT_OK)
        leati_tls_credentials_unref(made);
    leati_failure_done(&failure);
    return code == LEAT_OK;
}

Test(tls_memory, credentials)
{
    ca_path = certificate_path("ca.pem");
    cert_path = certificate_path("client.pem");
    key_path = certificate_path("client-encrypted.key");
    starve(credentials_attempt, STEP_ALL);
}

#ifdef LEAT_MBEDTLS_MENDED
Test(tls_memory, credentials_whose_key_is_elsewhere)
{
    ca_path = certificate_path("ca.pem");
    cert_path = certificate_path("client.pem");
    key_path = NULL;
    starve(credentials_attempt, STEP_ALL);
}
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>

TestSuite(tls_verify, .timeout = 60, .fini = sandbox_done);

#define VERIFY_FAILED (-0x2700)

static struct tls_end client;
static struct ssl_peer peer;

/* How a server shows itself, by paths. */
struct server {
    const char *cert, *key;
};

static struct ssl_peer_options peer_options(const struct server *server, int version)
{
    return (struct ssl_peer_options){
        .cert_path = server->cert,
        .key_path = server->key,
        .min_version = version,
        .max_version = version,
    };
}

static void accept_as(const struct server *server, const char *name)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ssl_peer_options options = peer_options(server, version);
        ssl_peer_init(&peer, &options);
        tls_end_init(&client, &(struct tls_end_options){.server_name = name}, NULL);
        tls_end_open(&client, &peer);
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

/* Refused by both versions with all of these texts (ends with NULL); accepted when not verified. */
static void refuse_as(const struct server *server, const char *name, const char *const *texts)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ssl_peer_options options = peer_options(server, version);
        ssl_peer_init(&peer, &options);
        tls_end_init(&client, &(struct tls_end_options){.server_name = name}, NULL);
        tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
        cr_assert(client.failure.native_code == VERIFY_FAILED, "%d", client.failure.native_code);
        for (size_t i = 0; texts[i]; i++)
            tls_end_expect_text(&client, texts[i]);
        tls_end_done(&client);

        struct tls_end_options skip = {.server_name = name, .skip_verify = true};
        tls_end_init(&client, &skip, NULL);
        tls_end_open(&client, &peer);
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct server server_of(const char *cert, const char *key)
{
    return (struct server){certificate_path(cert), key ? certificate_path(key) : NULL};
}

Test(tls_verify, names_and_addresses_of_the_certificate)
{
    struct server server = server_of("server.pem", NULL);

    accept_as(&server, "localhost");
    accept_as(&server, "LOCALHOST");
    accept_as(&server, "any.test");
    accept_as(&server, "127.0.0.1");
    accept_as(&server, "::1");
    accept_as(&server, "0:0:0:0:0:0:0:1");
    /* The IPv4 host, which it is that is connected to. */
    accept_as(&server, "::ffff:127.0.0.1");
}

Test(tls_verify, wildcard_is_one_label)
{
    struct server server = server_of("wildcard.pem", NULL);

    accept_as(&server, "a.example.org");
    refuse_as(&server, "a.b.example.org", TEXTS("host name mismatch (wanted a.b.example.org"));
    refuse_as(&server, "example.org", TEXTS("the certificate is for *.example.org)"));
}

Test(tls_verify, chain_through_an_intermediate)
{
    struct server server = server_of("chain.pem", NULL);

    accept_as(&server, "localhost");
}

Test(tls_verify, intermediate_missing)
{
    struct server server = server_of("leaf-only.pem", NULL);

    refuse_as(&server, "localhost", TEXTS("unknown issuer", "issuer CN=leat intermediate"));
}

Test(tls_verify, expired)
{
    struct server server = server_of("expired.pem", NULL);

    refuse_as(&server, "localhost",
              TEXTS("expired since 2021-01-01 00:00:00 UTC", "subject CN=localhost",
                    "issuer CN=leat test CA"));
}

Test(tls_verify, not_yet_valid)
{
    struct server server = server_of("future.pem", NULL);

    refuse_as(&server, "localhost", TEXTS("not yet valid before 2048-01-01 00:00:00 UTC"));
}

Test(tls_verify, wrong_host)
{
    struct server server = server_of("wrong-host.pem", NULL);

    refuse_as(&server, "localhost",
              TEXTS("host name mismatch (wanted localhost, the certificate is for "
                    "elsewhere.example)"));
}

Test(tls_verify, wrong_address)
{
    struct server server = server_of("server.pem", NULL);

    refuse_as(&server, "127.0.0.2",
              TEXTS("host name mismatch (wanted 127.0.0.2, the certificate is for localhost, "
                    "any.test, anything.test, echo.test, proxy.test, two.test, 127.0.0.1, ::1)"));
    refuse_as(&server, "::2", TEXTS("wanted ::2"));
    refuse_as(&server, "::ffff:127.0.0.2", TEXTS("host name mismatch"));
    refuse_as(&server, "2001:db8::127.0.0.1", TEXTS("host name mismatch"));
}

Test(tls_verify, an_address_in_the_common_name_does_not_count)
{
    struct server server = server_of("common-name.pem", NULL);

    refuse_as(&server, "127.0.0.1", TEXTS("the certificate is for its subject only"));
}

Test(tls_verify, unknown_issuer)
{
    struct server server = server_of("unknown-ca.pem", NULL);

    refuse_as(&server, "localhost", TEXTS("unknown issuer", "issuer CN=leat unknown CA"));
}

Test(tls_verify, self_signed)
{
    struct server server = server_of("self-signed.pem", NULL);

    refuse_as(&server, "localhost", TEXTS("self-signed (", "subject CN=leat self-signed"));
}

Test(tls_verify, every_reason_is_listed)
{
    struct server server = server_of("expired-wrong.pem", NULL);

    refuse_as(&server, "localhost",
              TEXTS("expired since 2021-01-01", "self-signed",
                    "host name mismatch (wanted localhost, the certificate is for "
                    "elsewhere.example, 192.0.2.7)",
                    "subject CN=expired-wrong, issuer CN=expired-wrong"));
}

Test(tls_verify, bad_usage)
{
    struct server server = {certificate_path("client.pem"), certificate_path("client.key")};

    refuse_as(&server, "localhost", TEXTS("bad usage", "extendedKeyUsage", "host name mismatch"));
}

Test(tls_verify, weak_key)
{
    struct server server = server_of("weak-key.pem", "weak-key.key");

    refuse_as(&server, "localhost", TEXTS("weak key"));
}

Test(tls_verify, weak_hash)
{
    struct server server = server_of("weak-hash.pem", NULL);

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ssl_peer_options options = peer_options(&server, version);
        ssl_peer_init(&peer, &options);
        tls_end_init(&client, &(struct tls_end_options){0}, NULL);
        tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
        tls_end_expect_text(&client, "weak hash in the signature");
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

/* Trusting the server's own certificate is a way to pin it. */
Test(tls_verify, the_server_itself_as_ca)
{
    struct ssl_peer_options options = {.cert_path = certificate_path("self-signed.pem")};

    ssl_peer_init(&peer, &options);
    tls_end_init(&client, &(struct tls_end_options){.ca_path = certificate_path("self-signed.pem")},
                 NULL);
    tls_end_open(&client, &peer);
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

/* None of the system's CAs has signed a certificate of these tests. */
Test(tls_verify, the_system_does_not_trust_the_tests)
{
    struct leati_tls_credentials_options system = {.need_ca = true};
    struct leati_tls_credentials *credentials;
    struct leati_failure failure;

    leati_failure_init(&failure);
    int code = leati_tls_credentials_new(&system, &failure, &credentials);
    cr_assert(code == LEAT_OK, "%s", failure.text);
    ssl_peer_init(&peer, &(struct ssl_peer_options){0});
    tls_end_init(&client, &(struct tls_end_options){.credentials = credentials}, NULL);
    tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
    tls_end_expect_text(&client, "unknown issuer");
    tls_end_done(&client);
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
}

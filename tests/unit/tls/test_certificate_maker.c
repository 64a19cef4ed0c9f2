/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate maker (leat/testing_certificates.h): what it makes is judged by leat and by the
 * openssl program. */
#include "support/certificates.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "tls/judge/judge.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef LEAT_MBEDTLS_MENDED
#define ISSUER_TEXT(text) text
#else /* the system's mbedTLS does not tell why it takes no certificate for the issuer */
#define ISSUER_TEXT(text) "unknown issuer"
#endif

TestSuite(certificate_maker, .timeout = 60, .fini = sandbox_done);

#define VERIFY_TIMEOUT_MS PATIENCE_MS(10000)

static leat_testing_ca *ca_new(void)
{
    leat_testing_ca *ca = NULL;
    struct leat_testing_problem problem;
    cr_assert(leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = sandbox_dir()), &ca, &problem) ==
                  LEAT_OK,
              "%s", problem.text);
    return ca;
}

static const struct leat_testing_certificate *issue(
    leat_testing_ca *ca, const struct leat_testing_certificate_options *options)
{
    const struct leat_testing_certificate *certificate = NULL;
    struct leat_testing_problem problem;
    int code = leat_testing_ca_issue(ca, options, &certificate, &problem);
    cr_assert(code == LEAT_OK, "%d %s", code, problem.text);
    return certificate;
}

static const char *ca_path(const leat_testing_ca *ca)
{
    return leat_testing_ca_get_certificate(ca)->cert_path;
}

/* ---- the judges ---------------------------------------------------------------------------- */

/* leat as the client of an OpenSSL server that shows it, for localhost; text NULL = accepted. */
static void leat_judges(const leat_testing_ca *ca,
                        const struct leat_testing_certificate *certificate, const char *text)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ssl_peer peer;
        struct tls_end client;
        ssl_peer_init(&peer, &(struct ssl_peer_options){.cert_path = certificate->cert_path,
                                                        .key_path = certificate->key_path,
                                                        .min_version = version,
                                                        .max_version = version});
        tls_end_init(&client, &(struct tls_end_options){.ca_path = ca_path(ca)}, NULL);
        if (!text) {
            tls_end_open(&client, &peer);
        } else {
            tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
            tls_end_expect_text(&client, text);
        }
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

/* `openssl verify` of a server's certificate for localhost; text NULL = accepted. */
static void openssl_judges(const leat_testing_ca *ca,
                           const struct leat_testing_certificate *certificate, const char *purpose,
                           const char *crl_path, const char *text)
{
    bool is_server = strcmp(purpose, "sslserver") == 0;
    const char *argv[24] = {"openssl",      "verify",      "-purpose",   purpose,
                            "-CAfile",      ca_path(ca),   "-untrusted", certificate->cert_path,
                            "-x509_strict", "-auth_level", "2"};
    size_t count = 11;
    if (is_server) {
        argv[count++] = "-verify_hostname";
        argv[count++] = "localhost";
    }
    if (crl_path) {
        argv[count++] = "-crl_check";
        argv[count++] = "-CRLfile";
        argv[count++] = crl_path;
    }
    argv[count] = certificate->cert_path;
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(process, VERIFY_TIMEOUT_MS);
    char *said = file_read(process->error_path);
    if (!text) {
        cr_assert(status == 0, "%s: %s", certificate->name, said);
    } else {
        cr_assert(status != 0, "%s is accepted by openssl", certificate->name);
        cr_assert(strstr(said, text), "%s: \"%s\" is not in \"%s\"", certificate->name, text, said);
    }
    free(said);
}

/* ---- faults -------------------------------------------------------------------------------- */

/* What is wrong, and what both judges say about it. */
static const struct verdict {
    const char *faults, *leat, *openssl;
} verdicts[] = {
    {"", NULL, NULL},
    {"expired", "expired since", "certificate has expired"},
    {"not-yet-valid", "not yet valid before", "certificate is not yet valid"},
    {"wrong-host",
     "host name mismatch (wanted localhost, the certificate is for wrong-host.example)",
     "hostname mismatch"},
    {"wrong-usage", "bad usage", "unsuitable certificate purpose"},
    {"weak-key", "weak key", "EE certificate key too weak"},
    {"sha1", "weak hash in the signature", "CA signature digest algorithm too weak"},
    {"md5", "weak hash in the signature", "CA signature digest algorithm too weak"},
    {"self-signed", "self-signed", "self-signed certificate"},
    {"unknown-ca", "unknown issuer", "unable to get local issuer certificate"},
    {"bad-signature", ISSUER_TEXT("its signature does not fit the issuer's key"),
     "certificate signature failure"},
    {"missing-intermediate", "unknown issuer", "unable to get local issuer certificate"},
    {"intermediate-not-ca", ISSUER_TEXT("is no CA"), "invalid CA certificate"},
    {"intermediate-cannot-sign", ISSUER_TEXT("(keyCertSign)"), "key usage does not include"},
    {"intermediate-expired", "expired since", "certificate has expired"},
    {"expired,wrong-host", "expired since", "hostname mismatch"},
    {"expired,wrong-host", "host name mismatch", "hostname mismatch"},
    {"self-signed,weak-key,sha1", "weak key", "certificate key too weak"},
    /* For openssl a host name in the subject alone still counts, though RFC 9525 says no. */
    {"no-names", "stands only in the CN", NULL},
    /* Nobody who does not ask for it learns of a revocation. */
    {"revoked", NULL, NULL},
};

#define VERDICTS (sizeof(verdicts) / sizeof(*verdicts))

static size_t indices[VERDICTS];

ParameterizedTestParameters(certificate_maker, faults_are_found)
{
    for (size_t i = 0; i < VERDICTS; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, VERDICTS);
}

ParameterizedTest(size_t *index, certificate_maker, faults_are_found, .timeout = 60,
                  .fini = sandbox_done)
{
    const struct verdict *verdict = &verdicts[*index];
    leat_testing_ca *ca = ca_new();
    unsigned faults;
    cr_assert(leat_testing_certificate_faults_parse(verdict->faults, &faults, NULL) == LEAT_OK);
    const struct leat_testing_certificate *certificate =
        issue(ca, LEAT_TESTING_CERTIFICATE(.faults = faults));
    leat_judges(ca, certificate, verdict->leat);
    openssl_judges(ca, certificate, "sslserver", NULL, verdict->openssl);
    leat_testing_ca_free(ca);
}

Test(certificate_maker, every_fault_has_a_name_and_a_verdict)
{
    for (unsigned fault = 1; leat_testing_certificate_fault_name(fault); fault <<= 1) {
        const char *name = leat_testing_certificate_fault_name(fault);
        unsigned parsed = 0;
        cr_assert(leat_testing_certificate_faults_parse(name, &parsed, NULL) == LEAT_OK);
        cr_assert(parsed == fault, "%s", name);
        bool has_verdict = strcmp(name, "other-key") == 0; /* see below */
        for (size_t i = 0; i < VERDICTS; i++)
            has_verdict = has_verdict || strcmp(verdicts[i].faults, name) == 0;
        cr_assert(has_verdict, "%s", name);
    }
    cr_assert(!leat_testing_certificate_fault_name(0));
    cr_assert(!leat_testing_certificate_fault_name(3));
}

Test(certificate_maker, names_of_faults)
{
    struct leat_testing_problem problem;
    unsigned faults = 77;
    cr_assert(leat_testing_certificate_faults_parse("expired,wrong-hots", &faults, &problem) ==
              LEAT_E_PARAMETER);
    cr_assert(faults == 77);
    cr_assert(problem.position == 8 && strstr(problem.text, "'wrong-hots'"), "%zu %s",
              problem.position, problem.text);
    cr_assert(leat_testing_certificate_faults_parse("expired,,sha1", &faults, &problem) ==
              LEAT_E_PARAMETER);
    cr_assert(leat_testing_certificate_faults_parse("Expired,SHA1", &faults, NULL) == LEAT_OK);
    cr_assert(faults == (LEAT_TESTING_CERTIFICATE_EXPIRED | LEAT_TESTING_CERTIFICATE_SHA1));
    cr_assert(leat_testing_certificate_faults_parse("", &faults, NULL) == LEAT_OK && faults == 0);
    cr_assert(leat_testing_certificate_faults_parse(NULL, &faults, NULL) == LEAT_E_PARAMETER);
}

Test(certificate_maker, a_key_of_another_certificate)
{
    leat_testing_ca *ca = ca_new();
    struct tls_end end;
    for (enum leat_testing_key key = 0; key <= LEAT_TESTING_KEY_RSA_2048; key++) {
        const struct leat_testing_certificate *certificate = issue(
            ca, LEAT_TESTING_CERTIFICATE(.key = key, .faults = LEAT_TESTING_CERTIFICATE_OTHER_KEY));
        struct tls_end_options options = {.is_server = true,
                                          .cert_path = certificate->cert_path,
                                          .key_path = certificate->key_path};
        cr_assert(tls_end_try(&end, &options, NULL) == LEAT_E_TLS_VERIFY);
        tls_end_expect_text(&end, "does not belong to the certificate");
        tls_end_done(&end);
    }
    leat_testing_ca_free(ca);
}

Test(certificate_maker, revocation)
{
    leat_testing_ca *ca = ca_new();
    const struct leat_testing_certificate *good = issue(ca, NULL);
    const struct leat_testing_certificate *bad = issue(ca, NULL);
    const struct leat_testing_crl *before, *after, *old;
    cr_assert(leat_testing_ca_make_crl(ca, NULL, &before, NULL) == LEAT_OK);
    cr_assert(leat_testing_ca_revoke(ca, bad) == LEAT_OK);
    cr_assert(leat_testing_ca_make_crl(ca, NULL, &after, NULL) == LEAT_OK);
    cr_assert(leat_testing_ca_make_crl(
                  ca, LEAT_TESTING_CRL(.this_update_s = -7200, .next_update_s = -3600), &old,
                  NULL) == LEAT_OK);
    openssl_judges(ca, bad, "sslserver", before->path, NULL);
    openssl_judges(ca, bad, "sslserver", after->path, "certificate revoked");
    openssl_judges(ca, good, "sslserver", after->path, NULL);
    openssl_judges(ca, good, "sslserver", old->path, "CRL has expired");

    const struct leat_testing_certificate *third =
        issue(ca, LEAT_TESTING_CERTIFICATE(.faults = LEAT_TESTING_CERTIFICATE_REVOKED));
    openssl_judges(ca, third, "sslserver", after->path, NULL);
    cr_assert(leat_testing_ca_make_crl(ca, NULL, &after, NULL) == LEAT_OK);
    openssl_judges(ca, third, "sslserver", after->path, "certificate revoked");
    leat_testing_ca_free(ca);
}

/* ---- good ones ----------------------------------------------------------------------------- */

Test(certificate_maker, keys_and_digests)
{
    leat_testing_ca *ca = ca_new();
    static const struct {
        enum leat_testing_key key;
        enum leat_testing_digest digest;
        int id, bits;
    } rows[] = {
        {LEAT_TESTING_KEY_P256, LEAT_TESTING_DIGEST_SHA256, EVP_PKEY_EC, 256},
        {LEAT_TESTING_KEY_P384, LEAT_TESTING_DIGEST_SHA384, EVP_PKEY_EC, 384},
        {LEAT_TESTING_KEY_RSA_2048, LEAT_TESTING_DIGEST_SHA512, EVP_PKEY_RSA, 2048},
        {LEAT_TESTING_KEY_RSA_3072, LEAT_TESTING_DIGEST_SHA256, EVP_PKEY_RSA, 3072},
        {LEAT_TESTING_KEY_ED25519, LEAT_TESTING_DIGEST_SHA256, EVP_PKEY_ED25519, 256},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct leat_testing_certificate *certificate =
            issue(ca, LEAT_TESTING_CERTIFICATE(.key = rows[i].key, .digest = rows[i].digest));
        BIO *bio = BIO_new_mem_buf(certificate->key_pem, -1);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        cr_assert(key && EVP_PKEY_get_base_id(key) == rows[i].id);
        cr_assert(EVP_PKEY_get_bits(key) == rows[i].bits, "%d", EVP_PKEY_get_bits(key));
        EVP_PKEY_free(key);
        BIO_free(bio);
        openssl_judges(ca, certificate, "sslserver", NULL, NULL);
        if (rows[i].key != LEAT_TESTING_KEY_ED25519)
            leat_judges(ca, certificate, NULL);
    }
    leat_testing_ca_free(ca);
}

Test(certificate_maker, cas_of_every_kind)
{
    for (enum leat_testing_key key = 0; key <= LEAT_TESTING_KEY_ED25519; key++) {
        leat_testing_ca *ca = NULL;
        cr_assert(leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = sandbox_dir(), .key = key,
                                                      .common_name = "my CA"),
                                      &ca, NULL) == LEAT_OK);
        const struct leat_testing_certificate *certificate = issue(ca, NULL);
        const struct leat_testing_crl *crl;
        cr_assert(leat_testing_ca_make_crl(ca, NULL, &crl, NULL) == LEAT_OK);
        bool is_weak = key == LEAT_TESTING_KEY_RSA_1024;
        openssl_judges(ca, certificate, "sslserver", crl->path,
                       is_weak ? "CA certificate key too weak" : NULL);
        leat_testing_ca_free(ca);
    }
}

Test(certificate_maker, a_client)
{
    leat_testing_ca *ca = ca_new();
    const struct leat_testing_certificate *server = issue(ca, NULL);
    for (int encrypted = 0; encrypted < 2; encrypted++) {
        const struct leat_testing_certificate *client =
            issue(ca, LEAT_TESTING_CERTIFICATE(.use = LEAT_TESTING_USE_CLIENT, .common_name = "Zoë",
                                               .key_password = encrypted ? "geheim" : NULL));
        struct ssl_peer peer;
        struct tls_end end;
        ssl_peer_init(&peer, &(struct ssl_peer_options){.cert_path = server->cert_path,
                                                        .key_path = server->key_path,
                                                        .client_ca_path = ca_path(ca)});
        struct tls_end_options options = {.ca_path = ca_path(ca),
                                          .cert_path = client->cert_path,
                                          .key_path = client->key_path,
                                          .key_password = client->key_password};
        cr_assert((client->key_password != NULL) == (encrypted == 1));
        cr_assert((strstr(client->key_pem, "ENCRYPTED") != NULL) == (encrypted == 1));
        tls_end_init(&end, &options, NULL);
        tls_end_open(&end, &peer);
        cr_assert(SSL_get_verify_result(peer.ssl) == X509_V_OK);
        tls_end_done(&end);
        ssl_peer_done(&peer);
        openssl_judges(ca, client, "sslclient", NULL, NULL);
    }
    const struct leat_testing_certificate *wrong =
        issue(ca, LEAT_TESTING_CERTIFICATE(.use = LEAT_TESTING_USE_CLIENT,
                                           .faults = LEAT_TESTING_CERTIFICATE_WRONG_USAGE));
    openssl_judges(ca, wrong, "sslclient", NULL, "unsuitable certificate purpose");
    leat_testing_ca_free(ca);
}

Test(certificate_maker, chains)
{
    leat_testing_ca *ca = ca_new();
    /* mbedTLS follows 8 intermediates (MBEDTLS_X509_MAX_INTERMEDIATE_CA), OpenSSL 100. */
    for (unsigned length = 1; length <= 12; length += length < 8 ? 7 : 4) {
        const struct leat_testing_certificate *leaf =
            issue(ca, LEAT_TESTING_CERTIFICATE(.intermediates = length));
        unsigned found = 0;
        for (const char *at = leaf->cert_pem; (at = strstr(at, "-----BEGIN")); at++)
            found++;
        cr_assert(found == length + 1, "%u", found);
        openssl_judges(ca, leaf, "sslserver", NULL, NULL);
        leat_judges(ca, leaf,
                    length <= 8 || leati_judge_is_there()
                        ? NULL
                        : "longer than the 9 certificates that mbedTLS follows");
    }
    leat_testing_ca_free(ca);
}

Test(certificate_maker, an_issuer_of_the_users_choice)
{
    leat_testing_ca *ca = ca_new();
    const struct leat_testing_certificate *team =
        issue(ca, LEAT_TESTING_CERTIFICATE(.name = "team", .use = LEAT_TESTING_USE_CA,
                                           .key = LEAT_TESTING_KEY_P384));
    const struct leat_testing_certificate *leaf =
        issue(ca, LEAT_TESTING_CERTIFICATE(.name = "leaf", .common_name = "leaf", .issuer = team));
    const struct leat_testing_certificate *below =
        issue(ca, LEAT_TESTING_CERTIFICATE(.issuer = leaf));
    cr_assert(leaf->issuer == team && team->issuer == leat_testing_ca_get_certificate(ca));
    cr_assert(!team->issuer->issuer);
    leat_judges(ca, leaf, NULL);
    openssl_judges(ca, leaf, "sslserver", NULL, NULL);
    leat_judges(ca, below, ISSUER_TEXT("is no CA"));
    openssl_judges(ca, below, "sslserver", NULL, "invalid CA certificate");
    leat_testing_ca_free(ca);
}

Test(certificate_maker, names_of_hosts)
{
    leat_testing_ca *ca = ca_new();
    const struct leat_testing_certificate *leaf = issue(
        ca, LEAT_TESTING_CERTIFICATE(.hosts = "localhost,*.example.org,192.0.2.1,2001:db8::1"));
    BIO *bio = BIO_new_mem_buf(leaf->cert_pem, -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    cr_assert(X509_check_host(x509, "a.example.org", 0, 0, NULL) == 1);
    cr_assert(X509_check_ip_asc(x509, "192.0.2.1", 0) == 1);
    cr_assert(X509_check_ip_asc(x509, "2001:db8::1", 0) == 1);
    cr_assert(X509_check_ip_asc(x509, "127.0.0.1", 0) == 0);
    X509_free(x509);
    BIO_free(bio);
    leat_judges(ca, leaf, NULL);
    leat_testing_ca_free(ca);
}

Test(certificate_maker, a_pin_and_one_key_for_two)
{
    leat_testing_ca *ca = ca_new();
    const struct leat_testing_certificate *one = issue(ca, NULL);
    const struct leat_testing_certificate *two = issue(ca, LEAT_TESTING_CERTIFICATE(.key_of = one));
    const struct leat_testing_certificate *other = issue(ca, NULL);
    cr_assert_str_eq(one->public_key_pin, two->public_key_pin);
    cr_assert_str_neq(one->public_key_pin, other->public_key_pin);
    cr_assert_str_eq(one->key_pem, two->key_pem);
    cr_assert_str_neq(one->cert_pem, two->cert_pem);

    for (int i = 0; i < 2; i++) {
        const char *pin = i == 0 ? one->public_key_pin : other->public_key_pin;
        const struct leati_tls_credentials_options more = {.pins = &pin, .pin_count = 1};
        struct ssl_peer peer;
        struct tls_end client;
        ssl_peer_init(&peer, &(struct ssl_peer_options){.cert_path = two->cert_path,
                                                        .key_path = two->key_path});
        tls_end_init(&client, &(struct tls_end_options){.ca_path = ca_path(ca), .more = &more},
                     NULL);
        if (i == 0) {
            tls_end_open(&client, &peer);
        } else {
            tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
        }
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
    leat_testing_ca_free(ca);
}

Test(certificate_maker, serial_numbers_differ)
{
    leat_testing_ca *ca = ca_new();
    char serials[8][64];
    for (size_t i = 0; i < 8; i++) {
        BIO *bio = BIO_new_mem_buf(issue(ca, NULL)->cert_pem, -1);
        X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
        char *text = BN_bn2hex(number);
        cr_assert(strlen(text) == 32 && !BN_is_negative(number));
        snprintf(serials[i], sizeof(serials[i]), "%s", text);
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(serials[i], serials[j]);
        OPENSSL_free(text);
        BN_free(number);
        X509_free(x509);
        BIO_free(bio);
    }
    leat_testing_ca_free(ca);
}

/* ---- files --------------------------------------------------------------------------------- */

static mode_t mode_of(const char *path)
{
    struct stat status;
    cr_assert(stat(path, &status) == 0, "%s: %s", path, strerror(errno));
    return status.st_mode & 0777;
}

Test(certificate_maker, files_are_what_the_texts_are_and_are_removed)
{
    leat_testing_ca *ca = NULL;
    cr_assert(leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = sandbox_dir()), &ca, NULL) ==
              LEAT_OK);
    const struct leat_testing_certificate *leaf =
        issue(ca, LEAT_TESTING_CERTIFICATE(.intermediates = 1));
    const char *dir = sandbox_format("%s", leat_testing_ca_get_dir(ca));
    cr_assert(strncmp(dir, sandbox_dir(), strlen(sandbox_dir())) == 0);
    cr_assert(mode_of(dir) == 0700);
    cr_assert(mode_of(leaf->key_path) == 0600);
    cr_assert(mode_of(leat_testing_ca_get_certificate(ca)->key_path) == 0600);
    char *cert = file_read(leaf->cert_path), *key = file_read(leaf->key_path);
    cr_assert_str_eq(cert, leaf->cert_pem);
    cr_assert_str_eq(key, leaf->key_pem);
    free(cert);
    free(key);

    pid_t child = fork();
    if (child == 0) {
        leat_testing_ca_free(ca); /* the folder is the parent's */
        _exit(0);
    }
    cr_assert(waitpid(child, NULL, 0) == child);
    cr_assert(access(leaf->cert_path, R_OK) == 0);
    leat_testing_ca_free(ca);
    cr_assert(access(dir, F_OK) != 0 && errno == ENOENT);
}

Test(certificate_maker, names_of_files)
{
    leat_testing_ca *ca = ca_new();
    cr_assert_str_eq(issue(ca, NULL)->name, "server");
    cr_assert_str_eq(issue(ca, NULL)->name, "server-2");
    cr_assert_str_eq(issue(ca, LEAT_TESTING_CERTIFICATE(.use = LEAT_TESTING_USE_CLIENT))->name,
                     "client");
    cr_assert_str_eq(
        issue(ca, LEAT_TESTING_CERTIFICATE(.faults = LEAT_TESTING_CERTIFICATE_SHA1))->name, "sha1");
    cr_assert_str_eq(issue(ca, LEAT_TESTING_CERTIFICATE(.name = "My_own.1"))->name, "My_own.1");
    static const char *const wrong[] = {"My_own.1", "ca", "", ".hidden", "../up", "a/b", "ä"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const struct leat_testing_certificate *none;
        cr_assert(leat_testing_ca_issue(ca, LEAT_TESTING_CERTIFICATE(.name = wrong[i]), &none,
                                        NULL) == LEAT_E_PARAMETER,
                  "%s", wrong[i]);
    }
    leat_testing_ca_free(ca);
}

/* ---- bad input ----------------------------------------------------------------------------- */

Test(certificate_maker, wrong_options_are_refused_and_nothing_is_made)
{
    leat_testing_ca *ca = ca_new(), *other = ca_new();
    const struct leat_testing_certificate *foreign = issue(other, NULL);
    char long_name[80] = "";
    memset(long_name, 'x', sizeof(long_name) - 1);
    char long_host[300] = "";
    memset(long_host, 'h', sizeof(long_host) - 1);
    const struct {
        const struct leat_testing_certificate_options *options;
        const char *text;
    } rows[] = {
        {&(struct leat_testing_certificate_options){0}, "size"},
        {LEAT_TESTING_CERTIFICATE(.use = (enum leat_testing_use)9), "use"},
        {LEAT_TESTING_CERTIFICATE(.key = (enum leat_testing_key)99), "kind of key"},
        {LEAT_TESTING_CERTIFICATE(.digest = (enum leat_testing_digest)99), "digest"},
        {LEAT_TESTING_CERTIFICATE(.digest = LEAT_TESTING_DIGEST_MD5), "only an RSA key"},
        {LEAT_TESTING_CERTIFICATE(.hosts = "a,,b"), "not a host: ''"},
        {LEAT_TESTING_CERTIFICATE(.hosts = "two words"), "not a host: 'two words'"},
        {LEAT_TESTING_CERTIFICATE(.hosts = "bücher.example"), "not a host"},
        {LEAT_TESTING_CERTIFICATE(.hosts = long_host), "not a host"},
        {LEAT_TESTING_CERTIFICATE(.common_name = ""), "not a common name"},
        {LEAT_TESTING_CERTIFICATE(.common_name = long_name), "not a common name"},
        {LEAT_TESTING_CERTIFICATE(.common_name = "\xff\xfe"), "not a common name"},
        {LEAT_TESTING_CERTIFICATE(.issuer = foreign), "of another CA"},
        {LEAT_TESTING_CERTIFICATE(.key_of = foreign), "of another CA"},
        {LEAT_TESTING_CERTIFICATE(.key_password = ""), "password"},
        {LEAT_TESTING_CERTIFICATE(.intermediates = 101), "intermediates"},
        {LEAT_TESTING_CERTIFICATE(.faults = 1u << 31), "fault"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct leat_testing_certificate *none = NULL;
        struct leat_testing_problem problem = {.text = ""};
        int code = leat_testing_ca_issue(ca, rows[i].options, &none, &problem);
        cr_assert(code == LEAT_E_PARAMETER && !none, "%zu: %d", i, code);
        cr_assert(strstr(problem.text, rows[i].text), "%s: %s", rows[i].text, problem.text);
    }
    cr_assert(leat_testing_ca_revoke(ca, foreign) == LEAT_E_PARAMETER);
    const struct leat_testing_crl *none;
    cr_assert(leat_testing_ca_make_crl(ca, LEAT_TESTING_CRL(.issuer = foreign), &none, NULL) ==
              LEAT_E_PARAMETER);
    cr_assert_str_eq(issue(ca, NULL)->name, "server");
    leat_testing_ca_free(other);
    leat_testing_ca_free(ca);
}

/* As a program has them that was compiled when `faults` did not exist. */
Test(certificate_maker, shorter_options_mean_the_defaults_of_the_rest)
{
    leat_testing_ca *ca = ca_new();
    const struct leat_testing_certificate *leaf =
        issue(ca, &(struct leat_testing_certificate_options){
                      .size = offsetof(struct leat_testing_certificate_options, faults),
                      .name = "old",
                      .faults = LEAT_TESTING_CERTIFICATE_EXPIRED});
    cr_assert_str_eq(leaf->name, "old");
    leat_judges(ca, leaf, NULL);
    leat_testing_ca_free(ca);
}

Test(certificate_maker, folders_that_cannot_be)
{
    leat_testing_ca *ca = NULL;
    struct leat_testing_problem problem;
    const char *file = sandbox_write("file", "%s", "");
    cr_assert(leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = file), &ca, &problem) ==
              LEAT_E_WS_CERT_FILE);
    cr_assert(strstr(problem.text, "Not a directory"), "%s", problem.text);
    cr_assert(leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = sandbox_path("none")), &ca,
                                  &problem) == LEAT_E_WS_CERT_FILE);
    cr_assert(strstr(problem.text, "No such file or directory"), "%s", problem.text);
    cr_assert(!ca);

    ca = ca_new();
    const struct leat_testing_certificate *none;
    const char *taken = sandbox_format("%s/mine.pem", leat_testing_ca_get_dir(ca));
    int fd = open(taken, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && close(fd) == 0);
    cr_assert(leat_testing_ca_issue(ca, LEAT_TESTING_CERTIFICATE(.name = "mine"), &none,
                                    &problem) == LEAT_E_WS_CERT_FILE);
    cr_assert(strstr(problem.text, "File exists"), "%s", problem.text);
    cr_assert(unlink(taken) == 0); /* the key was taken back */
    cr_assert(issue(ca, LEAT_TESTING_CERTIFICATE(.name = "mine")));
    leat_testing_ca_free(ca);
}

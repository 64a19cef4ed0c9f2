/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"
#include "support/patience.h"
#include "support/sandbox.h"
#include "support/process.h"
#include "tls/credentials.h"
#include "tls/judge/judge.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(tls_credentials, .timeout = 60, .fini = sandbox_done);

static struct leati_tls_credentials *load(const struct leati_tls_credentials_options *options)
{
    struct leati_failure failure;
    struct leati_tls_credentials *credentials = NULL;

    leati_failure_init(&failure);
    int code = leati_tls_credentials_new(options, &failure, &credentials);
    cr_assert(code == LEAT_OK, "%d: %s", code, failure.text);
    cr_assert(failure.code == LEAT_OK);
    return credentials;
}

static void refuse(const struct leati_tls_credentials_options *options, int code, int sys_errno,
                   const char *text)
{
    struct leati_failure failure;
    struct leati_tls_credentials *credentials = NULL;

    leati_failure_init(&failure);
    int got = leati_tls_credentials_new(options, &failure, &credentials);
    cr_assert(got == code, "%d: %s", got, failure.text);
    cr_assert_null(credentials);
    cr_assert(failure.code == code);
    cr_assert(failure.layer == LEAT_LAYER_TLS);
    cr_assert(failure.sys_errno == sys_errno, "%d", failure.sys_errno);
    cr_assert(strstr(failure.text, text), "%s", failure.text);
    cr_assert(!strstr(failure.text, CERTIFICATE_KEY_PASSWORD));
    leati_failure_done(&failure);
}

static struct leati_tls_credentials_options client_with(const char *cert, const char *key,
                                                        const char *password)
{
    return (struct leati_tls_credentials_options){
        .cert_path = cert, .key_path = key, .key_password = password};
}

Test(tls_credentials, nothing_at_all)
{
    struct leati_tls_credentials *credentials =
        load(&(struct leati_tls_credentials_options){.need_ca = false});

    cr_assert_null(leati_tls_credentials_cas(credentials));
    cr_assert_null(leati_tls_credentials_identity(credentials, 0));
    cr_assert(leati_tls_credentials_ref(credentials) == credentials);
    leati_tls_credentials_unref(credentials);
    leati_tls_credentials_unref(credentials);
    leati_tls_credentials_unref(NULL);
}

Test(tls_credentials, ca_file_is_shared_while_it_is_unchanged)
{
    char *text = file_read(certificate_path("ca.pem"));
    const char *path = sandbox_write("own-ca.pem", "%s", text);
    struct leati_tls_credentials_options options = {.ca_path = path, .need_ca = true};
    struct leati_tls_credentials *a = load(&options);
    struct leati_tls_credentials *b = load(&options);

    cr_assert(leati_tls_credentials_cas(a) == leati_tls_credentials_cas(b));
    cr_assert(leati_tls_credentials_id(a) != leati_tls_credentials_id(b));

    sandbox_write("own-ca.pem", "%s\n%s", text, text);
    struct leati_tls_credentials *c = load(&options);
    cr_assert(leati_tls_credentials_cas(a) != leati_tls_credentials_cas(c));
    leati_tls_credentials_unref(a);
    leati_tls_credentials_unref(c);
    cr_assert_not_null(leati_tls_credentials_cas(b));
    leati_tls_credentials_unref(b);
    free(text);
}

Test(tls_credentials, ca_directory)
{
    char *text = file_read(certificate_path("ca.pem"));
    const char *dir = sandbox_path("cas");

    cr_assert(mkdir(dir, 0700) == 0);
    sandbox_write("cas/a.pem", "%s", text);
    sandbox_write("cas/README", "no certificate");
    cr_assert(mkdir(sandbox_path("cas/sub"), 0700) == 0);
    cr_assert(mkfifo(sandbox_path("cas/fifo"), 0600) == 0);
    struct leati_tls_credentials *credentials =
        load(&(struct leati_tls_credentials_options){.ca_path = dir, .need_ca = true});
    /* Where a judge verifies nothing is parsed for mbedTLS. */
    cr_assert(!leati_tls_credentials_cas(credentials)->raw.p == leati_judge_is_there());
    cr_assert_null(leati_tls_credentials_cas(credentials)->next);
    leati_tls_credentials_unref(credentials);
    free(text);
}

Test(tls_credentials, ca_directory_without_certificates)
{
    const char *dir = sandbox_path("cas");

    cr_assert(mkdir(dir, 0700) == 0);
    refuse(&(struct leati_tls_credentials_options){.ca_path = dir, .need_ca = true},
           LEAT_E_TLS_VERIFY, 0, "no CA certificate can be parsed");
    sandbox_write("cas/README", "no certificate");
    refuse(&(struct leati_tls_credentials_options){.ca_path = dir, .need_ca = true},
           LEAT_E_TLS_VERIFY, 0, "no CA certificate can be parsed");
}

Test(tls_credentials, ca_file_in_der)
{
    const char *der = sandbox_path("ca.der");
    const char *argv[] = {"openssl", "x509", "-in", certificate_path("ca.pem"), "-outform", "DER",
                          "-out",    der,    NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});

    cr_assert(process_wait(process, PATIENCE_MS(10000)) == 0);
    leati_tls_credentials_unref(
        load(&(struct leati_tls_credentials_options){.ca_path = der, .need_ca = true}));
}

Test(tls_credentials, ca_file_partly_broken)
{
    char *text = file_read(certificate_path("ca.pem"));
    const char *broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const char *path = sandbox_write("partly.pem", "%s%s%s", broken, text, broken);

    leati_tls_credentials_unref(
        load(&(struct leati_tls_credentials_options){.ca_path = path, .need_ca = true}));
    free(text);
}

Test(tls_credentials, ca_file_not_there)
{
    refuse(&(struct leati_tls_credentials_options){.ca_path = sandbox_path("none.pem"),
                                                   .need_ca = true},
           LEAT_E_WS_CERT_FILE, ENOENT, "No such file or directory");
    /* Not needed, not looked at. */
    leati_tls_credentials_unref(load(&(struct leati_tls_credentials_options){
        .ca_path = sandbox_path("none.pem"), .need_ca = false}));
}

Test(tls_credentials, ca_file_not_readable)
{
    const char *path = sandbox_write("closed.pem", "x");

    cr_assert(chmod(path, 0) == 0);
    if (geteuid() == 0) {
        cr_assert(setegid(65534) == 0 && seteuid(65534) == 0);
        cr_assert(access(path, R_OK) == 0 || true);
    }
    refuse(&(struct leati_tls_credentials_options){.ca_path = path, .need_ca = true},
           LEAT_E_WS_CERT_FILE, EACCES, "Permission denied");
    cr_assert(getuid() != 0 || (seteuid(0) == 0 && setegid(0) == 0));
}

Test(tls_credentials, ca_file_not_parseable)
{
    static const char *const texts[] = {
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n",
        ("-----BEGIN CERTIFICATE-----\nAAAA\n"
         "-----END CERTIFICATE-----\n"),
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuse(&(struct leati_tls_credentials_options){.ca_path =
                                                           sandbox_write("bad.pem", "%s", texts[i]),
                                                       .need_ca = true},
               LEAT_E_TLS_VERIFY, 0, "no CA certificate can be parsed");
}

Test(tls_credentials, a_file_that_never_ends)
{
    refuse(&(struct leati_tls_credentials_options){.ca_path = "/dev/zero", .need_ca = true},
           LEAT_E_WS_CERT_FILE, EFBIG, "/dev/zero");
}

/* Nobody writes to them, and no loop waits for somebody who does. */
Test(tls_credentials, a_fifo_is_no_file)
{
    const char *fifo = sandbox_path("fifo");
    const char *const cert = certificate_path("client.pem"), *key = certificate_path("client.key");

    cr_assert(mkfifo(fifo, 0600) == 0);
    for (int has_writer = 0; has_writer < 2; has_writer++) {
        int writer = has_writer ? open(fifo, O_RDWR | O_CLOEXEC) : -1;
        cr_assert(writer >= 0 || !has_writer);
        refuse(&(struct leati_tls_credentials_options){.ca_path = fifo, .need_ca = true},
               LEAT_E_WS_CERT_FILE, EINVAL, "not a regular file");
        const struct leati_tls_credentials_options as_cert = client_with(fifo, key, NULL);
        refuse(&as_cert, LEAT_E_WS_CERT_FILE, EINVAL, "not a regular file");
        const struct leati_tls_credentials_options as_key = client_with(cert, fifo, NULL);
        refuse(&as_key, LEAT_E_WS_CERT_FILE, EINVAL, "not a regular file");
        if (writer >= 0)
            close(writer);
    }
    const struct leati_tls_credentials_options folder = client_with(cert, sandbox_path(""), NULL);
    refuse(&folder, LEAT_E_WS_CERT_FILE, EISDIR, "directory");
}

Test(tls_credentials, client_key_plain_and_encrypted)
{
    struct leati_tls_credentials_options plain =
        client_with(certificate_path("client.pem"), certificate_path("client.key"), NULL);
    struct leati_tls_credentials_options encrypted =
        client_with(certificate_path("client.pem"), certificate_path("client-encrypted.key"),
                    CERTIFICATE_KEY_PASSWORD);
    struct leati_tls_credentials *credentials = load(&plain);

    cr_assert(leati_tls_credentials_identity(credentials, 0));
    cr_assert_null(leati_tls_credentials_identity(credentials, 1));
    leati_tls_credentials_unref(credentials);
    leati_tls_credentials_unref(load(&encrypted));
    /* A password that nobody asked for is no fault. */
    plain.key_password = "useless";
    leati_tls_credentials_unref(load(&plain));
}

/* The ciphers in which OpenSSL has written keys over the years. */
Test(tls_credentials, client_key_in_other_encryptions)
{
    static const char *const ciphers[][3] = {{"-v2", "aes-256-cbc", NULL}, {"-v2", "des3", NULL}};
    static const char *const legacy[] = {"-aes128", "-aes256", "-des3"};

    for (size_t i = 0; i < 2; i++) {
        const char *path = sandbox_path("encrypted.key");
        const char *argv[] = {"openssl",
                              "pkcs8",
                              "-topk8",
                              ciphers[i][0],
                              ciphers[i][1],
                              "-in",
                              certificate_path("client.key"),
                              "-passout",
                              "pass:secret",
                              "-out",
                              path,
                              NULL};
        cr_assert(process_wait(process_start(&(struct process_options){.argv = argv}),
                               PATIENCE_MS(10000)) == 0);
        struct leati_tls_credentials_options options =
            client_with(certificate_path("client.pem"), path, "secret");
        leati_tls_credentials_unref(load(&options));
    }
    for (size_t i = 0; i < 3; i++) {
        const char *path = sandbox_path("encrypted.key");
        const char *argv[] = {
            "openssl",  "ec",          legacy[i], "-in", certificate_path("client.key"),
            "-passout", "pass:secret", "-out",    path,  NULL};
        cr_assert(process_wait(process_start(&(struct process_options){.argv = argv}),
                               PATIENCE_MS(10000)) == 0);
        struct leati_tls_credentials_options options =
            client_with(certificate_path("client.pem"), path, "secret");
        leati_tls_credentials_unref(load(&options));
        options.key_password = "wrong";
        refuse(&options, LEAT_E_TLS_ENGINE, 0, "wrong password");
    }
}

Test(tls_credentials, client_key_with_wrong_or_no_password)
{
    struct leati_tls_credentials_options options = client_with(
        certificate_path("client.pem"), certificate_path("client-encrypted.key"), "wrong");

    refuse(&options, LEAT_E_TLS_ENGINE, 0, "wrong password");
    options.key_password = NULL;
    refuse(&options, LEAT_E_TLS_ENGINE, 0, "encrypted and no password");
    options.key_password = "";
    refuse(&options, LEAT_E_TLS_ENGINE, 0, "client key");
}

Test(tls_credentials, client_key_that_does_not_fit)
{
    struct leati_tls_credentials_options options =
        client_with(certificate_path("client.pem"), certificate_path("other-client.key"), NULL);

    refuse(&options, LEAT_E_TLS_VERIFY, 0, "does not belong to the certificate");
    options.key_path = certificate_path("rsa.key"); /* of another kind */
    refuse(&options, LEAT_E_TLS_VERIFY, 0, "does not belong to the certificate");
}

Test(tls_credentials, client_files_missing_or_broken)
{
    struct leati_tls_credentials_options options =
        client_with(sandbox_path("none.pem"), certificate_path("client.key"), NULL);

    refuse(&options, LEAT_E_WS_CERT_FILE, ENOENT, "client certificate");
    options = client_with(certificate_path("client.pem"), sandbox_path("none.key"), NULL);
    refuse(&options, LEAT_E_WS_CERT_FILE, ENOENT, "client key");
    options.key_path = sandbox_write("bad.key", "no key");
    refuse(&options, LEAT_E_TLS_ENGINE, 0, "cannot use the client key");
    options = client_with(sandbox_write("bad.pem", "no certificate"),
                          certificate_path("client.key"), NULL);
    refuse(&options, LEAT_E_TLS_VERIFY, 0, "cannot parse the client certificate");
    options.cert_path = sandbox_dir();
    refuse(&options, LEAT_E_WS_CERT_FILE, EISDIR, "client certificate");
}

Test(tls_credentials, certificate_and_key_in_one_file)
{
    char *cert = file_read(certificate_path("client.pem"));
    char *key = file_read(certificate_path("client.key"));
    const char *path = sandbox_write("both.pem", "%s%s", cert, key);
    struct leati_tls_credentials_options options = client_with(path, NULL, NULL);

    leati_tls_credentials_unref(load(&options));
    options.key_path = path;
    leati_tls_credentials_unref(load(&options));
    free(cert);
    free(key);
}

static void *load_and_drop(void *options)
{
    for (int i = 0; i < 20; i++)
        leati_tls_credentials_unref(load(options));
    return NULL;
}

Test(tls_credentials, several_threads_at_once)
{
    static struct leati_tls_credentials_options options;
    pthread_t threads[4];

    options = (struct leati_tls_credentials_options){.ca_path = certificate_path("ca.pem"),
                                                     .need_ca = true};
    for (size_t i = 0; i < 4; i++)
        cr_assert(pthread_create(&threads[i], NULL, load_and_drop, &options) == 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* CAs in large files and in directories, which a judge reads by need: what becomes of them while they are in use. */
#include "support/certificates.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "tls/credentials.h"
#include "tls/judge/hashed_directory.h"
#include "tls/judge/judge.h"
#include "unit/tls/tls_end.h"
#include "util/text.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/x509_crt.h>

TestSuite(tls_anchors, .timeout = 60, .fini = sandbox_done);

#define BUNDLE_BYTES (2 * LEATI_ANCHORS_LARGE_BYTES)

static struct leati_tls_credentials *credentials;

static void load(const char *path)
{
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(
                  &(struct leati_tls_credentials_options){.ca_path = path, .need_ca = true},
                  &failure, &credentials) == LEAT_OK,
              "%s", failure.text);
}

/* A connection to a server with this certificate. `text`: why it is refused, NULL = it is not. */
static void connect_to(const char *cert, const char *key, const char *text)
{
    struct tls_end client;
    struct ssl_peer peer;

    ssl_peer_init(&peer,
                  &(struct ssl_peer_options){.cert_path = certificate_path(cert),
                                             .key_path = key ? certificate_path(key) : NULL});
    tls_end_init(&client, &(struct tls_end_options){.credentials = credentials}, NULL);
    if (text) {
        tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
        tls_end_expect_text(&client, text);
    } else {
        tls_end_open(&client, &peer);
    }
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

/* Many copies of a CA that nobody asks for, and behind them another one. */
static const char *bundle_write(const char *last)
{
    static char text[BUNDLE_BYTES + 16384];
    char *filler = file_read(certificate_path("other-ca.pem"));
    char *end = last ? file_read(certificate_path(last)) : NULL;
    size_t pos = 0;

    text[0] = '\0';
    while (pos < BUNDLE_BYTES)
        leati_text_append(text, sizeof(text), &pos, "%s\n", filler);
    leati_text_append(text, sizeof(text), &pos, "%s", end ? end : "");
    free(filler);
    free(end);
    return sandbox_write("bundle.pem", "%s", text);
}

/* The descriptor of this process that is open on a path; -1: there is none. */
static int descriptor_of(const char *path)
{
    struct stat wanted, st;

    cr_assert(stat(path, &wanted) == 0);
    for (int fd = 3; fd < 256; fd++)
        if (fstat(fd, &st) == 0 && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino)
            return fd;
    return -1;
}

Test(tls_anchors, a_large_file)
{
    load(bundle_write("ca.pem"));
    connect_to("server.pem", NULL, NULL);
    connect_to("chain.pem", NULL, NULL);
    connect_to("unknown-ca.pem", NULL, "unknown issuer");
    leati_tls_credentials_unref(credentials);
    cr_assert(descriptor_of(sandbox_path("bundle.pem")) == -1);
}

Test(tls_anchors, a_large_file_is_deleted)
{
    load(bundle_write("ca.pem"));
    cr_assert(unlink(sandbox_path("bundle.pem")) == 0);
    connect_to("server.pem", NULL, NULL);
    leati_tls_credentials_unref(credentials);
}

Test(tls_anchors, a_large_file_is_written_again)
{
    if (!leati_judge_is_there())
        cr_skip_test("mbedTLS parses all of it at once");
    load(bundle_write(NULL));
    connect_to("server.pem", NULL, "unknown issuer");
    bundle_write("ca.pem");
    connect_to("server.pem", NULL, NULL);
    sandbox_write("bundle.pem", "%s", "nothing");
    connect_to("chain.pem", NULL, "unknown issuer");
    leati_tls_credentials_unref(credentials);
}

/* As daemons do that close all descriptors. */
Test(tls_anchors, the_descriptor_is_closed_and_used_for_another_file)
{
    if (!leati_judge_is_there())
        cr_skip_test("mbedTLS parses all of it at once");
    load(bundle_write("ca.pem"));
    int fd = descriptor_of(sandbox_path("bundle.pem"));
    cr_assert(fd >= 0);
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert(dup2(other, fd) == fd);
    connect_to("server.pem", NULL, NULL);
    leati_tls_credentials_unref(credentials);
    cr_assert(fcntl(fd, F_GETFD) != -1, "the other file was closed");
    close(fd);
    close(other);
}

static const char *directory_make(void)
{
    const char *dir = sandbox_path("cas");
    char *text = file_read(certificate_path("ca.pem"));

    cr_assert(mkdir(dir, 0700) == 0);
    sandbox_write("cas/ca.pem", "%s", text);
    free(text);
    return dir;
}

static void directory_rehash(const char *dir)
{
    const char *argv[] = {"openssl", "rehash", dir, NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});

    cr_assert(process_wait(process, 60000) == 0);
}

/* What is named by hash becomes this text, and nothing else stays. */
static void directory_names_overwrite(const char *path, const char *text)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    char name[300];

    cr_assert(dir);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        cr_assert(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
        if (!leati_hashed_directory_is_name(entry->d_name))
            continue;
        snprintf(name, sizeof(name), "cas/%s", entry->d_name);
        sandbox_write(name, "%s", text);
    }
    closedir(dir);
}

static void chain_judge_once(void)
{
    char *pem = file_read(certificate_path("server.pem"));
    mbedtls_x509_crt cert;
    struct leati_verdict verdict;

    mbedtls_x509_crt_init(&cert);
    cr_assert(mbedtls_x509_crt_parse(&cert, (uint8_t *)pem, strlen(pem) + 1) == 0);
    const struct leati_certificate sent = {cert.raw.p, cert.raw.len};
    cr_assert(leati_judge(
                  &(struct leati_judge_case){.anchors = leati_tls_credentials_anchors(credentials),
                                             .sent = &sent,
                                             .count = 1},
                  &verdict) == LEAT_OK);
    leati_verdict_done(&verdict);
    mbedtls_x509_crt_free(&cert);
    free(pem);
}

Test(tls_anchors, a_directory_with_names_by_hash)
{
    const char *dir = directory_make();

    directory_rehash(dir);
    load(dir);
    connect_to("server.pem", NULL, NULL);
    connect_to("unknown-ca.pem", NULL, "unknown issuer");
    leati_tls_credentials_unref(credentials);
}

static int name_note(void *user, const char *name)
{
    snprintf(user, 64, "%s", name);
    return LEAT_OK;
}

/* A file of two names is found by need, and not read beside. */
Test(tls_anchors, only_what_no_hash_leads_to_is_read_beside)
{
    const char *dir = directory_make();
    char name[64] = "";
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    directory_rehash(dir);
    cr_assert(leati_hashed_directory_rest(fd, name_note, name) == LEAT_OK);
    cr_assert_str_empty(name);
    sandbox_write("cas/added.pem", "not linked");
    cr_assert(leati_hashed_directory_rest(fd, name_note, name) == LEAT_OK);
    cr_assert_str_eq(name, "added.pem");
    close(fd);
}

Test(tls_anchors, a_directory_changes)
{
    if (!leati_judge_is_there())
        cr_skip_test("here mbedTLS judges, which reads every file of a directory");
    const char *dir = directory_make();
    char *text = file_read(certificate_path("other-ca.pem"));

    directory_rehash(dir);
    load(dir);
    connect_to("server.pem", NULL, NULL);
    directory_names_overwrite(dir, text);
    connect_to("chain.pem", NULL, "unknown issuer");
    leati_tls_credentials_unref(credentials);
    free(text);
}

/* The descriptor's number becomes that of a directory that anybody may write into. */
Test(tls_anchors, a_directorys_descriptor_is_closed_and_used_for_another_one)
{
    if (!leati_judge_is_there())
        cr_skip_test("here mbedTLS judges, which reads every file of a directory");
    const char *dir = directory_make();
    directory_rehash(dir);
    load(dir);
    int fd = descriptor_of(dir);
    int other = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd >= 0 && other >= 0);
    cr_assert(dup2(other, fd) == fd);
    connect_to("server.pem", NULL, NULL);
    leati_tls_credentials_unref(credentials);
    cr_assert(fcntl(fd, F_GETFD) != -1, "the other directory was closed");
    close(fd);
    close(other);
}

Test(tls_anchors, a_directory_with_names_of_both_kinds)
{
    const char *dir = directory_make();
    char *text = file_read(certificate_path("other-ca.pem"));

    sandbox_write("cas/0000abcd.0", "%s", text);
    free(text);
    load(dir);
    connect_to("server.pem", NULL, NULL);
    leati_tls_credentials_unref(credentials);
}

/* What is allocated, or what holds it where the libc does not tell. */
static size_t heap_bytes(void)
{
#ifdef __GLIBC__
    return mallinfo2().uordblks;
#else
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;
    cr_assert(file && fscanf(file, "%*u %*u %*u %*u %*u %zu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
#endif
}

/* A file may have the name of another one's hash: nothing grows with each chain that asks for it. */
Test(tls_anchors, a_directory_with_a_wrong_name)
{
    enum { ROUNDS = 1000, GROWTH_MAX_BYTES = 65536 };
    struct leati_anchors *anchors = leati_anchors_new();
    leati_anchors_free(anchors);
    if (!anchors)
        cr_skip_test("here mbedTLS judges, which reads every file of a directory");
    const char *dir = directory_make();

    directory_rehash(dir);
    char *text = file_read(certificate_path("other-ca.pem"));
    directory_names_overwrite(dir, text);
    free(text);
    load(dir);
    size_t before = 0;
    for (int i = 0; i < ROUNDS; i++) {
        chain_judge_once();
        if (i == ROUNDS / 2)
            before = heap_bytes();
    }
    size_t after = heap_bytes();
    cr_assert_leq(after, before + GROWTH_MAX_BYTES, "%zu bytes more", after - before);
    leati_tls_credentials_unref(credentials);
}

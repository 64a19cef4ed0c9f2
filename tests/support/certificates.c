/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_2020 1577836800
#define YEAR_2021 1609459200
#define YEAR_2048 2461449600
#define END_2049  2524521600

#define SERVER_HOSTS "localhost,any.test,anything.test,echo.test,proxy.test,two.test,127.0.0.1,::1"

enum { CA = LEAT_TESTING_USE_CA, CLIENT = LEAT_TESTING_USE_CLIENT };
enum { RSA_1024 = LEAT_TESTING_KEY_RSA_1024, RSA_2048 = LEAT_TESTING_KEY_RSA_2048 };
#define SHA1_SIGNED  LEAT_TESTING_DIGEST_SHA1
#define SELF_SIGNED  LEAT_TESTING_CERTIFICATE_SELF_SIGNED
#define UNKNOWN_CA   LEAT_TESTING_CERTIFICATE_UNKNOWN_CA
#define WRONG_USAGE  LEAT_TESTING_CERTIFICATE_WRONG_USAGE
#define NO_NAMES     LEAT_TESTING_CERTIFICATE_NO_NAMES
#define WITHOUT_NEXT LEAT_TESTING_CERTIFICATE_MISSING_INTERMEDIATE

#define ROW(...)                                                                                   \
    {                                                                                              \
        .name = __VA_ARGS__                                                                        \
    }
#define MANY_HOSTS "200 names" /* host-001.example.org to host-200.example.org */

/* Servers' certificates are for SERVER_HOSTS, with the key of "server", unless they say otherwise.
 */
static const struct row {
    const char *name, *key_of, *issuer, *hosts, *common_name, *key_password;
    unsigned use, key, digest, faults;
    int64_t from_s, until_s; /* since 1970; 0 = 2020 to 2049 */
} rows[] = {
    ROW("server", .key_of = ""),
    ROW("expired", .from_s = YEAR_2020, .until_s = YEAR_2021),
    ROW("future", .from_s = YEAR_2048),
    ROW("wrong-host", .hosts = "elsewhere.example"),
    ROW("unknown-ca", .faults = UNKNOWN_CA),
    ROW("self-signed", .faults = SELF_SIGNED, .common_name = "leat self-signed"),
    ROW("client-usage", .faults = WRONG_USAGE),
    ROW("weak-hash", .digest = SHA1_SIGNED),
    ROW("weak-key", .key_of = "", .key = RSA_1024),
    ROW("rsa", .key_of = "", .key = RSA_2048),
    ROW("ed25519", .key_of = "", .key = LEAT_TESTING_KEY_ED25519),
    ROW("common-name", .hosts = "127.0.0.1", .faults = NO_NAMES),
    ROW("wildcard", .hosts = "*.example.org"),
    ROW("many-names", .hosts = MANY_HOSTS, .common_name = "many"),
    ROW("revoked"),
    ROW("expired-wrong", .hosts = "elsewhere.example,192.0.2.7", .common_name = "expired-wrong",
        .faults = SELF_SIGNED, .from_s = YEAR_2020, .until_s = YEAR_2021),

    ROW("intermediate", .key_of = "", .use = CA, .common_name = "leat intermediate"),
    ROW("chain", .issuer = "intermediate"),
    ROW("leaf-only", .issuer = "intermediate", .faults = WITHOUT_NEXT),
    ROW("other-ca", .key_of = "", .use = CA, .faults = SELF_SIGNED),

    ROW("client", .key_of = "", .use = CLIENT, .common_name = "leat client"),
    ROW("client-encrypted", .key_of = "client", .use = CLIENT,
        .key_password = CERTIFICATE_KEY_PASSWORD),
    ROW("other-client", .key_of = "", .use = CLIENT),
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static struct {
    leat_testing_ca *ca;
    int64_t now_s;
    const struct leat_testing_certificate *made[ROWS];
    const struct leat_testing_crl *empty_crl, *old_crl, *revoked_crl;
} state;

/* The tests of what happens without memory are not about ours. Where there is no hook none is
 * written, because servers in other threads look at it. */
static bool (*allocations_succeed(void))(void)
{
    bool (*hook)(void) = leati_alloc_fail_hook;
    if (hook)
        leati_alloc_fail_hook = NULL;
    return hook;
}

static void allocations_fail_again(bool (*hook)(void))
{
    if (hook)
        leati_alloc_fail_hook = hook;
}

leat_testing_ca *certificates_ca(void)
{
    if (!state.ca) {
        struct leat_testing_problem problem;
        state.now_s = time(NULL);
        cr_assert(leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = sandbox_dir(),
                                                      .common_name = "leat test CA",
                                                      .now_s = state.now_s),
                                      &state.ca, &problem) == LEAT_OK,
                  "%s", problem.text);
    }
    return state.ca;
}

static const struct leat_testing_certificate *certificate_get(const char *name, size_t len);

static const struct leat_testing_certificate *certificate_of(const char *name)
{
    return !name || *name == '\0' ? NULL : certificate_get(name, strlen(name));
}

static const char *many_hosts(void)
{
    static char names[200 * sizeof("host-001.example.org")];
    size_t len = 0;
    for (int i = 1; i <= 200; ++i) {
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%shost-%03d.example.org",
                                i > 1 ? "," : "", i);
    }
    return names;
}

static const char *row_hosts(const struct row *row)
{
    if (!row->hosts && row->use == LEAT_TESTING_USE_SERVER)
        return SERVER_HOSTS;
    return row->hosts && strcmp(row->hosts, MANY_HOSTS) == 0 ? many_hosts() : row->hosts;
}

static const struct leat_testing_certificate *row_make(const struct row *row)
{
    struct leat_testing_problem problem;
    const struct leat_testing_certificate *made = NULL;
    leat_testing_ca *ca = certificates_ca();
    int code = leat_testing_ca_issue(
        ca,
        LEAT_TESTING_CERTIFICATE(.name = row->name, .use = (enum leat_testing_use)row->use,
                                 .hosts = row_hosts(row), .common_name = row->common_name,
                                 .key = (enum leat_testing_key)row->key,
                                 .digest = (enum leat_testing_digest)row->digest,
                                 .not_before_s =
                                     (row->from_s ? row->from_s : YEAR_2020) - state.now_s,
                                 .not_after_s =
                                     (row->until_s ? row->until_s : END_2049) - state.now_s,
                                 .issuer = certificate_of(row->issuer),
                                 .key_of = certificate_of(row->key_of ? row->key_of : "server"),
                                 .key_password = row->key_password, .faults = row->faults),
        &made, &problem);
    cr_assert(code == LEAT_OK, "%s: %s", row->name, problem.text);
    return made;
}

static const struct leat_testing_certificate *certificate_get(const char *name, size_t len)
{
    if (len == 2 && memcmp(name, "ca", len) == 0)
        return leat_testing_ca_get_certificate(certificates_ca());
    for (size_t i = 0; i < ROWS; ++i) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            if (!state.made[i])
                state.made[i] = row_make(&rows[i]);
            return state.made[i];
        }
    }
    cr_assert_fail("no certificate %.*s", (int)len, name);
    return NULL;
}

static void crl_make(const struct leat_testing_crl_options *options,
                     const struct leat_testing_crl **ret_crl)
{
    struct leat_testing_problem problem;
    cr_assert(leat_testing_ca_make_crl(state.ca, options, ret_crl, &problem) == LEAT_OK, "%s",
              problem.text);
}

/* All of them at once: "empty" is of the time before there was "revoked". */
static void crls_make(void)
{
    const struct leat_testing_certificate *revoked = certificate_of("revoked");
    crl_make(LEAT_TESTING_CRL(.name = "empty"), &state.empty_crl);
    crl_make(LEAT_TESTING_CRL(.name = "old", .this_update_s = YEAR_2020 - state.now_s,
                              .next_update_s = YEAR_2021 - state.now_s),
             &state.old_crl);
    cr_assert(leat_testing_ca_revoke(state.ca, revoked) == LEAT_OK);
    crl_make(LEAT_TESTING_CRL(.name = "revoked"), &state.revoked_crl);
}

static const char *crl_path(const char *name)
{
    if (!state.revoked_crl)
        crls_make();
    if (strcmp(name, "empty.crl") == 0)
        return state.empty_crl->path;
    return strcmp(name, "old.crl") == 0 ? state.old_crl->path : state.revoked_crl->path;
}

const char *certificates_dir(void)
{
    bool (*hook)(void) = allocations_succeed();
    for (size_t i = 0; i < ROWS; ++i) {
        if (rows[i].key != RSA_2048)
            (void)certificate_of(rows[i].name);
    }
    const char *dir = leat_testing_ca_get_dir(state.ca);
    const char *path = sandbox_format("%s/not-pem.txt", dir);
    FILE *file = fopen(path, "we");
    cr_assert(file && fputs("This is no PEM.\n", file) >= 0 && fclose(file) == 0, "%s", path);
    allocations_fail_again(hook);
    return dir;
}

const char *certificate_path(const char *name)
{
    bool (*hook)(void) = allocations_succeed();
    const char *suffix = strrchr(name, '.');
    const char *path;
    cr_assert(suffix, "%s", name);
    if (strcmp(suffix, ".crl") == 0) {
        path = crl_path(name);
    } else {
        const struct leat_testing_certificate *made =
            certificate_get(name, (size_t)(suffix - name));
        path = strcmp(suffix, ".key") == 0 ? made->key_path : made->cert_path;
    }
    allocations_fail_again(hook);
    return path;
}

void certificates_done(void)
{
    leat_testing_ca_free(state.ca);
    memset(&state, 0, sizeof(state));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate maker without memory: leat's own allocations fail, then those of libcrypto. */
#include "support/alloc_failure.h"
#include "support/sandbox.h"

#include <leat/testing_certificates.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

TestSuite(certificate_maker_memory, .timeout = 120, .fini = sandbox_done);

static int make(void)
{
    leat_testing_ca *ca = NULL;
    const struct leat_testing_certificate *leaf;
    const struct leat_testing_crl *crl;
    int code = leat_testing_ca_new(LEAT_TESTING_CA(.parent_dir = sandbox_dir()), &ca, NULL);
    if (code == LEAT_OK) {
        code = leat_testing_ca_issue(
            ca,
            LEAT_TESTING_CERTIFICATE(.intermediates = 2, .key_password = "secret",
                                     .faults = LEAT_TESTING_CERTIFICATE_UNKNOWN_CA |
                                               LEAT_TESTING_CERTIFICATE_REVOKED),
            &leaf, NULL);
    }
    if (code == LEAT_OK)
        code = leat_testing_ca_make_crl(ca, LEAT_TESTING_CRL(.issuer = leaf->issuer), &crl, NULL);
    leat_testing_ca_free(ca);
    return code;
}

static void expect_nothing_left(void)
{
    DIR *dir = opendir(sandbox_dir());
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        cr_assert(entry->d_name[0] == '.', "%s is left", entry->d_name);
    closedir(dir);
}

static bool make_without_memory(void)
{
    int code = make();
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    return code == LEAT_OK;
}

Test(certificate_maker_memory, of_its_own)
{
    cr_assert(alloc_failure_run_all(make_without_memory) > 20);
    expect_nothing_left();
}

/* ---- libcrypto ----------------------------------------------------------------------------- */

static long countdown;

static bool fails_now(void)
{
    return countdown > 0 && --countdown == 0;
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails_now() ? NULL : malloc(size);
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails_now() ? NULL : realloc(ptr, size);
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

static bool replaced;

/* libcrypto takes other functions only before it has allocated anything. */
__attribute__((constructor)) static void replace(void)
{
    replaced = CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}

Test(certificate_maker_memory, of_libcrypto)
{
    cr_assert(replaced);
    cr_assert(make() == LEAT_OK); /* what it sets up once cannot be tried again */
    int failed = 0;
    for (long n = 1; n < 1000000; n += 41) {
        countdown = n;
        int code = make();
        bool reached = countdown == 0;
        countdown = 0;
        cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL || code == LEAT_E_TLS_ENGINE,
                  "%ld: %d", n, code);
        cr_assert(ERR_peek_error() == 0, "%ld: an error is left in the queue", n);
        failed += code != LEAT_OK;
        if (!reached) {
            cr_assert(code == LEAT_OK);
            break;
        }
    }
    cr_assert(failed > 30, "%d", failed);
    cr_assert(make() == LEAT_OK);
    expect_nothing_left();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's n-th allocation fails, for all n: 2300002, and nothing that is in the clear or was
 * not authenticated. */
#include "support/certificates.h"
#include "support/mbedtls_leaks.h"
#include "support/sandbox.h"
#include "tls/mbedtls_process.h"
#include "unit/tls/tls_end.h"
#include "unit/tls_crypto/cases.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(tls_crypto_memory, .timeout = 280, .fini = sandbox_done);

#define SECRET_BYTES 3000u

static long countdown;
static long allocations;
static bool replaced;

static bool allocation_fails(void)
{
    allocations++;
    return countdown > 0 && --countdown == 0;
}

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return allocation_fails() ? NULL : malloc(size);
}

static void *failing_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size > 0 && allocation_fails() ? NULL : realloc(ptr, size);
}

static void plain_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

/* libcrypto takes them only before its first allocation. */
__attribute__((constructor)) static void allocator_replace(void)
{
    /* Since 3.2 libcrypto waits for itself where the first allocation of its own start fails. */
    replaced = CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) == 1 &&
               OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
}

/* OSSL_LIB_CTX_new() of libcrypto 3.0 forgets parts of the context that it could not finish. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static int engine_start(void)
{
    if (__lsan_disable)
        __lsan_disable();
    leati_mbedtls_enter();
    int ret = leati_mbedtls_start();
    if (__lsan_enable)
        __lsan_enable();
    return ret;
}

enum start { START_WITH_ALL = 1, START_FAILED = 2, START_FAILED_FOR_GOOD = 4, START_OTHERWISE = 8 };

/* In a process of its own, where libcrypto has fetched nothing yet. */
static unsigned start_without(long n)
{
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        countdown = n;
        int ret = engine_start();
        unsigned seen = countdown > 0 ? START_WITH_ALL : 0;
        countdown = 0;
        if (ret != 0)
            seen |= START_FAILED | (leati_mbedtls_out_of_memory() ? 0 : START_OTHERWISE);
        if (engine_start() != 0)
            seen |= START_FAILED_FOR_GOOD;
        _exit((int)seen);
    }
    int status = 0;
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return (unsigned)WEXITSTATUS(status);
}

/* The first use fetches everything from the provider. A failure is not for good. */
Test(tls_crypto_memory, start)
{
    int failed = 0;
    unsigned seen = 0;

    cr_assert(replaced);
    for (long n = 1; !(seen & START_WITH_ALL); n += cases_step()) {
        seen = start_without(n);
        cr_expect(!(seen & (START_FAILED_FOR_GOOD | START_OTHERWISE)), "%u at %ld", seen, n);
        failed += (seen & START_FAILED) != 0;
    }
    cr_expect(!(seen & START_FAILED));
    cr_assert(failed > 10, "%d", failed);
}

/* ---- connections ---------------------------------------------------------------------------- */

static struct leati_tls_credentials *client_credentials, *server_credentials;
static const char *ciphers;
static int protocol;

static void credentials_make(void)
{
    struct leati_tls_credentials_options client = {
        .ca_path = certificate_path("ca.pem"), .cipher_suites = ciphers, .need_ca = true};
    struct leati_tls_credentials_options server = {.cert_path = certificate_path("server.pem"),
                                                   .key_path = certificate_path("server.key"),
                                                   .is_server = true};
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&client, &failure, &client_credentials) == LEAT_OK, "%s",
              failure.text);
    cr_assert(leati_tls_credentials_new(&server, &failure, &server_credentials) == LEAT_OK);
}

static bool is_in_the_clear(const struct tls_end *end, const uint8_t *secret)
{
    return end->wire.sent.len > 0 && memmem(end->wire.sent.data, end->wire.sent.len, secret, 16);
}

/* One message each way. The first code that is not LEAT_OK, of either end. */
static int converse(struct tls_end *from, struct tls_end *to, const uint8_t *secret)
{
    uint8_t back[SECRET_BYTES];
    size_t n = 0;
    int code = tls_end_write(from, secret, SECRET_BYTES);

    if (code == LEAT_OK)
        code = tls_end_read(to, back, SECRET_BYTES, &n);
    cr_assert(memcmp(back, secret, n) == 0, "what was read is not what was sent");
    return code;
}

/* Whether all went well. An end that breaks down may leave the other one with a code of its own. */
static bool attempt(const uint8_t *secret)
{
    struct tls_end client, server;
    int client_code = tls_end_try(
        &client,
        &(struct tls_end_options){.credentials = client_credentials, .max_protocol = protocol},
        NULL);
    int server_code = tls_end_try(
        &server, &(struct tls_end_options){.is_server = true, .credentials = server_credentials},
        NULL);
    int code = client_code != LEAT_OK ? client_code : server_code;

    if (code == LEAT_OK) {
        tls_end_link(&client, &server);
        tls_end_connect_both(&client, &server, &client_code, &server_code);
        code = client_code == LEAT_OK ? server_code : client_code;
    }
    if (code == LEAT_OK)
        code = converse(&client, &server, secret);
    if (code == LEAT_OK)
        code = converse(&server, &client, secret);
    if (code != LEAT_OK)
        cr_assert(client.failure.code == LEAT_E_SYSTEM_INTERNAL ||
                      server.failure.code == LEAT_E_SYSTEM_INTERNAL,
                  "client %d: %s; server %d: %s", client.failure.code, client.failure.text,
                  server.failure.code, server.failure.text);
    cr_assert(!is_in_the_clear(&client, secret) && !is_in_the_clear(&server, secret));
    tls_end_done(&client);
    tls_end_done(&server);
    return code == LEAT_OK;
}

static void connections_starve(int version, const char *suites)
{
    uint8_t *secret = pattern_new(SECRET_BYTES);
    long total;
    int failed = 0;

    protocol = version;
    ciphers = suites;
    credentials_make();
    cr_assert(attempt(secret)); /* what is fetched at the first use is here now */
    allocations = 0;
    cr_assert(attempt(secret));
    total = allocations;
    const long step = 1 + cases_step() / 5;
    for (long n = 1; n <= total; n += step) {
        countdown = n;
        failed += !attempt(secret);
        countdown = 0;
    }
    cr_assert(attempt(secret), "a failure is not for good");
    cr_assert(failed * step > 4, "%d of %ld", failed, total);
    leati_tls_credentials_unref(client_credentials);
    leati_tls_credentials_unref(server_credentials);
    free(secret);
}

Test(tls_crypto_memory, connection_with_gcm)
{
    connections_starve(LEAT_TLS_V13, "TLS_AES_128_GCM_SHA256");
}

Test(tls_crypto_memory, connection_with_chachapoly)
{
    connections_starve(LEAT_TLS_V13, "TLS_CHACHA20_POLY1305_SHA256");
}

Test(tls_crypto_memory, connection_tls_1_2)
{
    connections_starve(LEAT_TLS_V12, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,"
                                     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
}

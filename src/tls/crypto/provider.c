/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/provider.h"

#include "util/alloc.h"
#include "util/text.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

/* What the tables have, as libcrypto names it first. */
static const char *const wanted[] = {
    /* records */
    "AES-128-GCM",
    "AES-192-GCM",
    "AES-256-GCM",
    "ChaCha20-Poly1305",
    /* random numbers */
    "AES-256-CTR",
    "AES-256-ECB",
    "CTR-DRBG",
    "SEED-SRC",
    /* signatures of certificates; what is weak among it is named so */
    "MD5",
    "SHA1",
    "SHA2-224",
    "SHA2-256",
    "SHA2-384",
    "SHA2-512",
    "SHAKE-256",
    "ECDSA",
    /* keys */
    "RSA",
    "RSA-PSS",
    "DSA",
    "EC",
    "X25519",
    "ED25519",
    "ED448",
};

/* Those of decoders, which are for each way to write a key down. */
static const char *const wanted_forms[] = {"input=der", "structure=SubjectPublicKeyInfo"};

#define OPERATIONS_END (OSSL_OP__HIGHEST + 1)

/* Never freed, as the context. */
static OSSL_ALGORITHM *tables[OPERATIONS_END];
static void *default_context; /* what the functions of the tables work with */
static EVP_KEM *default_user; /* as long as it is there the default provider is */
static OSSL_PROVIDER *reduced;

static bool is_wanted(int operation, const OSSL_ALGORITHM *algorithm)
{
    size_t len = strcspn(algorithm->algorithm_names, ":");

    for (size_t i = 0; operation == OSSL_OP_DECODER && i < 2; i++)
        if (!strstr(algorithm->property_definition, wanted_forms[i]))
            return false;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (leati_text_equal_nocase(wanted[i], strlen(wanted[i]), algorithm->algorithm_names, len))
            return true;
    return false;
}

static bool table_make(OSSL_PROVIDER *from, int operation)
{
    int is_volatile = 0;
    const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(from, operation, &is_volatile);
    size_t count = 0;

    for (const OSSL_ALGORITHM *one = all; one && one->algorithm_names; one++)
        count += is_wanted(operation, one);
    if (count == 0)
        return true;
    /* What a provider may take back cannot be kept. */
    OSSL_ALGORITHM *table = is_volatile ? NULL : leati_calloc(count + 1, sizeof(*table));
    if (!table)
        return false;
    for (const OSSL_ALGORITHM *one = all; one->algorithm_names; one++)
        if (is_wanted(operation, one))
            table[--count] = *one;
    tables[operation] = table;
    return true;
}

static bool tables_make(OSSL_PROVIDER *from)
{
    static const int operations[] = {OSSL_OP_DIGEST,  OSSL_OP_CIPHER,  OSSL_OP_RAND,
                                     OSSL_OP_KEYMGMT, OSSL_OP_KEYEXCH, OSSL_OP_SIGNATURE,
                                     OSSL_OP_DECODER};

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (!tables[operations[i]] && !table_make(from, operations[i]))
            return false;
    return true;
}

static const OSSL_ALGORITHM *operation_query(void *context, int operation, int *ret_is_volatile)
{
    (void)context;
    *ret_is_volatile = 0;
    return operation >= 0 && operation < OPERATIONS_END ? tables[operation] : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **ret_functions, void **ret_context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))operation_query},
        {0, NULL},
    };

    (void)handle;
    (void)in;
    *ret_functions = functions;
    *ret_context = default_context;
    return 1;
}

/* The functions are those of the default provider, which is not asked for algorithms any more, but
 * stays because one of its methods does: each holds on to the provider that it is from. */
static bool context_reduce(OSSL_LIB_CTX *context)
{
    OSSL_PROVIDER *all = OSSL_PROVIDER_load(context, "default");

    if (!all)
        return false;
    default_context = OSSL_PROVIDER_get0_provider_ctx(all);
    default_user = EVP_KEM_fetch(context, "RSA", NULL);
    bool is_good = default_context && default_user && tables_make(all) &&
                   OSSL_PROVIDER_add_builtin(context, "leat", provider_init) == 1;
    if (is_good)
        reduced = OSSL_PROVIDER_load(context, "leat");
    is_good = is_good && reduced;
    return OSSL_PROVIDER_unload(all) == 1 && is_good;
}

void leati_crypto_context_free(OSSL_LIB_CTX *context)
{
    if (reduced)
        (void)OSSL_PROVIDER_unload(reduced);
    reduced = NULL;
    EVP_KEM_free(default_user);
    default_user = NULL;
    OSSL_LIB_CTX_free(context);
}

static OSSL_LIB_CTX *reduced_new(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

    if (context && context_reduce(context))
        return context;
    leati_crypto_context_free(context);
    return NULL;
}

OSSL_LIB_CTX *leati_crypto_context_new(void)
{
    OSSL_LIB_CTX *context = reduced_new();

    if (context)
        return context;
    /* If the second time is better, memory was what the first one lacked. */
    context = reduced_new();
    if (!context)
        return OSSL_LIB_CTX_new();
    leati_crypto_context_free(context);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/libcrypto.h"
#include "tls/judge/x509.h"
#include "util/alloc.h"

#include <leat/error_codes.h>

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

struct leati_crls {
    STACK_OF(X509_CRL) * stack;
};

static struct leati_crls *crls_new(void)
{
    struct leati_crls *crls = leati_calloc(1, sizeof(*crls));

    if (!crls)
        return NULL;
    crls->stack = sk_X509_CRL_new_null();
    if (crls->stack)
        return crls;
    leati_free(crls);
    return NULL;
}

void leati_crls_free(struct leati_crls *crls)
{
    if (!crls)
        return;
    leati_crypto_begin();
    sk_X509_CRL_pop_free(crls->stack, X509_CRL_free);
    leati_crypto_end();
    leati_free(crls);
}

/* Returns how many lists were added before the end, or before one that cannot be read. */
static int lists_read(struct leati_crls *crls, const char *text, bool *ret_is_whole)
{
    BIO *bio = BIO_new_mem_buf(text, (int)strlen(text));
    OSSL_LIB_CTX *context = leati_crypto_context();
    int count = 0;

    *ret_is_whole = false;
    while (bio && context) {
        X509_CRL *crl = X509_CRL_new_ex(context, NULL);
        bool is_read = crl && PEM_read_bio_X509_CRL(bio, &crl, NULL, NULL);
        if (!is_read || sk_X509_CRL_push(crls->stack, crl) <= 0) {
            /* NULL if it is libcrypto that has freed it. */
            X509_CRL_free(crl);
            *ret_is_whole =
                !is_read && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            break;
        }
        count++;
    }
    BIO_free(bio);
    return count;
}

static void lists_drop(struct leati_crls *crls, int count)
{
    while (count-- > 0)
        X509_CRL_free(sk_X509_CRL_pop(crls->stack));
}

int leati_crls_add(struct leati_crls **crls, const char *text, const char **ret_why)
{
    bool is_whole, is_whole_again = false;

    *ret_why = "";
    if (!*crls)
        *crls = crls_new();
    if (!*crls || strlen(text) > INT_MAX)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_crypto_begin();
    int count = lists_read(*crls, text, &is_whole);
    bool is_good = is_whole && count > 0;
    if (!is_good) {
        *ret_why = leati_x509_words();
        lists_drop(*crls, count);
        /* libcrypto does not say for sure that it had no memory. */
        count = lists_read(*crls, text, &is_whole_again);
        is_whole_again = is_whole_again && count > 0;
        lists_drop(*crls, count);
    }
    leati_crypto_end();
    if (is_good)
        return LEAT_OK;
    return is_whole_again ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_TLS_VERIFY;
}

STACK_OF(X509_CRL) * leati_crls_stack(const struct leati_crls *crls)
{
    return crls ? crls->stack : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A library context of libcrypto in which only the algorithms are that leat uses. A context with
 * the whole default provider lists some 400 of them, which costs 140 KiB more and makes a key
 * three times as expensive to decode.
 */
#ifndef LEATI_TLS_CRYPTO_PROVIDER_H
#define LEATI_TLS_CRYPTO_PROVIDER_H

#include <openssl/types.h>

/** Not for two threads at once. NULL: no memory. Where libcrypto does not let itself be reduced it
 * is a context with all of the default provider. */
OSSL_LIB_CTX *leati_crypto_context_new(void);

/** Not for two threads at once. Nothing made from it may be left. */
void leati_crypto_context_free(OSSL_LIB_CTX *context);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private key that is elsewhere: mbedTLS gets a key that has only its public half, and whose kind
 * signs by a function of ours. mbedTLS has such kinds itself, but for RSA in TLS 1.2 only (RSA_ALT), and
 * for keys in PSA. With RSA the same is left: what signs with PSS in TLS 1.3 does not ask the kind.
 */
#include "tls/mends/calls.h"
#include "tls/mends/mends.h"

#include "util/fork.h"

#include <pthread.h>

#include <pk_wrap.h>

static mbedtls_pk_info_t external_ec, external_rsa;

static int sign(mbedtls_pk_context *pk, mbedtls_md_type_t hash, const unsigned char *digest,
                size_t digest_len, unsigned char *signature, size_t cap, size_t *ret_len,
                int (*random)(void *, unsigned char *, size_t), void *random_user)
{
    const struct leati_tls_key *key = (const struct leati_tls_key *)pk;

    (void)random;
    (void)random_user;
    return key->sign(key->user, hash, digest, digest_len, signature, cap, ret_len);
}

static void kinds_fill(void)
{
    external_ec = mbedtls_eckey_info;
    external_ec.sign_func = sign;
    external_rsa = mbedtls_rsa_info;
    external_rsa.sign_func = sign;
    external_rsa.decrypt_func = NULL; /* no key exchange by RSA */
}

int leati_tls_key_be_elsewhere(struct leati_tls_key *key, const mbedtls_x509_crt *cert,
                               leati_tls_key_sign_fn *sign_fn, void *user)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char *spki = cert->pk_raw.p;

    leati_once(&once, kinds_fill);
    int ret = mbedtls_pk_parse_subpubkey(&spki, spki + cert->pk_raw.len, &key->pk);
    if (ret != 0)
        return ret;
    switch (mbedtls_pk_get_type(&key->pk)) {
    case MBEDTLS_PK_ECKEY:
        key->pk.pk_info = &external_ec;
        break;
    case MBEDTLS_PK_RSA:
        key->pk.pk_info = &external_rsa;
        break;
    default:
        return MBEDTLS_ERR_PK_UNKNOWN_PK_ALG;
    }
    key->sign = sign_fn;
    key->user = user;
    return 0;
}

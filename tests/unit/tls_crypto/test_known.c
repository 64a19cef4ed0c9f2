/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers, and what must be refused. */
#include "unit/tls_crypto/operations.h"
#include "unit/tls_crypto/vectors.h"

#include <criterion/criterion.h>
#include <leat/base.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <stdio.h>
#include <string.h>

TestSuite(tls_crypto, .timeout = 60);

#define BUFFER_BYTES 512u

struct bytes {
    uint8_t data[BUFFER_BYTES];
    size_t len;
};

static struct bytes from_hex(const char *digits)
{
    struct bytes bytes = {.len = strlen(digits) / 2};

    for (size_t i = 0; i < bytes.len; i++)
        cr_assert(sscanf(digits + 2 * i, "%2hhx", &bytes.data[i]) == 1);
    return bytes;
}

/* One vector in every way that there is. */
struct loaded {
    struct bytes key, iv, aad, plain, cipher, tag;
    uint8_t out[BUFFER_BYTES], out_tag[16];
    struct message message;
};

static void load(struct loaded *l, const struct vector *vector)
{
    l->key = from_hex(vector->key);
    l->iv = from_hex(vector->iv);
    l->aad = from_hex(vector->aad);
    l->plain = from_hex(vector->plain);
    l->cipher = from_hex(vector->cipher);
    l->tag = from_hex(vector->tag);
    memset(l->out, 0xaa, sizeof(l->out));
    memset(l->out_tag, 0, sizeof(l->out_tag));
    l->message = (struct message){.key = l->key.data,
                                  .key_len = l->key.len,
                                  .iv = l->iv.data,
                                  .iv_len = l->iv.len,
                                  .aad = l->aad.data,
                                  .aad_len = l->aad.len,
                                  .input = l->plain.data,
                                  .output = l->out,
                                  .len = l->plain.len,
                                  .tag = l->out_tag,
                                  .tag_len = l->tag.len};
}

static void expect_sealed(const struct loaded *l, const char *name)
{
    cr_assert(memcmp(l->out, l->cipher.data, l->cipher.len) == 0, "%s", name);
    cr_assert(memcmp(l->out_tag, l->tag.data, l->tag.len) == 0, "%s", name);
}

static void expect_opened(const struct loaded *l, const char *name)
{
    cr_assert(memcmp(l->out, l->plain.data, l->plain.len) == 0, "%s", name);
}

static void expect_wiped(const struct loaded *l, const char *name)
{
    for (size_t i = 0; i < l->plain.len; i++)
        cr_assert(l->out[i] == 0, "%s: byte %zu was released", name, i);
}

typedef int pass_fn(const struct message *message);
typedef int parts_fn(const struct message *message, bool decrypts);

static void check_vector(const struct vector *v, pass_fn *seal, pass_fn *open, parts_fn *parts)
{
    static struct loaded l;

    load(&l, v);
    cr_assert(seal(&l.message) == 0, "%s", v->name);
    expect_sealed(&l, v->name);
    l.message.input = l.cipher.data;
    l.message.tag = l.tag.data;
    cr_assert(open(&l.message) == 0, "%s", v->name);
    expect_opened(&l, v->name);

    for (unsigned pieces = 0; pieces < 4; pieces++) {
        load(&l, v);
        l.message.pieces = pieces;
        cr_assert(parts(&l.message, false) == 0, "%s", v->name);
        expect_sealed(&l, v->name);
        load(&l, v);
        l.message.pieces = pieces;
        l.message.input = l.cipher.data;
        cr_assert(parts(&l.message, true) == 0, "%s", v->name);
        expect_opened(&l, v->name);
        cr_assert(memcmp(l.out_tag, l.tag.data, l.tag.len) == 0, "%s", v->name);
    }

    load(&l, v); /* in place */
    l.message.input = memcpy(l.out, l.plain.data, l.plain.len);
    cr_assert(seal(&l.message) == 0, "%s", v->name);
    expect_sealed(&l, v->name);
}

/* Every bit of the tag, and one bit of everything else. */
static void check_refusals(const struct vector *v, pass_fn *open, int auth_failed)
{
    static struct loaded l;
    size_t tag_bits = 4 * strlen(v->tag);

    for (size_t bit = 0; bit < tag_bits + 3; bit++) {
        load(&l, v);
        l.message.input = l.cipher.data;
        l.message.tag = l.tag.data;
        if (bit < tag_bits)
            l.tag.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        else if (bit == tag_bits)
            l.iv.data[0] ^= 1;
        else if (bit == tag_bits + 1)
            l.key.data[l.key.len - 1] ^= 0x80;
        else if (l.cipher.len > 0)
            l.cipher.data[l.cipher.len - 1] ^= 0x80;
        else
            break;
        cr_assert(open(&l.message) == auth_failed, "%s: %zu", v->name, bit);
        expect_wiped(&l, v->name);
    }
    if (*v->aad != '\0') {
        load(&l, v);
        l.message.input = l.cipher.data;
        l.message.tag = l.tag.data;
        l.message.aad_len--;
        cr_assert(open(&l.message) == auth_failed, "%s", v->name);
        expect_wiped(&l, v->name);
    }
}

Test(tls_crypto, gcm_known_answers)
{
    for (size_t i = 0; i < sizeof(gcm_vectors) / sizeof(gcm_vectors[0]); i++)
        check_vector(&gcm_vectors[i], operations_in_use.gcm_seal, operations_in_use.gcm_open,
                     operations_in_use.gcm_parts);
}

Test(tls_crypto, gcm_opens_without_a_tag_to_compare)
{
    static struct loaded l;

    for (size_t i = 0; i < sizeof(gcm_vectors) / sizeof(gcm_vectors[0]); i++) {
        load(&l, &gcm_vectors[i]);
        l.message.input = l.cipher.data;
        cr_assert(operations_in_use.gcm_open_without_tag(&l.message) == 0);
        expect_opened(&l, gcm_vectors[i].name);
        cr_assert(memcmp(l.out_tag, l.tag.data, l.tag.len) == 0);
    }
}

Test(tls_crypto, gcm_refuses_what_is_not_authentic)
{
    for (size_t i = 0; i < sizeof(gcm_vectors) / sizeof(gcm_vectors[0]); i++)
        check_refusals(&gcm_vectors[i], operations_in_use.gcm_open, MBEDTLS_ERR_GCM_AUTH_FAILED);
}

Test(tls_crypto, chachapoly_known_answers)
{
    for (size_t i = 0; i < sizeof(chachapoly_vectors) / sizeof(chachapoly_vectors[0]); i++)
        check_vector(&chachapoly_vectors[i], operations_in_use.chachapoly_seal,
                     operations_in_use.chachapoly_open, operations_in_use.chachapoly_parts);
}

Test(tls_crypto, chachapoly_refuses_what_is_not_authentic)
{
    for (size_t i = 0; i < sizeof(chachapoly_vectors) / sizeof(chachapoly_vectors[0]); i++)
        check_refusals(&chachapoly_vectors[i], operations_in_use.chachapoly_open,
                       MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
}

/* A context that has no key, or no message begun, computes nothing. */
Test(tls_crypto, chachapoly_refuses_calls_out_of_order)
{
    mbedtls_chachapoly_context ctx;
    uint8_t data[16] = {0}, tag[16], key[32] = {0}, nonce[12] = {0};

    mbedtls_chachapoly_init(&ctx);
    cr_assert(mbedtls_chachapoly_update(&ctx, 1, data, data) == MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
    cr_assert(mbedtls_chachapoly_setkey(&ctx, key) == 0);
    cr_assert(mbedtls_chachapoly_update_aad(&ctx, data, 1) == MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
    cr_assert(mbedtls_chachapoly_finish(&ctx, tag) == MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
    cr_assert(mbedtls_chachapoly_starts(&ctx, nonce, MBEDTLS_CHACHAPOLY_ENCRYPT) == 0);
    cr_assert(mbedtls_chachapoly_update(&ctx, 16, data, data) == 0);
    cr_assert(mbedtls_chachapoly_update_aad(&ctx, data, 1) == MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
    cr_assert(mbedtls_chachapoly_finish(&ctx, tag) == 0);
    cr_assert(mbedtls_chachapoly_update(&ctx, 1, data, data) == MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
    mbedtls_chachapoly_free(&ctx);
}

/* A second key replaces the first one, and what is freed can be used again. */
Test(tls_crypto, a_context_takes_another_key)
{
    static struct loaded l;
    mbedtls_gcm_context ctx;

    mbedtls_gcm_init(&ctx);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(gcm_vectors) / sizeof(gcm_vectors[0]); i++) {
            load(&l, &gcm_vectors[i]);
            const struct message *m = &l.message;
            cr_assert(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, m->key,
                                         (unsigned)m->key_len * 8) == 0);
            cr_assert(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, m->len, m->iv, m->iv_len,
                                                m->aad, m->aad_len, m->input, m->output, m->tag_len,
                                                m->tag) == 0);
            expect_sealed(&l, gcm_vectors[i].name);
        }
        mbedtls_gcm_free(&ctx);
    }
    mbedtls_gcm_free(NULL);
}

/* FIPS 180-4, the examples of NIST: "abc". */
Test(tls_crypto, sha2_known_answers)
{
    struct bytes sha256 =
        from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct bytes sha384 = from_hex(
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca1"
        "34c825a7");
    uint8_t digest[48];

    cr_assert(operations_in_use.sha256((const uint8_t *)"abc", 3, 1, digest) == 0);
    cr_assert(memcmp(digest, sha256.data, 32) == 0);
    cr_assert(operations_in_use.sha384((const uint8_t *)"abc", 3, 1, digest) == 0);
    cr_assert(memcmp(digest, sha384.data, 48) == 0);
}

Test(tls_crypto, the_backend_says_its_name)
{
    const char *name = leat_tls_backend();

    cr_assert(strncmp(name, "mbedTLS 3.", 10) == 0, "%s", name);
#if defined(LEAT_CRYPTO_LIBCRYPTO)
    cr_assert(strstr(name, ", primitives by OpenSSL "), "%s", name);
#else
    cr_assert(!strstr(name, "OpenSSL"), "%s", name);
#endif
}

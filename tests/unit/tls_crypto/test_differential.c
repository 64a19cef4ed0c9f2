/* SPDX-License-Identifier: Apache-2.0 */
/* Random messages: libcrypto and mbedTLS' own code must agree in every byte and every code. */
#include "unit/tls_crypto/cases.h"
#include "unit/tls_crypto/operations.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_crypto_differential, .timeout = 240);

#define BUFFER_BYTES  40000u
#define OVERLAP_BYTES 64u

typedef int seal_fn(const struct message *message);
typedef int parts_fn(const struct message *message, bool decrypts);

static void fill(uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = next();
        memcpy(buf + i, &word, len - i < 8 ? len - i : 8);
    }
}

static size_t random_len(void)
{
    switch (below(16)) {
    case 0:
        return 0;
    case 1:
        return below(BUFFER_BYTES - OVERLAP_BYTES);
    case 2:
        return 16 * below(40);
    default:
        return below(300);
    }
}

struct buffers {
    uint8_t key[32], iv[128], aad[512], plain[BUFFER_BYTES];
    uint8_t ours[BUFFER_BYTES], theirs[BUFFER_BYTES], back[BUFFER_BYTES];
    uint8_t our_tag[16], their_tag[16];
};

static struct buffers b;

static struct message random_gcm_message(void)
{
    struct message m = {
        .key = b.key,
        .iv = b.iv,
        .aad = b.aad,
        .key_len = 16 + 8 * below(3),
        .iv_len = below(4) != 0 ? 12 : 1 + below(sizeof(b.iv)),
        .aad_len = below(3) != 0 ? below(40) : below(sizeof(b.aad)),
        .len = random_len(),
        .tag_len = below(3) != 0 ? 16 : 4 + below(13),
        .pieces = (unsigned)next() | 1,
    };
    fill(b.key, m.key_len);
    fill(b.iv, m.iv_len);
    fill(b.aad, m.aad_len);
    fill(b.plain, m.len);
    return m;
}

/* The input before, at or behind where the output goes: in place, or overlapping as GCM's contract
 * allows. Returns the message to be given to our side. */
static struct message place(struct message m, const uint8_t *input, uint8_t *area)
{
    size_t distance = below(3) != 0 ? below(2) : below(OVERLAP_BYTES);

    memcpy(area + distance, input, m.len);
    m.input = area + distance;
    m.output = area;
    return m;
}

static void damage(struct message *m, uint8_t *cipher, uint8_t *tag)
{
    size_t bit = below(8);

    switch (below(m->len > 0 ? 3 : 2)) {
    case 0:
        tag[below(m->tag_len)] ^= (uint8_t)(1u << bit);
        break;
    case 1:
        b.iv[below(m->iv_len)] ^= (uint8_t)(1u << bit);
        break;
    default:
        cipher[below(m->len)] ^= (uint8_t)(1u << bit);
    }
}

/* Seals with both, opens with both, then opens what is damaged. */
static void compare_message(struct message m, seal_fn *our_seal, seal_fn *their_seal,
                            seal_fn *our_open, seal_fn *their_open, int auth_failed)
{
    struct message theirs = m, ours = place(m, b.plain, b.ours);

    theirs.input = b.plain;
    theirs.output = b.theirs;
    theirs.tag = b.their_tag;
    ours.tag = b.our_tag;
    cr_assert(our_seal(&ours) == 0);
    cr_assert(their_seal(&theirs) == 0);
    cr_assert(memcmp(b.ours, b.theirs, m.len) == 0 &&
                  memcmp(b.our_tag, b.their_tag, m.tag_len) == 0,
              "sealed: key %zu, iv %zu, aad %zu, data %zu", m.key_len, m.iv_len, m.aad_len, m.len);

    ours = place(m, b.theirs, b.back);
    ours.tag = b.their_tag;
    cr_assert(our_open(&ours) == 0);
    cr_assert(memcmp(b.back, b.plain, m.len) == 0, "opened: data %zu", m.len);

    damage(&m, b.theirs, b.their_tag);
    ours = place(m, b.theirs, b.back);
    ours.tag = theirs.tag = b.their_tag;
    theirs.input = b.theirs;
    theirs.output = b.ours;
    memset(b.ours, 0xaa, m.len);
    cr_assert(our_open(&ours) == auth_failed);
    cr_assert(their_open(&theirs) == auth_failed);
    cr_assert(memcmp(b.back, b.ours, m.len) == 0, "what is left of a refused message differs");
    for (size_t i = 0; i < m.len; i++)
        cr_assert(b.back[i] == 0, "released without authentication");
}

/* In parts, with both, in both directions. */
static void compare_parts(struct message m, parts_fn *our_parts, parts_fn *their_parts)
{
    for (int decrypts = 0; decrypts <= 1; decrypts++) {
        m.input = b.plain;
        m.output = b.ours;
        m.tag = b.our_tag;
        cr_assert(our_parts(&m, decrypts) == 0);
        m.output = b.theirs;
        m.tag = b.their_tag;
        cr_assert(their_parts(&m, decrypts) == 0);
        cr_assert(memcmp(b.ours, b.theirs, m.len) == 0);
        cr_assert(memcmp(b.our_tag, b.their_tag, m.tag_len) == 0, "data %zu, decrypts %d", m.len,
                  decrypts);
    }
}

Test(tls_crypto_differential, gcm)
{
    state = 1;
    for (long i = cases(50000); i > 0; i--)
        compare_message(random_gcm_message(), operations_in_use.gcm_seal,
                        operations_original.gcm_seal, operations_in_use.gcm_open,
                        operations_original.gcm_open, MBEDTLS_ERR_GCM_AUTH_FAILED);
}

Test(tls_crypto_differential, gcm_in_parts)
{
    state = 2;
    for (long i = cases(20000); i > 0; i--)
        compare_parts(random_gcm_message(), operations_in_use.gcm_parts,
                      operations_original.gcm_parts);
}

static struct message random_chachapoly_message(void)
{
    struct message m = random_gcm_message();

    fill(b.key, 32);
    fill(b.iv, 12);
    m.key_len = 32;
    m.iv_len = 12;
    m.tag_len = 16;
    return m;
}

Test(tls_crypto_differential, chachapoly)
{
    state = 3;
    for (long i = cases(50000); i > 0; i--)
        compare_message(random_chachapoly_message(), operations_in_use.chachapoly_seal,
                        operations_original.chachapoly_seal, operations_in_use.chachapoly_open,
                        operations_original.chachapoly_open, MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
}

Test(tls_crypto_differential, chachapoly_in_parts)
{
    state = 4;
    for (long i = cases(20000); i > 0; i--)
        compare_parts(random_chachapoly_message(), operations_in_use.chachapoly_parts,
                      operations_original.chachapoly_parts);
}

Test(tls_crypto_differential, sha2)
{
    uint8_t ours[48], theirs[48];

    state = 5;
    for (long i = cases(20000); i > 0; i--) {
        size_t len = random_len();
        unsigned pieces = (unsigned)next();
        fill(b.plain, len);
        cr_assert(operations_in_use.sha256(b.plain, len, pieces, ours) == 0);
        cr_assert(operations_original.sha256(b.plain, len, 0, theirs) == 0);
        cr_assert(memcmp(ours, theirs, 32) == 0, "SHA-256 of %zu bytes", len);
        cr_assert(operations_in_use.sha384(b.plain, len, pieces, ours) == 0);
        cr_assert(operations_original.sha384(b.plain, len, 0, theirs) == 0);
        cr_assert(memcmp(ours, theirs, 48) == 0, "SHA-384 of %zu bytes", len);
    }
}

/* The codes of calls that are wrong. */
Test(tls_crypto_differential, gcm_refuses_the_same)
{
    static const struct {
        size_t key_len, iv_len, tag_len;
    } wrong[] = {{15, 12, 16}, {0, 12, 16}, {64, 12, 16}, {16, 0, 16}, {16, 12, 3}, {16, 12, 17}};

    memset(&b, 0, sizeof(b));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct message m = {.key = b.key,
                            .iv = b.iv,
                            .aad = b.aad,
                            .input = b.plain,
                            .output = b.ours,
                            .len = 20,
                            .tag = b.back,
                            .key_len = wrong[i].key_len,
                            .iv_len = wrong[i].iv_len,
                            .tag_len = wrong[i].tag_len};
        int expected = operations_original.gcm_seal(&m);
        cr_assert(expected == MBEDTLS_ERR_GCM_BAD_INPUT, "%zu", i);
        cr_assert(operations_in_use.gcm_seal(&m) == expected, "%zu", i);
        cr_assert(operations_in_use.gcm_open(&m) == expected, "%zu", i);
        cr_assert(operations_in_use.gcm_parts(&m, false) == expected, "%zu", i);
        cr_assert(operations_in_use.gcm_parts(&m, true) == expected, "%zu", i);
    }
}

/* An output that begins inside the input would overwrite what is still to be read. */
Test(tls_crypto_differential, gcm_refuses_an_output_inside_the_input)
{
    struct message m = {.key = b.key,
                        .iv = b.iv,
                        .aad = b.aad,
                        .input = b.plain,
                        .output = b.plain + 1,
                        .len = 20,
                        .tag = b.our_tag,
                        .key_len = 16,
                        .iv_len = 12,
                        .tag_len = 16};

    cr_assert(operations_original.gcm_seal(&m) == MBEDTLS_ERR_GCM_BAD_INPUT);
    cr_assert(operations_in_use.gcm_seal(&m) == MBEDTLS_ERR_GCM_BAD_INPUT);
    cr_assert(operations_in_use.gcm_open(&m) == MBEDTLS_ERR_GCM_BAD_INPUT);
    cr_assert(operations_in_use.gcm_parts(&m, true) == MBEDTLS_ERR_GCM_BAD_INPUT);
}

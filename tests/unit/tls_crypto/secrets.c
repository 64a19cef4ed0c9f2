/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For valgrind: every operation with keys, data and tags that are marked as undefined, so that a
 * branch or an index that depends on one of them is reported. With an argument it makes such a
 * branch itself, and must be reported.
 */
#include "operations.h"

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#define DATA_BYTES 700u

static uint8_t key[32], iv[12], aad[21], plain[DATA_BYTES], sealed[DATA_BYTES], opened[DATA_BYTES];
static uint8_t tag[16], digest[48];

#if defined(LEAT_CRYPTO_LIBCRYPTO)
#define SECRET(data) VALGRIND_MAKE_MEM_UNDEFINED(data, sizeof(data))
#else
/* mbedTLS itself branches on the result of its comparison, and nothing of ours runs. */
#define SECRET(data) ((void)(data))
#endif
#define PUBLIC(data) VALGRIND_MAKE_MEM_DEFINED(data, sizeof(data))

static int failures;

static void expect(bool holds, const char *what, unsigned pieces)
{
    if (holds)
        return;
    fprintf(stderr, "%s failed, pieces %u\n", what, pieces);
    failures++;
}

static bool is_zero(const uint8_t *data, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= data[i];
    return any == 0;
}

static void secrets_mark(void)
{
    SECRET(key);
    SECRET(plain);
    SECRET(sealed);
    SECRET(tag);
}

static void secrets_unmark(void)
{
    PUBLIC(key);
    PUBLIC(plain);
    PUBLIC(sealed);
    PUBLIC(opened);
    PUBLIC(tag);
    PUBLIC(digest);
}

static void aead_run(int (*seal)(const struct message *), int (*open)(const struct message *),
                     int (*parts)(const struct message *, bool), size_t key_len)
{
    struct message m = {.key = key,
                        .key_len = key_len,
                        .iv = iv,
                        .iv_len = sizeof(iv),
                        .aad = aad,
                        .aad_len = sizeof(aad),
                        .len = DATA_BYTES,
                        .tag = tag,
                        .tag_len = sizeof(tag)};

    for (unsigned pieces = 0; pieces < 3; pieces++) {
        m.pieces = pieces;
        m.input = plain;
        m.output = sealed;
        secrets_mark();
        int ret = pieces == 0 ? seal(&m) : parts(&m, false);
        secrets_unmark();
        expect(ret == 0, "sealing", pieces);

        m.input = sealed;
        m.output = opened;
        secrets_mark();
        ret = pieces == 0 ? open(&m) : parts(&m, true);
        secrets_unmark();
        expect(ret == 0, "opening", pieces);
        expect(memcmp(opened, plain, DATA_BYTES) == 0, "opening to the same", pieces);
    }

    tag[3] ^= 1;
    secrets_mark();
    int ret = open(&m);
    secrets_unmark();
    expect(ret != 0, "refusing", 0);
    expect(is_zero(opened, DATA_BYTES), "wiping", 0);
}

int main(int argc, char **argv)
{
    const struct operations *o = &operations_in_use;

    (void)argv;
    for (size_t i = 0; i < DATA_BYTES; i++)
        plain[i] = (uint8_t)(i * 7);
    if (argc > 1) {
        VALGRIND_MAKE_MEM_UNDEFINED(key, sizeof(key));
        if (key[5] & 1)
            puts("a branch on the key");
        return 0;
    }

    aead_run(o->gcm_seal, o->gcm_open, o->gcm_parts, 16);
    aead_run(o->gcm_seal, o->gcm_open, o->gcm_parts, 32);
    aead_run(o->chachapoly_seal, o->chachapoly_open, o->chachapoly_parts, 32);

    secrets_mark();
    int ret = o->sha256(plain, DATA_BYTES, 1, digest) | o->sha384(plain, DATA_BYTES, 1, digest);
    secrets_unmark();
    expect(ret == 0, "a digest", 1);
    return failures != 0;
}

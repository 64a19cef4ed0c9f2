/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/known_chains.h"

#include "util/fork.h"

#include <pthread.h>
#include <string.h>

#include <mbedtls/platform_time.h>
#include <mbedtls/sha256.h>

/* For all of them: it is held for a comparison. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool hash_add(mbedtls_sha256_context *hash, const struct leati_certificate *cert)
{
    uint8_t len[sizeof(uint32_t)];

    for (size_t i = 0; i < sizeof(len); i++)
        len[i] = (uint8_t)(cert->len >> 8 * i);
    return mbedtls_sha256_update(hash, len, sizeof(len)) == 0 &&
           mbedtls_sha256_update(hash, cert->der, cert->len) == 0;
}

bool leati_tls_chain_hash(const struct leati_judge_case *judged,
                          uint8_t ret_hash[LEATI_TLS_CHAIN_HASH_BYTES])
{
    const uint8_t purpose = judged->is_client;
    mbedtls_sha256_context hash;

    mbedtls_sha256_init(&hash);
    bool is_good =
        mbedtls_sha256_starts(&hash, 0) == 0 && mbedtls_sha256_update(&hash, &purpose, 1) == 0;
    for (size_t i = 0; is_good && i < judged->count; i++)
        is_good = hash_add(&hash, &judged->sent[i]);
    is_good = is_good && mbedtls_sha256_finish(&hash, ret_hash) == 0;
    mbedtls_sha256_free(&hash);
    return is_good;
}

bool leati_tls_chain_is_known(struct leati_tls_known_chains *known,
                              const uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES], int64_t *ret_end_s)
{
    int64_t now_s = mbedtls_time(NULL);
    bool is_known = false;

    leati_lock(&lock);
    for (size_t i = 0; i < LEATI_TLS_KNOWN_CHAINS_LIMIT; i++) {
        const struct leati_tls_known_chain *chain = &known->chains[i];
        if (now_s < chain->from_s || now_s >= chain->until_s ||
            memcmp(chain->hash, hash, sizeof(chain->hash)) != 0)
            continue;
        is_known = true;
        *ret_end_s = chain->end_s;
    }
    leati_unlock(&lock);
    return is_known;
}

void leati_tls_chain_learn(struct leati_tls_known_chains *known,
                           const uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES],
                           const struct leati_verdict *verdict)
{
    int64_t now_s = mbedtls_time(NULL);
    struct leati_tls_known_chain chain = {
        .from_s = now_s, .until_s = now_s + LEATI_TLS_KNOWN_CHAIN_S, .end_s = verdict->until_s};

    if (verdict->until_s < chain.until_s)
        chain.until_s = verdict->until_s;
    memcpy(chain.hash, hash, sizeof(chain.hash));
    leati_lock(&lock);
    known->chains[known->next] = chain;
    known->next = (known->next + 1) % LEATI_TLS_KNOWN_CHAINS_LIMIT;
    leati_unlock(&lock);
}

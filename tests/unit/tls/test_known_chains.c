/* SPDX-License-Identifier: Apache-2.0 */
/* What is not judged again, and what is. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/known_chains.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

TestSuite(tls_known_chains, .timeout = 60, .fini = sandbox_done);

static struct leati_tls_known_chains known;

static void hash_of(const char *a, const char *b, bool is_client, uint8_t *ret_hash)
{
    const struct leati_certificate sent[] = {{(const uint8_t *)a, strlen(a)},
                                             {(const uint8_t *)b, strlen(b)}};

    cr_assert(leati_tls_chain_hash(
        &(struct leati_judge_case){.sent = sent, .count = 2, .is_client = is_client}, ret_hash));
}

static void learn(const uint8_t *hash, int64_t until_s)
{
    leati_tls_chain_learn(&known, hash, &(struct leati_verdict){.until_s = until_s});
}

Test(tls_known_chains, the_hash_is_of_each_certificate_and_of_the_purpose)
{
    uint8_t hashes[4][LEATI_TLS_CHAIN_HASH_BYTES];

    hash_of("ab", "c", false, hashes[0]);
    hash_of("a", "bc", false, hashes[1]);
    hash_of("ab", "c", true, hashes[2]);
    hash_of("c", "ab", false, hashes[3]);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert(memcmp(hashes[i], hashes[k], sizeof(hashes[i])) != 0, "%zu %zu", i, k);
}

static int64_t end_s;

static bool is_known(const uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES])
{
    return leati_tls_chain_is_known(&known, hash, &end_s);
}

Test(tls_known_chains, until_they_expire)
{
    uint8_t good[LEATI_TLS_CHAIN_HASH_BYTES], old[LEATI_TLS_CHAIN_HASH_BYTES];

    hash_of("good", "", false, good);
    hash_of("old", "", false, old);
    cr_assert(!is_known(good));
    learn(good, INT64_MAX);
    learn(old, time(NULL));
    cr_assert(is_known(good));
    cr_assert(end_s == INT64_MAX, "sessions are good for longer than it is known");
    cr_assert(!is_known(old));
    /* Not known until when, because of a revocation list. */
    learn(old, 0);
    cr_assert(!is_known(old));
}

Test(tls_known_chains, the_newest_ones)
{
    uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES], first[LEATI_TLS_CHAIN_HASH_BYTES];
    char name[] = "0";

    hash_of(name, "", false, first);
    for (; name[0] < '0' + (int)LEATI_TLS_KNOWN_CHAINS_LIMIT; name[0]++) {
        hash_of(name, "", false, hash);
        learn(hash, INT64_MAX);
    }
    cr_assert(is_known(first));
    hash_of("more", "", false, hash);
    learn(hash, INT64_MAX);
    cr_assert(is_known(hash) && !is_known(first));
}

/* The host is looked at each time. */
Test(tls_known_chains, a_known_chain_for_another_host)
{
    const struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                          .need_ca = true};
    struct leati_tls_credentials *credentials;
    struct leati_failure failure;
    struct tls_end client;
    struct ssl_peer peer;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
    ssl_peer_init(&peer, &(struct ssl_peer_options){.cert_path = NULL});
    for (unsigned i = 0; i < 3; i++) {
        tls_end_init(&client, &(struct tls_end_options){.credentials = credentials}, NULL);
        tls_end_open(&client, &peer);
        tls_end_done(&client);
        tls_end_init(&client,
                     &(struct tls_end_options){.credentials = credentials,
                                               .server_name = "elsewhere.example"},
                     NULL);
        tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
        tls_end_expect_text(&client, "host name mismatch (wanted elsewhere.example");
        tls_end_done(&client);
    }
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
}

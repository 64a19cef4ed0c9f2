/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Chains that were found good lately. The same bytes, judged against the same CAs for the same
 * purpose, are as good until one of them expires: who connects to one server again and again, or
 * serves the same clients, has them judged once.
 */
#ifndef LEATI_TLS_KNOWN_CHAINS_H
#define LEATI_TLS_KNOWN_CHAINS_H

#include "tls/judge/judge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How many are kept, the newest ones. */
#define LEATI_TLS_KNOWN_CHAINS_LIMIT 8u
/** And for how long: what a file of CAs has may change. */
#define LEATI_TLS_KNOWN_CHAIN_S 600

#define LEATI_TLS_CHAIN_HASH_BYTES 32u

/** All zero: none is known. */
struct leati_tls_known_chains {
    struct leati_tls_known_chain {
        uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES];
        int64_t from_s, until_s; /**< since 1970; until_s is not in it any more */
        int64_t end_s;           /**< of the verdict, which may be much later */
    } chains[LEATI_TLS_KNOWN_CHAINS_LIMIT];
    unsigned next;
};

/** What is judged, as a key. false: it cannot be computed. */
bool leati_tls_chain_hash(const struct leati_judge_case *judged,
                          uint8_t ret_hash[LEATI_TLS_CHAIN_HASH_BYTES]);

/** `*ret_end_s`, if it is known: until when it is good, as the verdict had it. @thread any, as the
 * next one. */
bool leati_tls_chain_is_known(struct leati_tls_known_chains *known,
                              const uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES], int64_t *ret_end_s);
void leati_tls_chain_learn(struct leati_tls_known_chains *known,
                           const uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES],
                           const struct leati_verdict *verdict);

#endif

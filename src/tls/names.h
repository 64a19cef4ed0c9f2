/* SPDX-License-Identifier: Apache-2.0 */
/** @file Cipher suites, signature algorithms and groups by the names that people use for them. */
#ifndef LEATI_TLS_NAMES_H
#define LEATI_TLS_NAMES_H

#include "core/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Numbers on the wire, in the order of preference. */
struct leati_tls_ids {
    uint16_t *ids; /**< a 0 behind the last one; NULL = nothing was chosen */
    size_t count;
};

/**
 * Parses names as the IANA registry or OpenSSL has them, with ':', ',' or spaces between; case does
 * not matter. NULL, or no name at all, chooses nothing.
 *
 * @return LEAT_OK; recorded: LEAT_E_PARAMETER (a name that nobody knows: the text lists the known
 *         ones; a name that comes twice), LEAT_E_SYSTEM_INTERNAL. `ret_ids` is for
 *         leati_tls_ids_done().
 */
int leati_tls_signature_algorithms_parse(const char *list, struct leati_failure *failure,
                                         struct leati_tls_ids *ret_ids);
/** The same for groups of the key exchange ("x25519", "P-256"). */
int leati_tls_groups_parse(const char *list, struct leati_failure *failure,
                           struct leati_tls_ids *ret_ids);
void leati_tls_ids_done(struct leati_tls_ids *ids);

/** Which cipher suites may be used. */
struct leati_tls_cipher_choice {
    int *ids;         /**< a 0 behind the last one; NULL = as tls/preference.h has it */
    bool has_tls_1_2; /**< one of them is for TLS 1.2 */
};

/** The same for cipher suites. As with OpenSSL, all of TLS 1.3 are used if none of them is named;
 * those of TLS 1.2 are exactly the named ones. */
int leati_tls_cipher_choice_parse(const char *list, struct leati_failure *failure,
                                  struct leati_tls_cipher_choice *ret_choice);
void leati_tls_cipher_choice_done(struct leati_tls_cipher_choice *choice);

/** The name in the IANA registry, NULL if we do not know it. Static. */
const char *leati_tls_cipher_suite_name(uint16_t id);
const char *leati_tls_signature_algorithm_name(uint16_t id);
/** The same for a group of the key exchange; "" if we do not know it. */
const char *leati_tls_group_name(uint16_t id);

#endif

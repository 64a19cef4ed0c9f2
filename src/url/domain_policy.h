/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Which hosts a program may connect to: a list of those that are allowed and one of those that are
 * denied. What is denied is denied whatever the other list says; an empty allow list allows the
 * rest, one that is not empty allows nothing but what it names. The answer belongs before the first
 * name is resolved (2302998, LEAT_E_WS_DOMAIN), and again before a redirect is followed.
 *
 * An entry is
 *   example.com       this host and none below it
 *   *.example.com     every host below it, at any depth, and not example.com itself
 *   10.0.0.1, ::1     this address when the URL has it as a literal; IPv4 within IPv6 is the same
 *                     address, and a zone does not count
 * compared without regard to case and as A-labels (IDNA). Addresses are matched by no wildcard.
 */
#ifndef LEATI_URL_DOMAIN_POLICY_H
#define LEATI_URL_DOMAIN_POLICY_H

#include <stdbool.h>
#include <stddef.h>

/** The most entries of one list. */
#define LEATI_DOMAIN_POLICY_MAX_ENTRIES 4096u

enum leati_domain_list {
    LEATI_DOMAIN_ALLOW,
    LEATI_DOMAIN_DENY,
    LEATI_DOMAIN_LIST_COUNT,
};

struct leati_domain_entry;

struct leati_domain_entries {
    struct leati_domain_entry *items;
    size_t count, cap;
};

struct leati_domain_policy {
    struct leati_domain_entries lists[LEATI_DOMAIN_LIST_COUNT];
};

/** Two empty lists: everything is allowed. */
void leati_domain_policy_init(struct leati_domain_policy *policy);
void leati_domain_policy_done(struct leati_domain_policy *policy);

/**
 * @param ret_reason what is wrong with the entry: a static string; written for LEAT_E_PARAMETER.
 * @return LEAT_OK; LEAT_E_PARAMETER; LEAT_E_SYSTEM_INTERNAL (no memory). On failure nothing is
 *         added.
 */
int leati_domain_policy_add(struct leati_domain_policy *policy, enum leati_domain_list list,
                            const char *entry, const char **ret_reason);

/** `ret_copy` is not initialised before. @return LEAT_OK; LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_domain_policy_copy(const struct leati_domain_policy *policy,
                             struct leati_domain_policy *ret_copy);

/**
 * @param host in the form of struct leati_url: a name in lower case and A-labels, or an address
 *             without brackets.
 * @param ret_entry the entry that denies it, in that form; NULL if it is just not in the allow
 *                  list; written only if the answer is false; lives as long as the policy.
 */
bool leati_domain_policy_allows(const struct leati_domain_policy *policy, const char *host,
                                const char **ret_entry);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "url/domain_policy.h"

#include <leat/error_codes.h>

#include "url/host.h"
#include "url/host_match.h"
#include "util/alloc.h"

#include <string.h>

struct leati_domain_entry {
    char *text; /* of a wildcard with its "*." */
    bool is_wildcard;
    bool is_ip;
    struct leati_host_ip ip;
};

enum { WILDCARD_LEN = 2 };

void leati_domain_policy_init(struct leati_domain_policy *policy)
{
    *policy = (struct leati_domain_policy){0};
}

void leati_domain_policy_done(struct leati_domain_policy *policy)
{
    for (int i = 0; i < LEATI_DOMAIN_LIST_COUNT; i++) {
        struct leati_domain_entries *list = &policy->lists[i];
        for (size_t j = 0; j < list->count; j++)
            leati_free(list->items[j].text);
        leati_free(list->items);
    }
    leati_domain_policy_init(policy);
}

/* ---- adding ------------------------------------------------------------------------------ */

static int entry_from_name(const char *name, bool is_wildcard, struct leati_domain_entry *ret_entry,
                           const char **ret_reason)
{
    struct leati_domain_entry entry = {.is_wildcard = is_wildcard};
    char *host;

    int result = leati_host_from_name(name, strlen(name), &host, NULL, ret_reason);
    if (result != LEAT_OK)
        return result;
    entry.is_ip = leati_host_ip_parse(host, strlen(host), &entry.ip);
    if (entry.is_ip && is_wildcard) {
        leati_free(host);
        *ret_reason = "a wildcard cannot stand before an address";
        return LEAT_E_PARAMETER;
    }
    entry.text = is_wildcard ? leati_asprintf("*.%s", host) : leati_strdup(host);
    leati_free(host);
    if (!entry.text)
        return LEAT_E_SYSTEM_INTERNAL;
    *ret_entry = entry;
    return LEAT_OK;
}

static int entry_parse(const char *text, struct leati_domain_entry *ret_entry,
                       const char **ret_reason)
{
    struct leati_domain_entry entry = {.is_ip = true};

    if (strncmp(text, "*.", WILDCARD_LEN) == 0)
        return entry_from_name(text + WILDCARD_LEN, true, ret_entry, ret_reason);
    if (!leati_host_ip_parse(text, strlen(text), &entry.ip))
        return entry_from_name(text, false, ret_entry, ret_reason);
    entry.text = leati_strdup(text);
    if (!entry.text)
        return LEAT_E_SYSTEM_INTERNAL;
    *ret_entry = entry;
    return LEAT_OK;
}

static bool list_grow(struct leati_domain_entries *list)
{
    return list->count < list->cap || leati_grow(&list->items, &list->cap, 8, sizeof(*list->items));
}

int leati_domain_policy_add(struct leati_domain_policy *policy, enum leati_domain_list which,
                            const char *entry, const char **ret_reason)
{
    struct leati_domain_entries *list = &policy->lists[which];

    if (list->count == LEATI_DOMAIN_POLICY_MAX_ENTRIES) {
        *ret_reason = "the list of domains is full";
        return LEAT_E_PARAMETER;
    }
    if (!list_grow(list))
        return LEAT_E_SYSTEM_INTERNAL;
    int result = entry_parse(entry, &list->items[list->count], ret_reason);
    if (result == LEAT_OK)
        list->count++;
    return result;
}

int leati_domain_policy_copy(const struct leati_domain_policy *policy,
                             struct leati_domain_policy *ret_copy)
{
    struct leati_domain_policy copy;

    leati_domain_policy_init(&copy);
    for (int i = 0; i < LEATI_DOMAIN_LIST_COUNT; i++) {
        const struct leati_domain_entries *from = &policy->lists[i];
        struct leati_domain_entries *to = &copy.lists[i];
        for (size_t j = 0; j < from->count; j++) {
            char *text = list_grow(to) ? leati_strdup(from->items[j].text) : NULL;
            if (!text) {
                leati_domain_policy_done(&copy);
                return LEAT_E_SYSTEM_INTERNAL;
            }
            to->items[to->count] = from->items[j];
            to->items[to->count++].text = text;
        }
    }
    *ret_copy = copy;
    return LEAT_OK;
}

/* ---- asking ------------------------------------------------------------------------------ */

static const struct leati_domain_entry *list_find(const struct leati_domain_entries *list,
                                                  const char *host)
{
    struct leati_host_ip ip;
    bool is_ip = leati_host_ip_parse(host, strlen(host), &ip);

    for (size_t i = 0; i < list->count; i++) {
        const struct leati_domain_entry *entry = &list->items[i];
        bool matches;
        if (is_ip || entry->is_ip)
            matches = is_ip && entry->is_ip && leati_host_ip_equal(&ip, &entry->ip);
        else if (entry->is_wildcard)
            matches = leati_host_is_below(host, entry->text + WILDCARD_LEN);
        else
            matches = strcmp(host, entry->text) == 0;
        if (matches)
            return entry;
    }
    return NULL;
}

bool leati_domain_policy_allows(const struct leati_domain_policy *policy, const char *host,
                                const char **ret_entry)
{
    const struct leati_domain_entries *allow = &policy->lists[LEATI_DOMAIN_ALLOW];
    const struct leati_domain_entry *denied = list_find(&policy->lists[LEATI_DOMAIN_DENY], host);

    if (!denied && (allow->count == 0 || list_find(allow, host)))
        return true;
    *ret_entry = denied ? denied->text : NULL;
    return false;
}

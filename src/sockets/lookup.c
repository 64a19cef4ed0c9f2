/* SPDX-License-Identifier: Apache-2.0 */
/* Names for programs: getAddressesByName. */
#include <leat/resolver.h>

#include "config/settings.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "sockets/socket_options.h"
#include "url/host.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

/* Both families, each of which DNS may answer at its own time. */
#define LOOKUP_MAX_ADDRESSES (2u * LEATI_DNS_MAX_ADDRESSES)

struct leat_lookup {
    leat_lookup_fn fn;
    void *user;
    char *host;
    const struct leati_settings *settings;
    struct leati_dns_query *query; /* NULL = answered, or a literal */
    struct leati_task told;        /* a literal's answer comes from dispatch, too */
    struct leati_failure failure;
    size_t count;
    struct leat_net_address addresses[LOOKUP_MAX_ADDRESSES];
};

static void lookup_free(leat_lookup *lookup)
{
    leati_task_cancel(&lookup->told);
    leati_settings_unref(lookup->settings);
    leati_failure_done(&lookup->failure);
    leati_free(lookup->host);
    leati_free(lookup);
}

static void lookup_tell(leat_lookup *lookup)
{
    struct leat_error error;
    leat_lookup_fn fn = lookup->fn;
    lookup->fn = NULL; /* cancelling what is being told does nothing */
    leati_failure_get(&lookup->failure, &error);
    fn(lookup->addresses, lookup->count, &error, lookup->user);
    lookup_free(lookup);
}

static void on_told(struct leati_task *task, void *user)
{
    (void)task;
    lookup_tell(user);
}

static void lookup_add(leat_lookup *lookup, const struct leati_address *addresses, size_t count)
{
    for (size_t i = 0; i < count && lookup->count < LOOKUP_MAX_ADDRESSES; i++)
        leati_net_address_from(&addresses[i], &lookup->addresses[lookup->count++]);
}

static void on_answered(const struct leati_dns_answer *answer, void *user)
{
    leat_lookup *lookup = user;
    lookup_add(lookup, answer->addresses, answer->count);
    if (answer->more)
        return;
    lookup->query = NULL;
    const struct leati_failure *failure = answer->failure;
    struct leati_fault fault = leati_failure_fault(failure);
    fault.layer = LEAT_LAYER_DNS;
    fault.hop = lookup->host;
    if (lookup->count == 0)
        leati_failure_set(&lookup->failure, &fault, "%s",
                          failure->text ? failure->text : "out of memory");
    lookup_tell(lookup);
}

static int lookup_literal(leat_lookup *lookup, const struct leati_address *address, int sys_errno)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_DNS, sys_errno, lookup->host);
    if (sys_errno == 0)
        lookup_add(lookup, address, 1);
    else
        leati_failure_set(&lookup->failure, &fault, "%s",
                          leati_literal_reason(lookup->host, sys_errno).text);
    leati_task_schedule(&lookup->told);
    return LEAT_OK;
}

static int lookup_ask(leat_lookup *lookup, leat_loop *loop, bool is_absolute)
{
    uint32_t timeout_ms = lookup->settings->phase_timeout_ms[LEAT_PHASE_DNS];
    const struct leati_dns_options options = {
        .loop = loop,
        .servers = lookup->settings->dns_servers,
        .host = lookup->host,
        .is_absolute = is_absolute,
        .family = AF_UNSPEC,
        .deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0,
        .fn = on_answered,
        .user = lookup,
    };
    return leati_dns_start(&options, &lookup->failure, &lookup->query);
}

static int lookup_start(leat_lookup *lookup, leat_loop *loop, const char *host,
                        const leat_config *config)
{
    struct leati_address address;
    const char *reason;
    bool is_absolute = false;
    bool is_ipv6 = strchr(host, ':') && leati_address_read(host, 0, &address) != ENOENT;
    int code = is_ipv6
                   ? leati_host_from_ipv6(host, strlen(host), &lookup->host, &reason)
                   : leati_host_from_name(host, strlen(host), &lookup->host, &is_absolute, &reason);
    if (code == LEAT_OK)
        code = leati_settings_of(config, &lookup->failure, &lookup->settings);
    if (code != LEAT_OK)
        return code;
    int sys_errno = leati_address_read(lookup->host, 0, &address);
    return sys_errno == ENOENT ? lookup_ask(lookup, loop, is_absolute)
                               : lookup_literal(lookup, &address, sys_errno);
}

int leat_get_addresses_by_name(leat_loop *loop, const char *host, const leat_config *config,
                               leat_lookup_fn fn, void *user, leat_lookup **ret_lookup)
{
    if (!loop || !host || !fn)
        return LEAT_E_PARAMETER;
    leat_lookup *lookup = leati_calloc(1, sizeof(*lookup));
    if (!lookup)
        return LEAT_E_SYSTEM_INTERNAL;
    lookup->fn = fn;
    lookup->user = user;
    leati_failure_init(&lookup->failure);
    leati_task_init(&lookup->told, loop, on_told, lookup);
    int code = lookup_start(lookup, loop, host, config);
    if (code != LEAT_OK)
        lookup_free(lookup);
    else if (ret_lookup)
        *ret_lookup = lookup;
    return code;
}

void leat_lookup_cancel(leat_lookup *lookup)
{
    if (!lookup || !lookup->fn)
        return;
    if (lookup->query)
        leati_dns_cancel(lookup->query);
    lookup_free(lookup);
}

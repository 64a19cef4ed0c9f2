/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns.h"

#include "dns/resolver.h"
#include "util/alloc.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

struct leati_dns_query {
    struct leati_resolver *resolver;
    leati_dns_fn fn;
    void *user;
    uint16_t port;
    bool pending;   /* c-ares has it */
    bool abandoned; /* nobody waits: the answer frees it */
    struct leati_timer deadline;
    struct leati_task deliver; /* the answer comes from here, never from inside of c-ares */
    struct leati_failure failure;
    size_t count;
    struct leati_address addresses[LEATI_DNS_MAX_ADDRESSES];
    char host[];
};

/* ---- failures -----------------------------------------------------------------------------------
 */

static const char *status_name(int status)
{
    static const char *const names[] = {
        [ARES_ENODATA] = "ENODATA",
        [ARES_EFORMERR] = "EFORMERR",
        [ARES_ESERVFAIL] = "ESERVFAIL",
        [ARES_ENOTFOUND] = "ENOTFOUND",
        [ARES_ENOTIMP] = "ENOTIMP",
        [ARES_EREFUSED] = "EREFUSED",
        [ARES_EBADQUERY] = "EBADQUERY",
        [ARES_EBADNAME] = "EBADNAME",
        [ARES_EBADFAMILY] = "EBADFAMILY",
        [ARES_EBADRESP] = "EBADRESP",
        [ARES_ECONNREFUSED] = "ECONNREFUSED",
        [ARES_ETIMEOUT] = "ETIMEOUT",
        [ARES_EOF] = "EOF",
        [ARES_EFILE] = "EFILE",
        [ARES_ENOMEM] = "ENOMEM",
        [ARES_ESERVICE] = "ESERVICE",
    };

    if (status < 0 || (size_t)status >= sizeof(names) / sizeof(names[0]) || names[status] == NULL)
        return "failure";
    return names[status];
}

static int failure_set(struct leati_failure *failure, const char *host, uint16_t port, int status)
{
    char hop[LEAT_ERROR_HOP_SIZE];
    struct leati_fault fault = {.layer = LEAT_LAYER_DNS, .native_code = status, .hop = hop};

    leati_host_port_format(host, port, hop, sizeof(hop));
    switch (status) {
    case ARES_ENOMEM:
        fault.code = LEAT_E_SYSTEM_INTERNAL;
        return leati_failure_set(failure, &fault, "no memory to resolve %s", host);
    case ARES_ETIMEOUT:
        fault.code = LEAT_E_SOCKET_BASE + ETIMEDOUT;
        fault.sys_errno = ETIMEDOUT;
        return leati_failure_set(failure, &fault, "no DNS server answered in time: %s", host);
    case ARES_ECONNREFUSED:
        /* Also what c-ares 1.18 makes of servers that all answer SERVFAIL or REFUSED. */
        fault.code = LEAT_E_SOCKET_BASE + EHOSTUNREACH;
        fault.sys_errno = EHOSTUNREACH;
        return leati_failure_set(
            failure, &fault,
            "cannot resolve %s: ECONNREFUSED (every DNS server is out of reach, "
            "fails or refuses)",
            host);
    default:
        fault.code = LEAT_E_SOCKET_BASE + EHOSTUNREACH;
        fault.sys_errno = EHOSTUNREACH;
        return leati_failure_set(failure, &fault, "cannot resolve %s: %s (%s)", host,
                                 status_name(status), ares_strerror(status));
    }
}

/* ---- one query ----------------------------------------------------------------------------------
 */

static void query_free(struct leati_dns_query *query)
{
    leati_timer_stop(&query->deadline);
    leati_task_cancel(&query->deliver);
    leati_failure_done(&query->failure);
    leati_free(query);
}

/* Nobody waits any more. The query may be gone afterwards. */
static void query_abandon(struct leati_dns_query *query)
{
    if (!query->pending) {
        query_free(query);
        return;
    }
    query->abandoned = true;
    leati_timer_stop(&query->deadline);
    leati_resolver_abandon(query->resolver);
}

static void addresses_take(struct leati_dns_query *query, const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes;
         node != NULL && query->count < LEATI_DNS_MAX_ADDRESSES; node = node->ai_next) {
        struct leati_address *address = &query->addresses[query->count];
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
            continue;
        memset(address, 0, sizeof(*address));
        memcpy(address, node->ai_addr,
               node->ai_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6));
        leati_address_set_port(address, query->port);
        query->count++;
    }
}

static void query_on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct leati_dns_query *query = arg;

    (void)timeouts;
    query->pending = false;
    leati_resolver_answered(query->resolver, !query->abandoned);
    if (status == ARES_SUCCESS && info != NULL)
        addresses_take(query, info);
    if (info != NULL)
        ares_freeaddrinfo(info);
    /* The channel goes with its loop: there is nobody to tell. */
    if (query->abandoned || status == ARES_EDESTRUCTION) {
        query_free(query);
        return;
    }
    if (status == ARES_SUCCESS && query->count == 0)
        status = ARES_ENODATA;
    if (status != ARES_SUCCESS)
        failure_set(&query->failure, query->host, query->port, status);
    leati_timer_stop(&query->deadline);
    leati_task_schedule(&query->deliver);
}

static void query_deliver(struct leati_task *task, void *user)
{
    struct leati_dns_query *query = user;
    struct leati_dns_answer answer = {
        .failure = &query->failure,
        .addresses = query->addresses,
        .count = query->count,
    };

    (void)task;
    query->fn(&answer, query->user);
    query_free(query);
}

static void query_on_deadline(struct leati_timer *timer, void *user)
{
    struct leati_dns_query *query = user;
    struct leati_failure failure;
    struct leati_dns_answer answer = {.failure = &failure};
    leati_dns_fn fn = query->fn;
    void *fn_user = query->user;

    (void)timer;
    leati_failure_init(&failure);
    failure_set(&failure, query->host, query->port, ARES_ETIMEOUT);
    query_abandon(query);
    fn(&answer, fn_user);
    leati_failure_done(&failure);
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static struct leati_dns_query *query_new(const struct leati_dns_options *options,
                                         struct leati_resolver *resolver)
{
    size_t host_size = strlen(options->host) + 1;
    struct leati_dns_query *query = leati_calloc(1, sizeof(*query) + host_size);

    if (query == NULL)
        return NULL;
    query->resolver = resolver;
    query->fn = options->fn;
    query->user = options->user;
    query->port = options->port;
    memcpy(query->host, options->host, host_size);
    leati_failure_init(&query->failure);
    leati_timer_init(&query->deadline, options->loop, query_on_deadline, query);
    leati_task_init(&query->deliver, options->loop, query_deliver, query);
    return query;
}

int leati_dns_start(const struct leati_dns_options *options, struct leati_failure *failure,
                    struct leati_dns_query **ret_query)
{
    struct leati_resolver *resolver;
    int status = leati_resolver_get(options->loop, options->servers, &resolver);

    if (status != ARES_SUCCESS)
        return failure_set(failure, options->host, options->port, status);
    struct leati_dns_query *query = query_new(options, resolver);
    if (query == NULL)
        return failure_set(failure, options->host, options->port, ARES_ENOMEM);

    if (options->deadline_ms != 0 &&
        leati_timer_set(&query->deadline, options->deadline_ms) != LEAT_OK) {
        query_free(query);
        return failure_set(failure, options->host, options->port, ARES_ENOMEM);
    }
    query->pending = true;
    if (!leati_resolver_ask(resolver, query->host, query_on_answer, query)) {
        query_abandon(query);
        return failure_set(failure, options->host, options->port, ARES_ENOMEM);
    }
    *ret_query = query;
    return LEAT_OK;
}

void leati_dns_cancel(struct leati_dns_query *query)
{
    query_abandon(query);
}

/* "1.2.3.4", "1.2.3.4:53", "[::1]" or "[::1]:53". */
static bool server_valid(const char *s, size_t len)
{
    const char *end = s + len;
    bool is_v6 = len > 0 && s[0] == '[';
    const char *host = is_v6 ? s + 1 : s;
    const char *host_end = memchr(host, is_v6 ? ']' : ':', (size_t)(end - host));
    struct leati_address address;
    char literal[INET6_ADDRSTRLEN];
    uint64_t port;

    if (host_end == NULL && is_v6)
        return false;
    if (host_end == NULL)
        host_end = end;
    size_t host_len = (size_t)(host_end - host);
    if (host_len >= sizeof(literal) || memchr(host, '%', host_len) != NULL)
        return false;
    memcpy(literal, host, host_len);
    literal[host_len] = '\0';
    if (!leati_address_parse(literal, 0, &address) || (address.any.sa_family == AF_INET6) != is_v6)
        return false;

    const char *rest = is_v6 ? host_end + 1 : host_end;
    if (rest == end)
        return true;
    return rest[0] == ':' &&
           leati_text_parse_u64(rest + 1, (size_t)(end - rest - 1), UINT16_MAX, &port) && port > 0;
}

bool leati_dns_servers_valid(const char *servers)
{
    for (;;) {
        size_t len = strcspn(servers, ",");
        if (!server_valid(servers, len))
            return false;
        if (servers[len] == '\0')
            return true;
        servers += len + 1;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns.h"

#include "dns/resolver.h"
#include "dns/sort.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

/* What one family's query has found. */
struct family_part {
    struct leati_dns_query *query;
    bool pending; /* c-ares has it */
    int status;
    int search_rank; /* of the name that was found; lower comes first */
    size_t count;
    struct leati_address addresses[LEATI_DNS_MAX_ADDRESSES];
};

enum {
    PART_V4,
    PART_V6,
    PART_COUNT,
};

struct leati_dns_query {
    struct leati_resolver *resolver;
    leati_dns_fn fn;
    void *user;
    uint16_t port;
    bool abandoned; /* nobody waits: the last part's answer frees it */
    uint32_t resolution_delay_ms;
    uint64_t deadline_ms;
    struct leati_timer timer;  /* the deadline, or the earlier end of the resolution delay */
    struct leati_task deliver; /* the answer comes from here, never from inside of c-ares */
    struct family_part parts[PART_COUNT];
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

static size_t query_pending(const struct leati_dns_query *query)
{
    return (size_t)query->parts[PART_V4].pending + (size_t)query->parts[PART_V6].pending;
}

static void query_free(struct leati_dns_query *query)
{
    leati_timer_stop(&query->timer);
    leati_task_cancel(&query->deliver);
    leati_free(query);
}

/* Nobody waits any more. The query may be gone afterwards. */
static void query_abandon(struct leati_dns_query *query)
{
    size_t pending = query_pending(query);

    if (pending == 0) {
        query_free(query);
        return;
    }
    query->abandoned = true;
    leati_timer_stop(&query->timer);
    leati_task_cancel(&query->deliver);
    leati_resolver_abandon(query->resolver, pending);
}

static void part_take(struct family_part *part, const struct ares_addrinfo_node *node)
{
    struct leati_address *address = &part->addresses[part->count];

    if (part->count == LEATI_DNS_MAX_ADDRESSES)
        return;
    memset(address, 0, sizeof(*address));
    memcpy(address, node->ai_addr,
           node->ai_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6));
    leati_address_set_port(address, part->query->port);
    part->count++;
}

static void query_take(struct leati_dns_query *query, const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        if (node->ai_family == AF_INET)
            part_take(&query->parts[PART_V4], node);
        else if (node->ai_family == AF_INET6)
            part_take(&query->parts[PART_V6], node);
    }
}

static bool query_has_addresses(const struct leati_dns_query *query)
{
    return query->parts[PART_V4].count + query->parts[PART_V6].count > 0;
}

/* Why there is no address. That the name does not exist is true of both families; that it has no
 * address of one family says little. */
static int query_status(const struct leati_dns_query *query)
{
    int v4 = query->parts[PART_V4].pending ? ARES_ETIMEOUT : query->parts[PART_V4].status;
    int v6 = query->parts[PART_V6].pending ? ARES_ETIMEOUT : query->parts[PART_V6].status;

    if (v4 == ARES_ENOMEM || v6 == ARES_ENOMEM)
        return ARES_ENOMEM;
    if (v4 == ARES_ENOTFOUND || v6 == ARES_ENOTFOUND)
        return ARES_ENOTFOUND;
    if (v4 == ARES_SUCCESS || v4 == ARES_ENODATA)
        return v6 == ARES_SUCCESS ? ARES_ENODATA : v6;
    return v4;
}

/* ---- the answer ---------------------------------------------------------------------------------
 */

/* Both families in one order; if they are too many, the longer list loses its end. When the search
 * list has led them to different names, the first name of the list is meant. */
static size_t query_merge(struct leati_dns_query *query, struct leati_address *ret_addresses)
{
    const struct family_part *v4 = &query->parts[PART_V4], *v6 = &query->parts[PART_V6];
    size_t v4_count = v4->count, v6_count = v6->count;

    if (v4_count > 0 && v6_count > 0 && v4->search_rank != v6->search_rank)
        *(v4->search_rank > v6->search_rank ? &v4_count : &v6_count) = 0;
    while (v4_count + v6_count > LEATI_DNS_MAX_ADDRESSES)
        *(v4_count > v6_count ? &v4_count : &v6_count) -= 1;
    memcpy(ret_addresses, v6->addresses, v6_count * sizeof(*ret_addresses));
    memcpy(ret_addresses + v6_count, v4->addresses, v4_count * sizeof(*ret_addresses));
    leati_dns_sort(ret_addresses, v4_count + v6_count);
    return v4_count + v6_count;
}

/* With what is there; families that have not answered are not waited for any more. */
static void query_deliver(struct leati_dns_query *query)
{
    struct leati_address addresses[LEATI_DNS_MAX_ADDRESSES];
    struct leati_failure failure;
    struct leati_dns_answer answer = {.failure = &failure, .addresses = addresses};
    leati_dns_fn fn = query->fn;
    void *fn_user = query->user;

    leati_failure_init(&failure);
    if (query_has_addresses(query))
        answer.count = query_merge(query, addresses);
    else
        failure_set(&failure, query->host, query->port, query_status(query));
    query_abandon(query);
    fn(&answer, fn_user);
    leati_failure_done(&failure);
}

static void query_on_task(struct leati_task *task, void *user)
{
    (void)task;
    query_deliver(user);
}

static void query_on_timer(struct leati_timer *timer, void *user)
{
    (void)timer;
    query_deliver(user);
}

/* RFC 8305 section 3 waits so after A for AAAA, and not at all after AAAA, because its client takes
 * A later. Here the answer comes once: without A there would be no way back from an IPv6 that does
 * not work. */
static void query_wait_for_other(struct leati_dns_query *query)
{
    uint64_t until_ms = leati_clock_ms() + query->resolution_delay_ms;

    if (query->deadline_ms != 0 && query->deadline_ms <= until_ms)
        return;
    if (leati_timer_set(&query->timer, until_ms) != LEAT_OK)
        leati_task_schedule(&query->deliver);
}

/* One part is there. Servers that say of the AAAA of a name that has an A that there is no such
 * name do exist (RFC 4074 section 4.2), the other way round they do not. */
static void query_follow(struct leati_dns_query *query, const struct family_part *part)
{
    if (query_pending(query) == 0)
        leati_task_schedule(&query->deliver);
    else if (part->count > 0 || (part == &query->parts[PART_V4] && part->status == ARES_ENOTFOUND))
        query_wait_for_other(query);
}

static void part_on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct family_part *part = arg;
    struct leati_dns_query *query = part->query;

    (void)timeouts;
    part->pending = false;
    part->status = status;
    leati_resolver_answered(query->resolver, !query->abandoned);
    if (status == ARES_SUCCESS && info != NULL) {
        query_take(query, info);
        if (info->name != NULL)
            part->search_rank =
                leati_resolver_search_rank(query->resolver, query->host, info->name);
    }
    if (info != NULL)
        ares_freeaddrinfo(info);
    /* The channel goes with its loop: there is nobody to tell. */
    if (status == ARES_EDESTRUCTION)
        query->abandoned = true;
    if (!query->abandoned)
        query_follow(query, part);
    else if (query_pending(query) == 0)
        query_free(query);
}

static void query_on_hosts(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct leati_dns_query *query = arg;

    (void)timeouts;
    if (status == ARES_SUCCESS && info != NULL)
        query_take(query, info);
    else if (status == ARES_ENOMEM)
        query->parts[PART_V4].status = ARES_ENOMEM;
    if (info != NULL)
        ares_freeaddrinfo(info);
}

/* false: no memory. */
static bool query_ask(struct leati_dns_query *query)
{
    static const int families[PART_COUNT] = {[PART_V4] = AF_INET, [PART_V6] = AF_INET6};
    bool asked = true;

    leati_resolver_look_up(query->resolver, query->host, query_on_hosts, query);
    if (query->parts[PART_V4].status == ARES_ENOMEM)
        return false;
    if (query_has_addresses(query)) {
        leati_task_schedule(&query->deliver);
        return true;
    }
    /* First: the answer of the one must not look like that of both. */
    query->parts[PART_V4].pending = query->parts[PART_V6].pending = true;
    for (int i = 0; i < PART_COUNT; i++)
        asked &= leati_resolver_ask(query->resolver, query->host, families[i], part_on_answer,
                                    &query->parts[i]);
    return asked;
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
    query->deadline_ms = options->deadline_ms;
    query->resolution_delay_ms = options->resolution_delay_ms != 0 ? options->resolution_delay_ms
                                                                   : LEATI_DNS_RESOLUTION_DELAY_MS;
    for (int i = 0; i < PART_COUNT; i++)
        query->parts[i].query = query;
    memcpy(query->host, options->host, host_size);
    leati_timer_init(&query->timer, options->loop, query_on_timer, query);
    leati_task_init(&query->deliver, options->loop, query_on_task, query);
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

    if ((options->deadline_ms != 0 &&
         leati_timer_set(&query->timer, options->deadline_ms) != LEAT_OK) ||
        !query_ask(query)) {
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
    if (!leati_address_parse(literal, 0, &address) || (strchr(literal, ':') != NULL) != is_v6)
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

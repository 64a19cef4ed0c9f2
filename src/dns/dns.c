/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns.h"

#include "dns/candidate.h"
#include "dns/sort.h"
#include "loop/loop.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

struct leati_dns_query {
    struct leati_resolver *resolver;
    leati_dns_fn fn;
    void *user;
    leat_loop *loop;
    int family;
    uint16_t port;
    bool dials;
    uint32_t resolution_delay_ms;
    uint64_t deadline_ms;
    struct leati_timer timer;
    struct leati_task judge; /* everything is decided here, never from inside of c-ares */
    struct leati_search search;
    struct leati_candidate *candidates; /* those that were begun, in their order */
    struct leati_candidate *told; /* the one whose addresses were given while it was pending */
    bool is_local;                /* the candidate is what this machine itself knows */
    char host[];
};

/* ---- failures -------------------------------------------------------------------------------- */

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

    if (status < 0 || (size_t)status >= sizeof(names) / sizeof(names[0]) || !names[status])
        return "failure";
    return names[status];
}

static int failure_set(struct leati_failure *failure, const char *host, uint16_t port, int status)
{
    char hop[LEAT_ERROR_HOP_SIZE];
    struct leati_fault fault = {.layer = LEAT_LAYER_DNS, .native_code = status, .hop = hop};

    leati_host_port_format(host, port, hop, sizeof(hop));
    if (leati_dns_is_onion(host) && status != ARES_ENOMEM) {
        fault.code = LEAT_E_SOCKET_BASE + EHOSTUNREACH;
        fault.sys_errno = EHOSTUNREACH;
        fault.native_code = ARES_ENOTFOUND;
        return leati_failure_set(failure, &fault,
                                 "%s is a name of Tor, which DNS is not asked for: ENOTFOUND; only "
                                 "Tor resolves it, as socks5h:// or socks4a:// lets it",
                                 host);
    }
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

/* ---- what is to be told ---------------------------------------------------------------------- */

static bool is_over(const struct leati_dns_query *query, uint64_t at_ms)
{
    return at_ms != 0 && *leati_loop_judged_ms(query->loop) >= at_ms;
}

static void earlier(uint64_t *at_ms, uint64_t other_ms)
{
    if (other_ms != 0 && (*at_ms == 0 || other_ms < *at_ms))
        *at_ms = other_ms;
}

/* What resolver(3) makes of many failures: that of the name itself if it was the first, otherwise
 * the one that says the most. */
static int status_rank(int status)
{
    switch (status) {
    case ARES_EBADNAME:
        return 0;
    case ARES_ENOTFOUND:
        return 1;
    case ARES_ENODATA:
        return 3;
    case ARES_ENOMEM:
        return 4;
    default:
        return 2;
    }
}

static int query_status(const struct leati_dns_query *query)
{
    const struct leati_candidate *first = query->candidates;
    int status = ARES_EBADNAME;

    for (const struct leati_candidate *c = first; c; c = c->next) {
        int found = leati_candidate_status(c);
        if (status_rank(found) > status_rank(status))
            status = found;
    }
    if (first && status != ARES_ENOMEM && strcmp(first->name, query->host) == 0)
        return leati_candidate_status(first);
    return status;
}

static void candidates_drop(struct leati_dns_query *query, const struct leati_candidate *but)
{
    struct leati_candidate *candidate = query->candidates, *kept = NULL;

    while (candidate) {
        struct leati_candidate *next = candidate->next;
        if (candidate == but)
            kept = candidate;
        else
            leati_candidate_drop(candidate);
        candidate = next;
    }
    query->candidates = kept;
    if (kept)
        kept->next = NULL;
}

/* Nobody waits any more. */
static void query_free(struct leati_dns_query *query)
{
    candidates_drop(query, NULL);
    leati_timer_stop(&query->timer);
    leati_task_cancel(&query->judge);
    leati_resolver_release(query->resolver);
    leati_free(query);
}

/* The last answer. */
static void query_end(struct leati_dns_query *query, const struct leati_dns_answer *answer)
{
    leati_dns_fn fn = query->fn;
    void *fn_user = query->user;

    query_free(query);
    fn(answer, fn_user);
}

static void query_fail(struct leati_dns_query *query, int status)
{
    struct leati_failure failure;
    struct leati_dns_answer answer = {
        .failure = &failure,
        .lacks_family = status == ARES_ENODATA && query->family != AF_UNSPEC,
    };

    leati_failure_init(&failure);
    failure_set(&failure, query->host, query->port, status);
    query_end(query, &answer);
    leati_failure_done(&failure);
}

/* Gives what was not given before. The query may be gone afterwards. */
static void query_tell(struct leati_dns_query *query, struct leati_candidate *candidate)
{
    struct leati_address addresses[LEATI_DNS_MAX_ADDRESSES];
    struct leati_failure failure;
    struct leati_dns_answer answer = {.failure = &failure, .addresses = addresses};

    leati_failure_init(&failure);
    answer.count = leati_candidate_take(candidate, addresses);
    answer.more = leati_candidate_is_pending(candidate) && !is_over(query, query->deadline_ms);
    if (leati_candidate_status(candidate) == ARES_ENOMEM) {
        query_fail(query, ARES_ENOMEM);
        return;
    }
    if (!answer.more) {
        query_end(query, &answer);
        return;
    }
    query->told = candidate;
    candidates_drop(query, candidate);
    leati_timer_stop(&query->timer);
    /* Without memory c-ares' own end is waited for. */
    if (query->deadline_ms != 0)
        (void)leati_timer_set(&query->timer, query->deadline_ms);
    query->fn(&answer, query->user);
}

/* ---- which name it is ------------------------------------------------------------------------ */

enum verdict {
    VERDICT_WAIT, /* this may still be the one */
    VERDICT_LATE, /* likewise, but others get their chance */
    VERDICT_FAILED,
    VERDICT_FOUND,
};

/* RFC 8305 section 3: addresses of IPv6 are dialled at once, those of IPv4 wait a little for IPv6.
 * Where IPv6 does not lead anywhere, or it is another one that uses them, IPv4 is waited for too.
 */
static bool is_dialled_at_once(const struct leati_dns_query *query,
                               const struct leati_candidate *candidate)
{
    const struct leati_family_part *v6 = &candidate->parts[LEATI_FAMILY_V6];

    return query->dials && v6->count > 0 && leati_dns_reachable(&v6->addresses[0]);
}

/* Servers that say of the AAAA of a name that has an A that there is no such name do exist (RFC
 * 4074 section 4.2), the other way round they do not. */
static bool other_family_matters_little(const struct leati_candidate *candidate)
{
    const struct leati_family_part *v4 = &candidate->parts[LEATI_FAMILY_V4];

    return leati_candidate_has_addresses(candidate) ||
           (v4->state == LEATI_FAMILY_ANSWERED && v4->status == ARES_ENOTFOUND);
}

static enum verdict candidate_judge(const struct leati_dns_query *query,
                                    struct leati_candidate *candidate, uint64_t *wake_ms)
{
    enum verdict as_it_is =
        leati_candidate_has_addresses(candidate) ? VERDICT_FOUND : VERDICT_FAILED;

    if (!leati_candidate_is_pending(candidate) || is_over(query, query->deadline_ms) ||
        is_dialled_at_once(query, candidate))
        return as_it_is;
    if (other_family_matters_little(candidate)) {
        if (candidate->settle_ms == 0)
            candidate->settle_ms = leati_clock_ms() + query->resolution_delay_ms;
        if (is_over(query, candidate->settle_ms))
            return as_it_is;
        earlier(wake_ms, candidate->settle_ms);
        return VERDICT_WAIT;
    }
    if (is_over(query, candidate->until_ms))
        return VERDICT_LATE;
    earlier(wake_ms, candidate->until_ms);
    return VERDICT_WAIT;
}

static void query_on_change(void *user)
{
    struct leati_dns_query *query = user;

    leati_task_schedule(&query->judge);
}

/* Each name has its share of the time: one that is silent does not end the search. */
static uint64_t share_end_ms(const struct leati_dns_query *query)
{
    uint64_t now_ms = leati_clock_ms();
    size_t left = leati_search_left(&query->search);

    if (query->deadline_ms == 0 || left == 0)
        return 0;
    return query->deadline_ms > now_ms ? now_ms + (query->deadline_ms - now_ms) / (left + 1)
                                       : now_ms;
}

static void query_append(struct leati_dns_query *query, struct leati_candidate *candidate)
{
    struct leati_candidate **link = &query->candidates;

    while (*link)
        link = &(*link)->next;
    *link = candidate;
}

/* Begins with the next name. @return ARES_SUCCESS, ARES_ENOTFOUND (there is none), ARES_ENOMEM. */
static int query_ask_next(struct leati_dns_query *query)
{
    char name[LEATI_DNS_NAME_SIZE];

    if (query->is_local || leati_dns_is_onion(query->host) ||
        !leati_search_next(&query->search, name))
        return ARES_ENOTFOUND;
    struct leati_candidate *candidate = leati_candidate_new(name, query->family, query->port);
    if (!candidate)
        return ARES_ENOMEM;
    candidate->until_ms = share_end_ms(query);
    query_append(query, candidate);
    return leati_candidate_ask(candidate, query->resolver, query_on_change, query) ? ARES_SUCCESS
                                                                                   : ARES_ENOMEM;
}

/* ARES_SUCCESS: something is to be waited for, until `*wake_ms`; `*ret_found` may be set. Otherwise
 * why there is no address. */
static int query_look(struct leati_dns_query *query, uint64_t *wake_ms,
                      struct leati_candidate **ret_found)
{
    bool waits = false;

    for (struct leati_candidate **link = &query->candidates;; link = &(*link)->next) {
        if (!*link && !is_over(query, query->deadline_ms)) {
            int status = query_ask_next(query);
            if (status == ARES_ENOMEM)
                return status;
        }
        if (!*link)
            return waits ? ARES_SUCCESS : query_status(query);
        if (!leati_candidate_ask_next(*link))
            return ARES_ENOMEM;
        switch (candidate_judge(query, *link, wake_ms)) {
        case VERDICT_FOUND:
            *ret_found = *link;
            return ARES_SUCCESS;
        case VERDICT_WAIT:
            return ARES_SUCCESS;
        case VERDICT_LATE:
            waits = true;
            break;
        case VERDICT_FAILED:
            break;
        }
    }
}

static void query_judge(struct leati_dns_query *query)
{
    struct leati_candidate *found = NULL;
    uint64_t wake_ms = query->deadline_ms;

    if (query->told) {
        if (!leati_candidate_is_pending(query->told) || is_over(query, query->deadline_ms))
            query_tell(query, query->told);
        return;
    }
    int status = query_look(query, &wake_ms, &found);
    if (found) {
        query_tell(query, found);
        return;
    }
    if (status == ARES_SUCCESS && wake_ms != 0 &&
        leati_timer_set(&query->timer, wake_ms) != LEAT_OK)
        status = ARES_ENOMEM;
    if (status != ARES_SUCCESS)
        query_fail(query, status);
}

static void query_on_task(struct leati_task *task, void *user)
{
    (void)task;
    query_judge(user);
}

static void query_on_timer(struct leati_timer *timer, void *user)
{
    (void)timer;
    query_judge(user);
}

/* ---- the door -------------------------------------------------------------------------------- */

static struct leati_dns_query *query_new(const struct leati_dns_options *options,
                                         struct leati_resolver *resolver)
{
    size_t host_size = strlen(options->host) + 1;
    struct leati_dns_query *query = leati_calloc(1, sizeof(*query) + host_size);

    if (!query)
        return NULL;
    query->resolver = resolver;
    query->fn = options->fn;
    query->user = options->user;
    query->loop = options->loop;
    query->family = options->family;
    query->port = options->port;
    query->dials = options->dials;
    query->deadline_ms = options->deadline_ms;
    query->resolution_delay_ms = options->resolution_delay_ms != 0 ? options->resolution_delay_ms
                                                                   : LEATI_DNS_RESOLUTION_DELAY_MS;
    memcpy(query->host, options->host, host_size);
    leati_search_init(&query->search, &resolver->conf, query->host, options->is_absolute);
    leati_timer_init(&query->timer, options->loop, query_on_timer, query);
    leati_task_init(&query->judge, options->loop, query_on_task, query);
    return query;
}

/* @return ARES_SUCCESS or ARES_ENOMEM. */
static int query_start(struct leati_dns_query *query)
{
    struct leati_candidate *local = leati_candidate_new(query->host, query->family, query->port);

    if (!local)
        return ARES_ENOMEM;
    int status = leati_candidate_look_up(local, query->resolver);
    query->is_local = status == ARES_SUCCESS && leati_candidate_has_addresses(local);
    if (query->is_local)
        query_append(query, local);
    else
        leati_candidate_drop(local);
    if (status == ARES_SUCCESS && !query->is_local)
        status = query_ask_next(query);
    leati_task_schedule(&query->judge);
    return status == ARES_ENOMEM ? ARES_ENOMEM : ARES_SUCCESS;
}

int leati_dns_start(const struct leati_dns_options *options, struct leati_failure *failure,
                    struct leati_dns_query **ret_query)
{
    struct leati_resolver *resolver;
    int status = leati_resolver_get(options->loop, options->servers, &resolver);

    if (status != ARES_SUCCESS)
        return failure_set(failure, options->host, options->port, status);
    struct leati_dns_query *query = query_new(options, resolver);
    if (!query) {
        leati_resolver_release(resolver);
        return failure_set(failure, options->host, options->port, ARES_ENOMEM);
    }
    status = query_start(query);
    /* So that the memory for the timer is there. */
    if (status == ARES_SUCCESS && options->deadline_ms != 0 &&
        leati_timer_set(&query->timer, options->deadline_ms) != LEAT_OK)
        status = ARES_ENOMEM;
    if (status != ARES_SUCCESS) {
        query_free(query);
        return failure_set(failure, options->host, options->port, status);
    }
    *ret_query = query;
    return LEAT_OK;
}

void leati_dns_cancel(struct leati_dns_query *query)
{
    query_free(query);
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

    if (!host_end && is_v6)
        return false;
    if (!host_end)
        host_end = end;
    size_t host_len = (size_t)(host_end - host);
    if (host_len >= sizeof(literal) || memchr(host, '%', host_len))
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

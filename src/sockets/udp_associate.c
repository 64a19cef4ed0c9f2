/* SPDX-License-Identifier: Apache-2.0 */
/* The association with a SOCKS5 proxy (RFC 1928 sections 4, 6 and 7): a chain whose only purpose is
 * to stay open. When it ends, the relay does. */
#include "sockets/udp_private.h"

#include "conn/chain.h"
#include "config/settings.h"
#include "dns/dns.h"
#include "socks5/socks5.h"
#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

/* Reads of the control connection in one pump. A proxy has nothing to say there; if it talks, the
 * others of the loop still have their turn. */
#define READS_PER_PUMP 16

struct leati_udp_association {
    struct leat_udp_socket *udp;
    struct leati_chain chain;
    struct leati_address relay;
    bool resolves_here;
    struct leati_dns_query *lookup; /* of a relay that has a name; NULL = none is under way */
    uint64_t lookup_start_us;
    char relay_name[LEATI_SOCKS5_NAME_MAX_BYTES + 1];
};

const struct leati_address *leati_udp_association_relay(
    const struct leati_udp_association *association)
{
    return &association->relay;
}

bool leati_udp_association_resolves_here(const struct leati_udp_association *association)
{
    return association->resolves_here;
}

/* ---- the relay --------------------------------------------------------------------------- */

static int association_fail(struct leati_udp_association *association, int code, const char *text,
                            const char *detail)
{
    struct leati_chain *chain = &association->chain;
    const struct leati_fault fault = {
        .code = code,
        .layer = LEAT_LAYER_SOCKS5,
        .hop = leati_route_origin_text(chain->route),
    };
    return leati_failure_set(&chain->failure, &fault, "%s%s", text, detail);
}

static bool is_any(const struct leati_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    return address->v4.sin_addr.s_addr == INADDR_ANY;
}

/* A proxy that says 0.0.0.0 or :: means the address that it is reached at. */
static int relay_take(struct leati_udp_association *association,
                      const struct leati_address *address)
{
    const struct leati_address *proxy = leati_tcp_layer_remote(association->chain.tcp);
    struct leati_address relay = *address;
    char text[LEATI_ADDRESS_TEXT_SIZE];

    if (is_any(&relay)) {
        relay = *proxy;
        leati_address_set_port(&relay, leati_address_port(address));
    }
    if (relay.any.sa_family != association->udp->family) {
        leati_address_format(&relay, text, sizeof(text));
        return association_fail(association, LEAT_E_SOCKS5_SERIALIZE,
                                "the proxy's relay is not of the family that the socket is bound "
                                "to: ",
                                text);
    }
    if (relay.any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&relay.v6.sin6_addr))
        relay.v6.sin6_scope_id = proxy->v6.sin6_scope_id;
    association->relay = relay;
    return LEAT_OK;
}

/* Opens the socket, or ends the association. */
static void association_open(struct leati_udp_association *association,
                             const struct leati_address *address)
{
    struct leat_udp_socket *udp = association->udp;
    if (relay_take(association, address) != LEAT_OK) {
        leati_chain_abort(&association->chain);
        return;
    }
    leati_udp_enter(udp);
    leati_udp_set_state(udp, LEATI_UDP_OPEN);
    leati_task_schedule(&udp->events);
    leati_udp_flush(udp);
    leati_udp_leave(udp);
}

/* ---- a relay that has a name ------------------------------------------------------------- */

/* A relay whose name has no address is reported as the proxy's failure. */
static void relay_blame_proxy(struct leati_udp_association *association,
                              const struct leati_failure *failure)
{
    struct leati_failure *record = &association->chain.failure;
    const struct leati_fault fault = {
        .code = failure->code,
        .layer = failure->layer,
        .sys_errno = failure->sys_errno,
        .native_code = failure->native_code,
        .hop = failure->hop,
    };
    leati_failure_set(record, &fault, "%s", failure->text ? failure->text : "out of memory");
    if (record->code != LEAT_E_SYSTEM_INTERNAL)
        leati_failure_relabel(record, LEAT_E_SOCKS5_CONNECT_PROXY, LEAT_LAYER_SOCKS5,
                              "the proxy gives a name for its relay, which has no address");
}

static void relay_answered(const struct leati_dns_answer *answer, void *user)
{
    struct leati_udp_association *association = user;
    struct leati_chain *chain = &association->chain;
    association->lookup = NULL; /* only one family was asked for: this was all */
    leati_trace_phase_end(&chain->tracer, LEAT_LAYER_DNS, "dns", association->relay_name,
                          association->lookup_start_us, answer->failure->code,
                          answer->failure->text ? answer->failure->text : "");
    if (answer->failure->code == LEAT_OK) {
        association_open(association, answer->addresses);
        return;
    }
    if (answer->lacks_family)
        association_fail(association, LEAT_E_SOCKS5_SERIALIZE,
                         "the proxy's relay has no address of the family that the socket is bound "
                         "to: ",
                         association->relay_name);
    else
        relay_blame_proxy(association, answer->failure);
    leati_chain_abort(chain);
}

static void relay_resolve(struct leati_udp_association *association,
                          const struct leati_socks5_address *bound)
{
    struct leati_chain *chain = &association->chain;
    const struct leati_settings *settings = association->udp->settings;
    uint32_t timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_DNS];
    size_t len = strlen(bound->name);
    bool is_absolute = bound->name[len - 1] == '.';
    const struct leati_dns_options options = {
        .loop = chain->loop,
        .servers = settings->dns_servers,
        .host = association->relay_name,
        .is_absolute = is_absolute,
        .family = association->udp->family,
        .port = bound->port,
        .deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0,
        .fn = relay_answered,
        .user = association,
    };
    memcpy(association->relay_name, bound->name, len - is_absolute);
    association->lookup_start_us = leati_clock_us();
    leati_trace_phase_start(&chain->tracer, LEAT_LAYER_DNS, "dns", association->relay_name,
                            association->lookup_start_us);
    if (leati_dns_start(&options, &chain->failure, &association->lookup) != LEAT_OK)
        leati_chain_abort(chain);
}

/* ---- what the chain tells ---------------------------------------------------------------- */

static void association_opened(struct leati_chain *chain, void *user)
{
    struct leati_udp_association *association = user;
    const struct leati_socks5_address *bound = leati_socks5_layer_bound(chain->top);
    struct leati_address literal;
    if (!bound->is_name)
        association_open(association, &bound->ip);
    else if (leati_address_parse(bound->name, bound->port, &literal))
        association_open(association, &literal);
    else
        relay_resolve(association, bound);
}

static unsigned association_pump(struct leati_chain *chain, uint64_t now_ms, void *user)
{
    struct leati_udp_association *association = user;
    uint8_t *buf = leati_loop_scratch(chain->loop);
    size_t len;
    (void)now_ms;
    for (int i = 0; i < READS_PER_PUMP; i++) {
        int code = chain->top->ops->recv(chain->top, buf, LEATI_SCRATCH_BYTES, &len);
        if (code == LEAT_OK)
            continue;
        if (code == LEATI_AGAIN)
            return LEATI_WANT_READ;
        if (code == LEATI_EOF)
            association_fail(association, LEAT_E_SOCKS5_RECV,
                             "the proxy closed the control connection, which ends the association",
                             "");
        else
            leati_failure_relabel(&chain->failure, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5,
                                  "the control connection broke, which ends the association");
        leati_chain_abort(chain);
        return 0;
    }
    leati_chain_wake(chain);
    return LEATI_WANT_READ;
}

static void association_ended(struct leati_chain *chain, void *user)
{
    struct leati_udp_association *association = user;
    struct leat_udp_socket *udp = association->udp;
    const struct leati_failure *failure = &chain->failure;
    const struct leati_fault fault = {
        .code = failure->code,
        .layer = failure->layer,
        .sys_errno = failure->sys_errno,
        .native_code = failure->native_code,
        .hop = failure->hop,
    };
    const char *text = failure->text ? failure->text : "out of memory";
    leati_udp_enter(udp);
    leati_udp_refuse(udp, &fault, "%s", text);
    leati_udp_report(udp, &fault, "%s", text);
    /* Unless the user has done so. */
    if (udp->association == association)
        leati_udp_end(udp);
    leati_udp_leave(udp);
}

static void association_left(struct leati_chain *chain, void *user)
{
    (void)chain;
    leati_free(user);
}

static const struct leati_chain_owner association_owner = {
    .opened = association_opened,
    .pump = association_pump,
    .ended = association_ended,
    .left = association_left,
};

/* ---- life -------------------------------------------------------------------------------- */

int leati_udp_associate(struct leat_udp_socket *udp)
{
    struct leati_route *route;
    leati_failure_done(&udp->failure);
    int code = leati_route_new_udp_associate(udp->settings, udp->family, &udp->failure, &route);
    if (code != LEAT_OK)
        return code;
    struct leati_udp_association *association = leati_calloc(1, sizeof(*association));
    if (!association) {
        leati_route_free(route);
        return leati_udp_no_memory(udp);
    }
    association->udp = udp;
    association->resolves_here = strcmp(udp->settings->proxies[0].scheme, "socks5") == 0;
    udp->association = association;
    leati_chain_init(&association->chain, udp->loop, &association_owner, association,
                     &udp->settings->tracer, route);
    leati_chain_connect(&association->chain, udp->settings->connect_timeout_ms);
    return LEAT_OK;
}

void leati_udp_association_release(struct leati_udp_association *association)
{
    if (association->lookup)
        leati_dns_cancel(association->lookup);
    association->lookup = NULL;
    if (leati_chain_release(&association->chain))
        leati_free(association);
}

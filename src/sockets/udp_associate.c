/* SPDX-License-Identifier: Apache-2.0 */
/* The association with a SOCKS5 proxy (RFC 1928 sections 4, 6 and 7): a stream whose only purpose is
 * to stay open. When it ends, the relay does. */
#include "sockets/udp_private.h"

#include "conn/stream.h"
#include "config/settings.h"
#include "dns/dns.h"
#include "socks5/gss_protection.h"
#include "socks5/socks5.h"
#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/readable.h"

#include <errno.h>
#include <string.h>

struct leati_udp_association {
    struct leat_udp_socket *udp;
    struct leati_stream stream;
    struct leati_stream_limits limits; /* the stream's */
    struct leati_address relay;
    bool resolves_here;
    bool is_behind_others;          /* the proxy, of a chain */
    struct leati_dns_query *lookup; /* of a relay that has a name; NULL = none is under way */
    uint64_t lookup_start_us;
    char relay_name[LEATI_SOCKS5_NAME_MAX_BYTES + 1];
    /* Of datagrams too: a layer that stays where it is as long as the connection is open. NULL = none, or
     * it is gone. */
    struct leati_layer *protection;
    uint8_t *seal_room; /* SEAL_ROOM_BYTES, of one whose datagrams are protected; otherwise NULL */
};

/* A datagram, and what becomes of it. The longest that IPv4 carries, less more than any mechanism adds: one
 * that is wrapped and does not fit would be missed by the relay, which counts. */
#define PLAIN_MAX_BYTES (65507u - 128u)
#define SEAL_ROOM_BYTES (PLAIN_MAX_BYTES + LEATI_SOCKS5_PROTECTED_MAX_BYTES)

const struct leati_address *leati_udp_association_relay(
    const struct leati_udp_association *association)
{
    return &association->relay;
}

bool leati_udp_association_resolves_here(const struct leati_udp_association *association)
{
    return association->resolves_here;
}

/* ---- datagrams that are protected ------------------------------------------------------- */

bool leati_udp_association_protects(const struct leati_udp_association *association)
{
    return association->seal_room;
}

int leati_udp_association_seal(struct leati_udp_association *association, const struct iovec *iov,
                               size_t n, struct iovec *ret_sealed)
{
    uint8_t *plain = association->seal_room, *sealed = plain + PLAIN_MAX_BYTES;
    size_t len = 0;
    if (!association->protection)
        return ENOTCONN;
    for (size_t i = 0; i < n; len += iov[i++].iov_len) {
        if (iov[i].iov_len > PLAIN_MAX_BYTES - len)
            return EMSGSIZE;
        if (iov[i].iov_len > 0)
            memcpy(plain + len, iov[i].iov_base, iov[i].iov_len);
    }
    ret_sealed->iov_base = sealed;
    return leati_socks5_protection_seal(association->protection, plain, len, sealed,
                                        &ret_sealed->iov_len);
}

bool leati_udp_association_open(struct leati_udp_association *association, uint8_t *datagram,
                                size_t *len)
{
    if (!association->seal_room)
        return true;
    return association->protection &&
           leati_socks5_protection_open(association->protection, datagram, len);
}

/* false without memory. */
static bool seal_room_make(struct leati_udp_association *association)
{
    if (!association->protection)
        return true;
    association->seal_room = leati_malloc(SEAL_ROOM_BYTES);
    return association->seal_room;
}

static void association_free(struct leati_udp_association *association)
{
    if (association->seal_room)
        leati_wipe(association->seal_room, SEAL_ROOM_BYTES);
    leati_free(association->seal_room);
    leati_free(association);
}

/* ---- the relay --------------------------------------------------------------------------- */

static int association_fail(struct leati_udp_association *association, int code, const char *text,
                            const char *detail)
{
    char reason[LEAT_ERROR_TEXT_SIZE];
    leati_readable_format(reason, sizeof(reason), "%s%s", text, detail);
    leati_stream_break(&association->stream, code, 0, reason);
    return code;
}

static bool is_any(const struct leati_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    return address->v4.sin_addr.s_addr == INADDR_ANY;
}

/* The address that the proxy is reached at, also behind others; NULL = this machine does not know. */
static const struct leati_address *proxy_address(const struct leati_udp_association *association,
                                                 struct leati_address *literal)
{
    const struct leati_chain *chain = association->stream.chain;
    return association->is_behind_others ? leati_route_last_address(chain->route, literal)
                                         : leati_tcp_layer_remote(chain->tcp);
}

/* A proxy that says 0.0.0.0 or :: means the address that it is reached at. */
static int relay_take(struct leati_udp_association *association,
                      const struct leati_address *address)
{
    struct leati_address relay = *address, literal;
    const struct leati_address *proxy = proxy_address(association, &literal);
    char text[LEATI_ADDRESS_TEXT_SIZE];

    if (is_any(&relay) && !proxy)
        return association_fail(association, LEAT_E_SOCKS5_SERIALIZE,
                                "the last proxy says that its relay is where it is itself, and its "
                                "name was resolved by the proxy before it",
                                "");
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
    if (proxy && relay.any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&relay.v6.sin6_addr))
        relay.v6.sin6_scope_id = proxy->v6.sin6_scope_id;
    association->relay = relay;
    return LEAT_OK;
}

/* Opens the socket, or ends the association. */
static void association_open(struct leati_udp_association *association,
                             const struct leati_address *address)
{
    struct leat_udp_socket *udp = association->udp;
    if (relay_take(association, address) != LEAT_OK)
        return;
    if (!seal_room_make(association)) {
        association_fail(association, LEAT_E_SYSTEM_INTERNAL, "no memory for protected datagrams",
                         "");
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
    struct leati_failure *record = &association->stream.chain->failure;
    const struct leati_fault fault = leati_failure_fault(failure);
    leati_failure_set(record, &fault, "%s", failure->text ? failure->text : "out of memory");
    if (record->code != LEAT_E_SYSTEM_INTERNAL)
        leati_failure_relabel(record, LEAT_E_SOCKS5_CONNECT_PROXY, LEAT_LAYER_SOCKS5,
                              "the proxy gives a name for its relay, which has no address");
}

static void relay_answered(const struct leati_dns_answer *answer, void *user)
{
    struct leati_udp_association *association = user;
    struct leati_chain *chain = association->stream.chain;
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
    struct leati_chain *chain = association->stream.chain;
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

/* ---- what the stream tells --------------------------------------------------------------- */

static void association_opened(struct leati_stream *stream, void *user)
{
    struct leati_udp_association *association = user;
    const struct leati_socks5_address *bound = leati_socks5_layer_bound(stream->chain->top);
    struct leati_address literal;
    association->protection = leati_socks5_layer_protection(stream->chain->top);
    if (!bound->is_name)
        association_open(association, &bound->ip);
    else if (leati_address_parse(bound->name, bound->port, &literal))
        association_open(association, &literal);
    else
        relay_resolve(association, bound);
}

/* A proxy has nothing to say on an open control connection. */
static size_t association_received(struct leati_stream *stream, const uint8_t *data, size_t len,
                                   void *user)
{
    (void)stream;
    (void)data;
    (void)user;
    return len;
}

static void association_peer_ended(struct leati_stream *stream, void *user)
{
    (void)user;
    leati_stream_break(stream, LEAT_E_SOCKS5_RECV, 0,
                       "the proxy closed the control connection, which ends the association");
}

/* What breaks an open control connection below is a failure of the proxy. */
static struct leati_route *association_over(struct leati_stream *stream, void *user)
{
    struct leati_failure *failure = &stream->chain->failure;
    struct leati_udp_association *association = user;
    association->protection = NULL; /* its layers go */
    if (stream->state == LEATI_STREAM_OPEN && failure->layer == LEAT_LAYER_TCP)
        leati_failure_relabel(failure, LEAT_E_SOCKS5_RECV, LEAT_LAYER_SOCKS5,
                              "the control connection broke, which ends the association");
    return NULL;
}

static void association_ended(struct leati_stream *stream, void *user)
{
    struct leati_udp_association *association = user;
    struct leat_udp_socket *udp = association->udp;
    const struct leati_failure *failure = &stream->failure;
    const struct leati_fault fault = leati_failure_fault(failure);
    const char *text = failure->text ? failure->text : "out of memory";
    leati_udp_enter(udp);
    leati_udp_refuse(udp, &fault, "%s", text);
    leati_udp_report(udp, &fault, "%s", text);
    /* Unless the user has done so. */
    if (udp->association == association)
        leati_udp_end(udp);
    leati_udp_leave(udp);
}

static void association_left(struct leati_stream *stream, void *user)
{
    (void)stream;
    association_free(user);
}

static const struct leati_stream_owner association_owner = {
    .layer = LEAT_LAYER_SOCKS5,
    .opened = association_opened,
    .received = association_received,
    .peer_ended = association_peer_ended,
    .over = association_over,
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
    size_t proxy_count = udp->settings->proxy_count;
    association->resolves_here =
        strcmp(udp->settings->proxies[proxy_count - 1].scheme, "socks5") == 0;
    association->is_behind_others = proxy_count > 1;
    leati_stream_init(&association->stream, udp->loop, &association_owner, association);
    association->limits = leati_stream_limits_of(udp->settings);
    if (leati_stream_start(&association->stream, route, &udp->settings->tracer,
                           &association->limits) != LEAT_OK) {
        leati_udp_association_release(association);
        return leati_udp_no_memory(udp);
    }
    udp->association = association;
    return LEAT_OK;
}

void leati_udp_association_release(struct leati_udp_association *association)
{
    if (association->lookup)
        leati_dns_cancel(association->lookup);
    association->lookup = NULL;
    if (leati_stream_release(&association->stream))
        association_free(association);
}

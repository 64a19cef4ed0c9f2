/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/resolve.h"

#include "util/alloc.h"
#include "util/clock.h"
#include "util/text.h"

#include <string.h>

static int addresses_copy(struct leati_chain_addresses *addresses, const struct leati_address *list,
                          size_t count)
{
    addresses->list = leati_malloc(count * sizeof(*list));
    if (!addresses->list)
        return LEAT_E_SYSTEM_INTERNAL;
    memcpy(addresses->list, list, count * sizeof(*list));
    addresses->count = count;
    return LEAT_OK;
}

static void trace_answer(struct leati_chain *chain, const struct leati_dns_answer *answer,
                         int result)
{
    char text[256] = "";
    size_t pos = 0;
    for (size_t i = 0; result == LEAT_OK && i < answer->count; i++) {
        char host[LEATI_ADDRESS_TEXT_SIZE];
        leati_address_format_host(&answer->addresses[i], host, sizeof(host));
        leati_text_append(text, sizeof(text), &pos, "%s%s", i ? ", " : "", host);
    }
    const char *host =
        chain->state == LEATI_CHAIN_RESOLVING_ORIGIN ? chain->route->origin_hop : chain->route->hop;
    leati_trace_phase_end(&chain->tracer, LEAT_LAYER_DNS, "dns", host, chain->phase_start_us,
                          result, result == LEAT_OK ? text : answer->failure->text);
}

static void chain_answered(const struct leati_dns_answer *answer, void *user)
{
    struct leati_chain *chain = user;
    chain->query = NULL;
    int code = answer->failure->code;
    struct leati_chain_addresses *addresses = chain->state == LEATI_CHAIN_RESOLVING_ORIGIN
                                                  ? &chain->origin_addresses
                                                  : &chain->hop_addresses;
    if (code == LEAT_OK)
        code = addresses_copy(addresses, answer->addresses, answer->count);
    if (code != LEAT_OK) {
        const struct leati_fault fault = {
            .code = code,
            .layer = LEAT_LAYER_DNS,
            .sys_errno = answer->failure->sys_errno,
            .native_code = answer->failure->native_code,
            .hop = answer->failure->hop,
        };
        leati_failure_set(&chain->failure, &fault, "%s",
                          answer->failure->text ? answer->failure->text : "out of memory");
    }
    trace_answer(chain, answer, code);
    leati_chain_wake(chain);
}

static int chain_ask(struct leati_chain *chain, const char *host, uint16_t port)
{
    const leat_config *config = chain->route->config;
    uint32_t timeout_ms = config->phase_timeout_ms[LEAT_PHASE_DNS];
    uint64_t deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0;
    if (chain->limit_ms && (!deadline_ms || chain->limit_ms < deadline_ms))
        deadline_ms = chain->limit_ms;
    const struct leati_dns_options options = {
        .loop = chain->loop,
        .servers = config->dns_servers,
        .host = host,
        .port = port,
        .deadline_ms = deadline_ms,
        .fn = chain_answered,
        .user = chain,
    };
    char hop[LEAT_ERROR_HOP_SIZE];
    leati_host_port_format(host, port, hop, sizeof(hop));
    chain->phase_start_us = leati_clock_us();
    leati_trace_phase_start(&chain->tracer, LEAT_LAYER_DNS, "dns", hop, chain->phase_start_us);
    int code = leati_dns_start(&options, &chain->failure, &chain->query);
    return code == LEAT_OK ? LEATI_AGAIN : code;
}

int leati_chain_resolve(struct leati_chain *chain, const char *host, uint16_t port,
                        struct leati_chain_addresses *addresses)
{
    struct leati_address literal;
    if (addresses->count > 0)
        return LEAT_OK;
    if (chain->failure.code != LEAT_OK)
        return chain->failure.code;
    if (chain->query)
        return LEATI_AGAIN;
    if (leati_address_parse(host, port, &literal))
        return addresses_copy(addresses, &literal, 1);
    return chain_ask(chain, host, port);
}

/* SPDX-License-Identifier: Apache-2.0 */
/** @file A loop, a DNS server and queries, for the tests of this folder. */
#ifndef TESTS_UNIT_DNS_FIXTURE_H
#define TESTS_UNIT_DNS_FIXTURE_H

#include "dns/dns.h"
#include "support/dns_server.h"

/** Longer than any test: whoever waits for it never sees its end. */
#define ENDLESS_DELAY_MS 600000u

/** What came of one query. */
struct outcome {
    int calls;
    bool more; /**< said by the last one */
    bool lacks_family;
    struct leat_error error;
    size_t count; /**< of all calls */
    char texts[2 * LEATI_DNS_MAX_ADDRESSES][LEATI_ADDRESS_TEXT_SIZE];
    struct leati_dns_query *query;
    struct outcome *cancels;
};

extern const struct dns_record records[];
extern leat_loop *loop;
extern struct dns_server *server;
/** Of what is asked next. */
extern uint32_t resolution_delay_ms;
extern bool dials, is_absolute;
extern int family;

void set_up(void);
void tear_down(void);

/** Starts a query; returns what leati_dns_start() does. */
int ask_server(const char *servers, const char *host, uint64_t deadline_ms,
               struct outcome *outcome);
/** Starts a query at `server`. */
void ask(const char *host, uint64_t deadline_ms, struct outcome *outcome);
/** Dispatches until the (first) answer is there. */
void await(const struct outcome *outcome);
/** Dispatches until there is no other to come. */
void await_end(const struct outcome *outcome);
/** Cancels what may still come. */
void cancel(struct outcome *outcome);
bool outcome_has(const struct outcome *outcome, const char *text);
void check_failed(const struct outcome *outcome, int sys_errno, const char *host,
                  const char *status);

#endif

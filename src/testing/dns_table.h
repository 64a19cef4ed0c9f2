/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a DNS server answers (RFC 1035): records as text, and a query turned into its answer. */
#ifndef LEATI_TESTING_DNS_TABLE_H
#define LEATI_TESTING_DNS_TABLE_H

#include <leat/testing.h>

/** The longest message, and what goes over UDP without EDNS (RFC 1035 section 4.2.1). */
#define LEATI_DNS_BYTES_MAX   65535u
#define LEATI_DNS_UDP_BYTES   512u
#define LEATI_DNS_RECORDS_MAX 256
#define LEATI_DNS_DATA_BYTES  512

struct leati_dns_table;

/** What is to be done with a query. */
struct leati_dns_verdict {
    char question[320]; /**< "a.test AAAA", for the log */
    bool is_silent;     /**< no answer at all */
    uint32_t delay_ms;
    size_t len; /**< of the answer; 0 = none: it was no query, or silence */
};

/** Reads the records. @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
int leati_dns_table_new(const char *text, struct leati_dns_table **ret_table,
                        struct leat_testing_problem *ret_problem);
void leati_dns_table_free(struct leati_dns_table *table);
/** Judges a query and writes its answer; `ret_answer` has LEATI_DNS_BYTES_MAX. */
void leati_dns_answer(const struct leati_dns_table *table, const uint8_t *query, size_t len,
                      bool over_udp, uint8_t *ret_answer, struct leati_dns_verdict *ret_verdict);

#endif

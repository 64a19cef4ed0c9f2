/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A DNS server (RFC 1035, UDP and TCP) on a free port of 127.0.0.1 that answers from a table and
 * remembers what it is asked.
 */
#ifndef LEAT_TESTS_SUPPORT_DNS_SERVER_H
#define LEAT_TESTS_SUPPORT_DNS_SERVER_H

#include <stddef.h>
#include <stdint.h>

enum dns_behaviour {
    DNS_ANSWER,         /**< with the addresses of the row, none = an empty answer */
    DNS_NAME_ERROR,     /**< RCODE 3, NXDOMAIN; also for names that have no row */
    DNS_SERVER_FAILURE, /**< RCODE 2 */
    DNS_REFUSED,        /**< RCODE 5 */
    DNS_SILENCE,
    DNS_GARBAGE, /**< an answer that cannot be parsed */
    DNS_HELD,    /**< as DNS_ANSWER, when dns_server_release() allows it */
    DNS_LATE,    /**< as DNS_ANSWER, a little later; only the latest one */
};

struct dns_record {
    const char *name;                /**< without the final dot; NULL ends the table */
    enum dns_behaviour behaviour;    /**< for both families */
    enum dns_behaviour v4_behaviour; /**< for A, when `behaviour` is DNS_ANSWER */
    enum dns_behaviour v6_behaviour; /**< for AAAA, likewise */
    const char *v4[4];               /**< A records; the first NULL ends them */
    const char *v6[4];               /**< AAAA records */
};

struct dns_server;

/** Starts a server; `records` outlives it. NULL if that is not possible. */
struct dns_server *dns_server_start(const struct dns_record *records);
/** The same on a certain port: 53 in a network namespace of one's own. */
struct dns_server *dns_server_start_on(const struct dns_record *records, uint16_t port);
/** The same on a free port where UDP is lost. */
struct dns_server *dns_server_start_tcp(const struct dns_record *records);
/** NULL is allowed. */
void dns_server_free(struct dns_server *server);

/** "127.0.0.1:port", for leat_config_set_dns_servers(). Lives as long as the server. */
const char *dns_server_address(const struct dns_server *server);
/** Sends the answer that is held, the latest one if there were several; waits for one to come. Who
 * asks once more with the same ID, because it came too late for c-ares, is answered at once. */
void dns_server_release(struct dns_server *server);
/** How many queries have come so far, for whatever name. */
unsigned dns_server_query_count(const struct dns_server *server);
/** What they were, with a line for each: "A www.example.test", with " edns0" behind it if it had an
 * OPT record; also those that are not answered. Up to 4,095 bytes, and so much of the buffer. */
void dns_server_questions(struct dns_server *server, char *ret_text, size_t cap);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What resolv.conf(5), LOCALDOMAIN and RES_OPTIONS say about how to ask, and which names a host
 * stands for. c-ares reads the name servers by itself; of the rest its versions know different
 * parts, and none goes through the search list as resolver(3) does.
 */
#ifndef LEATI_DNS_RESOLV_CONF_H
#define LEATI_DNS_RESOLV_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEATI_RESOLV_CONF_PATH "/etc/resolv.conf"
/** What is read of the file; the rest is not looked at. */
#define LEATI_RESOLV_CONF_MAX_BYTES (64u << 10)
/** The longest search list: as many as Kubernetes allows. */
#define LEATI_RESOLV_CONF_MAX_DOMAINS 32

/** Room for the longest name (RFC 1035 section 2.3.4) with its final dot and NUL. */
#define LEATI_DNS_NAME_SIZE 256

struct leati_resolv_conf {
    char *search;                                       /**< what `domains` points into */
    const char *domains[LEATI_RESOLV_CONF_MAX_DOMAINS]; /**< without dots around; "" = the root */
    size_t domain_count;
    unsigned ndots;
    uint32_t timeout_ms; /**< of one try; 0 = neither it nor `attempts` is said */
    unsigned attempts;
    bool rotate;
    bool use_vc;
    bool edns0;
    bool single_request; /**< A, and when that is answered AAAA; also single-request-reopen */
    bool no_aaaa;
    bool no_tld_query;
    bool no_reload;
};

/** Where it all comes from; each may be NULL. */
struct leati_resolv_conf_source {
    const char *file;         /**< the text of resolv.conf */
    const char *local_domain; /**< LOCALDOMAIN */
    const char *options;      /**< RES_OPTIONS */
    const char *host_name;    /**< of this machine: its domain is the default of the search list */
};

/** What is malformed is passed over, as resolver(3) does. @return false: no memory. */
bool leati_resolv_conf_parse(const struct leati_resolv_conf_source *source,
                             struct leati_resolv_conf *ret_conf);
/** The same for this process, now. A file that cannot be read is an empty one. */
bool leati_resolv_conf_read(struct leati_resolv_conf *ret_conf);
void leati_resolv_conf_done(struct leati_resolv_conf *conf);

/** On the way through the names that a host may stand for. */
struct leati_search {
    const struct leati_resolv_conf *conf;
    const char *host;
    bool as_is_only;
    size_t next; /**< 0 = the host as it is, if it comes first; then the domains; then as it is */
};

/** Whether it is a name of Tor, ".onion" at its end. */
bool leati_dns_is_onion(const char *host);

/** @param host without a final dot; borrowed as long as the search.
 * @param is_absolute it had one: only this name is meant (RFC 1034 section 3.1). */
void leati_search_init(struct leati_search *search, const struct leati_resolv_conf *conf,
                       const char *host, bool is_absolute);
/** The next name to ask for, by resolv.conf(5), `ndots` and `search`; those that are no names (an
 * empty or too long label, too long in all) are passed over. Without a final dot.
 * @return false: that was all. */
bool leati_search_next(struct leati_search *search, char ret_name[LEATI_DNS_NAME_SIZE]);
/** How many are left. */
size_t leati_search_left(const struct leati_search *search);

#endif

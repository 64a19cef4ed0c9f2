/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a program sets on the descriptors of its connections, before they connect.
 */
#ifndef LEATI_CORE_DESCRIPTOR_H
#define LEATI_CORE_DESCRIPTOR_H

#include <leat/net_address.h>

#include "core/address.h"

/** leat_descriptor_fn. */
typedef int leati_descriptor_hook(int fd, const struct leat_net_address *address, void *user);

/** All zero = nothing. */
struct leati_descriptor_options {
    uint32_t user_timeout_ms; /**< TCP_USER_TIMEOUT */
    bool keep_alive;          /**< SO_KEEPALIVE, with the system's times where one is 0: */
    uint32_t keep_alive_idle_s, keep_alive_interval_s, keep_alive_probes;
    bool has_dscp;
    uint8_t dscp;                /**< of IPv4 and IPv6 */
    uint32_t mark;               /**< SO_MARK; 0 = none */
    leati_descriptor_hook *hook; /**< NULL = none */
    void *hook_user;
};

/** Sets the options of a TCP or UDP descriptor, but does not call the hook: for one that listens, from
 * which its connections inherit them. @return 0 or errno. */
int leati_descriptor_set(const struct leati_descriptor_options *options, int fd, int family,
                         bool is_tcp);
/** The same, then the hook. @param address where it will connect or send from; its family counts.
 * @return 0 or errno, also that of the hook. */
int leati_descriptor_prepare(const struct leati_descriptor_options *options, int fd,
                             const struct leati_address *address, bool is_tcp);

#endif

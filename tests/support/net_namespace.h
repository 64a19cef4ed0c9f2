/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two hosts of the test's own: network namespaces with a cable between them. They are gone with the
 * test's process.
 */
#ifndef LEAT_TESTS_SUPPORT_NET_NAMESPACE_H
#define LEAT_TESTS_SUPPORT_NET_NAMESPACE_H

#include <stdbool.h>

/** The addresses of the two. */
#define NEAR_ADDRESS "192.0.2.1"
#define FAR_ADDRESS  "192.0.2.2"

/** A network of this process alone, with its loopback interface and nothing else, in which it may do
 * what CAP_NET_ADMIN allows. Before any thread is started. false where that is forbidden. */
bool net_alone(void);

enum net_host {
    NET_NEAR, /**< where the calling thread is after net_namespaces_init() */
    NET_FAR,
};

/** Makes both. Fails the test if that is not allowed: it needs root, or user namespaces. */
void net_namespaces_init(void);

/** Moves the calling thread; what it opens and starts from now on belongs to that host. */
void net_namespace_enter(enum net_host host);

/** Runs ip(8) on a host; `arguments` end with NULL. */
void net_ip(enum net_host host, const char *const *arguments);

/** Ways to lose the link, without a word to either host. */
void net_lose_far_address(void); /**< the far host does not feel meant any more */
void net_lose_cable(void);       /**< nothing leaves the far host */
void net_lose_way_back(void);    /**< the far host hears, its answers go nowhere */

#endif

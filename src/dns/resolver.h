/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * c-ares on one loop: its channels, sockets, timer, and who still waits for it.
 *
 * c-ares cannot forget a single query: one that nobody waits for any more stays in the channel, and
 * when only such are left all of them are cancelled. No user code ever runs inside of c-ares.
 */
#ifndef LEATI_DNS_RESOLVER_H
#define LEATI_DNS_RESOLVER_H

#include "dns/resolv_conf.h"
#include "loop/loop.h"

#include <ares.h>
#include <sys/stat.h>

struct leati_resolver_socket;

struct leati_resolver {
    struct leati_resolver *next;
    leat_loop *loop;
    char *servers;      /**< NULL = the system's */
    struct stat config; /**< of resolv.conf, when the channel read it */
    struct leati_resolv_conf conf;
    bool out_of_memory;   /**< a socket could not be watched: all queries end with ECANCELLED */
    bool retired;         /**< the configuration has changed: goes when nobody needs it any more */
    size_t users;         /**< who have got it and not released it */
    ares_channel channel; /**< asks DNS; NULL before the first question */
    struct leati_resolver_socket *sockets;
    struct leati_timer timer;
    size_t pending; /**< queries that c-ares has not answered */
    size_t awaited; /**< those of them whose answer somebody waits for */
};

/** The resolver of a loop for a server list, made when there is none. To be released.
 * @return an ARES_ status. */
int leati_resolver_get(leat_loop *loop, const char *servers, struct leati_resolver **ret_resolver);
/** Not from inside a callback of c-ares. */
void leati_resolver_release(struct leati_resolver *resolver);

/** Looks into /etc/hosts, for both families; `callback` runs inside. */
void leati_resolver_look_up(struct leati_resolver *resolver, const char *host,
                            ares_addrinfo_callback callback, void *arg);

/** Asks DNS for one family, AF_INET or AF_INET6, of that very name (without a final dot); no search
 * list counts. `callback` may run at once. The addresses are as the servers gave them. @return false
 * without memory: then `callback` may still come. */
bool leati_resolver_ask(struct leati_resolver *resolver, const char *name, int family,
                        ares_addrinfo_callback callback, void *arg);

/** Gives it to no more users, because c-ares may be broken after it ran out of memory. It is freed
 * when its last user releases it. */
void leati_resolver_retire(struct leati_resolver *resolver);

/** To be called first in the callback. */
void leati_resolver_answered(struct leati_resolver *resolver, bool is_awaited);

/** Nobody waits for `count` of the pending queries any more. Not from inside the callback.
 * Callbacks may run, and the resolver may be gone afterwards. */
void leati_resolver_abandon(struct leati_resolver *resolver, size_t count);

#endif

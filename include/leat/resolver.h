/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Names to addresses, as connections of leat resolve them: by the servers of the configuration or of
 * resolv.conf(5), by /etc/hosts first, without blocking. Named as getAddressesByName() of the
 * HarmonyOS Network Kit.
 */
#ifndef LEAT_RESOLVER_H
#define LEAT_RESOLVER_H

#include <leat/config.h>
#include <leat/loop.h>
#include <leat/net_address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A name that is being asked for. Opaque. */
typedef struct leat_lookup leat_lookup;

/**
 * The answer, once. Behind it the lookup is gone. Everything is borrowed until it returns.
 *
 * @param addresses with port 0, the one to be tried first in front (RFC 6724): IPv4 and IPv6.
 * @param error code LEAT_OK, or why there are none: LEAT_E_SOCKET_BASE + EHOSTUNREACH (no such name,
 *              no address, the server failed), + ETIMEDOUT; of a literal with a zone
 *              + EINVAL (it is not link-local), + ENODEV (the zone is no interface of this machine); LEAT_E_SYSTEM_INTERNAL.
 */
typedef void (*leat_lookup_fn)(const struct leat_net_address *addresses, size_t count,
                               const struct leat_error *error, void *user);

/**
 * Starts to ask for all addresses of a host. Never blocks. A literal is its own answer.
 *
 * @param host a name, also in UTF-8 (IDNA), an IPv4 literal in any form of inet_aton(3), or an IPv6
 *             literal without brackets.
 * @param config may be NULL for the defaults. Of it count: the DNS servers and the deadline of
 *               LEAT_PHASE_DNS.
 * @param fn runs from the loop's dispatch, never inside this call.
 * @param ret_lookup may be NULL: then it cannot be cancelled, and has to be answered before the loop
 *                   is freed.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, or not a host); LEAT_E_SOCKET_BASE + EHOSTUNREACH
 *         (resolv.conf(5) cannot be read); LEAT_E_SYSTEM_INTERNAL (no memory); the code of a setter of
 *         `config` that was refused. Otherwise than with LEAT_OK `fn` does not run.
 */
LEAT_API LEAT_MUST_CHECK int leat_get_addresses_by_name(leat_loop *loop, const char *host,
                                                        const leat_config *config,
                                                        leat_lookup_fn fn, void *user,
                                                        leat_lookup **ret_lookup);

/** Forgets a lookup that has not been answered; `fn` does not run any more. To be called before the
 * loop is freed. NULL is allowed; inside of `fn` it does nothing. */
LEAT_API void leat_lookup_cancel(leat_lookup *lookup);

#ifdef __cplusplus
}
#endif

#endif

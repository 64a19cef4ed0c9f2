/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the connections of one configuration remember of proxies that have let them in: which scheme
 * that was, and the nonce of Digest, so that the next connection answers at once. No secrets.
 *
 * Any thread.
 */
#ifndef LEATI_HTTP_AUTH_MEMORY_H
#define LEATI_HTTP_AUTH_MEMORY_H

#include "http/digest.h"

/** How many proxies are remembered; the one that was asked for longest ago is forgotten. */
#define LEATI_HTTP_AUTH_MEMORY_MAX 16u

struct leati_http_auth_memory;

struct leati_http_auth_memory *leati_http_auth_memory_new(void); /* NULL without memory */
struct leati_http_auth_memory *leati_http_auth_memory_ref(struct leati_http_auth_memory *memory);
/** NULL is allowed. */
void leati_http_auth_memory_unref(struct leati_http_auth_memory *memory);

/** The proxy at the end of `way` has let in `user` (NULL = none) by the scheme of that flag.
 * `digest` NULL = it was not Digest. What there is no memory for is not kept. */
void leati_http_auth_memory_keep(struct leati_http_auth_memory *memory, const char *way,
                                 const char *user, unsigned scheme,
                                 const struct leati_http_digest *digest);
/** @return the flag, 0 = nothing is remembered. `*ret_digest` is written for Digest: a copy for the
 * caller whose nc nobody else gets. */
unsigned leati_http_auth_memory_recall(struct leati_http_auth_memory *memory, const char *way,
                                       const char *user, struct leati_http_digest *ret_digest);
void leati_http_auth_memory_forget(struct leati_http_auth_memory *memory, const char *way,
                                   const char *user);

#endif

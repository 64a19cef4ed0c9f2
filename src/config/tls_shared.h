/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the connections of one configuration share: parsed credentials and TLS sessions. */
#ifndef LEATI_CONFIG_TLS_SHARED_H
#define LEATI_CONFIG_TLS_SHARED_H

#include "core/failure.h"
#include "tls/tls.h"

struct leati_tls_shared;

/** Whom the credentials are for. */
enum leati_tls_shared_role {
    LEATI_TLS_SHARED_ORIGIN,
    LEATI_TLS_SHARED_ANONYMOUS, /**< an origin that is not to see the client certificate */
    LEATI_TLS_SHARED_PROXY,
    LEATI_TLS_SHARED_SERVER,
    LEATI_TLS_SHARED_VERIFYING_SERVER, /**< has the CAs for its clients, too */
    LEATI_TLS_SHARED_ROLE_COUNT,
};

struct leati_tls_shared *leati_tls_shared_new(void); /* NULL without memory */
struct leati_tls_shared *leati_tls_shared_ref(struct leati_tls_shared *shared);
void leati_tls_shared_unref(struct leati_tls_shared *shared);

/** The credentials, made from `options` by the first caller; a reference for the caller. A failure
 * is not kept: the next connection reads the files again. */
int leati_tls_shared_credentials(struct leati_tls_shared *shared, enum leati_tls_shared_role role,
                                 const struct leati_tls_credentials_options *options,
                                 struct leati_failure *failure,
                                 struct leati_tls_credentials **ret_credentials);

/** The session store, a reference for the caller; NULL without memory, which only costs resumption.
 */
struct leati_tls_sessions *leati_tls_shared_sessions(struct leati_tls_shared *shared);

/** How many servers are remembered that want no early data. */
#define LEATI_TLS_SHARED_TOO_EARLY_MAX 16u

/** Remembers that this server, "host:port", has answered 425 to early data (RFC 8470 section 5.2);
 * the last LEATI_TLS_SHARED_TOO_EARLY_MAX of them are. */
void leati_tls_shared_note_too_early(struct leati_tls_shared *shared, const char *server);
/** Whether that is remembered. True now and then of a server that never said so, which costs it a
 * round trip. */
bool leati_tls_shared_is_too_early(struct leati_tls_shared *shared, const char *server);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The store of TLS sessions. It knows keys and serialised sessions; what is in them is the matter
 * of resumption.c. The door is tls.h.
 */
#ifndef LEATI_TLS_SESSIONS_H
#define LEATI_TLS_SESSIONS_H

#include "tls/tls.h"

/** Over all keys; the oldest go first. */
#define LEATI_TLS_SESSIONS_LIMIT 64u
/** Under one key: servers send two or more TLS 1.3 tickets to each connection. */
#define LEATI_TLS_SESSIONS_PER_KEY_LIMIT 4u

/** A serialised session, which holds secrets. */
struct leati_tls_session_blob {
    uint8_t *data;
    size_t len;
    int64_t until_s; /**< of time(): not to be offered from then on */
};

void leati_tls_session_blob_done(struct leati_tls_session_blob *blob);

/** Takes over `blob->data`, also when there is no memory (then the session is lost). A session that
 * is not for single use replaces all others of its key. @thread any. */
void leati_tls_sessions_put(struct leati_tls_sessions *sessions, const char *key, bool single_use,
                            struct leati_tls_session_blob *blob);

/** The newest session of a key; one for single use leaves the store (RFC 8446 appendix C.4).
 * false = there is none, or no memory. @thread any. */
bool leati_tls_sessions_take(struct leati_tls_sessions *sessions, const char *key,
                             struct leati_tls_session_blob *ret_blob);

/** Drops all sessions of a key. @thread any. */
void leati_tls_sessions_forget(struct leati_tls_sessions *sessions, const char *key);

/** How many are kept, over all keys. @thread any. */
size_t leati_tls_sessions_count(struct leati_tls_sessions *sessions);

#endif

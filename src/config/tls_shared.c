/* SPDX-License-Identifier: Apache-2.0 */
#include "config/tls_shared.h"

#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <stdatomic.h>

struct leati_tls_shared {
    atomic_uint refs;
    pthread_mutex_t mutex;
    struct leati_tls_credentials *credentials[LEATI_TLS_SHARED_ROLE_COUNT];
    struct leati_tls_sessions *sessions;
    /* Hashes of those that want no early data; 0 = none yet. */
    uint64_t too_early[LEATI_TLS_SHARED_TOO_EARLY_MAX];
    size_t too_early_next; /* the oldest one */
};

struct leati_tls_shared *leati_tls_shared_new(void)
{
    struct leati_tls_shared *shared = leati_calloc(1, sizeof(*shared));
    if (!shared)
        return NULL;
    atomic_init(&shared->refs, 1);
    pthread_mutex_init(&shared->mutex, NULL);
    return shared;
}

struct leati_tls_shared *leati_tls_shared_ref(struct leati_tls_shared *shared)
{
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

void leati_tls_shared_unref(struct leati_tls_shared *shared)
{
    if (!shared || atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int role = 0; role < LEATI_TLS_SHARED_ROLE_COUNT; role++)
        leati_tls_credentials_unref(shared->credentials[role]);
    leati_tls_sessions_unref(shared->sessions);
    pthread_mutex_destroy(&shared->mutex);
    leati_free(shared);
}

int leati_tls_shared_credentials(struct leati_tls_shared *shared, enum leati_tls_shared_role role,
                                 const struct leati_tls_credentials_options *options,
                                 struct leati_failure *failure,
                                 struct leati_tls_credentials **ret_credentials)
{
    int code = LEAT_OK;
    leati_lock(&shared->mutex);
    if (!shared->credentials[role])
        code = leati_tls_credentials_new(options, failure, &shared->credentials[role]);
    if (code == LEAT_OK)
        *ret_credentials = leati_tls_credentials_ref(shared->credentials[role]);
    leati_unlock(&shared->mutex);
    return code;
}

struct leati_tls_sessions *leati_tls_shared_sessions(struct leati_tls_shared *shared)
{
    leati_lock(&shared->mutex);
    if (!shared->sessions)
        shared->sessions = leati_tls_sessions_new();
    struct leati_tls_sessions *sessions =
        shared->sessions ? leati_tls_sessions_ref(shared->sessions) : NULL;
    leati_unlock(&shared->mutex);
    return sessions;
}

/* ---- servers that want no early data --------------------------------------------------------- */

/* FNV-1a. Never 0. */
static uint64_t server_hash(const char *server)
{
    uint64_t hash = 14695981039346656037u;
    for (; *server != '\0'; server++)
        hash = (hash ^ (uint8_t)*server) * 1099511628211u;
    return hash != 0 ? hash : 1;
}

/* With the lock. */
static bool hash_is_noted(const struct leati_tls_shared *shared, uint64_t hash)
{
    for (size_t i = 0; i < LEATI_TLS_SHARED_TOO_EARLY_MAX; i++)
        if (shared->too_early[i] == hash)
            return true;
    return false;
}

void leati_tls_shared_note_too_early(struct leati_tls_shared *shared, const char *server)
{
    uint64_t hash = server_hash(server);
    leati_lock(&shared->mutex);
    if (!hash_is_noted(shared, hash)) {
        shared->too_early[shared->too_early_next] = hash;
        shared->too_early_next = (shared->too_early_next + 1) % LEATI_TLS_SHARED_TOO_EARLY_MAX;
    }
    leati_unlock(&shared->mutex);
}

bool leati_tls_shared_is_too_early(struct leati_tls_shared *shared, const char *server)
{
    uint64_t hash = server_hash(server);
    leati_lock(&shared->mutex);
    bool is_noted = hash_is_noted(shared, hash);
    leati_unlock(&shared->mutex);
    return is_noted;
}

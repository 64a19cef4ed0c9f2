/* SPDX-License-Identifier: Apache-2.0 */
#include "http/auth_memory.h"

#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct entry {
    char *way, *user;
    unsigned scheme; /* 0 = free */
    struct leati_http_digest digest;
    bool has_digest;
};

struct leati_http_auth_memory {
    atomic_uint refs;
    pthread_mutex_t mutex;
    struct entry
        *entries; /* LEATI_HTTP_AUTH_MEMORY_MAX, the latest first; NULL until one is kept */
};

struct leati_http_auth_memory *leati_http_auth_memory_new(void)
{
    struct leati_http_auth_memory *memory = leati_calloc(1, sizeof(*memory));
    if (!memory)
        return NULL;
    atomic_init(&memory->refs, 1);
    pthread_mutex_init(&memory->mutex, NULL);
    return memory;
}

struct leati_http_auth_memory *leati_http_auth_memory_ref(struct leati_http_auth_memory *memory)
{
    atomic_fetch_add_explicit(&memory->refs, 1, memory_order_relaxed);
    return memory;
}

static void entry_drop(struct entry *entry)
{
    leati_free(entry->way);
    leati_free(entry->user);
    if (entry->has_digest)
        leati_http_digest_done(&entry->digest);
    *entry = (struct entry){0};
}

void leati_http_auth_memory_unref(struct leati_http_auth_memory *memory)
{
    if (!memory || atomic_fetch_sub_explicit(&memory->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; memory->entries && i < LEATI_HTTP_AUTH_MEMORY_MAX; i++)
        entry_drop(&memory->entries[i]);
    leati_free(memory->entries);
    pthread_mutex_destroy(&memory->mutex);
    leati_free(memory);
}

/* With the lock: the entry, which is now the first one; NULL = none. */
static struct entry *entry_find(struct leati_http_auth_memory *memory, const char *way,
                                const char *user)
{
    for (size_t i = 0; memory->entries && i < LEATI_HTTP_AUTH_MEMORY_MAX; i++) {
        struct entry found = memory->entries[i];
        if (found.scheme == 0 || strcmp(found.way, way) != 0 || !found.user != !user ||
            (user && strcmp(found.user, user) != 0))
            continue;
        memmove(&memory->entries[1], &memory->entries[0], i * sizeof(found));
        memory->entries[0] = found;
        return &memory->entries[0];
    }
    return NULL;
}

static bool entry_make(struct entry *ret_entry, const char *way, const char *user, unsigned scheme,
                       const struct leati_http_digest *digest)
{
    struct entry entry = {.scheme = scheme, .has_digest = digest != NULL};
    entry.way = leati_strdup(way);
    bool has_user = leati_strdup_optional(&entry.user, user);
    bool has_digest = !digest || leati_http_digest_copy(&entry.digest, digest);
    if (!entry.way || !has_user || !has_digest) {
        entry_drop(&entry);
        return false;
    }
    *ret_entry = entry;
    return true;
}

void leati_http_auth_memory_keep(struct leati_http_auth_memory *memory, const char *way,
                                 const char *user, unsigned scheme,
                                 const struct leati_http_digest *digest)
{
    struct entry made;
    leati_lock(&memory->mutex);
    if (!memory->entries)
        memory->entries = leati_calloc(LEATI_HTTP_AUTH_MEMORY_MAX, sizeof(*memory->entries));
    struct entry *old = entry_find(memory, way, user);
    /* What counts up is that of the entry: other connections go on with it. */
    bool is_known = old && old->scheme == scheme && old->has_digest == (digest != NULL) &&
                    (!digest || strcmp(old->digest.nonce, digest->nonce) == 0);
    if (is_known && digest && old->digest.nc < digest->nc)
        old->digest.nc = digest->nc;
    if (!is_known && memory->entries && entry_make(&made, way, user, scheme, digest)) {
        if (!old) {
            old = &memory->entries[0];
            entry_drop(&memory->entries[LEATI_HTTP_AUTH_MEMORY_MAX - 1]);
            memmove(old + 1, old, (LEATI_HTTP_AUTH_MEMORY_MAX - 1) * sizeof(*old));
            *old = (struct entry){0};
        }
        entry_drop(old);
        *old = made;
    }
    leati_unlock(&memory->mutex);
}

unsigned leati_http_auth_memory_recall(struct leati_http_auth_memory *memory, const char *way,
                                       const char *user, struct leati_http_digest *ret_digest)
{
    unsigned scheme = 0;
    leati_lock(&memory->mutex);
    struct entry *entry = entry_find(memory, way, user);
    if (entry && (!entry->has_digest || leati_http_digest_copy(ret_digest, &entry->digest))) {
        scheme = entry->scheme;
        entry->digest.nc++; /* which the copy is going to use */
    }
    leati_unlock(&memory->mutex);
    return scheme;
}

void leati_http_auth_memory_forget(struct leati_http_auth_memory *memory, const char *way,
                                   const char *user)
{
    leati_lock(&memory->mutex);
    struct entry *entry = entry_find(memory, way, user);
    if (entry)
        entry_drop(entry);
    leati_unlock(&memory->mutex);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/sessions.h"

#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <string.h>

struct session_entry {
    struct session_entry *next; /* an older one */
    char *key;
    bool single_use;
    struct leati_tls_session_blob blob;
};

struct leati_tls_sessions {
    pthread_mutex_t lock; /* guards everything below */
    unsigned references;
    struct session_entry *newest;
};

void leati_tls_session_blob_done(struct leati_tls_session_blob *blob)
{
    if (blob->data)
        leati_wipe(blob->data, blob->len);
    leati_free(blob->data);
    *blob = (struct leati_tls_session_blob){0};
}

static void entry_free(struct session_entry *entry)
{
    leati_tls_session_blob_done(&entry->blob);
    leati_free(entry->key);
    leati_free(entry);
}

static void entry_drop(struct session_entry **link)
{
    struct session_entry *entry = *link;

    *link = entry->next;
    entry_free(entry);
}

static struct session_entry *entry_new(const char *key, bool single_use,
                                       struct leati_tls_session_blob *blob)
{
    struct session_entry *entry = leati_calloc(1, sizeof(*entry));
    char *key_copy = entry ? leati_strdup(key) : NULL;

    if (!key_copy) {
        leati_free(entry);
        leati_tls_session_blob_done(blob);
        return NULL;
    }
    entry->key = key_copy;
    entry->single_use = single_use;
    entry->blob = *blob;
    *blob = (struct leati_tls_session_blob){0};
    return entry;
}

struct leati_tls_sessions *leati_tls_sessions_new(void)
{
    struct leati_tls_sessions *sessions = leati_calloc(1, sizeof(*sessions));

    if (!sessions)
        return NULL;
    pthread_mutex_init(&sessions->lock, NULL);
    sessions->references = 1;
    return sessions;
}

struct leati_tls_sessions *leati_tls_sessions_ref(struct leati_tls_sessions *sessions)
{
    leati_lock(&sessions->lock);
    sessions->references++;
    leati_unlock(&sessions->lock);
    return sessions;
}

void leati_tls_sessions_unref(struct leati_tls_sessions *sessions)
{
    if (!sessions)
        return;
    leati_lock(&sessions->lock);
    bool last = --sessions->references == 0;
    leati_unlock(&sessions->lock);
    if (!last)
        return;
    while (sessions->newest)
        entry_drop(&sessions->newest);
    pthread_mutex_destroy(&sessions->lock);
    leati_free(sessions);
}

/* Drops what is too much: of `key` beyond `key_limit`, and of all beyond the store's limit. */
static void sessions_trim(struct leati_tls_sessions *sessions, const char *key, size_t key_limit)
{
    size_t total = 0;
    size_t of_key = 0;

    for (struct session_entry **link = &sessions->newest; *link;) {
        bool same = strcmp((*link)->key, key) == 0;
        if (total == LEATI_TLS_SESSIONS_LIMIT || (same && of_key == key_limit)) {
            entry_drop(link);
            continue;
        }
        total++;
        of_key += same;
        link = &(*link)->next;
    }
}

void leati_tls_sessions_put(struct leati_tls_sessions *sessions, const char *key, bool single_use,
                            struct leati_tls_session_blob *blob)
{
    struct session_entry *entry = entry_new(key, single_use, blob);

    if (!entry)
        return;
    leati_lock(&sessions->lock);
    entry->next = sessions->newest;
    sessions->newest = entry;
    sessions_trim(sessions, entry->key, single_use ? LEATI_TLS_SESSIONS_PER_KEY_LIMIT : 1);
    leati_unlock(&sessions->lock);
}

static bool blob_copy(const struct leati_tls_session_blob *blob,
                      struct leati_tls_session_blob *ret_copy)
{
    uint8_t *data = leati_malloc(blob->len);

    if (!data)
        return false;
    memcpy(data, blob->data, blob->len);
    *ret_copy = *blob;
    ret_copy->data = data;
    return true;
}

static bool entry_take(struct session_entry **link, struct leati_tls_session_blob *ret_blob)
{
    struct session_entry *entry = *link;

    if (!entry->single_use)
        return blob_copy(&entry->blob, ret_blob);
    *ret_blob = entry->blob;
    entry->blob = (struct leati_tls_session_blob){0};
    entry_drop(link);
    return true;
}

bool leati_tls_sessions_take(struct leati_tls_sessions *sessions, const char *key,
                             struct leati_tls_session_blob *ret_blob)
{
    bool taken = false;

    leati_lock(&sessions->lock);
    struct session_entry **link = &sessions->newest;
    while (*link && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    if (*link)
        taken = entry_take(link, ret_blob);
    leati_unlock(&sessions->lock);
    return taken;
}

void leati_tls_sessions_forget(struct leati_tls_sessions *sessions, const char *key)
{
    leati_lock(&sessions->lock);
    sessions_trim(sessions, key, 0);
    leati_unlock(&sessions->lock);
}

size_t leati_tls_sessions_count(struct leati_tls_sessions *sessions)
{
    size_t count = 0;

    leati_lock(&sessions->lock);
    for (const struct session_entry *entry = sessions->newest; entry; entry = entry->next)
        count++;
    leati_unlock(&sessions->lock);
    return count;
}

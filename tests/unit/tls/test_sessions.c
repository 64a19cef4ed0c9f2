/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/sessions.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void put(struct leati_tls_sessions *sessions, const char *key, const char *text,
                bool single_use)
{
    struct leati_tls_session_blob blob = {(uint8_t *)leati_strdup(text), strlen(text)};

    leati_tls_sessions_put(sessions, key, single_use, &blob);
}

static bool takes(struct leati_tls_sessions *sessions, const char *key, const char *text)
{
    struct leati_tls_session_blob blob;

    if (!leati_tls_sessions_take(sessions, key, &blob))
        return !text;
    bool equal = text && blob.len == strlen(text) && memcmp(blob.data, text, blob.len) == 0;
    leati_tls_session_blob_done(&blob);
    return equal;
}

Test(tls_sessions, single_use_leaves_newest_first)
{
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();

    put(sessions, "a", "1", true);
    put(sessions, "b", "x", true);
    put(sessions, "a", "2", true);
    cr_assert(takes(sessions, "a", "2"));
    cr_assert(takes(sessions, "a", "1"));
    cr_assert(takes(sessions, "a", NULL));
    cr_assert(takes(sessions, "b", "x"));
    cr_assert(leati_tls_sessions_count(sessions) == 0);
    leati_tls_sessions_unref(sessions);
}

Test(tls_sessions, others_stay_and_replace)
{
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();

    put(sessions, "a", "1", false);
    cr_assert(takes(sessions, "a", "1"));
    cr_assert(takes(sessions, "a", "1"));
    put(sessions, "a", "2", false);
    cr_assert(takes(sessions, "a", "2"));
    cr_assert(leati_tls_sessions_count(sessions) == 1);
    leati_tls_sessions_unref(sessions);
}

Test(tls_sessions, forgets_one_key)
{
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();

    put(sessions, "a", "1", true);
    put(sessions, "b", "2", true);
    put(sessions, "a", "3", true);
    leati_tls_sessions_forget(sessions, "a");
    leati_tls_sessions_forget(sessions, "c");
    cr_assert(takes(sessions, "a", NULL));
    cr_assert(takes(sessions, "b", "2"));
    leati_tls_sessions_unref(sessions);
}

Test(tls_sessions, keeps_the_newest_few)
{
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();
    char key[16];

    for (unsigned i = 0; i < 3 * LEATI_TLS_SESSIONS_LIMIT; i++) {
        snprintf(key, sizeof(key), "%u", i);
        put(sessions, key, key, true);
    }
    cr_assert(leati_tls_sessions_count(sessions) == LEATI_TLS_SESSIONS_LIMIT);
    cr_assert(takes(sessions, "0", NULL));
    cr_assert(takes(sessions, key, key));
    for (unsigned i = 0; i < 10; i++)
        put(sessions, "busy", "x", true);
    cr_assert(leati_tls_sessions_count(sessions) <= LEATI_TLS_SESSIONS_LIMIT);
    for (unsigned i = 0; i < LEATI_TLS_SESSIONS_PER_KEY_LIMIT; i++)
        cr_assert(takes(sessions, "busy", "x"));
    cr_assert(takes(sessions, "busy", NULL));
    leati_tls_sessions_unref(sessions);
}

Test(tls_sessions, counts_references)
{
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();

    cr_assert(leati_tls_sessions_ref(sessions) == sessions);
    put(sessions, "a", "1", true);
    leati_tls_sessions_unref(sessions);
    cr_assert(takes(sessions, "a", "1"));
    leati_tls_sessions_unref(sessions);
    leati_tls_sessions_unref(NULL);
}

static void *put_and_take(void *sessions)
{
    for (int i = 0; i < 2000; i++) {
        struct leati_tls_session_blob blob;
        put(sessions, i % 3 ? "a" : "b", "session", i % 2);
        if (leati_tls_sessions_take(sessions, "a", &blob))
            leati_tls_session_blob_done(&blob);
        if (i % 100 == 0)
            leati_tls_sessions_forget(sessions, "b");
    }
    return NULL;
}

Test(tls_sessions, several_threads_at_once, .timeout = 60)
{
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        cr_assert(pthread_create(&threads[i], NULL, put_and_take, sessions) == 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    leati_tls_sessions_unref(sessions);
}

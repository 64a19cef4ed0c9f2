/* SPDX-License-Identifier: Apache-2.0 */
#include "ohos/runtime.h"

#include "util/alloc.h"
#include "util/thread.h"

#include <leat/ohos.h>

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long exit() waits for the goodbyes of destroyed clients and for a running callback. */
#define EXIT_WAIT_S 2
/* A larger buffer is given back after the message that needed it. */
#define MESSAGE_BUFFER_KEPT_BYTES ((size_t)1 << 20)

/* The loop and its thread; there may be an older one that is just ending. */
struct runtime {
    leat_loop *loop;
    char *buffer;
    size_t buffer_size;
};

static pthread_once_t process_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* a callback is over, a client or a thread is gone */

/* All below under the lock. */
static struct {
    void *handles; /* a tree of search.h: the handles that are alive */
    struct leati_ndk_client *clients;
    struct leati_ndk_client *queue_first, **queue_end;
    size_t retiring; /* clients that are destroyed and still say goodbye */
    struct runtime *runtime;
    unsigned threads;
    const struct leati_ndk_client *calling; /* whose callback is running */
    uint64_t calls;                         /* the number of that callback */
    bool exiting;
    leat_config *config;
} shared;

/* What a child process has inherited and cannot use. */
static void *inherited[3] __attribute__((used));

static _Thread_local struct runtime *own_runtime; /* of the library's thread */

void leati_ndk_lock(void)
{
    pthread_mutex_lock(&lock);
}

void leati_ndk_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- the queue of clients with work ---------------------------------------------------------- */

static bool runtime_start(void);

void leati_ndk_enqueue(struct leati_ndk_client *client)
{
    if (client->is_queued)
        return;
    if (!shared.queue_first)
        shared.queue_end = &shared.queue_first;
    client->is_queued = true;
    client->next_queued = NULL;
    *shared.queue_end = client;
    shared.queue_end = &client->next_queued;
    if (shared.runtime || runtime_start())
        leat_loop_stop(shared.runtime->loop);
}

static struct leati_ndk_client *queue_pop(void)
{
    pthread_mutex_lock(&lock);
    struct leati_ndk_client *client = shared.queue_first;
    if (client) {
        shared.queue_first = client->next_queued;
        client->is_queued = false;
    }
    pthread_mutex_unlock(&lock);
    return client;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* The loop can do nothing any more: the program has closed its descriptors. All connections end;
 * the next call starts a new loop. */
static void runtime_break(int code)
{
    pthread_mutex_lock(&lock);
    for (struct leati_ndk_client *client = shared.clients; client;) {
        /* Only this thread removes clients. */
        pthread_mutex_unlock(&lock);
        leati_ndk_client_break(client, code);
        pthread_mutex_lock(&lock);
        client = client->next;
    }
    if (shared.runtime == own_runtime)
        shared.runtime = NULL;
    if (shared.queue_first)
        runtime_start();
    pthread_mutex_unlock(&lock);
}

static bool runtime_may_end(void)
{
    pthread_mutex_lock(&lock);
    bool may_end = !shared.clients;
    if (may_end)
        shared.runtime = NULL;
    pthread_mutex_unlock(&lock);
    return may_end;
}

static void runtime_free(struct runtime *runtime)
{
    leat_loop_free(runtime->loop);
    leati_free(runtime->buffer);
    leati_free(runtime);
}

static bool is_exiting(void)
{
    pthread_mutex_lock(&lock);
    bool exiting = shared.exiting && shared.retiring == 0;
    pthread_mutex_unlock(&lock);
    return exiting;
}

/* Until there is no client. At exit it leaves everything as it is, for those who still call. */
static void runtime_run(void)
{
    for (;;) {
        for (struct leati_ndk_client *client; (client = queue_pop());)
            leati_ndk_client_work(client);
        if (is_exiting())
            return;
        if (runtime_may_end())
            break;
        int code = leat_loop_run(own_runtime->loop);
        if (code != LEAT_OK) {
            runtime_break(code);
            break;
        }
    }
    runtime_free(own_runtime);
}

static void *thread_main(void *arg)
{
    own_runtime = arg;
    runtime_run();
    pthread_mutex_lock(&lock);
    shared.threads--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Under the lock. */
static bool runtime_start(void)
{
    struct runtime *runtime = leati_calloc(1, sizeof(*runtime));
    if (!runtime)
        return false;
    if (leat_loop_new(&runtime->loop) != LEAT_OK) {
        leati_free(runtime);
        return false;
    }
    if (!leati_thread_start_detached("net_websocket", thread_main, runtime)) {
        runtime_free(runtime);
        return false;
    }
    shared.runtime = runtime;
    shared.threads++;
    return true;
}

leat_loop *leati_ndk_loop(void)
{
    return own_runtime->loop;
}

char *leati_ndk_message_buffer(size_t len)
{
    struct runtime *runtime = own_runtime;
    bool is_too_large = runtime->buffer_size > MESSAGE_BUFFER_KEPT_BYTES;
    if (len <= runtime->buffer_size && (!is_too_large || len > MESSAGE_BUFFER_KEPT_BYTES))
        return runtime->buffer;
    leati_free(runtime->buffer);
    runtime->buffer = leati_malloc(len);
    runtime->buffer_size = runtime->buffer ? len : 0;
    return runtime->buffer;
}

/* ---- callbacks ------------------------------------------------------------------------------- */

bool leati_ndk_callback_begin(const struct leati_ndk_client *client)
{
    if (!client->is_registered || client->cancel_asked || shared.exiting)
        return false;
    shared.calling = client;
    shared.calls++;
    return true;
}

void leati_ndk_callback_end(void)
{
    pthread_mutex_lock(&lock);
    shared.calling = NULL;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void leati_ndk_callback_wait(const struct leati_ndk_client *client)
{
    uint64_t call = shared.calls;
    if (own_runtime)
        return;
    while (shared.calling == client && shared.calls == call)
        pthread_cond_wait(&changed, &lock);
}

/* ---- the process ----------------------------------------------------------------------------- */

/* Called by exit(), before the destructors of what was made before the first client. The callbacks
 * come to an end, and so do the goodbyes and the thread, if they do so soon. */
static void process_exit(void)
{
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += EXIT_WAIT_S;

    pthread_mutex_lock(&lock);
    shared.exiting = true;
    if (shared.runtime)
        leat_loop_stop(shared.runtime->loop);
    while (!own_runtime && shared.threads > 0)
        if (pthread_cond_timedwait(&changed, &lock, &limit) != 0)
            break;
    pthread_mutex_unlock(&lock);
}

static void changed_init(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The thread and the connections have stayed with the parent. */
static void fork_child(void)
{
    leat_config *config = shared.config;
    bool exiting = shared.exiting;
    inherited[0] = shared.handles;
    inherited[1] = shared.clients;
    inherited[2] = shared.runtime;
    memset(&shared, 0, sizeof(shared));
    shared.config = config;
    shared.exiting = exiting;
    changed_init();
    pthread_mutex_unlock(&lock);
}

static void process_init(void)
{
    changed_init();
    atexit(process_exit);
    pthread_atfork(leati_ndk_lock, leati_ndk_unlock, fork_child);
}

/* ---- the handles ----------------------------------------------------------------------------- */

static int handle_compare(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)a, right = (uintptr_t)b;
    return (left > right) - (left < right);
}

struct leati_ndk_client *leati_ndk_find(const struct WebSocket *handle)
{
    struct leati_ndk_client **node = tfind(handle, &shared.handles, handle_compare);
    return node ? *node : NULL;
}

bool leati_ndk_register(struct leati_ndk_client *client)
{
    pthread_once(&process_once, process_init);
    pthread_mutex_lock(&lock);
    bool done = !shared.exiting && (shared.runtime || runtime_start()) &&
                tsearch(&client->handle, &shared.handles, handle_compare);
    if (done) {
        client->is_registered = true;
        client->next = shared.clients;
        if (client->next)
            client->next->prev = client;
        shared.clients = client;
    } else if (shared.runtime) {
        leat_loop_stop(shared.runtime->loop); /* it may be there for nothing */
    }
    pthread_mutex_unlock(&lock);
    return done;
}

void leati_ndk_unregister(struct leati_ndk_client *client)
{
    tdelete(&client->handle, &shared.handles, handle_compare);
    client->is_registered = false;
    shared.retiring++;
}

void leati_ndk_remove(struct leati_ndk_client *client)
{
    if (client->prev)
        client->prev->next = client->next;
    else
        shared.clients = client->next;
    if (client->next)
        client->next->prev = client->prev;
    shared.retiring--;
}

/* ---- the configuration ----------------------------------------------------------------------- */

const leat_config *leati_ndk_default_config(void)
{
    return shared.config;
}

int leat_ohos_set_config(const leat_config *config)
{
    leat_config *copy = NULL;
    if (config && leat_config_copy(config, &copy) != LEAT_OK)
        return LEAT_E_SYSTEM_INTERNAL;
    pthread_mutex_lock(&lock);
    leat_config *old = shared.config;
    shared.config = copy;
    pthread_mutex_unlock(&lock);
    leat_config_free(old);
    return LEAT_OK;
}

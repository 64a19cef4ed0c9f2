/* SPDX-License-Identifier: Apache-2.0 */
/* At no fork a lock is held by another thread: all locks of the library are counted, whatever it
 * does in its threads. */
#include "fork/child.h"
#include "integration/common.h"

#include <leat/leat.h>
#include <pthread.h>
#include <stdatomic.h>

TestSuite(locks, .fini = sandbox_done, .timeout = TEST_TIMEOUT_S);

#define THREADS  4
#define CHILDREN 300

/* ---- counting -------------------------------------------------------------------------------- */

static atomic_int held_by_all;
static _Thread_local int held_by_me;
static atomic_uint locked_in_all;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    int result = __real_pthread_mutex_lock(mutex);
    ++held_by_all;
    ++held_by_me;
    ++locked_in_all;
    return result;
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    --held_by_all;
    --held_by_me;
    return __real_pthread_mutex_unlock(mutex);
}

/* ---- the work of the threads ----------------------------------------------------------------- */

static atomic_bool stopping;
static const char *server_url;
static leat_config *shared_config;

static void posted(leat_loop *loop, void *user)
{
    (void)user;
    leat_loop_stop(loop);
}

static void *poster_main(void *user)
{
    CHILD_CHECK(leat_loop_post(user, posted, NULL) == LEAT_OK);
    return NULL;
}

/* Work from another thread, and the end of the loop behind it. */
static void loop_once(void)
{
    leat_loop *loop = NULL;
    pthread_t poster;
    CHILD_CHECK(leat_loop_new(&loop) == LEAT_OK);
    CHILD_CHECK(pthread_create(&poster, NULL, poster_main, loop) == 0);
    CHILD_CHECK(leat_loop_run(loop) == LEAT_OK);
    leat_loop_free(loop);
    CHILD_CHECK(pthread_join(poster, NULL) == 0);
}

static void *thread_main(void *user)
{
    unsigned number = *(unsigned *)user;
    for (unsigned i = number; !stopping; ++i) {
        leat_config *own = NULL;
        leat_blocking_websocket *ws = NULL;
        struct leat_error error = {0};
        CHILD_CHECK(leat_config_new(&own) == LEAT_OK);
        CHILD_CHECK(leat_config_set_ca_path(own, certificate_path("ca.pem")) == LEAT_OK);
        if (leat_blocking_websocket_connect(server_url, i % 2 ? own : shared_config, &ws, &error) !=
            LEAT_OK) {
            fprintf(stderr, "%d: %s\n", error.code, error.text);
            _exit(1);
        }
        CHILD_CHECK(leat_websocket_post(
                        (leat_websocket *)(uintptr_t)leat_blocking_websocket_get_websocket(ws),
                        LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK);
        CHILD_CHECK(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "y", 1, -1, NULL) ==
                    LEAT_OK);
        leat_blocking_websocket_free(ws);
        leat_config_free(own);
        CHILD_CHECK(leat_tls_backend()[0] != '\0');
        loop_once();
    }
    return NULL;
}

/* ---- the forks ------------------------------------------------------------------------------- */

static void expect_none_held(void *user)
{
    (void)user;
    int held = held_by_all - held_by_me;
    if (held != 0) {
        fprintf(stderr, "%d locks are held by threads that do not exist\n", held);
        _exit(1);
    }
}

Test(locks, none_is_held_when_a_child_is_made)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    uint16_t port = python_server_start(&(struct server_options){.cert = "server.pem"});
    server_url = url_of("wss", port, "/");
    cr_assert(leat_config_new(&shared_config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(shared_config, certificate_path("ca.pem")) == LEAT_OK);
    for (unsigned i = 0; i < THREADS; ++i) {
        numbers[i] = i;
        cr_assert(pthread_create(&threads[i], NULL, thread_main, &numbers[i]) == 0);
    }
    for (unsigned i = 0; i < CHILDREN; ++i) {
        unsigned before = locked_in_all;
        child_run(expect_none_held, NULL);
        while (locked_in_all < before + 20)
            sched_yield();
    }
    stopping = true;
    for (unsigned i = 0; i < THREADS; ++i)
        cr_assert(pthread_join(threads[i], NULL) == 0);
    leat_config_free(shared_config);
}

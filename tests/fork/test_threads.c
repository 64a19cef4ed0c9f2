/* SPDX-License-Identifier: Apache-2.0 */
/* A program forks while its threads connect by TLS: each child connects too, and finds no lock that
 * a thread of its parent held. */
#include "fork/child.h"
#include "integration/common.h"

#include <leat/leat.h>
#include <pthread.h>
#include <stdatomic.h>

TestSuite(threads, .fini = sandbox_done, .timeout = TEST_TIMEOUT_S);

#define THREADS  4
#define CHILDREN 60

static atomic_bool stopping;
static const char *server_url;
static leat_config *shared_config;

static void connect_once(const leat_config *config)
{
    leat_blocking_websocket *ws = NULL;
    struct leat_message message;
    struct leat_error error = {0};
    int code = leat_blocking_websocket_connect(server_url, config, &ws, &error);
    if (code != LEAT_OK)
        fprintf(stderr, "%d: %s\n", code, error.text);
    CHILD_CHECK(code == LEAT_OK);
    CHILD_CHECK(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1, -1, NULL) == LEAT_OK);
    CHILD_CHECK(leat_blocking_websocket_recv(ws, &message, -1, NULL) == LEAT_OK &&
                message.len == 1);
    leat_blocking_websocket_free(ws);
}

/* Everything that takes a lock: shared configurations and such of one's own, with files that are
 * parsed each time; names; what leat says of its crypto. */
static void *thread_main(void *user)
{
    unsigned number = *(unsigned *)user;
    for (unsigned i = number; !stopping; ++i) {
        leat_config *own = NULL;
        CHILD_CHECK(leat_config_new(&own) == LEAT_OK);
        CHILD_CHECK(leat_config_set_ca_path(own, certificate_path("ca.pem")) == LEAT_OK);
        CHILD_CHECK(leat_config_set_session_resumption(own, i % 3 == 0) == LEAT_OK);
        connect_once(i % 2 ? own : shared_config);
        leat_config_free(own);
        CHILD_CHECK(leat_tls_backend()[0] != '\0');
    }
    return NULL;
}

static void child_main(void *user)
{
    unsigned i = *(unsigned *)user;
    leat_config *own = NULL;
    CHILD_CHECK(leat_config_copy(shared_config, &own) == LEAT_OK);
    connect_once(i % 2 ? own : shared_config);
    leat_config_free(own);
}

static void storm(const char *host)
{
    static struct leat_testing_tls tls;
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
                                                    LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_SERVE_ECHO},
                                                    {LEAT_SCRIPT_CLOSE}};
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    tls.cert_path = certificate_path("server.pem");
    tls.key_path = certificate_path("server.key");
    leat_testing_server *peer = script_server_start(script);
    cr_assert(peer);
    server_url = sandbox_format("wss://%s:%u/", host, leat_testing_server_get_port(peer));
    cr_assert(leat_config_new(&shared_config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(shared_config, certificate_path("ca.pem")) == LEAT_OK);
    for (unsigned i = 0; i < THREADS; ++i) {
        numbers[i] = i;
        cr_assert(pthread_create(&threads[i], NULL, thread_main, &numbers[i]) == 0);
    }
    for (unsigned i = 0; i < CHILDREN; ++i)
        child_run(child_main, &i);
    stopping = true;
    for (unsigned i = 0; i < THREADS; ++i)
        cr_assert(pthread_join(threads[i], NULL) == 0);
    leat_config_free(shared_config);
    leat_testing_server_free(peer);
}

Test(threads, children_connect_while_threads_do)
{
    storm("127.0.0.1");
}

/* Names take locks of the resolver and of the C library. */
Test(threads, children_resolve_while_threads_do)
{
    storm("localhost");
}

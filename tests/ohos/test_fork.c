/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose clients connect by TLS again and again forks: each child has a client of its own.
 */
#include "fork/child.h"
#include "ohos/common.h"

#include <leat/ohos.h>
#include <pthread.h>
#include <stdatomic.h>

NDK_SUITE(fork);

#define THREADS  3
#define CHILDREN 60

static const char *server_url;
static atomic_bool stopping;
static atomic_uint opened, failed, connections;

static void on_open(struct WebSocket *client, WebSocket_OpenResult result)
{
    (void)client, (void)result;
    ++opened;
}

static void on_error(struct WebSocket *client, WebSocket_ErrorResult result)
{
    (void)client;
    fprintf(stderr, "%u: %s\n", result.errorCode, result.errorMessage);
    ++failed;
}

static void connect_and_wait(void)
{
    const struct WebSocket_RequestOptions options = {0};
    unsigned before = opened;
    struct WebSocket *client = OH_WebSocketClient_Constructor(on_open, NULL, on_error, NULL);
    CHILD_CHECK(client);
    CHILD_CHECK(OH_WebSocketClient_Connect(client, server_url, options) == WEBSOCKET_OK);
    while (opened == before && failed == 0)
        (void)poll(NULL, 0, 1);
    CHILD_CHECK(failed == 0);
    CHILD_CHECK(OH_WebSocketClient_Destroy(client) == WEBSOCKET_OK);
    ++connections;
}

static void *thread_main(void *user)
{
    (void)user;
    while (!stopping)
        connect_and_wait();
    return NULL;
}

static void child_main(void *user)
{
    (void)user;
    connect_and_wait();
}

Test(fork, children_connect_while_threads_do)
{
    pthread_t threads[THREADS];
    leat_config *config = NULL;
    server_url = url_of("wss", python_server_start(&tls_server), "/");
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(config, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    for (unsigned i = 0; i < THREADS; ++i)
        cr_assert(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
    for (unsigned i = 0; i < CHILDREN; ++i)
        child_run(child_main, NULL);
    unsigned before = connections;
    while (connections < before + THREADS) {
        (void)poll(NULL, 0, 1); /* the parent goes on */
    }
    stopping = true;
    for (unsigned i = 0; i < THREADS; ++i)
        cr_assert(pthread_join(threads[i], NULL) == 0);
    cr_assert(leat_ohos_set_config(NULL) == LEAT_OK);
}

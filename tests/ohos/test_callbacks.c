/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from inside callbacks and from many threads. */
#include "ohos/common.h"

#include <pthread.h>
#include <leat/ohos.h>
#include <stdatomic.h>
#include <stdio.h>

NDK_SUITE(callbacks);

/* ---- inside callbacks ------------------------------------------------------------------------ */

static void on_open_send(struct record *record, const char *event)
{
    if (strcmp(event, "open") == 0)
        cr_expect(record_send(record, "from onOpen") == WEBSOCKET_OK);
    if (strcmp(event, "message") == 0)
        cr_expect(record_close(record, 3001, "from onMessage") == WEBSOCKET_OK);
}

Test(callbacks, send_and_close)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    record->on_event = on_open_send;
    record_open(record, url);
    record_wait(record, record_is_closed);
    cr_expect(strcmp(record->message, "from onOpen") == 0);
    cr_expect(record->close_code == 3001 && strcmp(record->close_reason, "from onMessage") == 0);
    record_destroy(record);
}

/* Destroys its own client in the event that `user` names. */
static void destroy_in_event(struct record *record, const char *event)
{
    if (strcmp(event, (const char *)record->user) != 0)
        return;
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_CLIENT_NOT_CREATED);
    cr_expect(record->client->onOpen == recorder_on_open, "it may be read until the return");
}

static void destroy_in_event_expect(const char *url, const char *event)
{
    struct record *record = record_new();
    record->user = (void *)(uintptr_t)event;
    record->on_event = destroy_in_event;
    cr_expect(record_send(record, "hello") == WEBSOCKET_OK);
    cr_expect(record_connect(record, url) == WEBSOCKET_OK);
    recorder_wait_thread_gone();
    unsigned all = record->opens + record->errors + record->closes + (unsigned)record->messages;
    bool is_first = strcmp(event, "open") == 0 || strcmp(event, "error") == 0;
    cr_expect(all == (is_first ? 1 : 2), "%s was not the last callback", event);
}

Test(callbacks, destroy_of_itself)
{
    uint16_t port = python_server_start(&plain_server);
    destroy_in_event_expect(url_of("ws", port, "/echo"), "open");
    destroy_in_event_expect(url_of("ws", port, "/echo"), "message");
    destroy_in_event_expect(url_of("ws", port, "/close?code=1000"), "close");
    destroy_in_event_expect(url_of("ws", refusing_port(), "/"), "error");
}

/* In onOpen it destroys the record in `user`, which is open too. */
static void destroy_other(struct record *record, const char *event)
{
    struct record *other = record->user;
    if (strcmp(event, "open") == 0)
        cr_expect(OH_WebSocketClient_Destroy(other->client) == WEBSOCKET_OK);
}

Test(callbacks, destroy_of_another)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *other = record_new();
    struct record *record = record_new();
    record_open(other, url);
    record->on_event = destroy_other;
    record->user = other;
    record_open(record, url);
    record_destroy(record);
    cr_expect(other->closes == 0);
    cr_expect(OH_WebSocketClient_Send(other->client, NULL, 0) == WEBSOCKET_CLIENT_NOT_CREATED);
}

/* In each of its ends it connects again, until it has been open three times. */
static void reconnect(struct record *record, const char *event)
{
    if (strcmp(event, "close") == 0 && record->opens < 3)
        cr_expect(record_connect(record, record->user) == WEBSOCKET_OK);
    if (strcmp(event, "error") == 0)
        cr_expect(record_connect(record, record->user) == WEBSOCKET_OK);
}

static bool is_closed_three_times(const struct record *record)
{
    return record->closes == 3;
}

Test(callbacks, connect_again)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/close?code=1000");
    struct record *record = record_new();
    record->on_event = reconnect;
    record->user = (void *)(uintptr_t)url;
    cr_expect(record_connect(record, url_of("ws", refusing_port(), "/")) == WEBSOCKET_OK);
    record_wait(record, is_closed_three_times);
    cr_expect(record->opens == 3 && record->errors == 1);
    record_destroy(record);
}

static struct record *another;

/* Makes and connects another client in onOpen. */
static void make_another(struct record *record, const char *event)
{
    if (strcmp(event, "open") == 0) {
        struct record *made = record_new();
        recorder_lock();
        another = made;
        recorder_unlock();
        cr_expect(record_connect(made, record->user) == WEBSOCKET_OK);
    }
}

static bool another_is_open(const struct record *record)
{
    (void)record;
    return another && another->opens > 0;
}

Test(callbacks, constructor_and_connect)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    record->on_event = make_another;
    record->user = (void *)(uintptr_t)url;
    cr_expect(record_connect(record, url) == WEBSOCKET_OK);
    record_wait(record, another_is_open);
    cr_expect(OH_WebSocketClient_Destroy(another->client) == WEBSOCKET_OK);
    record_destroy(record);
}

Test(callbacks, they_may_be_exchanged)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    record->client->onMessage = NULL;
    record_open(record, url);
    cr_expect(record_send(record, "to nobody") == WEBSOCKET_OK);
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_OK);
    record_wait(record, record_is_closed);
    cr_expect(record->messages == 0);
    record_destroy(record);
}

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_entered, gate_is_open;
static atomic_bool callback_is_over;

static void wait_at_gate(struct record *record, const char *event)
{
    (void)record;
    if (strcmp(event, "message") != 0)
        return;
    pthread_mutex_lock(&gate_lock);
    gate_is_entered = true;
    pthread_cond_broadcast(&gate_changed);
    while (!gate_is_open)
        pthread_cond_wait(&gate_changed, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    atomic_store(&callback_is_over, true);
}

static void *open_gate(void *unused)
{
    pthread_mutex_lock(&gate_lock);
    gate_is_open = true;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
    return unused;
}

Test(callbacks, destroy_waits_for_the_running_one)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    pthread_t thread;
    record->on_event = wait_at_gate;
    record_open(record, url);
    cr_expect(record_send(record, "hello") == WEBSOCKET_OK);
    pthread_mutex_lock(&gate_lock);
    while (!gate_is_entered)
        pthread_cond_wait(&gate_changed, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    cr_assert(pthread_create(&thread, NULL, open_gate, NULL) == 0);
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_OK);
    cr_expect(atomic_load(&callback_is_over));
    pthread_join(thread, NULL);
    recorder_wait_thread_gone();
}

#define MANY         100
#define MANY_ECHOES  5
#define MANY_THREADS 4

static struct record *many[MANY];

static void echo_until_done(struct record *record, const char *event)
{
    if (strcmp(event, "message") == 0 && record->messages < MANY_ECHOES)
        cr_expect(record_send(record, record->message) == WEBSOCKET_OK);
}

static bool has_all_echoes(const struct record *record)
{
    return record->messages == MANY_ECHOES || record->errors + record->closes > 0;
}

/* Every fourth client. */
static void *use_many(void *first)
{
    const char *url = many[0]->user;
    for (size_t i = (size_t)(uintptr_t)first; i < MANY; i += MANY_THREADS) {
        char text[20];
        snprintf(text, sizeof(text), "client %zu", i);
        cr_expect(record_connect(many[i], url) == WEBSOCKET_OK);
        cr_expect(record_send(many[i], text) == WEBSOCKET_OK);
    }
    for (size_t i = (size_t)(uintptr_t)first; i < MANY; i += MANY_THREADS) {
        char text[20];
        snprintf(text, sizeof(text), "client %zu", i);
        record_wait(many[i], has_all_echoes);
        cr_expect(many[i]->messages == MANY_ECHOES && strcmp(many[i]->message, text) == 0,
                  "client %zu: %s %s", i, many[i]->message, many[i]->error_text);
        cr_expect(OH_WebSocketClient_Destroy(many[i]->client) == WEBSOCKET_OK);
    }
    return NULL;
}

Test(callbacks, a_hundred_clients_at_once)
{
    const char *url = url_of("wss", python_server_start(&tls_server), "/echo");
    pthread_t threads[MANY_THREADS];
    recorder_trust_test_ca();
    for (size_t i = 0; i < MANY; i++) {
        many[i] = record_new();
        many[i]->on_event = echo_until_done;
    }
    many[0]->user = (void *)(uintptr_t)url;
    for (size_t i = 0; i < MANY_THREADS; i++)
        cr_assert(pthread_create(&threads[i], NULL, use_many, (void *)(uintptr_t)i) == 0);
    for (size_t i = 0; i < MANY_THREADS; i++)
        pthread_join(threads[i], NULL);
    recorder_wait_thread_gone();
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

#define FIGHT_ROUNDS 30

static atomic_uint destroyed_count;

static void is_one_of(int code, const int *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == code)
            return;
    }
    cr_expect_fail("code %d", code);
}

/* Four threads do everything with the same client at once; one of them destroys it. */
static void *fight(void *client)
{
    static const int send[] = {WEBSOCKET_OK, WEBSOCKET_NO_CONNECTION, WEBSOCKET_CLIENT_NOT_CREATED};
    static const int close[] = {WEBSOCKET_OK, WEBSOCKET_NO_CONNECTION,
                                WEBSOCKET_CLIENT_NOT_CREATED};
    static const int connect[] = {WEBSOCKET_OK, WEBSOCKET_CONNECTION_ERROR,
                                  WEBSOCKET_CLIENT_NOT_CREATED};
    static const int destroy[] = {WEBSOCKET_OK, WEBSOCKET_NO_CONNECTION_CONTEXT,
                                  WEBSOCKET_CLIENT_NOT_CREATED};
    char text[] = "text";
    const struct record *any = many[0];
    is_one_of(OH_WebSocketClient_Send(client, text, 4), send, 3);
    is_one_of(OH_WebSocketClient_Connect(client, any->user, (struct WebSocket_RequestOptions){0}),
              connect, 3);
    is_one_of(OH_WebSocketClient_Send(client, text, 4), send, 3);
    is_one_of(OH_WebSocketClient_Close(client, (struct WebSocket_CloseOption){1000, ""}), close, 3);
    is_one_of(OH_WebSocketClient_Connect(client, any->user, (struct WebSocket_RequestOptions){0}),
              connect, 3);
    int code = OH_WebSocketClient_Destroy(client);
    is_one_of(code, destroy, 3);
    if (code != WEBSOCKET_CLIENT_NOT_CREATED)
        atomic_fetch_add(&destroyed_count, 1);
    return NULL;
}

Test(callbacks, threads_that_fight_for_a_client)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    for (unsigned round = 0; round < FIGHT_ROUNDS; round++) {
        pthread_t threads[MANY_THREADS];
        many[0] = record_new();
        many[0]->user = (void *)(uintptr_t)url;
        if (round % 2 == 0)
            record_open(many[0], url);
        atomic_store(&destroyed_count, 0);
        for (size_t i = 0; i < MANY_THREADS; i++)
            cr_assert(pthread_create(&threads[i], NULL, fight, many[0]->client) == 0);
        for (size_t i = 0; i < MANY_THREADS; i++)
            pthread_join(threads[i], NULL);
        cr_expect(atomic_load(&destroyed_count) == 1);
    }
    recorder_wait_thread_gone();
}

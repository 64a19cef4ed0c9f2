/* SPDX-License-Identifier: Apache-2.0 */
/* Every case against our clients, which share one loop: several at a time, so that good ones stand
 * beside and follow those that fail, and one that stays for the whole time. */
#include "rfc/play.h"
#include "support/client_run.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

TestSuite(rfc_client, .fini = sandbox_done, .timeout = 60);

#define CLIENTS 4

static struct leati_ws_cases cases;
static uint16_t port;
static leat_loop *loop;
static leat_config *config;
static size_t next;
static unsigned open_count; /* clients that are not done */

/* ---- the servers: one thread for each connection at a time ---------------------------------- */

struct server {
    pthread_t thread;
    int listener;
    char problem[400]; /* the first one */
};

static void serve(struct server *server, int fd)
{
    char head[4096], problem[256];
    size_t index = cases.count * RFC_CHUNKS;
    if (!raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)))
        return;
    if (strncmp(head, "GET /", 5) == 0 && head[5] != ' ')
        index = strtoul(head + 5, NULL, 10);
    const struct leati_ws_case *now =
        index < cases.count * RFC_CHUNKS ? &cases.items[index / RFC_CHUNKS] : NULL;
    if (!rfc_server_open(fd, head, now, problem, sizeof(problem))) {
    } else if (!now) {
        rfc_return_all(fd);
    } else {
        (void)rfc_play(fd, now, false, rfc_chunks[index % RFC_CHUNKS], problem, sizeof(problem));
    }
    if (problem[0] != '\0' && server->problem[0] == '\0') {
        snprintf(server->problem, sizeof(server->problem), "%s, cut by %zu: %s",
                 now ? now->id : "the one that stays",
                 now ? rfc_chunks[index % RFC_CHUNKS] : (size_t)0, problem);
    }
}

static void *server_run_thread(void *user)
{
    struct server *server = user;
    for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0;) {
        const struct timeval timeout = {.tv_sec = CLIENT_RUN_TIMEOUT_MS / 1000};
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        serve(server, fd);
        close(fd);
    }
    return NULL;
}

/* ---- the clients ---------------------------------------------------------------------------- */

struct client {
    leat_websocket *ws;
    const struct leati_ws_case *now;
    unsigned opened, closed;
    unsigned sent, returned; /* of the one that stays */
};

static struct client stays;

static void stays_say(void)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "still here %u", stays.sent);
    if (stays.opened && stays.sent == stays.returned &&
        leat_websocket_send(stays.ws, LEAT_MESSAGE_TEXT, text, (size_t)len) == LEAT_OK) {
        ++stays.sent;
    }
}

static void client_go_on(struct client *client)
{
    char url[64];
    while (next < cases.count * RFC_CHUNKS &&
           !rfc_chunk_fits(&cases.items[next / RFC_CHUNKS], rfc_chunks[next % RFC_CHUNKS])) {
        ++next;
    }
    if (next == cases.count * RFC_CHUNKS) {
        if (--open_count == 0)
            cr_expect(leat_websocket_close(stays.ws, 1000, NULL) == LEAT_OK);
        return;
    }
    client->now = &cases.items[next / RFC_CHUNKS];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/%zu", port, next++);
    cr_assert(leat_websocket_connect(client->ws, url, config) == LEAT_OK);
}

static void on_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    ++((struct client *)user)->opened;
    stays_say();
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    char text[64];
    if (user != &stays) {
        int code = leat_websocket_send(ws, type, data, len);
        cr_expect(code == LEAT_OK, "%d", code);
        return;
    }
    size_t want = (size_t)snprintf(text, sizeof(text), "still here %u", stays.returned++);
    cr_expect(len == want && memcmp(data, text, len) == 0, "%.*s", (int)len, (const char *)data);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct client *client = user;
    (void)ws;
    ++client->closed;
    if (client == &stays) {
        cr_expect(event->error.code == LEAT_OK && event->close_code == 1000, "%s",
                  event->error.text);
        leat_loop_stop(loop);
        return;
    }
    unsigned code = client->now->close_code ? client->now->close_code : 1005;
    cr_expect(event->close_code == code && event->closed_by != LEAT_CLOSED_BY_NOBODY,
              "%s: %u instead of %u: %s", client->now->id, event->close_code, code,
              event->error.text);
    if (event->closed_by == LEAT_CLOSED_BY_REMOTE) {
        const struct leati_bytes *reason = &client->now->reason;
        cr_expect(event->reason_len == reason->len && event->reason[reason->len] == '\0' &&
                      (reason->len == 0 || memcmp(event->reason, reason->data, reason->len) == 0),
                  "%s: another reason of %zu bytes", client->now->id, event->reason_len);
    }
    stays_say();
    client_go_on(client);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static void config_make(void)
{
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    config = client_config_new();
    cr_assert(leat_config_set_compression(config, &compression) == LEAT_OK);
    cr_assert(leat_config_set_max_message_bytes(config, LEATI_WS_LIMIT_BYTES) == LEAT_OK);
}

Test(rfc_client, every_case_on_one_loop)
{
    struct server servers[CLIENTS + 1] = {0};
    struct client clients[CLIENTS] = {0};
    char url[64];

    cases = leati_ws_cases_new(false);
    int listener = raw_listen(&port);
    for (int i = 0; i <= CLIENTS; ++i) {
        servers[i].listener = listener;
        cr_assert(pthread_create(&servers[i].thread, NULL, server_run_thread, &servers[i]) == 0);
    }
    config_make();
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    cr_assert(leat_websocket_new(loop, &callbacks, &stays, &stays.ws) == LEAT_OK);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", port);
    cr_assert(leat_websocket_connect(stays.ws, url, config) == LEAT_OK);
    for (int i = 0; i < CLIENTS; ++i) {
        cr_assert(leat_websocket_new(loop, &callbacks, &clients[i], &clients[i].ws) == LEAT_OK);
        ++open_count;
        client_go_on(&clients[i]);
    }
    cr_expect(leat_loop_run(loop) == LEAT_OK);
    cr_expect(stays.opened == 1 && stays.closed == 1 && stays.returned > 0 &&
              stays.returned + 1 >= stays.sent);
    shutdown(listener, SHUT_RDWR);
    unsigned ended = 0;
    for (int i = 0; i < CLIENTS; ++i) {
        cr_expect(clients[i].opened == clients[i].closed);
        ended += clients[i].closed;
        leat_websocket_free(clients[i].ws);
    }
    cr_expect(ended > 2 * cases.count);
    leat_websocket_free(stays.ws);
    leat_loop_free(loop);
    leat_config_free(config);
    for (int i = 0; i <= CLIENTS; ++i) {
        pthread_join(servers[i].thread, NULL);
        cr_expect(servers[i].problem[0] == '\0', "%s", servers[i].problem);
    }
    close(listener);
    leati_ws_cases_free(&cases);
}

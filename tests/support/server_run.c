/* SPDX-License-Identifier: Apache-2.0 */
#include "support/server_run.h"
#include "support/certificates.h"
#include "support/client_run.h"
#include "support/patience.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX_BYTES (65u << 20)

enum action { ACTION_ECHO, ACTION_CLOSE, ACTION_PING, ACTION_FLOOD, ACTION_MUTE, ACTION_REPORT };

static const char *const paths[] = {"/echo", "/close", "/ping", "/flood", "/mute", "/report"};

struct server_client {
    struct server_client *next;
    leat_websocket *ws;
    enum action action;
    uint8_t *held; /* a message that the queue refused */
    size_t held_len;
    enum leat_message_type held_type;
    unsigned rest; /* of a flood */
    size_t size;
};

struct server_run {
    leat_loop *loop;
    leat_websocket_server *server;
    leat_config *config;
    pthread_t thread;
    uint16_t port;
    struct server_client *clients;
    /* Of the request that was granted last: `connected` does not say which one it is for, but comes
     * in the same pump. */
    char target[256];
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool stopped;
    struct server_seen seen;
};

/* ---- what is written down
 * ------------------------------------------------------------------------ */

static void run_lock(struct server_run *run)
{
    pthread_mutex_lock(&run->lock);
}

static void run_unlock(struct server_run *run)
{
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static void __attribute__((format(printf, 2, 3)))
run_problem(struct server_run *run, const char *format, ...)
{
    va_list args;
    run_lock(run);
    va_start(args, format);
    if (run->seen.problem[0] == '\0')
        vsnprintf(run->seen.problem, sizeof(run->seen.problem), format, args);
    va_end(args);
    run_unlock(run);
}

/* ---- connections
 * --------------------------------------------------------------------------------- */

static struct server_client *client_find(struct server_run *run, const leat_websocket *ws)
{
    struct server_client *client = run->clients;
    while (client && client->ws != ws)
        client = client->next;
    return client;
}

/* The value of `name` in the query of a target, percent-decoded by nobody. */
static const char *query_value(const char *target, const char *name, char *buf, size_t cap)
{
    size_t len = strlen(name);
    buf[0] = '\0';
    for (const char *at = strchr(target, '?'); at; at = strchr(at, '&')) {
        ++at;
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            snprintf(buf, cap, "%.*s", (int)strcspn(at + len + 1, "&"), at + len + 1);
            break;
        }
    }
    return buf;
}

static bool action_find(const char *target, enum action *ret_action)
{
    size_t len = strcspn(target, "?");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i) {
        if (strlen(paths[i]) == len && strncmp(paths[i], target, len) == 0) {
            *ret_action = (enum action)i;
            return true;
        }
    }
    return false;
}

static int on_request(leat_websocket_server *server, const struct leat_upgrade_request *request,
                      void *user)
{
    struct server_run *run = user;
    enum action action;
    (void)server;
    run_lock(run);
    snprintf(run->seen.origin, sizeof(run->seen.origin), "%s", request->origin);
    run_unlock(run);
    if (strcmp(request->origin, SERVER_RUN_UNWELCOME) == 0)
        return 403;
    snprintf(run->target, sizeof(run->target), "%s", request->target);
    return action_find(request->target, &action) ? 101 : 404;
}

static bool is_full(int code)
{
    return code == LEAT_E_SOCKET_BASE + EAGAIN || code == LEAT_E_TLS_WRITE;
}

static void flood_go_on(struct server_run *run, struct server_client *client)
{
    uint8_t *zeros = calloc(1, client->size + 1);
    int code = LEAT_OK;
    while (zeros && client->rest > 0 && code == LEAT_OK) {
        code = leat_websocket_send(client->ws, LEAT_MESSAGE_BINARY, zeros, client->size);
        client->rest -= code == LEAT_OK;
    }
    if (code != LEAT_OK && !is_full(code))
        run_problem(run, "send in a flood: %d", code);
    free(zeros);
}

static void client_begin(struct server_run *run, struct server_client *client)
{
    char first[128];
    char second[128];
    int code = LEAT_OK;
    switch (client->action) {
    case ACTION_CLOSE:
        query_value(run->target, "code", first, sizeof(first));
        query_value(run->target, "reason", second, sizeof(second));
        code = leat_websocket_close(client->ws, (uint16_t)strtoul(first, NULL, 10), second);
        break;
    case ACTION_PING:
        query_value(run->target, "payload", first, sizeof(first));
        code = leat_websocket_ping(client->ws, first, strlen(first));
        break;
    case ACTION_FLOOD:
        client->rest =
            (unsigned)strtoul(query_value(run->target, "count", first, sizeof(first)), NULL, 10);
        client->size = strtoul(query_value(run->target, "size", first, sizeof(first)), NULL, 10);
        flood_go_on(run, client);
        break;
    case ACTION_MUTE:
        leat_websocket_pause(client->ws);
        break;
    case ACTION_ECHO:
    case ACTION_REPORT:
        break;
    }
    if (code != LEAT_OK)
        run_problem(run, "%s: %d", run->target, code);
}

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct server_run *run = user;
    struct server_client *client = calloc(1, sizeof(*client));
    (void)server;
    if (!client || !action_find(run->target, &client->action)) {
        run_problem(run, "a connection that was not granted");
        free(client);
        return;
    }
    client->ws = ws;
    client->next = run->clients;
    run->clients = client;
    run_lock(run);
    ++run->seen.connected;
    run->seen.compressed += leat_websocket_is_compressed(ws);
    snprintf(run->seen.protocol, sizeof(run->seen.protocol), "%s",
             leat_websocket_get_subprotocol(ws));
    run_unlock(run);
    client_begin(run, client);
}

static void client_hold(struct server_client *client, enum leat_message_type type,
                        const uint8_t *data, size_t len)
{
    client->held = malloc(len + 1);
    if (client->held) {
        memcpy(client->held, data, len);
        client->held_len = len;
        client->held_type = type;
        leat_websocket_pause(client->ws);
    }
}

static void on_message(leat_websocket_server *server, leat_websocket *ws,
                       enum leat_message_type type, const uint8_t *data, size_t len, void *user)
{
    struct server_run *run = user;
    struct server_client *client = client_find(run, ws);
    (void)server;
    run_lock(run);
    ++run->seen.messages;
    run->seen.bytes += len;
    if (client && client->action == ACTION_REPORT)
        snprintf(run->seen.report, sizeof(run->seen.report), "%.*s", (int)len, (const char *)data);
    run_unlock(run);
    if (!client || client->action == ACTION_REPORT)
        return;
    int code = leat_websocket_send(ws, type, data, len);
    if (is_full(code)) {
        client_hold(client, type, data, len);
    } else if (code != LEAT_OK && code != LEAT_E_SOCKET_BASE + EBADF) {
        run_problem(run, "send of %zu bytes: %d", len, code);
    }
}

static void on_writable(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct server_run *run = user;
    struct server_client *client = client_find(run, ws);
    (void)server;
    if (client && client->rest > 0)
        flood_go_on(run, client);
    if (!client || !client->held)
        return;
    int code = leat_websocket_send(ws, client->held_type, client->held, client->held_len);
    if (is_full(code))
        return;
    free(client->held);
    client->held = NULL;
    leat_websocket_resume(ws);
}

static void client_forget(struct server_run *run, const leat_websocket *ws)
{
    struct server_client **link = &run->clients;
    while (*link && (*link)->ws != ws)
        link = &(*link)->next;
    struct server_client *client = *link;
    if (client) {
        *link = client->next;
        free(client->held);
        free(client);
    } else {
        run_problem(run, "closed comes for a connection that is not open");
    }
}

static void on_closed(leat_websocket_server *server, leat_websocket *ws,
                      const struct leat_close_event *event, void *user)
{
    struct server_run *run = user;
    (void)server;
    client_forget(run, ws);
    run_lock(run);
    ++run->seen.closed;
    run->seen.close = *event;
    memcpy(run->seen.close_reason, event->reason, event->reason_len + 1);
    run->seen.close.reason = NULL;
    run_unlock(run);
}

static void on_error(leat_websocket_server *server, const struct leat_error *error, void *user)
{
    struct server_run *run = user;
    (void)server;
    run_lock(run);
    ++run->seen.refused;
    run->seen.error = *error;
    run_unlock(run);
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

static void *run_thread(void *user)
{
    struct server_run *run = user;
    if (leat_loop_run(run->loop) != LEAT_OK)
        run_problem(run, "the loop failed");
    return NULL;
}

static leat_config *server_config_new(const struct server_run_options *options)
{
    leat_config *config = NULL;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, PATIENCE_MS(3000)) ==
              LEAT_OK);
    cr_assert(leat_config_set_max_message_bytes(config, MESSAGE_MAX_BYTES) == LEAT_OK);
    if (options->cert) {
        cr_assert(leat_config_set_server_cert(config, certificate_path(options->cert),
                                              certificate_path("server.key"), NULL) == LEAT_OK);
    }
    if (options->configure)
        options->configure(config);
    return config;
}

struct server_run *server_run_start(const struct server_run_options *options)
{
    static const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks),
        .request = on_request,
        .connected = on_connected,
        .message = on_message,
        .writable = on_writable,
        .closed = on_closed,
        .error = on_error,
    };
    struct server_run *run = calloc(1, sizeof(*run));
    struct leat_error error;
    cr_assert(run);
    run->config = server_config_new(options);
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->changed, NULL);
    cr_assert(leat_loop_new(&run->loop) == LEAT_OK);
    cr_assert(leat_websocket_server_new(run->loop, &callbacks, run, &run->server) == LEAT_OK);
    int code = leat_websocket_server_start(run->server, options->host ? options->host : "127.0.0.1",
                                           options->port, run->config);
    leat_websocket_server_get_error(run->server, &error);
    cr_assert(code == LEAT_OK, "the server does not start: %d: %s", code, error.text);
    run->port = leat_websocket_server_get_port(run->server);
    cr_assert(pthread_create(&run->thread, NULL, run_thread, run) == 0);
    return run;
}

void server_run_free(struct server_run *run)
{
    if (!run)
        return;
    leat_loop_stop(run->loop);
    pthread_join(run->thread, NULL);
    leat_websocket_server_free(run->server);
    leat_loop_free(run->loop);
    leat_config_free(run->config);
    while (run->clients)
        client_forget(run, run->clients->ws);
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->lock);
    free(run);
}

uint16_t server_run_port(const struct server_run *run)
{
    return run->port;
}

/* ---- waiting
 * --------------------------------------------------------------------------------------- */

static struct timespec deadline_of(int timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += timeout_ms / 1000;
    return at;
}

static void stop_task(leat_loop *loop, void *user)
{
    struct server_run *run = user;
    (void)loop;
    if (leat_websocket_server_stop(run->server) != LEAT_OK)
        run_problem(run, "the server does not stop");
    run_lock(run);
    run->stopped = true;
    run_unlock(run);
}

void server_run_stop_listening(struct server_run *run)
{
    cr_assert(leat_loop_post(run->loop, stop_task, run) == LEAT_OK);
    pthread_mutex_lock(&run->lock);
    while (!run->stopped)
        pthread_cond_wait(&run->changed, &run->lock);
    pthread_mutex_unlock(&run->lock);
}

void server_run_seen(struct server_run *run, struct server_seen *ret_seen)
{
    pthread_mutex_lock(&run->lock);
    *ret_seen = run->seen;
    pthread_mutex_unlock(&run->lock);
    ret_seen->close.reason = ret_seen->close_reason;
}

bool server_run_wait(struct server_run *run, bool (*done)(const struct server_seen *seen))
{
    struct timespec deadline = deadline_of(CLIENT_RUN_TIMEOUT_MS);
    int result = 0;
    pthread_mutex_lock(&run->lock);
    while (!done(&run->seen) && result == 0)
        result = pthread_cond_timedwait(&run->changed, &run->lock, &deadline);
    bool is_done = done(&run->seen);
    pthread_mutex_unlock(&run->lock);
    return is_done;
}

void server_run_until_closed(struct server_run *run, unsigned count)
{
    struct timespec deadline = deadline_of(CLIENT_RUN_TIMEOUT_MS);
    struct server_seen seen;
    int result = 0;
    pthread_mutex_lock(&run->lock);
    while (run->seen.closed < count && result == 0)
        result = pthread_cond_timedwait(&run->changed, &run->lock, &deadline);
    pthread_mutex_unlock(&run->lock);
    server_run_seen(run, &seen);
    cr_assert(seen.closed >= count, "%u of %u connections have ended", seen.closed, count);
    cr_expect(seen.problem[0] == '\0', "the server: %s", seen.problem);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "both_ends.h"
#include "support/patience.h"
#include "support/raw_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS    PATIENCE_MS(5000)
#define KEPT_BYTES ((size_t)1 << 20)

/* ---- what is written down
 * ------------------------------------------------------------------------ */

static void ends_notify(struct both_ends *ends, const char *callback)
{
    if (ends->on_event)
        ends->on_event(ends, callback);
}

static void received_add(struct received *end, enum leat_message_type type, const uint8_t *data,
                         size_t len)
{
    size_t room = KEPT_BYTES - end->data_len;
    if (!end->data) {
        end->data = malloc(KEPT_BYTES + 1);
        cr_assert(end->data);
    }
    if (len > 0 && room > 0) {
        memcpy(end->data + end->data_len, data, len < room ? len : room);
        end->data_len += len < room ? len : room;
    }
    end->data[end->data_len] = '\0';
    end->bytes += len;
    end->type = type;
}

static void received_part(struct received *end, enum leat_message_type type, const uint8_t *data,
                          size_t len, bool is_first, bool is_last)
{
    cr_expect(is_first == !end->in_message, "parts out of order");
    cr_expect(is_first || type == end->type, "another type within a message");
    cr_expect(len > 0 || is_last, "only the last part may be empty");
    received_add(end, type, data, len);
    end->in_message = !is_last;
    ++end->parts;
    end->messages += is_last;
}

/* ---- the server's callbacks
 * ---------------------------------------------------------------------- */

static int on_request(leat_websocket_server *server, const struct leat_upgrade_request *request,
                      void *user)
{
    struct both_ends *ends = user;
    cr_expect(server == ends->server);
    int answer = ends->request_answer ? ends->request_answer : 101;
    ++ends->requests;
    ends->request = request;
    ends_notify(ends, "request");
    ends->request = NULL;
    return answer;
}

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    ++ends->connected;
    ends->connection = ws;
    ends_notify(ends, "connected");
}

static void on_server_message(leat_websocket_server *server, leat_websocket *ws,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    struct both_ends *ends = user;
    (void)server;
    received_add(&ends->at_server, type, data, len);
    ++ends->at_server.messages;
    if (ends->echo) {
        int code = leat_websocket_send(ws, type, data, len);
        cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL ||
                      code == LEAT_E_SOCKET_BASE + EBADF,
                  "%d", code);
    }
    ends_notify(ends, "server message");
}

static void on_server_part(leat_websocket_server *server, leat_websocket *ws,
                           enum leat_message_type type, const uint8_t *data, size_t len,
                           bool is_first, bool is_last, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    received_part(&ends->at_server, type, data, len, is_first, is_last);
    if (ends->echo)
        cr_expect(leat_websocket_send_part(ws, type, data, len, is_first, is_last) == LEAT_OK);
    ends_notify(ends, "server part");
}

static void on_server_writable(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    (void)ws;
    ++ends->server_writable;
    ends_notify(ends, "server writable");
}

static void on_server_closed(leat_websocket_server *server, leat_websocket *ws,
                             const struct leat_close_event *event, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    cr_expect(ends->connected > ends->server_closed, "closed without connected");
    ++ends->server_closed;
    ends->server_close = *event;
    snprintf(ends->server_reason, sizeof(ends->server_reason), "%s", event->reason);
    ends->server_close.reason = ends->server_reason;
    if (ws == ends->connection)
        ends->connection = NULL;
    ends_notify(ends, "server closed");
}

static void on_error(leat_websocket_server *server, const struct leat_error *error, void *user)
{
    struct both_ends *ends = user;
    (void)server;
    ++ends->errors;
    ends->error = *error;
    ends_notify(ends, "error");
}

/* ---- the client's callbacks
 * ---------------------------------------------------------------------- */

static void on_opened(leat_websocket *ws, void *user)
{
    struct both_ends *ends = user;
    cr_expect(ws == ends->client);
    ++ends->opened;
    ends_notify(ends, "opened");
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct both_ends *ends = user;
    (void)ws;
    cr_expect(!ends->client_in_parts, "message is never called where parts are asked for");
    received_add(&ends->at_client, type, data, len);
    ++ends->at_client.messages;
    ends_notify(ends, "message");
}

static void on_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                    size_t len, bool is_first, bool is_last, void *user)
{
    struct both_ends *ends = user;
    (void)ws;
    received_part(&ends->at_client, type, data, len, is_first, is_last);
    ends_notify(ends, "part");
}

static void on_pong(leat_websocket *ws, const uint8_t *payload, size_t len, void *user)
{
    struct both_ends *ends = user;
    (void)ws;
    (void)payload;
    (void)len;
    ++ends->at_client.pongs;
    ends_notify(ends, "pong");
}

static void on_writable(leat_websocket *ws, void *user)
{
    struct both_ends *ends = user;
    (void)ws;
    ++ends->client_writable;
    ends_notify(ends, "writable");
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct both_ends *ends = user;
    (void)ws;
    ++ends->closed;
    ends->client_close = *event;
    snprintf(ends->client_reason, sizeof(ends->client_reason), "%s", event->reason);
    ends->client_close.reason = ends->client_reason;
    ends_notify(ends, "closed");
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

static leat_config *ends_config_new(void)
{
    leat_config *config = NULL;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_connect_timeout(config, PATIENCE_MS(5000)) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, PATIENCE_MS(3000)) ==
              LEAT_OK);
    return config;
}

void both_ends_init(struct both_ends *ends)
{
    *ends = (struct both_ends){
        .server_config = ends_config_new(),
        .client_config = ends_config_new(),
    };
    cr_assert(leat_loop_new(&ends->loop) == LEAT_OK);
}

void both_ends_done(struct both_ends *ends)
{
    leat_websocket_free(ends->client);
    leat_websocket_server_free(ends->server);
    leat_loop_free(ends->loop);
    leat_config_free(ends->client_config);
    leat_config_free(ends->server_config);
    free(ends->at_client.data);
    free(ends->at_server.data);
}

int both_ends_make_server(struct both_ends *ends)
{
    const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks),
        .request = on_request,
        .connected = on_connected,
        .message = on_server_message,
        .writable = on_server_writable,
        .closed = on_server_closed,
        .error = on_error,
        .message_part = ends->server_in_parts ? on_server_part : NULL,
    };
    return leat_websocket_server_new(ends->loop, &callbacks, ends, &ends->server);
}

int both_ends_make_client(struct both_ends *ends)
{
    const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = on_opened,
        .message = on_message,
        .pong = on_pong,
        .writable = on_writable,
        .closed = on_closed,
        .message_part = ends->client_in_parts ? on_part : NULL,
    };
    return leat_websocket_new(ends->loop, &callbacks, ends, &ends->client);
}

void both_ends_listen(struct both_ends *ends)
{
    struct leat_error error;
    if (!ends->server)
        cr_assert(both_ends_make_server(ends) == LEAT_OK);
    int code = leat_websocket_server_start(ends->server, "127.0.0.1", 0, ends->server_config);
    leat_websocket_server_get_error(ends->server, &error);
    cr_assert(code == LEAT_OK, "%d: %s", code, error.text);
    ends->port = leat_websocket_server_get_port(ends->server);
}

void both_ends_connect(struct both_ends *ends, const char *path)
{
    char url[256];
    if (!ends->client)
        cr_assert(both_ends_make_client(ends) == LEAT_OK);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u%s", ends->port, path);
    cr_assert(leat_websocket_connect(ends->client, url, ends->client_config) == LEAT_OK);
}

static bool is_open(const struct both_ends *ends)
{
    return (ends->opened > 0 && ends->connected > 0) || ends->closed > 0;
}

void both_ends_open(struct both_ends *ends)
{
    both_ends_listen(ends);
    both_ends_connect(ends, "/");
    both_ends_until_connected(ends);
}

void both_ends_until_connected(struct both_ends *ends)
{
    cr_assert(both_ends_until(ends, is_open) && ends->closed == 0, "not open: %d %s",
              ends->client_close.error.code, ends->client_close.error.text);
}

/* ---- waiting
 * --------------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool both_ends_until(struct both_ends *ends, bool (*done)(const struct both_ends *ends))
{
    uint64_t end_ms = now_ms() + WAIT_MS;
    for (uint64_t now = now_ms(); !done(ends) && now < end_ms; now = now_ms())
        cr_assert(leat_loop_dispatch(ends->loop, (int)(end_ms - now)) == LEAT_OK);
    return done(ends);
}

static bool is_closed(const struct both_ends *ends)
{
    return ends->closed > 0;
}

static bool is_server_closed(const struct both_ends *ends)
{
    return ends->server_closed > 0;
}

void both_ends_until_closed(struct both_ends *ends)
{
    cr_assert(both_ends_until(ends, is_closed), "the client's connection does not end");
}

void both_ends_until_server_closed(struct both_ends *ends)
{
    cr_assert(both_ends_until(ends, is_server_closed), "the server's connection does not end");
}

void both_ends_until_received(struct both_ends *ends, const struct received *end, unsigned messages)
{
    uint64_t end_ms = now_ms() + WAIT_MS;
    for (uint64_t now = now_ms(); end->messages < messages && now < end_ms; now = now_ms())
        cr_assert(leat_loop_dispatch(ends->loop, (int)(end_ms - now)) == LEAT_OK);
    cr_assert(end->messages >= messages, "%u of %u messages; %s", end->messages, messages,
              ends->closed ? ends->client_close.error.text : "it is open");
}

void both_ends_until_counted(struct both_ends *ends, const unsigned *number, unsigned least)
{
    for (int i = 0; *number < least && i < 20000; i++)
        cr_assert(leat_loop_dispatch(ends->loop, 1000) == LEAT_OK);
    cr_assert(*number >= least, "%u of %u", *number, least);
}

int both_ends_raw_open(struct both_ends *ends)
{
    unsigned before = ends->connected + ends->errors;
    int fd = raw_connect(NULL, ends->port);
    cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    while (ends->connected + ends->errors == before)
        cr_assert(leat_loop_dispatch(ends->loop, 10000) == LEAT_OK);
    return fd;
}

struct leat_websocket_server_counters both_ends_counters(const struct both_ends *ends)
{
    struct leat_websocket_server_counters counters;
    cr_assert(leat_websocket_server_get_counters(ends->server, &counters, sizeof(counters)) ==
              LEAT_OK);
    return counters;
}

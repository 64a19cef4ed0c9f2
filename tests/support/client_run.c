/* SPDX-License-Identifier: Apache-2.0 */
#include "support/client_run.h"
#include "support/certificates.h"
#include "support/patience.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_TIMEOUT_MS PATIENCE_MS(5000)
#define CLOSE_TIMEOUT_MS   PATIENCE_MS(3000)

/* ---- what is written down
 * ------------------------------------------------------------------------ */

static struct client_message message_copy(enum leat_message_type type, const uint8_t *data,
                                          size_t len)
{
    struct client_message message = {.type = type, .data = malloc(len + 1), .len = len};
    cr_assert(message.data);
    if (len > 0)
        memcpy(message.data, data, len);
    message.data[len] = '\0';
    return message;
}

static void message_append(struct client_message **list, size_t *count,
                           struct client_message message)
{
    struct client_message *grown = realloc(*list, (*count + 1) * sizeof(*grown));
    cr_assert(grown);
    grown[*count] = message;
    *list = grown;
    ++*count;
}

static void run_notify(struct client_run *run, const char *callback)
{
    if (run->on_event)
        run->on_event(run, callback);
}

static void run_opened(leat_websocket *ws, void *user)
{
    struct client_run *run = user;
    cr_expect(ws == run->ws, "opened comes with another handle");
    cr_expect(run->is_live, "opened comes after closed");
    ++run->opened_count;
    run_notify(run, "opened");
}

static void run_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                        size_t len, void *user)
{
    struct client_run *run = user;
    (void)ws;
    cr_expect(run->opened_count > 0 && run->is_live, "a message outside of open");
    run->message_bytes += len;
    if (run->drop_messages) {
        ++run->message_count;
    } else {
        message_append(&run->messages, &run->message_count, message_copy(type, data, len));
    }
    run_notify(run, "message");
}

static void run_pong(leat_websocket *ws, const uint8_t *payload, size_t len, void *user)
{
    struct client_run *run = user;
    (void)ws;
    message_append(&run->pongs, &run->pong_count, message_copy(LEAT_MESSAGE_BINARY, payload, len));
    run_notify(run, "pong");
}

static void run_writable(leat_websocket *ws, void *user)
{
    struct client_run *run = user;
    (void)ws;
    ++run->writable_count;
    run_notify(run, "writable");
}

static void run_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct client_run *run = user;
    (void)ws;
    cr_expect(run->is_live, "closed comes twice");
    run->is_live = false;
    ++run->closed_count;
    run->close = *event;
    cr_expect(event->reason && event->reason_len < sizeof(run->close_reason) &&
              event->reason[event->reason_len] == '\0');
    memcpy(run->close_reason, event->reason, event->reason_len + 1);
    run->close.reason = run->close_reason;
    run_notify(run, "closed");
}

static void run_trace(const struct leat_trace_event *event, void *user)
{
    static const char *const kinds[] = {"start",   "end",         "state", "frame",
                                        "address", "certificate", "tls"};
    struct client_run *run = user;
    char *line = NULL;
    if (event->kind == LEAT_TRACE_FRAME)
        return; /* without end, where a test floods */
    int len = asprintf(&line, "%s %s %d %s\n", kinds[event->kind], event->name, event->result,
                       event->text);
    cr_assert(len >= 0);
    char *grown = realloc(run->trace, run->trace_len + (size_t)len + 1);
    cr_assert(grown);
    memcpy(grown + run->trace_len, line, (size_t)len + 1);
    run->trace = grown;
    run->trace_len += (size_t)len;
    free(line);
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

leat_config *client_config_new(void)
{
    static const enum leat_phase handshakes[] = {LEAT_PHASE_TCP, LEAT_PHASE_PROXY, LEAT_PHASE_TLS,
                                                 LEAT_PHASE_UPGRADE};
    leat_config *config = NULL;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(config, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_config_set_proxy_tls_ca_path(config, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_config_set_connect_timeout(config, CONNECT_TIMEOUT_MS) == LEAT_OK);
    for (size_t i = 0; i < sizeof(handshakes) / sizeof(handshakes[0]); i++)
        cr_assert(leat_config_set_phase_timeout(config, handshakes[i], CONNECT_TIMEOUT_MS) ==
                  LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, CLOSE_TIMEOUT_MS) == LEAT_OK);
    return config;
}

void client_run_init(struct client_run *run)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = run_opened,
        .message = run_message,
        .pong = run_pong,
        .writable = run_writable,
        .closed = run_closed,
    };
    *run = (struct client_run){.name = "", .config = client_config_new()};
    cr_assert(leat_config_set_trace(run->config, run_trace, run) == LEAT_OK);
    cr_assert(leat_loop_new(&run->loop) == LEAT_OK);
    cr_assert(leat_websocket_new(run->loop, &callbacks, run, &run->ws) == LEAT_OK);
}

static void messages_free(struct client_message *messages, size_t count)
{
    for (size_t i = 0; messages && i < count; ++i)
        free(messages[i].data);
    free(messages);
}

void client_run_done(struct client_run *run)
{
    leat_websocket_free(run->ws);
    leat_loop_free(run->loop);
    leat_config_free(run->config);
    messages_free(run->messages, run->message_count);
    messages_free(run->pongs, run->pong_count);
    free(run->trace);
}

/* ---- running
 * ----------------------------------------------------------------------------------------- */

int client_run_connect(struct client_run *run, const char *url)
{
    int code = leat_websocket_connect(run->ws, url, run->config);
    run->is_live = run->is_live || code == LEAT_OK;
    return code;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool client_run_until(struct client_run *run, bool (*done)(const struct client_run *run))
{
    uint64_t end_ms = now_ms() + CLIENT_RUN_TIMEOUT_MS;
    for (uint64_t now = now_ms(); !done(run) && now < end_ms; now = now_ms())
        cr_assert(leat_loop_dispatch(run->loop, (int)(end_ms - now)) == LEAT_OK);
    return done(run);
}

static bool is_opened_or_closed(const struct client_run *run)
{
    return run->opened_count + run->closed_count > 0;
}

static bool is_closed(const struct client_run *run)
{
    return run->closed_count > 0;
}

void client_run_until_opened(struct client_run *run)
{
    cr_assert(client_run_until(run, is_opened_or_closed), "%s: neither opened nor closed:\n%s",
              run->name, run->trace);
}

void client_run_until_closed(struct client_run *run)
{
    cr_assert(client_run_until(run, is_closed), "%s: not closed:\n%s", run->name, run->trace);
}

void client_run_until_messages(struct client_run *run, size_t count)
{
    uint64_t end_ms = now_ms() + CLIENT_RUN_TIMEOUT_MS;
    while (run->message_count < count && run->closed_count == 0 && now_ms() < end_ms)
        cr_assert(leat_loop_dispatch(run->loop, (int)CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    cr_assert(run->message_count >= count, "%zu of %zu messages, %s: %s\n%s", run->message_count,
              count, run->closed_count ? "closed" : "open", run->close.error.text, run->trace);
}

void client_run_open(struct client_run *run, const char *url)
{
    struct leat_error error;
    int code = client_run_connect(run, url);
    leat_websocket_get_error(run->ws, &error);
    cr_assert(code == LEAT_OK, "connect returned %d: %s", code, error.text);
    client_run_until_opened(run);
    /* It may have ended already, as a peer that breaks the protocol at once has it. */
    cr_assert(run->opened_count > 0, "%d %s: %s\n%s", run->close.error.code,
              leat_layer_name(run->close.error.layer), run->close.error.text, run->trace);
}

int client_run_refused(struct client_run *run, const char *url)
{
    struct leat_error error;
    int code = client_run_connect(run, url);
    leat_websocket_get_error(run->ws, &error);
    cr_assert(code == LEAT_OK, "connect returned %d: %s", code, error.text);
    client_run_until_closed(run);
    cr_expect(run->opened_count == 0, "it was open before");
    leat_websocket_get_error(run->ws, &error);
    cr_expect(error.code == run->close.error.code && !strcmp(error.text, run->close.error.text),
              "the close event says %d %s, the object %d %s", run->close.error.code,
              run->close.error.text, error.code, error.text);
    return run->close.error.code;
}

void client_run_close(struct client_run *run)
{
    cr_assert(leat_websocket_close(run->ws, 1000, "done") == LEAT_OK);
    client_run_until_closed(run);
    cr_expect(run->close.error.code == LEAT_OK, "%d: %s", run->close.error.code,
              run->close.error.text);
    cr_expect(run->close.closed_by == LEAT_CLOSED_BY_LOCAL);
    cr_expect(run->close.close_code == 1000, "%u", run->close.close_code);
}

void client_run_echo(struct client_run *run, const char *text)
{
    size_t count = run->message_count + 1;
    cr_assert(leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, text, strlen(text)) == LEAT_OK);
    client_run_until_messages(run, count);
    const struct client_message *echo = &run->messages[count - 1];
    cr_expect(echo->type == LEAT_MESSAGE_TEXT && echo->len == strlen(text) &&
                  memcmp(echo->data, text, echo->len) == 0,
              "%zu bytes came back", echo->len);
}

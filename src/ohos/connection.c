/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of a client, on the library's thread. */
#include "ohos/runtime.h"

#include "util/readable.h"
#include "util/alloc.h"

#include <stdio.h>
#include <string.h>

#define GOODBYE_CODE 1000u
/* Close codes of RFC 6455 section 7.4.1. */
#define CLOSE_TOO_BIG  1009u
#define CLOSE_ABNORMAL 1006u
/* "CODE MESSAGE TEXT" */
#define ERROR_LINE_SIZE (LEAT_ERROR_TEXT_SIZE + 256)

static const char *error_line(const struct leat_error *error, char buf[ERROR_LINE_SIZE])
{
    leati_readable_format(buf, ERROR_LINE_SIZE, "%d %s%s%s", error->code,
                          leat_strerror(error->code), error->text[0] ? " " : "", error->text);
    return buf;
}

/* ---- telling the program --------------------------------------------------------------------- */

/* The callbacks are read from the handle, where the program may have exchanged them. */
static void report_open(struct leati_ndk_client *client)
{
    WebSocket_OnOpenCallback callback = client->handle.onOpen;
    if (callback)
        callback(&client->handle,
                 (WebSocket_OpenResult){.code = 101, .reason = "Switching Protocols"});
}

static void report_error(struct leati_ndk_client *client, WebSocket_ErrCode code, const char *text)
{
    WebSocket_OnErrorCallback callback = client->handle.onError;
    if (callback)
        callback(&client->handle, (WebSocket_ErrorResult){.errorCode = code, .errorMessage = text});
}

static void report_close(struct leati_ndk_client *client, uint32_t code, const char *reason)
{
    WebSocket_OnCloseCallback callback = client->handle.onClose;
    if (callback)
        callback(&client->handle, (WebSocket_CloseResult){.code = code, .reason = reason});
}

/* Announces a callback that comes with a change of state. */
static bool report_begin(struct leati_ndk_client *client, enum leati_ndk_state state)
{
    leati_ndk_lock();
    bool wanted = leati_ndk_callback_begin(client);
    if (wanted)
        client->state = state;
    leati_ndk_unlock();
    return wanted;
}

static bool report_begin_in_state(struct leati_ndk_client *client)
{
    leati_ndk_lock();
    bool wanted = leati_ndk_callback_begin(client);
    leati_ndk_unlock();
    return wanted;
}

static void report_fault(struct leati_ndk_client *client, WebSocket_ErrCode code, const char *text)
{
    if (!report_begin_in_state(client))
        return;
    report_error(client, code, text);
    leati_ndk_callback_end();
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Without a goodbye. */
static void connection_drop(struct leati_ndk_client *client)
{
    leat_websocket_free(client->ws);
    client->ws = NULL;
    client->is_open = client->close_waits = client->close_sent = false;
    leati_ndk_messages_clear(&client->unsent);
}

/* The connection or the attempt is over; what waits belonged to it. */
static bool end_begin(struct leati_ndk_client *client, enum leati_ndk_state state)
{
    struct leati_ndk_messages dropped;
    leati_ndk_messages_init(&dropped);
    leati_ndk_lock();
    bool wanted = leati_ndk_callback_begin(client);
    if (wanted) {
        client->state = state;
        client->close_asked = false;
        client->outbox_bytes = 0;
        if (client->outbox.first)
            dropped = client->outbox;
        leati_ndk_messages_init(&client->outbox);
    }
    if (!client->is_registered)
        leati_ndk_enqueue(client);
    leati_ndk_unlock();
    leati_ndk_messages_clear(&dropped);
    return wanted;
}

static void attempt_failed(struct leati_ndk_client *client, const struct leat_error *error)
{
    char line[ERROR_LINE_SIZE];
    connection_drop(client);
    if (!end_begin(client, LEATI_NDK_IDLE))
        return;
    report_error(client,
                 error->code == LEAT_E_SYSTEM_INTERNAL ? WEBSOCKET_CONNECTION_NO_MEMORY
                                                       : WEBSOCKET_CONNECTION_ERROR,
                 error_line(error, line));
    leati_ndk_callback_end();
}

static void connection_ended(struct leati_ndk_client *client, const struct leat_close_event *event)
{
    char line[ERROR_LINE_SIZE], own_reason[LEATI_NDK_REASON_MAX_BYTES + 1];
    uint32_t code = event->close_code;
    const char *reason = event->reason;
    if (event->error.code != LEAT_OK) {
        reason = error_line(&event->error, line);
    } else if (event->closed_by == LEAT_CLOSED_BY_LOCAL) {
        leati_ndk_lock();
        code = client->close_code;
        memcpy(own_reason, client->close_reason, sizeof(own_reason));
        leati_ndk_unlock();
        reason = own_reason;
    }
    connection_drop(client);
    if (event->error.violation != 0) /* HarmonyOS has a callback of its own for that */
        report_fault(client,
                     code == CLOSE_TOO_BIG ? WEBSOCKET_DATA_LENGTH_EXCEEDED
                                           : WEBSOCKET_PROTOCOL_ERROR,
                     reason);
    if (!end_begin(client, LEATI_NDK_ENDED))
        return;
    report_close(client, code, reason);
    leati_ndk_callback_end();
}

void leati_ndk_client_break(struct leati_ndk_client *client, int code)
{
    struct leat_close_event event = {
        .error = {.code = code, .sys_errno = leat_code_errno(code), .text = "the loop has failed"},
        .close_code = CLOSE_ABNORMAL,
        .reason = "",
    };
    if (client->is_open)
        connection_ended(client, &event);
    else if (client->ws)
        attempt_failed(client, &event.error);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Text if it is text. LEAT_E_PARAMETER can only mean that it is not UTF-8. */
static int message_send(struct leati_ndk_client *client, const struct leati_ndk_message *message)
{
    int code = LEAT_E_PARAMETER;
    if (!memchr(message->data, '\0', message->len))
        code = leat_websocket_send(client->ws, LEAT_MESSAGE_TEXT, message->data, message->len);
    if (code == LEAT_E_PARAMETER)
        code = leat_websocket_send(client->ws, LEAT_MESSAGE_BINARY, message->data, message->len);
    return code;
}

static void outbox_take(struct leati_ndk_client *client)
{
    leati_ndk_lock();
    if (client->outbox.first) {
        *client->unsent.end = client->outbox.first;
        client->unsent.end = client->outbox.end;
        leati_ndk_messages_init(&client->outbox);
    }
    leati_ndk_unlock();
}

static void unsent_pop(struct leati_ndk_client *client)
{
    struct leati_ndk_message *message = client->unsent.first;
    client->unsent.first = message->next;
    if (!client->unsent.first)
        leati_ndk_messages_init(&client->unsent);
    leati_free(message);
}

static void close_send(struct leati_ndk_client *client, uint16_t code, const char *reason)
{
    client->close_waits = false;
    client->close_sent = true;
    if (leat_websocket_close(client->ws, code, reason) != LEAT_OK) {
        struct leat_close_event event = {
            .error = {.code = LEAT_E_SYSTEM_INTERNAL, .text = "no memory for the Close frame"},
            .close_code = CLOSE_ABNORMAL,
            .reason = "",
        };
        connection_ended(client, &event);
    }
}

/* Hands over what the connection's own queue takes; the rest waits for `writable`. */
static void connection_flush(struct leati_ndk_client *client)
{
    size_t sent_bytes = 0;
    size_t lost = 0;
    if (!client->is_open)
        return;
    outbox_take(client);
    while (client->unsent.first) {
        int code = message_send(client, client->unsent.first);
        if (leat_is_queue_full(code))
            break;
        sent_bytes += client->unsent.first->len;
        lost += code == LEAT_E_SYSTEM_INTERNAL;
        unsent_pop(client);
    }
    leati_ndk_lock();
    client->outbox_bytes -= sent_bytes;
    leati_ndk_unlock();
    if (lost > 0)
        report_fault(client, WEBSOCKET_SEND_NO_MEMORY, "no memory for a message: it is lost");
    if (client->close_waits && !client->unsent.first)
        close_send(client, client->close_code, client->close_reason);
}

/* ---- what the connection tells --------------------------------------------------------------- */

static void on_opened(leat_websocket *ws, void *user)
{
    struct leati_ndk_client *client = user;
    (void)ws;
    client->is_open = true;
    if (!report_begin(client, LEATI_NDK_OPEN))
        return;
    report_open(client);
    leati_ndk_callback_end();
    connection_flush(client);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct leati_ndk_client *client = user;
    char *copy = len <= UINT32_MAX ? leati_ndk_message_buffer(len + 1) : NULL;
    (void)ws;
    (void)type;
    if (!copy) {
        report_fault(client, WEBSOCKET_CONNECTION_NO_MEMORY,
                     "no memory for a received message: it is lost");
        return;
    }
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    if (!report_begin_in_state(client))
        return;
    WebSocket_OnMessageCallback callback = client->handle.onMessage;
    if (callback)
        callback(&client->handle, copy, (uint32_t)len);
    leati_ndk_callback_end();
}

static void on_writable(leat_websocket *ws, void *user)
{
    (void)ws;
    connection_flush(user);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct leati_ndk_client *client = user;
    (void)ws;
    if (client->is_open)
        connection_ended(client, event);
    else
        attempt_failed(client, &event->error);
}

static const struct leat_websocket_callbacks connection_callbacks = {
    .size = sizeof(connection_callbacks),
    .opened = on_opened,
    .message = on_message,
    .writable = on_writable,
    .closed = on_closed,
};

/* ---- what the program asks for --------------------------------------------------------------- */

static void connection_start(struct leati_ndk_client *client, const char *url,
                             const leat_config *config)
{
    struct leat_error error = {.code = LEAT_OK};
    int code = leat_websocket_new(leati_ndk_loop(), &connection_callbacks, client, &client->ws);
    if (code == LEAT_OK)
        code = leat_websocket_connect(client->ws, url, config);
    if (code == LEAT_OK)
        return;
    leat_websocket_get_error(client->ws, &error);
    error.code = code;
    attempt_failed(client, &error);
}

/* A destroyed client: says goodbye if it can, and is freed when it has nothing left. */
static void client_retire(struct leati_ndk_client *client)
{
    if (client->ws && !client->is_open)
        connection_drop(client);
    if (client->ws && !client->close_sent) {
        uint16_t code = client->close_waits ? client->close_code : GOODBYE_CODE;
        const char *reason = client->close_waits ? client->close_reason : "";
        leati_ndk_messages_clear(&client->unsent); /* the peer does not read */
        close_send(client, code, reason);
    }
    leati_ndk_lock();
    bool is_done = !client->ws && !client->is_queued;
    if (is_done)
        leati_ndk_remove(client);
    leati_ndk_unlock();
    if (is_done)
        leati_ndk_client_free(client);
}

void leati_ndk_client_work(struct leati_ndk_client *client)
{
    leati_ndk_lock();
    bool cancel = client->cancel_asked;
    char *url = client->connect_url;
    leat_config *config = client->connect_config;
    bool is_registered = client->is_registered;
    client->close_waits |= client->close_asked;
    client->cancel_asked = client->close_asked = false;
    client->connect_url = NULL;
    client->connect_config = NULL;
    leati_ndk_unlock();

    if (cancel)
        connection_drop(client);
    if (url && is_registered)
        connection_start(client, url, config);
    leati_free_secret(url);
    leat_config_free(config);
    connection_flush(client);
    if (!is_registered)
        client_retire(client);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the NDK: what may be asked for, and in which state. */
#include "ohos/runtime.h"

#include "util/alloc.h"
#include "util/utf8.h"

#include <string.h>

LEAT_API struct WebSocket *OH_WebSocketClient_Constructor(WebSocket_OnOpenCallback onOpen,
                                                          WebSocket_OnMessageCallback onMessage,
                                                          WebSocket_OnErrorCallback onError,
                                                          WebSocket_OnCloseCallback onclose)
{
    struct leati_ndk_client *client = leati_ndk_client_new();
    if (!client)
        return NULL;
    client->handle.onOpen = onOpen;
    client->handle.onMessage = onMessage;
    client->handle.onError = onError;
    client->handle.onClose = onclose;
    if (!leati_ndk_register(client)) {
        leati_ndk_client_free(client);
        return NULL;
    }
    return &client->handle;
}

/* Takes the lock. @return WEBSOCKET_OK and the client, to be unlocked in any case. */
static int client_lock(const struct WebSocket *handle, struct leati_ndk_client **ret_client)
{
    leati_ndk_lock();
    if (!handle)
        return WEBSOCKET_CLIENT_NULL;
    struct leati_ndk_client *client = leati_ndk_find(handle);
    if (!client)
        return WEBSOCKET_CLIENT_NOT_CREATED;
    *ret_client = client;
    return WEBSOCKET_OK;
}

LEAT_API int OH_WebSocketClient_AddHeader(struct WebSocket *client, struct WebSocket_Header header)
{
    struct leati_ndk_client *found;
    int code = client_lock(client, &found);
    if (code == WEBSOCKET_OK)
        code = leati_ndk_request_add_header(found, &header);
    leati_ndk_unlock();
    return code;
}

/* ---- Connect --------------------------------------------------------------------------------- */

/* As HarmonyOS answers: what has no scheme is ws://, and an empty URL is 1006. */
static int url_take(const char *url, char **ret_url)
{
    if (!url)
        return WEBSOCKET_CONNECTION_PARSE_URL_ERROR;
    if (!*url)
        return WEBSOCKET_CONNECTION_NO_MEMORY;
    char *copy = leati_concat(strstr(url, "://") ? "" : "ws://", url);
    if (!copy)
        return WEBSOCKET_CONNECTION_NO_MEMORY;
    int code = leat_websocket_check_url(copy, NULL);
    if (code == LEAT_OK) {
        *ret_url = copy;
        return WEBSOCKET_OK;
    }
    leati_free_secret(copy);
    return code == LEAT_E_SYSTEM_INTERNAL ? WEBSOCKET_CONNECTION_NO_MEMORY
                                          : WEBSOCKET_CONNECTION_PARSE_URL_ERROR;
}

static int client_connect(struct leati_ndk_client *client, const char *url,
                          const struct WebSocket_Header *headers)
{
    if (client->state != LEATI_NDK_IDLE && client->state != LEATI_NDK_ENDED)
        return WEBSOCKET_CONNECTION_ERROR;
    char *copy;
    int code = url_take(url, &copy);
    if (code != WEBSOCKET_OK)
        return code;
    code = leati_ndk_request_config(client, headers, &client->connect_config);
    if (code != WEBSOCKET_OK) {
        leati_free_secret(copy);
        return code;
    }
    client->connect_url = copy;
    client->state = LEATI_NDK_CONNECTING;
    client->has_connected = true;
    leati_ndk_enqueue(client);
    return WEBSOCKET_OK;
}

LEAT_API int OH_WebSocketClient_Connect(struct WebSocket *client, const char *url,
                                        struct WebSocket_RequestOptions options)
{
    struct leati_ndk_client *found;
    int code = client_lock(client, &found);
    if (code == WEBSOCKET_OK)
        code = client_connect(found, url, options.headers);
    leati_ndk_unlock();
    return code;
}

/* ---- Send ------------------------------------------------------------------------------------ */

/* `message` is NULL without memory. */
static int client_send(struct leati_ndk_client *client, struct leati_ndk_message *message)
{
    if (client->state == LEATI_NDK_CLOSING || client->state == LEATI_NDK_ENDED)
        return WEBSOCKET_NO_CONNECTION;
    if (client->outbox_bytes >= LEATI_NDK_OUTBOX_MAX_BYTES)
        return WEBSOCKET_QUEUE_LENGTH_EXCEEDED;
    if (!message)
        return WEBSOCKET_SEND_NO_MEMORY;
    client->outbox_bytes += message->len;
    leati_ndk_messages_append(&client->outbox, message);
    if (client->state == LEATI_NDK_OPEN)
        leati_ndk_enqueue(client);
    return WEBSOCKET_OK;
}

LEAT_API int OH_WebSocketClient_Send(struct WebSocket *client, char *data, size_t length)
{
    struct leati_ndk_client *found;
    bool is_sendable = data && length > 0 && length <= LEATI_NDK_MESSAGE_MAX_BYTES;
    /* Copied before the lock is taken. */
    struct leati_ndk_message *message =
        client && is_sendable ? leati_ndk_message_new(data, length) : NULL;
    int code = client_lock(client, &found);
    if (code == WEBSOCKET_OK && !data)
        code = WEBSOCKET_SEND_DATA_NULL;
    if (code == WEBSOCKET_OK && length > LEATI_NDK_MESSAGE_MAX_BYTES)
        code = WEBSOCKET_DATA_LENGTH_EXCEEDED;
    if (code == WEBSOCKET_OK && length > 0) {
        code = client_send(found, message);
        if (code == WEBSOCKET_OK)
            message = NULL;
    }
    leati_ndk_unlock();
    leati_free(message);
    return code;
}

/* ---- Close and Destroy ----------------------------------------------------------------------- */

/* RFC 6455 section 7.4. */
static bool is_close_code(uint32_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1002 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}

static int client_cancel(struct leati_ndk_client *client)
{
    client->cancel_asked = true;
    leati_free_secret(client->connect_url);
    leat_config_free(client->connect_config);
    client->connect_url = NULL;
    client->connect_config = NULL;
    leati_ndk_messages_clear(&client->outbox);
    client->outbox_bytes = 0;
    client->state = LEATI_NDK_IDLE;
    leati_ndk_enqueue(client);
    return WEBSOCKET_NO_CONNECTION;
}

static int client_close(struct leati_ndk_client *client,
                        const struct WebSocket_CloseOption *options)
{
    const char *reason = options->reason ? options->reason : "CLOSE_NORMAL";
    uint32_t code = is_close_code(options->code) ? options->code : 1000;
    size_t len = strlen(reason);
    if (!leati_utf8_valid(reason, len))
        return WEBSOCKET_PROTOCOL_ERROR;
    if (len > LEATI_NDK_REASON_MAX_BYTES)
        return WEBSOCKET_DATA_LENGTH_EXCEEDED;
    client->close_asked = true;
    client->close_code = (uint16_t)code;
    memcpy(client->close_reason, reason, len + 1);
    client->state = LEATI_NDK_CLOSING;
    leati_ndk_enqueue(client);
    return WEBSOCKET_OK;
}

LEAT_API int OH_WebSocketClient_Close(struct WebSocket *client,
                                      struct WebSocket_CloseOption options)
{
    struct leati_ndk_client *found;
    int code = client_lock(client, &found);
    if (code == WEBSOCKET_OK) {
        switch (found->state) {
        case LEATI_NDK_IDLE:
        case LEATI_NDK_ENDED:
            code = WEBSOCKET_NO_CONNECTION;
            break;
        case LEATI_NDK_CONNECTING:
            code = client_cancel(found);
            break;
        case LEATI_NDK_OPEN:
            code = client_close(found, &options);
            break;
        case LEATI_NDK_CLOSING:
            break;
        }
    }
    leati_ndk_unlock();
    return code;
}

LEAT_API int OH_WebSocketClient_Destroy(struct WebSocket *client)
{
    struct leati_ndk_client *found;
    int code = client_lock(client, &found);
    if (code == WEBSOCKET_OK) {
        code = found->has_connected ? WEBSOCKET_OK : WEBSOCKET_NO_CONNECTION_CONTEXT;
        leati_ndk_unregister(found);
        leati_ndk_enqueue(found);
        leati_ndk_callback_wait(found);
    }
    leati_ndk_unlock();
    return code;
}

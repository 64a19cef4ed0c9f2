/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebSocket client of the HarmonyOS C NDK: connects to an echo server, sends a text and some
 * bytes, prints what comes back, and closes. Nothing in it is special to leat or to Linux.
 *
 *     cc -std=c11 -Iinclude examples/ohos_ndk.c -Lbuild/release/lib -lnet_websocket -o ohos_ndk
 *     ./ohos_ndk wss://echo.example/chat
 */
#include <network/netstack/net_websocket.h>

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

static sem_t g_event; /* posted by every callback */
static int g_failed;
static int g_messages;

static void onOpen(struct WebSocket *client, WebSocket_OpenResult openResult)
{
    char text[] = "hello from the NDK";
    char bytes[] = {1, 0, 2};

    printf("onOpen: %u %s\n", openResult.code, openResult.reason);
    OH_WebSocketClient_Send(client, text, strlen(text));
    OH_WebSocketClient_Send(client, bytes, sizeof(bytes));
}

static void onMessage(struct WebSocket *client, char *data, uint32_t length)
{
    (void)client;
    g_messages++;
    printf("onMessage: %u bytes: %s\n", length, data);
    sem_post(&g_event);
}

static void onError(struct WebSocket *client, WebSocket_ErrorResult errorResult)
{
    (void)client;
    printf("onError: %u %s\n", errorResult.errorCode, errorResult.errorMessage);
    g_failed = 1;
    sem_post(&g_event);
}

static void onClose(struct WebSocket *client, WebSocket_CloseResult closeResult)
{
    (void)client;
    printf("onClose: %u %s\n", closeResult.code, closeResult.reason);
    sem_post(&g_event);
}

int main(int argc, char **argv)
{
    struct WebSocket_Header header = {"X-Client", "ndk example", NULL};
    struct WebSocket_CloseOption closeOption = {.code = 1000, .reason = "Actively Close"};

    if (argc != 2) {
        fprintf(stderr, "usage: %s ws://HOST/PATH or wss://HOST/PATH\n", argv[0]);
        return 2;
    }
    sem_init(&g_event, 0, 0);
    struct WebSocket *client = OH_WebSocketClient_Constructor(onOpen, onMessage, onError, onClose);
    if (!client)
        return 1;
    OH_WebSocketClient_AddHeader(client, header);
    int code = OH_WebSocketClient_Connect(client, argv[1], client->requestOptions);
    if (code != WEBSOCKET_OK) {
        fprintf(stderr, "OH_WebSocketClient_Connect: %d\n", code);
        OH_WebSocketClient_Destroy(client);
        return 1;
    }

    sem_wait(&g_event); /* the first message, or the end */
    if (!g_failed)
        sem_wait(&g_event);
    if (OH_WebSocketClient_Close(client, closeOption) == WEBSOCKET_OK)
        sem_wait(&g_event);
    OH_WebSocketClient_Destroy(client);
    return g_failed || g_messages != 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HarmonyOS NDK: any calls with any strings, on this thread and inside of callbacks, while a
 * server says anything. Every call returns a code of the header; nothing is called back behind
 * Destroy; and nothing hangs. In a network namespace of its own. The first byte: how many bytes are
 * for callbacks; then what happens, one after the other: see step_run().
 */
#include "fuzz/wire.h"

#include <network/netstack/net_websocket.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define CLIENTS 2

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct WebSocket *clients[CLIENTS]; /* of them callbacks may come */
static struct fuzz_input in_callbacks;     /* under the lock */
static int listener, peer;
static uint16_t port;
static bool is_alone;

/* ---- calls ---------------------------------------------------------------------------------- */

static void code_check(int code)
{
    FUZZ_MUST(code == WEBSOCKET_OK ||
              (code > E_BASE && code <= WEBSOCKET_NO_CONNECTION_CONTEXT && code != E_BASE + 4));
    FUZZ_MUST(code != WEBSOCKET_CONNECTION_CLOSED_BY_PEER && code != WEBSOCKET_DESTROYED &&
              code != WEBSOCKET_NO_CLIENT_CONTEXT && code != WEBSOCKET_CONNECTION_NO_MEMORY &&
              code != WEBSOCKET_SEND_NO_MEMORY);
}

static void do_send(struct WebSocket *client, struct fuzz_input bytes)
{
    char *copy = fuzz_copy(bytes, false);
    int code = OH_WebSocketClient_Send(client, copy, bytes.len);
    code_check(code);
    FUZZ_MUST((code == WEBSOCKET_CLIENT_NULL) == (!client));
    free(copy);
}

static void do_close(struct WebSocket *client, uint32_t code, const char *reason)
{
    code_check(OH_WebSocketClient_Close(
        client, (struct WebSocket_CloseOption){.code = code, .reason = reason}));
}

static void do_destroy(size_t index)
{
    struct WebSocket *client = clients[index];
    code_check(OH_WebSocketClient_Destroy(client));
    /* Whoever was inside of a callback has left it. */
    pthread_mutex_lock(&lock);
    clients[index] = NULL;
    pthread_mutex_unlock(&lock);
    if (client)
        FUZZ_MUST(OH_WebSocketClient_Send(client, (char[]){"x"}, 1) ==
                  WEBSOCKET_CLIENT_NOT_CREATED);
}

static void do_connect(struct WebSocket *client, struct fuzz_input *input, uint8_t what)
{
    char url[64];
    char *text = fuzz_copy(fuzz_take_bytes(input, what >> 4), true);
    char *value = fuzz_copy(fuzz_take_bytes(input, what >> 5), true);
    struct WebSocket_Header second = {.fieldName = text, .fieldValue = value};
    struct WebSocket_Header first = {.fieldName = "X-First", .fieldValue = value, .next = &second};
    struct WebSocket_RequestOptions options = {.headers = what & 8 ? &first : NULL};
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/%s", port, what & 2 ? "path" : "");
    const char *target = what & 1 && is_alone ? text : url;
    int code = OH_WebSocketClient_Connect(client, target, options);
    if (code != WEBSOCKET_CONNECTION_NO_MEMORY || target[0]) /* as HarmonyOS names an empty URL */
        code_check(code);
    free(text);
    free(value);
}

static void do_add_header(struct WebSocket *client, struct fuzz_input *input)
{
    char *name = fuzz_copy(fuzz_take_bytes(input, fuzz_take(input) & 15), true);
    char *value = fuzz_copy(fuzz_take_bytes(input, fuzz_take(input) & 15), true);
    code_check(OH_WebSocketClient_AddHeader(
        client, (struct WebSocket_Header){.fieldName = name, .fieldValue = value}));
    free(name);
    free(value);
}

/* ---- callbacks, on the library's thread ----------------------------------------------------- */

static void called(struct WebSocket *client)
{
    bool is_known = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < CLIENTS; i++)
        is_known = is_known || clients[i] == client;
    uint8_t what = fuzz_take(&in_callbacks);
    pthread_mutex_unlock(&lock);
    FUZZ_MUST(is_known);
    switch (what & 7) {
    case 1:
        do_send(client, (struct fuzz_input){(const uint8_t *)"hello", 5});
        break;
    case 2:
        do_close(client, 1000, "from a callback");
        break;
    case 3: /* its handle is not used here again */
        code_check(OH_WebSocketClient_Destroy(client));
        break;
    case 4:
        (void)OH_WebSocketClient_Connect(client, "ws://127.0.0.1:1/",
                                         (struct WebSocket_RequestOptions){0});
        break;
    default:
        break;
    }
}

static void on_open(struct WebSocket *client, WebSocket_OpenResult result)
{
    FUZZ_MUST(result.code == 101 && result.reason);
    called(client);
}

static void on_message(struct WebSocket *client, char *data, uint32_t length)
{
    FUZZ_MUST(data && data[length] == '\0');
    free(fuzz_copy((struct fuzz_input){(const uint8_t *)data, length}, false));
    called(client);
}

static void on_error(struct WebSocket *client, WebSocket_ErrorResult result)
{
    FUZZ_MUST(result.errorCode > E_BASE && result.errorMessage && result.errorMessage[0]);
    called(client);
}

static void on_close(struct WebSocket *client, WebSocket_CloseResult result)
{
    FUZZ_MUST(result.reason && result.code >= 1000);
    called(client);
}

/* ---- the server ----------------------------------------------------------------------------- */

/* What the library's thread does is seen soon, or not at all. */
static void wait_a_little(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    (void)poll(&ready, 1, 2);
}

static void peer_upgrade(void)
{
    char head[8192], accept[29], text[256];
    wait_a_little(listener);
    int fd = fuzz_accept(listener);
    if (fd < 0)
        return;
    fuzz_reset(peer);
    peer = fd;
    wait_a_little(peer);
    head[fuzz_recv(peer, head, sizeof(head) - 1)] = '\0';
    snprintf(text, sizeof(text),
             "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             fuzz_accept_of(head, accept));
    fuzz_send(peer, text, strlen(text));
}

static void peer_frame(struct fuzz_input *input, size_t len)
{
    uint8_t frame[2 + 64] = {fuzz_take(input)};
    struct fuzz_input payload = fuzz_take_bytes(input, len);
    frame[1] = (uint8_t)payload.len;
    if (payload.len > 0)
        memcpy(frame + 2, payload.data, payload.len);
    fuzz_send(peer, frame, 2 + payload.len);
}

static void step_run(struct fuzz_input *input)
{
    uint8_t what = fuzz_take(input);
    size_t index = what >> 4 & 1;
    struct fuzz_input bytes;
    char *text;
    switch (what & 15) {
    case 0:
        if (clients[index])
            break;
        pthread_mutex_lock(&lock);
        clients[index] = OH_WebSocketClient_Constructor(
            what & 0x20 ? NULL : on_open, what & 0x40 ? NULL : on_message, on_error, on_close);
        pthread_mutex_unlock(&lock);
        FUZZ_MUST(clients[index]);
        break;
    case 1:
        do_add_header(clients[index], input);
        break;
    case 2:
    case 3:
        do_connect(clients[index], input, fuzz_take(input));
        break;
    case 4:
    case 5:
        do_send(clients[index], fuzz_take_bytes(input, fuzz_take(input)));
        break;
    case 6:
        text = fuzz_copy(fuzz_take_bytes(input, what >> 4), true);
        do_close(clients[index], 995u + fuzz_take(input), text);
        free(text);
        break;
    case 7:
        do_destroy(index);
        break;
    case 8:
    case 9:
        peer_upgrade();
        break;
    case 10:
    case 11:
        peer_frame(input, what >> 2 & 63);
        break;
    case 12:
        bytes = fuzz_take_bytes(input, (what >> 4) * 4u + 1);
        fuzz_send(peer, bytes.data, bytes.len);
        break;
    case 13:
        fuzz_reset(peer);
        peer = -1;
        break;
    default:
        wait_a_little(peer >= 0 ? peer : listener);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t count = fuzz_take(&input);
    is_alone = fuzz_network_leave();
    fuzz_keep_cas();
    pthread_mutex_lock(&lock);
    in_callbacks = fuzz_take_bytes(&input, count & 15);
    pthread_mutex_unlock(&lock);
    listener = fuzz_listen(&port);
    peer = -1;
    while (input.len > 0)
        step_run(&input);
    for (size_t i = 0; i < CLIENTS; i++)
        do_destroy(i);
    fuzz_reset(peer);
    for (int fd; (fd = fuzz_accept(listener)) >= 0;)
        fuzz_reset(fd);
    close(listener);
    return 0;
}

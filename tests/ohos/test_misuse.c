/* SPDX-License-Identifier: Apache-2.0 */
/* What every function answers to every misuse, and the interface itself. Without a server. */
#include "ohos/recorder.h"

#include <criterion/criterion.h>
#include <leat/ohos.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

TestSuite(misuse, .timeout = RECORDER_TIMEOUT_S);

static char text[] = "Hello, world!";
static const struct WebSocket_Header plain_header = {"Content-Type", "application/json", NULL};
static const struct WebSocket_CloseOption normal_close = {1000, " "};

/* ---- the interface --------------------------------------------------------------------------- */

_Static_assert(sizeof(struct WebSocket) == 5 * sizeof(void *), "four callbacks and the options");
_Static_assert(offsetof(struct WebSocket, onOpen) == 0, "");
_Static_assert(offsetof(struct WebSocket, onMessage) == sizeof(void *), "");
_Static_assert(offsetof(struct WebSocket, onError) == 2 * sizeof(void *), "");
_Static_assert(offsetof(struct WebSocket, onClose) == 3 * sizeof(void *), "");
_Static_assert(offsetof(struct WebSocket, requestOptions) == 4 * sizeof(void *), "");
_Static_assert(sizeof(WebSocket_RequestOptions) == sizeof(void *), "");
_Static_assert(sizeof(WebSocket_Header) == 3 * sizeof(void *), "");
_Static_assert(offsetof(WebSocket_Header, fieldValue) == sizeof(void *), "");
_Static_assert(offsetof(WebSocket_Header, next) == 2 * sizeof(void *), "");
_Static_assert(offsetof(WebSocket_OpenResult, reason) == sizeof(void *), "");
_Static_assert(offsetof(WebSocket_CloseResult, reason) == sizeof(void *), "");
_Static_assert(offsetof(WebSocket_CloseOption, reason) == sizeof(void *), "");
_Static_assert(offsetof(WebSocket_ErrorResult, errorMessage) == sizeof(void *), "");
_Static_assert(sizeof(((WebSocket_ErrorResult *)0)->errorCode) == 4, "");

Test(misuse, the_numbers_are_those_of_harmonyos)
{
    static const struct {
        WebSocket_ErrCode code;
        int number;
    } codes[] = {
        {WEBSOCKET_OK, 0},
        {E_BASE, 1000},
        {WEBSOCKET_CLIENT_NULL, 1001},
        {WEBSOCKET_CLIENT_NOT_CREATED, 1002},
        {WEBSOCKET_CONNECTION_ERROR, 1003},
        {WEBSOCKET_CONNECTION_PARSE_URL_ERROR, 1005},
        {WEBSOCKET_CONNECTION_NO_MEMORY, 1006},
        {WEBSOCKET_CONNECTION_CLOSED_BY_PEER, 1007},
        {WEBSOCKET_DESTROYED, 1008},
        {WEBSOCKET_PROTOCOL_ERROR, 1009},
        {WEBSOCKET_SEND_NO_MEMORY, 1010},
        {WEBSOCKET_SEND_DATA_NULL, 1011},
        {WEBSOCKET_DATA_LENGTH_EXCEEDED, 1012},
        {WEBSOCKET_QUEUE_LENGTH_EXCEEDED, 1013},
        {WEBSOCKET_NO_CLIENT_CONTEXT, 1014},
        {WEBSOCKET_NO_HEADER_CONTEXT, 1015},
        {WEBSOCKET_HEADER_EXCEEDED, 1016},
        {WEBSOCKET_NO_CONNECTION, 1017},
        {WEBSOCKET_NO_CONNECTION_CONTEXT, 1018},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        cr_expect((int)codes[i].code == codes[i].number);
}

/* ---- clients that are none ------------------------------------------------------------------- */

static void all_functions_expect(struct WebSocket *client, int code)
{
    struct WebSocket_RequestOptions no_options = {NULL};
    cr_expect(OH_WebSocketClient_AddHeader(client, plain_header) == code);
    cr_expect(OH_WebSocketClient_Connect(client, "ws://127.0.0.1:1/", no_options) == code);
    cr_expect(OH_WebSocketClient_Connect(client, NULL, no_options) == code);
    cr_expect(OH_WebSocketClient_Send(client, text, strlen(text)) == code);
    cr_expect(OH_WebSocketClient_Send(client, text, 0) == code);
    cr_expect(OH_WebSocketClient_Send(client, NULL, 0) == code);
    cr_expect(OH_WebSocketClient_Send(client, NULL, SIZE_MAX) == code);
    cr_expect(OH_WebSocketClient_Close(client, normal_close) == code);
    cr_expect(OH_WebSocketClient_Destroy(client) == code);
}

Test(misuse, null_client)
{
    all_functions_expect(NULL, WEBSOCKET_CLIENT_NULL);
}

Test(misuse, foreign_pointers_are_not_followed)
{
    struct WebSocket on_stack;
    memset(&on_stack, 0xA5, sizeof(on_stack));
    struct WebSocket *on_heap = calloc(1, sizeof(*on_heap));
    /* Before there is any client, and beside one. */
    for (int i = 0; i < 2; i++) {
        all_functions_expect(&on_stack, WEBSOCKET_CLIENT_NOT_CREATED);
        all_functions_expect(on_heap, WEBSOCKET_CLIENT_NOT_CREATED);
        all_functions_expect((struct WebSocket *)(uintptr_t)8, WEBSOCKET_CLIENT_NOT_CREATED);
        all_functions_expect((struct WebSocket *)(uintptr_t)-1, WEBSOCKET_CLIENT_NOT_CREATED);
        if (i == 0)
            record_new();
    }
    free(on_heap);
}

Test(misuse, a_pointer_into_a_client_is_foreign)
{
    struct WebSocket *client = record_new()->client;
    all_functions_expect((struct WebSocket *)(void *)((char *)client + 8),
                         WEBSOCKET_CLIENT_NOT_CREATED);
    cr_expect(OH_WebSocketClient_Destroy(client) == WEBSOCKET_NO_CONNECTION_CONTEXT);
}

Test(misuse, destroyed_twice)
{
    struct WebSocket *client = record_new()->client;
    cr_expect(OH_WebSocketClient_Destroy(client) == WEBSOCKET_NO_CONNECTION_CONTEXT);
    all_functions_expect(client, WEBSOCKET_CLIENT_NOT_CREATED);
    recorder_wait_thread_gone();
    all_functions_expect(client, WEBSOCKET_CLIENT_NOT_CREATED);
}

Test(misuse, the_thread_comes_and_goes)
{
    for (int i = 0; i < 20; i++) {
        struct WebSocket *first = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
        struct WebSocket *second = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
        cr_assert(first && second && first != second);
        cr_expect(OH_WebSocketClient_Destroy(first) == WEBSOCKET_NO_CONNECTION_CONTEXT);
        cr_expect(OH_WebSocketClient_Destroy(second) == WEBSOCKET_NO_CONNECTION_CONTEXT);
        if (i % 2 == 0)
            recorder_wait_thread_gone();
    }
}

Test(misuse, there_is_no_limit_of_clients)
{
    static struct WebSocket *clients[300];
    for (size_t i = 0; i < 300; i++) {
        clients[i] = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
        cr_assert(clients[i], "client %zu", i);
    }
    for (size_t i = 0; i < 300; i++)
        cr_expect(OH_WebSocketClient_Destroy(clients[i]) == WEBSOCKET_NO_CONNECTION_CONTEXT);
    recorder_wait_thread_gone();
}

/* ---- headers --------------------------------------------------------------------------------- */

static int header_add(struct WebSocket *client, const char *name, const char *value)
{
    return OH_WebSocketClient_AddHeader(client, (struct WebSocket_Header){name, value, NULL});
}

Test(misuse, headers_are_copied_and_seen)
{
    struct WebSocket *client = record_new()->client;
    char name[] = "X-First", value[] = "1";
    cr_expect(!client->requestOptions.headers);
    cr_expect(header_add(client, name, value) == WEBSOCKET_OK);
    memset(name, '?', sizeof(name) - 1);
    memset(value, '?', sizeof(value) - 1);
    cr_expect(header_add(client, "X-Second", "") == WEBSOCKET_OK);
    const struct WebSocket_Header *first = client->requestOptions.headers;
    cr_assert(first && first->next && !first->next->next);
    cr_expect(strcmp(first->fieldName, "X-First") == 0 && strcmp(first->fieldValue, "1") == 0);
    cr_expect(strcmp(first->next->fieldName, "X-Second") == 0);
    OH_WebSocketClient_Destroy(client);
}

Test(misuse, headers_that_cannot_be_sent)
{
    static const struct {
        const char *name, *value;
        int code;
    } rows[] = {
        {NULL, "value", WEBSOCKET_NO_HEADER_CONTEXT},
        {"Name", NULL, WEBSOCKET_NO_HEADER_CONTEXT},
        {NULL, NULL, WEBSOCKET_NO_HEADER_CONTEXT},
        {"", "value", WEBSOCKET_PROTOCOL_ERROR},
        {"Two words", "value", WEBSOCKET_PROTOCOL_ERROR},
        {"Name:", "value", WEBSOCKET_PROTOCOL_ERROR},
        {"Name", "a\r\nInjected: b", WEBSOCKET_PROTOCOL_ERROR},
        {"Name", "a\nb", WEBSOCKET_PROTOCOL_ERROR},
        {"transfer-encoding", "chunked", WEBSOCKET_PROTOCOL_ERROR},
        {"Content-Length", "0", WEBSOCKET_PROTOCOL_ERROR},
        {"Trailer", "x", WEBSOCKET_PROTOCOL_ERROR},
        {"TE", "trailers", WEBSOCKET_PROTOCOL_ERROR},
        {"Expect", "100-continue", WEBSOCKET_PROTOCOL_ERROR},
        {"Keep-Alive", "timeout=5", WEBSOCKET_PROTOCOL_ERROR},
        {"Proxy-Connection", "close", WEBSOCKET_PROTOCOL_ERROR},
        {"HTTP2-Settings", "x", WEBSOCKET_PROTOCOL_ERROR},
        {"Host", "elsewhere", WEBSOCKET_PROTOCOL_ERROR},
        {"sec-websocket-key", "x", WEBSOCKET_PROTOCOL_ERROR},
        {"Connection", "close", WEBSOCKET_PROTOCOL_ERROR},
    };
    struct WebSocket *client = record_new()->client;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct WebSocket_Header header = {rows[i].name, rows[i].value, NULL};
        struct WebSocket_RequestOptions options = {&header};
        cr_expect(OH_WebSocketClient_AddHeader(client, header) == rows[i].code, "row %zu", i);
        cr_expect(OH_WebSocketClient_Connect(client, "ws://127.0.0.1:1/", options) == rows[i].code,
                  "row %zu", i);
    }
    cr_expect(!client->requestOptions.headers);
    cr_expect(OH_WebSocketClient_Destroy(client) == WEBSOCKET_NO_CONNECTION_CONTEXT);
}

Test(misuse, too_many_and_too_long_headers)
{
    static char long_value[20000];
    struct WebSocket *client = record_new()->client;
    memset(long_value, 'v', sizeof(long_value) - 1);
    cr_expect(header_add(client, "X-Long", long_value) == WEBSOCKET_HEADER_EXCEEDED);
    long_value[9000] = '\0';
    cr_expect(header_add(client, "X-Long", long_value) == WEBSOCKET_OK);
    cr_expect(header_add(client, "X-Long", long_value) == WEBSOCKET_HEADER_EXCEEDED);
    int count = 1;
    while (count < 1000 && header_add(client, "X", "") == WEBSOCKET_OK)
        count++;
    cr_expect(count == 128);
    cr_expect(header_add(client, "X", "") == WEBSOCKET_HEADER_EXCEEDED);

    struct WebSocket_Header more = {"X-More", "1", NULL};
    struct WebSocket_RequestOptions options = {&more};
    cr_expect(OH_WebSocketClient_Connect(client, "ws://127.0.0.1:1/", options) ==
              WEBSOCKET_HEADER_EXCEEDED);
    OH_WebSocketClient_Destroy(client);
}

Test(misuse, a_list_of_headers_that_runs_in_circles)
{
    struct WebSocket *client = record_new()->client;
    struct WebSocket_Header second = {"X-Second", "2", NULL};
    struct WebSocket_Header first = {"X-First", "1", &second};
    second.next = &first;
    struct WebSocket_RequestOptions options = {&first};
    cr_expect(OH_WebSocketClient_Connect(client, "ws://127.0.0.1:1/", options) ==
              WEBSOCKET_HEADER_EXCEEDED);
    OH_WebSocketClient_Destroy(client);
}

/* ---- URLs ------------------------------------------------------------------------------------ */

Test(misuse, urls)
{
    static char too_long[9000];
    static const char *const urls[] = {
        NULL,
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "ws://",
        "wss:///path",
        "ws://127.0.0.1:0/",
        "ws://127.0.0.1:65536/",
        "ws://127.0.0.1:port/",
        "ws://127.0.0.1/#fragment",
        "ws://user:password@127.0.0.1/",
        "ws://127.0.0.1/a b",
        "ws://127.0.0.1/\r\nX: y",
        too_long,
    };
    snprintf(too_long, sizeof(too_long), "ws://127.0.0.1/%08500d", 0);
    struct record *record = record_new();
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        cr_expect(record_connect(record, urls[i]) == WEBSOCKET_CONNECTION_PARSE_URL_ERROR,
                  "row %zu", i);
    /* The tests of HarmonyOS expect another answer for this one. */
    cr_expect(record_connect(record, "") == WEBSOCKET_CONNECTION_NO_MEMORY);
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_NO_CONNECTION_CONTEXT);
    recorder_wait_thread_gone();
    cr_expect(record->opens + record->errors + record->closes == 0);
}

/* ---- sending and closing without a connection ------------------------------------------------ */

Test(misuse, what_cannot_be_sent)
{
    struct WebSocket *client = record_new()->client;
    char *large = calloc(1, 4 * MIB + 1);
    cr_expect(OH_WebSocketClient_Send(client, NULL, 0) == WEBSOCKET_SEND_DATA_NULL);
    cr_expect(OH_WebSocketClient_Send(client, NULL, 5) == WEBSOCKET_SEND_DATA_NULL);
    cr_expect(OH_WebSocketClient_Send(client, NULL, SIZE_MAX) == WEBSOCKET_SEND_DATA_NULL);
    cr_expect(OH_WebSocketClient_Send(client, text, 0) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(client, large, 4 * MIB + 1) ==
              WEBSOCKET_DATA_LENGTH_EXCEEDED);
    cr_expect(OH_WebSocketClient_Send(client, text, SIZE_MAX) == WEBSOCKET_DATA_LENGTH_EXCEEDED);
    /* What is sent before connecting waits, but not without limit. */
    for (int i = 0; i < 4; i++)
        cr_expect(OH_WebSocketClient_Send(client, large, 4 * MIB) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(client, text, 1) == WEBSOCKET_QUEUE_LENGTH_EXCEEDED);
    cr_expect(OH_WebSocketClient_Destroy(client) == WEBSOCKET_NO_CONNECTION_CONTEXT);
    recorder_wait_thread_gone();
    free(large);
}

Test(misuse, data_need_not_end_with_a_nul)
{
    struct WebSocket *client = record_new()->client;
    char *exact = malloc(3); /* the sanitizer watches its end */
    memcpy(exact, "abc", 3);
    cr_expect(OH_WebSocketClient_Send(client, exact, 3) == WEBSOCKET_OK);
    free(exact);
    OH_WebSocketClient_Destroy(client);
}

Test(misuse, close_without_a_connection)
{
    struct record *record = record_new();
    cr_expect(record_close(record, 1000, "close") == WEBSOCKET_NO_CONNECTION);
    cr_expect(record_close(record, UINT32_MAX, "") == WEBSOCKET_NO_CONNECTION);
    cr_expect(record_close(record, 0, NULL) == WEBSOCKET_NO_CONNECTION);
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_NO_CONNECTION_CONTEXT);
}

/* What the tests of HarmonyOS for this interface do, in their order. */
Test(misuse, as_the_tests_of_harmonyos_do)
{
    char binary[10] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x00, 0x17, 0x19, 0x19};
    struct WebSocket *client = record_new()->client;
    cr_expect(OH_WebSocketClient_AddHeader(client, plain_header) == WEBSOCKET_OK);
    (void)OH_WebSocketClient_Connect(client, "127.0.0.1", client->requestOptions);
    cr_expect(OH_WebSocketClient_Send(client, NULL, 0) == WEBSOCKET_SEND_DATA_NULL);
    cr_expect(OH_WebSocketClient_Send(client, text, 0) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(client, text, strlen(text)) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(client, binary, sizeof(binary)) == WEBSOCKET_OK);
    int code = OH_WebSocketClient_Destroy(client);
    cr_expect(code == WEBSOCKET_OK || code == WEBSOCKET_NO_CONNECTION_CONTEXT);
}

Test(misuse, configurations)
{
    leat_config *config;
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_expect(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

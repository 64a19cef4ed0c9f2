/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of the NDK's upgrade requests. */
#include "ohos/common.h"

NDK_SUITE(headers);

Test(headers, headers_of_the_client_and_of_the_call)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/headers");
    struct record *record = record_new();
    struct WebSocket *client = record->client;
    struct WebSocket_Header own = {"X-Own", "1", NULL};
    struct WebSocket_Header again = {"X-Own", "2", NULL};
    cr_expect(OH_WebSocketClient_AddHeader(client, own) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_AddHeader(client, again) == WEBSOCKET_OK);
    /* The own ones behind the call's: each is sent once. */
    struct WebSocket_Header more = {"X-More", "3", client->requestOptions.headers};
    cr_expect(OH_WebSocketClient_Connect(client, url, (struct WebSocket_RequestOptions){&more}) ==
              WEBSOCKET_OK);
    record_wait(record, record_has_message);
    const char *first = strstr(record->message, "X-Own: 1\nX-Own: 2\nX-More: 3\n");
    cr_assert(first, "%s", record->message);
    cr_expect(!strstr(first + 1, "X-Own: 1"));
    record_destroy(record);
}

Test(headers, headers_without_options_and_with_the_clients_own)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/headers");
    for (int i = 0; i < 2; i++) {
        struct record *record = record_new();
        struct WebSocket *client = record->client;
        struct WebSocket_RequestOptions none = {NULL};
        OH_WebSocketClient_AddHeader(client, (struct WebSocket_Header){"X-Own", "1", NULL});
        cr_expect(OH_WebSocketClient_Connect(client, url, i == 0 ? none : client->requestOptions) ==
                  WEBSOCKET_OK);
        record_wait(record, record_has_message);
        const char *found = strstr(record->message, "X-Own: 1\n");
        cr_assert(found, "%s", record->message);
        cr_expect(!strstr(found + 1, "X-Own"));
        record_destroy(record);
    }
}

/* As HarmonyOS sends it, unless the program has its own. */
Test(headers, origin)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/headers");
    for (int i = 0; i < 2; i++) {
        const char *expected =
            i == 0 ? "Origin: http://127.0.0.1\n" : "origin: https://own.test:1\n";
        struct record *record = record_new();
        struct WebSocket_Header own = {"origin", "https://own.test:1", NULL};
        if (i == 1)
            cr_expect(OH_WebSocketClient_AddHeader(record->client, own) == WEBSOCKET_OK);
        cr_expect(record_connect(record, url) == WEBSOCKET_OK);
        record_wait(record, record_has_message);
        const char *found = strcasestr(record->message, "origin:");
        cr_assert(found && strncmp(found, expected, strlen(expected)) == 0, "%s", record->message);
        cr_expect(!strcasestr(found + 1, "origin:"));
        record_destroy(record);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the NDK that also knows leat: prints the version of the library that it runs with.
 */
#include <leat/ohos.h>
#include <network/netstack/net_websocket.h>

#include <stdio.h>

int main(void)
{
    struct WebSocket *client = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
    struct WebSocket_RequestOptions none = {NULL};

    if (!client || leat_ohos_set_config(NULL) != LEAT_OK ||
        OH_WebSocketClient_Connect(client, "wss://", none) !=
            WEBSOCKET_CONNECTION_PARSE_URL_ERROR ||
        OH_WebSocketClient_Destroy(client) != WEBSOCKET_NO_CONNECTION_CONTEXT)
        return 1;
    puts(leat_version());
    return 0;
}

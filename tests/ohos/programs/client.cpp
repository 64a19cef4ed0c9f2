// SPDX-License-Identifier: Apache-2.0
// A C++ program as one writes it for HarmonyOS: a global client, and functions around it. It says
// what it sees, and leaves the goodbye to the library while main() returns.
#include "network/netstack/net_ssl/net_ssl_c.h"
#include "network/netstack/net_websocket.h"
#include "network/netstack/net_websocket_type.h"

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>

namespace
{

struct WebSocket *g_client = nullptr;
std::mutex g_lock;
std::condition_variable g_changed;
std::string g_received;
bool g_over = false;

void OnOpen(struct WebSocket *client, WebSocket_OpenResult openResult)
{
    (void)client;
    std::printf("open %u %s\n", openResult.code, openResult.reason);
}

void OnMessage(struct WebSocket *client, char *data, uint32_t length)
{
    (void)client;
    std::lock_guard<std::mutex> guard(g_lock);
    g_received.assign(data, length);
    g_over = true;
    g_changed.notify_all();
}

void OnError(struct WebSocket *client, WebSocket_ErrorResult error)
{
    (void)client;
    std::printf("error %u %s\n", error.errorCode, error.errorMessage);
    std::lock_guard<std::mutex> guard(g_lock);
    g_over = true;
    g_changed.notify_all();
}

void OnClose(struct WebSocket *client, WebSocket_CloseResult closeResult)
{
    (void)client;
    std::printf("close %u %s\n", closeResult.code, closeResult.reason);
}

bool Connect(const std::string &url)
{
    if (g_client != nullptr) {
        return false;
    }
    g_client = OH_WebSocketClient_Constructor(OnOpen, OnMessage, OnError, OnClose);
    return g_client != nullptr && OH_WebSocketClient_Connect(g_client, url.c_str(), {}) == 0;
}

int Send(const char *text)
{
    if (g_client == nullptr) {
        return WebSocket_ErrCode::WEBSOCKET_CLIENT_NULL;
    }
    return OH_WebSocketClient_Send(g_client, const_cast<char *>(text), std::strlen(text));
}

int Close()
{
    WebSocket_CloseOption option{};
    option.code = 0;
    option.reason = "Actively Close";
    int ret = OH_WebSocketClient_Close(g_client, option);
    OH_WebSocketClient_Destroy(g_client);
    g_client = nullptr;
    return ret;
}

} // namespace

int main(int argc, char **argv)
{
    struct WebSocket *foreign = new WebSocket();
    bool strange = OH_WebSocketClient_Destroy(foreign) == WEBSOCKET_CLIENT_NOT_CREATED;
    delete foreign;
    if (argc != 2 || !strange || Send("nobody") != WEBSOCKET_CLIENT_NULL) {
        return 2;
    }
    if (!Connect(argv[1]) || Send("hello from C++") != WEBSOCKET_OK) {
        return 3;
    }
    std::unique_lock<std::mutex> guard(g_lock);
    g_changed.wait(guard, [] { return g_over; });
    guard.unlock();
    std::printf("received %s\n", g_received.c_str());
    return Close() == WEBSOCKET_OK && g_received == "hello from C++" ? 0 : 1;
}

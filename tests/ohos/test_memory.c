/* SPDX-License-Identifier: Apache-2.0 */
/* Without memory: the n-th allocation fails, for all n. With the static libraries, which show their
 * allocator. */
#include "ohos/common.h"
#include "util/alloc.h"

#include <stdatomic.h>

NDK_SUITE(memory);

#define MORE_THAN_ALL 2000

static atomic_long countdown;

/* Called by both threads. */
static bool nth_fails(void)
{
    return atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1;
}

static bool has_an_end(const struct record *record)
{
    return record->errors + record->closes + record->messages > 0;
}

/* One life of a client. @return whether it has got its echo back. */
static bool attempt(const char *url)
{
    char text[] = "hello";
    struct WebSocket_Header header = {"X-Header", "1", NULL};
    struct WebSocket *client = OH_WebSocketClient_Constructor(recorder_on_open, recorder_on_message,
                                                              recorder_on_error, recorder_on_close);
    if (!client)
        return false;
    struct record *record = record_adopt(client);
    int code = OH_WebSocketClient_AddHeader(client, header);
    cr_expect(code == WEBSOCKET_OK || code == WEBSOCKET_CONNECTION_NO_MEMORY, "%d", code);
    code = OH_WebSocketClient_Connect(client, url, client->requestOptions);
    cr_expect(code == WEBSOCKET_OK || code == WEBSOCKET_CONNECTION_NO_MEMORY, "%d", code);
    bool connects = code == WEBSOCKET_OK;
    code = OH_WebSocketClient_Send(client, text, 5);
    cr_expect(code == WEBSOCKET_OK || code == WEBSOCKET_SEND_NO_MEMORY ||
                  (connects && code == WEBSOCKET_NO_CONNECTION),
              "%d", code);
    bool done = false;
    if (connects && code == WEBSOCKET_OK) {
        record_wait(record, has_an_end);
        recorder_lock();
        done = record->messages == 1;
        recorder_unlock();
    }
    code = OH_WebSocketClient_Destroy(client);
    cr_expect(code == (connects ? WEBSOCKET_OK : WEBSOCKET_NO_CONNECTION_CONTEXT), "%d", code);
    recorder_wait_thread_gone();
    return done;
}

Test(memory, every_allocation_fails_once)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    unsigned failed = 0;
    leati_alloc_fail_hook = nth_fails;
    long n = 1;
    for (; n < MORE_THAN_ALL; n++) {
        atomic_store(&countdown, n);
        bool done = attempt(url);
        bool reached = atomic_exchange(&countdown, 0) <= 0;
        failed += !done;
        recorder_reset();
        if (!reached) {
            cr_expect(done, "failed without a failing allocation");
            break;
        }
    }
    cr_expect(n < MORE_THAN_ALL);
    cr_expect(failed > 10, "%u of %ld attempts failed", failed, n);
}

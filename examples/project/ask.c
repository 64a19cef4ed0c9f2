/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 5000 };

int ask(const char *url, const char *proxy, const char *question, char *answer, size_t size,
        struct leat_error *ret_error)
{
    leat_config *config = NULL;
    leat_blocking_websocket *ws = NULL;
    struct leat_message reply;

    int code = leat_config_new(&config);
    if (code == LEAT_OK) {
        code = leat_config_set_proxy(config, proxy);
        if (code != LEAT_OK)
            leat_config_get_error(config, ret_error);
    }
    if (code == LEAT_OK)
        code = leat_blocking_websocket_connect(url, config, &ws, ret_error);
    if (code == LEAT_OK) {
        code = leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, question, strlen(question),
                                            TIMEOUT_MS, ret_error);
        if (code == LEAT_OK)
            code = leat_blocking_websocket_recv(ws, &reply, TIMEOUT_MS, ret_error);
        if (code == LEAT_OK) {
            snprintf(answer, size, "%.*s", (int)reply.len, (const char *)reply.data);
            /* The answer is there; how the server says goodbye changes nothing. */
            (void)!leat_blocking_websocket_close(ws, 1000, NULL, NULL);
        }
    }
    leat_blocking_websocket_free(ws);
    leat_config_free(config);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* say URL TEXT...: sends each TEXT as a message and prints what the server answers. */
#include <leat/leat.h>

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 5000 };

int main(int argc, char **argv)
{
    leat_blocking_websocket *ws = NULL;
    struct leat_error error = {0};
    struct leat_message reply;

    if (argc < 3) {
        fprintf(stderr, "usage: say URL TEXT...\n");
        return 2;
    }
    int code = leat_blocking_websocket_connect(argv[1], NULL, &ws, &error);
    for (int i = 2; i < argc && code == LEAT_OK; i++) {
        code = leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, argv[i], strlen(argv[i]),
                                            TIMEOUT_MS, &error);
        if (code == LEAT_OK)
            code = leat_blocking_websocket_recv(ws, &reply, TIMEOUT_MS, &error);
        if (code == LEAT_OK)
            printf("%.*s\n", (int)reply.len, (const char *)reply.data);
    }
    if (code == LEAT_OK)
        code = leat_blocking_websocket_close(ws, 1000, NULL, &error);
    if (code != LEAT_OK)
        fprintf(stderr, "say: %d %s %s\n", code, leat_strerror(code), error.text);
    leat_blocking_websocket_free(ws);
    return code != LEAT_OK;
}

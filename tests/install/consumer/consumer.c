/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's program: prints the version of the library that it runs with. */
#include <leat/leat.h>

#include <stdio.h>

int main(void)
{
    /* A URL without a host goes nowhere, but needs every layer at link time. */
    leat_blocking_websocket *ws = NULL;
    struct leat_error error;
    int code = leat_blocking_websocket_connect("wss://", NULL, &ws, &error);
    if (code != LEAT_E_WS_URL) {
        fprintf(stderr, "code %d instead of %d\n", code, LEAT_E_WS_URL);
        return 1;
    }
    puts(leat_version());
    return 0;
}

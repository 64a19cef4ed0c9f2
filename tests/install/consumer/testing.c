/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's test, with a proxy of libleat-testing. */
#include <leat/testing.h>

#include <stdio.h>

int main(void)
{
    leat_testing_server *proxy = NULL;
    if (leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5), &proxy, NULL) !=
        LEAT_OK)
        return 1;
    puts(leat_testing_server_get_port(proxy) > 0 ? "listening" : "no port");
    leat_testing_server_free(proxy);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/socks5_peer.h"

#include <criterion/criterion.h>
#include <string.h>

void socks5_peer_react(void *peer, struct scripted_layer *wire)
{
    struct socks5_peer *proxy = peer;

    while (proxy->seen < wire->sent.len) {
        const struct socks5_peer_step *step = &proxy->steps[proxy->step];
        const uint8_t *data = wire->sent.data + proxy->seen;
        size_t len = wire->sent.len - proxy->seen;
        if (!step->expected) {
            scripted_layer_reply(wire, data, len);
            proxy->seen += len;
            return;
        }
        if (len < step->expected_len) {
            cr_assert_eq(memcmp(data, step->expected, len), 0, "unexpected message");
            return;
        }
        cr_assert_eq(len, step->expected_len, "the client does not wait for the answer");
        cr_assert_eq(memcmp(data, step->expected, step->expected_len), 0, "unexpected message");
        proxy->seen += step->expected_len;
        proxy->step++;
        scripted_layer_reply(wire, step->answer, step->answer_len);
    }
}

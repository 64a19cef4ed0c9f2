/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket frames, RFC 6455 section 5.2. */
#include "testing/peer.h"

#include <string.h>

enum { CLOSE_PROTOCOL_ERROR = 1002, CLOSE_TOO_BIG = 1009 };

bool leati_testing_close_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static bool frame_refuse(struct leati_peer *p, struct leati_frame *frame, unsigned close_code,
                         const char *rule)
{
    frame->close_code = close_code;
    frame->rule = rule;
    return leati_peer_problem(p, "%s", rule);
}

/* What the header says, once it is there. false = a rule is broken, or the connection is over. */
static bool header_read(struct leati_peer *p, struct leati_frame *frame, size_t *ret_head_len,
                        size_t *ret_len)
{
    if (!leati_peer_need(p, 2))
        return false;
    size_t len_size = (p->in[1] & 0x7f) == 127 ? 8 : (p->in[1] & 0x7f) == 126 ? 2 : 0;
    if ((p->in[1] & 0x80) == 0)
        return frame_refuse(p, frame, CLOSE_PROTOCOL_ERROR, "a frame that is not masked");
    *ret_head_len = 2 + len_size + 4;
    if (!leati_peer_need(p, *ret_head_len))
        return false;
    uint64_t len = len_size == 0 ? p->in[1] & 0x7f : 0;
    for (size_t i = 0; i < len_size; ++i)
        len = len << 8 | p->in[2 + i];
    *ret_len = (size_t)len;
    if ((len_size == 2 && len < 126) || (len_size == 8 && (len <= UINT16_MAX || len >> 63)))
        return frame_refuse(p, frame, CLOSE_PROTOCOL_ERROR,
                            "a length that is not in its shortest form");
    return len <= LEAT_TESTING_INPUT_BYTES_MAX ||
           frame_refuse(p, frame, CLOSE_TOO_BIG, "a frame that is too long");
}

static void unmask(uint8_t *payload, size_t len, const uint8_t mask[4])
{
    uint64_t words = 0;
    for (size_t i = 0; i < 8; ++i)
        memcpy((uint8_t *)&words + i, mask + i % 4, 1);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, payload + i, 8);
        word ^= words;
        memcpy(payload + i, &word, 8);
    }
    for (; i < len; ++i)
        payload[i] ^= mask[i % 4];
}

bool leati_peer_read_frame(struct leati_peer *p, struct leati_frame *ret_frame)
{
    size_t head_len = 0;
    size_t len = 0;
    *ret_frame = (struct leati_frame){.len = 0};
    if (!header_read(p, ret_frame, &head_len, &len) || !leati_peer_need(p, head_len + len))
        return false;
    uint8_t mask[4];
    memcpy(mask, p->in + head_len - 4, sizeof(mask));
    *ret_frame = (struct leati_frame){.first_byte = p->in[0],
                                      .payload = p->in + head_len,
                                      .len = len,
                                      .wire_len = head_len + len};
    unmask(ret_frame->payload, len, mask);
    struct leat_testing_seen *seen = &p->server->seen;
    pthread_mutex_lock(&p->server->lock);
    seen->frame_first_byte = ret_frame->first_byte;
    seen->frame_len = len;
    memcpy(seen->frame_payload, ret_frame->payload,
           len < sizeof(seen->frame_payload) ? len : sizeof(seen->frame_payload));
    pthread_mutex_unlock(&p->server->lock);
    return true;
}

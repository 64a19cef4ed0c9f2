/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <string.h>

enum {
    OP_CLOSE = 0x8,
    OP_PING = 0x9,
    OP_PONG = 0xa,
};

size_t frame_header_write(uint8_t *out, uint8_t first_byte, uint64_t payload_len)
{
    size_t extended = payload_len > UINT16_MAX ? 8 : payload_len > 125 ? 2 : 0;

    out[0] = first_byte;
    out[1] = extended == 8 ? 127 : extended == 2 ? 126 : (uint8_t)payload_len;
    for (size_t i = 0; i < extended; i++)
        out[2 + i] = (uint8_t)(payload_len >> (8 * (extended - 1 - i)));
    return 2 + extended;
}

/* The whole length of a client's header, as far as its first two bytes tell. */
static size_t header_size(const uint8_t *header, size_t len)
{
    if (len < 2)
        return 2;
    unsigned low = header[1] & 0x7f;
    return 2u + (low == 127 ? 8u : low == 126 ? 2u : 0u) + 4u;
}

/* Returns the length of the header of the answer. */
static size_t frame_begin(struct frame_reader *reader, const uint8_t *header, size_t size,
                          bool discard, uint8_t *out)
{
    uint8_t first = header[0];
    size_t extended = size - 6;

    reader->broken = (header[1] & 0x80) == 0;
    reader->fin = (first & 0x80) != 0;
    reader->opcode = first & 0x0f;
    reader->left = extended == 0 ? header[1] & 0x7fu : 0;
    for (size_t i = 0; i < extended; i++)
        reader->left = reader->left << 8 | header[2 + i];
    memcpy(reader->key, header + size - 4, 4);
    memcpy(reader->key + 4, header + size - 4, 4);
    reader->key_pos = 0;
    if (discard && reader->opcode < OP_CLOSE)
        return 0;
    if (reader->opcode == OP_PING)
        first = (uint8_t)((first & 0xf0) | OP_PONG);
    return frame_header_write(out, first, reader->left);
}

static void frame_end(struct frame_reader *reader)
{
    if (reader->opcode < OP_CLOSE && reader->fin)
        reader->messages++;
    else if (reader->opcode == OP_CLOSE)
        reader->closing = true;
}

static void unmask(const struct frame_reader *reader, const uint8_t *in, size_t len, uint8_t *out)
{
    uint64_t key;
    size_t i = 0;
    uint8_t turned[8];

    for (size_t k = 0; k < sizeof(turned); k++)
        turned[k] = reader->key[(reader->key_pos + k) & 3];
    memcpy(&key, turned, sizeof(key));
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, in + i, sizeof(word));
        word ^= key;
        memcpy(out + i, &word, sizeof(word));
    }
    for (; i < len; i++)
        out[i] = in[i] ^ turned[i & 7];
}

static size_t payload_answer(struct frame_reader *reader, const uint8_t *in, size_t len,
                             bool discard, uint8_t *out)
{
    bool silent = discard && reader->opcode < OP_CLOSE;

    if (!silent)
        unmask(reader, in, len, out);
    reader->key_pos = (reader->key_pos + len) & 3;
    reader->left -= len;
    return silent ? 0 : len;
}

/* Collects a header that comes in parts; true when it is whole. */
static bool header_collect(struct frame_reader *reader, const uint8_t **in, size_t *len)
{
    size_t size = header_size(reader->header, reader->header_len);

    while (*len > 0 && reader->header_len < size) {
        reader->header[reader->header_len++] = *(*in)++;
        --*len;
        size = header_size(reader->header, reader->header_len);
    }
    return reader->header_len == size;
}

size_t frames_answer(struct frame_reader *reader, const uint8_t *in, size_t len, bool discard,
                     uint8_t *out)
{
    uint8_t *start = out;

    while (len > 0 && !reader->broken && !reader->closing) {
        if (reader->left > 0) {
            size_t size = len < reader->left ? len : (size_t)reader->left;
            out += payload_answer(reader, in, size, discard, out);
            in += size;
            len -= size;
        } else {
            /* In place when all of it is there. */
            size_t size = reader->header_len == 0 ? header_size(in, len) : SIZE_MAX;
            if (size <= len && len >= 2) {
                out += frame_begin(reader, in, size, discard, out);
                in += size;
                len -= size;
            } else if (header_collect(reader, &in, &len)) {
                out += frame_begin(reader, reader->header, reader->header_len, discard, out);
                reader->header_len = 0;
            } else {
                break;
            }
        }
        if (reader->left == 0)
            frame_end(reader);
    }
    return (size_t)(out - start);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a SOCKS5 proxy says (RFC 1928, 1929), and with GSS-API (RFC 1961). A reply and the header of a
 * datagram lie alike: four bytes, the last of which is the kind of the address, address, port. */
#include "fuzz/mutator.h"

enum { IPV4 = 1, NAME = 3, IPV6 = 4 };

/* The length of a reply or a header; 0 = no such thing. */
static size_t reply_measure(const uint8_t *data, size_t len)
{
    size_t address = 0;
    if (len < 5 || (data[3] != IPV4 && data[3] != NAME && data[3] != IPV6))
        return 0;
    address = data[3] == IPV4 ? 4 : data[3] == IPV6 ? 16 : 1 + (size_t)data[4];
    return 4 + address + 2 <= len ? 4 + address + 2 : 0;
}

static void address_change(struct mutator_piece *piece, uint32_t *seed)
{
    static const uint8_t kinds[] = {IPV4, NAME, IPV6};
    static const uint8_t lengths[] = {0, 1, 9, 253, 254, 255};
    uint8_t kind = kinds[mutator_choose(seed, sizeof(kinds))];
    uint8_t address[1 + 255];
    size_t len = kind == IPV4 ? 4 : 16;
    if (kind == NAME) {
        address[0] = lengths[mutator_choose(seed, sizeof(lengths))];
        len = 1 + (size_t)address[0];
        memset(address + 1, 'a', len - 1);
    } else {
        for (size_t i = 0; i < len; i++)
            address[i] = (uint8_t)mutator_choose(seed, 256);
    }
    size_t old_len = piece->len - 4 - 2;
    if (len > old_len && len - old_len > piece->cap - piece->len)
        return;
    mutator_replace(piece, 4, old_len, address, len);
    piece->bytes[3] = kind;
}

static void name_change(struct mutator_piece *piece, uint32_t *seed)
{
    size_t cap = piece->cap - piece->len + piece->bytes[4];
    uint8_t name[255];
    struct mutator_piece part = {name, piece->bytes[4], cap < sizeof(name) ? cap : sizeof(name)};
    memcpy(name, piece->bytes + 5, part.len);
    mutator_change_bytes(&part, 0, part.len, seed);
    mutator_replace(piece, 5, piece->bytes[4], name, part.len);
    piece->bytes[4] = (uint8_t)part.len;
}

static void reply_change(struct mutator_piece *piece, uint32_t *seed)
{
    switch (mutator_choose(seed, 6)) {
    case 0: /* the reply of the relay: all that RFC 1928 has, and one more */
        piece->bytes[1] = (uint8_t)mutator_choose(seed, 10);
        break;
    case 1:
        piece->bytes[mutator_choose(seed, 4)] = (uint8_t)mutator_choose(seed, 256);
        break;
    case 2:
    case 3:
        address_change(piece, seed);
        break;
    default:
        if (piece->bytes[3] == NAME)
            name_change(piece, seed);
        else
            piece->bytes[4 + mutator_choose(seed, (uint32_t)piece->len - 4)] =
                (uint8_t)mutator_choose(seed, 256);
        break;
    }
}

/* ---- without GSS-API ------------------------------------------------------------------------ */

static size_t answer_measure(const uint8_t *data, size_t len, size_t index)
{
    size_t reply = reply_measure(data, len);
    bool is_choice = index == 0 && data[0] == 5;
    bool is_login = index == 1 && data[0] == 1;
    if (is_choice || is_login)
        return len < 2 ? len : 2;
    return reply > 0 ? reply : len;
}

static void answer_change(struct mutator_piece *piece, const uint8_t *head, uint32_t *seed)
{
    static const uint8_t methods[] = {0, 1, 2, 3, 0xff};
    (void)head;
    if (reply_measure(piece->bytes, piece->len) == piece->len)
        reply_change(piece, seed);
    else if (piece->len == 2 && mutator_choose(seed, 2) == 0)
        piece->bytes[1] = methods[mutator_choose(seed, sizeof(methods))];
    else
        mutator_change_bytes(piece, 0, piece->len, seed);
}

static const struct mutator_known known_answers[] = {
    MUTATOR_KNOWN("\x05\x00"),
    MUTATOR_KNOWN("\x05\x02"),
    MUTATOR_KNOWN("\x01\x00"),
    MUTATOR_KNOWN("\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"),
    MUTATOR_KNOWN("\x05\x00\x00\x03\x01"
                  "a\x1f\x90"),
    MUTATOR_KNOWN("\x05\x05\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
                  "\x1f\x90"),
    MUTATOR_KNOWN("\x00\x00\x00\x01\x7f\x00\x00\x01\x00\x35"),
};

const struct mutator_format mutator_socks5 = {
    .head_bytes = 1,
    .measure = answer_measure,
    .change = answer_change,
    .known = known_answers,
    .known_count = sizeof(known_answers) / sizeof(known_answers[0]),
};

/* ---- with it -------------------------------------------------------------------------------- */

#define MESSAGE_HEAD_BYTES 4u

static size_t message_measure(const uint8_t *data, size_t len, size_t index)
{
    size_t reply = data[0] == 5 || data[0] == 0 ? reply_measure(data, len) : 0;
    (void)index;
    if (reply > 0)
        return reply;
    if (len < MESSAGE_HEAD_BYTES || data[0] != 1)
        return len;
    size_t token = (size_t)data[2] << 8 | data[3];
    return token <= len - MESSAGE_HEAD_BYTES ? MESSAGE_HEAD_BYTES + token : len;
}

static void message_change(struct mutator_piece *piece, const uint8_t *head, uint32_t *seed)
{
    static const uint8_t types[] = {1, 2, 3, 0xff, 0};
    (void)head;
    if (piece->len < MESSAGE_HEAD_BYTES || piece->bytes[0] != 1) {
        if (reply_measure(piece->bytes, piece->len) == piece->len)
            reply_change(piece, seed);
        else
            mutator_change_bytes(piece, 0, piece->len, seed);
        return;
    }
    if (mutator_choose(seed, 4) == 0)
        piece->bytes[1] = types[mutator_choose(seed, sizeof(types))];
    else
        mutator_change_bytes(piece, MESSAGE_HEAD_BYTES, piece->len - MESSAGE_HEAD_BYTES, seed);
    size_t token = piece->len - MESSAGE_HEAD_BYTES;
    if (mutator_choose(seed, 16) == 0)
        token += mutator_choose(seed, 3) - 1;
    piece->bytes[2] = (uint8_t)(token >> 8);
    piece->bytes[3] = (uint8_t)token;
}

static const struct mutator_known known_messages[] = {
    MUTATOR_KNOWN("\x01\x01\x00\x01t"),
    MUTATOR_KNOWN("\x01\x02\x00\x01\x01"),
    MUTATOR_KNOWN("\x01\x02\x00\x01\x02"),
    MUTATOR_KNOWN("\x01\x03\x00\x05hello"),
    MUTATOR_KNOWN("\x01\x03\x00\x00"),
    MUTATOR_KNOWN("\x01\xff"),
    MUTATOR_KNOWN("\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"),
    MUTATOR_KNOWN("\x01\x03\x00\x0a\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"),
};

const struct mutator_format mutator_gss = {
    .head_bytes = 1,
    .measure = message_measure,
    .change = message_change,
    .known = known_messages,
    .known_count = sizeof(known_messages) / sizeof(known_messages[0]),
};

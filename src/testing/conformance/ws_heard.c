/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/ws_heard.h"
#include "testing/peer.h"

#include "util/alloc.h"
#include "util/readable.h"
#include "util/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#ifdef LEAT_ZLIB
#include <zlib.h>
#endif

/* More than what is judged may send in a message: the longest one of the cases is 8 MiB. */
#define MESSAGE_MAX_BYTES (16 * LEATI_WS_LIMIT_BYTES)

static bool __attribute__((format(printf, 2, 3)))
heard_wrong(struct leati_ws_heard *heard, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (heard->problem[0] == '\0')
        leati_readable_vformat(heard->problem, sizeof(heard->problem), format, args);
    va_end(args);
    return false;
}

bool leati_ws_heard_is_over(const struct leati_ws_heard *heard)
{
    return heard->is_closed || heard->problem[0] != '\0';
}

/* ---- inflating ------------------------------------------------------------------------------ */

#ifdef LEAT_ZLIB

struct leati_ws_inflater {
    z_stream stream;
};

static bool inflater_make(struct leati_ws_heard *heard)
{
    heard->inflater = leati_calloc(1, sizeof(*heard->inflater));
    if (!heard->inflater)
        return false;
    if (inflateInit2(&heard->inflater->stream, -heard->terms->window_bits) == Z_OK)
        return true;
    leati_free(heard->inflater);
    heard->inflater = NULL;
    return false;
}

static void inflater_free(struct leati_ws_inflater *inflater)
{
    if (inflater)
        (void)inflateEnd(&inflater->stream);
    leati_free(inflater);
}

/* RFC 7692 section 7.2.2. */
static bool message_inflate(struct leati_ws_heard *heard, struct leati_bytes *ret_data)
{
    z_stream *stream = &heard->inflater->stream;
    uint8_t buf[4096];
    leati_bytes_add(&heard->message, "\0\0\xff\xff", 4);
    stream->next_in = heard->message.data;
    stream->avail_in = (unsigned)heard->message.len;
    do {
        stream->next_out = buf;
        stream->avail_out = sizeof(buf);
        int result = inflate(stream, Z_SYNC_FLUSH);
        if (result == Z_STREAM_END && inflateReset(stream) == Z_OK)
            result = Z_OK;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return heard_wrong(heard, "its message cannot be inflated with a window of %u bits: %s",
                               heard->terms->window_bits, stream->msg ? stream->msg : "?");
        leati_bytes_add(ret_data, buf, sizeof(buf) - stream->avail_out);
        if (ret_data->len > MESSAGE_MAX_BYTES || ret_data->failed)
            return heard_wrong(heard, "its message inflates to more than 16 MiB");
    } while (stream->avail_out == 0 || stream->avail_in > 0);
    if (heard->terms->no_context_takeover)
        inflateReset(stream);
    return true;
}

#else

static bool inflater_make(struct leati_ws_heard *heard)
{
    (void)heard;
    return false;
}

static void inflater_free(struct leati_ws_inflater *inflater)
{
    (void)inflater;
}

static bool message_inflate(struct leati_ws_heard *heard, struct leati_bytes *ret_data)
{
    (void)ret_data;
    return heard_wrong(heard, "there is no zlib");
}

#endif

bool leati_ws_heard_init(struct leati_ws_heard *heard, const struct leati_ws_terms *terms,
                         bool is_masked)
{
    *heard = (struct leati_ws_heard){.is_masked = is_masked, .terms = terms};
    return !terms || inflater_make(heard);
}

void leati_ws_heard_done(struct leati_ws_heard *heard)
{
    inflater_free(heard->inflater);
    leati_bytes_done(&heard->message);
    leati_bytes_done(&heard->messages);
    leati_bytes_done(&heard->pongs);
}

/* ---- frames --------------------------------------------------------------------------------- */

static bool message_ends(struct leati_ws_heard *heard)
{
    struct leati_bytes inflated = {0};
    bool done = !heard->is_packed || message_inflate(heard, &inflated);
    const struct leati_bytes *whole = heard->is_packed ? &inflated : &heard->message;
    if (done && heard->opcode == LEATI_WS_TEXT && !leati_utf8_valid(whole->data, whole->len))
        done = heard_wrong(heard, "its text message is not UTF-8");
    if (done) {
        leati_ws_record_message(&heard->messages, heard->opcode, whole->data, whole->len);
        ++heard->message_count;
    }
    leati_bytes_done(&inflated);
    heard->message.len = 0;
    heard->opcode = 0;
    return done;
}

static bool close_heard(struct leati_ws_heard *heard, const uint8_t *payload, size_t len)
{
    heard->is_closed = true;
    heard->close_code = 0;
    if (len == 0)
        return true;
    if (len == 1)
        return heard_wrong(heard, "its Close has a body of one byte");
    unsigned code = (unsigned)payload[0] << 8 | payload[1];
    if (!leati_testing_close_code_is_valid(code))
        return heard_wrong(heard, "its Close has the code %u, which must not be sent", code);
    if (!leati_utf8_valid(payload + 2, len - 2))
        return heard_wrong(heard, "the reason of its Close is not UTF-8");
    heard->close_code = (uint16_t)code;
    leati_readable_format(heard->reason, sizeof(heard->reason), "%.*s", (int)(len - 2),
                          (const char *)payload + 2);
    return true;
}

static bool frame_heard(struct leati_ws_heard *heard, uint8_t first, const uint8_t *payload,
                        size_t len)
{
    unsigned opcode = first & 0xf, rsv = first >> 4 & 7;
    bool fin = first & 0x80, begins = opcode == LEATI_WS_TEXT || opcode == LEATI_WS_BINARY;
    if (rsv != 0 && !(rsv == 4 && heard->terms && begins))
        return heard_wrong(heard, "it set reserved bits (%u) on a %s frame", rsv,
                           leati_ws_opcode_name(opcode));
    if (opcode >= LEATI_WS_CLOSE && (!fin || len > 125))
        return heard_wrong(heard, "it sent a %s frame of %zu bytes%s", leati_ws_opcode_name(opcode),
                           len, fin ? "" : ", fragmented");
    switch (opcode) {
    case LEATI_WS_PING:
        return true; /* it may; we are on our way out soon */
    case LEATI_WS_PONG:
        leati_ws_record_pong(&heard->pongs, payload, len);
        return true;
    case LEATI_WS_CLOSE:
        return close_heard(heard, payload, len);
    case LEATI_WS_TEXT:
    case LEATI_WS_BINARY:
    case LEATI_WS_CONTINUATION:
        break;
    default:
        return heard_wrong(heard, "it sent a frame with the reserved opcode %u", opcode);
    }
    if (begins != (heard->opcode == 0))
        return heard_wrong(heard, "it sent a %s frame where none may be",
                           leati_ws_opcode_name(opcode));
    if (begins) {
        heard->opcode = opcode;
        heard->is_packed = rsv != 0;
    }
    leati_bytes_add(&heard->message, payload, len);
    if (heard->message.failed || heard->message.len > MESSAGE_MAX_BYTES)
        return heard_wrong(heard, "its message is longer than 16 MiB");
    return !fin || message_ends(heard);
}

/* Where the payload of the frame at the beginning starts, and its length. 0 = it is not whole. */
static size_t frame_measure(struct leati_ws_heard *heard, const struct leati_bytes *in,
                            size_t *ret_len)
{
    if (in->len < 2)
        return 0;
    unsigned short_form = in->data[1] & 0x7f;
    size_t size = short_form == 126 ? 2 : short_form == 127 ? 8 : 0;
    bool is_masked = in->data[1] & 0x80;
    size_t start = 2 + size + (is_masked ? 4 : 0);
    uint64_t len = size ? 0 : short_form;
    if (is_masked != heard->is_masked) {
        (void)heard_wrong(heard, is_masked ? "it masks its frames, being a server"
                                           : "it does not mask its frames, being a client");
        return 0;
    }
    if (in->len < start)
        return 0;
    for (size_t i = 0; i < size; ++i)
        len = len << 8 | in->data[2 + i];
    if ((size == 2 && len < 126) || (size == 8 && len < 65536)) {
        (void)heard_wrong(heard, "it sent the length %llu in %zu bits, not in its shortest form",
                          (unsigned long long)len, 8 * size);
        return 0;
    }
    if (len > MESSAGE_MAX_BYTES) {
        (void)heard_wrong(heard, "it sent a frame of %llu bytes", (unsigned long long)len);
        return 0;
    }
    *ret_len = (size_t)len;
    return in->len >= start + len ? start : 0;
}

void leati_ws_heard_take(struct leati_ws_heard *heard, struct leati_bytes *in)
{
    size_t len = 0, used = 0;
    while (!leati_ws_heard_is_over(heard)) {
        struct leati_bytes rest = {.data = in->data ? in->data + used : NULL,
                                   .len = in->len - used};
        size_t start = frame_measure(heard, &rest, &len);
        if (start == 0)
            break;
        uint8_t *payload = rest.data + start;
        for (size_t i = 0; heard->is_masked && i < len; ++i)
            payload[i] ^= payload[(ptrdiff_t)(i % 4) - 4];
        (void)frame_heard(heard, rest.data[0], payload, len);
        used += start + len;
    }
    leati_bytes_consume(in, used);
}

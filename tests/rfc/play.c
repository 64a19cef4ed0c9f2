/* SPDX-License-Identifier: Apache-2.0 */
#include "rfc/play.h"
#include "support/raw_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

const size_t rfc_chunks[RFC_CHUNKS] = {0, 1, 5, 1460};

/* More than an end under test may send in a frame. */
#define FRAME_MAX_BYTES (2 * RFC_LIMIT_BYTES)

bool rfc_chunk_fits(const struct rfc_case *now, size_t chunk)
{
    return chunk == 0 || (chunk > 100) == (now->input.len > 3000);
}

/* What has come from the end under test. */
struct heard {
    int fd;
    bool is_masked; /* it is a client */
    const struct rfc_compression *compression;
    z_stream inflater;
    struct bytes message; /* the one that comes in */
    unsigned opcode;      /* of it; 0 = none */
    bool is_packed;
    struct bytes messages, pongs;
    bool closed;
    uint16_t close_code;
    char *problem;
    size_t cap;
};

static bool __attribute__((format(printf, 2, 3)))
heard_wrong(struct heard *heard, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (heard->problem[0] == '\0')
        vsnprintf(heard->problem, heard->cap, format, args);
    va_end(args);
    return false;
}

/* ---- frames --------------------------------------------------------------------------------- */

static bool take(struct heard *heard, void *buf, size_t len)
{
    ssize_t got = len > 0 ? recv(heard->fd, buf, len, MSG_WAITALL) : 0;
    if (got == (ssize_t)len)
        return true;
    return heard_wrong(heard, "%s before the Close", got >= 0 ? "the end" : strerrorname_np(errno));
}

static bool take_length(struct heard *heard, unsigned short_form, uint64_t *ret_len)
{
    uint8_t bytes[8];
    size_t size = short_form == 126 ? 2 : short_form == 127 ? 8 : 0;
    uint64_t len = 0;
    if (!take(heard, bytes, size))
        return false;
    for (size_t i = 0; i < size; ++i)
        len = len << 8 | bytes[i];
    *ret_len = size ? len : short_form;
    if ((size == 2 && len < 126) || (size == 8 && len < 65536) || *ret_len > FRAME_MAX_BYTES)
        return heard_wrong(heard, "length %llu in %zu bytes", (unsigned long long)*ret_len, size);
    return true;
}

static bool inflate_all(struct heard *heard, struct bytes *ret_data)
{
    uint8_t buf[65536];
    z_stream *inflater = &heard->inflater;
    bytes_add(&heard->message, "\0\0\xff\xff", 4);
    inflater->next_in = heard->message.data;
    inflater->avail_in = (unsigned)heard->message.len;
    do {
        inflater->next_out = buf;
        inflater->avail_out = sizeof(buf);
        int result = inflate(inflater, Z_SYNC_FLUSH);
        if (result != Z_OK && result != Z_BUF_ERROR)
            return heard_wrong(heard, "inflate: %s", inflater->msg ? inflater->msg : "?");
        bytes_add(ret_data, buf, sizeof(buf) - inflater->avail_out);
    } while (inflater->avail_out == 0);
    if (heard->compression->no_context_takeover)
        inflateReset(inflater);
    return true;
}

static bool message_ends(struct heard *heard)
{
    struct bytes inflated = {0};
    bool done = !heard->is_packed || inflate_all(heard, &inflated);
    const struct bytes *whole = heard->is_packed ? &inflated : &heard->message;
    if (done)
        rfc_record_message(&heard->messages, heard->opcode, whole->data, whole->len);
    bytes_free(&inflated);
    heard->message.len = 0;
    heard->opcode = 0;
    return done;
}

static bool frame_heard(struct heard *heard, uint8_t first, const uint8_t *payload, size_t len)
{
    unsigned opcode = first & 0xf, rsv = first >> 4 & 7;
    bool fin = first & 0x80, begins = opcode == RFC_TEXT || opcode == RFC_BINARY;
    if (rsv != 0 && !(rsv == 4 && heard->compression && begins))
        return heard_wrong(heard, "reserved bits %u on opcode %u", rsv, opcode);
    if (opcode >= RFC_CLOSE && (!fin || len > 125))
        return heard_wrong(heard, "control frame %u of %zu bytes", opcode, len);
    switch (opcode) {
    case RFC_PONG:
        rfc_record_pong(&heard->pongs, payload, len);
        return true;
    case RFC_CLOSE:
        heard->closed = true;
        heard->close_code = 0;
        if (len >= 2)
            heard->close_code = (uint16_t)(payload[0] << 8 | payload[1]);
        return true;
    case RFC_TEXT:
    case RFC_BINARY:
    case RFC_CONTINUATION:
        break;
    default:
        return heard_wrong(heard, "opcode %u", opcode);
    }
    if (begins != (heard->opcode == 0))
        return heard_wrong(heard, "opcode %u out of order", opcode);
    if (begins) {
        heard->opcode = opcode;
        heard->is_packed = rsv != 0;
    }
    bytes_add(&heard->message, payload, len);
    return !fin || message_ends(heard);
}

static bool frame_take(struct heard *heard)
{
    uint8_t head[2], key[4];
    uint64_t len;
    if (!take(heard, head, sizeof(head)) || !take_length(heard, head[1] & 0x7f, &len))
        return false;
    if (((head[1] & 0x80) != 0) != heard->is_masked)
        return heard_wrong(heard, "the mask is the wrong way round");
    uint8_t *payload = malloc((size_t)len + 1);
    bool done = payload && (!heard->is_masked || take(heard, key, sizeof(key))) &&
                take(heard, payload, (size_t)len);
    for (size_t i = 0; done && heard->is_masked && i < len; ++i)
        payload[i] ^= key[i % 4];
    done = done && frame_heard(heard, head[0], payload, (size_t)len);
    free(payload);
    return done;
}

/* ---- playing -------------------------------------------------------------------------------- */

static void send_cut(int fd, const struct bytes *input, size_t chunk)
{
    for (size_t at = 0; at < input->len;) {
        size_t size = chunk == 0 || chunk > input->len - at ? input->len - at : chunk;
        if (!raw_send(fd, input->data + at, size)) {
            return; /* it has heard enough */
        }
        at += size;
    }
}

static bool compare(struct heard *heard, const struct rfc_case *now)
{
    if (heard->close_code != now->close_code) {
        return heard_wrong(heard, "Close with %u instead of %u", heard->close_code,
                           now->close_code);
    }
    if (heard->messages.len != now->messages.len ||
        (now->messages.len > 0 &&
         memcmp(heard->messages.data, now->messages.data, now->messages.len) != 0)) {
        return heard_wrong(heard, "other messages: %zu bytes instead of %zu", heard->messages.len,
                           now->messages.len);
    }
    if (heard->pongs.len != now->pongs.len ||
        (now->pongs.len > 0 && memcmp(heard->pongs.data, now->pongs.data, now->pongs.len) != 0)) {
        return heard_wrong(heard, "other Pongs: %zu bytes instead of %zu", heard->pongs.len,
                           now->pongs.len);
    }
    return true;
}

static bool play_open(struct heard *heard, const struct rfc_case *now, bool masks, size_t chunk)
{
    const int on = 1;
    char rest[64];
    struct bytes bye = {0};
    (void)setsockopt(heard->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    send_cut(heard->fd, &now->input, chunk);
    if (!now->ends) {
        bytes_add_frame(&bye,
                        &(struct raw_frame){
                            .opcode = RFC_CLOSE, .masked = masks, .payload = "\x03\xe8", .len = 2});
        (void)raw_send(heard->fd, bye.data, bye.len);
        bytes_free(&bye);
    }
    while (!heard->closed) {
        if (!frame_take(heard))
            return false;
    }
    if (!compare(heard, now))
        return false;
    shutdown(heard->fd, SHUT_WR);
    ssize_t got = recv(heard->fd, rest, sizeof(rest), 0);
    if (got > 0)
        return heard_wrong(heard, "%zd bytes behind the Close", got);
    return got == 0 || errno == ECONNRESET || heard_wrong(heard, "TCP does not end");
}

bool rfc_play(int fd, const struct rfc_case *now, bool masks, size_t chunk, char *problem,
              size_t cap)
{
    struct heard heard = {.fd = fd,
                          .is_masked = !masks,
                          .compression = now->compression,
                          .problem = problem,
                          .cap = cap};
    problem[0] = '\0';
    int bits = now->compression ? now->compression->window_bits : 15;
    if (inflateInit2(&heard.inflater, -bits) != Z_OK)
        return heard_wrong(&heard, "no memory");
    bool done = play_open(&heard, now, masks, chunk);
    inflateEnd(&heard.inflater);
    bytes_free(&heard.message);
    bytes_free(&heard.messages);
    bytes_free(&heard.pongs);
    return done;
}

/* ---- handshakes ----------------------------------------------------------------------------- */

int rfc_client_open(uint16_t port, const struct rfc_case *now, char *problem, size_t cap)
{
    char request[1024], head[4096];
    int fd = raw_connect(NULL, port);
    problem[0] = '\0';
    snprintf(request, sizeof(request), RAW_UPGRADE_WITH("/echo", "%s%s%s"),
             now && now->compression ? "Sec-WebSocket-Extensions: " : "",
             now && now->compression ? now->compression->offer : "",
             now && now->compression ? "\r\n" : "");
    if (!raw_send(fd, request, strlen(request)) ||
        !raw_recv_until(fd, "\r\n\r\n", head, sizeof(head))) {
        snprintf(problem, cap, "no answer to the upgrade");
    } else if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
        snprintf(problem, cap, "%.60s", head);
    } else if ((strstr(head, "permessage-deflate") != NULL) != (now && now->compression)) {
        snprintf(problem, cap, "compression is not what was offered");
    }
    return fd;
}

bool rfc_server_open(int fd, const char *request, const struct rfc_case *now, char *problem,
                     size_t cap)
{
    char answer[1024];
    char plain[1024];
    problem[0] = '\0';
    raw_upgrade_answer(request, answer, sizeof(answer));
    char *extensions = strstr(answer, "Sec-WebSocket-Extensions");
    if (!extensions) {
        snprintf(problem, cap, "no compression is offered");
        return false;
    }
    snprintf(plain, sizeof(plain), "%.*s%s%s\r\n", (int)(extensions - answer), answer,
             now && now->compression ? "Sec-WebSocket-Extensions: " : "",
             now && now->compression ? now->compression->answer : "");
    if (now && now->compression)
        snprintf(plain + strlen(plain), sizeof(plain) - strlen(plain), "\r\n");
    return raw_send(fd, plain, strlen(plain));
}

/* ---- a connection that outlives the cases --------------------------------------------------- */

bool rfc_echo(int fd, const char *text)
{
    struct bytes frame = {0};
    uint8_t back[2 + 125];
    size_t len = strlen(text);
    bytes_add_frame(&frame, &(struct raw_frame){
                                .opcode = RFC_TEXT, .masked = true, .payload = text, .len = len});
    bool done = len <= 125 && raw_send(fd, frame.data, frame.len) &&
                recv(fd, back, 2 + len, MSG_WAITALL) == (ssize_t)(2 + len) && back[0] == 0x81 &&
                back[1] == len && memcmp(back + 2, text, len) == 0;
    bytes_free(&frame);
    return done;
}

void rfc_return_all(int fd)
{
    uint8_t frame[6 + 125];
    for (;;) {
        if (recv(fd, frame, 6, MSG_WAITALL) != 6 || (frame[1] & 0x7f) > 125)
            return;
        size_t len = frame[1] & 0x7f;
        if (len > 0 && recv(fd, frame + 6, len, MSG_WAITALL) != (ssize_t)len)
            return;
        for (size_t i = 0; i < len; ++i)
            frame[6 + i] ^= frame[2 + i % 4];
        const uint8_t head[] = {frame[0], (uint8_t)len};
        memmove(frame + 2, frame + 6, len);
        memcpy(frame, head, 2);
        if (!raw_send(fd, frame, 2 + len) || (head[0] & 0xf) == RFC_CLOSE)
            return;
    }
}

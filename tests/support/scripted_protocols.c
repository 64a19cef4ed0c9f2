/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scripted_internal.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- SOCKS5 ---------------------------------------------------------------------------------- */

bool scripted_read_socks5_greeting(struct scripted_connection *c)
{
    if (!scripted_need(c, 2) || !scripted_need(c, 2u + c->in[1])) {
        return scripted_problem(c, "no whole SOCKS5 greeting came");
    }
    if (c->in[0] != 5 || c->in[1] == 0) {
        return scripted_problem(c, "a SOCKS5 greeting of version %u with %u methods", c->in[0],
                                c->in[1]);
    }
    struct peer_seen *seen = &c->peer->seen;
    pthread_mutex_lock(&c->peer->lock);
    seen->socks5_method_count = c->in[1];
    memcpy(seen->socks5_methods, c->in + 2, c->in[1]);
    pthread_mutex_unlock(&c->peer->lock);
    scripted_consume(c, 2u + c->in[1]);
    return true;
}

bool scripted_read_socks5_auth(struct scripted_connection *c)
{
    size_t user_len = 0;
    if (scripted_need(c, 2)) {
        user_len = c->in[1];
    }
    if (!scripted_need(c, 3 + user_len) || !scripted_need(c, 3 + user_len + c->in[2 + user_len])) {
        return scripted_problem(c, "no whole RFC 1929 request came");
    }
    size_t password_len = c->in[2 + user_len];
    if (c->in[0] != 1) {
        return scripted_problem(c, "an RFC 1929 request of version %u", c->in[0]);
    }
    struct peer_seen *seen = &c->peer->seen;
    pthread_mutex_lock(&c->peer->lock);
    memcpy(seen->socks5_user, c->in + 2, user_len);
    seen->socks5_user[user_len] = '\0';
    memcpy(seen->socks5_password, c->in + 3 + user_len, password_len);
    seen->socks5_password[password_len] = '\0';
    pthread_mutex_unlock(&c->peer->lock);
    scripted_consume(c, 3 + user_len + password_len);
    return true;
}

/* Where the address of a request begins, and how long it is; 0 = unknown kind. */
static size_t socks5_address_len(const uint8_t *request, size_t *ret_at)
{
    *ret_at = request[3] == 3 ? 5 : 4;
    switch (request[3]) {
    case 1:
        return 4;
    case 3:
        return request[4];
    case 4:
        return 16;
    default:
        return 0;
    }
}

bool scripted_read_socks5_request(struct scripted_connection *c)
{
    if (!scripted_need(c, 5)) {
        return scripted_problem(c, "no whole SOCKS5 request came");
    }
    size_t at = 0;
    size_t len = socks5_address_len(c->in, &at);
    if (c->in[0] != 5 || c->in[1] != 1 || c->in[2] != 0 || len == 0) {
        return scripted_problem(c, "a SOCKS5 request that begins %02x %02x %02x %02x", c->in[0],
                                c->in[1], c->in[2], c->in[3]);
    }
    if (!scripted_need(c, at + len + 2)) {
        return scripted_problem(c, "no whole SOCKS5 request came");
    }
    struct peer_seen *seen = &c->peer->seen;
    pthread_mutex_lock(&c->peer->lock);
    seen->socks5_address_type = c->in[3];
    if (c->in[3] == 3) {
        memcpy(seen->socks5_host, c->in + at, len);
        seen->socks5_host[len] = '\0';
    } else {
        inet_ntop(c->in[3] == 1 ? AF_INET : AF_INET6, c->in + at, seen->socks5_host,
                  sizeof(seen->socks5_host));
    }
    seen->socks5_port = (uint16_t)(c->in[at + len] << 8 | c->in[at + len + 1]);
    pthread_mutex_unlock(&c->peer->lock);
    scripted_consume(c, at + len + 2);
    return true;
}

bool scripted_send_socks5_reply(struct scripted_connection *c, const struct peer_step *step)
{
    uint8_t reply[10] = {5, (uint8_t)step->number, 0, 1};
    return scripted_send(c, step, reply, sizeof(reply));
}

/* ---- TLS, from outside ------------------------------------------------------------------------
 */

bool scripted_read_tls_record(struct scripted_connection *c)
{
    if (!scripted_need(c, 5) || !scripted_need(c, 5u + (size_t)(c->in[3] << 8 | c->in[4]))) {
        return scripted_problem(c, "no whole TLS record came");
    }
    if (c->in[1] != 3) {
        return scripted_problem(c, "a TLS record of version %u.%u", c->in[1], c->in[2]);
    }
    scripted_consume(c, 5u + (size_t)(c->in[3] << 8 | c->in[4]));
    return true;
}

/* ---- HTTP --------------------------------------------------------------------------------------
 */

bool scripted_read_http_head(struct scripted_connection *c)
{
    const uint8_t *end = NULL;
    while (end == NULL) {
        if (!scripted_need(c, c->in_len + 1)) {
            return scripted_problem(c, "no whole HTTP head came");
        }
        end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    }
    size_t len = (size_t)(end - c->in) + 4;
    struct peer_seen *seen = &c->peer->seen;
    if (len >= sizeof(seen->http_head)) {
        return scripted_problem(c, "an HTTP head of %zu bytes", len);
    }
    pthread_mutex_lock(&c->peer->lock);
    memcpy(seen->http_head, c->in, len);
    seen->http_head[len] = '\0';
    pthread_mutex_unlock(&c->peer->lock);
    scripted_consume(c, len);
    return true;
}

bool scripted_send_upgrade(struct scripted_connection *c, const struct peer_step *step)
{
    static const char name[] = "\r\nSec-WebSocket-Key: ";
    char accept[29];
    pthread_mutex_lock(&c->peer->lock);
    const char *key = strcasestr(c->peer->seen.http_head, name);
    if (key != NULL) {
        key += sizeof(name) - 1;
        scripted_websocket_accept(key, strcspn(key, "\r"), accept);
    }
    pthread_mutex_unlock(&c->peer->lock);
    if (key == NULL) {
        return scripted_problem(c, "the request has no Sec-WebSocket-Key");
    }
    char *head = NULL;
    int len = asprintf(&head,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%.*s\r\n",
                       accept, (int)step->len, step->data ? (const char *)step->data : "");
    bool sent = len > 0 && scripted_send(c, step, head, (size_t)len);
    free(head);
    return sent;
}

/* ---- WebSocket frames, RFC 6455 section 5.2
 * --------------------------------------------------------- */

struct frame {
    uint8_t first_byte;
    uint8_t *payload; /* unmasked in place, in the connection's input */
    size_t len;
    size_t wire_len;
};

/* Reads one masked frame, which stays in the input until it is consumed. */
static bool frame_read(struct scripted_connection *c, struct frame *ret_frame)
{
    if (!scripted_need(c, 2)) {
        return false;
    }
    size_t len_size = (c->in[1] & 0x7f) == 127 ? 8 : (c->in[1] & 0x7f) == 126 ? 2 : 0;
    size_t head_len = 2 + len_size + 4;
    if ((c->in[1] & 0x80) == 0) {
        return scripted_problem(c, "a frame that is not masked");
    }
    if (!scripted_need(c, head_len)) {
        return false;
    }
    uint64_t len = len_size == 0 ? c->in[1] & 0x7f : 0;
    for (size_t i = 0; i < len_size; ++i) {
        len = len << 8 | c->in[2 + i];
    }
    if (len > SCRIPTED_INPUT_BYTES || !scripted_need(c, head_len + len)) {
        return false;
    }
    uint8_t mask[4];
    memcpy(mask, c->in + head_len - 4, sizeof(mask));
    *ret_frame = (struct frame){.first_byte = c->in[0],
                                .payload = c->in + head_len,
                                .len = len,
                                .wire_len = head_len + len};
    for (size_t i = 0; i < len; ++i) {
        ret_frame->payload[i] ^= mask[i % 4];
    }
    struct peer_seen *seen = &c->peer->seen;
    pthread_mutex_lock(&c->peer->lock);
    seen->frame_first_byte = ret_frame->first_byte;
    seen->frame_len = len;
    memcpy(seen->frame_payload, ret_frame->payload,
           len < sizeof(seen->frame_payload) ? len : sizeof(seen->frame_payload));
    pthread_mutex_unlock(&c->peer->lock);
    return true;
}

bool scripted_read_frame(struct scripted_connection *c, const struct peer_step *step)
{
    struct frame frame;
    if (!frame_read(c, &frame)) {
        return scripted_problem(c, "no whole frame came");
    }
    if (step->number != 0 && frame.first_byte != step->number) {
        return scripted_problem(c, "a frame that begins %02x", frame.first_byte);
    }
    scripted_consume(c, frame.wire_len);
    return true;
}

/* Writes one unmasked frame; `how` says how the bytes leave. */
static bool frame_write(struct scripted_connection *c, const struct peer_step *how,
                        uint8_t first_byte, const void *payload, size_t len)
{
    uint8_t *frame = malloc(10 + len);
    if (frame == NULL) {
        return scripted_problem(c, "no memory for a frame of %zu bytes", len);
    }
    size_t head_len = 2;
    frame[0] = first_byte;
    if (len < 126) {
        frame[1] = (uint8_t)len;
    } else if (len <= 0xffff) {
        frame[1] = 126;
        memcpy(frame + 2, &(uint16_t){htobe16((uint16_t)len)}, 2);
        head_len = 4;
    } else {
        frame[1] = 127;
        memcpy(frame + 2, &(uint64_t){htobe64(len)}, 8);
        head_len = 10;
    }
    if (len > 0) {
        memcpy(frame + head_len, payload, len);
    }
    bool sent = scripted_send(c, how, frame, head_len + len);
    free(frame);
    return sent;
}

bool scripted_send_frame(struct scripted_connection *c, const struct peer_step *step)
{
    return frame_write(c, step, (uint8_t)step->number, step->data, step->len);
}

bool scripted_serve_echo(struct scripted_connection *c)
{
    static const struct peer_step plainly = {PEER_SEND_FRAME};
    static const uint8_t opcode_close = 0x8, opcode_ping = 0x9, fin_pong = 0x8a, opcode_pong = 0xa;
    for (;;) {
        struct frame frame;
        if (!frame_read(c, &frame)) {
            return scripted_problem(c, "the connection ended without a Close frame");
        }
        uint8_t opcode = frame.first_byte & 0x0f;
        uint8_t answer = opcode == opcode_ping ? fin_pong : frame.first_byte;
        if (opcode != opcode_pong && !frame_write(c, &plainly, answer, frame.payload, frame.len)) {
            return false;
        }
        scripted_consume(c, frame.wire_len);
        if (opcode == opcode_close) {
            return true;
        }
    }
}

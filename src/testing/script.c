/* SPDX-License-Identifier: Apache-2.0 */
/* The server that does what a table says: leat/testing_script.h. */
#include "testing/frame_head.h"
#include "testing/peer.h"
#include "util/alloc.h"

#include <string.h>
#include <sys/socket.h>

/* ---- sending --------------------------------------------------------------------------------- */

/* Sends as a row says: hold, repeat, split. */
static bool row_send(struct leati_peer *p, const struct leat_script_row *row, const void *data,
                     size_t len)
{
    size_t times = row->repeat ? row->repeat : 1;
    p->shape.split = row->split;
    if (!row->hold && p->held_len == 0 && times == 1)
        return leati_peer_send(p, data, len);
    uint8_t *all = leati_realloc(p->held, p->held_len + times * len + 1);
    if (!all)
        return leati_peer_problem(p, "no memory for %zu bytes", times * len);
    p->held = all;
    for (size_t i = 0; i < times && len > 0; ++i) {
        memcpy(all + p->held_len, data, len);
        p->held_len += len;
    }
    if (row->hold)
        return true;
    size_t all_len = p->held_len;
    p->held_len = 0;
    return leati_peer_send(p, all, all_len);
}

static bool socks5_reply_send(struct leati_peer *p, const struct leat_script_row *row)
{
    uint8_t reply[10] = {5, (uint8_t)row->number, 0, 1};
    return row_send(p, row, reply, sizeof(reply));
}

static bool upgrade_send(struct leati_peer *p, const struct leat_script_row *row)
{
    char *head = leati_peer_upgrade_head(p, row->data, row->len);
    if (!head)
        return leati_peer_problem(p, "the request has no Sec-WebSocket-Key");
    bool sent = row_send(p, row, head, strlen(head));
    leati_free(head);
    return sent;
}

static bool frame_send(struct leati_peer *p, const struct leat_script_row *row, uint8_t first_byte,
                       const void *payload, size_t len)
{
    const struct leati_frame_head head = {.first_byte = first_byte, .len = len};
    uint8_t header[LEATI_FRAME_HEAD_MAX_BYTES];
    size_t header_len = leati_frame_head_write(&head, header);
    uint8_t *frame = leati_malloc(header_len + len);
    if (!frame)
        return leati_peer_problem(p, "no memory for a frame of %zu bytes", len);
    memcpy(frame, header, header_len);
    if (len > 0)
        memcpy(frame + header_len, payload, len);
    bool sent = row_send(p, row, frame, header_len + len);
    leati_free(frame);
    return sent;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool bytes_read(struct leati_peer *p, size_t len)
{
    if (!leati_peer_need(p, len))
        return leati_peer_problem(p, "%zu of %zu bytes came", p->in_len, len);
    leati_peer_consume(p, len);
    return true;
}

static bool bytes_expect(struct leati_peer *p, const struct leat_script_row *row)
{
    if (!leati_peer_need(p, row->len))
        return leati_peer_problem(p, "%zu of %zu bytes came", p->in_len, row->len);
    if (memcmp(p->in, row->data, row->len) != 0)
        return leati_peer_problem(p, "other bytes came than were expected");
    leati_peer_consume(p, row->len);
    return true;
}

static bool bytes_drain(struct leati_peer *p)
{
    do {
        leati_peer_consume(p, p->in_len);
    } while (leati_peer_need(p, 1));
    return true;
}

static bool socks5_request_read(struct leati_peer *p)
{
    uint8_t command = 0;
    return leati_peer_read_socks5_request(p, &command) &&
           (command == 1 || leati_peer_problem(p, "a SOCKS5 request with the command %u", command));
}

static bool tls_record_read(struct leati_peer *p)
{
    if (!leati_peer_need(p, 5) || !leati_peer_need(p, 5u + (size_t)(p->in[3] << 8 | p->in[4])))
        return leati_peer_problem(p, "no whole TLS record came");
    if (p->in[1] != 3)
        return leati_peer_problem(p, "a TLS record of version %u.%u", p->in[1], p->in[2]);
    leati_peer_consume(p, 5u + (size_t)(p->in[3] << 8 | p->in[4]));
    return true;
}

static bool frame_read(struct leati_peer *p, const struct leat_script_row *row)
{
    struct leati_frame frame;
    if (!leati_peer_read_frame(p, &frame))
        return leati_peer_problem(p, "no whole frame came");
    if (row->number != 0 && frame.first_byte != row->number)
        return leati_peer_problem(p, "a frame that begins %02x", frame.first_byte);
    leati_peer_consume(p, frame.wire_len);
    return true;
}

/* ---- serving --------------------------------------------------------------------------------- */

static bool relay_serve(struct leati_peer *p)
{
    int reason = 0;
    int upstream = leati_peer_dial(p, p->request.host, p->request.port, &reason);
    if (upstream < 0)
        return leati_peer_problem(p, "cannot connect to the destination: errno %d", reason);
    return leati_peer_relay(p, upstream);
}

static bool echo_serve(struct leati_peer *p)
{
    static const struct leat_script_row plainly = {.action = LEAT_SCRIPT_SEND_FRAME};
    static const uint8_t opcode_close = 0x8, opcode_ping = 0x9, fin_pong = 0x8a, opcode_pong = 0xa;
    for (;;) {
        struct leati_frame frame;
        if (!leati_peer_read_frame(p, &frame))
            return leati_peer_problem(p, "the connection ended without a Close frame");
        uint8_t opcode = frame.first_byte & 0x0f;
        uint8_t answer = opcode == opcode_ping ? fin_pong : frame.first_byte;
        if (opcode != opcode_pong && !frame_send(p, &plainly, answer, frame.payload, frame.len))
            return false;
        leati_peer_consume(p, frame.wire_len);
        if (opcode == opcode_close)
            return true;
    }
}

static bool close_notify_send(struct leati_peer *p)
{
    return p->tls ? leati_peer_tls_close_notify(p)
                  : leati_peer_problem(p, "a close_notify without TLS");
}

/* ---- rows ------------------------------------------------------------------------------------ */

static bool row_run(struct leati_peer *p, const struct leat_script_row *row)
{
    switch (row->action) {
    case LEAT_SCRIPT_READ:
        return bytes_read(p, row->number);
    case LEAT_SCRIPT_EXPECT:
        return bytes_expect(p, row);
    case LEAT_SCRIPT_DRAIN:
        return bytes_drain(p);
    case LEAT_SCRIPT_READ_SOCKS5_GREETING:
        return leati_peer_read_socks5_greeting(p);
    case LEAT_SCRIPT_READ_SOCKS5_AUTH:
        return leati_peer_read_socks5_auth(p);
    case LEAT_SCRIPT_READ_SOCKS5_REQUEST:
        return socks5_request_read(p);
    case LEAT_SCRIPT_READ_TLS_RECORD:
        return tls_record_read(p);
    case LEAT_SCRIPT_READ_HTTP_HEAD:
        return leati_peer_read_http_head(p);
    case LEAT_SCRIPT_READ_FRAME:
        return frame_read(p, row);
    case LEAT_SCRIPT_SEND:
        return row_send(p, row, row->data, row->len);
    case LEAT_SCRIPT_SEND_SOCKS5_REPLY:
        return socks5_reply_send(p, row);
    case LEAT_SCRIPT_SEND_UPGRADE:
        return upgrade_send(p, row);
    case LEAT_SCRIPT_SEND_FRAME:
        return frame_send(p, row, (uint8_t)row->number, row->data, row->len);
    case LEAT_SCRIPT_RELAY:
        return relay_serve(p);
    case LEAT_SCRIPT_SERVE_ECHO:
        return echo_serve(p);
    case LEAT_SCRIPT_TLS_ACCEPT:
        return leati_peer_tls_accept(p, row->tls);
    case LEAT_SCRIPT_TLS_CLOSE_NOTIFY:
        return close_notify_send(p);
    case LEAT_SCRIPT_WAIT:
        return leati_peer_hold(p);
    case LEAT_SCRIPT_STALL:
        return leati_peer_stall(p);
    case LEAT_SCRIPT_SHUTDOWN:
        leati_peer_ended(p, true, false);
        return shutdown(p->fd, SHUT_WR) == 0;
    case LEAT_SCRIPT_CLOSE:
        return leati_peer_end(p, LEATI_PEER_CLOSE);
    case LEAT_SCRIPT_RESET:
        return leati_peer_end(p, LEATI_PEER_RESET);
    }
    return leati_peer_problem(p, "a script has no action number %d", (int)row->action);
}

void leati_testing_serve_script(struct leati_peer *p)
{
    const struct leat_testing_server *server = p->server;
    size_t index = p->number <= server->script_count ? p->number - 1 : server->script_count - 1;
    const struct leat_script_row *row = server->options.scripts[index];
    do {
        p->shape = (struct leati_peer_shape){.truncate = SIZE_MAX};
        if (row->label)
            leati_testing_server_reached(p->server, p, row->label, LEAT_TESTING_STEP_END, "");
    } while (row_run(p, row++));
}

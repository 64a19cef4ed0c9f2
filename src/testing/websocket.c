/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket server: sends its messages, then echoes. */
#include "testing/frame_head.h"
#include "testing/deflate.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/utf8.h"

#include <stdio.h>
#include <string.h>

enum { OPCODE_CONTINUATION = 0, OPCODE_CLOSE = 8 };
#define BASE64_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

enum { FIN = 0x80, COMPRESSED = 0x40, RESERVED = 0x30 };

enum {
    CLOSE_NO_STATUS = 1005,
    CLOSE_PROTOCOL_ERROR = 1002,
    CLOSE_INVALID_DATA = 1007,
    CLOSE_TOO_BIG = 1009,
    CLOSE_INTERNAL_ERROR = 1011,
};

/* What is collected of one message. */
struct session {
    uint8_t *message;
    size_t len, cap;
    uint8_t opcode;  /* of its first frame; 0 = none has begun */
    bool is_closing; /* the server's Close was sent */
    bool is_compressed;
};

/* ---- sending --------------------------------------------------------------------------------- */

/* The answer of the present step: a message in frames of the options' size. */
static bool frames_answer(struct leati_peer *p, uint8_t opcode, const void *data, size_t len)
{
    size_t part = p->server->options.fragment_bytes;
    if (part == 0 || (opcode & 0x0f) >= OPCODE_CLOSE || len == 0)
        part = len ? len : 1;
    size_t frames = len > 0 ? (len + part - 1) / part : 1;
    uint8_t *wire = leati_malloc(len + frames * LEATI_FRAME_HEAD_MAX_BYTES);
    if (!wire)
        return leati_peer_problem(p, "no memory for a message of %zu bytes", len);
    size_t wire_len = 0;
    for (size_t i = 0, at = 0; i < frames; ++i, at += part) {
        size_t frame_len = len - at < part ? len - at : part;
        uint8_t first =
            (uint8_t)((i == 0 ? opcode : OPCODE_CONTINUATION) | (i + 1 == frames ? FIN : 0));
        const struct leati_frame_head head = {.first_byte = first, .len = frame_len};
        wire_len += leati_frame_head_write(&head, wire + wire_len);
        if (frame_len > 0)
            memcpy(wire + wire_len, (const uint8_t *)data + at, frame_len);
        wire_len += frame_len;
    }
    bool sent = leati_peer_answer(p, wire, wire_len);
    leati_free(wire);
    return sent;
}

/* The same, compressed where that was agreed on. */
static bool message_answer(struct leati_peer *p, uint8_t opcode, const void *data, size_t len)
{
    size_t small_len = 0;
    if (p->deflate_bits == 0 || opcode >= OPCODE_CLOSE)
        return frames_answer(p, opcode, data, len);
    uint8_t *small = leati_deflate_message(data, len, p->deflate_bits, &small_len);
    bool sent = small ? frames_answer(p, opcode | COMPRESSED, small, small_len)
                      : leati_peer_problem(p, "no memory to compress %zu bytes", len);
    leati_free(small);
    return sent;
}

static size_t close_payload(unsigned code, const char *reason, uint8_t ret_payload[125])
{
    size_t len = reason ? strlen(reason) : 0;
    ret_payload[0] = (uint8_t)(code >> 8);
    ret_payload[1] = (uint8_t)code;
    if (len > 0)
        memcpy(ret_payload + 2, reason, len);
    return 2 + len;
}

/* A Close in place of the present step's answer, which a fault asks for. */
static bool refusal_answer(struct leati_peer *p, unsigned code)
{
    uint8_t payload[125];
    size_t len = close_payload(code, NULL, payload);
    return message_answer(p, OPCODE_CLOSE, payload, len);
}

/* A step whose answer is a message. */
static bool message_step(struct leati_peer *p, enum leat_testing_step step, uint8_t opcode,
                         const void *data, size_t len, bool is_silent)
{
    static const char *const names[16] = {
        [1] = "text", [2] = "binary", [9] = "ping", [10] = "pong"};
    unsigned code = 0;
    if (!leati_peer_step(p, step, "%s %zu", names[opcode], len))
        return false;
    if (leati_peer_refuses(p, CLOSE_INTERNAL_ERROR, &code))
        return refusal_answer(p, code);
    p->shape.skip = p->shape.skip || is_silent;
    return message_answer(p, step == LEAT_TESTING_STEP_PING ? LEAT_TESTING_MESSAGE_PONG : opcode,
                          data, len);
}

static bool close_step(struct leati_peer *p, unsigned code, const uint8_t *payload, size_t len)
{
    return leati_peer_step(p, LEAT_TESTING_STEP_CLOSE, "%u", code) &&
           message_answer(p, OPCODE_CLOSE, payload, len);
}

/* The end in order: the goodbye of TLS, then FIN. */
static bool session_end(struct leati_peer *p)
{
    if (p->tls)
        (void)leati_peer_tls_close_notify(p);
    return leati_peer_end(p, LEATI_PEER_CLOSE);
}

/* The client has broken a rule. */
static bool session_fail(struct leati_peer *p, unsigned code, const char *rule)
{
    uint8_t payload[125];
    (void)leati_peer_problem(p, "%s", rule);
    size_t len = close_payload(code, NULL, payload);
    return close_step(p, code, payload, len) && session_end(p);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static bool message_collect(struct leati_peer *p, struct session *session,
                            const struct leati_frame *frame)
{
    if (session->len + frame->len > LEAT_TESTING_INPUT_BYTES_MAX)
        return session_fail(p, CLOSE_TOO_BIG, "a message that is too long");
    if (!leati_reserve(&session->message, &session->cap, session->len, frame->len))
        return leati_peer_problem(p, "no memory for a message of %zu bytes",
                                  2 * session->len + frame->len);
    if (frame->len > 0)
        memcpy(session->message + session->len, frame->payload, frame->len);
    session->len += frame->len;
    return true;
}

/* What a compressed message says takes its place. */
static bool message_inflate(struct leati_peer *p, struct session *session)
{
    size_t len = 0;
    uint8_t *plain =
        leati_inflate_message(session->message, session->len, LEAT_TESTING_INPUT_BYTES_MAX, &len);
    if (!plain)
        return session_fail(p, CLOSE_INVALID_DATA,
                            "a compressed message that is none, or too long");
    leati_free(session->message);
    session->message = plain;
    session->len = session->cap = len;
    return true;
}

static bool data_receive(struct leati_peer *p, struct session *session,
                         const struct leati_frame *frame)
{
    uint8_t opcode = frame->first_byte & 0x0f;
    if ((opcode == OPCODE_CONTINUATION) == (session->opcode == 0))
        return session_fail(p, CLOSE_PROTOCOL_ERROR, "a continuation out of order");
    if (opcode != OPCODE_CONTINUATION) {
        session->opcode = opcode;
        session->is_compressed = (frame->first_byte & COMPRESSED) != 0;
    }
    if (!message_collect(p, session, frame))
        return false;
    if ((frame->first_byte & FIN) == 0)
        return true;
    if (session->is_compressed && !message_inflate(p, session))
        return false;
    if (session->opcode == LEAT_TESTING_MESSAGE_TEXT &&
        !leati_utf8_valid(session->message, session->len))
        return session_fail(p, CLOSE_INVALID_DATA, "a text that is not UTF-8");
    bool goes_on = session->is_closing ||
                   message_step(p, LEAT_TESTING_STEP_MESSAGE, session->opcode, session->message,
                                session->len, p->server->options.no_echo);
    session->opcode = 0;
    session->len = 0;
    return goes_on;
}

static bool close_receive(struct leati_peer *p, const struct session *session,
                          const struct leati_frame *frame)
{
    unsigned code =
        frame->len >= 2 ? (unsigned)(frame->payload[0] << 8 | frame->payload[1]) : CLOSE_NO_STATUS;
    if (frame->len == 1)
        return session_fail(p, CLOSE_PROTOCOL_ERROR, "a Close with one byte");
    if (frame->len >= 2 && !leati_testing_close_code_is_valid(code))
        return session_fail(p, CLOSE_PROTOCOL_ERROR, "a Close with a code that is none");
    if (frame->len > 2 && !leati_utf8_valid(frame->payload + 2, frame->len - 2))
        return session_fail(p, CLOSE_INVALID_DATA, "a Close with a reason that is not UTF-8");
    bool is_answered =
        session->is_closing || close_step(p, code, frame->payload, frame->len < 2 ? 0 : 2);
    return is_answered && session_end(p);
}

static bool frame_receive(struct leati_peer *p, struct session *session,
                          const struct leati_frame *frame)
{
    uint8_t opcode = frame->first_byte & 0x0f;
    uint8_t reserved = frame->first_byte & (COMPRESSED | RESERVED);
    bool may_be_compressed =
        p->deflate_bits != 0 && opcode != OPCODE_CONTINUATION && opcode < OPCODE_CLOSE;
    if ((reserved != 0 && !(reserved == COMPRESSED && may_be_compressed)) ||
        (opcode > 2 && opcode < 8) || opcode > 10)
        return session_fail(p, CLOSE_PROTOCOL_ERROR, "a frame with reserved bits or opcode");
    if (opcode < OPCODE_CLOSE)
        return data_receive(p, session, frame);
    if (frame->len > 125 || (frame->first_byte & FIN) == 0)
        return session_fail(p, CLOSE_PROTOCOL_ERROR,
                            "a control frame that is too long or in parts");
    if (opcode == OPCODE_CLOSE)
        return close_receive(p, session, frame);
    return opcode == LEAT_TESTING_MESSAGE_PONG || session->is_closing ||
           message_step(p, LEAT_TESTING_STEP_PING, opcode, frame->payload, frame->len, false);
}

/* ---- the upgrade ----------------------------------------------------------------------------- */

/* 16 bytes in base64. */
static bool key_is_valid(struct leati_peer *p)
{
    char key[64];
    return leati_peer_http_count(p, "Sec-WebSocket-Key") == 1 &&
           leati_peer_http_field(p, "Sec-WebSocket-Key", key, sizeof(key)) && strlen(key) == 24 &&
           strspn(key, BASE64_DIGITS) == 22 && strcmp(key + 22, "==") == 0;
}

/* The status for the last head, RFC 6455 section 4.2.1, and what is wrong with it. */
static unsigned request_judge(struct leati_peer *p, const char **ret_fault)
{
    char version[8] = "";
    *ret_fault = leati_peer_http_fault(p);
    if (*ret_fault)
        return 400;
    *ret_fault = "not GET";
    if (strncmp(p->request.http_head, "GET ", 4) != 0)
        return 405;
    *ret_fault = "HTTP/1.0";
    if (leati_peer_http_is_1_0(p))
        return 400;
    *ret_fault = "no Upgrade to websocket";
    if (!leati_peer_http_has(p, "Upgrade", "websocket") ||
        !leati_peer_http_has(p, "Connection", "Upgrade"))
        return 400;
    *ret_fault = "Sec-WebSocket-Version is not 13";
    if (leati_peer_http_count(p, "Sec-WebSocket-Version") != 1 ||
        !leati_peer_http_field(p, "Sec-WebSocket-Version", version, sizeof(version)) ||
        strcmp(version, "13") != 0)
        return 426;
    *ret_fault = "Sec-WebSocket-Key is not 16 bytes in base64";
    if (!key_is_valid(p))
        return 400;
    *ret_fault = NULL;
    return 101;
}

/* The first subprotocol of the client that is one of the options; NULL = none. */
static const char *protocol_choose(struct leati_peer *p)
{
    char offers[1024];
    if (!leati_peer_http_field(p, "Sec-WebSocket-Protocol", offers, sizeof(offers)))
        return NULL;
    const char *best = NULL;
    size_t best_at = sizeof(offers);
    for (const char *const *own = p->server->options.subprotocols; *own; ++own) {
        for (size_t at = 0; offers[at] != '\0';) {
            at += strspn(offers + at, ", \t");
            size_t len = strcspn(offers + at, ", \t");
            if (len == strlen(*own) && memcmp(offers + at, *own, len) == 0 && at < best_at) {
                best = *own;
                best_at = at;
            }
            at += len;
        }
    }
    return best;
}

static bool upgrade_accept(struct leati_peer *p)
{
    const char *protocol = protocol_choose(p);
    const char *further = p->server->options.headers ? p->server->options.headers : "";
    char offers[1024], extensions[200] = "";
    if (p->server->options.deflate &&
        leati_peer_http_field(p, "Sec-WebSocket-Extensions", offers, sizeof(offers)))
        p->deflate_bits = leati_deflate_accept(offers, extensions, sizeof(extensions));
    char *lines = leati_concat(extensions, protocol ? "Sec-WebSocket-Protocol: " : "",
                               protocol ? protocol : "", protocol ? "\r\n" : "", further);
    char *head = lines ? leati_peer_upgrade_head(p, lines, strlen(lines)) : NULL;
    bool goes_on = head ? leati_peer_answer(p, head, strlen(head))
                        : leati_peer_problem(p, "no memory for an answer");
    leati_free(lines);
    leati_free(head);
    return goes_on;
}

static bool upgrade_refuse(struct leati_peer *p, unsigned status)
{
    char head[192];
    const char *name = status == 400   ? "Bad Request"
                       : status == 403 ? "Forbidden"
                       : status == 405 ? "Method Not Allowed"
                       : status == 426 ? "Upgrade Required"
                                       : "Refused";
    int len =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %u %s\r\n%sConnection: close\r\nContent-Length: 0\r\n\r\n", status, name,
                 status == 405   ? "Allow: GET\r\n"
                 : status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                 : "");
    return leati_peer_answer(p, head, (size_t)len) && session_end(p);
}

static bool upgrade_serve(struct leati_peer *p)
{
    char line[300];
    if (!leati_peer_read_http_head(p))
        return false;
    leati_readable_format(line, sizeof(line), "%.*s", (int)strcspn(p->request.http_head, "\r\n"),
                          p->request.http_head);
    const char *fault = NULL;
    unsigned status = request_judge(p, &fault);
    if (!leati_peer_step(p, LEAT_TESTING_STEP_HEAD, "%s", line) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_UPGRADE, "%u%s%s", status, fault ? ": " : "",
                         fault ? fault : ""))
        return false;
    (void)leati_peer_refuses(p, 403, &status);
    return status == 101 && !p->shape.refuse ? upgrade_accept(p) : upgrade_refuse(p, status);
}

/* ---- the session ----------------------------------------------------------------------------- */

static bool messages_send(struct leati_peer *p, struct session *session)
{
    const struct leat_testing_options *options = &p->server->options;
    uint8_t payload[125];
    for (size_t i = 0; i < options->message_count; ++i) {
        const struct leat_testing_message *message = &options->messages[i];
        if (!message_step(p, LEAT_TESTING_STEP_SEND, (uint8_t)message->type, message->data,
                          message->len, false))
            return false;
    }
    if (options->close_code == 0)
        return true;
    session->is_closing = true;
    size_t len = close_payload(options->close_code, options->close_reason, payload);
    return close_step(p, options->close_code, payload, len);
}

static bool session_serve(struct leati_peer *p, struct session *session)
{
    bool goes_on = messages_send(p, session);
    while (goes_on) {
        struct leati_frame frame;
        if (!leati_peer_read_frame(p, &frame) && frame.close_code != 0)
            return session_fail(p, frame.close_code, frame.rule);
        if (frame.wire_len == 0)
            return leati_peer_problem(p, "the connection ended without a Close frame");
        goes_on = frame_receive(p, session, &frame);
        leati_peer_consume(p, frame.wire_len);
    }
    return false;
}

void leati_testing_serve_websocket(struct leati_peer *p)
{
    struct session session = {0};
    if (leati_peer_tls_step(p) && upgrade_serve(p))
        (void)session_serve(p, &session);
    leati_free(session.message);
}

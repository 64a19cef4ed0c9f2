/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to an upgrade of all kinds, for clients: RFC 6455 section 4.1, RFC 7692 section 7.1, RFC 9112. */
#include "testing/conformance/ws_client.h"

#include "testing/peer.h"

#include <stdio.h>
#include <string.h>

#define ANSWER  "RFC 6455 section 4.1"
#define HTTP    "RFC 9112"
#define DEFLATE "RFC 7692 section 7.1"

enum demand {
    OPENS,    /* it is a WebSocket then */
    REFUSES,  /* the connection must fail */
    MAY_OPEN, /* the RFCs leave it open */
};

/* A line that is NULL is the usual one, and one that is "" is not there. */
struct answer {
    const char *id, *section, *title;
    enum demand demand;
    const char *status, *upgrade, *connection;
    const char *accept; /* with %s for the right one */
    const char *more;
    const char *glued; /* a text message behind the head, in the same write */
    unsigned chunk, filler;
    bool ends; /* nothing comes behind: TCP is ended */
};

#define STATUS(text_)                                                                              \
    .status = "HTTP/1.1 " text_ "\r\n", .upgrade = "", .connection = "", .accept = "",             \
    .more = "Content-Length: 0\r\nConnection: close\r\n", .ends = true

static const struct answer answers[] = {
    {"answer.plain", ANSWER, "the usual answer", OPENS, .chunk = 0},
    {"answer.byte-by-byte", ANSWER, "the usual answer, byte for byte", OPENS, .chunk = 1},
    {"answer.glued", ANSWER, "a message behind the head, in the same write", OPENS,
     .glued = "glued"},
    {"answer.glued-byte-by-byte", ANSWER, "a message behind the head, byte for byte", OPENS,
     .glued = "glued", .chunk = 1},
    {"answer.letters", ANSWER, "names and words in other letters", OPENS,
     .upgrade = "UPGRADE: WebSocket\r\n", .connection = "connection: UPGRADE\r\n",
     .accept = "SEC-websocket-ACCEPT: %s\r\n"},
    {"answer.blanks", ANSWER, "no blanks, and many blanks, around values", OPENS,
     .upgrade = "Upgrade:websocket\r\n", .accept = "Sec-WebSocket-Accept: \t %s \t \r\n"},
    {"answer.connection-list", ANSWER, "Connection: keep-alive, Upgrade", OPENS,
     .connection = "Connection: keep-alive, Upgrade\r\n"},
    {"answer.reason-none", HTTP " section 4", "a status line without a reason", OPENS,
     .status = "HTTP/1.1 101 \r\n"},
    {"answer.reason-other", HTTP " section 4", "a status line with another reason", OPENS,
     .status = "HTTP/1.1 101 Hello, W\xc3\xb6rld\r\n"},
    {"answer.fields-many", HTTP, "40 further fields", OPENS, .filler = 40},
    {"answer.head-huge", HTTP, "a head of 4 MiB", MAY_OPEN, .filler = 160000},
    {"answer.lf", HTTP " section 2.2", "lines that end in LF only", MAY_OPEN,
     .upgrade = "Upgrade: websocket\n", .connection = "Connection: Upgrade\n"},
    {"answer.folded", HTTP " section 5.2", "a folded line", MAY_OPEN,
     .more = "X-Folded: a\r\n b\r\n"},
    {"answer.100-first", "RFC 9110 section 15.2", "a 100 in front of the 101", MAY_OPEN,
     .status = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n"},
    {"answer.103-first", "RFC 9110 section 15.2", "a 103 in front of the 101", MAY_OPEN,
     .status =
         "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n"},
    {"answer.http-1.0", ANSWER, "HTTP/1.0 101", REFUSES,
     .status = "HTTP/1.0 101 Switching Protocols\r\n"},
    {"answer.http-junk", HTTP " section 4", "a status line that is none", REFUSES,
     .status = "HTPT/1.1 101 Switching Protocols\r\n"},
    {"answer.upgrade-missing", ANSWER, "no Upgrade", REFUSES, .upgrade = ""},
    {"answer.upgrade-other", ANSWER, "Upgrade: h2c", REFUSES, .upgrade = "Upgrade: h2c\r\n"},
    {"answer.connection-missing", ANSWER, "no Connection", REFUSES, .connection = ""},
    {"answer.connection-other", ANSWER, "Connection: close", REFUSES,
     .connection = "Connection: close\r\n"},
    {"answer.accept-missing", ANSWER, "no Sec-WebSocket-Accept", REFUSES, .accept = ""},
    {"answer.accept-empty", ANSWER, "an empty Sec-WebSocket-Accept", REFUSES,
     .accept = "Sec-WebSocket-Accept: \r\n"},
    {"answer.accept-wrong", ANSWER, "the Sec-WebSocket-Accept of another key", REFUSES,
     .accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"},
    {"answer.accept-longer", ANSWER, "the right Sec-WebSocket-Accept and more", REFUSES,
     .accept = "Sec-WebSocket-Accept: %sx\r\n"},
    {"answer.accept-twice", ANSWER, "a wrong and the right Sec-WebSocket-Accept", REFUSES,
     .accept =
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Accept: %s\r\n"},
    {"answer.extension-unasked", ANSWER, "an extension that nobody offered", REFUSES,
     .more = "Sec-WebSocket-Extensions: x-unasked\r\n"},
    {"answer.subprotocol-unasked", ANSWER, "a subprotocol that nobody offered", REFUSES,
     .more = "Sec-WebSocket-Protocol: x-unasked.leat\r\n"},
    {"answer.status-200", ANSWER, "200", REFUSES, STATUS("200 OK")},
    {"answer.status-204", ANSWER, "204", REFUSES, STATUS("204 No Content")},
    {"answer.status-400", ANSWER, "400", REFUSES, STATUS("400 Bad Request")},
    {"answer.status-401", ANSWER, "401", REFUSES,
     STATUS("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"")},
    {"answer.status-404", ANSWER, "404", REFUSES, STATUS("404 Not Found")},
    {"answer.status-426", ANSWER, "426", REFUSES,
     STATUS("426 Upgrade Required\r\nSec-WebSocket-Version: 14")},
    {"answer.status-500", ANSWER, "500", REFUSES, STATUS("500 Internal Server Error")},
    {"answer.status-503", ANSWER, "503", REFUSES, STATUS("503 Service Unavailable")},
    {"answer.status-302", ANSWER, "302 to another path", MAY_OPEN,
     STATUS("302 Found\r\nLocation: " LEATI_WS_REDIRECTED)},
    {"answer.status-302-nowhere", ANSWER, "302 without Location", REFUSES, STATUS("302 Found")},
    {"answer.status-like-101", ANSWER, "a 200 that otherwise is like a 101", REFUSES,
     .status = "HTTP/1.1 200 OK\r\n"},
    {"answer.cut", HTTP, "TCP ends within the head", REFUSES, .more = "X-Cut: ", .ends = true},
    {"answer.nothing", HTTP, "TCP ends in place of an answer", REFUSES, .status = "", .upgrade = "",
     .connection = "", .accept = "", .ends = true},
    {"deflate-answer.unknown", DEFLATE, "an agreement with a parameter that is none", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; x_unknown\r\n"},
    {"deflate-answer.twice", DEFLATE, "an agreement with a parameter twice", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
             "server_no_context_takeover\r\n"},
    {"deflate-answer.two", DEFLATE, "two agreements", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n"},
    {"deflate-answer.server-bits-7", DEFLATE, "server_max_window_bits=7", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n"},
    {"deflate-answer.server-bits-16", DEFLATE, "server_max_window_bits=16", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n"},
    {"deflate-answer.server-bits-none", DEFLATE, "server_max_window_bits without a value", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits\r\n"},
    {"deflate-answer.client-bits-16", DEFLATE, "client_max_window_bits=16", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=16\r\n"},
    {"deflate-answer.client-bits-none", DEFLATE, "client_max_window_bits without a value", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"},
    {"deflate-answer.takeover-value", DEFLATE, "server_no_context_takeover=1", REFUSES,
     .more = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover=1\r\n"},
};

enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };

/* ---- writing -------------------------------------------------------------------------------- */

static void line_write(struct leati_bytes *head, const char *line, const char *usual)
{
    const char *text = line ? line : usual;
    leati_bytes_add(head, text, strlen(text));
}

/* The accept of the table is a format with one %s at most. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void answer_write(const struct leati_judge_guest *guest, const struct answer *now,
                         struct leati_bytes *head)
{
    char key[256], accept[29];
    (void)leati_head_field(guest->head, "Sec-WebSocket-Key", key, sizeof(key));
    leati_peer_websocket_accept(key, strlen(key), accept);
    line_write(head, now->status, "HTTP/1.1 101 Switching Protocols\r\n");
    line_write(head, now->upgrade, "Upgrade: websocket\r\n");
    line_write(head, now->connection, "Connection: Upgrade\r\n");
    leati_bytes_text(head, now->accept ? now->accept : "Sec-WebSocket-Accept: %s\r\n", accept);
    line_write(head, now->more, "");
    for (unsigned i = 0; i < now->filler; ++i)
        leati_bytes_text(head, "X-Field-%06u: 01234567\r\n", i);
    bool is_cut = now->ends && head->len > 1 && head->data[head->len - 1] != '\n';
    if (head->len > 0 && !is_cut)
        leati_bytes_add(head, "\r\n", 2);
    const char *message = now->glued ? now->glued : "taken?";
    if (now->glued || (now->demand != OPENS && !now->ends))
        leati_ws_frame_append(head, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .payload = message,
                                                   .len = strlen(message)));
}
#pragma GCC diagnostic pop

/* ---- judging -------------------------------------------------------------------------------- */

static void refusal_judge(struct leati_judge_guest *guest, const struct answer *now,
                          struct leati_finding *finding)
{
    struct leati_wire *wire = &guest->wire;
    bool may_open = now->demand == MAY_OPEN;
    bool has_said = leati_wire_more(wire, 0, wire->patience_ms);
    unsigned opcode = has_said ? wire->in.data[0] & 0xfu : 0;
    if (wire->end == LEATI_WIRE_STOPPED)
        leati_find(finding, NOT_RUN, "the judge was stopped");
    else if (has_said && opcode == LEATI_WS_CLOSE)
        leati_find(finding, may_open ? INFORMATIONAL : NON_STRICT,
                   "it fails, but sends a Close as if it had been opened");
    else if (has_said)
        leati_find(finding, may_open ? INFORMATIONAL : FAIL,
                   "it takes it, and goes on with %zu bytes", wire->in.len);
    else if (wire->end == LEATI_WIRE_OPEN)
        leati_find(finding, FAIL, "it neither fails nor goes on");
    else
        leati_find(finding, may_open ? INFORMATIONAL : PASS, "it fails: %s",
                   leati_wire_describe(wire));
}

static void opening_judge(struct leati_judge_guest *guest, const struct answer *now,
                          struct leati_finding *finding)
{
    struct leati_wire *wire = &guest->wire;
    bool is_back = true;
    if (now->glued) {
        size_t len = strlen(now->glued);
        is_back = leati_wire_need(wire, 6 + len);
        leati_bytes_consume(&wire->in, is_back ? 6 + len : 0);
    }
    if (!is_back)
        (void)leati_judge_tell(wire, finding, FAIL, "the message behind the head is lost");
    else if (!leati_ws_echo(wire, "opened", false))
        (void)leati_judge_tell(wire, finding, FAIL, "a message does not come back");
    else
        leati_find(finding, PASS, "it is open, and a message came back");
    if (is_back)
        leati_ws_client_dismiss(guest, NULL);
}

static void answer_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                        struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct answer *now = trial->data;
    struct leati_bytes head = {0};
    (void)judge;
    answer_write(guest, now, &head);
    (void)leati_wire_give(&guest->wire, &head, now->chunk);
    if (now->ends)
        leati_wire_shut(&guest->wire);
    if (now->demand == OPENS)
        opening_judge(guest, now, ret_finding);
    else
        refusal_judge(guest, now, ret_finding);
}

void leati_ws_client_heads(struct leat_testing_conformance *judge)
{
    static const char *const expected[] = {
        [OPENS] = "it is open: a message comes back",
        [REFUSES] = "the connection fails, and TCP ends",
        [MAY_OPEN] = "as it likes",
    };
    for (size_t i = 0; i < ANSWERS; ++i)
        leati_judge_add(judge, answers[i].id, answers[i].section, answers[i].title,
                        answers[i].glued ? "it is open: this message and another come back"
                                         : expected[answers[i].demand],
                        answer_play, &answers[i]);
}

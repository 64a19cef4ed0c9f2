/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for an upgrade of all kinds, for servers: RFC 6455 section 4.2, RFC 7692 section 7.1, and what RFC
 * 9110 and RFC 9112 say of heads. */
#include "testing/conformance/ws_play.h"
#include "testing/conformance/ws_upgrade.h"

#include <stdio.h>
#include <string.h>

#define OPENING "RFC 6455 section 4.2.1"
#define HTTP    "RFC 9112"
#define DEFLATE "RFC 7692 section 7.1"

enum { HEAD_BYTES = 16384, GLUED_MS = 2000 };

enum demand {
    OPENS,      /* it must be a WebSocket then */
    REFUSES,    /* it must not */
    MAY_OPEN,   /* the RFCs leave it open */
    DECLINES,   /* it is a WebSocket, without compression */
    COMPRESSES, /* it is one, with compression or without, but the answer keeps the offer */
};

/* A line that is NULL is the usual one, and one that is "" is not there. */
struct request {
    const char *id, *section, *title;
    enum demand demand;
    const char *line, *host, *upgrade, *connection, *key, *version;
    const char *more;
    const char *glued;  /* a text message behind the head, in the same write */
    unsigned chunk;     /* bytes at a time */
    unsigned filler;    /* further fields of so many bytes in all */
    bool wants_version; /* the refusal tells which version it knows (section 4.4) */
};

static const struct request requests[] = {
    {"upgrade.plain", OPENING, "the usual request", OPENS, .chunk = 0},
    {"upgrade.byte-by-byte", OPENING, "the usual request, byte for byte", OPENS, .chunk = 1},
    {"upgrade.letters", OPENING, "names and words in other letters", OPENS, .host = "hOST: %s\r\n",
     .upgrade = "UPGRADE: WebSocket\r\n", .connection = "connection: UPGRADE\r\n",
     .version = "sec-websocket-VERSION: 13\r\n"},
    {"upgrade.connection-list", OPENING, "Connection: keep-alive, Upgrade", OPENS,
     .connection = "Connection: keep-alive, Upgrade\r\n"},
    {"upgrade.connection-lines", OPENING, "Connection in two lines", OPENS,
     .connection = "Connection: keep-alive\r\nConnection: Upgrade\r\n"},
    {"upgrade.blanks", OPENING, "no blanks, and many blanks, around values", OPENS,
     .upgrade = "Upgrade:websocket\r\n", .connection = "Connection: \t Upgrade \t \r\n"},
    {"upgrade.upgrade-list", OPENING, "Upgrade: h2c, websocket", MAY_OPEN,
     .upgrade = "Upgrade: h2c, websocket\r\n"},
    {"upgrade.extension-unknown", "RFC 6455 section 9.1", "an extension that nobody knows", OPENS,
     .more = "Sec-WebSocket-Extensions: x-unknown; a=1; b=\"2\", x-other\r\n"},
    {"upgrade.subprotocol-unknown", OPENING, "a subprotocol that nobody knows", MAY_OPEN,
     .more = "Sec-WebSocket-Protocol: x-unknown.leat, x-other\r\n"},
    {"upgrade.origin", OPENING, "Origin: null", MAY_OPEN, .more = "Origin: null\r\n"},
    {"upgrade.fields-many", HTTP, "40 further fields", OPENS, .filler = 1000},
    {"upgrade.cookie-long", HTTP, "a field of 2000 bytes", OPENS, .filler = 2000},
    {"upgrade.head-huge", HTTP, "a head of 1 MiB", MAY_OPEN, .filler = 1 << 20},
    {"upgrade.crlf-before", HTTP " section 2.2", "an empty line before the request", MAY_OPEN,
     .line = "\r\nGET %s HTTP/1.1\r\n"},
    {"upgrade.glued", OPENING, "a message behind the head, in the same write", MAY_OPEN,
     .glued = "glued"},
    {"upgrade.method-post", OPENING, "POST instead of GET", REFUSES, .line = "POST %s HTTP/1.1\r\n",
     .more = "Content-Length: 0\r\n"},
    {"upgrade.http-1.0", OPENING, "HTTP/1.0", REFUSES, .line = "GET %s HTTP/1.0\r\n"},
    {"upgrade.http-junk", HTTP " section 3", "a version that is none", REFUSES,
     .line = "GET %s HTPT/1.1\r\n"},
    {"upgrade.no-http", HTTP " section 3", "a line that is no request", REFUSES,
     .line = "\x16\x03\x01 no HTTP at all\r\n"},
    {"upgrade.host-missing", HTTP " section 3.2", "no Host", REFUSES, .host = ""},
    {"upgrade.host-twice", HTTP " section 3.2", "two Hosts", REFUSES,
     .host = "Host: %s\r\nHost: example.com\r\n"},
    {"upgrade.upgrade-missing", OPENING, "no Upgrade", REFUSES, .upgrade = ""},
    {"upgrade.upgrade-other", OPENING, "Upgrade: websockets", REFUSES,
     .upgrade = "Upgrade: websockets\r\n"},
    {"upgrade.connection-missing", OPENING, "no Connection", REFUSES, .connection = ""},
    {"upgrade.connection-other", OPENING, "Connection: keep-alive", REFUSES,
     .connection = "Connection: keep-alive\r\n"},
    {"upgrade.key-missing", OPENING, "no Sec-WebSocket-Key", REFUSES, .key = ""},
    {"upgrade.key-empty", OPENING, "an empty Sec-WebSocket-Key", REFUSES,
     .key = "Sec-WebSocket-Key: \r\n"},
    {"upgrade.key-short", OPENING, "a key of 15 bytes", REFUSES,
     .key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n"},
    {"upgrade.key-long", OPENING, "a key of 17 bytes", REFUSES,
     .key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n"},
    {"upgrade.key-junk", OPENING, "a key that is not base64", REFUSES,
     .key = "Sec-WebSocket-Key: ????????????????????????\r\n"},
    {"upgrade.key-twice", OPENING, "two keys", REFUSES,
     .key =
         "Sec-WebSocket-Key: " LEATI_WS_KEY "\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n"},
    {"upgrade.version-missing", "RFC 6455 section 4.4", "no Sec-WebSocket-Version", REFUSES,
     .version = ""},
    {"upgrade.version-8", "RFC 6455 section 4.4", "version 8", REFUSES,
     .version = "Sec-WebSocket-Version: 8\r\n", .wants_version = true},
    {"upgrade.version-14", "RFC 6455 section 4.4", "version 14", REFUSES,
     .version = "Sec-WebSocket-Version: 14\r\n", .wants_version = true},
    {"upgrade.version-junk", "RFC 6455 section 4.4", "version 13a", REFUSES,
     .version = "Sec-WebSocket-Version: 13a\r\n", .wants_version = true},
    {"upgrade.blank-in-name", HTTP " section 5.1", "a blank between a name and its colon", REFUSES,
     .more = "X-Blank : 1\r\n"},
    {"upgrade.folded", HTTP " section 5.2", "a folded line", MAY_OPEN,
     .more = "X-Folded: a\r\n b\r\n"},
    {"upgrade.lf", HTTP " section 2.2", "lines that end in LF only", MAY_OPEN,
     .upgrade = "Upgrade: websocket\n", .connection = "Connection: Upgrade\n"},
    {"upgrade.cr-in-value", HTTP " section 2.2", "a bare CR in a value", REFUSES,
     .more = "X-Bare: a\rb\r\n"},
    {"deflate-offer.plain", DEFLATE, "permessage-deflate", COMPRESSES,
     .more = "permessage-deflate"},
    {"deflate-offer.client-bits", DEFLATE, "client_max_window_bits without a value", COMPRESSES,
     .more = "permessage-deflate; client_max_window_bits"},
    {"deflate-offer.client-bits-10", DEFLATE, "client_max_window_bits=10", COMPRESSES,
     .more = "permessage-deflate; client_max_window_bits=10"},
    {"deflate-offer.server-bits-8", DEFLATE, "server_max_window_bits=8", COMPRESSES,
     .more = "permessage-deflate; server_max_window_bits=8"},
    {"deflate-offer.server-bits-9", DEFLATE, "server_max_window_bits=9", COMPRESSES,
     .more = "permessage-deflate; server_max_window_bits=9"},
    {"deflate-offer.no-takeover", DEFLATE, "both no_context_takeover", COMPRESSES,
     .more = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
    {"deflate-offer.quoted", DEFLATE, "server_max_window_bits=\"10\"", COMPRESSES,
     .more = "permessage-deflate; server_max_window_bits=\"10\""},
    {"deflate-offer.unknown", DEFLATE, "a parameter that is none", DECLINES,
     .more = "permessage-deflate; x_unknown"},
    {"deflate-offer.twice", DEFLATE, "a parameter twice", DECLINES,
     .more = "permessage-deflate; server_no_context_takeover; server_no_context_takeover"},
    {"deflate-offer.server-bits-7", DEFLATE, "server_max_window_bits=7", DECLINES,
     .more = "permessage-deflate; server_max_window_bits=7"},
    {"deflate-offer.server-bits-16", DEFLATE, "server_max_window_bits=16", DECLINES,
     .more = "permessage-deflate; server_max_window_bits=16"},
    {"deflate-offer.server-bits-none", DEFLATE, "server_max_window_bits without a value", DECLINES,
     .more = "permessage-deflate; server_max_window_bits"},
    {"deflate-offer.server-bits-zero", DEFLATE, "server_max_window_bits=010", DECLINES,
     .more = "permessage-deflate; server_max_window_bits=010"},
    {"deflate-offer.client-bits-16", DEFLATE, "client_max_window_bits=16", DECLINES,
     .more = "permessage-deflate; client_max_window_bits=16"},
    {"deflate-offer.takeover-value", DEFLATE, "server_no_context_takeover=1", DECLINES,
     .more = "permessage-deflate; server_no_context_takeover=1"},
    {"deflate-offer.second", DEFLATE, "a bad offer, then a good one", COMPRESSES,
     .more = "permessage-deflate; x_unknown, permessage-deflate"},
};

enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_offer(const struct request *now)
{
    return now->demand == DECLINES || now->demand == COMPRESSES;
}

static void line_write(struct leati_bytes *head, const char *line, const char *usual)
{
    const char *text = line ? line : usual;
    leati_bytes_add(head, text, strlen(text));
}

static void filler_write(struct leati_bytes *head, unsigned filler)
{
    if (filler == 2000) {
        leati_bytes_text(head, "Cookie: a=");
        for (unsigned i = 0; i < filler; ++i)
            leati_bytes_add(head, "c", 1);
        leati_bytes_add(head, "\r\n", 2);
        return;
    }
    for (unsigned i = 0; i < filler; i += 25)
        leati_bytes_text(head, "X-Field-%05u: 0123456789\r\n", i / 25);
}

/* Formats of lines have one %s at most: that is what the table is for. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void request_write(const struct leat_testing_conformance *judge, const struct request *now,
                          struct leati_bytes *head)
{
    leati_bytes_text(head, now->line ? now->line : "GET %s HTTP/1.1\r\n", judge->endpoint.path);
    leati_bytes_text(head, now->host ? now->host : "Host: %s\r\n", judge->endpoint.authority);
    line_write(head, now->upgrade, "Upgrade: websocket\r\n");
    line_write(head, now->connection, "Connection: Upgrade\r\n");
    line_write(head, now->key, "Sec-WebSocket-Key: " LEATI_WS_KEY "\r\n");
    line_write(head, now->version, "Sec-WebSocket-Version: 13\r\n");
    if (is_offer(now))
        leati_bytes_text(head, "Sec-WebSocket-Extensions: %s\r\n", now->more);
    else
        line_write(head, now->more, "");
    filler_write(head, now->filler);
    leati_bytes_add(head, "\r\n", 2);
    if (now->glued)
        leati_ws_frame_append(head,
                              LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .masked = true,
                                             .payload = now->glued, .len = strlen(now->glued)));
}
#pragma GCC diagnostic pop

/* ---- judging -------------------------------------------------------------------------------- */

static void refusal_judge(const struct request *now, const char *head,
                          struct leati_finding *finding)
{
    char versions[64];
    unsigned status = leati_head_status(head);
    int len = (int)strcspn(head, "\r\n");
    (void)leati_head_field(head, "Sec-WebSocket-Version", versions, sizeof(versions));
    if (status == 101)
        leati_find(finding, FAIL, "it takes it: %.*s", len, head);
    else if (status == 0)
        leati_find(finding, FAIL, "what it says is no HTTP: %.*s", len, head);
    else if (status >= 500 && status != 501 && status != 505)
        leati_find(finding, NON_STRICT, "%.*s, as if it were the server's fault", len, head);
    else if (now->wants_version && !leati_head_lists(versions, "13"))
        leati_find(finding, NON_STRICT, "%.*s, without the Sec-WebSocket-Version that it knows",
                   len, head);
    else
        leati_find(finding, PASS, "%.*s", len, head);
}

/* It is a WebSocket: whether it works, and with what was agreed to. */
static void opening_judge(struct leati_wire *wire, const struct request *now, const char *head,
                          struct leati_finding *finding)
{
    char agreed[512], subprotocol[128], problem[160];
    (void)leati_head_field(head, "Sec-WebSocket-Extensions", agreed, sizeof(agreed));
    (void)leati_head_field(head, "Sec-WebSocket-Protocol", subprotocol, sizeof(subprotocol));
    const char *last_offer = is_offer(now) ? strrchr(now->more, ',') : NULL;
    const char *offer = last_offer ? last_offer + 2 : is_offer(now) ? now->more : "";
    bool is_known = subprotocol[0] == '\0' || (now->more && strstr(now->more, subprotocol));
    if (now->demand == DECLINES && agreed[0] != '\0')
        leati_find(finding, FAIL, "it agrees: '%s'", agreed);
    else if (!leati_ws_agreement_check(offer, agreed, problem, sizeof(problem)))
        leati_find(finding, FAIL, "%s: '%s'", problem, agreed);
    else if (!is_known)
        leati_find(finding, FAIL, "it chooses the subprotocol '%s'", subprotocol);
    else if (now->demand == MAY_OPEN)
        leati_find(finding, INFORMATIONAL, "it takes it");
    else if (agreed[0] == '\0' && !leati_ws_echo(wire, "opened", true))
        leati_find(finding, FAIL, "it opens, but the message behind does not come back: %s",
                   leati_wire_describe(wire));
    else
        leati_find(finding, PASS, "101%s%s%s", agreed[0] ? ", '" : "", agreed,
                   agreed[0] ? "'" : "");
}

static void glued_judge(struct leati_wire *wire, const struct request *now,
                        struct leati_finding *finding)
{
    size_t len = strlen(now->glued);
    if (wire->patience_ms > GLUED_MS)
        wire->patience_ms = GLUED_MS;
    bool is_back =
        leati_wire_need(wire, 2 + len) && memcmp(wire->in.data + 2, now->glued, len) == 0;
    leati_find(finding, INFORMATIONAL,
               is_back ? "it takes the message, too" : "it loses the message: %s",
               leati_wire_describe(wire));
}

static void request_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                         struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct request *now = trial->data;
    struct leati_bytes request = {0};
    struct leati_wire wire;
    char head[HEAD_BYTES];
    (void)guest;
    request_write(judge, now, &request);
    if (!leati_ws_request(judge, &request, now->chunk, &wire, head, sizeof(head), ret_finding)) {
        if (ret_finding->verdict == FAIL && now->demand == MAY_OPEN)
            ret_finding->verdict = INFORMATIONAL;
        else if (ret_finding->verdict == FAIL && now->demand == REFUSES &&
                 strstr(ret_finding->seen, "TCP"))
            ret_finding->verdict = NON_STRICT;
        leati_bytes_done(&request);
        return;
    }
    bool opens = leati_head_status(head) == 101;
    if (now->demand == REFUSES)
        refusal_judge(now, head, ret_finding);
    else if (!opens && now->demand == MAY_OPEN)
        leati_find(ret_finding, INFORMATIONAL, "%.*s", (int)strcspn(head, "\r\n"), head);
    else if (!opens && now->demand == DECLINES)
        leati_find(ret_finding, NON_STRICT, "it refuses the upgrade: %.*s",
                   (int)strcspn(head, "\r\n"), head);
    else if (leati_ws_head_is_right(head, LEATI_WS_KEY, ret_finding) && now->glued)
        glued_judge(&wire, now, ret_finding);
    else if (opens && leati_ws_head_is_right(head, LEATI_WS_KEY, ret_finding))
        opening_judge(&wire, now, head, ret_finding);
    leati_wire_close(&wire);
    leati_bytes_done(&request);
}

void leati_ws_server_heads(struct leat_testing_conformance *judge)
{
    static const char *const expected[] = {
        [OPENS] = "101, and messages come back",
        [REFUSES] = "an answer that is not 101",
        [MAY_OPEN] = "as it likes",
        [DECLINES] = "101 without permessage-deflate",
        [COMPRESSES] = "101, with an agreement that keeps the offer, or without",
    };
    for (size_t i = 0; i < REQUESTS; ++i) {
        const struct request *now = &requests[i];
        leati_judge_add(judge, now->id, now->section, now->title,
                        now->wants_version ? "426 or 400 with Sec-WebSocket-Version: 13"
                                           : expected[now->demand],
                        request_play, now);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of HTTP proxies that know CONNECT: RFC 9110 section 9.3.6, RFC 9112. */
#include "testing/conformance/tunnel.h"
#include "testing/conformance/ws_upgrade.h"
#include "testing/resolve.h"

#include "util/alloc.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECT "RFC 9110 section 9.3.6"
#define AUTH    "RFC 9110 section 11.7"
#define HTTP    "RFC 9112"
#define BEYOND  "RFC 9110, beyond its text"

enum { HEAD_BYTES = 16384 };

enum demand {
    OPENS,    /* 2xx, and both directions carry */
    REFUSES,  /* a status of 4xx or 5xx */
    FAILS,    /* 5xx: it cannot connect */
    MAY_OPEN, /* the RFCs leave it open */
    ASKS,     /* 407 with Proxy-Authenticate, if the URL has a user */
};

enum special {
    NONE,
    NO_LISTENER,
    IPV6,
    LOCALHOST,
    TARGET_FIRST,
    CLIENT_FIRST,
    AGAIN,
    CUT_SHORT,
    MANY
};

struct row {
    const char *id, *section, *title;
    enum demand demand;
    enum special special;
    const char *line; /* with %s for host:port; NULL = the usual one */
    const char *host; /* the line of Host, likewise; "" = none */
    const char *more;
    const char *user; /* as Basic; "" = none, NULL = that of the URL */
    int number;
    unsigned chunk, filler;
};

static const struct row rows[] = {
    {"request.ipv4", CONNECT, "an IPv4 address", OPENS, NONE, .chunk = 0},
    {"request.name", CONNECT, "a name", OPENS, LOCALHOST, .chunk = 0},
    {"request.ipv6", CONNECT, "an IPv6 address in brackets", MAY_OPEN, IPV6, .chunk = 0},
    {"request.byte-by-byte", CONNECT, "the request byte for byte", OPENS, NONE, .chunk = 1},
    {"request.host-other", CONNECT, "another Host than the target", MAY_OPEN, NONE,
     .host = "Host: other.invalid\r\n"},
    {"request.host-missing", HTTP " section 3.2", "HTTP/1.1 without Host", REFUSES, NONE,
     .host = ""},
    {"request.host-twice", HTTP " section 3.2", "two Hosts", REFUSES, NONE,
     .host = "Host: %s\r\nHost: other.invalid\r\n"},
    {"request.http-1.0", CONNECT, "HTTP/1.0 without Host", MAY_OPEN, NONE,
     .line = "CONNECT %s HTTP/1.0\r\n", .host = ""},
    {"request.fields-many", HTTP, "40 further fields", OPENS, NONE, .filler = 40},
    {"request.head-huge", HTTP, "a head of 1 MiB", MAY_OPEN, NONE, .filler = 42000},
    {"request.folded", HTTP " section 5.2", "a folded line", MAY_OPEN, NONE,
     .more = "X-Folded: a\r\n b\r\n"},
    {"request.crlf-before", HTTP " section 2.2", "an empty line before the request", MAY_OPEN, NONE,
     .line = "\r\nCONNECT %s HTTP/1.1\r\n"},
    {"request.content-length", CONNECT, "Content-Length: 0", MAY_OPEN, NONE,
     .more = "Content-Length: 0\r\n"},
    {"request.port-missing", CONNECT, "a target without a port", REFUSES, NONE,
     .line = "CONNECT localhost HTTP/1.1\r\n"},
    {"request.port-empty", CONNECT, "a target with an empty port", REFUSES, NONE,
     .line = "CONNECT localhost: HTTP/1.1\r\n"},
    {"request.port-0", CONNECT, "port 0", REFUSES, NONE,
     .line = "CONNECT 127.0.0.1:0 HTTP/1.1\r\n"},
    {"request.port-65536", CONNECT, "port 65536 and above", REFUSES, NONE,
     .line = "CONNECT 127.0.0.1:131072 HTTP/1.1\r\n"},
    {"request.port-letters", CONNECT, "a port that is no number", REFUSES, NONE,
     .line = "CONNECT localhost:http HTTP/1.1\r\n"},
    {"request.host-empty", CONNECT, "an empty host", REFUSES, NONE,
     .line = "CONNECT :80 HTTP/1.1\r\n"},
    {"request.path", CONNECT, "a path in place of a target", REFUSES, NONE,
     .line = "CONNECT / HTTP/1.1\r\n"},
    {"request.userinfo", CONNECT, "a target with a user", REFUSES, NONE,
     .line = "CONNECT a:b@%s HTTP/1.1\r\n"},
    {"request.method-letters", CONNECT, "connect, in small letters", REFUSES, NONE,
     .line = "connect %s HTTP/1.1\r\n"},
    {"request.http-junk", HTTP " section 3", "a version that is none", REFUSES, NONE,
     .line = "CONNECT %s HTPT/1.1\r\n"},
    {"request.junk", HTTP " section 3", "a line that is no request", REFUSES, NONE,
     .line = "what is this\r\n"},
    {"request.blank-in-name", HTTP " section 5.1", "a blank between a name and its colon", REFUSES,
     NONE, .more = "X-Blank : 1\r\n"},
    {"reply.refused", CONNECT, "nobody listens there", FAILS, NO_LISTENER, .chunk = 0},
    {"reply.unknown-host", CONNECT, "a name that does not exist", FAILS, NONE,
     .line = "CONNECT no-such-host.invalid:80 HTTP/1.1\r\n"},
    {"reply.name-255", CONNECT, "a name of 255 bytes", REFUSES, NONE, .filler = 255, .chunk = 0},
    {"reply.target-first", BEYOND, "the target speaks before the answer can have left", OPENS,
     TARGET_FIRST, .chunk = 0},
    {"request.data-behind", BEYOND, "data behind the request, in the same write", MAY_OPEN,
     CLIENT_FIRST, .chunk = 0},
    {"auth.none", AUTH, "a user is wanted, and none is shown", ASKS, NONE, .user = ""},
    {"auth.wrong", AUTH, "another password", ASKS, NONE, .user = "nobody:nothing"},
    {"auth.junk", AUTH, "what is no base64", ASKS, NONE, .user = "",
     .more = "Proxy-Authorization: Basic ?\r\n"},
    {"auth.again", AUTH, "a 407, then the right user on the same connection", OPENS, AGAIN,
     .user = ""},
    {"endurance.cut-short", BEYOND, "40 connections that end within the head, then a good one",
     OPENS, CUT_SHORT, .number = 40},
    {"endurance.many", BEYOND, "20 tunnels at once", OPENS, MANY, .number = 20},
};

static const struct row usual = {.demand = OPENS};

/* ---- a request and its answer ---------------------------------------------------------------- */

static void user_write(const struct leat_testing_conformance *judge, const char *user,
                       struct leati_bytes *head)
{
    char both[520], encoded[700];
    if (!user && judge->endpoint.has_user)
        snprintf(both, sizeof(both), "%s:%s", judge->endpoint.user, judge->endpoint.password);
    else
        snprintf(both, sizeof(both), "%s", user ? user : "");
    if (both[0] &&
        leati_text_base64_encode((const uint8_t *)both, strlen(both), encoded, sizeof(encoded)))
        leati_bytes_text(head, "Proxy-Authorization: Basic %s\r\n", encoded);
    leati_wipe(both, sizeof(both));
    leati_wipe(encoded, sizeof(encoded));
}

/* Formats of lines have one %s at most: that is what the table is for. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void request_write(const struct leat_testing_conformance *judge,
                          const struct leati_tunnel *tunnel, const struct row *row,
                          struct leati_bytes *head)
{
    char target[400];
    bool is_long = row->filler == 255;
    const char *host = row->special == LOCALHOST ? "localhost" : tunnel->host;
    snprintf(target, sizeof(target), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, tunnel->port);
    if (is_long) {
        memset(target, 'n', 247);
        for (size_t i = 50; i < 240; i += 50)
            target[i] = '.';
        snprintf(target + 247, sizeof(target) - 247, ".invalid:80");
    }
    leati_bytes_text(head, row->line ? row->line : "CONNECT %s HTTP/1.1\r\n", target);
    leati_bytes_text(head, row->host ? row->host : "Host: %s\r\n", target);
    leati_bytes_text(head, "%s", row->more ? row->more : "");
    user_write(judge, row->user, head);
    for (unsigned i = 0; !is_long && i < row->filler; ++i)
        leati_bytes_text(head, "X-Field-%06u: 01234567\r\n", i);
    leati_bytes_add(head, "\r\n", 2);
}
#pragma GCC diagnostic pop

/* Reads the head of an answer, behind those of 1xx. @return its status; 0: none came, and it is told. */
static unsigned answer_read(struct leati_wire *wire, char ret_head[HEAD_BYTES],
                            struct leati_finding *finding)
{
    for (;;) {
        if (!leati_wire_take_head(wire, ret_head, HEAD_BYTES)) {
            (void)leati_judge_tell(wire, finding, FAIL, "no answer");
            return 0;
        }
        unsigned status = leati_head_status(ret_head);
        if (status == 0)
            leati_find(finding, FAIL, "what it says is no HTTP: %.*s",
                       (int)strcspn(ret_head, "\r\n"), ret_head);
        if (status < 100 || status >= 200)
            return status;
    }
}

static bool tunnel_ask(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                       const struct row *row, const char *behind, struct leati_finding *finding)
{
    struct leati_bytes head = {0};
    if (!tunnel->has_client)
        tunnel->has_client = leati_judge_dial(judge, &tunnel->client, finding);
    if (!tunnel->has_client)
        return false;
    request_write(judge, tunnel, row, &head);
    leati_bytes_text(&head, "%s", behind);
    (void)leati_wire_send(&tunnel->client, head.data, head.len, row->chunk);
    if (head.data)
        leati_wipe(head.data, head.len);
    leati_bytes_done(&head);
    return true;
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool is_open(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                    const char *head, struct leati_finding *finding)
{
    char value[128];
    unsigned status = leati_head_status(head);
    if (status < 200 || status > 299)
        return leati_find(finding, FAIL, "%.*s", (int)strcspn(head, "\r\n"), head);
    if (leati_head_field(head, "Transfer-Encoding", value, sizeof(value)) > 0 ||
        leati_head_field(head, "Content-Length", value, sizeof(value)) > 0)
        return leati_find(finding, FAIL, "its %u announces a body ('%s'), which it must not",
                          status, value);
    if (tunnel->has_target || leati_tunnel_accept(judge, tunnel))
        return true;
    return leati_find(finding, FAIL, "%u, but it has not connected", status);
}

static bool open_one(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                     const struct row *row, struct leati_finding *finding)
{
    char head[HEAD_BYTES];
    bool is_v6 = row->special == LOCALHOST && leati_testing_localhost_is_v6();
    return leati_tunnel_listen(judge, tunnel, is_v6) &&
           tunnel_ask(judge, tunnel, row, "", finding) &&
           answer_read(&tunnel->client, head, finding) != 0 &&
           is_open(judge, tunnel, head, finding);
}

static void refusal_judge(const struct row *row, const char *head, struct leati_finding *finding)
{
    char value[256];
    unsigned status = leati_head_status(head);
    int len = (int)strcspn(head, "\r\n");
    bool asks = leati_head_field(head, "Proxy-Authenticate", value, sizeof(value)) > 0;
    enum leat_testing_verdict verdict = PASS;
    if (status < 400 || (row->demand == ASKS && (status != 407 || !asks)))
        verdict = FAIL;
    else if (row->demand == FAILS && status < 500)
        verdict = NON_STRICT;
    leati_find(finding, verdict, "%.*s%s", len, head,
               status == 407 && !asks ? ", without Proxy-Authenticate" : "");
}

static void glue_judge(struct leati_tunnel *tunnel, const struct row *row, const char *words,
                       struct leati_finding *finding)
{
    bool is_target = row->special == TARGET_FIRST;
    struct leati_wire *wire = is_target ? &tunnel->client : &tunnel->target;
    size_t len = strlen(words);
    bool is_there = leati_wire_need(wire, len) && memcmp(wire->in.data, words, len) == 0;
    leati_find(finding,
               !is_target ? INFORMATIONAL
               : is_there ? PASS
                          : FAIL,
               is_there ? "it arrives" : "it is lost, or changed");
}

static void one_play(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                     const struct row *row, struct leati_finding *finding)
{
    static const char words[] = "too early, or glued";
    char head[HEAD_BYTES];
    bool has_user = judge->endpoint.has_user;
    if ((row->demand == ASKS || row->special == AGAIN) && !has_user) {
        leati_find(finding, NOT_RUN, "the URL has no user");
        return;
    }
    if (!leati_tunnel_listen(judge, tunnel, row->special == IPV6) ||
        (row->special == LOCALHOST && judge->options.target_address))
        return;
    if (row->special == NO_LISTENER) {
        close(tunnel->listener);
        tunnel->listener = -1;
    }
    if (!tunnel_ask(judge, tunnel, row, row->special == CLIENT_FIRST ? words : "", finding))
        return;
    if (row->special == TARGET_FIRST && leati_tunnel_accept(judge, tunnel))
        (void)leati_wire_send(&tunnel->target, words, strlen(words), 0);
    unsigned status = answer_read(&tunnel->client, head, finding);
    if (status == 0 && row->demand != OPENS && tunnel->client.end != LEATI_WIRE_STOPPED) {
        bool has_ended = tunnel->client.end != LEATI_WIRE_OPEN;
        finding->verdict = row->demand == MAY_OPEN ? INFORMATIONAL : has_ended ? NON_STRICT : FAIL;
    }
    if (status == 0)
        return;
    bool is_refused = status < 200 || status > 299;
    if (row->demand == MAY_OPEN && is_refused)
        leati_find(finding, INFORMATIONAL, "%.*s", (int)strcspn(head, "\r\n"), head);
    else if (row->demand != OPENS && row->demand != MAY_OPEN)
        refusal_judge(row, head, finding);
    else if (is_open(judge, tunnel, head, finding) && row->special >= TARGET_FIRST)
        glue_judge(tunnel, row, words, finding);
    else if (finding->verdict != FAIL)
        (void)leati_tunnel_speak(tunnel, finding);
}

/* Asked, and answered on the same connection. */
static void again_play(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                       const struct row *row, struct leati_finding *finding)
{
    char head[HEAD_BYTES], value[64];
    uint64_t body = 0;
    if (!judge->endpoint.has_user) {
        leati_find(finding, NOT_RUN, "the URL has no user");
        return;
    }
    if (!leati_tunnel_listen(judge, tunnel, false) || !tunnel_ask(judge, tunnel, row, "", finding))
        return;
    if (answer_read(&tunnel->client, head, finding) == 0)
        return;
    (void)leati_head_field(head, "Content-Length", value, sizeof(value));
    (void)leati_text_parse_u64(value, strlen(value), 1 << 20, &body);
    bool stays = leati_wire_need(&tunnel->client, (size_t)body);
    leati_bytes_consume(&tunnel->client.in, stays ? (size_t)body : 0);
    (void)leati_head_field(head, "Connection", value, sizeof(value));
    if (!stays || leati_head_lists(value, "close") || leati_wire_wait_end(&tunnel->client, 100)) {
        leati_find(finding, INFORMATIONAL,
                   "it ends TCP behind its 407: the client has to come again");
        return;
    }
    if (tunnel_ask(judge, tunnel, &usual, "", finding) &&
        answer_read(&tunnel->client, head, finding) != 0 && is_open(judge, tunnel, head, finding))
        (void)leati_tunnel_speak(tunnel, finding);
}

static void many_play(struct leat_testing_conformance *judge, const struct row *row,
                      struct leati_finding *finding)
{
    size_t count = (size_t)row->number;
    struct leati_tunnel *tunnels = leati_calloc(count, sizeof(*tunnels));
    size_t opened = 0;
    bool is_well = tunnels != NULL;
    for (; is_well && opened < count; ++opened)
        is_well = open_one(judge, &tunnels[opened], &usual, finding);
    for (size_t i = opened; is_well && i-- > 0;)
        is_well = leati_tunnel_speak(&tunnels[i], finding);
    for (size_t i = 0; i < opened; ++i)
        leati_tunnel_close(&tunnels[i]);
    leati_free(tunnels);
}

static void row_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                     struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    static const char half[] = "CONNECT localhost:80 HTTP/1.1\r\nHo";
    const struct row *row = trial->data;
    struct leati_tunnel tunnel = {.listener = -1};
    struct leati_wire wire;
    (void)guest;
    leati_find(ret_finding, NOT_RUN, "this machine has no such address");
    for (int i = 0; row->special == CUT_SHORT && i < row->number; ++i) {
        if (!leati_judge_dial(judge, &wire, ret_finding))
            return;
        (void)leati_wire_send(&wire, half, (size_t)i % (sizeof(half) - 1), 0);
        if (i % 2)
            leati_wire_reset(&wire);
        leati_wire_close(&wire);
    }
    if (row->special == MANY)
        many_play(judge, row, ret_finding);
    else if (row->special == AGAIN)
        again_play(judge, &tunnel, row, ret_finding);
    else if (row->special != CUT_SHORT)
        one_play(judge, &tunnel, row, ret_finding);
    else if (open_one(judge, &tunnel, &usual, ret_finding))
        (void)leati_tunnel_speak(&tunnel, ret_finding);
    leati_tunnel_close(&tunnel);
}

static void demand_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                        struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const enum leati_tunnel_demand *demand = trial->data;
    struct leati_tunnel tunnel = {.listener = -1};
    (void)guest;
    leati_find(ret_finding, NOT_RUN, "this machine has no such address");
    if (open_one(judge, &tunnel, &usual, ret_finding))
        leati_tunnel_judge(&tunnel, *demand, ret_finding);
    leati_tunnel_close(&tunnel);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void collect(struct leat_testing_conformance *judge)
{
    static const char *const expected[] = {
        [OPENS] = "2xx without a body, and both directions carry",
        [REFUSES] = "4xx or 5xx",
        [FAILS] = "5xx",
        [MAY_OPEN] = "as it likes",
        [ASKS] = "407 with Proxy-Authenticate",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i)
        leati_judge_add(judge, rows[i].id, rows[i].section, rows[i].title, expected[rows[i].demand],
                        row_play, &rows[i]);
    leati_tunnel_collect(judge, BEYOND, demand_play);
}

static void *beside_begin(struct leat_testing_conformance *judge)
{
    struct leati_finding finding = {.seen = ""};
    struct leati_tunnel *beside = leati_calloc(1, sizeof(*beside));
    if (beside && !open_one(judge, beside, &usual, &finding)) {
        leati_tunnel_beside_end(beside);
        return NULL;
    }
    return beside;
}

const struct leati_subject leati_subject_connect_proxy = {
    .subject = LEAT_TESTING_SUBJECT_CONNECT_PROXY,
    .schemes = "http https",
    .tls_scheme = "https",
    .collect = collect,
    .worker_begin = beside_begin,
    .worker_check = leati_tunnel_beside_check,
    .worker_end = leati_tunnel_beside_end,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of clients of HTTP proxies that use CONNECT: RFC 9110 section 9.3.6. */
#include "testing/conformance/proxy_client.h"
#include "testing/conformance/ws_upgrade.h"

#include <stdio.h>
#include <string.h>

#define CONNECT "RFC 9110 section 9.3.6"
#define STATUS  "RFC 9110 section 15"
#define HTTP    "RFC 9112"

struct row {
    const char *id, *section, *title;
    enum leati_proxy_demand demand;
    const char *answer; /* NULL = the usual one */
    unsigned chunk, filler;
    bool glues, ends, resets, is_large;
};

#define CLOSES           "Content-Length: 0\r\nConnection: close\r\n\r\n"
#define REFUSAL(status_) .answer = "HTTP/1.1 " status_ "\r\n" CLOSES, .ends = true

static const struct row rows[] = {
    {"request.form", CONNECT, "the request of the client", LEATI_PROXY_OPENS, .chunk = 0},
    {"reply.byte-by-byte", CONNECT, "200, byte for byte", LEATI_PROXY_OPENS, .chunk = 1},
    {"reply.glued", CONNECT, "200, data behind the head in the same write", LEATI_PROXY_OPENS,
     .glues = true},
    {"reply.glued-byte-by-byte", CONNECT, "200 and data, byte for byte", LEATI_PROXY_OPENS,
     .glues = true, .chunk = 1},
    {"reply.http-1.0", CONNECT, "HTTP/1.0 200", LEATI_PROXY_OPENS,
     .answer = "HTTP/1.0 200 OK\r\n\r\n"},
    {"reply.201", CONNECT, "201", LEATI_PROXY_OPENS, .answer = "HTTP/1.1 201 Created\r\n\r\n"},
    {"reply.204", CONNECT, "204", LEATI_PROXY_OPENS, .answer = "HTTP/1.1 204 No Content\r\n\r\n"},
    {"reply.299", CONNECT, "299", LEATI_PROXY_OPENS, .answer = "HTTP/1.1 299 Well\r\n\r\n"},
    {"reply.content-length", CONNECT, "200 with Content-Length: 5, which means nothing",
     LEATI_PROXY_OPENS, .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .glues = true},
    {"reply.content-length-0", CONNECT, "200 with Content-Length: 0", LEATI_PROXY_OPENS,
     .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .glues = true},
    {"reply.chunked", CONNECT, "200 with Transfer-Encoding: chunked, which means nothing",
     LEATI_PROXY_OPENS, .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     .glues = true},
    {"reply.connection-close", CONNECT, "200 with Connection: close", LEATI_PROXY_OPENS,
     .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
    {"reply.reason-none", HTTP " section 4", "a status line without a reason", LEATI_PROXY_OPENS,
     .answer = "HTTP/1.1 200 \r\n\r\n"},
    {"reply.reason-bare", HTTP " section 4", "a status line that ends behind the status",
     LEATI_PROXY_EITHER, .answer = "HTTP/1.1 200\r\n\r\n"},
    {"reply.fields-many", HTTP, "40 further fields", LEATI_PROXY_OPENS, .filler = 40},
    {"reply.head-huge", HTTP, "a head of 4 MiB", LEATI_PROXY_EITHER, .filler = 160000},
    {"reply.folded", HTTP " section 5.2", "a folded line", LEATI_PROXY_EITHER,
     .answer = "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\r\n"},
    {"reply.lf", HTTP " section 2.2", "lines that end in LF only", LEATI_PROXY_EITHER,
     .answer = "HTTP/1.1 200 OK\nX: y\n\n"},
    {"reply.100-first", STATUS, "100 in front of the 200", LEATI_PROXY_OPENS,
     .answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
    {"reply.103-first", STATUS, "103 in front of the 200", LEATI_PROXY_OPENS,
     .answer = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
    {"reply.101", STATUS, "101", LEATI_PROXY_REFUSES,
     .answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
     .ends = true},
    {"reply.301", STATUS, "301", LEATI_PROXY_REFUSES,
     REFUSAL("301 Moved Permanently\r\nLocation: http://127.0.0.1:1/")},
    {"reply.400", STATUS, "400", LEATI_PROXY_REFUSES, REFUSAL("400 Bad Request")},
    {"reply.403", STATUS, "403", LEATI_PROXY_REFUSES, REFUSAL("403 Forbidden")},
    {"reply.403-body", STATUS, "403 with a body", LEATI_PROXY_REFUSES,
     .answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\nConnection: "
               "close\r\n\r\n" LEATI_PROXY_WORDS,
     .ends = true},
    {"reply.404", STATUS, "404", LEATI_PROXY_REFUSES, REFUSAL("404 Not Found")},
    {"reply.405", STATUS, "405", LEATI_PROXY_REFUSES,
     REFUSAL("405 Method Not Allowed\r\nAllow: GET")},
    {"reply.407", STATUS, "407, and TCP ends", LEATI_PROXY_REFUSES,
     REFUSAL("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"")},
    {"reply.407-stays", STATUS, "407, and TCP stays open", LEATI_PROXY_EITHER,
     .answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic "
               "realm=\"x\"\r\nContent-Length: 0\r\n\r\n"},
    {"reply.407-bare", STATUS, "407 without Proxy-Authenticate", LEATI_PROXY_REFUSES,
     REFUSAL("407 Proxy Authentication Required")},
    {"reply.500", STATUS, "500", LEATI_PROXY_REFUSES, REFUSAL("500 Internal Server Error")},
    {"reply.502", STATUS, "502", LEATI_PROXY_REFUSES, REFUSAL("502 Bad Gateway")},
    {"reply.503", STATUS, "503", LEATI_PROXY_REFUSES, REFUSAL("503 Service Unavailable")},
    {"reply.504", STATUS, "504", LEATI_PROXY_REFUSES, REFUSAL("504 Gateway Timeout")},
    {"reply.600", STATUS, "600, which is none", LEATI_PROXY_REFUSES, REFUSAL("600 What")},
    {"reply.status-4-digits", HTTP " section 4", "a status of four digits", LEATI_PROXY_REFUSES,
     REFUSAL("2000 OK")},
    {"reply.status-letters", HTTP " section 4", "a status that is no number", LEATI_PROXY_REFUSES,
     REFUSAL("2x0 OK")},
    {"reply.http-2", HTTP " section 4", "HTTP/2 200", LEATI_PROXY_EITHER,
     .answer = "HTTP/2 200 OK\r\n\r\n"},
    {"reply.http-junk", HTTP " section 4", "a status line that is none", LEATI_PROXY_REFUSES,
     .answer = "HTPT/1.1 200 OK\r\n\r\n", .ends = true},
    {"reply.socks5", HTTP " section 4", "an answer of SOCKS5", LEATI_PROXY_REFUSES,
     .answer = "\x05\xff", .ends = true},
    {"reply.cut", HTTP, "TCP ends within the head", LEATI_PROXY_REFUSES,
     .answer = "HTTP/1.1 200 OK\r\nX-Cut", .ends = true},
    {"reply.nothing", HTTP, "TCP ends in place of an answer", LEATI_PROXY_REFUSES, .answer = "",
     .ends = true},
    {"reply.reset", HTTP, "TCP is reset", LEATI_PROXY_EITHER, .answer = "", .resets = true},
    {"tunnel.large", CONNECT, "1 MiB there and back", LEATI_PROXY_OPENS, .is_large = true},
};

/* ---- playing -------------------------------------------------------------------------------- */

/* "CONNECT host:port HTTP/1.1", the same Host, and no body. */
static bool request_check(const char *head, struct leati_finding *finding)
{
    char host[512], length[64];
    size_t len = strcspn(head, "\r\n");
    const char *target = strchr(head, ' ');
    size_t target_len = target ? strcspn(target + 1, " \r\n") : 0;
    unsigned hosts = leati_head_field(head, "Host", host, sizeof(host));
    bool has_body = leati_head_field(head, "Content-Length", length, sizeof(length)) > 0 &&
                    strcmp(length, "0") != 0;
    bool has_port = target && target_len > 0 && memchr(target + 1, ':', target_len) &&
                    !memchr(target + 1, '/', target_len);
    if (strncmp(head, "CONNECT ", 8) != 0 || !has_port || len < 20 ||
        strncmp(head + len - 9, " HTTP/1.", 8) != 0)
        leati_find(finding, FAIL, "its request line is '%.*s'", (int)len, head);
    else if (hosts != 1)
        leati_find(finding, FAIL, "it has %u Host fields", hosts);
    else if (has_body)
        leati_find(finding, NON_STRICT, "its request announces a body");
    else if (strlen(host) != target_len || strncmp(host, target + 1, target_len) != 0)
        leati_find(finding, NON_STRICT, "its Host is '%s', not the target of the request", host);
    else
        return true;
    return false;
}

static void answer_write(const struct row *row, struct leati_bytes *bytes)
{
    leati_bytes_text(bytes, "%s",
                     row->answer   ? row->answer
                     : row->filler ? "HTTP/1.1 200 OK\r\n"
                                   : "HTTP/1.1 200 Connection established\r\n\r\n");
    for (unsigned i = 0; i < row->filler; ++i)
        leati_bytes_text(bytes, "X-Field-%06u: 01234567\r\n", i);
    /* Behind a refusal as well: whoever does not look at it shows that. */
    bool is_whole = bytes->len > 4 && memcmp(bytes->data + bytes->len - 4, "\r\n\r\n", 4) == 0;
    bool glues = row->glues || (row->demand == LEATI_PROXY_REFUSES && is_whole);
    leati_bytes_text(bytes, "%s%s", row->filler ? "\r\n" : "", glues ? LEATI_PROXY_WORDS : "");
}

static void row_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                     struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct row *row = trial->data;
    struct leati_bytes bytes = {0};
    (void)judge;
    struct leati_finding own = {.verdict = PASS};
    bool is_form = strcmp(row->id, "request.form") == 0;
    if (is_form && request_check(guest->head, &own))
        leati_find(&own, PASS, "%.*s", (int)strcspn(guest->head, "\r\n"), guest->head);
    answer_write(row, &bytes);
    (void)leati_wire_give(&guest->wire, &bytes, row->chunk);
    const struct leati_proxy_behind behind = {.demand = row->demand,
                                              .glues = row->glues,
                                              .ends = row->ends,
                                              .resets = row->resets,
                                              .is_large = row->is_large};
    leati_proxy_client_judge(guest, &behind, ret_finding);
    if (is_form && ret_finding->verdict <= own.verdict)
        *ret_finding = own;
}

static void receive(struct leat_testing_conformance *judge, struct leati_judge_guest *guest)
{
    (void)judge;
    if (leati_judge_take_head(guest))
        leati_judge_try_next(guest);
}

static void collect(struct leat_testing_conformance *judge)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i)
        leati_judge_add(judge, rows[i].id, rows[i].section, rows[i].title,
                        leati_proxy_expected(rows[i].demand), row_play, &rows[i]);
}

const struct leati_subject leati_subject_connect_client = {
    .subject = LEAT_TESTING_SUBJECT_CONNECT_CLIENT,
    .listens = true,
    .schemes = "http",
    .collect = collect,
    .receive = receive,
};

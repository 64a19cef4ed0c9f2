/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP proxies: CONNECT (RFC 9110 section 9.3.6), and the way to what forward.c does. */
#include "testing/proxy_auth.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
    char line[300]; /* as it came, cut */
    char host[256];
    uint16_t port;
    bool is_connect;
};

/* ---- the request ----------------------------------------------------------------------------- */

bool leati_proxy_authority_parse(const char *text, size_t len, char ret_host[256],
                                 uint16_t *ret_port)
{
    uint64_t port = 0;
    const char *colon = memrchr(text, ':', len);
    if (colon && memchr(colon, ']', len - (size_t)(colon - text)))
        colon = NULL; /* it is one of an IPv6 address */
    if (colon && !leati_text_parse_u64(colon + 1, len - (size_t)(colon + 1 - text), 65535, &port))
        return false;
    size_t host_len = colon ? (size_t)(colon - text) : len;
    if (host_len > 2 && text[0] == '[' && text[host_len - 1] == ']') {
        ++text;
        host_len -= 2;
    }
    if (host_len == 0 || host_len > 255)
        return false;
    memcpy(ret_host, text, host_len);
    ret_host[host_len] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

/* "host:port" or "[::1]:port". */
static bool authority_parse(const char *text, size_t len, struct request *ret_request)
{
    return memrchr(text, ':', len) && len > 0 && text[len - 1] != ']' &&
           leati_proxy_authority_parse(text, len, ret_request->host, &ret_request->port);
}

/* Reads a head and what it asks for. */
static bool request_read(struct leati_peer *p, struct request *ret_request)
{
    static const char method[] = "CONNECT ";
    struct leati_peer_request *asked = &p->request;
    if (!leati_peer_read_http_head(p))
        return false;
    *ret_request = (struct request){.is_connect = false};
    const char *line = asked->http_head;
    size_t line_len = strcspn(line, "\r\n");
    leati_readable_format(ret_request->line, sizeof(ret_request->line), "%.*s", (int)line_len,
                          line);
    if (strncmp(line, method, sizeof(method) - 1) == 0) {
        line += sizeof(method) - 1;
        ret_request->is_connect = authority_parse(line, strcspn(line, " \r\n"), ret_request);
        memcpy(asked->host, ret_request->host, sizeof(asked->host));
        asked->port = ret_request->port;
    }
    leati_peer_show_request(p);
    return leati_peer_step(p, LEAT_TESTING_STEP_HEAD, "%s", ret_request->line);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static const char *status_name(unsigned status)
{
    switch (status) {
    case 200:
        return "Connection established";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 405:
        return "Method Not Allowed";
    case 407:
        return "Proxy Authentication Required";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return "Refused";
    }
}

/* Takes the refused request's body, behind which the next request begins. */
static bool body_skip(struct leati_peer *p)
{
    char value[32];
    uint64_t len;
    if (leati_peer_http_count(p, "Transfer-Encoding") > 0 || leati_peer_http_count(p, "Expect") > 0)
        return false; /* it may come, or not */
    if (leati_peer_http_count(p, "Content-Length") == 0)
        return true;
    if (leati_peer_http_count(p, "Content-Length") > 1 ||
        !leati_peer_http_field(p, "Content-Length", value, sizeof(value)) ||
        !leati_text_parse_u64(value, strlen(value), LEAT_TESTING_HEAD_BYTES_MAX, &len) ||
        !leati_peer_need(p, (size_t)len))
        return false;
    leati_peer_consume(p, (size_t)len);
    return true;
}

bool leati_proxy_refuse(struct leati_peer *p, unsigned status)
{
    char head[640], fields[400] = "";
    bool is_refused = p->shape.refuse;
    const char *length = "Content-Length: 0\r\n";
    /* After a 407 the client may come again on the same connection. */
    bool goes_on = status == 200 || (status == 407 && !is_refused && body_skip(p));
    if (status == 407)
        leati_proxy_auth_challenge(p, fields, sizeof(fields));
    else if (status == 405)
        snprintf(fields, sizeof(fields), "Allow: CONNECT\r\n");
    else if (status == 200)
        length = "";
    int len = snprintf(head, sizeof(head), "HTTP/1.1 %u %s\r\n%s%s%s\r\n", status,
                       status_name(status), fields, goes_on ? "" : "Connection: close\r\n", length);
    return leati_peer_answer(p, head, (size_t)len) &&
           (goes_on || leati_peer_end(p, LEATI_PEER_CLOSE));
}

bool leati_proxy_reply(struct leati_peer *p, unsigned status)
{
    if (!leati_peer_step(p, LEAT_TESTING_STEP_REPLY, "%u %s", status, status_name(status)))
        return false;
    (void)leati_peer_refuses(p, 502, &status);
    return leati_proxy_refuse(p, status);
}

int leati_proxy_dial(struct leati_peer *p, const char *host, uint16_t port)
{
    int reason = 0;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_CONNECT, "%s:%u", host, port))
        return -1;
    int upstream = leati_peer_dial(p, host, port, &reason);
    if (upstream < 0)
        (void)leati_proxy_reply(p, reason == ETIMEDOUT ? 504 : 502);
    return upstream;
}

static bool tunnel_serve(struct leati_peer *p, const struct request *request)
{
    int upstream = leati_proxy_dial(p, request->host, request->port);
    if (upstream < 0)
        return false;
    if (!leati_proxy_reply(p, 200) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_RELAY, "%s:%u", request->host, request->port)) {
        close(upstream);
        return false;
    }
    return leati_peer_relay(p, upstream) && leati_peer_step_done(p) &&
           leati_peer_end(p, LEATI_PEER_CLOSE);
}

static bool request_serve(struct leati_peer *p)
{
    struct request request;
    if (!request_read(p, &request))
        return false;
    if (leati_peer_http_fault(p))
        return leati_proxy_reply(p, 400);
    bool is_connect = strncmp(request.line, "CONNECT ", 8) == 0;
    bool forwards = p->server->options.kind == LEAT_TESTING_HTTP;
    if (!is_connect && !forwards)
        return leati_proxy_reply(p, 405);
    if (is_connect && !request.is_connect)
        return leati_proxy_reply(p, 400);
    if (!leati_proxy_auth_check(p))
        return leati_proxy_reply(p, 407);
    return is_connect ? tunnel_serve(p, &request) : leati_proxy_forward(p);
}

void leati_testing_serve_connect(struct leati_peer *p)
{
    bool goes_on = leati_peer_tls_step(p);
    while (goes_on)
        goes_on = request_serve(p);
}

void leati_testing_serve_http(struct leati_peer *p)
{
    leati_testing_serve_connect(p);
}

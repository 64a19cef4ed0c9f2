/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP proxy that knows only CONNECT: RFC 9110 section 9.3.6. */
#include "testing/peer.h"
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

/* "host:port" or "[::1]:port". */
static bool authority_parse(const char *text, size_t len, struct request *ret_request)
{
    uint64_t port = 0;
    const char *colon = memrchr(text, ':', len);
    if (!colon ||
        !leati_text_parse_u64(colon + 1, len - (size_t)(colon + 1 - text), 65535, &port)) {
        return false;
    }
    size_t host_len = (size_t)(colon - text);
    if (host_len > 2 && text[0] == '[' && text[host_len - 1] == ']') {
        ++text;
        host_len -= 2;
    }
    if (host_len == 0 || host_len >= sizeof(ret_request->host))
        return false;
    memcpy(ret_request->host, text, host_len);
    ret_request->host[host_len] = '\0';
    ret_request->port = (uint16_t)port;
    return true;
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

/* Notes who the client says that it is, and whether that is right. */
static bool credentials_check(struct leati_peer *p)
{
    const struct leat_testing_options *options = &p->server->options;
    struct leati_peer_request *asked = &p->request;
    char value[1024], decoded[1024];
    if (!options->user)
        return true;
    if (!leati_peer_http_field(p, "Proxy-Authorization", value, sizeof(value)) ||
        !leati_text_equal_nocase(value, 6, "Basic ", 6) ||
        !leati_peer_base64_decode(value + 6, decoded)) {
        return false;
    }
    char *colon = strchr(decoded, ':');
    if (!colon)
        return false;
    *colon = '\0';
    snprintf(asked->user, sizeof(asked->user), "%.255s", decoded);
    snprintf(asked->password, sizeof(asked->password), "%.255s", colon + 1);
    leati_peer_show_request(p);
    bool is_right = strcmp(decoded, options->user) == 0 &&
                    strcmp(colon + 1, options->password ? options->password : "") == 0;
    leati_wipe(decoded, sizeof(decoded));
    return is_right;
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

static bool reply_send(struct leati_peer *p, unsigned status)
{
    char head[256];
    if (!leati_peer_step(p, LEAT_TESTING_STEP_REPLY, "%u %s", status, status_name(status)))
        return false;
    bool is_refused = leati_peer_refuses(p, 502, &status);
    const char *fields = status == 407   ? "Proxy-Authenticate: Basic realm=\"leat-testing\"\r\n"
                                           "Content-Length: 0\r\n"
                         : status == 405 ? "Allow: CONNECT\r\nContent-Length: 0\r\n"
                         : status == 200 ? ""
                                         : "Content-Length: 0\r\n";
    int len = snprintf(head, sizeof(head), "HTTP/1.1 %u %s\r\n%s\r\n", status, status_name(status),
                       fields);
    /* After a 407 the client may come again on the same connection. */
    bool goes_on = status == 200 || (status == 407 && !is_refused);
    return leati_peer_answer(p, head, (size_t)len) &&
           (goes_on || leati_peer_end(p, LEATI_PEER_CLOSE));
}

static bool tunnel_serve(struct leati_peer *p, const struct request *request)
{
    int reason = 0;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_CONNECT, "%s:%u", request->host, request->port))
        return false;
    int upstream = leati_peer_dial(p, request->host, request->port, &reason);
    if (upstream < 0)
        return reply_send(p, reason == ETIMEDOUT ? 504 : 502);
    if (!reply_send(p, 200) ||
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
    if (strncmp(request.line, "CONNECT ", 8) != 0)
        return reply_send(p, 405);
    if (!request.is_connect)
        return reply_send(p, 400);
    if (!credentials_check(p))
        return reply_send(p, 407);
    return tunnel_serve(p, &request);
}

void leati_testing_serve_connect(struct leati_peer *p)
{
    bool goes_on = leati_peer_tls_step(p);
    while (goes_on)
        goes_on = request_serve(p);
}

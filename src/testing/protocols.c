/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of SOCKS5 and HTTP as they come from a client. */
#include "testing/peer.h"
#include "util/alloc.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- SOCKS5 ---------------------------------------------------------------------------------- */

bool leati_peer_read_socks5_greeting(struct leati_peer *p)
{
    if (!leati_peer_need(p, 2) || (p->in[0] == 5 && !leati_peer_need(p, 2u + p->in[1])))
        return leati_peer_problem(p, "no whole SOCKS5 greeting came");
    if (p->in[0] != 5 || p->in[1] == 0)
        return leati_peer_problem(p, "a SOCKS5 greeting of version %u with %u methods", p->in[0],
                                  p->in[1]);
    struct leati_peer_request *request = &p->request;
    request->method_count = p->in[1];
    memcpy(request->methods, p->in + 2, p->in[1]);
    leati_peer_show_request(p);
    leati_peer_consume(p, 2u + p->in[1]);
    return true;
}

/* What is kept as a string, and compared as one, must be one: "alice\0x" is not alice. */
static bool text_take(struct leati_peer *p, char *dst, const void *bytes, size_t len,
                      const char *what)
{
    if (memchr(bytes, 0, len))
        return leati_peer_problem(p, "a NUL in %s", what);
    memcpy(dst, bytes, len);
    dst[len] = '\0';
    return true;
}

bool leati_peer_read_socks5_auth(struct leati_peer *p)
{
    size_t user_len = 0;
    if (leati_peer_need(p, 2))
        user_len = p->in[1];
    if (!leati_peer_need(p, 3 + user_len) ||
        !leati_peer_need(p, 3 + user_len + p->in[2 + user_len]))
        return leati_peer_problem(p, "no whole RFC 1929 request came");
    size_t password_len = p->in[2 + user_len];
    if (p->in[0] != 1)
        return leati_peer_problem(p, "an RFC 1929 request of version %u", p->in[0]);
    struct leati_peer_request *request = &p->request;
    if (!text_take(p, request->user, p->in + 2, user_len, "the user's name") ||
        !text_take(p, request->password, p->in + 3 + user_len, password_len, "the password"))
        return false;
    leati_peer_show_request(p);
    leati_peer_consume(p, 3 + user_len + password_len);
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

bool leati_peer_read_socks5_request(struct leati_peer *p, uint8_t *ret_command)
{
    if (!leati_peer_need(p, 5))
        return leati_peer_problem(p, "no whole SOCKS5 request came");
    size_t at = 0;
    size_t len = socks5_address_len(p->in, &at);
    if (p->in[0] != 5 || p->in[1] == 0 || p->in[1] > 3 || p->in[2] != 0 || len == 0)
        return leati_peer_problem(p, "a SOCKS5 request that begins %02x %02x %02x %02x", p->in[0],
                                  p->in[1], p->in[2], p->in[3]);
    if (!leati_peer_need(p, at + len + 2))
        return leati_peer_problem(p, "no whole SOCKS5 request came");
    struct leati_peer_request *request = &p->request;
    request->address_type = p->in[3];
    if (p->in[3] == 3) {
        if (!text_take(p, request->host, p->in + at, len, "the host's name"))
            return false;
    } else {
        inet_ntop(p->in[3] == 1 ? AF_INET : AF_INET6, p->in + at, request->host,
                  sizeof(request->host));
    }
    request->port = (uint16_t)(p->in[at + len] << 8 | p->in[at + len + 1]);
    leati_peer_show_request(p);
    *ret_command = p->in[1];
    leati_peer_consume(p, at + len + 2);
    return true;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

bool leati_peer_read_http_head(struct leati_peer *p)
{
    const uint8_t *end = NULL;
    size_t looked_at = 0;
    while (!end && p->in_len < 4 * LEAT_TESTING_HEAD_BYTES_MAX) {
        if (p->in_len > looked_at) {
            size_t from = looked_at > 3 ? looked_at - 3 : 0;
            looked_at = p->in_len;
            end = memmem(p->in + from, p->in_len - from, "\r\n\r\n", 4);
        } else if (!leati_peer_need(p, p->in_len + 1)) {
            return leati_peer_problem(p, "no whole HTTP head came");
        }
    }
    size_t len = end ? (size_t)(end - p->in) + 4 : p->in_len;
    struct leati_peer_request *request = &p->request;
    if (len >= sizeof(request->http_head))
        return leati_peer_problem(p, "an HTTP head of %zu bytes", len);
    if (!text_take(p, request->http_head, p->in, len, "an HTTP head"))
        return false;
    leati_peer_show_request(p);
    leati_peer_consume(p, len);
    return true;
}

char *leati_peer_upgrade_head(struct leati_peer *p, const char *lines, size_t lines_len)
{
    char key[128], accept[29];
    if (!leati_peer_http_field(p, "Sec-WebSocket-Key", key, sizeof(key)))
        return NULL;
    leati_peer_websocket_accept(key, strlen(key), accept);
    return leati_asprintf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%.*s\r\n",
                          accept, (int)lines_len, lines ? lines : "");
}

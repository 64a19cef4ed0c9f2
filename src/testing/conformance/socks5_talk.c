/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/socks5_talk.h"

#include "util/alloc.h"

#include <netinet/in.h>
#include <string.h>

bool leati_socks5_tell(struct leati_socks5_talk *talk, enum leat_testing_verdict verdict,
                       const char *what)
{
    return leati_judge_tell(&talk->tunnel.client, talk->finding, verdict, what);
}

bool leati_socks5_say(struct leati_socks5_talk *talk, const void *data, size_t len)
{
    return leati_wire_send(&talk->tunnel.client, data, len, talk->chunk);
}

bool leati_socks5_need(struct leati_socks5_talk *talk, size_t len)
{
    return leati_wire_need(&talk->tunnel.client, len);
}

bool leati_socks5_dial(struct leati_socks5_talk *talk)
{
    talk->tunnel.has_client = leati_judge_dial(talk->judge, &talk->tunnel.client, talk->finding);
    return talk->tunnel.has_client;
}

/* Reads an answer of two bytes. @return the second one. */
static int pair_read(struct leati_socks5_talk *talk, int version, const char *nothing)
{
    if (!leati_socks5_need(talk, 2)) {
        (void)leati_socks5_tell(talk, FAIL, nothing);
        return -1;
    }
    const uint8_t *answer = talk->tunnel.client.in.data;
    int seen = answer[0], value = answer[1];
    leati_bytes_consume(&talk->tunnel.client.in, 2);
    if (seen == version)
        return value;
    leati_find(talk->finding, FAIL, "its answer has version %d, not %d", seen, version);
    return -1;
}

int leati_socks5_greet(struct leati_socks5_talk *talk, const uint8_t *methods, size_t count)
{
    uint8_t greeting[2 + 255] = {5, (uint8_t)count};
    memcpy(greeting + 2, methods, count);
    (void)leati_socks5_say(talk, greeting, 2 + count);
    return pair_read(talk, 5, "no answer to the greeting");
}

int leati_socks5_show_user(struct leati_socks5_talk *talk, const char *user, const char *password)
{
    uint8_t request[3 + 255 + 255] = {1};
    size_t user_len = strlen(user), password_len = strlen(password);
    request[1] = (uint8_t)user_len;
    memcpy(request + 2, user, user_len);
    request[2 + user_len] = (uint8_t)password_len;
    memcpy(request + 3 + user_len, password, password_len);
    (void)leati_socks5_say(talk, request, 3 + user_len + password_len);
    leati_wipe(request, sizeof(request));
    return pair_read(talk, 1, "no answer to user and password");
}

bool leati_socks5_enter(struct leati_socks5_talk *talk)
{
    const struct leati_endpoint *proxy = &talk->judge->endpoint;
    const uint8_t wanted = proxy->has_user ? 2 : 0;
    if (!leati_socks5_dial(talk))
        return false;
    int method = leati_socks5_greet(talk, &wanted, 1);
    if (method == wanted) {
        int status =
            proxy->has_user ? leati_socks5_show_user(talk, proxy->user, proxy->password) : 0;
        if (status > 0)
            leati_find(talk->finding, FAIL, "it refuses the user of the URL (status %02x)", status);
        return status == 0;
    }
    if (method >= 0)
        leati_find(talk->finding, FAIL, "it chooses the method %02x%s", method,
                   method == 0xff && !proxy->has_user ? ": does it want a user?" : "");
    return false;
}

size_t leati_socks5_request(uint8_t buf[262], uint8_t command, uint8_t type, const void *host,
                            size_t host_len, uint16_t port)
{
    const uint8_t head[] = {5, command, 0, type};
    size_t at = sizeof(head);
    memcpy(buf, head, sizeof(head));
    if (type == ATYP_NAME)
        buf[at++] = (uint8_t)host_len;
    memcpy(buf + at, host, host_len);
    at += host_len;
    buf[at++] = (uint8_t)(port >> 8);
    buf[at++] = (uint8_t)port;
    return at;
}

size_t leati_socks5_own_request(const struct leati_socks5_talk *talk, uint8_t buf[262],
                                uint8_t command, uint16_t port)
{
    const struct sockaddr_storage *address = &talk->tunnel.address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    return address->ss_family == AF_INET6
               ? leati_socks5_request(buf, command, ATYP_V6, &v6->sin6_addr, 16, port)
               : leati_socks5_request(buf, command, ATYP_V4, &v4->sin_addr, 4, port);
}

int leati_socks5_reply(struct leati_socks5_talk *talk)
{
    if (!leati_socks5_need(talk, 5))
        return REP_NONE;
    struct leati_bytes *in = &talk->tunnel.client.in;
    uint8_t head[5];
    memcpy(head, in->data, sizeof(head));
    size_t len = head[3] == ATYP_V4     ? 10
                 : head[3] == ATYP_V6   ? 22
                 : head[3] == ATYP_NAME ? 7u + head[4]
                                        : 0;
    if (head[0] != 5 || head[2] != 0 || len == 0) {
        leati_find(talk->finding, FAIL,
                   "its reply is malformed: version %u, REP %02x, RSV %02x, ATYP %02x", head[0],
                   head[1], head[2], head[3]);
        return -1;
    }
    if (!leati_socks5_need(talk, len)) {
        (void)leati_socks5_tell(talk, FAIL, "its reply is not whole");
        return -1;
    }
    leati_bytes_consume(in, len);
    return head[1];
}

int leati_socks5_ask(struct leati_socks5_talk *talk, const uint8_t *request, size_t len)
{
    (void)leati_socks5_say(talk, request, len);
    return leati_socks5_reply(talk);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A SOCKS4 and SOCKS4A proxy, as their authors describe them (SOCKS4.protocol, socks4a.protocol). */
#include "testing/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GRANTED = 90, REJECTED = 91, OTHER_USER = 93 };

/* A text that ends with a NUL, from `at` on. false: it is too long, or did not come. */
static bool text_read(struct leati_peer *p, size_t at, char ret_text[256], size_t *ret_end)
{
    for (size_t len = 0; len < 256; ++len) {
        if (!leati_peer_need(p, at + len + 1))
            return leati_peer_problem(p, "no whole SOCKS4 request came");
        ret_text[len] = (char)p->in[at + len];
        if (ret_text[len] == '\0') {
            *ret_end = at + len + 1;
            return true;
        }
    }
    ret_text[255] = '\0';
    return leati_peer_problem(p, "a text of more than 255 bytes in a SOCKS4 request");
}

static bool request_read(struct leati_peer *p)
{
    struct leati_peer_request *request = &p->request;
    size_t end = 8;
    if (!leati_peer_need(p, 8))
        return leati_peer_problem(p, "no whole SOCKS4 request came");
    if (p->in[0] != 4 || p->in[1] != 1)
        return leati_peer_problem(p, "a SOCKS4 request of version %u with command %u", p->in[0],
                                  p->in[1]);
    request->port = (uint16_t)(p->in[2] << 8 | p->in[3]);
    if (!text_read(p, 8, request->user, &end))
        return false;
    /* 0.0.0.x, and not 0.0.0.0: a name follows. */
    bool has_name = p->in[4] == 0 && p->in[5] == 0 && p->in[6] == 0 && p->in[7] != 0;
    request->address_type = has_name ? 3 : 1;
    if (has_name) {
        if (!text_read(p, end, request->host, &end))
            return false;
    } else {
        inet_ntop(AF_INET, p->in + 4, request->host, sizeof(request->host));
    }
    leati_peer_show_request(p);
    leati_peer_consume(p, end);
    return leati_peer_step(p, LEAT_TESTING_STEP_REQUEST, "connect %s:%u", request->host,
                           request->port);
}

static bool reply_send(struct leati_peer *p, unsigned reply)
{
    if (!leati_peer_step(p, LEAT_TESTING_STEP_REPLY, "%u %s", reply,
                         reply == GRANTED ? "granted" : "rejected"))
        return false;
    (void)leati_peer_refuses(p, REJECTED, &reply);
    uint8_t bytes[8] = {0, (uint8_t)reply};
    return leati_peer_answer(p, bytes, sizeof(bytes)) &&
           (reply == GRANTED || leati_peer_end(p, LEATI_PEER_CLOSE));
}

void leati_testing_serve_socks4(struct leati_peer *p)
{
    const struct leat_testing_options *options = &p->server->options;
    struct leati_peer_request *request = &p->request;
    int reason = 0;
    if (!request_read(p))
        return;
    if (options->user && strcmp(options->user, request->user) != 0) {
        (void)reply_send(p, OTHER_USER);
        return;
    }
    if (!leati_peer_step(p, LEAT_TESTING_STEP_CONNECT, "%s:%u", request->host, request->port))
        return;
    int upstream = leati_peer_dial(p, request->host, request->port, &reason);
    if (upstream < 0) {
        (void)reply_send(p, REJECTED);
        return;
    }
    if (!reply_send(p, GRANTED) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_RELAY, "%s:%u", request->host, request->port))
        close(upstream);
    else if (leati_peer_relay(p, upstream) && leati_peer_step_done(p))
        (void)leati_peer_end(p, LEATI_PEER_CLOSE);
}

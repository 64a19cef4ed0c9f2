/* SPDX-License-Identifier: Apache-2.0 */
/* A relay for any protocol over TCP. */
#include "testing/peer.h"
#include "util/errno_text.h"
#include "util/text.h"

#include <string.h>
#include <unistd.h>

bool leati_testing_destination_parse(const char *text, char ret_host[256], uint16_t *ret_port)
{
    uint64_t port = 0;
    const char *colon = text ? strrchr(text, ':') : NULL;
    if (!colon || !leati_text_parse_u64(colon + 1, strlen(colon + 1), 65535, &port) || port == 0)
        return false;
    size_t len = (size_t)(colon - text);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        ++text;
        len -= 2;
    } else if (memchr(text, ':', len) || memchr(text, '[', len)) {
        return false; /* an IPv6 address without brackets: where does it end? */
    }
    if (len == 0 || len > 255)
        return false;
    if (ret_host) {
        memcpy(ret_host, text, len);
        ret_host[len] = '\0';
        *ret_port = (uint16_t)port;
    }
    return true;
}

void leati_testing_serve_tcp(struct leati_peer *p)
{
    const struct leat_testing_options *options = &p->server->options;
    struct leati_peer_request *request = &p->request;
    int reason = 0;
    if (!leati_testing_destination_parse(options->to, request->host, &request->port) ||
        !leati_peer_tls_step(p))
        return;
    leati_peer_show_request(p);
    if (!leati_peer_step(p, LEAT_TESTING_STEP_CONNECT, "%s", options->to))
        return;
    int upstream = leati_peer_dial(p, request->host, request->port, &reason);
    if (upstream < 0) {
        (void)leati_peer_problem(p, "%s: %s", options->to, leati_errno_text(reason));
        return;
    }
    struct leati_tls_pump *pump = NULL;
    if (options->to_tls)
        upstream = leati_tls_pump_new(p, upstream, &pump);
    if (upstream < 0)
        return;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_RELAY, "%s", options->to))
        close(upstream);
    else if (leati_peer_relay(p, upstream) && leati_peer_step_done(p))
        (void)leati_peer_end(p, LEATI_PEER_CLOSE);
    leati_tls_pump_free(pump);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The header of the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt, section 2). */
#include "testing/peer.h"

#include <stdio.h>
#include <string.h>

static const uint8_t signature[] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                    '\n', 'Q',  'U',  'I',  'T', '\n'};
static const uint8_t word[] = {'P', 'R', 'O', 'X', 'Y', ' '};

enum { V1_BYTES_MAX = 107, V2_HEADER_BYTES = 16, V2_BYTES_MAX = 4096 };

/* Whether what comes begins so; no more is read than it takes to know. */
static bool begins_with(struct leati_peer *p, const uint8_t *bytes, size_t len, bool *ret_begins)
{
    *ret_begins = false;
    for (size_t i = 0; i < len; ++i) {
        if (!leati_peer_need(p, i + 1))
            return false;
        if (p->in[i] != bytes[i])
            return true;
    }
    *ret_begins = true;
    return true;
}

static bool v1_take(struct leati_peer *p)
{
    for (size_t len = sizeof(word); len < V1_BYTES_MAX; ++len) {
        if (!leati_peer_need(p, len + 1))
            return leati_peer_problem(p, "no whole header of the PROXY protocol came");
        if (p->in[len] != '\n')
            continue;
        char text[V1_BYTES_MAX + 1];
        snprintf(text, sizeof(text), "%.*s", (int)(len - (p->in[len - 1] == '\r')),
                 (const char *)p->in);
        leati_peer_consume(p, len + 1);
        return leati_peer_step(p, LEAT_TESTING_STEP_PROXY, "%s", text);
    }
    return leati_peer_problem(p, "a header of the PROXY protocol of more than 107 bytes");
}

static bool v2_take(struct leati_peer *p)
{
    if (!leati_peer_need(p, V2_HEADER_BYTES))
        return leati_peer_problem(p, "no whole header of the PROXY protocol came");
    size_t len = (size_t)(p->in[14] << 8 | p->in[15]);
    unsigned version = p->in[12], family = p->in[13];
    if (version >> 4 != 2 || len > V2_BYTES_MAX)
        return leati_peer_problem(p, "a header of the PROXY protocol of version %u, %zu bytes",
                                  version >> 4, len);
    if (!leati_peer_need(p, V2_HEADER_BYTES + len))
        return leati_peer_problem(p, "no whole header of the PROXY protocol came");
    leati_peer_consume(p, V2_HEADER_BYTES + len);
    return leati_peer_step(p, LEAT_TESTING_STEP_PROXY, "v2 %s, family %02x, %zu bytes",
                           (version & 0x0f) == 1 ? "PROXY" : "LOCAL", family, len);
}

bool leati_peer_proxy_header(struct leati_peer *p)
{
    enum leat_testing_proxy_header wanted = p->server->options.proxy_header;
    bool is_v1 = false, is_v2 = false;
    if (wanted == LEAT_TESTING_PROXY_HEADER_NONE || p->dispatch_fd >= 0)
        return true;
    if (!begins_with(p, word, sizeof(word), &is_v1) ||
        (!is_v1 && !begins_with(p, signature, sizeof(signature), &is_v2)))
        return wanted == LEAT_TESTING_PROXY_HEADER_ALLOWED && p->in_len > 0;
    if (is_v1)
        return v1_take(p);
    if (is_v2)
        return v2_take(p);
    if (wanted == LEAT_TESTING_PROXY_HEADER_ALLOWED)
        return true;
    (void)leati_peer_problem(p, "no header of the PROXY protocol came");
    return leati_peer_end(p, LEATI_PEER_CLOSE);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/proxy_client.h"

#include <string.h>

enum {
    WORDS = sizeof(LEATI_PROXY_WORDS) - 1,
    SPEAKS_MS = 500,
    LARGE_BYTES = 1 << 20,
    PIECE = 16384
};

const char *leati_proxy_expected(enum leati_proxy_demand demand)
{
    static const char *const texts[] = {
        [LEATI_PROXY_OPENS] = "it goes on, and returns what comes",
        [LEATI_PROXY_REFUSES] = "it gives up: TCP ends, and nothing more is sent",
        [LEATI_PROXY_EITHER] = "as it likes",
    };
    return texts[demand];
}

/* If an HTTP client has asked, it gets an answer, so that it ends well. */
static void http_answer(struct leati_judge_guest *guest)
{
    const struct leati_bytes *in = &guest->wire.in;
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nOK\n";
    if (in->len < 4 || memcmp(in->data, "GET ", 4) != 0)
        return;
    (void)leati_wire_until(&guest->wire, "\r\n\r\n", LEATI_JUDGE_HEAD_BYTES_MAX);
    (void)leati_wire_send(&guest->wire, answer, sizeof(answer) - 1, 0);
}

static void goes_on(struct leati_judge_guest *guest, bool is_glued, struct leati_finding *finding)
{
    struct leati_wire *wire = &guest->wire;
    /* One that speaks first is not asked for an echo. */
    bool speaks = !is_glued && leati_wire_more(wire, 0, SPEAKS_MS);
    if (!speaks && !is_glued)
        (void)leati_wire_send(wire, LEATI_PROXY_WORDS, WORDS, 0);
    bool is_back = !speaks && leati_wire_need(wire, WORDS) &&
                   memcmp(wire->in.data, LEATI_PROXY_WORDS, WORDS) == 0;
    if (is_back)
        leati_find(finding, PASS, "it goes on, and returns what comes");
    else if (wire->end == LEATI_WIRE_STOPPED)
        leati_find(finding, NOT_RUN, "the judge was stopped");
    else if (speaks)
        leati_find(finding, PASS, "it goes on, and speaks first");
    else if (wire->in.len > 0 && is_glued)
        leati_find(finding, FAIL,
                   "it goes on, but what stood behind the answer is lost or changed");
    else
        leati_find(finding, FAIL, "it does not go on: %s", leati_wire_describe(wire));
    if (speaks)
        http_answer(guest);
    leati_wire_shut(wire);
    if (!leati_wire_wait_end(wire, wire->patience_ms) && finding->verdict == PASS)
        leati_find(finding, NON_STRICT,
                   "it goes on, but does not end when the destination has ended");
}

static void gives_up(struct leati_judge_guest *guest, enum leati_proxy_demand demand,
                     struct leati_finding *finding)
{
    struct leati_wire *wire = &guest->wire;
    bool may = demand == LEATI_PROXY_EITHER;
    if (may) /* so that one that goes on shows it */
        (void)leati_wire_send(wire, LEATI_PROXY_WORDS, WORDS, 0);
    bool has_said = leati_wire_more(wire, 0, wire->patience_ms);
    if (wire->end == LEATI_WIRE_STOPPED)
        leati_find(finding, NOT_RUN, "the judge was stopped");
    else if (has_said)
        leati_find(finding, may ? INFORMATIONAL : FAIL, "it goes on, and sends %zu bytes",
                   wire->in.len);
    else if (wire->end == LEATI_WIRE_OPEN)
        leati_find(finding, may ? INFORMATIONAL : FAIL, "it neither gives up nor goes on");
    else
        leati_find(finding, may ? INFORMATIONAL : PASS, "it gives up: %s",
                   leati_wire_describe(wire));
}

static void large_return(struct leati_judge_guest *guest, struct leati_finding *finding)
{
    struct leati_wire *wire = &guest->wire;
    uint8_t piece[PIECE];
    if (leati_wire_more(wire, 0, SPEAKS_MS)) {
        leati_find(finding, NOT_RUN, "it speaks first, and returns nothing");
        http_answer(guest);
        return;
    }
    for (size_t at = 0; at < LARGE_BYTES; at += sizeof(piece)) {
        for (size_t i = 0; i < sizeof(piece); ++i)
            piece[i] = (uint8_t)((at + i) * 2654435761u >> 13);
        if (!leati_wire_send(wire, piece, sizeof(piece), 0) ||
            !leati_wire_need(wire, sizeof(piece)) ||
            memcmp(wire->in.data, piece, sizeof(piece)) != 0) {
            leati_find(finding, FAIL, "it returns something else, or less: %s",
                       leati_wire_describe(wire));
            return;
        }
        leati_bytes_consume(&wire->in, sizeof(piece));
    }
    leati_find(finding, PASS, "all of it came back");
    leati_wire_shut(wire);
    (void)leati_wire_wait_end(wire, wire->patience_ms);
}

void leati_proxy_client_judge(struct leati_judge_guest *guest,
                              const struct leati_proxy_behind *behind,
                              struct leati_finding *finding)
{
    if (behind->resets) {
        leati_wire_reset(&guest->wire);
        leati_find(finding, INFORMATIONAL, "nobody can see from here what it does then");
        return;
    }
    if (behind->ends)
        leati_wire_shut(&guest->wire);
    if (behind->is_large)
        large_return(guest, finding);
    else if (behind->demand == LEATI_PROXY_OPENS)
        goes_on(guest, behind->glues, finding);
    else
        gives_up(guest, behind->demand, finding);
}

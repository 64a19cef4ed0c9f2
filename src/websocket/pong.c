/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers to Pings. Section 5.5.3 lets us answer the latest Ping only, so a peer that pings and
 * does not read costs what one Pong takes: the one that is queued keeps its place, and of those
 * behind it the latest waits. A peer that reads gets them all.
 */
#include "websocket/websocket.h"

#include "util/alloc.h"

#include <string.h>

/** How many bytes of Pongs may gather during a pump, so that not each costs a system call. */
#define GATHER_BYTES 4096u

struct leati_waiting_pong {
    uint8_t len;
    uint8_t payload[LEATI_WS_CONTROL_PAYLOAD_MAX];
};

static bool pong_is_queued(const struct leat_websocket *ws)
{
    return ws->pongs && ws->pongs->end_bytes > ws->stream.sent_bytes;
}

static bool pong_make_room(struct leat_websocket *ws)
{
    if (!ws->pongs)
        ws->pongs = leati_calloc(1, sizeof(*ws->pongs));
    if (!ws->pongs)
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    return ws->pongs;
}

static void pong_queue(struct leat_websocket *ws, const uint8_t *payload, size_t len)
{
    if (!pong_make_room(ws))
        return;
    if (!pong_is_queued(ws))
        ws->pongs->begin_bytes = ws->stream.sent_bytes + ws->stream.out.len;
    int code = leati_ws_session_write(ws->session, LEATI_WS_OP_PONG, payload, len, &ws->stream.out);
    if (code != LEAT_OK)
        leati_websocket_break(ws, code, 0, "out of memory");
    else
        ws->pongs->end_bytes = ws->stream.sent_bytes + ws->stream.out.len;
}

static void pong_keep(struct leat_websocket *ws, const uint8_t *payload, size_t len)
{
    struct leati_waiting_pong *pong = ws->pongs->waiting;

    if (!pong)
        pong = ws->pongs->waiting = leati_malloc(sizeof(*pong));
    if (!pong) {
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    pong->len = (uint8_t)len;
    if (len > 0)
        memcpy(pong->payload, payload, len);
}

static void pong_drop_waiting(struct leat_websocket *ws)
{
    if (!ws->pongs)
        return;
    leati_free(ws->pongs->waiting);
    ws->pongs->waiting = NULL;
}

void leati_websocket_drop_pongs(struct leat_websocket *ws)
{
    pong_drop_waiting(ws);
    leati_free(ws->pongs);
    ws->pongs = NULL;
}

void leati_websocket_answer_ping(struct leat_websocket *ws, const uint8_t *payload, size_t len)
{
    bool gathers = !ws->stream.blocked &&
                   (!ws->pongs || ws->pongs->end_bytes - ws->pongs->begin_bytes < GATHER_BYTES);

    if (pong_is_queued(ws) && !gathers)
        leati_stream_flush(&ws->stream);
    if (!leati_stream_is_open(&ws->stream))
        return;
    if (pong_is_queued(ws) && !gathers) {
        pong_keep(ws, payload, len);
        return;
    }
    pong_drop_waiting(ws);
    pong_queue(ws, payload, len);
}

bool leati_websocket_release_pong(struct leat_websocket *ws)
{
    struct leati_waiting_pong *pong = ws->pongs ? ws->pongs->waiting : NULL;

    if (!pong || pong_is_queued(ws) || ws->closing || !leati_stream_is_open(&ws->stream))
        return false;
    pong_queue(ws, pong->payload, pong->len);
    pong_drop_waiting(ws);
    return true;
}

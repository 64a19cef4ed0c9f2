/* SPDX-License-Identifier: Apache-2.0 */
/* The server that says again what another one has said. */
#include "testing/replay.h"
#include "util/alloc.h"

#include <string.h>
#include <sys/socket.h>

/* ---- answers --------------------------------------------------------------------------------- */

/* As long as it took then, behind what had come or gone before it. */
static bool time_keep(struct leati_replay *replay, const struct leati_recorded *event)
{
    uint64_t gap_ms = (event->time_us - replay->last_us) / 1000;
    replay->last_us = event->time_us;
    if (!replay->p->server->options.keeps_times)
        return true;
    return leati_peer_sleep(replay->p,
                            gap_ms < LEAT_TESTING_TIME_MS_MAX ? gap_ms : LEAT_TESTING_TIME_MS_MAX);
}

/* Where a text is in an answer that accepts an upgrade; NULL = it is none, or has another. */
static uint8_t *accept_find(uint8_t *data, size_t len, const char *accept)
{
    static const char switching[] = "HTTP/1.1 101";
    if (len < sizeof(switching) || memcmp(data, switching, sizeof(switching) - 1) != 0)
        return NULL;
    const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
    return memmem(data, end ? (size_t)(end - data) : len, accept, strlen(accept));
}

/* RFC 6455 section 4.2.2: what answers another key is another text. */
static void accept_renew(const struct leati_replay *replay, uint8_t *data, size_t len)
{
    char then[29], now[29];
    if (replay->key_then[0] == '\0' || replay->key_now[0] == '\0')
        return;
    leati_peer_websocket_accept(replay->key_then, strlen(replay->key_then), then);
    leati_peer_websocket_accept(replay->key_now, strlen(replay->key_now), now);
    uint8_t *at = accept_find(data, len, then);
    if (at)
        memcpy(at, now, strlen(now));
}

/* Bytes to the client that stand together, from an event on. @return how many events. */
static size_t flight_measure(const struct leati_replay *replay, size_t index, size_t *ret_len)
{
    const struct leati_recorded_connection *connection = replay->connection;
    size_t count = 0;
    *ret_len = 0;
    while (index + count < connection->count &&
           connection->events[index + count].what == LEATI_RECORDED_SERVER)
        *ret_len += connection->events[index + count++].len;
    return count;
}

/* One piece after the other, when it came then. What a fault wants to be cut or left out goes as one. */
static bool pieces_send(struct leati_replay *replay, const uint8_t *data, size_t index,
                        size_t count)
{
    for (size_t i = index; i < index + count; ++i) {
        const struct leati_recorded *event = &replay->connection->events[i];
        if ((i > index && !time_keep(replay, event)) ||
            !leati_peer_send(replay->p, data, event->len))
            return false;
        data += event->len;
    }
    return leati_peer_step_done(replay->p);
}

/* The answer of the present step: the bytes from event `index` on, if there are any there. */
static bool flight_send(struct leati_replay *replay, size_t index, size_t count, size_t len)
{
    struct leati_peer *p = replay->p;
    const struct leati_peer_shape *shape = &p->shape;
    uint8_t *data = leati_malloc(len + 1);
    if (!data)
        return leati_peer_problem(p, "no memory for an answer of %zu bytes", len);
    if (len > 0)
        memcpy(data, replay->connection->server.data + replay->said, len);
    replay->said += len;
    accept_renew(replay, data, len);
    bool is_plain =
        !shape->skip && shape->truncate == SIZE_MAX && shape->split == 0 && shape->split_at == 0;
    bool is_sent = p->server->options.keeps_times && is_plain
                       ? pieces_send(replay, data, index, count)
                       : leati_peer_answer(p, data, len);
    leati_free(data);
    return is_sent;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* A step, with its answer. @return how many events that were; 0 = the connection is over. */
static size_t step_run(struct leati_replay *replay, size_t index, enum leat_testing_step step)
{
    const struct leati_recorded *event = &replay->connection->events[index];
    bool is_bytes = event->what == LEATI_RECORDED_SERVER;
    size_t first = is_bytes ? index : index + 1, len = 0, count = 0;
    bool has_answer = leati_testing_step_has_answer(step);
    if (has_answer)
        count = flight_measure(replay, first, &len);
    if ((count > 0 && !time_keep(replay, &replay->connection->events[first])) ||
        !leati_peer_step(replay->p, step, "line %u", event->line) ||
        (has_answer && !flight_send(replay, first, count, len)))
        return 0;
    replay->has_relay |= step == LEAT_TESTING_STEP_RELAY;
    return first - index + count;
}

/* What a replay does itself, or that is no moment of the recorded connection. */
static bool step_is_own(enum leat_testing_step step)
{
    return step == LEAT_TESTING_STEP_ACCEPT || step == LEAT_TESTING_STEP_TLS ||
           step == LEAT_TESTING_STEP_PROXY || step == LEAT_TESTING_STEP_END;
}

/* The server has ended; the client goes on, perhaps. */
static bool server_end(struct leati_replay *replay, const struct leati_recorded *event)
{
    struct leati_peer *p = replay->p;
    if (!time_keep(replay, event))
        return false;
    if (event->is_reset)
        return leati_peer_end(p, LEATI_PEER_RESET);
    if (p->tls && !leati_peer_tls_close_notify(p))
        return false;
    leati_peer_ended(p, true, false);
    return shutdown(p->fd, SHUT_WR) == 0;
}

/* @return how many events that were; 0 = the connection is over. */
static size_t event_run(struct leati_replay *replay, size_t index)
{
    const struct leati_recorded *event = &replay->connection->events[index];
    switch (event->what) {
    case LEATI_RECORDED_CLIENT:
        replay->heard += event->len;
        replay->last_us = event->time_us;
        return 1;
    case LEATI_RECORDED_STEP:
        if (step_is_own(event->step))
            return 1;
        return leati_replay_await(replay) ? step_run(replay, index, event->step) : 0;
    case LEATI_RECORDED_SERVER:
        return leati_replay_await(replay) ? step_run(replay, index, LEAT_TESTING_STEP_SEND) : 0;
    case LEATI_RECORDED_CLIENT_END:
        return leati_replay_await(replay) && leati_replay_await_end(replay, event->line);
    case LEATI_RECORDED_SERVER_END:
        return leati_replay_await(replay) && server_end(replay, event);
    }
    return 1;
}

static bool events_run(struct leati_replay *replay)
{
    const struct leati_recorded_connection *connection = replay->connection;
    for (size_t i = 0, count; i < connection->count; i += count) {
        count = event_run(replay, i);
        if (count == 0)
            return false;
    }
    if (!leati_replay_await(replay))
        return false;
    if (replay->has_relay) {
        replay->p->step = LEAT_TESTING_STEP_RELAY;
        if (!leati_peer_step_done(replay->p))
            return false;
    }
    if (connection->is_cut)
        return leati_peer_problem(replay->p, "the recording was full here");
    bool has_end = connection->count > 0 &&
                   connection->events[connection->count - 1].what >= LEATI_RECORDED_CLIENT_END;
    return has_end || leati_replay_await_end(replay, 0);
}

void leati_testing_serve_replay(struct leati_peer *p)
{
    const struct leati_recording *recording = p->server->recording;
    struct leati_replay replay = {
        .p = p,
        .connection = recording->connections[(p->number - 1) % recording->count],
    };
    if (replay.connection->count > 0)
        replay.last_us = replay.connection->events[0].time_us;
    if (leati_peer_tls_step(p) && events_run(&replay))
        (void)leati_peer_end(p, LEATI_PEER_CLOSE);
}

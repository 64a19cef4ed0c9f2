/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our clients against our server on one loop, whose programs do anything in any callback: send,
 * pause, close, free, connect again, stop the server. What arrives is what was sent, in its order,
 * with nothing between; each connection ends once; and at last everything is quiet.
 *
 * The first byte: bits 0 and 1 = compression (none, plain, no context takeover, small windows), bit
 * 2 = small queues, bit 3 = messages in parts at the clients. The rest are actions, two bytes each,
 * which callbacks and the main program take by turns.
 */
#include "fuzz/wire.h"

#include <errno.h>

#define CLIENTS    3
#define ROUNDS_MAX 2000
#define LIMIT      ((size_t)1 << 20)
#define SENT_MAX   256

/* What one end has sent on its connection and the other has not got yet: seed and length. */
struct stream {
    struct {
        size_t len;
        uint8_t seed;
        enum leat_message_type type;
    } sent[SENT_MAX];
    size_t head, count;
    size_t part_len; /* of the message that is being sent in parts */
    bool part_is_open;
    size_t got; /* of the message that comes in parts */
};

struct end {
    leat_websocket *ws;
    bool is_live, is_open, is_server;
    struct stream *out, *in;
};

struct pair {
    unsigned connection; /* the server may still hear of those before */
    struct end client, server;
    struct stream up, down;
};

static struct fuzz_input actions;
static leat_loop *loop;
static leat_websocket_server *server;
static leat_config *config;
static struct pair pairs[CLIENTS];

/* A message begins somewhere in it. */
static uint8_t pattern[2 * LIMIT];

static void pattern_make(void)
{
    if (pattern[0] != 0)
        return;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)('a' + (i * 7 + i / 251) % 26);
}

static void code_check(int code)
{
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER || code == LEAT_E_SOCKET_BASE + EAGAIN ||
              code == LEAT_E_SOCKET_BASE + EBADF || code == LEAT_E_SOCKET_BASE + ENOTCONN);
}

/* ---- actions -------------------------------------------------------------------------------- */

static void stream_sent(struct stream *stream, enum leat_message_type type, uint8_t seed,
                        size_t len)
{
    FUZZ_MUST(stream->count < SENT_MAX);
    size_t at = (stream->head + stream->count++) % SENT_MAX;
    stream->sent[at].type = type;
    stream->sent[at].seed = seed;
    stream->sent[at].len = len;
}

static bool may_send(const struct end *end)
{
    return end->ws && end->out->count < SENT_MAX;
}

static void do_send(struct end *end, enum leat_message_type type, uint8_t seed, size_t len)
{
    if (!may_send(end))
        return;
    int code = leat_websocket_send(end->ws, type, len > 0 ? pattern + seed : NULL, len);
    code_check(code);
    FUZZ_MUST(code != LEAT_E_PARAMETER || end->out->part_is_open);
    if (code == LEAT_OK)
        stream_sent(end->out, type, seed, len);
}

/* Parts of one message have the same seed, which is 0. */
static void do_send_part(struct end *end, size_t len, bool is_last)
{
    if (!may_send(end))
        return;
    struct stream *out = end->out;
    bool is_first = !out->part_is_open;
    size_t from = is_first ? 0 : out->part_len;
    if (from + len > sizeof(pattern))
        return;
    int code = leat_websocket_send_part(end->ws, LEAT_MESSAGE_BINARY,
                                        len > 0 ? pattern + from : NULL, len, is_first, is_last);
    code_check(code);
    FUZZ_MUST(code != LEAT_E_PARAMETER);
    if (code != LEAT_OK)
        return;
    out->part_len = from + len;
    out->part_is_open = !is_last;
    if (is_last)
        stream_sent(out, LEAT_MESSAGE_BINARY, 0, out->part_len);
}

static void do_free(struct end *end)
{
    if (!end->is_server) {
        leat_websocket_free(end->ws);
        *end = (struct end){.out = end->out, .in = end->in};
    } else if (end->ws) {
        leat_websocket_free(end->ws); /* `closed` follows */
    }
}

static void client_make(struct pair *pair);

static void do_connect(struct pair *pair)
{
    struct end *client = &pair->client;
    char url[64];
    if (client->is_live || pair->server.ws)
        return;
    pair->up = pair->down = (struct stream){0};
    if (!client->ws)
        client_make(pair);
    uint16_t port = leat_websocket_server_get_port(server);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/%zu?%u", port ? port : 1u, (size_t)(pair - pairs),
             ++pair->connection);
    FUZZ_MUST(leat_websocket_connect(client->ws, url, config) == LEAT_OK);
    client->is_live = true;
}

static void act_on(struct pair *pair, struct end *end, uint8_t what, uint8_t arg)
{
    static const char nothing[125];
    switch (what & 15) {
    case 0:
        do_send(end, LEAT_MESSAGE_TEXT, what, arg);
        break;
    case 1:
        do_send(end, LEAT_MESSAGE_BINARY, what, (size_t)arg * 16);
        break;
    case 2:
        do_send(end, LEAT_MESSAGE_BINARY, what, (size_t)arg * 256);
        break;
    case 3:
        do_send_part(end, (size_t)arg * 64, what & 16);
        break;
    case 4:
        code_check(leat_websocket_ping(end->ws, arg % 126 ? nothing : NULL, arg % 126));
        break;
    case 5:
        code_check(leat_websocket_close(end->ws, arg & 1 ? 1000 : 0, arg & 1 ? "bye" : NULL));
        break;
    case 6:
        leat_websocket_pause(end->ws);
        break;
    case 7:
        leat_websocket_resume(end->ws);
        break;
    case 8:
        do_free(end);
        break;
    case 9:
        do_connect(pair);
        break;
    case 10:
        if (arg == 7)
            FUZZ_MUST(leat_websocket_server_stop(server) == LEAT_OK);
        break;
    default:
        break;
    }
}

static void act(struct pair *pair, struct end *end)
{
    if (actions.len == 0)
        return;
    uint8_t what = fuzz_take(&actions);
    act_on(pair, end, what, fuzz_take(&actions));
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static void data_check(struct end *end, const uint8_t *data, size_t len, bool is_last)
{
    struct stream *in = end->in;
    /* A part may come before the message has been sent to its end. */
    bool is_whole = in->count > 0;
    uint8_t seed = is_whole ? in->sent[in->head].seed : 0;
    FUZZ_MUST(is_whole || (in->part_is_open && !is_last));
    size_t all = is_whole ? in->sent[in->head].len : in->part_len;
    FUZZ_MUST(len <= all - in->got);
    FUZZ_MUST(len == 0 || memcmp(data, pattern + seed + in->got, len) == 0);
    in->got += len;
    if (!is_last)
        return;
    FUZZ_MUST(is_whole && in->got == all);
    in->got = 0;
    in->head = (in->head + 1) % SENT_MAX;
    in->count--;
}

static void message_check(struct end *end, enum leat_message_type type, const uint8_t *data,
                          size_t len)
{
    FUZZ_MUST(end->is_open && end->in->count > 0 && end->in->sent[end->in->head].type == type);
    data_check(end, data, len, true);
}

static void closed_check(struct end *end, const struct leat_close_event *event)
{
    fuzz_error_check(&event->error);
    FUZZ_MUST(event->reason[event->reason_len] == '\0');
    FUZZ_MUST(leat_websocket_get_buffered_bytes(end->ws) == 0);
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct pair *pair = user;
    FUZZ_MUST(pair->client.ws == ws && pair->client.is_live && !pair->client.is_open);
    pair->client.is_open = true;
    act(pair, &pair->client);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct pair *pair = user;
    FUZZ_MUST(pair->client.ws == ws);
    message_check(&pair->client, type, data, len);
    act(pair, &pair->client);
}

static void on_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                    size_t len, bool is_first, bool is_last, void *user)
{
    struct pair *pair = user;
    (void)type;
    FUZZ_MUST(pair->client.ws == ws && is_first == (pair->down.got == 0));
    data_check(&pair->client, data, len, is_last);
    act(pair, &pair->client);
}

static void on_pong(leat_websocket *ws, const uint8_t *payload, size_t len, void *user)
{
    struct pair *pair = user;
    (void)payload;
    FUZZ_MUST(pair->client.ws == ws && len <= 125);
    act(pair, &pair->client);
}

static void on_writable(leat_websocket *ws, void *user)
{
    struct pair *pair = user;
    FUZZ_MUST(pair->client.ws == ws && pair->client.is_open);
    act(pair, &pair->client);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct pair *pair = user;
    FUZZ_MUST(pair->client.ws == ws && pair->client.is_live);
    closed_check(&pair->client, event);
    pair->client.is_live = pair->client.is_open = false;
    act(pair, &pair->client);
}

/* NULL: of a connection that its client has given up. */
static struct pair *pair_of(leat_websocket *ws)
{
    struct pair *pair = leat_websocket_get_data(ws);
    FUZZ_MUST(!pair || pair->server.ws == ws);
    return pair;
}

static void on_connected(leat_websocket_server *which, leat_websocket *ws, void *user)
{
    unsigned index, connection;
    (void)user;
    FUZZ_MUST(which == server);
    FUZZ_MUST(sscanf(leat_websocket_get_target(ws), "/%u?%u", &index, &connection) == 2);
    FUZZ_MUST(index < CLIENTS);
    struct pair *pair = &pairs[index];
    if (connection != pair->connection || !pair->client.is_live)
        return;
    FUZZ_MUST(!pair->server.ws);
    leat_websocket_set_data(ws, pair);
    pair->server.ws = ws;
    pair->server.is_open = true;
    act(pair, &pair->server);
}

static void on_server_message(leat_websocket_server *which, leat_websocket *ws,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    struct pair *pair = pair_of(ws);
    (void)which;
    (void)user;
    FUZZ_MUST(pair);
    message_check(&pair->server, type, data, len);
    act(pair, &pair->server);
}

static void on_server_writable(leat_websocket_server *which, leat_websocket *ws, void *user)
{
    struct pair *pair = pair_of(ws);
    (void)which;
    (void)user;
    FUZZ_MUST(pair);
    act(pair, &pair->server);
}

static void on_server_closed(leat_websocket_server *which, leat_websocket *ws,
                             const struct leat_close_event *event, void *user)
{
    struct pair *pair = pair_of(ws);
    (void)which;
    (void)user;
    fuzz_error_check(&event->error);
    if (!pair)
        return;
    closed_check(&pair->server, event);
    pair->server.ws = NULL;
    pair->server.is_open = false;
    act(pair, &pair->client);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool in_parts;

static void client_make(struct pair *pair)
{
    const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = on_opened,
        .message = on_message,
        .pong = on_pong,
        .writable = on_writable,
        .closed = on_closed,
        .message_part = in_parts ? on_part : NULL,
    };
    FUZZ_MUST(leat_websocket_new(loop, &callbacks, pair, &pair->client.ws) == LEAT_OK);
}

static void config_make(uint8_t choice)
{
    const struct leat_compression compression = {
        .size = sizeof(compression),
        .threshold_bytes = 1,
        .client_no_context_takeover = (choice & 3) == 2,
        .server_no_context_takeover = (choice & 3) == 2,
        .client_max_window_bits = (choice & 3) == 3 ? 9 : 0,
        .server_max_window_bits = (choice & 3) == 3 ? 10 : 0,
    };
    FUZZ_MUST(leat_config_new(&config) == LEAT_OK);
    /* without zlib there is none */
    FUZZ_MUST((choice & 3) == 0 ||
              leat_config_set_compression(config, &compression) != LEAT_E_SYSTEM_INTERNAL);
    FUZZ_MUST(leat_config_set_max_message_bytes(config, LIMIT) == LEAT_OK);
    if (choice & 4) {
        FUZZ_MUST(leat_config_set_send_queue_limit(config, 2000) == LEAT_OK);
        FUZZ_MUST(leat_config_set_send_queue_messages(config, 3) == LEAT_OK);
    }
    in_parts = choice & 8;
}

static void server_make(void)
{
    const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks),
        .connected = on_connected,
        .message = on_server_message,
        .writable = on_server_writable,
        .closed = on_server_closed,
    };
    FUZZ_MUST(leat_websocket_server_new(loop, &callbacks, NULL, &server) == LEAT_OK);
    FUZZ_MUST(leat_websocket_server_start(server, "127.0.0.1", 0, config) == LEAT_OK);
}

/* What is paused goes on, so that everything comes to its end. */
static void all_resume(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        leat_websocket_resume(pairs[i].client.ws);
        leat_websocket_resume(pairs[i].server.ws);
    }
}

static void all_expect_arrived(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct pair *pair = &pairs[i];
        bool is_open = pair->client.is_open && pair->server.is_open;
        /* Where both are still there and nobody has closed, nothing is on its way any more. */
        if (is_open && leat_websocket_get_buffered_bytes(pair->client.ws) == 0 &&
            leat_websocket_ping(pair->client.ws, NULL, 0) == LEAT_OK &&
            leat_websocket_ping(pair->server.ws, NULL, 0) == LEAT_OK)
            FUZZ_MUST(pair->up.count == 0 && pair->down.count == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int free_descriptor = fuzz_free_descriptor();
    pattern_make();
    actions = (struct fuzz_input){data, size};
    FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK);
    config_make(fuzz_take(&actions));
    server_make();
    for (size_t i = 0; i < CLIENTS; i++) {
        struct pair *pair = &pairs[i];
        *pair = (struct pair){.server.is_server = true};
        pair->client.out = pair->server.in = &pair->up;
        pair->client.in = pair->server.out = &pair->down;
    }
    for (size_t i = 0; actions.len > 0; i++) {
        struct pair *pair = &pairs[i % CLIENTS];
        if (i < CLIENTS)
            do_connect(pair);
        act(pair, i & 4 ? &pair->server : &pair->client);
        (void)fuzz_turn(loop, 1 + (int)(i & 7));
    }
    all_resume();
    FUZZ_MUST(fuzz_turn(loop, ROUNDS_MAX));
    all_resume(); /* what was paused in a callback */
    FUZZ_MUST(fuzz_turn(loop, ROUNDS_MAX));
    all_expect_arrived();
    FUZZ_MUST(fuzz_turn(loop, ROUNDS_MAX));

    for (size_t i = 0; i < CLIENTS; i++)
        leat_websocket_free(pairs[i].client.ws);
    leat_websocket_server_free(server);
    leat_config_free(config);
    leat_loop_free(loop);
    FUZZ_MUST(fuzz_free_descriptor() == free_descriptor);
    return 0;
}

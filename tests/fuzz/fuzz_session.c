/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and messages in both roles: the events do not depend on the portions, nothing comes after
 * the end, no limit is passed, and the next session on the same pool is well. The first byte: bit 0
 * = server, bits 1 to 3 = the limit of a message, the rest = portions. The second byte: bit 0 = in
 * pieces, bit 1 = compressed, bit 2 = no context takeover, bits 3 to 5 = how much smaller the
 * window is. */
#include "fuzz/fuzz.h"
#include "util/utf8.h"
#include "ws/close_code.h"
#include "ws/deflate_params.h"
#include "ws/session.h"

/* What has happened, as one number and a few counts. */
struct record {
    uint64_t hash;
    size_t events;
    bool ended;
    uint64_t piece_hash; /* of a message that comes in pieces, counted when it is complete */
    size_t piece_bytes;
    bool in_message;
};

static void hash_bytes(uint64_t *hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ bytes[i]) * 1099511628211u;
}

static void record_piece(struct record *record, const struct leati_ws_event *event, size_t limit)
{
    FUZZ_MUST(event->is_first == !record->in_message);
    FUZZ_MUST(event->len > 0 || event->is_last);
    if (event->is_first) {
        record->piece_bytes = 0;
        record->piece_hash = event->type;
    }
    record->piece_bytes += event->len;
    FUZZ_MUST(record->piece_bytes <= limit);
    hash_bytes(&record->piece_hash, event->data, event->len);
    record->in_message = !event->is_last;
    if (event->is_last) {
        record->events++;
        hash_bytes(&record->hash, &record->piece_hash, sizeof(record->piece_hash));
    }
}

static void record_event(struct record *record, const struct leati_ws_event *event)
{
    record->events++;
    record->ended = event->kind == LEATI_WS_CLOSE || event->kind == LEATI_WS_VIOLATION;
    hash_bytes(&record->hash, &event->kind, sizeof(event->kind));
    hash_bytes(&record->hash, &event->close_code, sizeof(event->close_code));
    hash_bytes(&record->hash, event->data, event->len);
    hash_bytes(&record->hash, "", 1);
}

static void event_check(const struct leati_ws_event *event, size_t limit)
{
    switch (event->kind) {
    case LEATI_WS_MESSAGE:
        FUZZ_MUST(event->len <= limit);
        FUZZ_MUST(event->type == LEAT_MESSAGE_BINARY || leati_utf8_valid(event->data, event->len));
        break;
    case LEATI_WS_PING:
    case LEATI_WS_PONG:
        FUZZ_MUST(event->len <= 125);
        break;
    case LEATI_WS_CLOSE:
        FUZZ_MUST(event->len <= 123 && leati_utf8_valid(event->data, event->len));
        FUZZ_MUST(event->close_code == 1005 || leati_ws_close_code_receivable(event->close_code));
        break;
    case LEATI_WS_VIOLATION:
        FUZZ_MUST(event->close_code == 1002 || event->close_code == 1007 ||
                  event->close_code == 1009);
        FUZZ_MUST(event->text[0] != '\0' && fuzz_is_printable(event->text));
        break;
    case LEATI_WS_PIECE:
        break;
    }
}

/* All events of one portion. */
static void portion_read(struct leati_ws_session *session, size_t limit, struct fuzz_input portion,
                         struct record *record)
{
    struct leati_ws_event event;
    while (leati_ws_session_read(session, &portion.data, &portion.len, &event) == LEAT_OK) {
        FUZZ_MUST(!record->ended);
        event_check(&event, limit);
        if (event.kind == LEATI_WS_PIECE)
            record_piece(record, &event, limit);
        else
            record_event(record, &event);
    }
    FUZZ_MUST(portion.len == 0);
}

static struct record session_run(const struct leati_ws_session_options *options,
                                 struct fuzz_input input, uint32_t seed)
{
    struct leati_ws_session *session = leati_ws_session_new(options);
    struct record record = {.hash = 14695981039346656037u};
    FUZZ_MUST(session);
    while (input.len > 0) {
        /* each portion in a block of its own: nothing may be read behind it */
        struct fuzz_input portion = fuzz_take_bytes(&input, fuzz_portion(&seed, input.len));
        char *copy = fuzz_copy(portion, false);
        portion.data = (const uint8_t *)copy;
        portion_read(session, options->max_message_bytes, portion, &record);
        free(copy);
    }
    leati_ws_session_free(session);
    return record;
}

/* Whatever the one before has left behind is not for this one. */
static void good_session_run(bool is_server, struct leati_ws_pool *pool)
{
    static const uint8_t from_client[] = {0x81, 0x84, 0, 0, 0, 0, 'g', 'o', 'o', 'd'};
    static const uint8_t from_server[] = {0x81, 4, 'g', 'o', 'o', 'd'};
    const struct leati_ws_session_options options = {
        .is_server = is_server, .max_message_bytes = 100, .pool = pool};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    const uint8_t *data = is_server ? from_client : from_server;
    size_t len = is_server ? sizeof(from_client) : sizeof(from_server);
    struct leati_ws_event event;
    FUZZ_MUST(session);
    FUZZ_MUST(leati_ws_session_read(session, &data, &len, &event) == LEAT_OK);
    FUZZ_MUST(event.kind == LEATI_WS_MESSAGE && event.len == 4 &&
              memcmp(event.data, "good", 4) == 0);
    FUZZ_MUST(leati_ws_session_read(session, &data, &len, &event) == LEATI_AGAIN);
    leati_ws_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    uint8_t more = fuzz_take(&input);
    uint8_t window_bits = (uint8_t)(15 - ((more >> 3) & 7));
    const struct leati_deflate_params deflate = {
        .server_no_context_takeover = more & 4,
        .client_no_context_takeover = more & 4,
        .server_max_window_bits = window_bits,
        .client_max_window_bits = window_bits,
    };
    struct leati_ws_pool pool;
    leati_ws_pool_init(&pool, 1u << 20);
    const struct leati_ws_session_options options = {
        .is_server = choice & 1,
        .pool = &pool,
        .pieces = more & 1,
        .max_message_bytes = (size_t)1 << (((choice >> 1) & 7) * 2 + 2), /* 4 to 64 Ki */
        .deflate = more & 2 ? &deflate : NULL,
    };
    struct record whole = session_run(&options, input, 0);
    good_session_run(options.is_server, &pool);
    struct record parts = session_run(&options, input, choice | 1u);
    good_session_run(options.is_server, &pool);
    leati_ws_pool_done(&pool);

    /* What zlib says to a distance beyond a smaller window depends on the portions. */
    if (options.deflate && window_bits < LEATI_DEFLATE_MAX_WINDOW_BITS)
        return 0;
    FUZZ_MUST(whole.events == parts.events && whole.ended == parts.ended);
    FUZZ_MUST(whole.hash == parts.hash);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a client says what the recorded one has said. */
#include "testing/replay.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <string.h>

static bool is_any(const struct leati_replay *replay)
{
    return replay->p->server->options.match == LEAT_TESTING_MATCH_ANY;
}

static const uint8_t *then_of(const struct leati_replay *replay,
                              const struct leati_recorded_message *message)
{
    return replay->connection->client.data + message->at;
}

/* The client has ended, or the server stops: then nothing is recorded. */
static bool ended_early(struct leati_replay *replay, const struct leati_recorded_message *message)
{
    const struct leati_peer *p = replay->p;
    return leati_peer_problem(replay->p,
                              "line %u: the client has ended after %zu of the %zu bytes that it "
                              "sent then",
                              message->line, p->in_len < message->len ? p->in_len : message->len,
                              message->len);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* A ClientHello that the recorder could not look into. */
static bool is_foreign_tls(const uint8_t *data, size_t len)
{
    return len > 5 && data[0] == 0x16 && data[1] == 3 && data[5] == 1;
}

static bool bytes_differ(struct leati_replay *replay, const struct leati_recorded_message *message,
                         size_t at, uint8_t came)
{
    const uint8_t *then = then_of(replay, message);
    if (is_foreign_tls(then, message->len))
        return leati_peer_problem(replay->p,
                                  "line %u: TLS with somebody else begins here, which nobody can "
                                  "replay: record where it ends (--tls, --to-tls)",
                                  message->line);
    struct leati_excerpt context =
        leati_excerpt_of((const char *)then + (at > 20 ? at - 20 : 0), at > 20 ? 20 : at, 40);
    return leati_peer_problem(replay->p,
                              "line %u: the client differs: its byte %zu is %02x where %02x was "
                              "recorded, behind \"%s\"",
                              message->line, at + 1, came, then[at], context.text);
}

/* At the first byte that differs it is over: who waits for an answer to less would wait for ever. */
static bool raw_await(struct leati_replay *replay, const struct leati_recorded_message *message,
                      size_t len, bool is_compared)
{
    struct leati_peer *p = replay->p;
    const uint8_t *then = then_of(replay, message);
    for (size_t seen = 0; seen < len;) {
        if (!leati_peer_need(p, seen + 1))
            return ended_early(replay, message);
        size_t end = p->in_len < len ? p->in_len : len;
        for (; seen < end; ++seen)
            if (is_compared && p->in[seen] != then[seen])
                return bytes_differ(replay, message, seen, p->in[seen]);
    }
    leati_peer_consume(p, len);
    return true;
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void key_take(const char *head, size_t len, char ret_key[128])
{
    size_t value_len = 0;
    const char *value = leati_recorded_head_field(head, len, "Sec-WebSocket-Key", &value_len);
    ret_key[0] = '\0';
    if (value && value_len < 128) {
        memcpy(ret_key, value, value_len);
        ret_key[value_len] = '\0';
    }
}

/* One line of a head: what stands in front of the colon, and behind it. */
struct field {
    const char *name, *value;
    size_t name_len, value_len;
};

/* The next line from `*at` on. false = there is none. */
static bool field_next(const char *head, size_t len, size_t *at, struct field *ret_field)
{
    const char *line = head + *at;
    const char *end = *at < len ? memmem(line, len - *at, "\r\n", 2) : NULL;
    if (!end || end == line)
        return false;
    const char *colon = memchr(line, ':', (size_t)(end - line));
    const char *value = colon ? colon + 1 : end;
    while (value < end && (*value == ' ' || *value == '\t'))
        ++value;
    *ret_field =
        (struct field){line, value, (size_t)((colon ? colon : end) - line), (size_t)(end - value)};
    *at += (size_t)(end - line) + 2;
    return true;
}

static bool name_is(const struct field *field, const char *name)
{
    return leati_text_equal_nocase(field->name, field->name_len, name, strlen(name));
}

/* What two clients, or one client twice, say differently and mean alike. */
static bool is_volatile(const struct field *field)
{
    static const char *const names[] = {"Sec-WebSocket-Key", "User-Agent", "Date"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i)
        if (name_is(field, names[i]))
            return true;
    bool is_credentials = name_is(field, "Authorization") || name_is(field, "Proxy-Authorization");
    return is_credentials &&
           !(field->value_len >= 6 && leati_text_equal_nocase(field->value, 6, "Basic ", 6));
}

/* Without the port in Host: a replay has another one. */
static size_t value_extent(const struct field *field)
{
    size_t len = field->value_len;
    if (!name_is(field, "Host"))
        return len;
    while (len > 0 && field->value[len - 1] >= '0' && field->value[len - 1] <= '9')
        --len;
    return len > 0 && field->value[len - 1] == ':' ? len - 1 : field->value_len;
}

/* A server of a test is called by any of them. */
static bool is_this_machine(const struct field *field)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    size_t len = value_extent(field);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && name_is(field, "Host"); ++i)
        if (leati_text_equal_nocase(field->value, len, names[i], strlen(names[i])))
            return true;
    return false;
}

static bool field_equal(const struct field *a, const struct field *b)
{
    size_t len = value_extent(a);
    return leati_text_equal_nocase(a->name, a->name_len, b->name, b->name_len) &&
           (is_volatile(a) || (is_this_machine(a) && is_this_machine(b)) ||
            (len == value_extent(b) && memcmp(a->value, b->value, len) == 0));
}

/* How often a head has a field. */
static unsigned field_count(const char *head, size_t len, size_t at, const struct field *wanted)
{
    struct field field;
    unsigned count = 0;
    while (field_next(head, len, &at, &field))
        count += field_equal(&field, wanted);
    return count;
}

/* The first field of one that the other has not so often. */
static bool field_missing(const char *head, size_t len, const char *other, size_t other_len,
                          struct field *ret_field)
{
    const char *lines = memmem(head, len, "\r\n", 2);
    const char *other_lines = memmem(other, other_len, "\r\n", 2);
    size_t from = (size_t)(lines - head) + 2;
    size_t other_from = (size_t)(other_lines - other) + 2;
    for (size_t at = from; field_next(head, len, &at, ret_field);)
        if (!is_volatile(ret_field) && field_count(head, len, from, ret_field) >
                                           field_count(other, other_len, other_from, ret_field))
            return true;
    return false;
}

static bool heads_compare(struct leati_replay *replay, unsigned line, const char *then,
                          size_t then_len, const char *now)
{
    size_t now_len = strlen(now);
    struct field field;
    size_t then_end = (size_t)((const char *)memmem(then, then_len, "\r\n", 2) - then);
    size_t now_end = strcspn(now, "\r");
    if (then_end != now_end || memcmp(then, now, now_end) != 0)
        return leati_peer_problem(replay->p, "line %u: the client says \"%s\" where it said \"%s\"",
                                  line, leati_excerpt_of(now, now_end, 70).text,
                                  leati_excerpt_of(then, then_end, 70).text);
    if (field_missing(then, then_len, now, now_len, &field))
        return leati_peer_problem(replay->p, "line %u: the client does not say \"%s: %s\"", line,
                                  leati_excerpt_of(field.name, field.name_len, 60).text,
                                  leati_excerpt_of(field.value, field.value_len, 90).text);
    if (field_missing(now, now_len, then, then_len, &field))
        return leati_peer_problem(replay->p,
                                  "line %u: the client says \"%s: %s\", which it did not then",
                                  line, leati_excerpt_of(field.name, field.name_len, 60).text,
                                  leati_excerpt_of(field.value, field.value_len, 90).text);
    return true;
}

static bool head_await(struct leati_replay *replay, const struct leati_recorded_message *message)
{
    struct leati_peer *p = replay->p;
    const char *then = (const char *)then_of(replay, message);
    key_take(then, message->len, replay->key_then);
    if (p->server->options.match == LEAT_TESTING_MATCH_EXACT) {
        /* Its bytes are the same, so its key is. */
        memcpy(replay->key_now, replay->key_then, sizeof(replay->key_now));
        return raw_await(replay, message, message->len, true);
    }
    if (!leati_peer_need(p, 1))
        return ended_early(replay, message);
    if (!leati_peer_read_http_head(p))
        return leati_peer_problem(p, "line %u: no whole head has come", message->line);
    key_take(p->request.http_head, strlen(p->request.http_head), replay->key_now);
    return is_any(replay) ||
           heads_compare(replay, message->line, then, message->len, p->request.http_head);
}

/* Behind a head: as long as that head says. */
static bool body_await(struct leati_replay *replay, const struct leati_recorded_message *message)
{
    char value[32];
    uint64_t len = message->len;
    if (is_any(replay) && leati_peer_http_field(replay->p, "Content-Length", value, sizeof(value)))
        (void)leati_text_parse_u64(value, strlen(value), LEAT_TESTING_INPUT_BYTES_MAX, &len);
    return raw_await(replay, message, (size_t)len, !is_any(replay));
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* A recorded frame, in a copy without its mask. NULL without memory. */
static uint8_t *frame_unmask(const uint8_t *wire, size_t len, size_t *ret_len)
{
    size_t head = 2 + ((wire[1] & 0x7f) == 127 ? 8u : (wire[1] & 0x7f) == 126 ? 2u : 0u) + 4;
    *ret_len = len - head;
    uint8_t *payload = leati_malloc(*ret_len + 1);
    for (size_t i = 0; payload && i < *ret_len; ++i)
        payload[i] = wire[head + i] ^ wire[head - 4 + i % 4];
    return payload;
}

static bool frames_compare(struct leati_replay *replay, unsigned line, uint8_t first_byte,
                           const uint8_t *then, size_t then_len, const struct leati_frame *now)
{
    size_t at = 0;
    if (first_byte != now->first_byte)
        return leati_peer_problem(
            replay->p, "line %u: the client's frame begins with %02x where %02x was recorded", line,
            now->first_byte, first_byte);
    while (at < then_len && at < now->len && then[at] == now->payload[at])
        ++at;
    if (at == then_len && at == now->len)
        return true;
    return leati_peer_problem(
        replay->p,
        "line %u: the client's frame differs from byte %zu on: \"%s\" (%zu bytes) where \"%s\" "
        "(%zu "
        "bytes) was recorded",
        line, at + 1, leati_excerpt_of((const char *)now->payload + at, now->len - at, 30).text,
        now->len, leati_excerpt_of((const char *)then + at, then_len - at, 30).text, then_len);
}

static bool frame_await(struct leati_replay *replay, const struct leati_recorded_message *message)
{
    struct leati_peer *p = replay->p;
    const uint8_t *then = then_of(replay, message);
    struct leati_frame frame;
    size_t len = 0;
    if (p->server->options.match == LEAT_TESTING_MATCH_EXACT)
        return raw_await(replay, message, message->len, true);
    if (!leati_peer_need(p, 1))
        return ended_early(replay, message);
    if (!leati_peer_read_frame(p, &frame))
        return leati_peer_problem(p, "line %u: no whole frame has come", message->line);
    bool is_same = is_any(replay);
    if (!is_same) {
        uint8_t *payload = frame_unmask(then, message->len, &len);
        is_same = payload ? frames_compare(replay, message->line, then[0], payload, len, &frame)
                          : leati_peer_problem(p, "no memory for a frame of %zu bytes", len);
        leati_free(payload);
    }
    leati_peer_consume(p, frame.wire_len);
    return is_same;
}

/* ---- all ------------------------------------------------------------------------------------- */

bool leati_replay_await(struct leati_replay *replay)
{
    const struct leati_recorded_connection *connection = replay->connection;
    while (replay->message < connection->message_count) {
        const struct leati_recorded_message *message = &connection->messages[replay->message];
        bool has_come = true;
        if (message->at + message->len > replay->heard)
            return true; /* it is to end later */
        switch (message->form) {
        case LEATI_RECORDED_RAW:
            has_come = raw_await(replay, message, message->len, !is_any(replay));
            break;
        case LEATI_RECORDED_HEAD:
            has_come = head_await(replay, message);
            break;
        case LEATI_RECORDED_BODY:
            has_come = body_await(replay, message);
            break;
        case LEATI_RECORDED_FRAME:
            has_come = frame_await(replay, message);
            break;
        }
        if (!has_come)
            return false;
        ++replay->message;
    }
    return true;
}

bool leati_replay_await_end(struct leati_replay *replay, unsigned line)
{
    struct leati_peer *p = replay->p;
    while (is_any(replay) && leati_peer_need(p, 1))
        leati_peer_consume(p, p->in_len);
    if (!leati_peer_need(p, 1))
        return true;
    char where[32] = "the end";
    if (line != 0)
        leati_readable_format(where, sizeof(where), "line %u", line);
    return leati_peer_problem(p, "%s: the client says more than then: \"%s\"", where,
                              leati_excerpt_of((const char *)p->in, p->in_len, 60).text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out: their bytes, their masks, and that a session of the other role reads them. */
#include "ws_stream.h"

#include "support/leak_check.h"
#include "util/random.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *payload_make(size_t len)
{
    uint8_t *payload = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    return payload;
}

static struct bytes write_one(struct leati_ws_session *session, enum leati_ws_opcode opcode,
                              const void *data, size_t len)
{
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    must(leati_ws_session_write(session, opcode, data, len, &queue) == LEAT_OK, "write");
    must(queue.len == leati_ws_session_frame_size(session, len), "size of %zu", len);
    return queue_drain(&queue);
}

static void check_round_trip(bool from_server, size_t len, size_t chunk)
{
    struct leati_ws_session *session = session_make(from_server, 100);
    uint8_t *payload = payload_make(len);
    struct bytes stream = write_one(session, LEATI_WS_OP_BINARY, payload, len);

    must(stream.data[0] == 0x82, "first byte");
    must((stream.data[1] & 0x80) == (from_server ? 0 : 0x80), "mask bit");
    struct seen_list seen = session_run(!from_server, len, &stream, chunk);
    must(seen.count == 1 && seen.items[0].kind == LEATI_WS_MESSAGE, "%zu: no message", len);
    must(seen.items[0].len == len && memcmp(seen.items[0].data, payload, len) == 0,
         "%zu: other bytes", len);
    seen_free(&seen);
    /* The wrong direction. */
    seen = session_run(from_server, len, &stream, chunk);
    must(seen.count == 1 && seen.items[0].close_code == 1002, "%zu: mask direction", len);
    seen_free(&seen);
    bytes_free(&stream);
    free(payload);
    leati_ws_session_free(session);
}

TestSuite(write, .fini = leak_check);

static const size_t chunks[] = {0, 1, 7, 4096};

Test(write, round_trip_of_small_sizes, .timeout = 60)
{
    for (size_t len = 0; len <= 300; len++)
        for (size_t i = 0; i < 4; i++) {
            check_round_trip(false, len, chunks[i]);
            check_round_trip(true, len, chunks[i]);
        }
}

Test(write, round_trip_around_every_boundary, .timeout = 60)
{
    static const size_t boundaries[] = {4096, 8192, 16384, 32768, 65536, 70000};

    for (size_t b = 0; b < sizeof(boundaries) / sizeof(boundaries[0]); b++)
        for (size_t len = boundaries[b] - 20; len <= boundaries[b] + 4; len++)
            for (size_t i = 0; i < 4; i++)
                if (chunks[i] != 1 || len == boundaries[b]) {
                    check_round_trip(false, len, chunks[i]);
                    check_round_trip(true, len, chunks[i]);
                }
}

Test(write, round_trip_of_every_tenth_size, .timeout = 60)
{
    for (size_t len = 300; len <= 70000; len += 131) {
        check_round_trip(false, len, 0);
        check_round_trip(true, len, 4096);
    }
}

Test(write, round_trip_of_8_mib, .timeout = 60)
{
    check_round_trip(false, 8u << 20, 0);
    check_round_trip(false, 8u << 20, 4096);
    check_round_trip(true, 8u << 20, 0);
    check_round_trip(true, 8u << 20, 16384);
}

Test(write, the_examples_of_the_rfc, .timeout = 10)
{
    struct leati_ws_session *server = session_make(true, 100);
    struct bytes stream = write_one(server, LEATI_WS_OP_TEXT, "Hello", 5);
    cr_assert_eq(stream.len, 7);
    cr_assert_eq(memcmp(stream.data, "\x81\x05Hello", 7), 0);
    bytes_free(&stream);
    leati_ws_session_free(server);

    struct leati_ws_session *client = session_make(false, 100);
    stream = write_one(client, LEATI_WS_OP_TEXT, "Hello", 5);
    cr_assert_eq(stream.len, 11);
    cr_assert_eq(stream.data[1], 0x85);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(stream.data[6 + i] ^ stream.data[2 + i % 4], "Hello"[i]);
    bytes_free(&stream);
    leati_ws_session_free(client);
}

/* Short ones are put together in the queue's memory, where it has room in one piece. */
Test(write, short_messages_of_a_server_that_fill_chunks, .timeout = 10)
{
    enum { COUNT = 1000 };
    struct leati_ws_session *session = session_make(true, 100);
    uint8_t *payload = payload_make(125);
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    for (size_t i = 0; i < COUNT; i++)
        must(leati_ws_session_write(session, LEATI_WS_OP_BINARY, payload, i % 126, &queue) ==
                 LEAT_OK,
             "message %zu", i);
    struct bytes stream = queue_drain(&queue);
    struct seen_list seen = session_run(false, 125, &stream, 0);
    cr_assert_eq(seen.count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        must(seen.items[i].len == i % 126 && memcmp(seen.items[i].data, payload, i % 126) == 0,
             "message %zu", i);
    seen_free(&seen);
    bytes_free(&stream);
    free(payload);
    leati_ws_session_free(session);
}

/* A loop has one stock of keys for all of its clients; it is neither wiped nor freed with them. */
Test(write, keys_from_a_stock_of_others, .timeout = 10)
{
    struct leati_random_pool *random = calloc(1, sizeof(*random));
    const struct leati_ws_session_options options = {.max_message_bytes = 100, .random = random};
    struct leati_ws_session *sessions[2];

    for (size_t i = 0; i < 2; i++)
        sessions[i] = session_make_with(&options);
    for (size_t i = 0; i < 4; i++) {
        size_t before = random->left;
        uint8_t key[4];
        if (before >= sizeof(key))
            memcpy(key, random->bytes + before - sizeof(key), sizeof(key));
        struct bytes stream = write_one(sessions[i % 2], LEATI_WS_OP_TEXT, "Hello", 5);
        cr_assert(before == 0 || random->left == before - sizeof(key));
        cr_assert(before == 0 || memcmp(stream.data + 2, key, sizeof(key)) == 0);
        for (size_t k = 0; k < 5; k++)
            cr_assert_eq(stream.data[6 + k] ^ stream.data[2 + k % 4], "Hello"[k]);
        bytes_free(&stream);
    }
    size_t left = random->left;
    cr_assert_gt(left, 0);
    for (size_t i = 0; i < 2; i++)
        leati_ws_session_free(sessions[i]);
    cr_assert_eq(random->left, left, "others go on with it");
    free(random);
}

Test(write, sizes_on_the_wire, .timeout = 10)
{
    static const struct {
        size_t len, header;
    } cases[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {SIZE_MAX / 2, 10}};
    struct leati_ws_session *server = session_make(true, 100);
    struct leati_ws_session *client = session_make(false, 100);

    for (size_t i = 0; i < 6; i++) {
        cr_assert_eq(leati_ws_session_frame_size(server, cases[i].len),
                     cases[i].header + cases[i].len);
        cr_assert_eq(leati_ws_session_frame_size(client, cases[i].len),
                     cases[i].header + 4 + cases[i].len);
    }
    leati_ws_session_free(server);
    leati_ws_session_free(client);
}

Test(write, every_frame_has_a_key_of_its_own, .timeout = 10)
{
    enum { COUNT = 500 };
    static uint32_t keys[COUNT];
    struct leati_ws_session *client = session_make(false, 100);
    size_t equal = 0;

    for (size_t i = 0; i < COUNT; i++) {
        struct bytes stream = write_one(client, LEATI_WS_OP_PING, "", 0);
        memcpy(&keys[i], stream.data + 2, 4);
        bytes_free(&stream);
        for (size_t k = 0; k < i; k++)
            equal += keys[i] == keys[k];
    }
    cr_assert_leq(equal, 1);
    leati_ws_session_free(client);
}

static struct bytes write_close(uint16_t code, const char *reason, size_t len)
{
    struct leati_ws_session *server = session_make(true, 100);
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(leati_ws_session_write_close(server, code, reason, len, &queue), LEAT_OK);
    leati_ws_session_free(server);
    return queue_drain(&queue);
}

/* Wherever the cut falls, in characters whose bytes are odd and even. */
Test(write, long_reasons_are_cut_between_characters, .timeout = 10)
{
    static const char *const characters[] = {"\xc3\xa8",         "\xc3\xa9",
                                             "\xe2\x82\xac",     "\xe2\x83\xbf",
                                             "\xf0\x9f\x98\x80", "\xf1\x81\x81\x81"};

    for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
        for (size_t before = 0; before < 4; before++) {
            char reason[200] = "aaaa";
            size_t size = strlen(characters[i]), len = before;
            for (; len < 190; len += size)
                memcpy(reason + len, characters[i], size);
            struct bytes stream = write_close(1000, reason, len);
            size_t expected = before + (123 - before) / size * size;
            must(stream.len == 4 + expected, "%zu, %zu: %zu", i, before, stream.len);
            must(memcmp(stream.data + 4, reason, expected) == 0, "%zu, %zu: bytes", i, before);
            bytes_free(&stream);
        }
}

/* What stands behind a reason is none of it. */
Test(write, reasons_that_fit, .timeout = 10)
{
    for (size_t len = 0; len <= 123; len++) {
        char reason[124];
        memset(reason, 'r', sizeof(reason));
        reason[len] = (char)0x80;
        struct bytes stream = write_close(1000, reason, len);
        must(stream.len == 4 + len, "%zu bytes: %zu", len, stream.len);
        must(memcmp(stream.data + 4, reason, len) == 0, "%zu bytes: others", len);
        bytes_free(&stream);
    }
}

Test(write, close_frames, .timeout = 10)
{
    struct bytes stream = write_close(0, "ignored", 7);
    cr_assert_eq(stream.len, 2);
    cr_assert_eq(memcmp(stream.data, "\x88\x00", 2), 0);
    bytes_free(&stream);

    stream = write_close(1000, NULL, 0);
    cr_assert_eq(stream.len, 4);
    cr_assert_eq(memcmp(stream.data, "\x88\x02\x03\xe8", 4), 0);
    bytes_free(&stream);

    stream = write_close(4999, "bye", 3);
    cr_assert_eq(stream.len, 7);
    cr_assert_eq(memcmp(stream.data,
                        "\x88\x05\x13\x87"
                        "bye",
                        7),
                 0);
    bytes_free(&stream);

    /* 122 bytes, then a character of three that does not fit. */
    char reason[200];
    memset(reason, 'x', sizeof(reason));
    memcpy(reason + 122, "\xe2\x82\xac", 3);
    stream = write_close(1011, reason, 150);
    cr_assert_eq(stream.len, 2 + 2 + 122);
    struct seen_list seen = session_run(false, 10, &stream, 0);
    cr_assert_eq(seen.items[0].kind, LEATI_WS_CLOSE);
    cr_assert_eq(seen.items[0].close_code, 1011);
    seen_free(&seen);
    bytes_free(&stream);

    memset(reason, 'x', sizeof(reason));
    stream = write_close(1011, reason, 150);
    cr_assert_eq(stream.len, 2 + 125);
    bytes_free(&stream);
}

Test(write, no_control_frame_is_too_long, .timeout = 10)
{
    struct leati_ws_session *client = session_make(false, 100);
    struct leati_byte_queue queue;
    uint8_t payload[126] = {0};

    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(leati_ws_session_write(client, LEATI_WS_OP_PING, payload, 126, &queue),
                 LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(queue.len, 0);
    cr_assert_eq(leati_ws_session_write(client, LEATI_WS_OP_PING, payload, 125, &queue), LEAT_OK);
    leati_byte_queue_clear(&queue);
    leati_ws_session_free(client);
}

/* ---- what leaves while it is written -------------------------------------------------------- */

struct leaving {
    struct leati_byte_queue queue;
    struct bytes sent;
    size_t at_most; /* in one go */
    unsigned calls, gifts;
};

static void leave(void *user)
{
    struct leaving *leaving = user;
    struct iovec iov;

    leaving->calls++;
    for (size_t left = leaving->at_most;
         left > 0 && leati_byte_queue_peek(&leaving->queue, &iov, 1) == 1;) {
        size_t len = iov.iov_len < left ? iov.iov_len : left;
        bytes_add(&leaving->sent, iov.iov_base, len);
        leati_byte_queue_consume(&leaving->queue, len);
        left -= len;
    }
}

static size_t take(void *user, const struct iovec *iov, int n)
{
    struct leaving *leaving = user;
    size_t taken = 0;

    leaving->gifts++;
    must(leaving->queue.len == 0, "bytes pass those that are queued");
    for (int i = 0; i < n; i++) {
        size_t left = leaving->at_most - taken;
        size_t len = iov[i].iov_len < left ? iov[i].iov_len : left;
        bytes_add(&leaving->sent, iov[i].iov_base, len);
        taken += len;
    }
    return taken;
}

static struct leaving check_leaving(bool is_server, size_t len, size_t at_most)
{
    struct leaving leaving = {.at_most = at_most};
    static const struct leati_ws_drain_ops drain = {leave, take};
    const struct leati_ws_session_options options = {
        .is_server = is_server, .max_message_bytes = 100, .drain = {&drain, &leaving}};
    struct leati_ws_session *session = session_make_with(&options);
    uint8_t *payload = payload_make(len);

    leati_byte_queue_init(&leaving.queue, NULL);
    must(leati_ws_session_write(session, LEATI_WS_OP_BINARY, payload, len, &leaving.queue) ==
             LEAT_OK,
         "write");
    must(is_server || leaving.queue.len > 0,
         "%zu: the end of a frame waits for what is queued behind it", len);
    struct bytes rest = queue_drain(&leaving.queue);
    bytes_add(&leaving.sent, rest.data, rest.len);
    struct seen_list seen = session_run(!is_server, len, &leaving.sent, 0);
    must(seen.count == 1 && seen.items[0].len == len &&
             memcmp(seen.items[0].data, payload, len) == 0,
         "%zu bytes, %zu at a time: another message", len, at_most);
    seen_free(&seen);
    bytes_free(&rest);
    bytes_free(&leaving.sent);
    free(payload);
    leati_ws_session_free(session);
    return leaving;
}

Test(write, the_beginning_of_a_long_frame_may_leave, .timeout = 60)
{
    static const size_t lens[] = {1 << 20, (1 << 20) + 1, 2 << 20, (3 << 20) + 12345};
    static const size_t at_most[] = {0, 1000, 100000, SIZE_MAX};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        for (size_t k = 0; k < sizeof(at_most) / sizeof(at_most[0]); k++) {
            struct leaving leaving = check_leaving(false, lens[i], at_most[k]);
            must(leaving.calls == (lens[i] - 1) >> 20, "%zu: left %u times", lens[i],
                 leaving.calls);
            must(leaving.gifts == 0, "%zu: without a mask", lens[i]);
        }
    must(check_leaving(false, 1000, SIZE_MAX).calls == 0, "a short frame has left by itself");
}

/* Of each cut: within the header of 10 bytes, behind it, within the payload. */
Test(write, a_long_frame_leaves_a_server_from_where_it_is, .timeout = 60)
{
    static const size_t lens[] = {262144, 300000, 3 << 20};
    static const size_t at_most[] = {0, 1, 3, 4, 5, 9, 10, 11, 16384, 40000, 262154, SIZE_MAX};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        for (size_t k = 0; k < sizeof(at_most) / sizeof(at_most[0]); k++) {
            struct leaving leaving = check_leaving(true, lens[i], at_most[k]);
            must(leaving.gifts == 1 && leaving.calls == 0, "%zu: given %u times", lens[i],
                 leaving.gifts);
        }
    must(check_leaving(true, 262143, SIZE_MAX).gifts == 0, "a short frame was given away");
}

Test(write, a_long_frame_of_a_server_waits_for_its_turn, .timeout = 10)
{
    static const struct leati_ws_drain_ops drain = {leave, take};
    struct leaving leaving = {.at_most = SIZE_MAX};
    struct leati_ws_session *session = session_make_with(&(struct leati_ws_session_options){
        .is_server = true, .max_message_bytes = 100, .drain = {&drain, &leaving}});
    uint8_t *payload = payload_make(300000);

    leati_byte_queue_init(&leaving.queue, NULL);
    must(leati_ws_session_write(session, LEATI_WS_OP_TEXT, "first", 5, &leaving.queue) == LEAT_OK &&
             leati_ws_session_write(session, LEATI_WS_OP_BINARY, payload, 300000, &leaving.queue) ==
                 LEAT_OK,
         "write");
    must(leaving.gifts == 0 && leaving.queue.len == 7 + 10 + 300000, "%u", leaving.gifts);
    leati_byte_queue_clear(&leaving.queue);
    free(payload);
    leati_ws_session_free(session);
}

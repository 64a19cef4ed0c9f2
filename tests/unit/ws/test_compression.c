/* SPDX-License-Identifier: Apache-2.0 */
/* permessage-deflate in a session (RFC 7692): from one end to the other, and from bad peers. */
#include "compression_run.h"

#include "support/leak_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(compression, .fini = leak_check);

/* ---- the examples of section 7.2.3 ---------------------------------------------------------- */

Test(compression, the_examples_of_the_rfc, .timeout = 10)
{
    static const struct {
        const char *stream;
        size_t len, messages;
    } cases[] = {
        {"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 9, 1},
        {"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", 11, 1},
        {"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00", 16, 2},
        {"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 13, 1},
        {"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 10, 1},
        {"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 15, 1},
        {"\x41\x03\xf2\x48\xcd\x89\x01!\x00\x00\x80\x04\xc9\xc9\x07\x00", 16, 1},
        /* Not in the RFC: the last frame is empty. */
        {"\x41\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x80\x00", 11, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t k = 0; k < 4; k++) {
            struct seen_list seen = client_run(cases[i].stream, cases[i].len, 5, chunks[k]);
            size_t messages = 0;
            for (size_t n = 0; n < seen.count; n++) {
                const struct seen *event = &seen.items[n];
                if (event->kind == LEATI_WS_PING)
                    continue;
                cr_assert_eq(event->kind, LEATI_WS_MESSAGE, "case %zu: %s", i, event->text);
                cr_assert_eq(event->type, LEAT_MESSAGE_TEXT);
                cr_assert_eq(event->len, 5);
                cr_assert_eq(memcmp(event->data, "Hello", 5), 0);
                messages++;
            }
            cr_assert_eq(messages, cases[i].messages, "case %zu", i);
            seen_free(&seen);
        }
}

/* ---- from one end to the other -------------------------------------------------------------- */

struct pair {
    struct leati_ws_session *from, *to;
    struct leati_byte_queue queue;
};

static void pair_make(struct pair *pair, const struct leati_deflate_params *params,
                      bool from_server, bool in_pieces, size_t threshold)
{
    struct leati_ws_session_options options = {
        .is_server = from_server,
        .max_message_bytes = 1u << 20,
        .deflate = params,
        .deflate_threshold_bytes = threshold,
    };

    pair->from = session_make_with(&options);
    options.is_server = !from_server;
    options.pieces = in_pieces;
    pair->to = session_make_with(&options);
    leati_byte_queue_init(&pair->queue, NULL);
}

static void pair_done(struct pair *pair)
{
    leati_byte_queue_clear(&pair->queue);
    leati_ws_session_free(pair->from);
    leati_ws_session_free(pair->to);
}

/* Moves what is queued, which must be this one message; gives the size on the wire. */
static size_t pair_move(struct pair *pair, const void *data, size_t len, size_t chunk)
{
    struct bytes stream = queue_drain(&pair->queue);
    struct seen_list seen = {0};

    session_feed(pair->to, stream.data, stream.len, chunk, &seen);
    seen_join(&seen);
    must(seen.count == 1, "%zu bytes: %zu events", len, seen.count);
    must(seen.items[0].kind == LEATI_WS_MESSAGE, "%zu bytes: %s", len, seen.items[0].text);
    must(seen.items[0].len == len && memcmp(seen.items[0].data, data, len) == 0,
         "%zu bytes: not the same", len);
    seen_free(&seen);
    size_t size = stream.len;
    bytes_free(&stream);
    return size;
}

static size_t pair_send(struct pair *pair, const void *data, size_t len, size_t chunk)
{
    must(leati_ws_session_write(pair->from, LEATI_WS_OP_BINARY, data, len, &pair->queue) == LEAT_OK,
         "write");
    return pair_move(pair, data, len, chunk);
}

/* Repeats itself at many distances, so that every window is used. */
static uint8_t *compressible(size_t len)
{
    uint8_t *data = malloc(len + 1);
    uint32_t state = 12345;

    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        size_t back = 1 + (state >> 8) % 40000;
        data[i] = (state >> 28) > 1 && i >= back ? data[i - back] : (uint8_t)(state >> 24);
        if ((state & 0xf0000) != 0 && i >= 300)
            data[i] = data[i - 300];
    }
    return data;
}

static void check_params(const struct leati_deflate_params *params, bool from_server,
                         const uint8_t *data)
{
    static const size_t sizes[] = {1, 5, 0, 300, 4095, 70000, 16384, 255, 16385, 100};

    for (unsigned in_pieces = 0; in_pieces < 2; in_pieces++) {
        struct pair pair;
        pair_make(&pair, params, from_server, in_pieces != 0, 0);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            pair_send(&pair, data + i * 50, sizes[i], sizes[i] > 5000 ? 4096 : chunks[i % 4]);
            if (i % 3 == 0) {
                leati_ws_session_trim(pair.from);
                leati_ws_session_trim(pair.to);
            }
        }
        pair_done(&pair);
    }
}

Test(compression, every_combination_of_parameters, .timeout = 120)
{
    uint8_t *data = compressible(71000);

    for (unsigned ours = 8; ours <= 15; ours++)
        for (unsigned theirs = 8; theirs <= 15; theirs++)
            for (unsigned takeover = 0; takeover < 4; takeover++) {
                const struct leati_deflate_params params = {
                    .server_no_context_takeover = (takeover & 1) != 0,
                    .client_no_context_takeover = (takeover & 2) != 0,
                    .server_max_window_bits = (uint8_t)ours,
                    .client_max_window_bits = (uint8_t)theirs,
                };
                check_params(&params, (takeover + ours + theirs) % 2 == 0, data);
            }
    free(data);
}

Test(compression, sizes_around_every_boundary, .timeout = 60)
{
    static const size_t boundaries[] = {1, 126, 4096, 8192, 16384, 32768, 65536};
    uint8_t *data = compressible(70000);

    for (unsigned role = 0; role < 4; role++) {
        struct pair pair;
        pair_make(&pair, &defaults, role & 1, role & 2, 0);
        for (size_t b = 0; b < sizeof(boundaries) / sizeof(boundaries[0]); b++)
            for (size_t len = boundaries[b] - 1; len <= boundaries[b] + 1; len++)
                pair_send(&pair, data, len, b % 2 ? 0 : 1000);
        pair_done(&pair);
    }
    free(data);
}

Test(compression, context_is_taken_over_or_not, .timeout = 10)
{
    uint8_t *data = compressible(2000);
    struct leati_deflate_params params = defaults;
    struct pair pair;

    pair_make(&pair, &params, true, false, 0);
    size_t first = pair_send(&pair, data, 2000, 0);
    cr_assert_lt(pair_send(&pair, data, 2000, 0), first / 4);
    pair_done(&pair);

    params.server_no_context_takeover = true;
    pair_make(&pair, &params, true, false, 0);
    first = pair_send(&pair, data, 2000, 0);
    cr_assert_eq(pair_send(&pair, data, 2000, 0), first);
    pair_done(&pair);
    free(data);
}

/* ---- what is compressed --------------------------------------------------------------------- */

static uint8_t first_byte_of(struct leati_ws_session *session, enum leati_ws_opcode opcode,
                             const void *data, size_t len)
{
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(leati_ws_session_write(session, opcode, data, len, &queue), LEAT_OK);
    struct bytes stream = queue_drain(&queue);
    uint8_t first = stream.data[0];
    bytes_free(&stream);
    return first;
}

Test(compression, threshold, .timeout = 10)
{
    static const char zeros[200];
    struct leati_ws_session_options options = with_deflate(true, 1000);

    for (size_t threshold = 0; threshold <= 100; threshold += 50) {
        options.deflate_threshold_bytes = threshold;
        struct leati_ws_session *session = session_make_with(&options);
        for (size_t len = 0; len <= 130; len++)
            cr_assert_eq(first_byte_of(session, LEATI_WS_OP_TEXT, zeros, len),
                         len == 0 || len < threshold ? 0x81 : 0xc1);
        leati_ws_session_free(session);
    }
}

Test(compression, control_frames_never, .timeout = 10)
{
    static const char zeros[125];
    struct leati_ws_session_options options = with_deflate(false, 1000);
    struct leati_ws_session *session = session_make_with(&options);

    cr_assert_eq(first_byte_of(session, LEATI_WS_OP_PING, zeros, 125), 0x89);
    cr_assert_eq(first_byte_of(session, LEATI_WS_OP_PONG, zeros, 125), 0x8a);
    cr_assert_eq(first_byte_of(session, LEATI_WS_OP_CLOSE, zeros, 125), 0x88);
    leati_ws_session_free(session);
}

/* With a context they must be compressed, once they have been fed; without one they need not. */
static void fill_with_noise(uint8_t *data, size_t len)
{
    uint64_t state = 1;

    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(state >> 56);
    }
}

Test(compression, what_does_not_get_smaller, .timeout = 10)
{
    uint8_t noise[1000];
    fill_with_noise(noise, sizeof(noise));
    struct leati_deflate_params params = defaults;
    for (unsigned no_takeover = 0; no_takeover < 2; no_takeover++) {
        struct pair pair;
        params.server_no_context_takeover = no_takeover != 0;
        pair_make(&pair, &params, true, false, 0);
        cr_assert_eq(first_byte_of(pair.from, LEATI_WS_OP_BINARY, noise, sizeof(noise)),
                     no_takeover ? 0x82 : 0xc2);
        pair_done(&pair);
        pair_make(&pair, &params, true, false, 0);
        pair_send(&pair, noise, sizeof(noise), 0);
        pair_send(&pair, noise, sizeof(noise), 0);
        pair_done(&pair);
    }
}

Test(compression, messages_in_parts, .timeout = 30)
{
    uint8_t *data = compressible(100000);
    static const size_t parts[] = {1, 100, 4096, 33333};

    for (unsigned role = 0; role < 4; role++)
        for (size_t p = 0; p < 4; p++) {
            struct pair pair;
            pair_make(&pair, &defaults, role & 1, role & 2, 10);
            for (int round = 0; round < 2; round++) {
                size_t len = parts[p] * 3 + 1;
                for (size_t done = 0; done < len;) {
                    size_t size = parts[p] < len - done ? parts[p] : len - done;
                    must(leati_ws_session_write_part(pair.from, LEAT_MESSAGE_BINARY, data + done,
                                                     size, done == 0, done + size == len,
                                                     &pair.queue) == LEAT_OK,
                         "part");
                    done += size;
                }
                pair_move(&pair, data, len, p == 3 ? 4096 : chunks[p]);
                pair_send(&pair, data, len, 0);
            }
            pair_done(&pair);
        }
    free(data);
}

/* What cannot be compressed comes out before the end: the frame that begins, and those behind it. */
Test(compression, a_part_that_gives_bytes_gives_a_frame, .timeout = 10)
{
    enum { PART = 100000 };
    uint8_t *data = malloc(3 * PART);
    struct pair pair;
    size_t queued = 0;

    fill_with_noise(data, 3 * PART);
    pair_make(&pair, &defaults, true, true, 100);
    for (size_t i = 0; i < 3; i++) {
        must(leati_ws_session_write_part(pair.from, LEAT_MESSAGE_BINARY, data + i * PART, PART,
                                         i == 0, i == 2, &pair.queue) == LEAT_OK,
             "part");
        cr_assert_gt(pair.queue.len, queued, "part %zu", i);
        queued = pair.queue.len;
    }
    struct iovec iov;
    cr_assert_eq(leati_byte_queue_peek(&pair.queue, &iov, 1), 1);
    cr_assert_eq(*(const uint8_t *)iov.iov_base, 0x42);
    pair_move(&pair, data, 3 * PART, 4096);
    pair_done(&pair);
    free(data);
}

Test(compression, a_part_that_gives_nothing_gives_no_frame, .timeout = 10)
{
    struct pair pair;

    pair_make(&pair, &defaults, true, true, 100);
    cr_assert_eq(leati_ws_session_write_part(pair.from, LEAT_MESSAGE_TEXT, "Hel", 3, true, false,
                                             &pair.queue),
                 LEAT_OK);
    cr_assert_eq(pair.queue.len, 0, "zlib has it");
    cr_assert_eq(leati_ws_session_write(pair.from, LEATI_WS_OP_TEXT, "x", 1, &pair.queue),
                 LEAT_E_PARAMETER);
    cr_assert_eq(leati_ws_session_write_part(pair.from, LEAT_MESSAGE_TEXT, "lo", 2, false, true,
                                             &pair.queue),
                 LEAT_OK);
    struct iovec iov;
    cr_assert_eq(leati_byte_queue_peek(&pair.queue, &iov, 1), 1);
    cr_assert_eq(memcmp(iov.iov_base, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 9), 0);
    pair_move(&pair, "Hello", 5, 0);

    /* An only part below the threshold goes as it is; so does an empty message. */
    cr_assert_eq(leati_ws_session_write_part(pair.from, LEAT_MESSAGE_TEXT, "Hello", 5, true, true,
                                             &pair.queue),
                 LEAT_OK);
    cr_assert_eq(pair_move(&pair, "Hello", 5, 0), 7);
    /* One that has begun with nothing is compressed and must have an end. */
    cr_assert_eq(
        leati_ws_session_write_part(pair.from, LEAT_MESSAGE_TEXT, "", 0, true, false, &pair.queue),
        LEAT_OK);
    cr_assert_eq(
        leati_ws_session_write_part(pair.from, LEAT_MESSAGE_TEXT, "", 0, false, true, &pair.queue),
        LEAT_OK);
    cr_assert_eq(pair_move(&pair, "", 0, 1), 3);
    pair_done(&pair);
}

/* What a client sends is unmasked 4 KiB at a time, and much more comes out of each. */
Test(compression, much_comes_out_of_little_that_is_masked, .timeout = 60)
{
    size_t len = 1u << 20;
    uint8_t *zeros = calloc(1, len);
    uint32_t state = 1;

    for (size_t i = 0; i < len; i += 512) {
        state = state * 1664525 + 1013904223;
        memcpy(zeros + i, &state, sizeof(state));
    }
    struct pair pair;
    pair_make(&pair, &defaults, false, true, 0);
    cr_assert_gt(pair_send(&pair, zeros, len, 0), 2 * 4096);
    pair_send(&pair, zeros, len, 5000);
    pair_send(&pair, "next", 4, 1);
    pair_done(&pair);
    free(zeros);
}

struct sent {
    unsigned frames, rsv;
    uint64_t payload_len;
};

static void sent_note(const struct leat_trace_event *event, void *user)
{
    struct sent *sent = user;
    sent->frames++;
    sent->rsv = event->frame->rsv;
    sent->payload_len = event->frame->payload_len;
}

Test(compression, the_trace_says_what_is_compressed, .timeout = 10)
{
    struct sent sent = {0};
    const struct leati_tracer tracer = {.fn = sent_note, .user = &sent};
    struct leati_ws_session_options options = with_deflate(true, 1000);
    options.tracer = &tracer;
    options.hop = "host:80";
    struct leati_ws_session *session = session_make_with(&options);
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_TEXT, "Hello", 5, &queue), LEAT_OK);
    cr_assert(sent.frames == 1 && sent.rsv == 4 && sent.payload_len == queue.len - 2);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_PING, "Hello", 5, &queue), LEAT_OK);
    cr_assert(sent.frames == 2 && sent.rsv == 0 && sent.payload_len == 5);
    leati_byte_queue_clear(&queue);
    leati_ws_session_free(session);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of frames by itself: in whatever room a queue has left, out of a queue, what leaves at once,
 * and that nothing is queued where something is missing. */
#include "ws_stream.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "util/random.h"
#include "ws/frame_writer.h"

#include <string.h>
#include <sys/random.h>

enum {
    FIRST_BYTE = LEATI_WS_FIN | LEATI_WS_OP_BINARY,
    MEBIBYTE = 1 << 20,
};

static uint8_t payload[MEBIBYTE + 100];
static struct leati_byte_queue out;
static struct leati_random_pool keys;
static const struct leati_ws_drain nothing_leaves;
static bool kernel_has_no_random;

ssize_t __real_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
    return kernel_has_no_random ? -1 : __real_getrandom(buf, len, flags);
}

static void setup(void)
{
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    leati_byte_queue_init(&out, NULL);
    leati_random_pool_wipe(&keys);
}

TestSuite(frame_writer, .init = setup, .fini = leak_check, .timeout = 60);

/* What stands in the queue behind `before` bytes is one frame with this payload. */
static void check_frame(size_t before, bool masked, const uint8_t *expected, size_t len)
{
    struct bytes stream = queue_drain(&out);
    const struct bytes frame = {.data = stream.data + before, .len = stream.len - before};
    must(frame.len == leati_ws_frame_header_size(masked, len) + len, "%zu behind %zu: %zu", len,
         before, frame.len);
    for (size_t i = 0; i < before; i++)
        must(stream.data[i] == 'x', "byte %zu was there before", i);
    struct seen_list seen = session_run(masked, len, &frame, 0);
    must(seen.count == 1 && seen.items[0].kind == LEATI_WS_MESSAGE && seen.items[0].len == len,
         "%zu behind %zu: no message", len, before);
    must(len == 0 || memcmp(seen.items[0].data, expected, len) == 0, "%zu behind %zu: other bytes",
         len, before);
    seen_free(&seen);
    bytes_free(&stream);
}

static void queue_fill(struct leati_byte_queue *queue, size_t len)
{
    static uint8_t filling[LEATI_CHUNK_BYTES];
    memset(filling, 'x', sizeof(filling));
    must(leati_byte_queue_append(queue, filling, len), "append");
}

/* RFC 6455 section 5.2: the fewest bytes that can say how long it is. */
Test(frame_writer, lengths_at_each_boundary)
{
    static const struct {
        size_t len;
        const char *header;
        size_t header_len;
    } cases[] = {
        {0, "\x82\x00", 2},
        {1, "\x82\x01", 2},
        {125, "\x82\x7d", 2},
        {126, "\x82\x7e\x00\x7e", 4},
        {65535, "\x82\x7e\xff\xff", 4},
        {65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        must(leati_ws_frame_write(&out, NULL, FIRST_BYTE, payload, cases[i].len, &nothing_leaves),
             "write");
        struct bytes stream = queue_drain(&out);
        must(stream.len == cases[i].header_len + cases[i].len, "%zu: %zu", cases[i].len,
             stream.len);
        must(memcmp(stream.data, cases[i].header, cases[i].header_len) == 0, "%zu: header",
             cases[i].len);
        must(memcmp(stream.data + cases[i].header_len, payload, cases[i].len) == 0, "%zu: payload",
             cases[i].len);
        bytes_free(&stream);
    }
}

/* A frame that fits is put together where it lies, one that does not is cut; the key goes on. */
Test(frame_writer, whatever_room_a_queue_has_left)
{
    static const size_t lens[] = {0, 1, 2, 5, 126, 40000};

    for (size_t room = 0; room <= 20; room++)
        for (size_t i = 0; i < 2 * sizeof(lens) / sizeof(lens[0]); i++) {
            const size_t len = lens[i / 2];
            const bool masked = i % 2;
            queue_fill(&out, LEATI_CHUNK_BYTES - room);
            must(leati_ws_frame_write(&out, masked ? &keys : NULL, FIRST_BYTE,
                                      len > 0 ? payload : NULL, len, &nothing_leaves),
                 "write");
            check_frame(LEATI_CHUNK_BYTES - room, masked, payload, len);
        }
}

Test(frame_writer, a_long_frame_that_has_nowhere_to_leave)
{
    for (int masked = 0; masked < 2; masked++) {
        must(leati_ws_frame_write(&out, masked ? &keys : NULL, FIRST_BYTE, payload, MEBIBYTE + 5,
                                  &nothing_leaves),
             "write");
        check_frame(0, masked, payload, MEBIBYTE + 5);
    }
}

/* Wherever its chunks are cut. */
Test(frame_writer, a_payload_out_of_a_queue)
{
    for (size_t consumed = 0; consumed <= 3; consumed++)
        for (size_t room = 0; room <= 3; room++)
            for (int masked = 0; masked < 2; masked++) {
                struct leati_byte_queue from;
                leati_byte_queue_init(&from, NULL);
                must(leati_byte_queue_append(&from, payload, 50000), "append");
                leati_byte_queue_consume(&from, consumed);
                queue_fill(&out, LEATI_CHUNK_BYTES - room);
                must(leati_ws_frame_write_queue(&out, masked ? &keys : NULL, FIRST_BYTE, &from),
                     "write");
                must(from.len == 0, "%zu bytes were left", from.len);
                check_frame(LEATI_CHUNK_BYTES - room, masked, payload + consumed, 50000 - consumed);
            }
}

/* ---- what leaves ---------------------------------------------------------------------------- */

struct taker {
    size_t at_most; /* of what is given */
    unsigned gifts;
};

static void leave(void *user)
{
    (void)user;
}

static size_t take(void *user, const struct iovec *iov, int n)
{
    struct taker *taker = user;
    size_t len = 0;
    taker->gifts++;
    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    return len < taker->at_most ? len : taker->at_most;
}

static const struct leati_ws_drain_ops drain_ops = {leave, take};

/* What is not taken waits, from within the header or the payload on; room for the rest is not kept. */
Test(frame_writer, what_was_given_keeps_no_room)
{
    enum { LEN = 262144 };
    static const char header[] = "\x82\x7f\x00\x00\x00\x00\x00\x04\x00\x00";
    static const size_t taken[] = {3, 100000, sizeof(header) - 1 + LEN};
    static uint8_t frame[sizeof(header) - 1 + LEN];

    memcpy(frame, header, sizeof(header) - 1);
    memcpy(frame + sizeof(header) - 1, payload, LEN);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct taker taker = {.at_most = taken[i]};
        const struct leati_ws_drain drain = {&drain_ops, &taker};
        must(leati_ws_frame_write(&out, NULL, FIRST_BYTE, payload, LEN, &drain), "write");
        cr_expect_eq(taker.gifts, 1);
        cr_expect_eq(out.promised, 0);
        cr_expect_eq(!out.head, taken[i] == sizeof(frame));
        struct bytes rest = queue_drain(&out);
        must(rest.len == sizeof(frame) - taken[i], "%zu are left of %zu", rest.len, taken[i]);
        must(rest.len == 0 || memcmp(rest.data, frame + taken[i], rest.len) == 0,
             "other bytes behind %zu", taken[i]);
        bytes_free(&rest);
    }
}

/* ---- what is missing ------------------------------------------------------------------------ */

static bool no_memory(void)
{
    return true;
}

/* Nothing is queued, and nothing has left. */
static void check_nothing(struct leati_random_pool *from, const uint8_t *data, size_t len)
{
    struct taker taker = {0};
    const struct leati_ws_drain drain = {&drain_ops, &taker};
    must(!leati_ws_frame_write(&out, from, FIRST_BYTE, data, len, &drain), "%zu were written", len);
    must(!leati_ws_frame_write(&out, from, FIRST_BYTE, data, len, &nothing_leaves),
         "%zu were written at once", len);
    must(out.len == 0, "%zu: %zu bytes are queued", len, out.len);
    must(taker.gifts == 0, "%zu: something was given", len);
}

static void check_queue_nothing(struct leati_random_pool *from)
{
    struct leati_byte_queue source;
    leati_byte_queue_init(&source, NULL);
    must(leati_byte_queue_append(&source, payload, 30000), "append");
    leati_alloc_fail_hook = kernel_has_no_random ? NULL : no_memory;
    must(!leati_ws_frame_write_queue(&out, from, FIRST_BYTE, &source), "written");
    leati_alloc_fail_hook = NULL;
    must(out.len == 0 && source.len == 30000, "%zu, %zu", out.len, source.len);
    leati_byte_queue_clear(&source);
}

static const size_t lens[] = {0, 5, 20000, 300000};

Test(frame_writer, there_is_no_room_for_it)
{
    leati_alloc_fail_hook = no_memory;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        check_nothing(NULL, payload, lens[i]);
        check_nothing(&keys, payload, lens[i]);
    }
    leati_alloc_fail_hook = NULL;
    check_queue_nothing(NULL);
    check_queue_nothing(&keys);
}

/* A frame of a client is masked with a key of the kernel's, or it is none. */
Test(frame_writer, there_is_no_randomness)
{
    kernel_has_no_random = true;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        check_nothing(&keys, payload, lens[i]);
    check_queue_nothing(&keys);
    leati_byte_queue_clear(&out);
}

/* With its header it has more bytes than can be counted. */
Test(frame_writer, a_payload_that_is_too_long)
{
    for (size_t len = SIZE_MAX; len > SIZE_MAX - LEATI_WS_FRAME_HEADER_MAX; len--) {
        check_nothing(&keys, NULL, len);
        check_nothing(NULL, NULL, len);
    }
}

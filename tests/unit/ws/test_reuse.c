/* SPDX-License-Identifier: Apache-2.0 */
/* What has failed never returns to the pool: every way to break the protocol, in both roles, and
 * good sessions beside and behind it on the same pool. */
#include "ws_stream.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "ws/workspace.h"

#include <string.h>

TestSuite(reuse, .fini = leak_check);

#define LIMIT_BYTES 1000u

struct violation {
    const char *name;
    uint16_t close_code;
    bool mask_is_wrong;
    struct raw_frame frames[3]; /* the end is the first one that is all zero */
};

#define TEXT(string) .payload = (string), .len = sizeof(string) - 1

static const uint8_t filler[2000] = {'f'};

static const struct violation violations[] = {
    {"length of 0 in 16 bits", 1002, false, {{.opcode = 2, .form = LEATI_FRAME_16}}},
    {"length of 125 in 16 bits",
     1002,
     false,
     {{.opcode = 2, .form = LEATI_FRAME_16, .payload = filler, .len = 125}}},
    {"length of 5 in 16 bits", 1002, false, {{.opcode = 1, .form = LEATI_FRAME_16, .announce = 5}}},
    {"length of 5 in 64 bits", 1002, false, {{.opcode = 1, .form = LEATI_FRAME_64, .announce = 5}}},
    {"length of 65535 in 64 bits",
     1002,
     false,
     {{.opcode = 2, .form = LEATI_FRAME_64, .announce = 65535}}},
    {"length with its highest bit",
     1002,
     false,
     {{.opcode = 2, .form = LEATI_FRAME_64, .announce = UINT64_C(1) << 63}}},
    {"length of all ones", 1002, false, {{.opcode = 2, .announce = UINT64_MAX}}},
    {"longest length there is", 1009, false, {{.opcode = 2, .announce = INT64_MAX}}},
    {"Ping of 126 bytes", 1002, false, {{.opcode = 9, .payload = filler, .len = 126}}},
    {"Pong of 126 bytes", 1002, false, {{.opcode = 10, .payload = filler, .len = 126}}},
    {"Close of 126 bytes", 1002, false, {{.opcode = 8, .payload = filler, .len = 126}}},
    {"Ping of 65536 bytes", 1002, false, {{.opcode = 9, .announce = 65536}}},
    {"Ping in 64 bits", 1002, false, {{.opcode = 9, .form = LEATI_FRAME_64, .announce = 1}}},
    {"fragmented Ping", 1002, false, {{.opcode = 9, .not_fin = true, TEXT("ping")}}},
    {"fragmented Pong", 1002, false, {{.opcode = 10, .not_fin = true}}},
    {"fragmented Close", 1002, false, {{.opcode = 8, .not_fin = true, TEXT("\x03\xe8")}}},
    {"RSV1", 1002, false, {{.opcode = 1, .rsv = 4, TEXT("text")}}},
    {"RSV2", 1002, false, {{.opcode = 2, .rsv = 2, TEXT("data")}}},
    {"RSV3", 1002, false, {{.opcode = 9, .rsv = 1, TEXT("ping")}}},
    {"all reserved bits", 1002, false, {{.opcode = 8, .rsv = 7}}},
    {"opcode 3", 1002, false, {{.opcode = 3, TEXT("x")}}},
    {"opcode 7", 1002, false, {{.opcode = 7}}},
    {"opcode 11", 1002, false, {{.opcode = 11, TEXT("control")}}},
    {"opcode 15, long", 1002, false, {{.opcode = 15, .payload = filler, .len = 300}}},
    {"opcode 15, fragmented", 1002, false, {{.opcode = 15, .not_fin = true}}},
    {"wrong mask", 1002, true, {{.opcode = 1, TEXT("hello")}}},
    {"wrong mask, long", 1002, true, {{.opcode = 2, .payload = filler, .len = 999}}},
    {"wrong mask, empty", 1002, true, {{.opcode = 9}}},
    {"continuation of nothing", 1002, false, {{.opcode = 0, TEXT("rest")}}},
    {"empty continuation of nothing", 1002, false, {{.opcode = 0, .not_fin = true}}},
    {"two beginnings",
     1002,
     false,
     {{.opcode = 1, .not_fin = true, TEXT("begin")}, {.opcode = 1, TEXT("again")}}},
    {"two beginnings, the first empty",
     1002,
     false,
     {{.opcode = 2, .not_fin = true}, {.opcode = 2, .not_fin = true}}},
    {"violation within a message",
     1002,
     false,
     {{.opcode = 1, .not_fin = true, TEXT("begin")}, {.opcode = 9, .payload = filler, .len = 126}}},
    {"Close of one byte", 1002, false, {{.opcode = 8, TEXT("\x03")}}},
    {"close code 0", 1002, false, {{.opcode = 8, TEXT("\0\0")}}},
    {"close code 999", 1002, false, {{.opcode = 8, TEXT("\x03\xe7")}}},
    {"close code 1005",
     1002,
     false,
     {{.opcode = 8,
       TEXT("\x03\xed"
            "reason")}}},
    {"close code 1015", 1002, false, {{.opcode = 8, TEXT("\x03\xf7")}}},
    {"close code 65535", 1002, false, {{.opcode = 8, TEXT("\xff\xff")}}},
    {"reason that is not UTF-8", 1007, false, {{.opcode = 8, TEXT("\x03\xe8\xff")}}},
    {"reason that is cut", 1007, false, {{.opcode = 8, TEXT("\x03\xe8\xe2\x82")}}},
    {"text that is not UTF-8", 1007, false, {{.opcode = 1, TEXT("ab\xff")}}},
    {"text that is cut", 1007, false, {{.opcode = 1, TEXT("ab\xe2\x82")}}},
    {"text that is not UTF-8 in its second fragment",
     1007,
     false,
     {{.opcode = 1, .not_fin = true, TEXT("a\xe2")}, {.opcode = 0, TEXT("xyz")}}},
    {"announced beyond the limit", 1009, false, {{.opcode = 2, .announce = LIMIT_BYTES + 1}}},
    {"beyond the limit in its second fragment",
     1009,
     false,
     {{.opcode = 2, .not_fin = true, .payload = filler, .len = LIMIT_BYTES},
      {.opcode = 0, .payload = filler, .len = 1}}},
};

#define VIOLATION_COUNT (sizeof(violations) / sizeof(violations[0]))

static struct bytes violation_stream(const struct violation *violation, bool is_server)
{
    struct bytes stream = {0};

    for (size_t i = 0; i < 3; i++) {
        struct raw_frame frame = violation->frames[i];
        if (memcmp(&frame, &(struct raw_frame){0}, sizeof(frame)) == 0)
            break;
        frame.masked = is_server != violation->mask_is_wrong;
        bytes_add_frame(&stream, &frame);
    }
    return stream;
}

/* A text in two fragments with a Ping between them: all that a workspace is used for. */
static void good_session_expect(struct leati_ws_session *session, bool is_server, const char *after)
{
    struct bytes stream = {0};
    struct seen_list seen = {0};

    bytes_add_frame(&stream, &(struct raw_frame){
                                 .opcode = 1, .not_fin = true, .masked = is_server, TEXT("good ")});
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 9, .masked = is_server, TEXT("ping")});
    bytes_add_frame(&stream,
                    &(struct raw_frame){.opcode = 0, .masked = is_server, TEXT("message")});
    session_feed(session, stream.data, stream.len, 1, &seen);
    must(seen.count == 2, "%zu events after %s", seen.count, after);
    must(seen.items[0].kind == LEATI_WS_PING && seen.items[0].len == 4 &&
             memcmp(seen.items[0].data, "ping", 4) == 0,
         "another Ping after %s", after);
    must(seen.items[1].kind == LEATI_WS_MESSAGE && seen.items[1].len == 12 &&
             memcmp(seen.items[1].data, "good message", 12) == 0,
         "another message after %s", after);
    seen_free(&seen);
    bytes_free(&stream);
}

static void violation_run(const struct violation *violation, struct leati_ws_pool *pool,
                          bool is_server, bool pieces, size_t chunk)
{
    const struct leati_ws_session_options options = {
        .is_server = is_server,
        .pieces = pieces,
        .max_message_bytes = LIMIT_BYTES,
        .pool = pool,
    };
    struct leati_ws_session *session = session_make_with(&options);
    struct bytes stream = violation_stream(violation, is_server);
    struct seen_list seen = {0};

    session_feed(session, stream.data, stream.len, chunk, &seen);
    must(seen.count > 0 && seen.items[seen.count - 1].kind == LEATI_WS_VIOLATION &&
             seen.items[seen.count - 1].close_code == violation->close_code,
         "%s: %zu events, %u", violation->name, seen.count,
         seen.count ? seen.items[seen.count - 1].close_code : 0u);
    leati_ws_session_free(session);
    seen_free(&seen);
    bytes_free(&stream);
}

static void behind_each(bool is_server)
{
    static const size_t chunks[] = {0, 1, 2, 7};
    const struct leati_ws_session_options options = {.is_server = is_server,
                                                     .max_message_bytes = LIMIT_BYTES};

    for (size_t i = 0; i < VIOLATION_COUNT * 4; i++) {
        const struct violation *violation = &violations[i / 4];
        struct leati_ws_pool pool;
        leati_ws_pool_init(&pool, 1u << 20);
        struct leati_ws_session_options good = options;
        good.pool = &pool;
        struct leati_ws_session *beside = session_make_with(&good);
        good_session_expect(beside, is_server, "nothing");
        for (int pieces = 0; pieces < 2; pieces++)
            violation_run(violation, &pool, is_server, pieces, chunks[i % 4]);
        good_session_expect(beside, is_server, violation->name);
        for (int j = 0; j < 3; j++) {
            struct leati_ws_session *behind = session_make_with(&good);
            good_session_expect(behind, is_server, violation->name);
            leati_ws_session_free(behind);
        }
        leati_ws_session_free(beside);
        leati_ws_pool_done(&pool);
    }
}

Test(reuse, good_sessions_of_a_client_behind_each_violation, .timeout = 60)
{
    behind_each(false);
}

Test(reuse, good_sessions_of_a_server_behind_each_violation, .timeout = 60)
{
    behind_each(true);
}

/* Whatever else may be said of it: a failed one is freed. */
Test(reuse, nothing_of_a_failed_session_is_pooled, .timeout = 60)
{
    for (size_t i = 0; i < VIOLATION_COUNT; i++) {
        struct leati_ws_pool pool;
        leati_ws_pool_init(&pool, 1u << 20);
        violation_run(&violations[i], &pool, true, false, 0);
        must(!pool.free && pool.bytes == 0, "%s has left something in the pool",
             violations[i].name);
        leati_ws_pool_done(&pool);
    }
}

/* The reader on its own: once malformed, always malformed, and never idle. */
Test(reuse, a_reader_that_has_refused_stays_refused, .timeout = 10)
{
    static const uint8_t ping[] = {0x89, 126, 0, 126};
    static const uint8_t good[] = {0x81, 2, 'o', 'k'};
    struct leati_ws_frame_reader reader;
    struct leati_ws_frame_piece piece;

    cr_assert(leati_ws_frame_reader_init(&reader));
    const uint8_t *data = ping;
    size_t len = sizeof(ping);
    cr_expect_eq(leati_ws_frame_reader_next(&reader, &data, &len, &piece),
                 LEATI_WS_FRAME_MALFORMED);
    cr_expect_not(leati_ws_frame_reader_is_idle(&reader));
    data = good;
    len = sizeof(good);
    cr_expect_eq(leati_ws_frame_reader_next(&reader, &data, &len, &piece),
                 LEATI_WS_FRAME_MALFORMED);
    cr_expect_not(leati_ws_frame_reader_is_idle(&reader));
    leati_ws_frame_reader_done(&reader);
}

/* With a buffer of 8 KiB, without it, or not at all. */
Test(reuse, what_a_pool_has_room_for, .timeout = 10)
{
    enum { BARE = LEATI_WS_FRAME_READER_BYTES + sizeof(struct leati_ws_workspace), CAP = 8192 };
    static const struct {
        size_t limit, kept;
    } cases[] = {{BARE - 1, 0}, {BARE, BARE}, {BARE + CAP - 1, BARE}, {BARE + CAP, BARE + CAP}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_ws_pool pool;
        leati_ws_pool_init(&pool, cases[i].limit);
        for (int turn = 0; turn < 2; turn++) {
            struct leati_ws_workspace *workspace = leati_ws_workspace_acquire(&pool);
            uint8_t *room = leati_ws_workspace_reserve(workspace, 1, 100000);
            cr_assert_not_null(room);
            *room = 'x';
            cr_expect_eq(workspace->message_cap, CAP);
            leati_ws_workspace_release(workspace, &pool);
            cr_expect_eq(pool.bytes, cases[i].kept, "limit %zu", cases[i].limit);
            cr_expect_eq(pool.free != NULL, cases[i].kept > 0);
        }
        leati_ws_pool_done(&pool);
    }
}

static struct leati_ws_pool shared;

/* A session that runs out of memory somewhere in a long message, on a pool that others use. */
static bool starved_attempt(void)
{
    const struct leati_ws_session_options options = {
        .is_server = true, .max_message_bytes = 100000, .pool = &shared};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct bytes stream = {0};
    struct seen_list seen = {0};
    bool (*hook)(void) = leati_alloc_fail_hook;

    if (!session)
        return false;
    for (int i = 0; i < 3; i++)
        bytes_add_frame(&stream, &(struct raw_frame){.opcode = i == 0 ? 2 : 0,
                                                     .masked = true,
                                                     .not_fin = i < 2,
                                                     .payload = filler,
                                                     .len = sizeof(filler)});
    session_feed(session, stream.data, stream.len, 999, &seen);
    bool done = seen.code == LEATI_AGAIN;
    leati_ws_session_free(session);
    seen_free(&seen);
    bytes_free(&stream);

    leati_alloc_fail_hook = NULL;
    session = session_make_with(&options);
    good_session_expect(session, true, "a lack of memory");
    leati_ws_session_free(session);
    leati_alloc_fail_hook = hook;
    return done;
}

Test(reuse, good_sessions_behind_each_lack_of_memory, .timeout = 20)
{
    leati_ws_pool_init(&shared, 1u << 20);
    cr_assert_geq(alloc_failure_run_all(starved_attempt), 2);
    leati_ws_pool_done(&shared);
}

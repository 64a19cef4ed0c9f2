/* SPDX-License-Identifier: Apache-2.0 */
/** @file Streams of frames built byte by byte, and what a session makes of them. */
#ifndef TEST_WS_STREAM_H
#define TEST_WS_STREAM_H

#include "support/frame_bytes.h"
#include "ws/ws.h"

#include <criterion/criterion.h>

/** An assertion that costs nothing while it holds, for loops over whole spaces. */
#define must(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            cr_assert_fail(__VA_ARGS__);                                                           \
    } while (0)

/** A copy of an event. */
struct seen {
    enum leati_ws_event_kind kind;
    enum leat_message_type type;
    uint8_t *data;
    size_t len;
    uint16_t close_code;
    bool is_first, is_last;
    char text[128];
};

struct seen_list {
    struct seen *items;
    size_t count;
    int code; /**< of the last read */
};

struct leati_ws_session *session_make(bool is_server, size_t max_message_bytes);
struct leati_ws_session *session_make_with(const struct leati_ws_session_options *options);

/** Appends a copy. */
void seen_add(struct seen_list *seen, const struct leati_ws_event *event);

/** Feeds in chunks of `chunk` bytes (0 = all at once), and appends what comes out. */
void session_feed(struct leati_ws_session *session, const void *data, size_t len, size_t chunk,
                  struct seen_list *seen);
/** A new session, fed, freed. */
struct seen_list session_run(bool is_server, size_t max_message_bytes, const struct bytes *stream,
                             size_t chunk);
struct seen_list session_run_with(const struct leati_ws_session_options *options,
                                  const struct bytes *stream, size_t chunk);
void seen_free(struct seen_list *seen);
/** Puts the pieces of each message together, as if they had not been asked for. */
void seen_join(struct seen_list *seen);
bool seen_equal(const struct seen_list *a, const struct seen_list *b);

/** Takes everything out of a queue. */
struct bytes queue_drain(struct leati_byte_queue *q);

#endif

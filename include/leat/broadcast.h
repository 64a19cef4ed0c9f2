/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One message to many connections: made once, and sent without a copy for each; and topics, which know
 * who wants to have it and what is done for those who read too slowly.
 *
 *     leat_prepared_message_new > leat_websocket_send_prepared, or leat_topic_publish > _free
 *
 * A message belongs to no loop and is never changed: every thread may send it, also at the same time.
 * A topic belongs to a loop, with all of its subscribers; a message for those of several loops is
 * published in each of them (leat_loop_post()).
 */
#ifndef LEAT_BROADCAST_H
#define LEAT_BROADCAST_H

#include <leat/websocket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a message for many ------------------------------------------------------------------- */

/** A message that is framed once, and compressed once for each way in which connections compress.
 * Opaque. */
typedef struct leat_prepared_message leat_prepared_message;

/** Makes one; `data` is copied.
 * @return LEAT_OK; LEAT_E_PARAMETER (not a type; text that is not UTF-8); LEAT_E_SYSTEM_INTERNAL (no
 *         memory).
 * @thread any */
LEAT_API LEAT_MUST_CHECK int leat_prepared_message_new(enum leat_message_type type,
                                                       const void *data, size_t len,
                                                       leat_prepared_message **ret_message);

/** Gives it up: what has been queued of it leaves all the same, and then its memory goes. NULL is
 * allowed. @thread any */
LEAT_API void leat_prepared_message_free(leat_prepared_message *message);

/**
 * As leat_websocket_send(), with all of its limits, but the connections of a server share the bytes. A
 * client has to mask each frame with a key of its own (RFC 6455 section 5.3), and copies.
 *
 * Where the connection compresses and the message is not below its threshold, the compressed form is
 * shared as well. If the context is taken over from message to message (RFC 7692 section 7.1.1) the
 * connection's own one ends with it: the next message of its own is compressed as the first one is.
 *
 * @return as leat_websocket_send().
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_send_prepared(leat_websocket *ws,
                                                          leat_prepared_message *message);

/* ---- topics --------------------------------------------------------------------------------- */

/** Those who want the same messages. Opaque. */
typedef struct leat_topic leat_topic;

/** What becomes of a message for a subscriber that has not taken those before it. */
enum leat_slow_reader {
    LEAT_SLOW_READER_DROP_OLDEST, /**< the oldest one that has not begun to leave goes: prices, places */
    LEAT_SLOW_READER_DROP_NEWEST, /**< it does not get this one */
    LEAT_SLOW_READER_CLOSE, /**< the connection is closed with 1013: who misses one cannot go on */
};

/** What a topic does for slow readers; 0 is the default everywhere. */
struct leat_topic_options {
    /** sizeof(struct leat_topic_options) */
    size_t size;
    enum leat_slow_reader slow_reader; /**< LEAT_SLOW_READER_DROP_OLDEST */
    /** Bytes on the way to one subscriber, of whatever it is sent, above which messages wait. 256 KiB. */
    size_t queue_bytes;
    /** Messages that wait for one subscriber behind that, above which it is too slow. 64. */
    size_t queue_messages;
};

/** Makes a topic without subscribers. `options` is copied; NULL = the defaults.
 * @return LEAT_OK; LEAT_E_PARAMETER (a `size` of 0, not a policy); LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_topic_new(const struct leat_topic_options *options,
                                            leat_topic **ret_topic);

/** Frees it; what waits for slow readers is dropped, the connections stay. NULL is allowed. */
LEAT_API void leat_topic_free(leat_topic *topic);

/** From now on the connection gets what is published. It leaves the topic by itself when it ends,
 * before its `closed`. Twice is as once.
 * @return LEAT_OK; LEAT_E_PARAMETER; LEAT_E_SOCKET_BASE + ENOTCONN (not open yet), + EBADF (closing,
 *         or closed); LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_topic_subscribe(leat_topic *topic, leat_websocket *ws);

/** It gets nothing any more, not what waits either. @return whether it was a subscriber. */
LEAT_API bool leat_topic_unsubscribe(leat_topic *topic, leat_websocket *ws);

/**
 * Sends a message to every subscriber but one: those that are too slow get what the policy says, and
 * none of them holds up the others. Messages of a topic come in their order; what the program sends
 * to a connection itself may come before those of a topic that wait for it. A subscriber that is
 * amidst a message in parts gets it behind that. One that is longer than
 * leat_config_set_server_queue_limit() and that the kernel does not take at once is dropped, whatever
 * the policy.
 *
 * No callback runs inside.
 *
 * @param except whoever has said it, say; NULL = nobody is left out
 * @param ret_count for how many it was queued, or waits; may be NULL
 * @return LEAT_OK; LEAT_E_PARAMETER; LEAT_E_SYSTEM_INTERNAL: there was no memory for it at one or more
 *         of them, which are closed with 1011; the others have got it.
 */
LEAT_API LEAT_MUST_CHECK int leat_topic_publish(leat_topic *topic, leat_prepared_message *message,
                                                const leat_websocket *except, size_t *ret_count);

/** How many subscribers there are. */
LEAT_API size_t leat_topic_get_subscriber_count(const leat_topic *topic);

/** How many messages were dropped so far because a subscriber was too slow. */
LEAT_API uint64_t leat_topic_get_dropped_count(const leat_topic *topic);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics. A subscription is in two lists, that of its topic and that of its connection, so that either
 * may go first. What the connection's queue has no room for waits in the subscription, where it can
 * still be dropped.
 */
#include "websocket/prepared.h"

#include "util/alloc.h"
#include "util/known.h"
#include "websocket/websocket.h"

#include <errno.h>

#define DEFAULT_QUEUE_BYTES    ((size_t)256 << 10)
#define DEFAULT_QUEUE_MESSAGES 64u
/** Close codes: "Try Again Later" of the IANA registry, and RFC 6455 section 7.4.1. */
#define CLOSE_TOO_SLOW 1013u
#define CLOSE_INTERNAL 1011u
/** More than leat_config_set_server_queue_limit(), whatever leaves meanwhile. */
#define NEVER_ROOM (LEAT_E_SOCKET_BASE + ENOBUFS)

struct leati_subscription {
    leat_topic *topic;
    leat_websocket *ws;
    struct leati_subscription *prev, *next; /* of the topic */
    struct leati_subscription *next_of_ws;
    /* A ring of those that wait, made when the first one has to. */
    struct leati_ws_prepared **waiting;
    size_t first, count;
};

struct leat_topic {
    struct leat_topic_options options;
    struct leati_subscription *subscriptions;
    size_t count;
    uint64_t dropped;
};

/* ---- what waits --------------------------------------------------------------------------- */

static struct leati_ws_prepared *waiting_take(struct leati_subscription *s)
{
    struct leati_ws_prepared *message = s->waiting[s->first];
    s->first = (s->first + 1) % s->topic->options.queue_messages;
    s->count--;
    return message;
}

static bool waiting_put(struct leati_subscription *s, struct leati_ws_prepared *message)
{
    size_t cap = s->topic->options.queue_messages;
    if (!s->waiting && !(s->waiting = leati_calloc(cap, sizeof(struct leati_ws_prepared *))))
        return false;
    s->waiting[(s->first + s->count) % cap] = leati_ws_prepared_ref(message);
    s->count++;
    return true;
}

static void waiting_drop(struct leati_subscription *s)
{
    leati_ws_prepared_unref(waiting_take(s));
    s->topic->dropped++;
}

/* Whether the connection may have one more message of the topic on its way. */
static bool subscriber_has_room(const struct leati_subscription *s,
                                const struct leati_ws_prepared *message)
{
    size_t len = s->ws->stream.out.len, most = s->topic->options.queue_bytes;
    size_t size = leati_ws_prepared_len(message);
    return len == 0 || (size <= most && len <= most - size);
}

/* ---- subscriptions --------------------------------------------------------------------------- */

static struct leati_subscription **link_find(leat_websocket *ws, const leat_topic *topic)
{
    struct leati_subscription **link = &ws->subscriptions;
    while (*link && (*link)->topic != topic)
        link = &(*link)->next_of_ws;
    return link;
}

/* Takes it out of both lists; `link` is where its connection has it. */
static void subscription_free(struct leati_subscription **link)
{
    struct leati_subscription *s = *link;
    leat_topic *topic = s->topic;
    *link = s->next_of_ws;
    *(s->prev ? &s->prev->next : &topic->subscriptions) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    topic->count--;
    while (s->count > 0)
        leati_ws_prepared_unref(waiting_take(s));
    leati_free(s->waiting);
    leati_free(s);
}

void leati_topics_leave(struct leat_websocket *ws)
{
    while (ws->subscriptions)
        subscription_free(&ws->subscriptions);
}

/* The same, the others first: a topic that waits for one connection waits for all of its messages. */
bool leati_topics_release(struct leat_websocket *ws)
{
    bool any = false;
    for (struct leati_subscription *s = ws->subscriptions; s; s = s->next_of_ws) {
        while (s->count > 0 && subscriber_has_room(s, s->waiting[s->first])) {
            int code = leati_websocket_send_prepared(ws, s->waiting[s->first]);
            if (code == NEVER_ROOM) {
                waiting_drop(s);
                continue;
            }
            if (code != LEAT_OK)
                return any; /* amidst a message in parts, closing, full: another time, or never */
            leati_ws_prepared_unref(waiting_take(s));
            any = true;
        }
    }
    return any;
}

/* ---- publishing ------------------------------------------------------------------------------ */

static void subscriber_close(struct leati_subscription *s, uint16_t code, const char *reason)
{
    if (leat_websocket_close(s->ws, code, reason) != LEAT_OK)
        leati_websocket_break(s->ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
}

/* It has as many waiting as may be. */
static int subscriber_is_slow(struct leati_subscription *s, struct leati_ws_prepared *message,
                              bool *ret_has_it)
{
    switch (s->topic->options.slow_reader) {
    case LEAT_SLOW_READER_DROP_OLDEST:
        waiting_drop(s);
        *ret_has_it = waiting_put(s, message);
        return LEAT_OK;
    case LEAT_SLOW_READER_DROP_NEWEST:
        break;
    case LEAT_SLOW_READER_CLOSE:
        subscriber_close(s, CLOSE_TOO_SLOW, "reads too slowly");
        break;
    }
    s->topic->dropped++;
    return LEAT_OK;
}

static int subscriber_send(struct leati_subscription *s, struct leati_ws_prepared *message,
                           bool *ret_has_it)
{
    *ret_has_it = false;
    if (s->ws->closing || !leati_stream_is_open(&s->ws->stream))
        return LEAT_OK;
    if (s->count == 0 && subscriber_has_room(s, message)) {
        int code = leati_websocket_publish(s->ws, message);
        *ret_has_it = code == LEAT_OK;
        if (code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL)
            return code;
        if (code == NEVER_ROOM) {
            s->topic->dropped += leati_stream_is_open(&s->ws->stream);
            return LEAT_OK;
        }
    }
    if (s->count == s->topic->options.queue_messages)
        return subscriber_is_slow(s, message, ret_has_it);
    *ret_has_it = waiting_put(s, message);
    return *ret_has_it ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

int leat_topic_publish(leat_topic *topic, leat_prepared_message *message,
                       const leat_websocket *except, size_t *ret_count)
{
    int first = LEAT_OK;
    size_t count = 0;
    if (!topic || !message)
        return LEAT_E_PARAMETER;
    for (struct leati_subscription *s = topic->subscriptions; s; s = s->next) {
        bool has_it;
        if (s->ws == except)
            continue;
        int code = subscriber_send(s, (struct leati_ws_prepared *)message, &has_it);
        count += has_it;
        if (code == LEAT_OK)
            continue;
        subscriber_close(s, CLOSE_INTERNAL, "out of memory");
        first = code;
    }
    if (ret_count)
        *ret_count = count;
    return first;
}

/* ---- what a program asks for ------------------------------------------------------------------ */

int leat_topic_new(const struct leat_topic_options *options, leat_topic **ret_topic)
{
    struct leat_topic_options known = {.size = sizeof(known)};
    if (!ret_topic || (options && options->size == 0))
        return LEAT_E_PARAMETER;
    if (options)
        leati_copy_known(&known, sizeof(known), options, options->size);
    if (known.slow_reader > LEAT_SLOW_READER_CLOSE || known.queue_messages > UINT32_MAX)
        return LEAT_E_PARAMETER;
    leat_topic *topic = leati_calloc(1, sizeof(*topic));
    if (!topic)
        return LEAT_E_SYSTEM_INTERNAL;
    if (known.queue_bytes == 0)
        known.queue_bytes = DEFAULT_QUEUE_BYTES;
    if (known.queue_messages == 0)
        known.queue_messages = DEFAULT_QUEUE_MESSAGES;
    topic->options = known;
    *ret_topic = topic;
    return LEAT_OK;
}

void leat_topic_free(leat_topic *topic)
{
    if (!topic)
        return;
    while (topic->subscriptions)
        subscription_free(link_find(topic->subscriptions->ws, topic));
    leati_free(topic);
}

int leat_topic_subscribe(leat_topic *topic, leat_websocket *ws)
{
    if (!topic || !ws)
        return LEAT_E_PARAMETER;
    if (!leati_stream_is_open(&ws->stream) || ws->closing)
        return ws->closing ? LEAT_E_SOCKET_BASE + EBADF : leati_stream_not_open(&ws->stream);
    if (*link_find(ws, topic))
        return LEAT_OK;
    struct leati_subscription *s = leati_calloc(1, sizeof(*s));
    if (!s)
        return LEAT_E_SYSTEM_INTERNAL;
    *s = (struct leati_subscription){
        .topic = topic, .ws = ws, .next = topic->subscriptions, .next_of_ws = ws->subscriptions};
    if (s->next)
        s->next->prev = s;
    topic->subscriptions = s;
    ws->subscriptions = s;
    topic->count++;
    return LEAT_OK;
}

bool leat_topic_unsubscribe(leat_topic *topic, leat_websocket *ws)
{
    struct leati_subscription **link = topic && ws ? link_find(ws, topic) : NULL;
    if (!link || !*link)
        return false;
    subscription_free(link);
    return true;
}

size_t leat_topic_get_subscriber_count(const leat_topic *topic)
{
    return topic ? topic->count : 0;
}

uint64_t leat_topic_get_dropped_count(const leat_topic *topic)
{
    return topic ? topic->dropped : 0;
}

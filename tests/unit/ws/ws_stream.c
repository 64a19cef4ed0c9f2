/* SPDX-License-Identifier: Apache-2.0 */
#include "ws_stream.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct leati_ws_session *session_make(bool is_server, size_t max_message_bytes)
{
    struct leati_ws_session_options options = {
        .is_server = is_server,
        .max_message_bytes = max_message_bytes,
    };

    return session_make_with(&options);
}

struct leati_ws_session *session_make_with(const struct leati_ws_session_options *options)
{
    struct leati_ws_session *session = leati_ws_session_new(options);

    cr_assert_not_null(session);
    return session;
}

void seen_add(struct seen_list *seen, const struct leati_ws_event *event)
{
    must((event->text[0] != '\0') == (event->kind == LEATI_WS_VIOLATION), "text of an event %d",
         event->kind);
    if ((seen->count & (seen->count - 1)) == 0) /* 0, 1, 2, 4, 8 ... are full */
        seen->items =
            realloc(seen->items, (seen->count ? 2 * seen->count : 1) * sizeof(*seen->items));
    struct seen *item = &seen->items[seen->count++];
    *item = (struct seen){.kind = event->kind, .len = event->len, .close_code = event->close_code};
    item->is_first = event->is_first;
    item->is_last = event->is_last;
    if (event->kind == LEATI_WS_MESSAGE || event->kind == LEATI_WS_PIECE)
        item->type = event->type;
    /* A block of exactly that size, so that a sanitizer sees reads past it. */
    item->data = malloc(event->len > 0 ? event->len : 1);
    if (event->len > 0)
        memcpy(item->data, event->data, event->len);
    memcpy(item->text, event->text, strlen(event->text) + 1);
}

void session_feed(struct leati_ws_session *session, const void *data, size_t len, size_t chunk,
                  struct seen_list *seen)
{
    const uint8_t *all = data;

    if (chunk == 0)
        chunk = len;
    for (size_t done = 0; done < len;) {
        size_t size = chunk < len - done ? chunk : len - done;
        uint8_t *copy = malloc(size);
        memcpy(copy, all + done, size);
        const uint8_t *pos = copy;
        size_t left = size;
        struct leati_ws_event event;
        memset(&event, 'x', sizeof(event)); /* what an event does not set is no event's */
        while ((seen->code = leati_ws_session_read(session, &pos, &left, &event)) == LEAT_OK) {
            must(pos + left == copy + size, "the input has moved out of step");
            seen_add(seen, &event);
            memset(&event, 'x', sizeof(event));
        }
        must(seen->code != LEATI_AGAIN || left == 0, "AGAIN with %zu bytes left", left);
        must(pos + left == copy + size, "the input has moved out of step at its end");
        free(copy);
        done += size;
    }
}

struct seen_list session_run(bool is_server, size_t max_message_bytes, const struct bytes *stream,
                             size_t chunk)
{
    struct leati_ws_session_options options = {
        .is_server = is_server,
        .max_message_bytes = max_message_bytes,
    };

    return session_run_with(&options, stream, chunk);
}

struct seen_list session_run_with(const struct leati_ws_session_options *options,
                                  const struct bytes *stream, size_t chunk)
{
    struct seen_list seen = {.code = LEATI_AGAIN};
    struct leati_ws_session *session = session_make_with(options);

    session_feed(session, stream->data, stream->len, chunk, &seen);
    leati_ws_session_free(session);
    return seen;
}

void seen_free(struct seen_list *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        free(seen->items[i].data);
    free(seen->items);
    *seen = (struct seen_list){0};
}

bool seen_equal(const struct seen_list *a, const struct seen_list *b)
{
    if (a->count != b->count || a->code != b->code)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct seen *x = &a->items[i], *y = &b->items[i];
        if (x->kind != y->kind || x->type != y->type || x->len != y->len ||
            x->close_code != y->close_code || strcmp(x->text, y->text) != 0 ||
            memcmp(x->data, y->data, x->len) != 0)
            return false;
    }
    return true;
}

void seen_join(struct seen_list *seen)
{
    struct seen open = {0};
    bool is_open = false;
    size_t kept = 0;

    for (size_t i = 0; i < seen->count; i++) {
        struct seen item = seen->items[i];
        if (item.kind != LEATI_WS_PIECE) {
            seen->items[kept++] = item;
            continue;
        }
        must(item.is_first != is_open, "piece %zu: first %d", i, item.is_first);
        must(item.len > 0 || item.is_last, "piece %zu is empty", i);
        if (!is_open)
            open = (struct seen){.kind = LEATI_WS_MESSAGE, .type = item.type, .is_first = true};
        must(open.type == item.type, "piece %zu is of another type", i);
        size_t len = open.len + item.len;
        if (!open.data || len > malloc_usable_size(open.data))
            open.data = realloc(open.data, 2 * len + 1);
        if (item.len > 0)
            memcpy(open.data + open.len, item.data, item.len);
        open.len += item.len;
        open.is_last = item.is_last;
        free(item.data);
        is_open = !item.is_last;
        if (item.is_last)
            seen->items[kept++] = open;
    }
    if (is_open)
        free(open.data);
    seen->count = kept;
}

struct bytes queue_drain(struct leati_byte_queue *q)
{
    struct bytes out = {0};
    struct iovec iov[4];

    while (q->len > 0) {
        int n = leati_byte_queue_peek(q, iov, 4);
        size_t size = 0;
        for (int i = 0; i < n; i++) {
            bytes_add(&out, iov[i].iov_base, iov[i].iov_len);
            size += iov[i].iov_len;
        }
        leati_byte_queue_consume(q, size);
    }
    return out;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a recorded client has said, as messages. */
#include "testing/recording.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* A request line (RFC 9112 section 3): a token, a blank, anything, a blank, HTTP/1. */
static bool is_request_line(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    const char *blank = memchr(text, ' ', len < 32 ? len : 32);
    const char *end = memchr(text, '\r', len);
    return blank && end && leati_text_is_token(text, (size_t)(blank - text)) && end - blank > 9 &&
           memcmp(end - 9, " HTTP/1.", 8) == 0;
}

/* The length of a head of HTTP that bytes begin with, with its empty line; 0 = none. */
static size_t head_extent(const uint8_t *data, size_t len)
{
    size_t limit = len < LEAT_TESTING_HEAD_BYTES_MAX ? len : LEAT_TESTING_HEAD_BYTES_MAX - 1;
    if (!is_request_line(data, limit))
        return 0;
    const uint8_t *end = memmem(data, limit, "\r\n\r\n", 4);
    /* Read as a text later. */
    return end && !memchr(data, 0, (size_t)(end - data)) ? (size_t)(end - data) + 4 : 0;
}

const char *leati_recorded_head_field(const char *head, size_t len, const char *name,
                                      size_t *ret_len)
{
    size_t name_len = strlen(name);
    const char *end = head + len;
    for (const char *line = head; line < end;) {
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t line_len = next ? (size_t)(next - line) : (size_t)(end - line);
        if (line != head && line_len > name_len && line[name_len] == ':' &&
            leati_text_equal_nocase(line, name_len, name, name_len)) {
            const char *value = line + name_len + 1;
            size_t value_len = line_len - name_len - 1;
            for (; value_len > 0 && (*value == ' ' || *value == '\t'); --value_len)
                ++value;
            while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
                --value_len;
            *ret_len = value_len;
            return value;
        }
        line += line_len + 2;
    }
    return NULL;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* On the way through the events of a connection. */
struct finder {
    struct leati_recorded_connection *connection;
    size_t from;       /* where what was not taken apart yet begins */
    size_t event;      /* where its line is looked for */
    size_t event_end;  /* how far the client had come with it */
    bool wants_frames; /* the last head asks for WebSocket */
    bool has_frames;
    uint64_t body; /* of the last head, to come */
};

static bool message_add(struct finder *finder, enum leati_recorded_form form, size_t len)
{
    struct leati_recorded_connection *connection = finder->connection;
    if (connection->message_count == connection->message_cap &&
        !leati_grow(&connection->messages, &connection->message_cap, 8,
                    sizeof(connection->messages[0])))
        return false;
    while (finder->event_end <= finder->from) {
        const struct leati_recorded *event = &connection->events[finder->event++];
        finder->event_end += event->what == LEATI_RECORDED_CLIENT ? event->len : 0;
    }
    connection->messages[connection->message_count++] =
        (struct leati_recorded_message){.form = form,
                                        .at = finder->from,
                                        .len = len,
                                        .line = connection->events[finder->event - 1].line};
    finder->from += len;
    return true;
}

/* The length of a masked frame with its header; 0 = not all of it is there, SIZE_MAX = it is none. */
static size_t frame_extent(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    size_t size = (data[1] & 0x7f) == 127 ? 8 : (data[1] & 0x7f) == 126 ? 2 : 0;
    uint64_t payload = size == 0 ? data[1] & 0x7f : 0;
    if ((data[1] & 0x80) == 0)
        return SIZE_MAX;
    if (len < 2 + size + 4)
        return 0;
    for (size_t i = 0; i < size; ++i)
        payload = payload << 8 | data[2 + i];
    if (payload > LEAT_TESTING_INPUT_BYTES_MAX)
        return SIZE_MAX;
    size_t whole = 2 + size + 4 + (size_t)payload;
    return whole <= len ? whole : 0;
}

static bool head_add(struct finder *finder, const uint8_t *data, size_t len)
{
    size_t value_len = 0;
    const char *value = leati_recorded_head_field((const char *)data, len, "Upgrade", &value_len);
    finder->wants_frames = value && leati_text_equal_nocase(value, value_len, "websocket", 9);
    value = leati_recorded_head_field((const char *)data, len, "Content-Length", &value_len);
    finder->body = 0;
    if (value)
        (void)leati_text_parse_u64(value, value_len, LEAT_TESTING_INPUT_BYTES_MAX, &finder->body);
    return message_add(finder, LEATI_RECORDED_HEAD, len);
}

/* All that there is up to `end`; half a frame is left for later unless this `is_last`. */
static bool messages_add(struct finder *finder, size_t end, bool is_last)
{
    while (finder->from < end) {
        const uint8_t *data = finder->connection->client.data + finder->from;
        size_t len = end - finder->from, extent = 0;
        bool is_added;
        if (finder->has_frames) {
            extent = frame_extent(data, len);
            if (extent == 0 && !is_last)
                return true;
            finder->has_frames = extent != 0 && extent != SIZE_MAX;
            is_added =
                message_add(finder, finder->has_frames ? LEATI_RECORDED_FRAME : LEATI_RECORDED_RAW,
                            finder->has_frames ? extent : len);
        } else if (finder->body > 0 && finder->body <= len) {
            extent = (size_t)finder->body;
            finder->body = 0;
            is_added = message_add(finder, LEATI_RECORDED_BODY, extent);
        } else if (finder->body == 0 && (extent = head_extent(data, len)) > 0) {
            is_added = head_add(finder, data, extent);
        } else {
            finder->body = 0;
            is_added = message_add(finder, LEATI_RECORDED_RAW, len);
        }
        if (!is_added)
            return false;
    }
    return true;
}

bool leati_recorded_messages_find(struct leati_recorded_connection *connection)
{
    struct finder finder = {.connection = connection};
    size_t client = 0, server = 0;
    for (size_t i = 0; i < connection->count; ++i) {
        const struct leati_recorded *event = &connection->events[i];
        if (event->what == LEATI_RECORDED_CLIENT) {
            client += event->len;
            continue;
        }
        if (!messages_add(&finder, client, false))
            return false;
        if (event->what == LEATI_RECORDED_SERVER && finder.wants_frames) {
            static const char switching[] = "HTTP/1.1 101";
            finder.has_frames =
                connection->server.len - server >= sizeof(switching) - 1 &&
                memcmp(connection->server.data + server, switching, sizeof(switching) - 1) == 0;
            finder.wants_frames = false;
        }
        server += event->what == LEATI_RECORDED_SERVER ? event->len : 0;
    }
    return messages_add(&finder, client, true);
}

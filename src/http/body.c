/* SPDX-License-Identifier: Apache-2.0 */
#include "http/body.h"

#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

enum { CHUNK_SIZE_MAX_DIGITS = 15 }; /* below 2^60: `rest` cannot overflow */

/* The last transfer coding tells where the body ends (RFC 9112 section 6.3 items 4 and 5). */
static bool is_chunked(const struct leati_http_head *head)
{
    const char *last = "";
    size_t last_len = 0;
    size_t cursor = 0;
    const char *list;

    while ((list = leati_http_head_next(head, "Transfer-Encoding", &cursor))) {
        while (leati_http_list_next(&list, &last, &last_len))
            ;
    }
    return leati_text_equal_nocase(last, last_len, "chunked", strlen("chunked"));
}

static bool has_no_body(int status)
{
    return (status >= 100 && status <= 199) || status == 204 || status == 304;
}

void leati_http_body_init(struct leati_http_body *body, const struct leati_http_head *head)
{
    *body = (struct leati_http_body){.state = LEATI_HTTP_BODY_UNTIL_END};

    if (has_no_body(leati_http_head_status(head))) {
        body->state = LEATI_HTTP_BODY_DONE;
        return;
    }
    if (leati_http_head_get(head, "Transfer-Encoding")) {
        if (is_chunked(head))
            body->state = LEATI_HTTP_BODY_CHUNK_SIZE;
        return;
    }
    const char *length = leati_http_head_get(head, "Content-Length");
    /* A Content-Length that is not a number, or comes twice, is ignored. */
    if (length && leati_http_head_count(head, "Content-Length") == 1 &&
        leati_text_parse_u64(length, strlen(length), UINT64_MAX, &body->rest))
        body->state = body->rest > 0 ? LEATI_HTTP_BODY_LENGTH : LEATI_HTTP_BODY_DONE;
}

bool leati_http_body_init_drain(struct leati_http_body *body, const struct leati_http_head *head)
{
    leati_http_body_init(body, head);
    body->drains = true;
    /* RFC 9112 section 6.3 item 3: who sends both may be smuggling. */
    bool is_clear = body->state != LEATI_HTTP_BODY_UNTIL_END &&
                    body->rest <= LEATI_HTTP_BODY_DRAIN_MAX_BYTES &&
                    !(leati_http_head_get(head, "Transfer-Encoding") &&
                      leati_http_head_get(head, "Content-Length"));
    body->is_whole = is_clear && body->state == LEATI_HTTP_BODY_DONE;
    return is_clear;
}

void leati_http_body_done(struct leati_http_body *body)
{
    leati_free(body->bytes);
    *body = (struct leati_http_body){.state = LEATI_HTTP_BODY_DONE};
}

/* Keeps what there is room for; the body is done once a byte finds none. */
static bool body_keep(struct leati_http_body *body, const uint8_t *data, size_t len)
{
    if (!body->bytes && !body->lacks_memory)
        body->bytes = leati_malloc(LEATI_HTTP_BODY_KEPT_BYTES + 1);
    if (!body->bytes) {
        body->lacks_memory = true;
        return body->drains; /* which needs none */
    }
    size_t room = LEATI_HTTP_BODY_KEPT_BYTES - body->len;
    if (len > room) {
        if (!body->drains)
            body->state = LEATI_HTTP_BODY_DONE;
        len = room;
    }
    memcpy(body->bytes + body->len, data, len);
    body->len += len;
    body->bytes[body->len] = '\0';
    return true;
}

/* Of bytes that are body; returns how many were used, 0 without memory. */
static size_t body_take(struct leati_http_body *body, const uint8_t *data, size_t len)
{
    enum leati_http_body_state state = body->state;

    if (state != LEATI_HTTP_BODY_UNTIL_END && len > body->rest)
        len = (size_t)body->rest;
    if (!body_keep(body, data, len))
        return 0;
    if (state != LEATI_HTTP_BODY_UNTIL_END)
        body->rest -= len;
    if (body->state == state && state != LEATI_HTTP_BODY_UNTIL_END && body->rest == 0) {
        body->state =
            state == LEATI_HTTP_BODY_LENGTH ? LEATI_HTTP_BODY_DONE : LEATI_HTTP_BODY_CHUNK_END;
        body->is_whole = state == LEATI_HTTP_BODY_LENGTH;
    }
    return len;
}

static void chunk_start(struct leati_http_body *body)
{
    body->state = body->rest > 0 ? LEATI_HTTP_BODY_CHUNK_DATA
                  : body->drains ? LEATI_HTTP_BODY_TRAILER
                                 : LEATI_HTTP_BODY_DONE;
}

/* RFC 9112 section 7.1.2: fields, which nobody wants, and an empty line. */
static void trailer_byte(struct leati_http_body *body, uint8_t byte)
{
    if (byte != '\n') {
        body->trailer_line += byte != '\r';
        return;
    }
    body->is_whole = body->trailer_line == 0;
    if (body->is_whole)
        body->state = LEATI_HTTP_BODY_DONE;
    body->trailer_line = 0;
}

/* One byte of what stands between the data of two chunks. */
static void chunk_frame_byte(struct leati_http_body *body, uint8_t byte)
{
    int digit = leati_text_hex_value((char)byte);

    switch (body->state) {
    case LEATI_HTTP_BODY_CHUNK_SIZE:
        if (digit >= 0 && body->size_digits < CHUNK_SIZE_MAX_DIGITS) {
            body->rest = body->rest * 16 + (unsigned)digit;
            body->size_digits++;
        } else if (digit >= 0 || body->size_digits == 0) {
            body->state = LEATI_HTTP_BODY_DONE;
        } else if (byte == '\n') {
            chunk_start(body);
        } else {
            body->state = LEATI_HTTP_BODY_CHUNK_EXTENSION;
        }
        break;
    case LEATI_HTTP_BODY_CHUNK_EXTENSION:
        if (byte == '\n')
            chunk_start(body);
        break;
    case LEATI_HTTP_BODY_CHUNK_END:
        if (byte == '\n') {
            body->state = LEATI_HTTP_BODY_CHUNK_SIZE;
            body->size_digits = 0;
        } else if (byte != '\r') {
            body->state = LEATI_HTTP_BODY_DONE;
        }
        break;
    case LEATI_HTTP_BODY_TRAILER:
        trailer_byte(body, byte);
        break;
    default:
        break;
    }
}

enum leati_http_result leati_http_body_feed(struct leati_http_body *body, const uint8_t *data,
                                            size_t len)
{
    while (len > 0 && body->state != LEATI_HTTP_BODY_DONE) {
        size_t used = 1;
        switch (body->state) {
        case LEATI_HTTP_BODY_LENGTH:
        case LEATI_HTTP_BODY_UNTIL_END:
        case LEATI_HTTP_BODY_CHUNK_DATA:
            used = body_take(body, data, len);
            if (used == 0)
                return LEATI_HTTP_NO_MEMORY;
            break;
        default:
            chunk_frame_byte(body, *data);
            break;
        }
        data += used;
        len -= used;
        body->drained += used;
        if (body->drains && body->drained > LEATI_HTTP_BODY_DRAIN_MAX_BYTES &&
            body->state != LEATI_HTTP_BODY_DONE)
            body->state = LEATI_HTTP_BODY_DONE;
    }
    body->is_whole = body->is_whole && len == 0;
    return body->state == LEATI_HTTP_BODY_DONE ? LEATI_HTTP_DONE : LEATI_HTTP_MORE;
}

bool leati_http_body_is_done(const struct leati_http_body *body)
{
    return body->state == LEATI_HTTP_BODY_DONE;
}

bool leati_http_body_is_whole(const struct leati_http_body *body)
{
    return body->drains && body->state == LEATI_HTTP_BODY_DONE && body->is_whole;
}

const char *leati_http_body_bytes(const struct leati_http_body *body, size_t *ret_len)
{
    *ret_len = body->len;
    return body->bytes ? (const char *)body->bytes : "";
}

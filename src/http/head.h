/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The head of an HTTP/1.1 message (RFC 9112): start line and header fields, read from bytes that
 * arrive in any fragmentation. An engine: no I/O, no clock, no connection.
 *
 * What is accepted and what is not:
 *  - HTTP/1.0 and HTTP/1.1, and HTTP/1.2 to 1.9 like 1.1 (RFC 9110 section 2.5); a status of three
 * digits from 100 to 999; an empty reason, also without the space before it.
 *  - Lines end with CRLF. A bare LF ends a line of a response as well (RFC 9112 section 2.2 allows
 *    it, and proxies write it); in a request it is refused, because there two readers that disagree
 *    about the end of a line are an attack. A CR that no LF follows is refused in both.
 *  - One empty line before a request line is skipped (section 2.2).
 *  - A line of a response that begins with white space goes on with the field before it: one space
 *    takes the place of what is between them (section 5.2). In a request it is refused, as that
 *    section allows, and so is one that follows the start line (section 2.2).
 *  - Refused: NUL and other control bytes but HTAB in a value, white space before the colon, a
 * field name that is not a token. Bytes from 0x80 up may stand in a value or a reason (obs-text),
 * unchanged.
 *  - Bytes that can no longer become such a head are refused at once, not at the end of a line.
 *
 * One thread at a time per object.
 */
#ifndef LEATI_HTTP_HEAD_H
#define LEATI_HTTP_HEAD_H

#include "http/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The limits of one head; LEATI_HTTP_TOO_LARGE beyond any of them. */
#define LEATI_HTTP_HEAD_MAX_BYTES 65536u /**< from the first byte to the empty line, inclusive */
#define LEATI_HTTP_LINE_MAX_BYTES 16384u /**< of one line without its end */
#define LEATI_HTTP_MAX_FIELDS     256u

enum leati_http_kind {
    LEATI_HTTP_RESPONSE,
    LEATI_HTTP_REQUEST,
};

enum leati_http_result {
    LEATI_HTTP_DONE,      /**< the head is complete */
    LEATI_HTTP_MORE,      /**< everything was used, the head goes on */
    LEATI_HTTP_MALFORMED, /**< not such a head: leati_http_head_error() says why */
    LEATI_HTTP_TOO_LARGE, /**< a limit is passed: leati_http_head_error() says which */
    LEATI_HTTP_NO_MEMORY,
};

/** What is wrong with a request that a server refuses, where that has a status of its own. */
enum leati_http_fault {
    LEATI_HTTP_FAULT_NONE,    /**< or one without a name here: 400 */
    LEATI_HTTP_FAULT_METHOD,  /**< a method longer than any there is: 501 */
    LEATI_HTTP_FAULT_TARGET,  /**< too long: 414 */
    LEATI_HTTP_FAULT_FIELDS,  /**< too long, or too many: 431 */
    LEATI_HTTP_FAULT_VERSION, /**< another major version than 1: 505 */
};

/** Where a field stands in the buffer. */
struct leati_http_field_place {
    uint32_t name;
    uint32_t name_len;
    uint32_t value;
};

/** Embedded in its owner. The fields are private to head.c: use the functions. */
struct leati_http_head {
    enum leati_http_kind kind;
    enum leati_http_result result;
    enum leati_http_fault fault;
    char *bytes;
    size_t len, cap;
    size_t line_start; /**< of the line that is being read */
    size_t value_end;  /**< of the last field: where its final NUL is */
    struct leati_http_field_place *fields;
    size_t field_count, field_cap;
    int status;
    int minor_version;
    bool has_start_line;
    bool skipped_empty_line;
    uint32_t method; /**< the places in `bytes` of what the start line holds */
    uint32_t target;
    uint32_t reason;
    char error[128];
};

void leati_http_head_init(struct leati_http_head *head, enum leati_http_kind kind);
/** Frees; the head can be initialised again. */
void leati_http_head_done(struct leati_http_head *head);

/**
 * Reads the next bytes of the head and copies what it needs of them.
 *
 * @param ret_used how many bytes belong to the head; written for DONE (the bytes behind it are
 *                 another layer's) and MORE (always all of them).
 * @return LEATI_HTTP_DONE, once, after which nothing more may be fed; LEATI_HTTP_MORE;
 *         LEATI_HTTP_MALFORMED, LEATI_HTTP_TOO_LARGE, LEATI_HTTP_NO_MEMORY: again for every later
 *         call.
 */
enum leati_http_result leati_http_head_feed(struct leati_http_head *head, const void *data,
                                            size_t len, size_t *ret_used);

/** How many bytes have been read: 0 tells "closed before the response" from "in the middle". */
size_t leati_http_head_size(const struct leati_http_head *head);

/** One line without a final full stop, such as `white space before the colon of header field 3`;
 * "" while nothing is wrong. May quote single bytes of the message, never more. */
const char *leati_http_head_error(const struct leati_http_head *head);

/** What a status says of the head behind LEATI_HTTP_MALFORMED and LEATI_HTTP_TOO_LARGE. */
enum leati_http_fault leati_http_head_fault(const struct leati_http_head *head);
/** Whether the request has that method, also while its line is not complete or not valid. */
bool leati_http_head_method_is(const struct leati_http_head *head, const char *method);
/** What is too large about a head that goes on, for a reader who ends it at a limit of its own. */
enum leati_http_fault leati_http_head_large_part(const struct leati_http_head *head);

/* ---- a complete head ---------------------------------------------------------------- */

/** 100 to 999; 0 for a request and before the status line is complete. */
int leati_http_head_status(const struct leati_http_head *head);
/** The reason phrase, "" if there is none. */
const char *leati_http_head_reason(const struct leati_http_head *head);
/** 0 or 1 of HTTP/1.x; 1 also for what is above it. */
int leati_http_head_minor_version(const struct leati_http_head *head);
/** Of a request; "" for a response. */
const char *leati_http_head_method(const struct leati_http_head *head);
const char *leati_http_head_target(const struct leati_http_head *head);

size_t leati_http_head_field_count(const struct leati_http_head *head);
/** The field at `index`, in the order of the message. `index` is below the count. */
struct leati_http_field leati_http_head_field(const struct leati_http_head *head, size_t index);

/** The value of the first field of that name, NULL if there is none. */
const char *leati_http_head_get(const struct leati_http_head *head, const char *name);
/** Goes through the fields of one name: `*cursor` is 0 at first. NULL = no more. */
const char *leati_http_head_next(const struct leati_http_head *head, const char *name,
                                 size_t *cursor);
/** How many fields have that name. */
size_t leati_http_head_count(const struct leati_http_head *head, const char *name);

/** Whether the lists of all fields of that name hold `token`, without regard to case: `Connection:
 * keep-alive, Upgrade` holds "upgrade". */
bool leati_http_head_has_token(const struct leati_http_head *head, const char *name,
                               const char *token);

#endif

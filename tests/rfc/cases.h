/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Cases of RFC 6455 and RFC 7692: what one end of a connection sends, and what an end that returns
 * every message must answer. The same cases are played against our server and our client.
 */
#ifndef LEAT_TESTS_RFC_CASES_H
#define LEAT_TESTS_RFC_CASES_H

#include "support/frame_bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The longest message that the end under test takes. */
#define RFC_LIMIT_BYTES ((size_t)1 << 20)

enum rfc_opcode {
    RFC_CONTINUATION = 0,
    RFC_TEXT = 1,
    RFC_BINARY = 2,
    RFC_CLOSE = 8,
    RFC_PING = 9,
    RFC_PONG = 10,
};

/** What was agreed to about compression, and so what the other end must keep. */
struct rfc_compression {
    const char *offer;        /**< of a client, to our server */
    const char *answer;       /**< of a server, to our client */
    uint8_t window_bits;      /**< within which the end under test must stay; 0 = not compressed */
    bool no_context_takeover; /**< of the end under test */
};

struct rfc_case {
    char name[96];
    const struct rfc_compression *compression; /**< NULL = none */
    struct bytes input;
    bool ends;             /**< what must end the connection is in `input` */
    struct bytes messages; /**< those that must come back: rfc_record_message() */
    struct bytes pongs;    /**< rfc_record_pong() */
    struct bytes reason;   /**< of the first Close in `input`, which may be none */
    uint16_t close_code;   /**< in the Close that must come; 0 = one without a code */
};

struct rfc_cases {
    bool masks; /**< they are a client's */
    struct rfc_case *items;
    size_t count;
};

/** All of them. */
struct rfc_cases rfc_cases_new(bool masks);
void rfc_cases_free(struct rfc_cases *cases);

/** How messages and Pongs are written down, to be compared. */
void rfc_record_message(struct bytes *messages, unsigned opcode, const void *data, size_t len);
void rfc_record_pong(struct bytes *pongs, const void *data, size_t len);

/* ---- to build them -------------------------------------------------------------------------- */

/** Begins the next case, which is the latest until then; the arguments are its name's. */
struct rfc_case *rfc_case_begin(struct rfc_cases *cases, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** One frame; whether it is masked is known. */
void rfc_case_frame(struct rfc_cases *cases, const struct raw_frame *frame);
/** One whole frame in its best form. */
void rfc_case_send(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len);
/** A message that must come back, sent as one frame. */
void rfc_case_message(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len);
/** Messages and Pongs that must come. */
void rfc_case_expect(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len);
void rfc_case_expect_pong(struct rfc_cases *cases, const void *data, size_t len);
/** The reason that the end under test must tell its program, if it is one. */
void rfc_case_expect_reason(struct rfc_cases *cases, const void *data, size_t len);
/** What has been sent must end the connection so. */
void rfc_case_expect_close(struct rfc_cases *cases, uint16_t close_code);

void rfc_cases_framing(struct rfc_cases *cases);
void rfc_cases_fragments(struct rfc_cases *cases);
void rfc_cases_text(struct rfc_cases *cases);
void rfc_cases_closing(struct rfc_cases *cases);
void rfc_cases_compression(struct rfc_cases *cases);

#endif

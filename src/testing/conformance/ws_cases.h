/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Cases of RFC 6455 and RFC 7692 behind the upgrade: what one end of a connection sends, and what an
 * end that returns every message must answer. The same cases judge servers and clients; our tests
 * play them as well (tests/rfc).
 */
#ifndef LEATI_TESTING_CONFORMANCE_WS_CASES_H
#define LEATI_TESTING_CONFORMANCE_WS_CASES_H

#include "testing/conformance/bytes.h"
#include "testing/frame_head.h"

/** The longest message that is in the cases; where a limit of its own matters, a peer is expected to
 * have this one. */
#define LEATI_WS_LIMIT_BYTES ((size_t)1 << 20)

enum leati_ws_opcode {
    LEATI_WS_CONTINUATION = 0,
    LEATI_WS_TEXT = 1,
    LEATI_WS_BINARY = 2,
    LEATI_WS_CLOSE = 8,
    LEATI_WS_PING = 9,
    LEATI_WS_PONG = 10,
};

/** A frame, also one that no one may send. */
struct leati_ws_frame {
    bool not_fin;
    unsigned rsv;
    unsigned opcode;
    bool masked;
    enum leati_frame_form form;
    uint64_t announce; /**< 0 = the real length */
    const void *payload;
    size_t len;
};

/** LEATI_WS_FRAME(.opcode = LEATI_WS_PING) */
#define LEATI_WS_FRAME(...) (&(struct leati_ws_frame){__VA_ARGS__})

void leati_ws_frame_append(struct leati_bytes *bytes, const struct leati_ws_frame *frame);

/** What was agreed to about compression, and so what the other end must keep. */
struct leati_ws_terms {
    const char *offer;        /**< of a client, to the server that is judged */
    const char *answer;       /**< of a server, to the client that is judged */
    uint8_t window_bits;      /**< within which the judged end must stay */
    bool no_context_takeover; /**< of the judged end */
};

/** How much a case may ask for. */
enum leati_ws_demand {
    LEATI_WS_STRICT,    /**< the RFCs say so */
    LEATI_WS_FAIL_FAST, /**< a peer may also wait for more, which never comes */
    LEATI_WS_TOLERABLE, /**< a rule for senders: a peer may take it; a Close of ours is behind it */
    LEATI_WS_INFORMATIONAL, /**< the RFCs leave it open: what it does is told */
};

struct leati_ws_case {
    const char *section; /**< "RFC 6455 section 5.2" */
    char id[64];
    char title[120];
    enum leati_ws_demand demand;
    unsigned chunk_bytes;               /**< sent in pieces of so many bytes; 0 = at once */
    const struct leati_ws_terms *terms; /**< NULL = not compressed */
    struct leati_bytes input;
    bool ends;                        /**< what must end the connection is in `input` */
    struct leati_bytes messages;      /**< those that must come back: leati_ws_record_message() */
    struct leati_bytes pongs;         /**< leati_ws_record_pong() */
    size_t message_count, pong_count; /**< of these */
    struct leati_bytes reason;        /**< of the first Close in `input`, which may be none */
    uint16_t close_code;              /**< in the Close that must come; 0 = one without a code */
    bool is_violation;                /**< what ends it is no Close of ours */
};

struct leati_ws_cases {
    bool masks;                  /**< they are a client's */
    bool failed;                 /**< there was no memory */
    const char *group, *section; /**< of what is begun next */
    struct leati_ws_case *items;
    size_t count;
};

/** All of them; see `failed`. */
struct leati_ws_cases leati_ws_cases_new(bool masks);
void leati_ws_cases_free(struct leati_ws_cases *cases);

/** How messages and Pongs are written down, to be compared. */
void leati_ws_record_message(struct leati_bytes *messages, unsigned opcode, const void *data,
                             size_t len);
void leati_ws_record_pong(struct leati_bytes *pongs, const void *data, size_t len);

/* ---- to build them -------------------------------------------------------------------------- */

/** Where the next cases belong to: the first word of their ids, and the RFC. */
void leati_ws_cases_group(struct leati_ws_cases *cases, const char *group, const char *section);
/** "text", "opcode-3" */
const char *leati_ws_opcode_name(unsigned opcode);
/** Begins the next case, which is the latest until then: "ID|TITLE". @return a place for it. */
struct leati_ws_case *leati_ws_case_begin(struct leati_ws_cases *cases, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** One frame; whether it is masked is known, and `masked` makes it the wrong way round. */
void leati_ws_case_frame(struct leati_ws_cases *cases, const struct leati_ws_frame *frame);
/** One whole frame in its best form. */
void leati_ws_case_send(struct leati_ws_cases *cases, unsigned opcode, const void *data,
                        size_t len);
/** A message that must come back, sent as one frame. */
void leati_ws_case_message(struct leati_ws_cases *cases, unsigned opcode, const void *data,
                           size_t len);
/** Messages and Pongs that must come. */
void leati_ws_case_expect(struct leati_ws_cases *cases, unsigned opcode, const void *data,
                          size_t len);
void leati_ws_case_expect_pong(struct leati_ws_cases *cases, const void *data, size_t len);
/** The reason that the judged end must tell its program, if it is one. */
void leati_ws_case_expect_reason(struct leati_ws_cases *cases, const void *data, size_t len);
/** What has been sent must end the connection so. A code other than that of a Close in it: it
 * violates the protocol. */
void leati_ws_case_expect_close(struct leati_ws_cases *cases, uint16_t close_code);
/** The same for a Close of ours, which is answered. */
void leati_ws_case_expect_answer(struct leati_ws_cases *cases, uint16_t close_code);

void leati_ws_cases_framing(struct leati_ws_cases *cases);
void leati_ws_cases_fragments(struct leati_ws_cases *cases);
void leati_ws_cases_text(struct leati_ws_cases *cases);
void leati_ws_cases_closing(struct leati_ws_cases *cases);
void leati_ws_cases_compression(struct leati_ws_cases *cases);
void leati_ws_cases_endurance(struct leati_ws_cases *cases);

#endif

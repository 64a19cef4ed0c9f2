/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One direction of a connection under conditions, without sockets and without a clock of its own:
 * what has come goes in, and comes out when it is time. Times are microseconds of any clock.
 */
#ifndef LEATI_TESTING_FLOW_H
#define LEATI_TESTING_FLOW_H

#include "testing/conditions.h"

/** How a flow ends. */
enum leati_flow_end {
    LEATI_FLOW_GOES_ON,
    LEATI_FLOW_ENDED, /**< its source has ended, and everything has gone */
    LEATI_FLOW_CLOSE, /**< a condition closes the connection */
    LEATI_FLOW_RESET, /**< or ends it with a RST */
};

struct leati_flow_condition {
    struct leat_testing_condition what;
    uint64_t since_us; /* when it began to hold for this connection */
    uint64_t at_us;    /* of `tokens` */
    uint64_t tokens;   /* millionths of bytes that may go at once */
    uint64_t debt;     /* of datagrams that were longer than what there was */
};

struct leati_flow_chunk;

struct leati_flow {
    bool is_datagrams;
    enum leat_testing_direction direction;
    uint64_t seed;   /* of the connection */
    uint64_t random; /* state */
    struct leati_flow_condition conditions[LEAT_TESTING_CONDITIONS_MAX];
    size_t count;
    struct leati_flow_chunk *first, *last;
    size_t queued; /* bytes */
    uint64_t last_due_us;
    uint64_t passed; /* bytes that have come and count for a limit */
    bool has_ended;
    uint64_t end_us;
    bool is_over; /* a condition has closed it */
};

/** What a flow keeps at most; when it is full nothing more is to be read. */
#define LEATI_FLOW_BYTES_MAX (4u << 20)

/** `seed`: of the server and the connection; see leati_flow_seed(). */
void leati_flow_init(struct leati_flow *flow, enum leat_testing_direction direction,
                     bool is_datagrams, uint64_t seed);
void leati_flow_done(struct leati_flow *flow);
uint64_t leati_flow_seed(uint64_t seed, uint64_t connection);

/** From now on under these conditions; what they share with the former ones goes on. */
void leati_flow_set(struct leati_flow *flow, const struct leat_testing_condition *conditions,
                    size_t count, uint64_t now_us);

/** Whether more may be read. */
bool leati_flow_has_room(const struct leati_flow *flow);
/** What has come. `tag` comes out with a datagram. false without memory. */
bool leati_flow_push(struct leati_flow *flow, const void *data, size_t len, unsigned tag,
                     uint64_t now_us);
/** The source has ended. */
void leati_flow_finish(struct leati_flow *flow, uint64_t now_us);

/** What may go now; a datagram is whole. @return how many bytes. For datagrams `*ret_data` says whether there is one.
 * Otherwise `*wait_us` is shortened to the time until the next look. */
size_t leati_flow_take(struct leati_flow *flow, uint64_t now_us, const uint8_t **ret_data,
                       unsigned *ret_tag, uint64_t *wait_us);
/** So much of it has gone. */
void leati_flow_sent(struct leati_flow *flow, size_t len, uint64_t now_us);
/** Whether it is over, and how; `*wait_us` as above. */
enum leati_flow_end leati_flow_end(const struct leati_flow *flow, uint64_t now_us,
                                   uint64_t *wait_us);

#endif

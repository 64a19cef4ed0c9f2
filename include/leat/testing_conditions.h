/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Conditions of a link: what a network does to the bytes between a client and a server of
 * libleat-testing, of whatever kind the server is. Faults (leat/testing.h) belong to a step of a
 * protocol; conditions hold from the first byte to the last one, for handshakes as well.
 *
 *     leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to = "127.0.0.1:5432",
 *                                                  .conditions = "latency=80 20 normal"),
 *                             &server, NULL);
 *
 * The text language
 * -----------------
 *
 *     latency=80                    each byte comes to the client 80 ms later; so a round trip takes
 *                                   80 ms longer, every time, and what is sent at once stays together
 *     latency=80 20 normal          between 60 and 100 ms, most of them near 80
 *     both:latency=40               40 ms there and 40 ms back
 *     up:bandwidth=100000 16384     100000 bytes per second, after a burst of 16384
 *     slice=100 20 1000             in pieces of 80 to 120 bytes, a millisecond between them
 *     limit=4096                    after 4096 bytes the connection is closed
 *     slow-close=500                the end comes half a second late
 *     timeout=1000                  nothing comes through; closed after a second (0: never)
 *     reset=1000                    the same with a RST (0: at once)
 *     loss=2.5%; duplicate=1%       of datagrams
 *     latency=80 @10%               on a tenth of the connections
 *
 *     conditions = [ condition { ";" condition } [ ";" ] ] ;
 *     condition  = [ ( "down" | "up" | "both" ) ":" ] what [ "@" percent ] ;
 *     what       = "latency" "=" number [ number [ "uniform" | "normal" ] ]
 *                | "bandwidth" "=" number [ number ]
 *                | "slice" "=" number [ number [ number ] ]
 *                | ( "limit" | "slow-close" | "timeout" | "reset" ) "=" number
 *                | ( "loss" | "duplicate" ) "=" percent ;
 *     percent    = digit { digit } [ "." digit { digit } ] "%" ;
 *
 * Without a direction it is `down`. Spaces may stand between any two tokens.
 *
 * Which connections a share hits, and each jitter and loss, come from the seed of the options and
 * the number of the connection: the same run again has the same of them.
 */
#ifndef LEAT_TESTING_CONDITIONS_H
#define LEAT_TESTING_CONDITIONS_H

#include <leat/testing.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Conditions of one server. */
#define LEAT_TESTING_CONDITIONS_MAX 32

/** What a condition does. Several of one kind add up: latencies are summed, the narrowest bandwidth
 * counts. */
enum leat_testing_condition_kind {
    /** Holds every byte back for `delay_ms`, give or take up to `jitter_ms`. The order of a stream
     * stays; datagrams may overtake each other. */
    LEAT_TESTING_CONDITION_LATENCY,
    /** At most `bytes` per second, after a burst of `burst_bytes` (0: a fiftieth of a second). */
    LEAT_TESTING_CONDITION_BANDWIDTH,
    /** In pieces of `bytes`, give or take up to `variation_bytes`, with `gap_us` between them. Not
     * for datagrams. */
    LEAT_TESTING_CONDITION_SLICE,
    /** The connection is closed once `bytes` have gone this way. */
    LEAT_TESTING_CONDITION_LIMIT,
    /** The end of the connection is told `delay_ms` late. */
    LEAT_TESTING_CONDITION_SLOW_CLOSE,
    /** What comes is dropped, the end of the connection too, and after `delay_ms` it is closed; 0 =
     * never. When this condition goes, connections that had it are closed: they lack bytes. */
    LEAT_TESTING_CONDITION_TIMEOUT,
    /** What comes is dropped, and after `delay_ms` the connection ends with a RST; 0 = at once. */
    LEAT_TESTING_CONDITION_RESET,
    /** A datagram is lost with the probability `chance_ppm`. Not for streams. */
    LEAT_TESTING_CONDITION_LOSS,
    /** A datagram comes twice with the probability `chance_ppm`. Not for streams. */
    LEAT_TESTING_CONDITION_DUPLICATE,
};

/** Which way. */
enum leat_testing_direction {
    LEAT_TESTING_DOWN, /**< to the client */
    LEAT_TESTING_UP,   /**< from the client */
    LEAT_TESTING_BOTH, /**< each of them */
};

/** How a jitter is spread. */
enum leat_testing_distribution {
    LEAT_TESTING_UNIFORM, /**< every value is as likely */
    LEAT_TESTING_NORMAL, /**< a bell whose standard deviation is a third of the jitter, cut there */
};

/** One condition. `kind` says which of the others it looks at. */
struct leat_testing_condition {
    enum leat_testing_condition_kind kind;       /**< what */
    enum leat_testing_direction direction;       /**< which way */
    enum leat_testing_distribution distribution; /**< of the jitter */
    uint32_t delay_ms;                           /**< see the kinds */
    uint32_t jitter_ms;                          /**< at most `delay_ms` counts */
    uint32_t gap_us;                             /**< between pieces */
    uint64_t bytes;                              /**< see the kinds */
    uint64_t burst_bytes;                        /**< see BANDWIDTH */
    uint64_t variation_bytes;                    /**< less than `bytes` */
    uint32_t chance_ppm;                         /**< of a million datagrams */
    /** So many of a million connections are left alone; 0 = it is on all of them. */
    uint32_t spared_ppm;
};

/**
 * Reads the language that is described at the top. Touches nothing but its arguments.
 *
 * @param text NULL = "".
 * @param ret_conditions to be freed with leat_testing_conditions_free(). For an empty text NULL, and
 *        `*ret_count` 0.
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK, LEAT_E_PARAMETER (see `*ret_problem`), LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_conditions_parse(
    const char *text, struct leat_testing_condition **ret_conditions, size_t *ret_count,
    struct leat_testing_problem *ret_problem);

/** NULL is allowed. */
LEAT_API void leat_testing_conditions_free(struct leat_testing_condition *conditions);

/** "latency", "slow-close". NULL for what is none. Static. */
LEAT_API const char *leat_testing_condition_kind_name(enum leat_testing_condition_kind kind);

/**
 * Replaces the conditions of a server: connections that are open have the new ones at once, those
 * that a condition has on both sides of the change go on with it. Bytes that are on their way keep
 * the time that they have been given.
 *
 * @param server one with `is_changeable` or with conditions from the start.
 * @param conditions NULL = none.
 * @return LEAT_OK; LEAT_E_PARAMETER (see `*ret_problem`: not changeable, or the text);
 *         LEAT_E_SYSTEM_INTERNAL (no memory). Then nothing has changed.
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_server_set_conditions(
    leat_testing_server *server, const char *conditions, struct leat_testing_problem *ret_problem);

#ifdef __cplusplus
}
#endif

#endif

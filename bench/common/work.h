/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a driver is asked to do: the same arguments for every one of them. */
#ifndef LEAT_BENCH_WORK_H
#define LEAT_BENCH_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Exit status of a driver whose library cannot do this work. */
#define BENCH_UNSUPPORTED 3

enum { BENCH_BULK_BYTES = 64 * 1024, BENCH_BULK_COUNT = 4 };

enum bench_kind {
    BENCH_ECHO,    /**< `count` messages come back; `in_flight` are on their way at a time */
    BENCH_SEND,    /**< `count` messages go out; one comes back when the server has them all */
    BENCH_RECEIVE, /**< `count` messages come in */
    BENCH_OPEN,    /**< open and close, `count` times, one after the other */
    BENCH_REACH,   /**< the same, but the last one leaves without a goodbye, and only it counts */
    BENCH_IDLE,    /**< `connections` are opened and kept; then `count` echoes, twice */
    BENCH_START,   /**< one echo, counted from the start of the process */
    BENCH_RATE,    /**< `count` echoes, `rate` of them in a second: common/rate.h */
};

struct bench_work {
    enum bench_kind kind;
    const char *url;
    char host[64];
    char port[8];
    const char *path;
    /** What bytes go over without WebSocket: "tcp", "tls", "udp"; "" = WebSocket. */
    char socket[4];
    bool secure;
    const char *ca_path;
    /** "[user:password@]host:port" of a SOCKS5 proxy; NULL = none. */
    const char *proxy;
    size_t size;
    uint64_t count;
    unsigned in_flight;
    unsigned connections;
    uint64_t rate; /**< BENCH_RATE: messages in a second */
    bool text;
    bool resume;   /**< TLS sessions may be resumed */
    bool compress; /**< offer permessage-deflate */
    /** BENCH_RATE: beside it, over a second connection of the same loop, BENCH_BULK_COUNT messages of
     * BENCH_BULK_BYTES go to and fro all the time. */
    bool bulk;
    /* What saves round trips; leat's driver only. */
    bool pipelined;   /**< SOCKS5 messages and the bytes behind them do not wait for answers */
    bool early_data;  /**< of TLS 1.3 */
    bool fast_open;   /**< of TCP */
    uint8_t *payload; /**< BENCH_BULK_BYTES at least where there is a neighbour */
};

/** Reads the command line, and fills the payload. Exits with 2 when it is wrong. */
void bench_work_init(struct bench_work *work, int argc, char **argv);
void bench_work_done(struct bench_work *work);

/** Ends the process: the measurement is void. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_fail(const char *format, ...);
/** Ends the process: this library cannot do that. */
__attribute__((noreturn)) void bench_unsupported(const char *why);

/** Ends the process if an echo is not what was sent. Cheap: looks at the length and both ends. */
void bench_work_check(const struct bench_work *work, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif

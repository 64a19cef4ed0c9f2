/* SPDX-License-Identifier: Apache-2.0 */
/** @file The server's side of the opening handshake (RFC 6455 section 4.2), for well-behaved
 * clients. */
#ifndef LEAT_BENCH_UPGRADE_H
#define LEAT_BENCH_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What the path of the request asks for. */
struct upgrade_request {
    char path[32];  /**< "/echo", "/sink" or "/source" */
    uint64_t count; /**< ?count=N */
    uint64_t size;  /**< &size=N */
    bool text;      /**< &text=1 */
};

#define UPGRADE_RESPONSE_MAX 512u

/** The head has ended when it has: then the answer is in `response` and its length is returned; 0 =
 * this is no such request. `head` ends with a NUL. */
size_t upgrade_answer(const char *head, struct upgrade_request *ret_request,
                      char response[UPGRADE_RESPONSE_MAX]);

#endif

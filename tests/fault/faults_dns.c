/* SPDX-License-Identifier: Apache-2.0 */
/* Names: 2301113 with the c-ares status, or 2301110 when nobody answers. */
#include "fault/fault.h"

#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

/* Status values of c-ares, as <ares.h> has them. */
enum {
    STATUS_NO_DATA = 1,
    STATUS_NOT_FOUND = 4,
    STATUS_BAD_RESPONSE = 10,
    STATUS_TIMEOUT = 12,
};

static const struct dns_record records[] = {
    {"empty.test", DNS_ANSWER}, {"broken.test", DNS_SERVER_FAILURE},
    {"refused.test", DNS_REFUSED}, {"silent.test", DNS_SILENCE}, {"garbage.test", DNS_GARBAGE},
    {NULL},};

#define UNRESOLVED(host_)                                                                          \
    .dns = records, .url = "ws://" host_ ":%u/", .code = LEAT_E_SOCKET_BASE + EHOSTUNREACH,        \
    .layer = LEAT_LAYER_DNS, .sys_errno = EHOSTUNREACH, .text = host_

static const struct fault faults[] = {
    {.name = "no such name", UNRESOLVED("missing.test"), .native_code = STATUS_NOT_FOUND},
    {.name = "a name without addresses", UNRESOLVED("empty.test"), .native_code = STATUS_NO_DATA},
    {.name = "the answer cannot be parsed", UNRESOLVED("garbage.test"),
     .native_code = STATUS_BAD_RESPONSE},
    /* What c-ares makes of these two has changed with its versions. */
    {.name = "the name server fails", UNRESOLVED("broken.test"), .any_native = true},
    {.name = "the name server refuses", UNRESOLVED("refused.test"), .any_native = true},
    {.name = "the name server does not answer", .dns = records, .url = "ws://silent.test:%u/",
     .deadline = {LEAT_PHASE_DNS, 50}, .code = LEAT_E_SOCKET_BASE + ETIMEDOUT,
     .layer = LEAT_LAYER_DNS, .sys_errno = ETIMEDOUT, .native_code = STATUS_TIMEOUT,
     .text = "silent.test"},
    {.name = "the name server does not answer within the whole deadline", .dns = records,
     .url = "ws://silent.test:%u/", .connect_timeout_ms = 50,
     .code = LEAT_E_SOCKET_BASE + ETIMEDOUT, .layer = LEAT_LAYER_DNS, .sys_errno = ETIMEDOUT,
     .native_code = STATUS_TIMEOUT, .text = "silent.test"},
};

FAULT_TABLE(dns);

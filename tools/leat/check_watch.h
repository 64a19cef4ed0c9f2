/* SPDX-License-Identifier: Apache-2.0 */
/** @file `leat check --watch`: again and again, a line each. And when certificates expire. */
#ifndef LEAT_TOOL_CHECK_WATCH_H
#define LEAT_TOOL_CHECK_WATCH_H

#include "check.h"

/** When watching ends by itself. */
enum check_until {
    CHECK_UNTIL_NEVER,
    CHECK_UNTIL_OK,
    CHECK_UNTIL_FAIL,
};

struct check_watch {
    const struct tool_command *command; /**< for texts */
    const struct check_plan *plan;
    const struct check_probe_options *probe;
    leat_config *config;
    uint32_t interval_ms;
    enum check_until until;
    int64_t expires_in_s; /**< a certificate that is valid for less is a failure; -1 = it is not */
    bool json;
};

/** Watches until that has happened, a signal comes or the output cannot be written. @return the exit
 * status: of the last connection. */
int check_watch(const struct check_watch *watch);

/** The certificate of the run that expires first, if that is within so many seconds; NULL = none. */
const struct check_certificate *check_expiring(const struct check_run *run, int64_t within_s);
/** The exit status of a run, certificates that expire within so many seconds included (-1 = no
 * matter when). */
int check_run_status(const struct check_plan *plan, const struct check_run *run, int64_t within_s);

#endif

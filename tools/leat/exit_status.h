/* SPDX-License-Identifier: Apache-2.0 */
/** @file With which status the tool ends: the one place that decides it. */
#ifndef LEAT_TOOL_EXIT_STATUS_H
#define LEAT_TOOL_EXIT_STATUS_H

#include "command.h"

#include <leat/error.h>

size_t tool_exit_count(void);
const char *tool_exit_meaning(enum tool_exit status);

/** The status for a failure. `was_open`: the WebSocket was open before, so that this is its end. */
int tool_exit_status(const struct leat_error *error, bool was_open);
/** The same once a server has answered with an HTTP status, 0 = none has: where its redirect leads
 * is not what the user wrote. */
int tool_answered_exit_status(const struct leat_error *error, bool was_open, int http_status);

/** Whether a WebSocket that was closed with this code (RFC 6455 section 7.4.1) ended as it should.
 */
bool tool_close_is_normal(unsigned close_code);

/** Flushes standard output. A broken pipe is a reader that has seen enough: `status` stays. Any
 * other failure is reported. */
int tool_flush(const struct tool_command *command, int status);
/** The same in between; false = nobody reads any more. */
bool tool_flush_line(const struct tool_command *command, int *status);

#endif

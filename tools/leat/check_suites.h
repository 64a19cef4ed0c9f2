/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whether a server has better cipher suites than what it agreed to, or others than what it refused:
 * asked by handshakes without a request behind them.
 */
#ifndef LEAT_TOOL_CHECK_SUITES_H
#define LEAT_TOOL_CHECK_SUITES_H

#include "check.h"
#include "connection.h"

/** Looks at what came of `way`; if TLS with the server agreed on CBC, or found no suite in common,
 * asks the server for more and writes what it finds to the run that it is about.
 * `connection` is what it was made with. */
void check_suites_ask(struct check_way *way, const struct tool_connection *connection);

/** Writes a sentence about it; "" if there is nothing to say. */
void check_suites_format(const struct check_suites *suites, enum leat_language language, char *buf,
                         size_t cap);

#endif

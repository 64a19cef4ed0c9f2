/* SPDX-License-Identifier: Apache-2.0 */
/** @file How the tool tells of a failure. */
#ifndef LEAT_TOOL_REPORT_H
#define LEAT_TOOL_REPORT_H

#include <leat/error.h>

/** Prints code, message, layer, detail and what to do, on standard error. */
void tool_report_error(const struct leat_error *error);

#endif

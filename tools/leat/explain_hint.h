/* SPDX-License-Identifier: Apache-2.0 */
/** @file What `leat explain` says of a code that it does not find. */
#ifndef LEAT_TOOL_EXPLAIN_HINT_H
#define LEAT_TOOL_EXPLAIN_HINT_H

/** Says on standard error that the code is not known, and where it would be found. */
void explain_hint(const char *query);

#endif

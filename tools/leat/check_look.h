/* SPDX-License-Identifier: Apache-2.0 */
/** @file How the report of `leat check` looks: its columns, and the pieces that lines are made of.
 * All on standard output. */
#ifndef LEAT_TOOL_CHECK_LOOK_H
#define LEAT_TOOL_CHECK_LOOK_H

#include "check.h"
#include "check_words.h"
#include "terminal.h"

enum {
    CHECK_MARK_COLUMNS = 2,
    CHECK_TIME_COLUMNS = 14, /* " 12345.678 ms " */
};

/** Made once for a report. */
struct check_look {
    const struct check_plan *plan;
    enum leat_language language;
    bool is_terminal;
    size_t columns; /* of the terminal */
    size_t name_columns;
    size_t bar_columns;
    const char *bar; /* one column of it */
};

/** `other` may be NULL. */
struct check_look check_look_make(const struct check_plan *plan, const struct check_way *way,
                                  const struct check_way *other);

const char *check_look_word(const struct check_look *look, enum check_word word);
/** See tool_style(). */
const char *check_style(enum tool_style style);
double check_ms(uint64_t us);

void check_print_spaces(size_t count);
void check_print_padded(const char *text, size_t columns);
void check_print_right(const char *text, size_t columns);
/** Foreign text; see tool_print_safe(). */
void check_print_text(const char *text);
/** The same, but not beyond the end of a terminal's line. */
void check_print_clipped(const char *text, size_t columns);
/** An empty line and the heading of a section; `hop` may be NULL. */
void check_print_heading(const struct check_look *look, enum check_word heading, const char *hop);

/** check_waterfall.c: the phases, each when it ran, and those that were not reached. */
void check_print_waterfall(const struct check_look *look, const struct check_run *run);
/** check_findings.c: addresses, TLS, certificates, the WebSocket, the libraries. */
void check_print_findings(const struct check_look *look, const struct check_run *run);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file The judge of leat/testing_conformance.h as part of commands: its options and its report. */
#ifndef LEAT_TOOL_CONFORMANCE_H
#define LEAT_TOOL_CONFORMANCE_H

#include "command.h"

#include <leat/testing_conformance.h>

struct tool_conformance {
    const char *cases; /**< NULL = all */
    bool lists, json, verbose, is_strict;
    const char *command; /**< of a shell, which is run while clients are awaited; NULL = none */
};

/** The rows of these, for a struct that has one as its `member`. */
#define TOOL_CONFORMANCE_OPTIONS(type, member)                                                     \
    {.name = "cases",                                                                              \
     .is_usual = true,                                                                             \
     .argument = "PATTERNS",                                                                       \
     .help = "only these: 'close.*,utf8.valid.?,!*.reason'",                                       \
     .detail = "Ids of cases, or patterns of them, with commas between; ! in front takes away.",   \
     .set = tool_set_string,                                                                       \
     .offset = offsetof(type, member.cases)},                                                      \
        {.name = "list",                                                                           \
         .is_usual = true,                                                                         \
         .help = "print the cases instead of running them",                                        \
         .set = tool_set_flag,                                                                     \
         .offset = offsetof(type, member.lists)},                                                  \
    {                                                                                              \
        .name = "strict", .help = "also fail on what is non-strict or not run",                    \
        .set = tool_set_flag, .offset = offsetof(type, member.is_strict)                           \
    }

/** Finds the subject of a URL: that of a server or proxy. */
bool tool_conformance_subject(const char *url, enum leat_testing_subject *ret_subject);

/** Runs, or lists, and prints. `judge_options` lacks `cases` and `judged`. @return the exit status. */
int tool_conformance_run(const struct tool_command *command,
                         const struct tool_conformance *conformance,
                         struct leat_testing_conformance_options *judge_options);

#endif

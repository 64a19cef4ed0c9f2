/* SPDX-License-Identifier: Apache-2.0 */
/** @file How the tool tells of a failure. */
#ifndef LEAT_TOOL_REPORT_H
#define LEAT_TOOL_REPORT_H

#include "json.h"
#include "situation.h"

/** The language of LC_ALL, LC_MESSAGES or LANG, the first that is set. */
enum leat_language tool_language(void);

/** The row of a table of options (command.h) that lets the user choose it: a member of a struct. */
#define TOOL_LANGUAGE_OPTION(type, member)                                                         \
    {                                                                                              \
        .name = "lang", .is_usual = true, .argument = "en|zh", .value = TOOL_VALUE_WORD,           \
        .words = "en|zh", .help = "language of the texts",                                         \
        .detail = "Otherwise that of LC_ALL, LC_MESSAGES or LANG.", .set = tool_set_word,          \
        .offset = offsetof(type, member)                                                           \
    }

/** The message of the code, or, where that misleads, what has happened. Static. */
const char *tool_story_heading(const struct tool_story *story, enum leat_language language);
/** What the catalogue says of the code, or of the setting that is wrong. Static. */
const char *tool_story_description(const struct tool_story *story, enum leat_language language);
/** What fits what has happened; what the catalogue says of the code where no more is known. One a
 * line, static. */
const char *tool_story_causes(const struct tool_story *story, enum leat_language language);
const char *tool_story_remedies(const struct tool_story *story, enum leat_language language);

/** The same of a WebSocket that was closed in order; "" where the code says nothing to us. */
const char *tool_close_remedies(unsigned close_code, enum leat_language language);

/** Prints code, heading, layer, detail, what was answered and what to do; in colour where that is
 * shown. */
void tool_report(FILE *out, const struct tool_story *story, enum leat_language language);
/** The same of an error of which nothing else is known. */
void tool_report_error(FILE *out, const struct leat_error *error, enum leat_language language);
/** Prints one line of it. */
void tool_report_field(FILE *out, const char *label, const char *text, size_t len);
/** Prints what to do, a line each, behind the label of tool_report(). */
void tool_report_remedies(FILE *out, const char *remedies, enum leat_language language);

/** The same as the members of one object: code, name, message, class, layer, hop, text, errno ...
 */
void tool_error_describe(struct tool_json *json, const char *name, const struct leat_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file How the tool tells of a failure. */
#ifndef LEAT_TOOL_REPORT_H
#define LEAT_TOOL_REPORT_H

#include "json.h"

#include <leat/catalogue.h>

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

/** What the catalogue says of a code, or, where the layer tells that it is not the program but a
 * setting that is wrong (a proxy that the environment names), what fits that. Static. */
const char *tool_error_description(const struct leat_error *error, enum leat_language language);
const char *tool_error_causes(const struct leat_error *error, enum leat_language language);
const char *tool_error_remedies(const struct leat_error *error, enum leat_language language);

/** Prints code, message, layer, detail and what to do; in colour where that is shown. */
void tool_report_error(FILE *out, const struct leat_error *error, enum leat_language language);

/** The same as the members of one object: code, name, message, class, layer, hop, text, errno ...
 */
void tool_error_describe(struct tool_json *json, const char *name, const struct leat_error *error);

#endif

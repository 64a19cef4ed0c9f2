/* SPDX-License-Identifier: Apache-2.0 */
/** @file Writing JSON (RFC 8259), commas and quoting done. */
#ifndef LEAT_TOOL_JSON_H
#define LEAT_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A document on its way out; all zero but `out` at its start. */
struct tool_json {
    FILE *out;
    bool has_members; /**< the innermost object or array has one already */
    bool breaks;      /**< the next element starts on a line of its own */
};

/* `name` is the member's name in an object, NULL in an array and for the outermost value. */
void tool_json_object(struct tool_json *json, const char *name);
void tool_json_object_end(struct tool_json *json);
void tool_json_array(struct tool_json *json, const char *name);
void tool_json_array_end(struct tool_json *json);

/** Bytes that are not UTF-8 become U+FFFD. NULL becomes null. */
void tool_json_string(struct tool_json *json, const char *name, const char *text);
void tool_json_text(struct tool_json *json, const char *name, const char *text, size_t len);
/** A string that the caller writes to `out` in between, without anything that needs quoting. */
void tool_json_string_begin(struct tool_json *json, const char *name);
void tool_json_string_end(struct tool_json *json);
void tool_json_number(struct tool_json *json, const char *name, int64_t value);
/** With three decimals: milliseconds from microseconds. */
void tool_json_thousandths(struct tool_json *json, const char *name, uint64_t value);
void tool_json_bool(struct tool_json *json, const char *name, bool value);
void tool_json_null(struct tool_json *json, const char *name);

/** Lets the next element of an outermost array start on a line of its own. */
void tool_json_break(struct tool_json *json);

/** Ends a document with a new line; the next may follow. */
void tool_json_end(struct tool_json *json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file Files that options name. */
#ifndef LEAT_TOOL_FILES_H
#define LEAT_TOOL_FILES_H

/** The first line of a file, to be freed; NULL and errno if there is none. For passwords: wipe it.
 */
char *tool_read_first_line(const char *path);

/** A whole text file, to be freed; NULL and errno. */
char *tool_read_file(const char *path);

#endif

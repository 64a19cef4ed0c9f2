/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What an errno is called, in English whatever the locale, and where libc has no such functions.
 */
#ifndef LEATI_UTIL_ERRNO_TEXT_H
#define LEATI_UTIL_ERRNO_TEXT_H

/** Its name, as "ENOENT"; NULL for a number that is none. */
const char *leati_errno_name(int sys_errno);
/** What it means, as "No such file or directory"; NULL for a number that is none. */
const char *leati_errno_text(int sys_errno);

#endif

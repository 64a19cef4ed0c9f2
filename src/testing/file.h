/* SPDX-License-Identifier: Apache-2.0 */
/** @file The files that servers write. */
#ifndef LEATI_TESTING_FILE_H
#define LEATI_TESTING_FILE_H

#include <stdbool.h>
#include <stddef.h>

/** Makes a file with mode 0600, or empties it. Never waits, whatever lies at the path.
 * @return LEAT_OK or a code, with what is wrong; NULL = nobody knows. */
int leati_testing_file_open(const char *path, int *ret_fd, const char **ret_reason);
/** @return whether all of it is in the file. */
bool leati_testing_file_write(int fd, const void *data, size_t len);

#endif

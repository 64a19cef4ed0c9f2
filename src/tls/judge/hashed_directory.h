/* SPDX-License-Identifier: Apache-2.0 */
/** @file Directories whose certificates are named by the hash of their subject (`openssl rehash`). */
#ifndef LEATI_TLS_JUDGE_HASHED_DIRECTORY_H
#define LEATI_TLS_JUDGE_HASHED_DIRECTORY_H

#include <stdbool.h>

/** Whether a file is named so: "5ad8a5d6.0". */
bool leati_hashed_directory_is_name(const char *name);

/**
 * Names the files that have no such name, also not as a second one (a link): those that are not
 * found by need.
 *
 * @param take returns LEAT_OK to go on
 * @return LEAT_OK, also if the directory cannot be read; LEAT_E_SYSTEM_INTERNAL; what `take` said.
 */
int leati_hashed_directory_rest(int dir_fd, int (*take)(void *user, const char *name), void *user);

#endif

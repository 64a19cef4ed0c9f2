/* SPDX-License-Identifier: Apache-2.0 */
/** @file Threads of the library's own. */
#ifndef LEATI_UTIL_THREAD_H
#define LEATI_UTIL_THREAD_H

#include <stdbool.h>

/** Starts a thread that nobody joins, with all signals left to the program's threads. `name` has at
 * most 15 bytes. false: there can be no more. */
bool leati_thread_start_detached(const char *name, void *(*run)(void *), void *arg);

#endif

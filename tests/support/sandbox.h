/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What one test keeps outside of its own memory: a directory of its own and the processes that it
 * has started. Every Criterion test runs in a process of its own, so there is one sandbox for each
 * test; a suite names sandbox_done() as its `.fini`.
 */
#ifndef LEAT_TESTS_SUPPORT_SANDBOX_H
#define LEAT_TESTS_SUPPORT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The directory of this test, made at the first call. Fails the test if that is not possible. */
const char *sandbox_dir(void);

/** A formatted string that lives as long as the sandbox. */
const char *sandbox_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The path of `name` in sandbox_dir(). Lives as long as the sandbox. */
const char *sandbox_path(const char *name);

/** Writes a file into sandbox_dir() and returns its path. Fails the test if it cannot. */
const char *sandbox_write(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A file as a string; "" if it cannot be read. To be freed with free(). */
char *file_read(const char *path);

/** Ends every process that this test has started, removes its directory, and does leak_check(). */
void sandbox_done(void);

/** How many descriptors this process has open. */
size_t open_descriptor_count(void);

/** A port of 127.0.0.1 that nobody listens on now. Another process may take it at any time: whoever
 * passes it on checks who listens there, and tries again with another one. */
uint16_t free_port(void);

/** A port of 127.0.0.1 that refuses every connection while the test runs: it is bound, and nobody
 * listens. */
uint16_t refusing_port(void);

/** A port of 127.0.0.1 on which a connect neither succeeds nor fails: the queue of its listener is
 * full, and nobody accepts. */
uint16_t unanswering_port(void);

/** Whether this machine has ::1. */
bool machine_has_ipv6(void);

/** The first address of "localhost", 127.0.0.1 or ::1: many a proxy tries no other. */
const char *localhost_address(void);

#endif

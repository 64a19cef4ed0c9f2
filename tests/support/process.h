/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Processes of a test: started with a group of their own and their output in files, ended by their
 * pid, and gone when the test is gone, however it ends.
 */
#ifndef LEAT_TESTS_SUPPORT_PROCESS_H
#define LEAT_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The most processes of one test. */
#define PROCESS_MAX 16

struct process {
    const char *name;
    pid_t pid;   /**< 0 = ended and waited for */
    pid_t guard; /**< ends the group when this process dies */
    int guard_fd;
    int input_fd; /**< its standard input, -1 if it has none */
    const char *output_path;
    const char *error_path;
    int exit_status; /**< as of waitpid(2), once pid is 0 */
};

struct process_options {
    /** Ends with NULL; argv[0] is looked for on PATH and in the sbin directories. */
    const char *const *argv;
    /** "NAME=value", ends with NULL; added to the environment. NULL = nothing. */
    const char *const *environment;
    /** Whether it gets a pipe as its standard input; otherwise that is empty. */
    bool has_input;
};

/** Starts a process. A program that is not there fails the test: an absent peer is a failure. */
struct process *process_start(const struct process_options *options);

/** Waits until a line of its standard output begins with `prefix`, and copies what follows on that
 * line. Fails the test if the process ends or time is over first. */
void process_wait_line(struct process *process, const char *prefix, char *buf, size_t cap);

/** The same for the nth such line, from 1 on. */
void process_wait_nth_line(struct process *process, const char *prefix, unsigned nth, char *buf,
                           size_t cap);

/** Waits until its standard error holds `text`. Fails the test as process_wait_line(). */
void process_wait_error_text(struct process *process, const char *text);

/** Waits until the process, or one of its group, listens on a TCP port.
 * @return false if it has ended instead, as one does whose port was taken meanwhile. */
bool process_wait_listening(struct process *process, uint16_t port);

/** Waits for its own end. Fails the test after `timeout_ms`. @return its exit status, or 128 + the
 * signal. */
int process_wait(struct process *process, int timeout_ms);

/** Ends it (SIGTERM, then SIGKILL for the whole group) and waits. */
void process_stop(struct process *process);

/** Ends all of them; sandbox_done() does it. */
void process_stop_all(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file Signals as something to poll for. There is one user of this in a process. */
#ifndef LEAT_TOOL_SIGNALS_H
#define LEAT_TOOL_SIGNALS_H

#include <stdbool.h>

/**
 * Takes over SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGCONT, and ignores SIGPIPE. The second signal
 * that asks the process to end ends it at once, with the terminal as it was found.
 *
 * @return a descriptor that is readable after a signal; -1 and errno.
 */
int tool_signals_catch(void);

/** What has come since the last call. */
struct tool_signals {
    int end;      /**< the number of a signal that asks to end, 0 = none */
    bool resized; /**< the terminal has another size */
    bool resumed; /**< the process was stopped and goes on */
};
struct tool_signals tool_signals_take(void);

/** Ends the process by a signal, as if it had never been taken over. */
void tool_signals_die(int number) __attribute__((noreturn));

#endif

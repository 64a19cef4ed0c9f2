/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A clock for tests of deadlines: it stands still, and when nothing more can happen it jumps to the
 * time that leat waits for. So a deadline of 50 ms is over when everybody waits for somebody else,
 * however slow the machine is, and not a moment before.
 *
 * It is CLOCK_MONOTONIC as the thread sees it that has called still_clock_start(), and the loops
 * that it runs. Nothing more can happen when no other thread of the process runs and no descriptor
 * of the loop is ready, for a while. So it is for peers that are threads and that do nothing at a
 * time of their own; those in other processes are not looked at.
 */
#ifndef LEAT_TESTS_STILL_CLOCK_H
#define LEAT_TESTS_STILL_CLOCK_H

void still_clock_start(void);
void still_clock_stop(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A kernel that refuses a call with an errno that no setting of the network brings about: a seccomp
 * filter for the calling thread, which stays until its end.
 */
#ifndef LEAT_TESTS_FAULT_KERNEL_FILTER_H
#define LEAT_TESTS_FAULT_KERNEL_FILTER_H

/** From now on this system call (SYS_connect ...) fails. Fails the test if that cannot be done. */
void kernel_filter_refuse(long call, int sys_errno);

#endif

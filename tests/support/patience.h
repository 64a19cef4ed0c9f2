/* SPDX-License-Identifier: Apache-2.0 */
/** @file How long tests wait for what must come, before they give up: never so short that a busy
 * machine fails them. */
#ifndef LEAT_TESTS_PATIENCE_H
#define LEAT_TESTS_PATIENCE_H

/** From what it takes at most on a quiet machine. The scale is in cmake/LeatHelpers.cmake. */
#define PATIENCE_MS(quiet_ms) ((quiet_ms)*LEAT_TEST_PATIENCE)
#define PATIENCE_S(quiet_s)   ((quiet_s)*LEAT_TEST_PATIENCE)

#endif

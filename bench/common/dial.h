/* SPDX-License-Identifier: Apache-2.0 */
/** @file TCP, and SOCKS5 where asked for, for the drivers whose library has neither: by hand,
 * blocking. */
#ifndef LEAT_BENCH_DIAL_H
#define LEAT_BENCH_DIAL_H

#include "work.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A descriptor that is connected to the server, with TCP_NODELAY. */
int bench_dial(const struct bench_work *work);
/** Writes everything, or ends the process. */
void bench_write_all(int fd, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif

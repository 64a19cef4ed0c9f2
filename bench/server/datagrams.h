/* SPDX-License-Identifier: Apache-2.0 */
/** @file Datagrams that go back to where they come from. */
#ifndef LEAT_BENCH_DATAGRAMS_H
#define LEAT_BENCH_DATAGRAMS_H

/** A socket on a free port of 127.0.0.1 that does not block; -1 with errno. */
int datagrams_open(unsigned *ret_port);
/** Sends back what has come. */
void datagrams_echo(int fd);

#endif

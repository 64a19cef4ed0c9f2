/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Sockets of the loopback interface for targets that run whole objects: the other end is played in
 * the same thread, without waiting. What is sent there is here at once.
 */
#ifndef LEAT_TESTS_FUZZ_WIRE_H
#define LEAT_TESTS_FUZZ_WIRE_H

#include "fuzz/fuzz.h"

#include <leat/leat.h>

/** Listens, without blocking, on a free port of 127.0.0.1. @return the descriptor. */
int fuzz_listen(uint16_t *ret_port);
/** The next connection that waits; -1 = none. */
int fuzz_accept(int listener);
/** A connection to a port of 127.0.0.1; -1 = nobody listens. */
int fuzz_connect(uint16_t port);
/** A bound datagram socket. */
int fuzz_bind_udp(uint16_t *ret_port);
/** Sends what the kernel takes. */
void fuzz_send(int fd, const void *data, size_t len);
/** Reads what is there. @return how many bytes. */
size_t fuzz_recv(int fd, void *buf, size_t cap);
/** Closes with a RST, so that no port is kept busy. -1 is allowed. */
void fuzz_reset(int fd);

/** Leaves this thread alone in a network, in which there is 127.0.0.1 and nothing else. Once.
 * @return whether it is; a machine may not allow it. */
bool fuzz_network_leave(void);

/** From now on somebody has the system's CAs, which all share meanwhile: to read them takes longer
 * than all the rest. */
void fuzz_keep_cas(void);

/** Dispatches until nothing is ready, `most` rounds at the most. @return whether nothing is. */
bool fuzz_turn(leat_loop *loop, int most);

/** The lowest descriptor that is free: the same before and after = none was lost. */
int fuzz_free_descriptor(void);

/** The value of Sec-WebSocket-Accept for the key in a request's head, which ends with a NUL; ""
 * without a key. */
const char *fuzz_accept_of(const char *head, char buf[29]);

/** What every error must be. */
void fuzz_error_check(const struct leat_error *error);

#endif

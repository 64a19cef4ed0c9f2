/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A client that is only a socket and says exactly what the test wants, with blocking calls that
 * give up after CLIENT_RUN_TIMEOUT_MS.
 */
#ifndef LEAT_TESTS_SUPPORT_RAW_SOCKET_H
#define LEAT_TESTS_SUPPORT_RAW_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A valid upgrade request for a path. */
#define RAW_UPGRADE(path) RAW_UPGRADE_WITH(path, "")
/** The same with further lines. */
#define RAW_UPGRADE_WITH(path, lines)                                                              \
    "GET " path " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"    \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" lines "\r\n"

/** Connects to 127.0.0.1. `from` is the local address, NULL = any. Fails the test if it cannot.
 * @return a descriptor, to be closed. */
int raw_connect(const char *from, uint16_t port);

/** Connects to 127.0.0.1, where nothing comes but a reset. Whether connect(2) sees it or recv(2) is chance. */
void raw_expect_reset(uint16_t port);

/** Sends everything. @return false if the connection is gone. */
bool raw_send(int fd, const void *data, size_t len);

/** Reads until `text` has come, or the end. `buf` ends with NUL. @return whether it came. */
bool raw_recv_until(int fd, const char *text, char *buf, size_t cap);

/** Connects, sends RAW_UPGRADE("/echo") and reads the answer's head. @return its status, 0 for the
 * end before it. `*ret_fd` is to be closed. */
int raw_upgrade(const char *from, uint16_t port, int *ret_fd);

/** Reads and drops everything until the other side ends. @return 0 for FIN, or the errno; ETIMEDOUT
 * if it does not end. */
int raw_recv_end(int fd);

/** Listens on a free port of 127.0.0.1. @return a descriptor, to be closed. */
int raw_listen(uint16_t *ret_port);

/** Writes the 101 that answers an upgrade request; accepts permessage-deflate if it is offered. */
void raw_upgrade_answer(const char *request, char *buf, size_t cap);

/** Of this process' connections to a server (or, `accepted`, of one): how many there are that have
 * something to read. Waits so long for each; a time of 0 counts all of them. */
unsigned raw_arrived(uint16_t port, bool accepted, int timeout_ms);

/** Waits until so many bytes lie unread in the kernel for this process' one connection to a server.
 */
void raw_wait_unread(uint16_t port, int bytes);

/** Closes with a RST. */
void raw_reset(int fd);

#endif

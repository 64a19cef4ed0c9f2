/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the clients of servers of libleat-testing send and get, as a file for Wireshark: pcapng with
 * the secrets of TLS inside (Decryption Secrets Block), so that it opens decrypted. Nobody needs to be
 * root: the library writes what it has read and sent itself, as packets of Ethernet, IP and TCP that
 * it makes up, with the real addresses, ports and times.
 *
 *     leat_testing_capture *capture = NULL;
 *     int code = leat_testing_capture_new("run.pcapng", 0, &capture, NULL);
 *     code = leat_testing_server_new(
 *         LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .capture = capture), &server, NULL);
 *     ...
 *     leat_testing_server_free(server);
 *     leat_testing_capture_free(capture);
 *
 * One capture may serve many servers. It has their connections over TCP and Unix sockets (those as
 * connections of 127.0.0.1), not datagrams, and not what a proxy or relay says to the destination. A packet
 * is what one call has read or sent; it has no losses, and no delays of `conditions`: those are on the other
 * side of the server. The steps are comments of packets (`frame.comment`).
 */
#ifndef LEAT_TESTING_CAPTURE_H
#define LEAT_TESTING_CAPTURE_H

#include <leat/testing.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How long a file gets unless told otherwise. */
#define LEAT_TESTING_CAPTURE_BYTES_DEFAULT (256ull << 20)
/** The shortest limit. */
#define LEAT_TESTING_CAPTURE_BYTES_MIN 4096ull

/**
 * Starts a capture: makes the file with mode 0600, since its secrets open what was sent, or empties it.
 *
 * @param path of a regular file or of none.
 * @param bytes_max no packet is written behind so many bytes, nor anything after it; 0 =
 *        LEAT_TESTING_CAPTURE_BYTES_DEFAULT.
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK; LEAT_E_PARAMETER (a limit below LEAT_TESTING_CAPTURE_BYTES_MIN, what is no regular
 *         file); LEAT_E_SOCKET_BASE + errno (it cannot be opened or written); LEAT_E_SYSTEM_INTERNAL (no
 *         memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_capture_new(const char *path, uint64_t bytes_max,
                                                      leat_testing_capture **ret_capture,
                                                      struct leat_testing_problem *ret_problem);

/** Ends it, once the servers that have it are gone. NULL is allowed. In a process that was forked it
 * closes the copy of the descriptor. */
LEAT_API void leat_testing_capture_free(leat_testing_capture *capture);

/** How many packets were written. Each is in the file when this returns. */
LEAT_API uint64_t leat_testing_capture_get_packets(leat_testing_capture *capture);

/** How many were not: the limit was reached, there was no memory, or the disk is full. */
LEAT_API uint64_t leat_testing_capture_get_dropped(leat_testing_capture *capture);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The other end of a connection, on a socket that blocks: plays a case, and says what was wrong
 * with the answer. For threads of their own, so nothing here fails a test.
 */
#ifndef LEAT_TESTS_RFC_PLAY_H
#define LEAT_TESTS_RFC_PLAY_H

#include "testing/conformance/ws_cases.h"

/** How a case is cut; 0 = all at once. */
extern const size_t rfc_chunks[];
enum { RFC_CHUNKS = 4 };

/** Whether it is worth while to play the case so. */
bool rfc_chunk_fits(const struct leati_ws_case *now, size_t chunk);

/** Asks our server. `problem` says why it failed, "" = it is open. @return the descriptor, -1. */
int rfc_client_open(uint16_t port, const struct leati_ws_case *now, char *problem, size_t cap);
/** Answers our client: `request` is its head. */
bool rfc_server_open(int fd, const char *request, const struct leati_ws_case *now, char *problem,
                     size_t cap);

/** Plays the case on an open connection, to its end. false: see `problem`. */
bool rfc_play(int fd, const struct leati_ws_case *now, bool masks, size_t chunk, char *problem,
              size_t cap);

/** Sends a text and reads it back; for a connection that outlives the cases. */
bool rfc_echo(int fd, const char *text);
/** The other side of it: returns what comes, until the end. */
void rfc_return_all(int fd);

#endif

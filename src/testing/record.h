/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What clients and a server say to each other, written for a replay: leat/testing.h describes the
 * file. Every function does nothing where the server records nothing.
 */
#ifndef LEATI_TESTING_RECORD_H
#define LEATI_TESTING_RECORD_H

#include <leat/testing.h>

struct leati_peer;
struct leati_record;

/** Starts the file of the options. @return LEAT_OK, also if there is none; a code of
 * leat_testing_server_new(). */
int leati_record_new(struct leat_testing_server *server, struct leat_testing_problem *ret_problem);
/** The first line, once the address is known. */
void leati_record_begin(struct leat_testing_server *server);
void leati_record_free(struct leati_record *record);
/** In a child: closes its copy of the descriptor. */
void leati_record_leave(struct leati_record *record);

/** Bytes as they are inside of TLS. */
void leati_record_bytes(struct leati_peer *p, bool to_client, const void *data, size_t len);
void leati_record_step(struct leati_peer *p, const char *step, const char *text);
/** One side has ended. The first time counts. */
void leati_record_end(struct leati_peer *p, bool to_client, bool is_reset);

#endif

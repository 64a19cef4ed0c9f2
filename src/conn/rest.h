/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Streams that rest: on most connections nothing happens most of the time, and then they need no
 * chain, no layer and nothing of their owner's for moving bytes. The last ones of a loop that were busy
 * keep theirs, so that who talks never pays for it.
 */
#ifndef LEATI_CONN_REST_H
#define LEATI_CONN_REST_H

#include "conn/stream.h"

/** Idle streams of a loop that keep everything, whatever happens; more of them as long as so many talk, */
#define LEATI_REST_AWAKE 128u
/** up to this number. */
#define LEATI_REST_AWAKE_MAX 65535u

/** What stream.c makes of its chain. */
extern const struct leati_chain_owner leati_stream_chain_owner;

/** A pump has left the stream with nothing to do; others that were left so before may go to rest. */
void leati_rest_note_idle(struct leati_stream *stream);
/** The stream ends. */
void leati_rest_forget(struct leati_stream *stream);
/** Where messages end is only known while there are some: stream.c. */
void leati_stream_forget_ends(struct leati_stream *stream);
/** Closes the connection of a stream that rests. */
void leati_rest_drop(struct leati_stream *stream);

#endif

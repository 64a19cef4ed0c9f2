/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A message whose frame is made once for any number of connections: a server's frames are not
 * masked, so they are the same bytes for all of them. What is compressed is compressed once for each
 * way in which connections compress, when the first of them asks for it.
 *
 * Counted; any thread.
 */
#ifndef LEATI_WS_PREPARED_H
#define LEATI_WS_PREPARED_H

#include "ws/session.h"

struct leati_ws_prepared;

/** One reference for the caller; NULL without memory. */
struct leati_ws_prepared *leati_ws_prepared_new(enum leat_message_type type, const void *data,
                                                size_t len);
struct leati_ws_prepared *leati_ws_prepared_ref(struct leati_ws_prepared *message);
/** NULL is allowed. */
void leati_ws_prepared_unref(struct leati_ws_prepared *message);
/** That frame without its first `sent` bytes. false without memory. */
bool leati_ws_prepared_queue_rest(struct leati_ws_prepared *message, size_t sent,
                                  struct leati_byte_queue *out);
/** The frame as a server sends it that does not compress. */
const uint8_t *leati_ws_prepared_frame(const struct leati_ws_prepared *message, size_t *ret_len);
/** Of its payload. */
size_t leati_ws_prepared_len(const struct leati_ws_prepared *message);

/**
 * Appends it, as leati_ws_session_write() would, without a copy; a client, which masks, copies. Where
 * a context is taken over from message to message, it ends here: the next message of this session
 * begins a new one, since its compressor has not seen this one.
 *
 * @return as leati_ws_session_write().
 */
int leati_ws_session_write_prepared(struct leati_ws_session *session,
                                    struct leati_ws_prepared *message,
                                    struct leati_byte_queue *out);

#endif

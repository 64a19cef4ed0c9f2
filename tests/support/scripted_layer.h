/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A bottom layer without a socket: what it gives, takes and refuses is a script, and what the layer
 * above does with it is recorded.
 *
 * Its memory is not that of util/alloc.h, so that allocation failures hit only what is tested.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_LAYER_H
#define TESTS_SUPPORT_SCRIPTED_LAYER_H

#include "core/layer.h"

#define SCRIPTED_NEVER SIZE_MAX

struct scripted_layer;

/** How the wire behaves. All zero but the `_at` members (SCRIPTED_NEVER) = everything at once. */
struct scripted_script {
    size_t recv_max_bytes;  /**< of one recv call; 0 = no limit */
    size_t send_max_bytes;  /**< of one send call; 0 = no limit */
    bool again_every_other; /**< every other recv and every other send is LEATI_AGAIN */
    size_t recv_end_at;     /**< once this many bytes have been read ... */
    int recv_end;           /**< ... recv gives this for ever: LEATI_EOF, LEATI_AGAIN or a code */
    size_t send_end_at;
    int send_end;  /**< a code */
    int end_errno; /**< is recorded with a code */
};

struct scripted_bytes {
    uint8_t *data;
    size_t len, cap;
};

struct scripted_layer {
    struct leati_layer base;
    struct scripted_script script;

    /** The other end: called after every send that took bytes; looks at `sent` and answers with
     * scripted_layer_reply(). NULL = says nothing. */
    void (*react)(void *peer, struct scripted_layer *wire);
    void *peer;
    bool mute; /**< recv and send are LEATI_AGAIN while it is set */

    struct scripted_bytes sent;    /**< all that was sent */
    struct scripted_bytes to_read; /**< all that the other end has answered */
    size_t read;                   /**< bytes of `to_read` that have been read */
    size_t send_calls, recv_calls;
    size_t sent_calls;           /**< send calls that took bytes */
    size_t other_calls;          /**< of the slots that only the driver may call */
    unsigned last_again;         /**< LEATI_WANT_READ or _WRITE: what gave LEATI_AGAIN last */
    bool recv_again, send_again; /**< whose turn it is, for again_every_other */
};

/** Ready to be linked below a layer; state OPEN. */
void scripted_layer_init(struct scripted_layer *wire, const struct scripted_script *script,
                         struct leati_failure *failure);
void scripted_layer_done(struct scripted_layer *wire);

/** A script in which nothing is limited and nothing ends. */
struct scripted_script scripted_script_plain(void);

/** Bytes for the layer above to read. */
void scripted_layer_reply(struct scripted_layer *wire, const void *data, size_t len);

/** The other end sends back what was sent behind the first `*seen` bytes, which it counts. */
void scripted_layer_echo(struct scripted_layer *wire, size_t *seen);

void scripted_bytes_append(struct scripted_bytes *bytes, const void *data, size_t len);

#endif

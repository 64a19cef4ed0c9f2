/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Between OpenSSL and the wire: takes apart the records that an ssl_peer sends, and makes others of
 * their content, that no library would make: handshake messages cut at any byte, empty records,
 * messages of the test's own. It knows the keys of TLS 1.3; what TLS 1.2 has encrypted passes as it
 * is.
 */
#ifndef TESTS_UNIT_TLS_RECORD_EDITOR_H
#define TESTS_UNIT_TLS_RECORD_EDITOR_H

#include "unit/tls/ssl_peer.h"

enum record_type { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

/** Of one secret. */
struct record_keys {
    uint8_t secret[EVP_MAX_MD_SIZE];
    uint8_t key[32], iv[12];
    uint64_t number; /**< of the next record */
};

struct record_editor {
    struct ssl_peer *peer;
    struct scripted_layer *wire;
    /** With which OpenSSL has made its records, and with which the editor makes its own. */
    struct record_keys open_handshake, open_data, seal_handshake, seal_data;
    bool is_encrypted,
        is_over; /**< what comes next is with the keys of the handshake, of the data */
    struct scripted_bytes input;    /**< of OpenSSL, of an incomplete record */
    struct scripted_bytes messages; /**< handshake messages that wait to be cut */

    /** Into pieces of how many bytes handshake messages are cut; 0 = one record for all that come
     * together. */
    size_t piece;
    /** Or: the first piece of an encrypted flight has so many bytes, the second one the rest. */
    size_t first;
    /** Changes the messages of a flight before they are cut; NULL = leaves them. */
    void (*change)(struct record_editor *editor, struct scripted_bytes *messages);
};

/** Before the peer sends anything. */
void record_editor_init(struct record_editor *editor, struct ssl_peer *peer,
                        struct scripted_layer *wire);
void record_editor_done(struct record_editor *editor);

/** One record of the editor's own, as the peer would make it at this time. */
void record_editor_send(struct record_editor *editor, int type, const void *data, size_t len);
/** The same with a handshake message around the data. */
void record_editor_message(struct record_editor *editor, int message_type, const void *data,
                           size_t len);

/** A KeyUpdate of the editor's own, behind which its records have the next key. */
void record_editor_key_update(struct record_editor *editor, int request);

/** Makes the chain that a context shows longer by so many bytes at least, by certificates that
 * nobody needs. */
void record_chain_lengthen(SSL_CTX *context, size_t bytes);

/** How long the handshake message at `data` is, with its header. */
size_t record_message_length(const uint8_t *data);
/** The message of a type in a flight, or NULL. */
uint8_t *record_message_find(struct scripted_bytes *messages, int message_type);

#endif

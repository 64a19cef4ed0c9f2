/* SPDX-License-Identifier: Apache-2.0 */
/** @file The layer's own state, for the files of this folder. */
#ifndef LEATI_TLS_TLS_LAYER_H
#define LEATI_TLS_TLS_LAYER_H

#include "tls/bio.h"
#include "tls/buffers.h"
#include "tls/mends/mends.h"
#include "tls/objection.h"
#include "tls/tls.h"
#include "tls/verify.h"

#include <mbedtls/ssl.h>

struct leati_tls_layer {
    struct leati_layer base; /* first */
    struct leati_tls_credentials *credentials;
    struct leati_tls_sessions *sessions; /* NULL = no resumption */
    char *server_name;                   /* without its final dot; NULL at a server */
    char *session_key;                   /* NULL = no resumption */
    int64_t session_until_s; /* how long what the peer gives out may be offered, by time() */
    uint32_t timeout_ms;
    uint32_t close_timeout_ms;
    int key_log_fd; /* -1 = no key log, or the handshake is over */
    bool is_server;
    bool verify; /* nothing is open without a verified certificate of the peer */
    bool keep_peer_certificate;
    bool session_offered;
    bool certificate_due; /* the server had to send its certificate: nothing was resumed */
    bool peer_closed;     /* the peer's close_notify is here */
    bool close_notify_sent;
    const mbedtls_x509_crt *own_cert; /* that the handshake has chosen; of the credentials */
    bool was_open;                    /* the handshake is done, whatever came then */
    uint16_t group;                   /* of the key exchange; known only with a trace, 0 = not */
    uint16_t signature;
    uint16_t start_len;       /* of the first data: how many bytes were sent in short records */
    unsigned empty_records;   /* of data, in a row */
    unsigned key_updates;     /* of the peer, without data in between */
    unsigned own_key_updates; /* the same of ours */
    uint64_t key_records_max; /* how many records our key encrypts; 0 = as its cipher may */
    bool drained;             /* the last recv found nothing: not pending, whatever mbedTLS keeps */
    /** Bytes of the caller's next send that are encrypted already: their record waits in `bio`, or
     * was early data. */
    size_t encrypted_len;
    const uint8_t *early_data; /* NULL = none, or the handshake is over */
    size_t early_data_len;
    size_t early_data_sent; /* and not known to be refused */
    struct leati_tls_verifier verifier;
    struct leati_tls_objector objector;
    mbedtls_ssl_context ssl;
    struct leati_tls_buffers buffers;
    struct leati_tls_mends mends;
    struct leati_tls_bio bio;
};

extern const struct leati_layer_ops leati_tls_layer_ops;

/** Who is at the other end, for texts: "server", "client". */
const char *leati_tls_peer_name(const struct leati_tls_layer *tls);

/** Frees what leati_tls_layer_new() made; also a half-built one. */
void leati_tls_layer_free(struct leati_tls_layer *tls);

#endif

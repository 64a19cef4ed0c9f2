/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The bytes between mbedTLS and the lower layer.
 *
 * mbedTLS never hears "would block" when it writes: what the lower layer does not take waits in a
 * queue here, and the layer says LEATI_AGAIN upwards until the queue is empty. A write that mbedTLS
 * has seen refused must be repeated with the same arguments, and up to 3.6 a session ticket that is
 * processed in between makes mbedTLS send the same data twice; neither can happen this way.
 */
#ifndef LEATI_TLS_BIO_H
#define LEATI_TLS_BIO_H

#include "core/layer.h"
#include "util/byte_queue.h"

#include <mbedtls/ssl.h>

/** The longest queue of a handshake: a client's flight with four full records. */
#define LEATI_TLS_FLIGHT_LIMIT_BYTES (5u * 16384u)

/** How many records of data leave with one write of the lower layer. */
#define LEATI_TLS_BATCH_RECORDS 5

/** The longest queue once it is over: a batch of data. More waits only if a peer provokes
 * answers (renegotiation requests) and does not read them. */
#define LEATI_TLS_OUTPUT_LIMIT_BYTES ((LEATI_TLS_BATCH_RECORDS + 1) * 16640u)

/** How much the peer may send that comes to nothing: neither data nor the next step of the handshake.
 * Much more than the longest message takes in records of one byte each, and an end to records that
 * mbedTLS drops by itself, which otherwise would keep the loop from everybody else. */
#define LEATI_TLS_IDLE_LIMIT_BYTES 2097152u

/** Of the peer's first bytes: enough for a record header. */
#define LEATI_TLS_GREETING_BYTES 5u

/** Records of data that are to leave together; each is in a buffer of mbedTLS of its own. */
struct leati_tls_batch {
    struct iovec records[LEATI_TLS_BATCH_RECORDS];
    size_t data_len[LEATI_TLS_BATCH_RECORDS]; /**< what the caller's bytes in it are */
    unsigned count;
    bool is_open; /**< what is written now may stay in the present buffer: nothing follows in it */
    bool is_queued; /**< all went to the queue, as something else did in between */
};

struct leati_tls_bio {
    struct leati_layer *tls; /**< whose lower layer it is */
    /** What the lower layer said last: LEAT_OK, LEATI_AGAIN, LEATI_EOF or its failure. */
    int lower_result;
    bool gather;     /**< queue everything: a flight of the handshake leaves in one write */
    bool overflow;   /**< the queue's limit was reached */
    bool alert_sent; /**< in this call of mbedTLS, in a record that says so; those of TLS 1.3 do not
                      */
    int plain_alert; /**< description of the last alert sent in the clear, -1 = none */
    bool blocked;    /**< the lower layer did not take everything that it was given last */
    struct leati_tls_batch *batch; /**< NULL = none is being made */
    struct leati_byte_queue output;
    uint8_t greeting[LEATI_TLS_GREETING_BYTES];
    uint8_t greeting_len;
    uint32_t idle_len; /**< bytes of the peer since leati_tls_bio_got_somewhere() */
    /** Where one read of the lower layer puts as much as there is: mbedTLS' own buffer for a record,
     * or another one. NULL = at rest, or none: then it reads what it is asked for. */
    uint8_t *window;
    uint32_t window_len;
    uint32_t used;      /**< of the window, since it is here: whoever takes it away wipes so much */
    uint32_t ahead_len; /**< bytes that mbedTLS has not asked for yet, */
    uint8_t *ahead;     /**< here */
};

void leati_tls_bio_init(struct leati_tls_bio *bio, struct leati_layer *tls);
void leati_tls_bio_done(struct leati_tls_bio *bio);

/** The callbacks for mbedtls_ssl_set_bio(); `bio` is a struct leati_tls_bio. */
int leati_tls_bio_recv(void *bio, unsigned char *buf, size_t len);
int leati_tls_bio_send(void *bio, const unsigned char *buf, size_t len);

/** Gives it another window; nothing may be in the one before. What is in a window that mbedTLS reads
 * its records in, too, lies behind the record that it has, or where mbedTLS wants it: mbedTLS keeps
 * no more bytes than it has asked for. */
void leati_tls_bio_set_window(struct leati_tls_bio *bio, uint8_t *window, size_t len);

/** What mbedTLS writes from now on is of `batch`, which is empty. */
void leati_tls_bio_begin_batch(struct leati_tls_bio *bio, struct leati_tls_batch *batch);
/** Writes the batch; what the lower layer does not take goes to the queue. `*ret_sent`: how much of
 * the data is in records that have left. Returns 0, or the code of mbedTLS. */
int leati_tls_bio_end_batch(struct leati_tls_bio *bio, size_t *ret_sent);

/** Writes what waits. LEAT_OK: nothing waits any more; LEATI_AGAIN; or the lower layer's failure.
 */
int leati_tls_bio_flush(struct leati_tls_bio *bio);

/** Whether bytes of the peer are here that mbedTLS has not taken yet. */
bool leati_tls_bio_has_input(const struct leati_tls_bio *bio);
bool leati_tls_bio_has_output(const struct leati_tls_bio *bio);

/** What was read has come to something. */
void leati_tls_bio_got_somewhere(struct leati_tls_bio *bio);
/** Whether reading has ended by LEATI_TLS_IDLE_LIMIT_BYTES. */
bool leati_tls_bio_is_flooded(const struct leati_tls_bio *bio);

/** Whether the peer's first bytes can begin a TLS record (true before any have come). */
bool leati_tls_bio_speaks_tls(const struct leati_tls_bio *bio);

#endif

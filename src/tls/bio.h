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

/** One read of the lower layer fetches the header and the body of small records together. Larger
 * bodies go straight into mbedTLS's buffer. */
#define LEATI_TLS_READ_AHEAD_BYTES 2048u

/** The longest queue of a handshake: a client's flight with four full records. */
#define LEATI_TLS_FLIGHT_LIMIT_BYTES (5u * 16384u)

/** The longest queue once it is over: one record of data. More waits only if a peer provokes
 * answers (renegotiation requests) and does not read them. */
#define LEATI_TLS_OUTPUT_LIMIT_BYTES (2u * 16384u)

/** Of the peer's first bytes: enough for a record header. */
#define LEATI_TLS_GREETING_BYTES 5u

struct leati_tls_bio {
    struct leati_layer *tls; /**< whose lower layer it is */
    /** What the lower layer said last: LEAT_OK, LEATI_AGAIN, LEATI_EOF or its failure. */
    int lower_result;
    bool gather;      /**< queue everything: a flight of the handshake leaves in one write */
    bool overflow;    /**< the queue's limit was reached */
    size_t asked_max; /**< the most that mbedTLS has asked for at once: it is set back by whoever
                         wipes */
    bool alert_sent; /**< in this call of mbedTLS, in a record that says so; those of TLS 1.3 do not
                      */
    int plain_alert; /**< description of the last alert sent in the clear, -1 = none */
    struct leati_byte_queue output;
    uint8_t greeting[LEATI_TLS_GREETING_BYTES];
    uint8_t greeting_len;
    uint16_t ahead_pos, ahead_len;
    uint8_t *ahead; /**< NULL = at rest, or no memory: then it reads what it is asked for */
};

void leati_tls_bio_init(struct leati_tls_bio *bio, struct leati_layer *tls);
void leati_tls_bio_done(struct leati_tls_bio *bio);

/** The callbacks for mbedtls_ssl_set_bio(); `bio` is a struct leati_tls_bio. */
int leati_tls_bio_recv(void *bio, unsigned char *buf, size_t len);
int leati_tls_bio_send(void *bio, const unsigned char *buf, size_t len);

/** Gives back what is of no use while nothing is read. */
void leati_tls_bio_rest(struct leati_tls_bio *bio);

/** Writes what waits. LEAT_OK: nothing waits any more; LEATI_AGAIN; or the lower layer's failure.
 */
int leati_tls_bio_flush(struct leati_tls_bio *bio);

/** Whether bytes of the peer are here that mbedTLS has not taken yet. */
bool leati_tls_bio_has_input(const struct leati_tls_bio *bio);
bool leati_tls_bio_has_output(const struct leati_tls_bio *bio);

/** Whether the peer's first bytes can begin a TLS record (true before any have come). */
bool leati_tls_bio_speaks_tls(const struct leati_tls_bio *bio);

#endif

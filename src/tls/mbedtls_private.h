/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS' public functions do not tell: the only file that knows its private fields, which
 * another release may lay out otherwise. (src/tls/crypto replaces parts of mbedTLS, and so has
 * their types.)
 */
#ifndef LEATI_TLS_MBEDTLS_PRIVATE_H
#define LEATI_TLS_MBEDTLS_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/sha512.h>
#include <mbedtls/ssl.h>

/** The handshake message that is awaited or sent now: "ServerHello". Static. */
const char *leati_mbedtls_step_name(const mbedtls_ssl_context *ssl);
/** Whether nothing of the handshake is left to do or, at a server, to send (session tickets of TLS
 * 1.3 come behind it). */
bool leati_mbedtls_handshake_is_over(const mbedtls_ssl_context *ssl);
/** Behind its Finished a server writes with the keys of the application data (RFC 8446
 * section 7.3); mbedTLS 3.6.6 sends its alerts about the client's answer still with those of the
 * handshake, which no client can read. To be called before each step. */
void leati_mbedtls_fix_alert_keys(mbedtls_ssl_context *ssl);
/** The peer's own certificate while the handshake is going on; NULL: there is none. */
const mbedtls_x509_crt *leati_mbedtls_shown_certificate(const mbedtls_ssl_context *ssl);
/** Where the handshake is: MBEDTLS_SSL_SERVER_HELLO and so on. */
int leati_mbedtls_state(const mbedtls_ssl_context *ssl);
/** The handshake message that was read last, until the next one is: its type and its body. 0 =
 * there is none. */
uint8_t leati_mbedtls_handshake_message(const mbedtls_ssl_context *ssl, const uint8_t **ret_body,
                                        size_t *ret_len);
/** How many records of data came empty since the last time, which are forgotten with that. */
unsigned leati_mbedtls_empty_records(mbedtls_ssl_context *ssl);
/** How long the last record says that it is, without its header. */
size_t leati_mbedtls_record_length(const mbedtls_ssl_context *ssl);
/** Drops the ticket of the session, once it is kept elsewhere or not to be kept. */
void leati_mbedtls_forget_ticket(mbedtls_ssl_context *ssl);
/** How long the ticket of a session is; 0 = it has none. */
size_t leati_mbedtls_ticket_length(const mbedtls_ssl_session *session);
/** Whether the server's Certificate message is due: the handshake is a full one. */
bool leati_mbedtls_certificate_due(const mbedtls_ssl_context *ssl);
/** The description of the fatal alert after MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE. */
uint8_t leati_mbedtls_received_alert(const mbedtls_ssl_context *ssl);
/** Whether `ret` is the failure to decrypt what is an alert in the clear, and its description. A
 * client of TLS 1.3 that does not like the server's certificate may have no key yet to encrypt its
 * alert with; OpenSSL is one. Such an alert is not authenticated: it only tells what happened.
 */
bool leati_mbedtls_refused_plain_alert(const mbedtls_ssl_context *ssl, int ret,
                                       uint8_t *ret_description);
/** Whether `ret` is the failure of an alert to fit in: a fatal one in the middle of a handshake
 * message, and its description. */
bool leati_mbedtls_refused_alert(const mbedtls_ssl_context *ssl, int ret, uint8_t *ret_description);
/** The description of the alert that mbedTLS has sent for the failure `ret`, -1 = not known. */
int leati_mbedtls_sent_alert(const mbedtls_ssl_context *ssl, int ret);
/** A handshake message, until the next one is read. */
struct leati_mbedtls_message {
    const uint8_t *body;
    size_t len;
    bool is_last; /**< nothing is behind it in its record */
};

/** Whether the message that mbedTLS has just refused is a KeyUpdate (RFC 8446 section 4.6.3). */
bool leati_mbedtls_refused_key_update(const mbedtls_ssl_context *ssl,
                                      struct leati_mbedtls_message *ret_message);
/** How many records were written with the present key. */
uint64_t leati_mbedtls_records_written(const mbedtls_ssl_context *ssl);

/** Whether `ret` is how mbedTLS 3.6.6 refuses a TLS 1.2 server that signs with RSA-PSS, although
 * RFC 8446 section 4.2.3 allows that to whom TLS 1.3 was offered (mbedTLS issue 10668; later
 * releases do not). */
bool leati_mbedtls_refused_signature(const mbedtls_ssl_context *ssl, int ret);

/** Behind the handshake: frees what only the handshake needed. mbedTLS does it by itself in
 * TLS 1.2; in TLS 1.3 it keeps all of it, as a ticket may come, for which an empty structure will do:
 * one is made when a message comes, but with the system's mbedTLS a client keeps one. With
 * `and_peer_certificate` also the peer's chain, of which mbedTLS has a copy in each session. */
void leati_mbedtls_forget_handshake(mbedtls_ssl_context *ssl, bool and_peer_certificate);
/** What a message behind the handshake was given, when all that has come is read. */
void leati_mbedtls_forget_ticket_handshake(mbedtls_ssl_context *ssl);

/* ---- its two record buffers, see buffers.h --------------------------------------------------- */

/** Each buffer begins with the number of a record, as long as this; then comes the record. */
#define LEATI_MBEDTLS_COUNTER_BYTES 8u
/** Type, version and length (RFC 8446 section 5.1). */
#define LEATI_MBEDTLS_HEADER_BYTES 5u

/** Whether nothing of a record is in the buffers. */
bool leati_mbedtls_buffers_are_idle(const mbedtls_ssl_context *ssl);
/** Takes the buffers away, with where the data of a record to be sent begin; it depends on the
 * cipher. */
void leati_mbedtls_buffers_take(mbedtls_ssl_context *ssl, uint8_t **ret_in, uint8_t **ret_out,
                                size_t *ret_out_data);
/** Gives it buffers in the place of those that were taken. */
void leati_mbedtls_buffers_give(mbedtls_ssl_context *ssl, uint8_t *in, uint8_t *out,
                                size_t out_data);

/** Gives it another buffer for what is written, when nothing waits in the one that it has. Returns
 * that one. */
uint8_t *leati_mbedtls_out_exchange(mbedtls_ssl_context *ssl, uint8_t *out);

/** Lets a digest that has not begun begin elsewhere: SHA-512/256. */
void leati_mbedtls_sha512_set_start(mbedtls_sha512_context *context, const uint64_t start[8]);

/** Why mbedTLS does not take the certificate, which the peer sent or which is trusted, for the issuer of one at `depth`, if its
 * name and key are right. NULL: it would. Static. */
const char *leati_mbedtls_issuer_problem(const mbedtls_x509_crt *issuer, bool is_sent, int depth);

#endif

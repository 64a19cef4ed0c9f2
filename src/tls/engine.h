/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS needs once in the process, and the few things that its public functions do not tell.
 */
#ifndef LEATI_TLS_ENGINE_H
#define LEATI_TLS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/ssl.h>

/** Gives mbedTLS our allocator and starts PSA. Cheap when it is done already; a failure (no memory)
 * is tried again by the next call. Returns LEAT_OK or the mbedTLS code of why not. @thread any. */
int leati_tls_engine_start(void);

/** Marks the start of a call into mbedTLS. mbedTLS does not always say that it ran out of memory (a
 * signature that could not be checked is "not trusted"), so the allocator remembers it. */
void leati_tls_engine_enter(void);
/** Whether an allocation of this thread has failed since leati_tls_engine_enter(). */
bool leati_tls_engine_out_of_memory(void);

/** The handshake message that is awaited or sent now: "ServerHello". Static. */
const char *leati_tls_engine_step_name(const mbedtls_ssl_context *ssl);
/** Whether nothing of the handshake is left to do or, at a server, to send (session tickets of TLS
 * 1.3 come behind it). */
bool leati_tls_engine_handshake_is_over(const mbedtls_ssl_context *ssl);
/** Behind its Finished a server writes with the keys of the application data (RFC 8446
 * section 7.3); mbedTLS 3.6.6 sends its alerts about the client's answer still with those of the
 * handshake, which no client can read. To be called before each step. */
void leati_tls_engine_fix_alert_keys(mbedtls_ssl_context *ssl);
/** Where the handshake is: MBEDTLS_SSL_SERVER_HELLO and so on. */
int leati_tls_engine_state(const mbedtls_ssl_context *ssl);
/** The handshake message that was read last, until the next one is: its type and its body. 0 =
 * there is none. */
uint8_t leati_tls_engine_handshake_message(const mbedtls_ssl_context *ssl, const uint8_t **ret_body,
                                           size_t *ret_len);
/** Whether the server's Certificate message is due: the handshake is a full one. */
bool leati_tls_engine_certificate_due(const mbedtls_ssl_context *ssl);
/** The description of the fatal alert after MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE. */
uint8_t leati_tls_engine_received_alert(const mbedtls_ssl_context *ssl);
/** Whether `ret` is the failure to decrypt what is an alert in the clear, and its description. A
 * client of TLS 1.3 that does not like the server's certificate may have no key yet to encrypt its
 * alert with; OpenSSL is one. Nobody has authenticated such an alert: it only tells what happened.
 */
bool leati_tls_engine_refused_plain_alert(const mbedtls_ssl_context *ssl, int ret,
                                          uint8_t *ret_description);
/** The description of the alert that mbedTLS has sent for the failure `ret`, -1 = not known. */
int leati_tls_engine_sent_alert(const mbedtls_ssl_context *ssl, int ret);
/** Whether the message that mbedTLS has just refused is a KeyUpdate (RFC 8446 section 4.6.3). */
bool leati_tls_engine_refused_key_update(const mbedtls_ssl_context *ssl);

/** Whether `ret` is how mbedTLS 3.6.6 refuses a TLS 1.2 server that signs with RSA-PSS, although
 * RFC 8446 section 4.2.3 allows that to whom TLS 1.3 was offered (mbedTLS issue 10668; later
 * releases do not). */
bool leati_tls_engine_refused_signature(const mbedtls_ssl_context *ssl, int ret);

/** Behind the handshake: frees what only the handshake needed. mbedTLS does it by itself in
 * TLS 1.2; in TLS 1.3 it keeps all of it, as a ticket may come, for which the empty structure will
 * do. With `and_peer_certificate` also the peer's chain, of which mbedTLS has a copy in each
 * session. */
void leati_tls_engine_forget_handshake(mbedtls_ssl_context *ssl, bool and_peer_certificate);

/** What mbedTLS says about one of its codes, without a prefix. Never NULL. */
const char *leati_tls_engine_error_text(int code);

#endif

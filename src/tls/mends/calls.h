/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS calls here instead of its own: docs/decisions/0005-mends-of-mbedtls.md. Read first
 * by those of its files that call (cmake/mbedtls_mends.cmake), behind the header whose names it
 * changes, so that definitions keep theirs; and by ours. script/lib/mbedtls.sh checks that each
 * call is there, for which a block is for one file.
 */
#ifndef LEATI_TLS_MENDS_CALLS_H
#define LEATI_TLS_MENDS_CALLS_H

#include <ssl_misc.h>

/* ---- hello.c --------------------------------------------------------------------------------- */

int leati_mend_start_handshake_msg(mbedtls_ssl_context *ssl, unsigned char type,
                                   unsigned char **buf, size_t *buf_len);
int leati_mend_tls12_write_client_hello_exts(mbedtls_ssl_context *ssl, unsigned char *buf,
                                             const unsigned char *end, int uses_ec,
                                             size_t *out_len);
int leati_mend_add_hs_msg_to_checksum(mbedtls_ssl_context *ssl, unsigned type,
                                      unsigned char const *msg, size_t msg_len);
int leati_mend_tls13_check_received_extension(mbedtls_ssl_context *ssl, int msg_type,
                                              unsigned int extension, uint32_t allowed);
int leati_mend_reset_transcript_for_hrr(mbedtls_ssl_context *ssl);
int leati_mend_tls13_write_xxdh_key_exchange(mbedtls_ssl_context *ssl, uint16_t group,
                                             unsigned char *buf, unsigned char *end,
                                             size_t *out_len);

/* ---- signatures.c ---------------------------------------------------------------------------- */

int leati_mend_sig_alg_is_supported(const mbedtls_ssl_context *ssl, uint16_t algorithm);

/* ---- tickets.c ------------------------------------------------------------------------------- */

int leati_mend_tls13_fetch_handshake_msg(mbedtls_ssl_context *ssl, unsigned type,
                                         unsigned char **buf, size_t *buf_len);

/* ---- certificates.c -------------------------------------------------------------------------- */

int leati_mend_x509_crt_parse_der(mbedtls_x509_crt *chain, const unsigned char *buf,
                                  size_t buf_len);
int leati_mend_x509_crt_verify(mbedtls_x509_crt *chain, mbedtls_x509_crt *trusted,
                               mbedtls_x509_crl *crls, const mbedtls_x509_crt_profile *profile,
                               const char *name, uint32_t *flags,
                               int (*f_vrfy)(void *, mbedtls_x509_crt *, int, uint32_t *),
                               void *p_vrfy, mbedtls_x509_crt_restart_ctx *restart);

/* ---- who calls what -------------------------------------------------------------------------- */

#ifdef LEATI_MENDS_ssl_client
#define mbedtls_ssl_start_handshake_msg           leati_mend_start_handshake_msg
#define mbedtls_ssl_tls12_write_client_hello_exts leati_mend_tls12_write_client_hello_exts
#endif

#ifdef LEATI_MENDS_ssl_tls13_client
#define mbedtls_ssl_add_hs_msg_to_checksum         leati_mend_add_hs_msg_to_checksum
#define mbedtls_ssl_tls13_check_received_extension leati_mend_tls13_check_received_extension
#define mbedtls_ssl_reset_transcript_for_hrr       leati_mend_reset_transcript_for_hrr
#define mbedtls_ssl_tls13_generate_and_write_xxdh_key_exchange                                     \
    leati_mend_tls13_write_xxdh_key_exchange
#define mbedtls_ssl_tls13_fetch_handshake_msg leati_mend_tls13_fetch_handshake_msg
#endif

#ifdef LEATI_MENDS_ssl_tls12_client
#define mbedtls_ssl_sig_alg_is_supported leati_mend_sig_alg_is_supported
#endif

#ifdef LEATI_MENDS_ssl_tls
#define mbedtls_ssl_sig_alg_is_supported    leati_mend_sig_alg_is_supported
#define mbedtls_x509_crt_parse_der          leati_mend_x509_crt_parse_der
#define mbedtls_x509_crt_verify_restartable leati_mend_x509_crt_verify
#endif

#ifdef LEATI_MENDS_ssl_tls13_generic
#define mbedtls_x509_crt_parse_der leati_mend_x509_crt_parse_der
#endif

/* It is called in the file that defines it: its own definition is made weak, ours (messages.c) is
 * not. */
#ifdef LEATI_MENDS_ssl_msg
__attribute__((weak)) int mbedtls_ssl_prepare_handshake_record(mbedtls_ssl_context *ssl);
#endif

#endif

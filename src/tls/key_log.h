/* SPDX-License-Identifier: Apache-2.0 */
/** @file Secrets of a connection in the format of SSLKEYLOGFILE (RFC 9850). */
#ifndef LEATI_TLS_KEY_LOG_H
#define LEATI_TLS_KEY_LOG_H

#include <mbedtls/ssl.h>

/** Opens for appending, made with mode 0600. Returns the descriptor, or -1 with errno set. */
int leati_tls_key_log_open(const char *path);

/** Appends one line with one write, so that lines of several processes do not mix. Kinds of secrets
 * that the format has no label for are left out. A line that cannot be written is lost. */
void leati_tls_key_log_append(int fd, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                              size_t secret_len, const unsigned char client_random[32]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** @file Whole files: certificates and keys. */
#ifndef LEATI_TLS_FILE_H
#define LEATI_TLS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/** A bundle of all the world's CAs has 250 KB. */
#define LEATI_TLS_FILE_LIMIT_BYTES (16u * 1024u * 1024u)

struct leati_tls_file {
    uint8_t *data; /**< followed by a NUL that `len` does not count */
    size_t len;
    size_t capacity; /**< 0 = borrowed */
};

/** Opens what is to be read whole, and never waits for it: a FIFO or a socket is refused with
 * EINVAL, because no loop can wait for who writes to it. @return a descriptor, or -1 with errno. */
int leati_tls_file_open(const char *path);
/** What an errno of these functions says to the user. */
const char *leati_tls_file_reason(int sys_errno);
/** Reads all of an open descriptor. Returns 0 or an errno (EFBIG above the limit); `ret_file` is
 * for leati_tls_file_done(). */
int leati_tls_file_read_fd(int fd, struct leati_tls_file *ret_file);
/** The same by path. */
int leati_tls_file_read(const char *path, struct leati_tls_file *ret_file);
/** A text that is there already, borrowed, as if it had been read; done() need not be called. */
struct leati_tls_file leati_tls_file_of_text(const char *text);
/** Wipes and frees: it may have been a key. */
void leati_tls_file_done(struct leati_tls_file *file);

/** How much of it mbedTLS's parsers want to see: PEM with the final NUL, DER without. */
size_t leati_tls_file_parse_len(const struct leati_tls_file *file);

#endif

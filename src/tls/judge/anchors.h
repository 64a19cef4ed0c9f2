/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Who is trusted: certificates of CAs, decoded when a chain asks for their name. Of a large file
 * only where each certificate stands is kept, of a directory with names by hash nothing.
 */
#ifndef LEATI_TLS_JUDGE_ANCHORS_H
#define LEATI_TLS_JUDGE_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** May be used by several threads at once, once all is added. */
struct leati_anchors;

/** What became of a text. */
struct leati_anchors_added {
    size_t good;
    size_t bad;      /**< could not be read, and were left out */
    const char *why; /**< the last bad one, in libcrypto's words; static, never NULL */
};

/** NULL: no memory. */
struct leati_anchors *leati_anchors_new(void);
void leati_anchors_free(struct leati_anchors *anchors); /**< NULL is allowed */

/** Adds the certificates of a text: PEM with any number of them, or DER with one.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
int leati_anchors_add(struct leati_anchors *anchors, const uint8_t *text, size_t len,
                      struct leati_anchors_added *ret_added);

/** The same for a large file, whose text is in `text` and will be read again from `fd`, which is
 * taken over if this succeeds. At most one for each. If the file has changed by then it is looked
 * through again; `path` is for the case that the program has closed the descriptor. */
int leati_anchors_add_file(struct leati_anchors *anchors, int fd, const char *path,
                           const uint8_t *text, size_t len, struct leati_anchors_added *ret_added);
/** Texts of at least this length are worth it. */
#define LEATI_ANCHORS_LARGE_BYTES 65536u

/** Adds a directory whose certificates are named by the hash of their subject (`openssl rehash`):
 * "5ad8a5d6.0". Takes over `dir_fd` if this succeeds. Only where nothing else was added, and
 * one. What is read of it is read again if the directory changes; `path` is for the case that the
 * program has closed the descriptor. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
int leati_anchors_add_directory(struct leati_anchors *anchors, int dir_fd, const char *path);

/** Revocation lists. */
struct leati_crls;

/** Adds the lists of a PEM text to `*crls`, which is made if it is NULL.
 * @return LEAT_OK; LEAT_E_TLS_VERIFY: one cannot be read, or there is none: `ret_why`, static;
 *         LEAT_E_SYSTEM_INTERNAL. */
int leati_crls_add(struct leati_crls **crls, const char *text, const char **ret_why);
void leati_crls_free(struct leati_crls *crls); /**< NULL is allowed */

#endif

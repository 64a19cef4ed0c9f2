/* SPDX-License-Identifier: Apache-2.0 */
/** @file Vectors as they are printed. */
#ifndef LEAT_TEST_TLS_CRYPTO_HEX_H
#define LEAT_TEST_TLS_CRYPTO_HEX_H

#include <stddef.h>
#include <stdint.h>

/** Fails the test when `hex` has another length or is none. */
void hex_read(const char *hex, uint8_t *ret_bytes, size_t len);
/** As many bytes as there are, at most `cap`. */
size_t hex_read_some(const char *hex, uint8_t *ret_bytes, size_t cap);

/** A generator for those who need one but whose answer does not depend on it. */
int hex_rng(void *user, unsigned char *out, size_t len);

#endif

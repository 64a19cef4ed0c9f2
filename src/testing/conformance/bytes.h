/* SPDX-License-Identifier: Apache-2.0 */
/** @file Bytes that grow. */
#ifndef LEATI_TESTING_CONFORMANCE_BYTES_H
#define LEATI_TESTING_CONFORMANCE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All zero at its start. */
struct leati_bytes {
    uint8_t *data;
    size_t len, cap;
    bool failed; /**< there was no memory: they are not whole */
};

void leati_bytes_add(struct leati_bytes *bytes, const void *data, size_t len);
void leati_bytes_text(struct leati_bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Forgets the first ones. */
void leati_bytes_consume(struct leati_bytes *bytes, size_t len);
bool leati_bytes_equal(const struct leati_bytes *a, const struct leati_bytes *b);
void leati_bytes_done(struct leati_bytes *bytes);

#endif

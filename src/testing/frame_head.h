/* SPDX-License-Identifier: Apache-2.0 */
/** @file The header of a WebSocket frame (RFC 6455 section 5.2), also of one that no one may send. */
#ifndef LEATI_TESTING_FRAME_HEAD_H
#define LEATI_TESTING_FRAME_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum leati_frame_form {
    LEATI_FRAME_SHORTEST,
    LEATI_FRAME_7,
    LEATI_FRAME_16,
    LEATI_FRAME_64,
};

struct leati_frame_head {
    uint8_t first_byte; /**< FIN, reserved bits, opcode */
    bool masked;
    enum leati_frame_form form; /**< of the length */
    uint64_t len;               /**< that is announced */
};

enum { LEATI_FRAME_HEAD_MAX_BYTES = 14 };

/** Writes it, the key of a masked one too. @return how many bytes, 2 to 14. */
size_t leati_frame_head_write(const struct leati_frame_head *head,
                              uint8_t ret_bytes[LEATI_FRAME_HEAD_MAX_BYTES]);
/** With the key of all frames that are masked. */
void leati_frame_mask(uint8_t *payload, size_t len);

#endif

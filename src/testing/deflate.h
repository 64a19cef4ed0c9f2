/* SPDX-License-Identifier: Apache-2.0 */
/** @file permessage-deflate (RFC 7692) of the WebSocket server, without context takeover. */
#ifndef LEATI_TESTING_DEFLATE_H
#define LEATI_TESTING_DEFLATE_H

#include "testing/peer.h"

/** Takes the first offer that it can. @return the bits of the window to compress with, 0 = none.
 * `ret_line` is the line of the 101, with its CRLF. */
unsigned leati_deflate_accept(const char *offers, char *ret_line, size_t cap);
/** A message without and with compression; to be freed with leati_free(). NULL: it is none, it is
 * longer than `max`, or there is no memory. */
uint8_t *leati_deflate_message(const void *data, size_t len, unsigned window_bits, size_t *ret_len);
uint8_t *leati_inflate_message(const void *data, size_t len, size_t max, size_t *ret_len);

#endif

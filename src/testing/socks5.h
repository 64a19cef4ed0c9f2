/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the two commands of the SOCKS5 proxy share.
 */
#ifndef LEATI_TESTING_SOCKS5_H
#define LEATI_TESTING_SOCKS5_H

#include "testing/peer.h"

#include <sys/socket.h>

/** ATYP, address and port. @return how many bytes. */
size_t leati_testing_socks5_address_write(const struct sockaddr_storage *address,
                                          uint8_t ret_bytes[19]);
/** The step `reply` with its answer; `bound` may be NULL for a refusal. */
bool leati_testing_socks5_reply(struct leati_peer *p, unsigned rep,
                                const struct sockaddr_storage *bound);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The limits of the servers that are not in leat/testing.h.
 */
#ifndef LEATI_TESTING_LIMITS_H
#define LEATI_TESTING_LIMITS_H

/** What is read from a socket at a time. */
#define LEATI_TESTING_READ_BYTES 65536u
/** Plaintext of one TLS record (RFC 8446 section 5.1), and room for the records that carry it. */
#define LEATI_TESTING_PLAIN_BYTES 16384u
#define LEATI_TESTING_WIRE_BYTES  32768u
/** The longest UDP datagram, with its SOCKS5 header. */
#define LEATI_TESTING_DATAGRAM_BYTES 65535u
/** Different labels in the scripts of one server. */
#define LEATI_TESTING_LABELS_MAX 64
/** Addresses of one name that a proxy tries, and how long it tries each. */
#define LEATI_TESTING_ADDRESSES_MAX 8
#define LEATI_TESTING_DIAL_MS       10000
/** How long a server that has no descriptor for a client waits before it tries again. */
#define LEATI_TESTING_ACCEPT_RETRY_MS 10
/** How long a RST waits for a client that does not take what was sent before it. */
#define LEATI_TESTING_DELIVERY_MS 1000
/** The text of one event. */
#define LEATI_TESTING_TEXT_SIZE 384
/** Ports that a server of TCP and UDP tries. */
#define LEATI_TESTING_PORT_ATTEMPTS 16
/** Clients that the kernel keeps waiting. */
#define LEATI_TESTING_BACKLOG 128

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What passes a connection, as packets of a file: io.c, relay.c and tls.c tell it. Every function does
 * nothing where the server has no capture.
 */
#ifndef LEATI_TESTING_CAPTURE_H
#define LEATI_TESTING_CAPTURE_H

#include <leat/testing_capture.h>
#include <sys/socket.h>

struct leati_peer;

/** One connection in the file. Index 0 is from the client, 1 to the client. */
struct leati_capture_flow {
    leat_testing_capture *capture; /**< NULL = not captured */
    uint8_t addresses[2][16];      /**< of client and server; IPv4 in the first four */
    uint16_t ports[2];
    bool is_v6;
    uint32_t next[2]; /**< sequence numbers */
    bool has_ended[2];
    bool is_holding;
    uint8_t *held; /**< blocks that wait for the secrets in front of them */
    size_t held_len, held_count;
    char comment[512]; /**< of the next packet */
};

/** A client has connected: `p->fd` is its socket still. */
void leati_capture_begin(struct leati_peer *p);
/** Bytes that have moved. */
void leati_capture_bytes(struct leati_peer *p, bool to_client, const void *data, size_t len);
/** One side has ended, with a FIN or a RST. The first of them counts. */
void leati_capture_end(struct leati_peer *p, bool to_client, bool is_reset);
/** A step is reached. */
void leati_capture_step(struct leati_peer *p, const char *step, const char *text);
/** Keeps what comes from the client until the server speaks or this is called with false: readers
 * want secrets before the bytes that they open. */
void leati_capture_hold(struct leati_peer *p, bool is_holding);
/** A line of the format of SSLKEYLOGFILE, without its end. */
void leati_capture_secret(struct leati_peer *p, const char *line);
void leati_capture_done(struct leati_peer *p);

#endif

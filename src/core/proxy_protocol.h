/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The PROXY protocol, versions 1 and 2: the header in front of a connection that says whose it is,
 * for whoever stands behind a proxy. Written by clients and read by servers; no I/O, no memory.
 *
 * The paper is proxy-protocol.txt of HAProxy; sections below are its.
 */
#ifndef LEATI_CORE_PROXY_PROTOCOL_H
#define LEATI_CORE_PROXY_PROTOCOL_H

#include "core/address.h"

enum leati_proxy_protocol_version {
    LEATI_PROXY_PROTOCOL_1 = 1, /**< a line of text (2.1) */
    LEATI_PROXY_PROTOCOL_2 = 2, /**< bytes (2.2) */
};

enum {
    LEATI_PROXY_PROTOCOL_1_MAX_BYTES = 107, /* 2.1, with CR and LF */
    LEATI_PROXY_PROTOCOL_2_HEAD_BYTES = 16,
    /** Of version 2 behind its head: addresses and whatever else a proxy adds; the papers allow
     * 65,535. */
    LEATI_PROXY_PROTOCOL_2_MAX_BODY_BYTES = 4096,
    /** The longest that is read. */
    LEATI_PROXY_PROTOCOL_MAX_BYTES =
        LEATI_PROXY_PROTOCOL_2_HEAD_BYTES + LEATI_PROXY_PROTOCOL_2_MAX_BODY_BYTES,
    /** The longest that is written. */
    LEATI_PROXY_PROTOCOL_WRITE_BYTES = LEATI_PROXY_PROTOCOL_1_MAX_BYTES,
};

/** What a header says. */
struct leati_proxy_protocol {
    enum leati_proxy_protocol_version version;
    /** It names nobody (UNKNOWN, LOCAL, or addresses that are not of TCP over IP): the addresses of
     * the connection itself count, and the two below are of AF_UNSPEC. */
    bool is_local;
    struct leati_address source;      /**< the client */
    struct leati_address destination; /**< whom it has connected to */
};

/** Writes the header. Where one of the addresses is IPv4 and the other IPv6 it is written as mapped
 * to IPv6; a zone is not written. @return how many bytes, at least 1. */
size_t leati_proxy_protocol_write(const struct leati_proxy_protocol *header,
                                  uint8_t buf[LEATI_PROXY_PROTOCOL_WRITE_BYTES]);

enum leati_proxy_protocol_result {
    LEATI_PROXY_PROTOCOL_MORE, /**< a beginning: read on, at most to LEATI_PROXY_PROTOCOL_MAX_BYTES */
    LEATI_PROXY_PROTOCOL_DONE,
    LEATI_PROXY_PROTOCOL_BAD,
};

/**
 * Reads a header from the beginning of a connection. It is told apart by its first bytes, which is
 * safe only for those who are known to send one (section 2): a connection without is BAD.
 *
 * @param data all that has come so far
 * @param ret_used with DONE, how many bytes the header has; those behind are the connection's
 * @param ret_reason with BAD, what is wrong with it; lives for ever
 */
enum leati_proxy_protocol_result leati_proxy_protocol_read(const uint8_t *data, size_t len,
                                                           struct leati_proxy_protocol *ret_header,
                                                           size_t *ret_used,
                                                           const char **ret_reason);

#endif

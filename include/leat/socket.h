/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the stream sockets share: their extra options, named as in the HarmonyOS Network Kit. All
 * zero (but for `size`) = the defaults. A whole set is given each time; what is to stay is taken
 * from the getter.
 */
#ifndef LEAT_SOCKET_H
#define LEAT_SOCKET_H

#include <leat/net_address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What close does with bytes that wait to be sent (SocketLinger). */
struct leat_socket_linger {
    /** false = they are sent, for as long as LEAT_PHASE_CLOSE of the configuration allows. */
    bool on;
    /** How long they may take, up to 65,535 ms; 0 = they are thrown away, and the peer gets a
     * reset. */
    uint32_t linger_ms;
};

/** What can be set of every stream socket (ExtraOptionsBase). */
struct leat_extra_options {
    /** sizeof(struct leat_extra_options) */
    size_t size;
    uint32_t receive_buffer_size; /**< bytes of SO_RCVBUF; 0 = the kernel's choice */
    uint32_t send_buffer_size;    /**< bytes of SO_SNDBUF; 0 = the kernel's choice */
    bool reuse_address;           /**< SO_REUSEADDR for bind; servers always have it */
    /** How long the peer may take nothing while bytes wait to be sent; then the connection ends
     * with LEAT_E_SOCKET_BASE + ETIMEDOUT. 0 = for ever. */
    uint32_t socket_timeout_ms;
};

/** What can be set of a TCP socket (TCPExtraOptions): the options of every stream socket, and what
 * only TCP has. */
struct leat_tcp_extra_options {
    /** sizeof(struct leat_tcp_extra_options) */
    size_t size;
    uint32_t receive_buffer_size; /**< as in struct leat_extra_options */
    uint32_t send_buffer_size;    /**< as in struct leat_extra_options */
    bool reuse_address;           /**< as in struct leat_extra_options */
    uint32_t socket_timeout_ms;   /**< as in struct leat_extra_options */
    bool keep_alive; /**< SO_KEEPALIVE, with the times of the system (net.ipv4.tcp_keepalive_*) */
    bool oob_inline; /**< SO_OOBINLINE: urgent data comes with the other data, else it is dropped */
    bool tcp_no_delay; /**< TCP_NODELAY: small data does not wait for an acknowledgement */
    struct leat_socket_linger socket_linger; /**< what close does with what waits to be sent */
    /** TCP_FASTOPEN_CONNECT (RFC 7413), for connect only: with a server that is known from before,
     * the first data leaves together with the SYN, and nothing leaves before there is data. So it
     * is not for protocols in which the server speaks first. */
    bool tcp_fast_open;
};

#ifdef __cplusplus
}
#endif

#endif

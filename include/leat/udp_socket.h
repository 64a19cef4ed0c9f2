/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * UDP: datagrams to and from anybody, straight or through a SOCKS5 proxy (RFC 1928 section 7), and
 * multicast. Named as UDPSocket and MulticastSocket of the HarmonyOS Network Kit.
 *
 *     leat_udp_socket_new > leat_udp_socket_bind > listening > send, message ... > closed
 *
 * 1. Callbacks run only from the loop's dispatch, never inside the call that caused them.
 * 2. After leat_udp_socket_bind() has returned LEAT_OK, `closed` comes exactly once and is the last
 *    callback, unless the object is freed before. After it the same object may be bound again.
 * 3. leat_udp_socket_free() and leat_udp_socket_close() are allowed in every callback.
 * 4. Data passed to a callback is borrowed until the callback returns.
 * 5. All functions belong to the thread of the loop.
 *
 * With a SOCKS5 proxy no datagram ever leaves but to its relay, and none is taken from anybody else.
 */
#ifndef LEAT_UDP_SOCKET_H
#define LEAT_UDP_SOCKET_H

#include <leat/config.h>
#include <leat/loop.h>
#include <leat/net_address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A UDP socket. Opaque. */
typedef struct leat_udp_socket leat_udp_socket;

/** What a socket tells its user. Slots may be NULL. */
struct leat_udp_socket_callbacks {
    /** sizeof(struct leat_udp_socket_callbacks) */
    size_t size;
    /** Datagrams can come: the socket is bound and, with a proxy, its relay is there. */
    void (*listening)(leat_udp_socket *udp, void *user);
    /** One datagram, `len` may be 0. Through a proxy, `remote` is whom the relay's header names. */
    void (*message)(leat_udp_socket *udp, const uint8_t *data, size_t len,
                    const struct leat_remote_info *remote, void *user);
    /**
     * Something went wrong after the call that started it had returned LEAT_OK:
     * - a datagram was not sent: LEAT_E_SOCKET_BASE + EHOSTUNREACH (the name does not resolve), +
     *   ETIMEDOUT (the socket timeout), + the kernel's errno;
     * - somebody answered one with ICMP: LEAT_E_SOCKET_BASE + ECONNREFUSED (nobody listens there),
     *   + EHOSTUNREACH ...; `error->hop` is where it was sent to;
     * - the proxy does not relay, or not any more: LEAT_E_SOCKS5_... (LEAT_E_SOCKS5_RECV when the
     *   control connection ends); `closed` follows.
     */
    void (*error)(leat_udp_socket *udp, const struct leat_error *error, void *user);
    /** The queue has refused a datagram and is now at most half full. */
    void (*writable)(leat_udp_socket *udp, void *user);
    /** The end: by leat_udp_socket_close(), or because the proxy has gone. */
    void (*closed)(leat_udp_socket *udp, void *user);
};

/** Makes a socket object. Nothing is opened before leat_udp_socket_bind(). `callbacks` is copied.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, or a `size` of 0); LEAT_E_SYSTEM_INTERNAL (no memory). */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_new(leat_loop *loop,
                                                 const struct leat_udp_socket_callbacks *callbacks,
                                                 void *user, leat_udp_socket **ret_udp);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0). */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_set_callbacks(
    leat_udp_socket *udp, const struct leat_udp_socket_callbacks *callbacks, void *user);

/** Closes at once and frees; no callback comes any more. NULL is allowed. */
LEAT_API void leat_udp_socket_free(leat_udp_socket *udp);

/**
 * Opens the socket and binds it.
 *
 * @param address an IPv4 or IPv6 literal of this machine, "0.0.0.0" or "::" for any. It sets the
 *                family: an IPv6 socket carries no IPv4. Link-local addresses have their zone
 *                ("fe80::1%eth0").
 * @param port 0 = the kernel chooses one; leat_udp_socket_get_local_address().
 * @param config may be NULL for the defaults. Of it count: the proxy (one of socks5:// or
 *               socks5h://), the DNS servers, the domain policy, the limit of the send queue, the
 *               trace, and the deadlines of connect, DNS, TCP and proxy. socks5:// resolves names
 *               here, socks5h:// leaves that to the proxy. The association with the proxy is made
 *               after this call; what is sent before it stands waits in the queue.
 * @return LEAT_OK: `listening` or `closed` follows. Otherwise nothing is open, and
 *         leat_udp_socket_get_error() has the detail: LEAT_E_PARAMETER (not a literal; a proxy that
 *         carries no UDP); LEAT_E_SOCKET_BASE + EINVAL (it is bound already; link-local without a
 *         zone), + ENODEV (the zone is no interface of this machine), + errno (EADDRINUSE,
 *         EADDRNOTAVAIL, EACCES ...); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_bind(leat_udp_socket *udp, const char *address,
                                                  uint16_t port, const leat_config *config);

/**
 * Sends one datagram: at once if possible, otherwise it is copied and waits for the name, the proxy
 * or the kernel. Inside of a callback of this socket a short one to where one has just gone, or come
 * from, may wait for the end of the callback, and leave together with others. Never blocks. Datagrams to one destination leave in the order of the calls.
 *
 * @param data may be NULL if `len` is 0: an empty datagram.
 * @param address an IPv4 or IPv6 literal, or a name, which is resolved anew for each datagram. IPv4
 *                within IPv6 (RFC 4291 section 2.5.5.2) is IPv4.
 * @param port not 0.
 * @return LEAT_OK: handed to the kernel, or queued; then a failure comes as `error`. Otherwise
 *         nothing is sent, and leat_udp_socket_get_error() has the detail: LEAT_E_PARAMETER;
 *         LEAT_E_SOCKET_BASE + EBADF (not bound, or closed), + EMSGSIZE (more than 65,507 bytes, over
 *         IPv6 65,527, with the header of a relay), + EAFNOSUPPORT (the literal is not of the family
 *         that the socket is bound to), + ENODEV (the zone is no interface of this machine),
 *         + EAGAIN (the queue is full; `writable` follows), + the
 *         kernel's errno (ENETUNREACH, EACCES for a broadcast address ...); LEAT_E_SOCKS5_SERIALIZE
 *         (through a proxy: port 0, or a name that is empty or longer than 255 bytes);
 *         LEAT_E_WS_DOMAIN (the domain policy); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_send(leat_udp_socket *udp, const void *data,
                                                  size_t len, const char *address, uint16_t port);

/** Closes the socket and the association with the proxy; what is queued is dropped. `closed` follows.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (not bound, or closed). */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_close(leat_udp_socket *udp);

/** is_connected is always false. */
LEAT_API void leat_udp_socket_get_state(const leat_udp_socket *udp,
                                        struct leat_socket_state *ret_state);

/** The descriptor, -1 if the socket is not open. Stays the socket's: do not close it and do not read
 * from it. */
LEAT_API int leat_udp_socket_get_socket_fd(const leat_udp_socket *udp);

/** The address and port that the socket is bound to.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (not bound, or closed); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_get_local_address(
    const leat_udp_socket *udp, struct leat_net_address *ret_address);

/** Why the last call that was refused was so, or what ended the association; code LEAT_OK if nothing
 * did. */
LEAT_API void leat_udp_socket_get_error(const leat_udp_socket *udp, struct leat_error *ret_error);

/** Bytes of datagrams that wait to be sent. */
LEAT_API size_t leat_udp_socket_get_buffered_bytes(const leat_udp_socket *udp);

/** What was received through a proxy and not delivered, since the socket was bound. */
struct leat_udp_drops {
    uint64_t wrong_source; /**< not from the relay */
    uint64_t malformed;    /**< no header of RFC 1928 section 7, or not protected as agreed on */
    uint64_t fragments;    /**< FRAG is not 0; this client puts none together */
};

/** Counts what was dropped. */
LEAT_API void leat_udp_socket_get_drops(const leat_udp_socket *udp,
                                        struct leat_udp_drops *ret_drops);

/* ---- extra options ------------------------------------------------------------------------- */

/** What can be set of a UDP socket (UDPExtraOptions). All zero (but for `size`) = the defaults. */
struct leat_udp_extra_options {
    /** sizeof(struct leat_udp_extra_options) */
    size_t size;
    uint32_t receive_buffer_size; /**< bytes of SO_RCVBUF; 0 = the kernel's choice */
    uint32_t send_buffer_size;    /**< bytes of SO_SNDBUF; 0 = the kernel's choice */
    bool reuse_address;           /**< several sockets may bind one port; counts at bind */
    /** How long a datagram may wait to leave, whatever for; then `error` reports it with ETIMEDOUT.
     * For datagrams sent from now on. 0 = for ever. */
    uint32_t socket_timeout_ms;
    bool broadcast; /**< datagrams may go to broadcast addresses */
};

/**
 * Allows UDP where there are several proxies. The last of them must be one of SOCKS5; the control
 * connection to it goes through those before it, but the datagrams cannot: they go from this machine
 * straight to the relay, past the proxies before the last one, which learns this machine's address.
 * So it is not done unless a program says so; a firewall that lets nothing but those proxies out stops
 * it, too. A relay that is 0.0.0.0 or :: (where the proxy is) needs a last proxy whose address is
 * known here: a literal, or a name behind socks5:// or the like. Default false.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_udp_past_proxies(leat_config *config, bool allowed);

/**
 * Sets the extra options: of the open socket, and of those to come. A whole set is given each time.
 * Buffer sizes, once set, stay with an open socket. After a refusal leat_udp_socket_bind() is
 * refused as well, with its code, until this has succeeded.
 *
 * @return LEAT_OK; otherwise they are as before: LEAT_E_PARAMETER (NULL, `size` 0, a buffer above
 *         INT_MAX), LEAT_E_SOCKET_BASE + errno of setsockopt(2).
 */
LEAT_API LEAT_MUST_CHECK int leat_udp_socket_set_extra_options(
    leat_udp_socket *udp, const struct leat_udp_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_udp_socket_get_extra_options(const leat_udp_socket *udp,
                                                struct leat_udp_extra_options *ret_options);

/* ---- multicast ----------------------------------------------------------------------------- */

/** A UDP socket that takes part in groups: the same object, and every function above serves it. */
typedef leat_udp_socket leat_multicast_socket;

/**
 * Joins a group. A socket that is not bound yet is bound first: to any address of the group's family
 * and `port`, with reuse_address on and without a proxy.
 *
 * @param group an IPv4 or IPv6 multicast literal.
 * @param port not looked at if the socket is bound.
 * @param interface the name of the interface to join on; NULL = the one that the zone of the group
 *                  names ("ff02::1%eth0"), or else the kernel's choice.
 * @return LEAT_OK; LEAT_E_PARAMETER (not a multicast literal); LEAT_E_SOCKET_BASE + EAFNOSUPPORT (not
 *         of the socket's family), + EOPNOTSUPP (the socket goes through a proxy), + ENODEV (no such
 *         interface), + EADDRINUSE (joined already), + errno; as leat_udp_socket_bind().
 */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_add_membership(leat_multicast_socket *multicast,
                                                                  const char *group, uint16_t port,
                                                                  const char *interface);
/** Leaves a group. @return as leat_multicast_socket_add_membership(); LEAT_E_SOCKET_BASE + EBADF (not
 * bound, or closed), + EADDRNOTAVAIL (not joined). */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_drop_membership(leat_multicast_socket *multicast,
                                                                   const char *group,
                                                                   const char *interface);

/* Allowed at any time: before bind they are kept and applied by it, and they stay for the next one. After a
 * refusal of a setter bind, and joining a group before bind, are refused as well, with its code, until
 * that setter has succeeded. */

/** How many routers a multicast datagram may pass, 0 to 255; 0 = it stays on this machine, 1 = on the
 * local network (default). TTL of IPv4, hop limit of IPv6.
 * @return LEAT_OK; LEAT_E_PARAMETER; LEAT_E_SOCKET_BASE + errno. */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_set_multicast_ttl(
    leat_multicast_socket *multicast, int ttl);
/** What leat_multicast_socket_set_multicast_ttl() has set. @return the same codes. */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_get_multicast_ttl(
    const leat_multicast_socket *multicast, int *ret_ttl);
/** Whether this machine receives what it sends to groups that it has joined. Default true.
 * @return LEAT_OK; LEAT_E_PARAMETER; LEAT_E_SOCKET_BASE + errno. */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_set_loopback_mode(
    leat_multicast_socket *multicast, bool loopback);
/** What leat_multicast_socket_set_loopback_mode() has set. @return the same codes. */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_get_loopback_mode(
    const leat_multicast_socket *multicast, bool *ret_loopback);
/** The interface that multicast datagrams leave by; NULL = the kernel's choice (default).
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + ENODEV (no such interface), + errno. */
LEAT_API LEAT_MUST_CHECK int leat_multicast_socket_set_multicast_interface(
    leat_multicast_socket *multicast, const char *interface);

#ifdef __cplusplus
}
#endif

#endif

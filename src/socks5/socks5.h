/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * SOCKS5 CONNECT and UDP ASSOCIATE (RFC 1928) with user name and password (RFC 1929) and GSS-API
 * (RFC 1961), as a layer.
 */
#ifndef LEATI_SOCKS5_SOCKS5_H
#define LEATI_SOCKS5_SOCKS5_H

#include <leat/proxy_auth.h>

#include "core/layer.h"
#include "socks5/socks5_address.h"

enum leati_socks5_command {
    LEATI_SOCKS5_CONNECT,
    /** The connection below stays open and carries nothing more: it stands for the association
     * (RFC 1928 section 6). The layer still passes bytes through. */
    LEATI_SOCKS5_UDP_ASSOCIATE,
};

/** How many round trips the exchange takes. Proxies that take one recv() for one message are in
 * wide use and hang with anything but LOCK_STEP. */
enum leati_socks5_pipelining {
    LEATI_SOCKS5_LOCK_STEP, /**< each message waits for the reply to the one before */
    /** All messages in one write. Then only one method is offered, since what follows depends on
     * it: the password if there is one. */
    LEATI_SOCKS5_PIPELINED,
    /** The same, and the layer is OPEN as soon as they are sent: the upper layer's first bytes
     * leave behind them. The replies are read by recv, which then records what connect would have.
     */
    LEATI_SOCKS5_OPTIMISTIC,
};

struct leati_gss;

struct leati_socks5_options {
    enum leati_socks5_command command;
    enum leati_socks5_pipelining pipelining;
    /** Of CONNECT. The destination: a name for the proxy to resolve, or an IPv4/IPv6 literal, which
     * goes out as such. Brackets, the zone of an IPv6 literal and one final dot are not sent. */
    const char *host;
    uint16_t port;
    /** NULL or "" = offer no authentication only. Copied, wiped when the layer goes. */
    const char *user;
    const char
        *password; /**< NULL = an empty one: whether that is enough is the proxy's decision */
    /** The user does more than to log in, so a proxy that lets everybody in must hear of it as well:
     * "no authentication" is not offered. */
    bool requires_user;
    uint32_t step_timeout_ms; /**< for each reply; 0 = none but limit_ms */
    /** Offers GSS-API, if not NULL; then the messages go in lock-step. A new context, which wakes whoever
     * drives the layers when it is ready. Taken, also where there is no layer in the end. */
    struct leati_gss *gss;
    /** From INTEGRITY on nothing but GSS-API is offered. */
    enum leat_socks5_protection protection;
    /** The layer below, of gss_protection.h, which is told what to do; NULL = there is none, and no
     * protection can be agreed on. Borrowed. */
    struct leati_layer *protection_layer;
};

/**
 * Makes the layer; `options` and what they point to are copied.
 *
 * What connect records when it fails (native code 0 unless said; every text names the step):
 *  - LEAT_E_SOCKS5_AUTH: the proxy refused user name and password (native code = status of RFC
 * 1929), or demands them and there are none; GSS-API has no ticket for it (native code = the
 * library's minor status; errno ETIMEDOUT where a KDC is away), or the proxy does not take it;
 *  - LEAT_E_SOCKS5_CONNECT_REMOTE: native code = REP, told as soon as REP has come;
 *  - LEAT_E_SOCKS5_METHOD: native code = the method byte, 0xff or one that was not offered; or the
 * level of protection that the proxy grants, and that is less than what is wanted;
 *  - LEAT_E_SOCKS5_SEND, LEAT_E_SOCKS5_RECV: the lower layer failed (its errno kept), the proxy
 *    closed before a reply began, or the deadline came (errno ETIMEDOUT);
 *  - LEAT_E_SOCKS5_DESERIALIZE: a reply that breaks the protocol, or ends too early.
 *
 * @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE (recorded in `failure` with a text that names the
 *         culprit); LEAT_E_SYSTEM_INTERNAL (no memory, recorded).
 */
int leati_socks5_layer_new(const struct leati_socks5_options *options,
                           struct leati_failure *failure, struct leati_layer **ret_layer);

/** BND of the reply to UDP ASSOCIATE: the relay, with a port. The layer is OPEN. */
const struct leati_socks5_address *leati_socks5_layer_bound(const struct leati_layer *layer);

/** The layer that protects its messages, and the datagrams of its association, of gss_protection.h; NULL =
 * that was not agreed on. The layer is OPEN. */
struct leati_layer *leati_socks5_layer_protection(const struct leati_layer *layer);

/** Whether RFC 1929 can carry them: a user name of 1 to 255 bytes with a password of at most 255,
 * or neither. @return LEAT_OK or LEAT_E_SOCKS5_SERIALIZE, recorded. */
int leati_socks5_check_credentials(const char *user, const char *password,
                                   struct leati_failure *failure);

/** The name of a REP byte ("connection refused"); "reply 0x42" style numbers are the caller's:
 * NULL for an unknown byte. */
const char *leati_socks5_reply_name(uint8_t rep);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * SOCKS4 and SOCKS4A CONNECT as a layer, as Ying-Da Lee's two papers have them: one request with a
 * user id, one answer of eight bytes. IPv4 only; SOCKS4A also carries a name.
 */
#ifndef LEATI_SOCKS5_SOCKS4_H
#define LEATI_SOCKS5_SOCKS4_H

#include "core/layer.h"

struct leati_socks4_options {
    /** The destination: an IPv4 literal, or with `carries_names` a name for the proxy to resolve.
     * One final dot of a name is not sent. */
    const char *host;
    uint16_t port;
    bool carries_names; /**< SOCKS4A */
    bool optimistic;    /**< the upper layer's first bytes leave behind the request */
    const char *user;   /**< the user id; NULL or "" = an empty one. Copied, wiped with the layer */
    const char *password;     /**< SOCKS4 has none: anything but NULL or "" is refused */
    uint32_t step_timeout_ms; /**< for the answer; 0 = none but limit_ms */
};

/**
 * Makes the layer; `options` and what they point to are copied.
 *
 * What connect records when it fails (native code 0 unless said):
 *  - LEAT_E_SOCKS5_AUTH: the proxy refused the user id (native code 92 or 93);
 *  - LEAT_E_SOCKS5_CONNECT_REMOTE: native code = what it answered instead of 90, mostly 91;
 *  - LEAT_E_SOCKS5_SEND, LEAT_E_SOCKS5_RECV: the lower layer failed (its errno kept), the proxy
 *    closed before an answer began, or the deadline came (errno ETIMEDOUT);
 *  - LEAT_E_SOCKS5_DESERIALIZE: an answer that is none of SOCKS4, or ends too early.
 *
 * @return LEAT_OK; LEAT_E_SOCKS5_SERIALIZE (recorded in `failure` with a text that names the
 *         culprit); LEAT_E_SYSTEM_INTERNAL (no memory, recorded).
 */
int leati_socks4_layer_new(const struct leati_socks4_options *options,
                           struct leati_failure *failure, struct leati_layer **ret_layer);

/** Whether SOCKS4 can carry them: a user id of at most 255 bytes, no password.
 * @return LEAT_OK or LEAT_E_SOCKS5_SERIALIZE, recorded. */
int leati_socks4_check_credentials(const char *user, const char *password,
                                   struct leati_failure *failure);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * URLs (RFC 3986 by uriparser, hosts by RFC 5891 through libidn2): ws and wss origins, proxies.
 *
 * The only folder that sees uriparser and libidn2.
 */
#ifndef LEATI_URL_URL_H
#define LEATI_URL_URL_H

#include "core/failure.h"

/** The longest URL that is accepted, in bytes. */
#define LEATI_URL_MAX_BYTES 8192

struct leati_url {
    char *scheme;      /**< lower case */
    char *host;        /**< lower case, IDNA A-labels, no final dot, no brackets; with a zone */
    uint16_t port;     /**< the scheme's default if none was given */
    bool default_port; /**< the port is the scheme's default */
    bool host_is_ipv6;
    bool host_is_absolute; /**< a name that had a final dot: no search list applies */
    char *target;   /**< origin-form of RFC 9112 section 3.2.1: path and query, at least "/" */
    char *user;     /**< percent-decoded, NULL if absent */
    char *password; /**< percent-decoded, NULL if absent; wiped by done */
    /** Of a proxy behind a local socket: its path, or "@" and an abstract name; host and port mean
     * nothing then. NULL = none. */
    char *unix_path;
};

/** ws:// and wss:// URLs: scheme in any case, a host, a port from 1 to 65535 or none (an empty one
 * is none, RFC 3986 section 3.2.3), no user info, no fragment. The host may be in UTF-8, everywhere
 * else what is not printable ASCII must be percent-encoded. A text quotes the URL without its
 * query.
 * @return LEAT_OK; LEAT_E_WS_URL, recorded
 * with what is wrong; LEAT_E_SYSTEM_INTERNAL. */
int leati_url_parse_websocket(const char *text, struct leati_failure *failure,
                              struct leati_url *ret_url);

/** socks5://, socks5h://, socks4:// and socks4a:// (default port 1080), http:// (80) and https://
 * (443); socks:// is socks5h://. No path but "/", no query, no fragment. With "+unix:" and a path
 * behind the scheme: url/local_url.h.
 * @return LEAT_OK; LEAT_E_PARAMETER, recorded (the text never shows the password);
 *         LEAT_E_SYSTEM_INTERNAL. */
int leati_url_parse_proxy(const char *text, struct leati_failure *failure,
                          struct leati_url *ret_url);

void leati_url_done(struct leati_url *url);

/**
 * Where a redirect leads: `reference` (of a Location field) seen from `base`, by RFC 3986 section
 * 5; http and https become ws and wss, a fragment is dropped. Freed by the caller; not checked
 * further.
 * @return LEAT_OK; recorded: LEAT_E_WS_URL (not a URI reference), LEAT_E_SYSTEM_INTERNAL.
 */
int leati_url_resolve_redirect(const struct leati_url *base, const char *reference,
                               struct leati_failure *failure, char **ret_text);

/** Whether it has this scheme, in lower case. */
bool leati_url_is_scheme(const struct leati_url *url, const char *scheme);
/** socks5:// or socks5h://. */
bool leati_url_is_socks5(const struct leati_url *url);
/** socks4:// or socks4a://. */
bool leati_url_is_socks4(const struct leati_url *url);
/** One of these four. */
bool leati_url_is_socks(const struct leati_url *url);

#endif
